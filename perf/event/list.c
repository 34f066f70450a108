/* What -e takes: events, comma-separated, and groups of them in braces. docs/events.md has the grammar. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "perf/event/breakpoint.h"
#include "perf/event/probe.h"
#include "perf/event/roots.h"
#include "perf/event/tracefs.h"

enum { MEMBERS_MAX = 64 };

struct parser {
	const struct plait_event_roots *roots;
	struct plait_event_list *list;
	const char *text, *at;
};

/* Where the event at `text` ends: at a comma, or at the brace that ends its group. Paths and terms may have commas in
 * between: PMU/term,term/. */
static const char *event_end(const char *text, bool in_group)
{
	const char *stop = in_group ? ",}" : ",";
	const char *end = text + strcspn(text, stop);
	if (plait_probe_is(text) || plait_breakpoint_is(text))
		return end;
	const char *slash = memchr(text, '/', (size_t)(end - text));
	const char *second = slash ? strchr(slash + 1, '/') : NULL;
	return second ? second + strcspn(second, stop) : end;
}

static struct plait_error *add_event(struct parser *parser, bool in_group)
{
	const char *end = event_end(parser->at, in_group);
	char *text PLAIT_FREE = strndup(parser->at, (size_t)(end - parser->at));
	if (!text)
		return plait_error_no_memory();
	struct plait_event_spec spec;
	PLAIT_TRY(plait_event_parse_in(parser->roots, text, &spec));
	if (!plait_vec_push(&parser->list->specs, spec)) {
		free(spec.probe_path);
		return plait_error_no_memory();
	}
	parser->at = end;
	return NULL;
}

static struct plait_error *wrong(const struct parser *parser, const char *what)
{
	return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "'%.200s': %s", parser->text, what),
				  "groups are, for example, {cycles,instructions}:S");
}

/* S makes members counting; the others are as behind an event. */
static struct plait_error *modify_group(struct parser *parser, size_t first, const char *modifiers, size_t length)
{
	struct plait_event_spec *specs = parser->list->specs.data;
	size_t count = parser->list->specs.count;
	char others[16];
	size_t other = 0;
	bool sample = false;
	for (size_t i = 0; i < length; i++) {
		if (modifiers[i] == 'S')
			sample = true;
		else if (other < sizeof(others) - 1)
			others[other++] = modifiers[i];
	}
	others[other] = '\0';
	if (!length)
		return wrong(parser, "nothing stands behind the colon of a group");
	for (size_t i = first; i < count; i++) {
		specs[i].counting = sample && i > first;
		if (specs[i].counting && specs[i].has_rate)
			return wrong(parser, "with :S only the group's first event samples: the others have no rate");
		if (!other)
			continue;
		PLAIT_TRY(plait_event_modify(&specs[i], parser->text, others, other));
		if (strlen(specs[i].name) + other + 1 < sizeof(specs[i].name)) {
			bool slash = specs[i].name[strlen(specs[i].name) - 1] == '/';
			strcat(strcat(specs[i].name, slash ? "" : ":"), others);
		}
	}
	return NULL;
}

/* Whether the kernel can run the event's counter only when it reads it: without interrupt it never samples. */
static struct plait_error *check_leader(const struct parser *parser, const struct plait_event_spec *leader)
{
	if (leader->kind == PLAIT_EVENT_PMU && strncmp(leader->name, "msr/", 4) == 0)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE, "'%.200s': %s only counts, it cannot sample", parser->text,
					leader->name),
			"put an event that samples first, and :S behind the group: {cpu-clock,%s}:S", leader->name);
	return NULL;
}

static struct plait_error *add_group(struct parser *parser)
{
	size_t first = parser->list->specs.count;
	do {
		parser->at++; /* the brace, or a comma */
		if (*parser->at == '{')
			return wrong(parser, "a group cannot be in a group");
		if (parser->list->specs.count - first == MEMBERS_MAX)
			return wrong(parser, "a group has at most 64 events");
		PLAIT_TRY(add_event(parser, true));
	} while (*parser->at == ',');
	if (*parser->at != '}')
		return wrong(parser, "a group's closing brace is missing");
	for (size_t i = first; i < parser->list->specs.count; i++)
		parser->list->specs.data[i].leader = (uint32_t)first;
	parser->at++;
	if (*parser->at == ':') {
		size_t length = strcspn(parser->at + 1, ",");
		PLAIT_TRY(modify_group(parser, first, parser->at + 1, length));
		parser->at += 1 + length;
	}
	if (*parser->at && *parser->at != ',')
		return wrong(parser, "a comma or a colon is missing behind a group");
	return check_leader(parser, &parser->list->specs.data[first]);
}

static struct plait_error *parse_all(struct parser *parser)
{
	for (;;) {
		PLAIT_TRY(*parser->at == '{' ? add_group(parser) : add_event(parser, false));
		if (!*parser->at)
			return NULL;
		parser->at++;
	}
}

struct plait_error *plait_event_list_parse_in(const struct plait_event_roots *roots, struct plait_event_list *list,
					      const char *text)
{
	size_t before = list->specs.count;
	struct parser parser = { .roots = roots, .list = list, .text = text, .at = text };
	struct plait_error *error = parse_all(&parser);
	if (!error)
		return NULL;
	for (size_t i = before; i < list->specs.count; i++)
		free(list->specs.data[i].probe_path);
	list->specs.count = before;
	return error;
}

static bool has_probe(const struct plait_event_list *list)
{
	for (size_t i = 0; i < list->specs.count; i++) {
		if (list->specs.data[i].kind == PLAIT_EVENT_PROBE)
			return true;
	}
	return false;
}

struct plait_error *plait_event_list_prepare(struct plait_event_list *list)
{
	const struct plait_event_roots roots = { .sysfs = "/sys" };
	struct plait_tracefs tracefs;
	if (!has_probe(list))
		return NULL;
	PLAIT_TRY(plait_tracefs_open(&roots, &tracefs));
	plait_tracefs_remove_probes(&tracefs, 0);
	struct plait_error *error = NULL;
	for (size_t i = 0; !error && i < list->specs.count; i++) {
		if (list->specs.data[i].kind == PLAIT_EVENT_PROBE)
			error = plait_tracefs_add_probe(&tracefs, i, &list->specs.data[i]);
	}
	plait_tracefs_close(&tracefs);
	return error;
}

void plait_event_list_release(struct plait_event_list *list)
{
	const struct plait_event_roots roots = { .sysfs = "/sys" };
	struct plait_tracefs tracefs;
	if (has_probe(list)) {
		struct plait_error *error = plait_tracefs_open(&roots, &tracefs);
		if (!error) {
			plait_tracefs_remove_probes(&tracefs, (int)getpid());
			plait_tracefs_close(&tracefs);
		}
		plait_error_free(error);
	}
	for (size_t i = 0; i < list->specs.count; i++)
		free(list->specs.data[i].probe_path);
	plait_vec_free(&list->specs);
}
