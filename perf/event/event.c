#include "perf/event/event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "perf/event/breakpoint.h"
#include "perf/event/core_pmu.h"
#include "perf/event/names.h"
#include "perf/event/pfm.h"
#include "perf/event/pmu.h"
#include "perf/event/probe.h"
#include "perf/event/rate.h"
#include "perf/event/tracefs.h"

#define DEFAULT_FREQUENCY 999 /* not a divisor of a second: less likely to run in step with a periodic program */

static const struct plait_event_roots host_roots = { .sysfs = "/sys" };

static void offer_pmu_event(void *context, const char *pmu, const char *event)
{
	char name[2 * PLAIT_NEAREST_NAME_SIZE];
	snprintf(name, sizeof(name), "%.60s/%.60s/", pmu, event ? event : "");
	if (event)
		plait_nearest_offer(context, name);
}

/* `length` bytes of `text` are the name without modifiers, `tracefs` says why there are no tracepoints (or NULL). */
static struct plait_error *unknown_name(const struct plait_event_roots *roots, const char *text, size_t length,
					const struct plait_error *tracefs)
{
	int shown = (int)(strchr(text, ':') ? 200 : length > 60 ? 60 : length);
	const char *colon = strchr(text, ':'), *other = plait_pfm_elsewhere(text);
	if (other)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED,
							  "event '%.*s' is one of another processor (%s, for one)",
							  shown, text, other),
					  "plait list shows what this processor counts");
	if (tracefs && colon && colon[1] && !strchr(colon + 1, ':') && strspn(colon + 1, "ukhp") != strlen(colon + 1))
		return plait_error_advise(plait_error_new(tracefs->code, "event '%.200s': %s", text, tracefs->message),
					  "%s", tracefs->advice ? tracefs->advice : "run as root");
	struct plait_nearest nearest = { .name = text, .length = length };
	plait_event_names_offer(&nearest);
	plait_pmu_each(roots, offer_pmu_event, &nearest);
	plait_pfm_offer(&nearest);
	struct plait_nearest whole = nearest;
	whole.length = strlen(text);
	struct plait_tracefs open;
	struct plait_error *none = colon ? plait_tracefs_open(roots, &open) : NULL;
	if (colon && !none) {
		plait_tracefs_offer(&open, &whole);
		plait_tracefs_close(&open);
		nearest = whole;
	}
	plait_error_free(none);
	return plait_nearest_advise(
		&nearest, plait_error_new(PLAIT_ERROR_USAGE, "there is no event '%.*s'", shown, text),
		"events are, for example, cpu-clock, page-faults, context-switches, cycles, cache-misses; plait list "
		"shows them all");
}

/* "u", "k", "h" name what is counted (what is not named is excluded); each "p" asks for less skid. */
struct plait_error *plait_event_modify(struct plait_event_spec *spec, const char *text, const char *modifiers,
				       size_t length)
{
	bool user = false, kernel = false, hypervisor = false;
	if (length == 0)
		return plait_error_new(PLAIT_ERROR_USAGE, "event '%s' has no modifier after its colon", text);
	for (size_t i = 0; i < length; i++) {
		switch (modifiers[i]) {
		case 'u':
			user = true;
			break;
		case 'k':
			kernel = true;
			break;
		case 'h':
			hypervisor = true;
			break;
		case 'p':
			if (++spec->precise <= 3)
				break;
			return plait_error_new(PLAIT_ERROR_USAGE, "event '%s' has more than three modifiers p", text);
		default:
			return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE,
								  "event '%s' has an unknown modifier '%c'", text,
								  modifiers[i]),
						  "modifiers are u (user), k (kernel), h (hypervisor), p, pp, ppp "
						  "(precise)");
		}
	}
	if (user || kernel || hypervisor) {
		spec->exclude_user = !user;
		spec->exclude_kernel = !kernel;
		spec->exclude_hypervisor = !hypervisor;
	}
	if (spec->precise && spec->kind != PLAIT_EVENT_HARDWARE && spec->kind != PLAIT_EVENT_PMU)
		return plait_error_new(PLAIT_ERROR_USAGE,
				       "event '%s' is counted by the kernel: modifier p is for hardware events", text);
	return NULL;
}

static enum plait_event_unit unit_of(uint32_t type, uint64_t config)
{
	bool clock =
		type == PERF_TYPE_SOFTWARE && (config == PERF_COUNT_SW_CPU_CLOCK || config == PERF_COUNT_SW_TASK_CLOCK);
	return clock ? PLAIT_EVENT_UNIT_NS : PLAIT_EVENT_UNIT_COUNT;
}

/* A name that the kernel's own tables have, or a raw code, up to the first colon. */
static bool find_generic(const char *text, size_t length, struct plait_event_spec *spec)
{
	if (!plait_event_name_find(text, length, &spec->type, &spec->config))
		return false;
	spec->kind = spec->type == PERF_TYPE_SOFTWARE ? PLAIT_EVENT_SOFTWARE
		     : spec->type == PERF_TYPE_RAW    ? PLAIT_EVENT_PMU
						      : PLAIT_EVENT_HARDWARE;
	spec->unit = unit_of(spec->type, spec->config);
	return true;
}

