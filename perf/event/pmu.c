#include "perf/event/pmu.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

enum { TERMS_MAX = 4096, ALIAS_DEPTH = 4, TERM_MAX = 128 };

/* What is being parsed. */
struct pmu {
	const struct plait_event_roots *roots;
	const char *text; /* the whole event, for errors */
	int text_length;
	char name[64];
	struct plait_event_spec *spec;
};

static const char *const devices = "bus/event_source/devices";

/* Reads the first line of ROOT/bus/event_source/devices/PMU/FILE, without its end. */
static bool read_line(const struct plait_event_roots *roots, const char *pmu, const char *file, char *ret, int size)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s/%s/%s", roots->sysfs, devices, pmu, file);
	FILE *stream PLAIT_FCLOSE = fopen(path, "re");
	if (!stream || !fgets(ret, size, stream))
		return false;
	ret[strcspn(ret, "\n")] = '\0';
	return true;
}

bool plait_pmu_is(const char *text, const char **ret_rest)
{
	const char *slash = strchr(text, '/');
	const char *end = slash ? strchr(slash + 1, '/') : NULL;
	if (!end || slash == text || memchr(text, ':', (size_t)(slash - text)))
		return false;
	*ret_rest = end + 1;
	return true;
}

static struct plait_error *refuse(const struct pmu *pmu, const char *why, const char *what)
{
	return plait_error_new(PLAIT_ERROR_USAGE, "event '%.*s': %s '%.60s'", pmu->text_length, pmu->text, why, what);
}

/* --- names there are --- */

static bool is_event_file(const char *name)
{
	return name[0] != '.' && !strchr(name, '.');
}

static void each_event(const struct plait_event_roots *roots, const char *pmu,
		       void (*visit)(void *context, const char *pmu, const char *event), void *context)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s/%s/events", roots->sysfs, devices, pmu);
	DIR *folder = opendir(path);
	if (!folder)
		return;
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (is_event_file(entry->d_name))
			visit(context, pmu, entry->d_name);
	}
	closedir(folder);
}

void plait_pmu_each(const struct plait_event_roots *roots,
		    void (*visit)(void *context, const char *pmu, const char *event), void *context)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", roots->sysfs, devices);
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			visit(context, entries[i]->d_name, NULL);
			each_event(roots, entries[i]->d_name, visit, context);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static void put_pmu(void *context, const char *pmu, const char *event)
{
	FILE *out = context;
	if (!event)
		fprintf(out, "%s%s", ftell(out) ? ", " : "", pmu);
}

static struct plait_error *no_such_pmu(const struct pmu *pmu)
{
	char *names = NULL;
	size_t size;
	FILE *out = open_memstream(&names, &size);
	if (!out)
		return plait_error_no_memory();
	plait_pmu_each(pmu->roots, put_pmu, out);
	fclose(out);
	bool cpu = strcmp(pmu->name, "cpu") == 0;
	struct plait_error *error = plait_error_new(cpu ? PLAIT_ERROR_UNSUPPORTED : PLAIT_ERROR_USAGE,
						    "event '%.*s': this machine has no PMU '%s'%s", pmu->text_length,
						    pmu->text, pmu->name, cpu ? ", its processor counts nothing" : "");
	error = plait_error_advise(error, "it has: %s", names && *names ? names : "none");
	free(names);
	return error;
}

struct offering {
	struct plait_nearest nearest;
	const char *pmu;
};

static void offer_event(void *context, const char *pmu, const char *event)
{
	struct offering *offering = context;
	if (event && strcmp(pmu, offering->pmu) == 0)
		plait_nearest_offer(&offering->nearest, event);
}

static struct plait_error *no_such_term(const struct pmu *pmu, const char *key)
{
	struct offering offering = { .nearest = { .name = key, .length = strlen(key) }, .pmu = pmu->name };
	plait_pmu_each(pmu->roots, offer_event, &offering);
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s/%s/format", pmu->roots->sysfs, devices, pmu->name);
	DIR *folder = opendir(path);
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		if (is_event_file(entry->d_name))
			plait_nearest_offer(&offering.nearest, entry->d_name);
	}
	if (folder)
		closedir(folder);
	return plait_nearest_advise(&offering.nearest, refuse(pmu, "its PMU has no event and no term", key),
				    "plait list shows what there is");
}

/* --- terms --- */

static bool parse_value(const char *text, uint64_t *ret)
{
	char *end;
	errno = 0;
	if (*text < '0' || *text > '9')
		return false;
	*ret = strtoull(text, &end, 0);
	return !errno && !*end;
}

/* Where a term's format says that it is kept. */
static uint64_t *word_of(struct plait_event_spec *spec, const char *format, const char **ret_bits)
{
	uint64_t *words[] = { &spec->config, &spec->config1, &spec->config2, &spec->config3 };
	static const char *const names[] = { "config:", "config1:", "config2:", "config3:" };
	for (size_t i = 0; i < 4; i++) {
		size_t length = strlen(names[i]);
		if (strncmp(format, names[i], length) == 0) {
			*ret_bits = format + length;
			return words[i];
		}
	}
	return NULL;
}

/* Puts the value's bits, lowest first, where the format has them: "0-7,32-35". */
static struct plait_error *put_bits(const struct pmu *pmu, const char *key, const char *format, uint64_t value)
{
	const char *bits;
	uint64_t *word = word_of(pmu->spec, format, &bits), mask = 0, left = value, set = 0;
	while (word && *bits) {
		char *end;
		unsigned long first = strtoul(bits, &end, 10), last = first;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (end == bits || first > last || last > 63 || (*end && *end != ','))
			word = NULL;
		for (unsigned long bit = first; word && bit <= last; bit++, left >>= 1) {
			mask |= UINT64_C(1) << bit;
			set |= (left & 1) << bit;
		}
		bits = *end ? end + 1 : end;
	}
	if (!word)
		return refuse(pmu, "the kernel describes in a way that plait does not know its term", key);
	if (left)
		return refuse(pmu, "the value is too large for its term", key);
	*word = (*word & ~mask) | set;
	return NULL;
}

/* config=, period= and the like, which every PMU has. */
static bool common_term(const struct pmu *pmu, const char *key, uint64_t value)
{
	struct plait_event_spec *spec = pmu->spec;
	const struct {
		const char *key;
		uint64_t *to;
	} words[] = { { "config", &spec->config },   { "config1", &spec->config1 }, { "config2", &spec->config2 },
		      { "config3", &spec->config3 }, { "period", &spec->period },   { "freq", &spec->frequency } };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].key, key) != 0)
			continue;
		*words[i].to = value;
		spec->has_rate |= i >= 4 && value;
		return true;
	}
	return false;
}

static struct plait_error *parse_terms(struct pmu *pmu, char *terms, int depth);

/* A term without a value: the name of an event of the PMU, or a flag of its format. */
static struct plait_error *bare_term(struct pmu *pmu, const char *key, int depth)
{
	char file[TERM_MAX + 32], line[TERMS_MAX], number[64];
	if (strchr(key, '/') || strchr(key, '.'))
		return no_such_term(pmu, key);
	snprintf(file, sizeof(file), "events/%s", key);
	if (read_line(pmu->roots, pmu->name, file, line, sizeof(line))) {
		if (strchr(line, '?'))
			return refuse(pmu, "needs values for the parameters of", key);
		if (depth == ALIAS_DEPTH)
			return refuse(pmu, "the kernel describes by itself", key);
		snprintf(file, sizeof(file), "events/%s.scale", key);
		if (read_line(pmu->roots, pmu->name, file, number, sizeof(number)))
			pmu->spec->scale = strtod(number, NULL);
		snprintf(file, sizeof(file), "events/%s.unit", key);
		if (read_line(pmu->roots, pmu->name, file, number, sizeof(number)))
			snprintf(pmu->spec->unit_name, sizeof(pmu->spec->unit_name), "%.15s", number);
		return parse_terms(pmu, line, depth + 1);
	}
	snprintf(file, sizeof(file), "format/%s", key);
	if (!read_line(pmu->roots, pmu->name, file, line, sizeof(line)))
		return no_such_term(pmu, key);
	return put_bits(pmu, key, line, 1);
}

static struct plait_error *parse_term(struct pmu *pmu, char *term, int depth)
{
	char *equals = strchr(term, '='), file[TERM_MAX + 32], format[256];
	uint64_t value;
	if (!*term || strlen(term) >= TERM_MAX)
		return refuse(pmu, "has no term", term);
	if (!equals)
		return bare_term(pmu, term, depth);
	*equals++ = '\0';
	if (strcmp(term, "name") == 0) {
		if (!*equals)
			return refuse(pmu, "has an empty term", term);
		snprintf(pmu->spec->name, sizeof(pmu->spec->name), "%s", equals);
		return NULL;
	}
	if (!parse_value(equals, &value))
		return refuse(pmu, "is no number", equals);
	if (common_term(pmu, term, value))
		return NULL;
	snprintf(file, sizeof(file), "format/%s", term);
	if (strchr(term, '/') || strchr(term, '.') || !read_line(pmu->roots, pmu->name, file, format, sizeof(format)))
		return no_such_term(pmu, term);
	return put_bits(pmu, term, format, value);
}

static struct plait_error *parse_terms(struct pmu *pmu, char *terms, int depth)
{
	for (char *term; (term = strsep(&terms, ","));)
		PLAIT_TRY(parse_term(pmu, term, depth));
	return NULL;
}

struct plait_error *plait_pmu_parse(const struct plait_event_roots *roots, const char *text, size_t length,
				    struct plait_event_spec *spec)
{
	struct pmu pmu = {
		.roots = roots, .text = text, .text_length = length > 200 ? 200 : (int)length, .spec = spec
	};
	const char *slash = strchr(text, '/');
	size_t name = (size_t)(slash - text), size = length - name - 2;
	char terms[TERMS_MAX], type[32];
	uint64_t number;
	if (name >= sizeof(pmu.name) || size >= sizeof(terms))
		return plait_error_new(PLAIT_ERROR_USAGE, "event '%.60s...' is too long", text);
	memcpy(pmu.name, text, name);
	memcpy(terms, slash + 1, size);
	terms[size] = '\0';
	if (pmu.name[0] == '.' || !read_line(roots, pmu.name, "type", type, sizeof(type)) ||
	    !parse_value(type, &number) || number > UINT32_MAX)
		return no_such_pmu(&pmu);
	spec->kind = PLAIT_EVENT_PMU;
	spec->type = (uint32_t)number;
	return size ? parse_terms(&pmu, terms, 0) : NULL;
}