/* SYSTEM:NAME[:MODIFIERS]. `*ret_why` says why tracepoints cannot be looked up at all, else NULL. */
static struct plait_error *find_tracepoint(const struct plait_event_roots *roots, const char *text,
					   struct plait_event_spec *spec, bool *ret_found, struct plait_error **ret_why)
{
	char system[64], name[128];
	int length = 0;
	*ret_found = false;
	*ret_why = NULL;
	if (sscanf(text, "%63[^:/ ]:%127[^:/ ]%n", system, name, &length) != 2)
		return NULL;
	struct plait_tracefs tracefs;
	*ret_why = plait_tracefs_open(roots, &tracefs);
	if (*ret_why)
		return NULL;
	*ret_found = plait_tracefs_id(&tracefs, system, name, &spec->config);
	int err = errno;
	plait_tracefs_close(&tracefs);
	if (!*ret_found && err == EACCES)
		return plait_error_advise(plait_error_system(err, "tracepoint %s", text),
					  "tracepoints are read by root only");
	if (!*ret_found && strpbrk(name, "*?["))
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE, "event '%.200s' is a pattern: one event has one name", text),
			"plait list %s shows the tracepoints of %s", system, system);
	if (!*ret_found)
		return NULL;
	spec->kind = PLAIT_EVENT_TRACEPOINT;
	spec->type = PERF_TYPE_TRACEPOINT;
	if (!text[length])
		return NULL;
	return plait_event_modify(spec, text, text + length + 1, strlen(text + length + 1));
}

/* libpfm4 knows modifiers of its own; p, pp and ppp are perf's, and come last. */
static struct plait_error *find_by_libpfm(const char *text, struct plait_event_spec *spec, bool *ret_found)
{
	struct plait_error *wrong PLAIT_CLEANUP(plait_error_cleanup) = NULL, *also = NULL;
	enum plait_pfm_result result = plait_pfm_parse(text, spec, &wrong);
	const char *colon = strrchr(text, ':');
	*ret_found = result == PLAIT_PFM_FOUND;
	if (*ret_found || !colon || !colon[1] || colon[1 + strspn(colon + 1, "ukhp")])
		return *ret_found || result == PLAIT_PFM_UNKNOWN ? NULL : PLAIT_TAKE(wrong);
	char *bare PLAIT_FREE = strndup(text, (size_t)(colon - text));
	if (!bare)
		return plait_error_no_memory();
	result = plait_pfm_parse(bare, spec, &also);
	*ret_found = result == PLAIT_PFM_FOUND;
	if (result != PLAIT_PFM_FOUND)
		return also;
	return plait_event_modify(spec, text, colon + 1, strlen(colon + 1));
}

static struct plait_error *find_named(const struct plait_event_roots *roots, const char *text,
				      struct plait_event_spec *spec)
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	if (length == 0)
		return plait_error_new(PLAIT_ERROR_USAGE, "the name of an event is empty");
	if (find_generic(text, length, spec))
		return colon ? plait_event_modify(spec, text, colon + 1, strlen(colon + 1)) : NULL;
	bool found;
	struct plait_error *tracefs PLAIT_CLEANUP(plait_error_cleanup) = NULL;
	PLAIT_TRY(find_tracepoint(roots, text, spec, &found, &tracefs));
	if (!found)
		PLAIT_TRY(find_by_libpfm(text, spec, &found));
	return found ? NULL : unknown_name(roots, text, length, tracefs);
}

static struct plait_error *find_event(const struct plait_event_roots *roots, const char *text,
				      struct plait_event_spec *spec)
{
	const char *rest;
	if (plait_breakpoint_is(text)) {
		spec->kind = PLAIT_EVENT_BREAKPOINT;
		return plait_breakpoint_parse(text, spec);
	}
	if (plait_probe_is(text))
		return plait_probe_parse(text, spec);
	if (!plait_pmu_is(text, &rest))
		return find_named(roots, text, spec);
	PLAIT_TRY(plait_pmu_parse(roots, text, (size_t)(rest - text), spec));
	rest += *rest == ':';
	return *rest ? plait_event_modify(spec, text, rest, strlen(rest)) : NULL;
}

/* The sampler's program runs at each hit of a tracepoint or probe, and cannot know which of them the kernel samples. */
static struct plait_error *check_rate(const char *text, const struct plait_event_spec *spec)
{
	bool each = spec->kind == PLAIT_EVENT_TRACEPOINT || spec->kind == PLAIT_EVENT_PROBE;
	if (!each || !spec->has_rate || spec->period == 1)
		return NULL;
	return plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED,
						  "event '%.200s': each hit of a tracepoint or probe is a sample",
						  text),
				  "leave the rate out");
}

struct plait_error *plait_event_parse_in(const struct plait_event_roots *roots, const char *text,
					 struct plait_event_spec *ret)
{
	struct plait_event_spec spec = { .leader = PLAIT_EVENT_ALONE };
	char *bare PLAIT_FREE = NULL;
	struct plait_error *error = plait_event_split_rate(text, &bare, &spec);
	if (!error)
		error = find_event(roots, bare, &spec);
	if (!error)
		error = plait_core_pmu_check(roots, text, &spec);
	if (!error)
		error = check_rate(text, &spec);
	if (!error && strlen(bare) >= sizeof(spec.name))
		error = plait_error_new(PLAIT_ERROR_USAGE, "event '%.60s...' is too long, or has too many modifiers",
					text);
	if (error) {
		free(spec.probe_path);
		return error;
	}
	if (!*spec.name) /* name= may have named it */
		memcpy(spec.name, bare, strlen(bare) + 1);
	*ret = spec;
	return NULL;
}

struct plait_error *plait_event_parse(const char *text, struct plait_event_spec *ret)
{
	return plait_event_parse_in(&host_roots, text, ret);
}

struct plait_error *plait_event_list_parse(struct plait_event_list *list, const char *text)
{
	return plait_event_list_parse_in(&host_roots, list, text);
}

/* Rare events of which each one counts: a rate would only lose some of them. */
static bool every_occurrence(const struct plait_event_spec *spec)
{
	return spec->type == PERF_TYPE_BREAKPOINT || spec->type == PERF_TYPE_TRACEPOINT ||
	       (spec->type == PERF_TYPE_SOFTWARE && spec->unit == PLAIT_EVENT_UNIT_COUNT);
}

void plait_event_set_rate(struct plait_event_spec *spec, uint64_t frequency, uint64_t period)
{
	if (spec->counting || spec->has_rate)
		return;
	if (spec->type == PERF_TYPE_TRACEPOINT) /* each hit, or none: -F and -c are for the others */
		frequency = period = 0;
	if (!frequency && !period) {
		if (every_occurrence(spec))
			period = 1;
		else
			frequency = DEFAULT_FREQUENCY;
	}
	spec->period = period;
	spec->frequency = period ? 0 : frequency;
}

bool plait_event_has_address(const struct plait_event_spec *spec)
{
	if (spec->type == PERF_TYPE_BREAKPOINT || spec->precise)
		return true;
	if (spec->type != PERF_TYPE_SOFTWARE)
		return false;
	switch (spec->config) {
	case PERF_COUNT_SW_PAGE_FAULTS:
	case PERF_COUNT_SW_PAGE_FAULTS_MIN:
	case PERF_COUNT_SW_PAGE_FAULTS_MAJ:
	case PERF_COUNT_SW_ALIGNMENT_FAULTS:
		return true;
	default:
		return false;
	}
}

void plait_event_attributes(const struct plait_event_spec *spec, struct perf_event_attr *attr)
{
	memset(attr, 0, sizeof(*attr));
	attr->size = sizeof(*attr);
	attr->type = spec->type;
	attr->config = spec->config;
	attr->config1 = spec->config1;
	attr->config2 = spec->config2;
#ifdef PERF_ATTR_SIZE_VER8
	attr->config3 = spec->config3;
#endif
	attr->exclude_user = spec->exclude_user;
	attr->exclude_kernel = spec->exclude_kernel;
	attr->exclude_hv = spec->exclude_hypervisor;
	attr->precise_ip = spec->precise;
	if (spec->type == PERF_TYPE_BREAKPOINT) {
		attr->bp_type = spec->breakpoint;
		attr->bp_addr = spec->breakpoint_address;
		attr->bp_len = spec->breakpoint_length;
	}
	if (spec->frequency) {
		attr->freq = 1;
		attr->sample_freq = spec->frequency;
	} else {
		attr->sample_period = spec->period;
	}
}

/* Some virtual machines let cycles be opened and then count nothing. */
static bool counts(int fd)
{
	for (volatile unsigned i = 0; i < 200000; i++)
		;
	uint64_t count = 0;
	return read(fd, &count, sizeof(count)) == sizeof(count) && count > 0;
}

struct plait_error *plait_event_default(struct plait_event_spec *ret, const char **ret_reason)
{
	struct plait_event_spec cycles, clock;
	PLAIT_TRY(plait_event_parse("cycles", &cycles));
	PLAIT_TRY(plait_event_parse("cpu-clock", &clock));
	struct perf_event_attr attr;
	plait_event_attributes(&cycles, &attr);
	attr.exclude_kernel = 1; /* so that the answer does not depend on rights */
	attr.exclude_hv = 1;
	int fd PLAIT_CLOSE = -1;
	struct plait_error *refusal PLAIT_CLEANUP(plait_error_cleanup) =
		plait_event_open(&cycles, &attr, 0, -1, -1, &fd);
	if (refusal && refusal->code == PLAIT_ERROR_NO_MEMORY)
		return PLAIT_TAKE(refusal);
	if (!refusal && counts(fd)) {
		*ret = cycles;
		*ret_reason = NULL;
		return NULL;
	}
	*ret = clock;
	*ret_reason = !refusal					? "this machine's PMU does not count"
		      : refusal->code == PLAIT_ERROR_PERMISSION ? "perf events are refused"
								: "this machine has no PMU";
	return NULL;
}
