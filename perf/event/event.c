#include "perf/event/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "perf/event/breakpoint.h"
#include "perf/event/names.h"

#define DEFAULT_FREQUENCY 999 /* not a divisor of a second: less likely to run in step with a periodic program */

static struct plait_error *unknown_name(const char *name, size_t length)
{
	char near[3][PLAIT_EVENT_NAME_MAX];
	size_t count = plait_event_name_nearest(name, length, near, 3);
	struct plait_error *error =
		plait_error_new(PLAIT_ERROR_USAGE, "there is no event '%.*s'", (int)(length > 60 ? 60 : length), name);
	switch (count) {
	case 0:
		return plait_error_advise(error, "events are, for example, cpu-clock, page-faults, context-switches, "
						 "cycles, cache-misses");
	case 1:
		return plait_error_advise(error, "did you mean %s?", near[0]);
	case 2:
		return plait_error_advise(error, "did you mean %s or %s?", near[0], near[1]);
	default:
		return plait_error_advise(error, "did you mean %s, %s or %s?", near[0], near[1], near[2]);
	}
}

/* "u", "k", "h" name what is counted (what is not named is excluded); each "p" asks for less skid. */
static struct plait_error *parse_modifiers(const char *text, const char *modifiers, size_t length,
					   struct plait_event_spec *spec)
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
	if (spec->precise && spec->type == PERF_TYPE_SOFTWARE)
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

/* Names `spec` as the user wrote it, and hands it out. */
static struct plait_error *name_event(struct plait_event_spec *spec, const char *text, struct plait_event_spec *ret)
{
	if (strlen(text) >= sizeof(spec->name))
		return plait_error_new(PLAIT_ERROR_USAGE, "event '%.60s' has too many modifiers", text);
	memcpy(spec->name, text, strlen(text) + 1);
	*ret = *spec;
	return NULL;
}

struct plait_error *plait_event_parse(const char *text, struct plait_event_spec *ret)
{
	struct plait_event_spec spec = { .leader = PLAIT_EVENT_ALONE };
	if (plait_breakpoint_is(text)) {
		PLAIT_TRY(plait_breakpoint_parse(text, &spec));
		return name_event(&spec, text, ret);
	}
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	if (length == 0)
		return plait_error_new(PLAIT_ERROR_USAGE, "the name of an event is empty");
	if (!plait_event_name_find(text, length, &spec.type, &spec.config))
		return unknown_name(text, length);
	spec.unit = unit_of(spec.type, spec.config);
	if (colon)
		PLAIT_TRY(parse_modifiers(text, colon + 1, strlen(colon + 1), &spec));
	return name_event(&spec, text, ret);
}

/* Appends the events of `names`, which it takes apart. */
static struct plait_error *append_events(struct plait_event_list *list, char *names)
{
	for (char *name; (name = strsep(&names, ","));) {
		struct plait_event_spec spec;
		PLAIT_TRY(plait_event_parse(name, &spec));
		if (!plait_vec_push(&list->specs, spec))
			return plait_error_no_memory();
	}
	return NULL;
}

struct plait_error *plait_event_list_parse(struct plait_event_list *list, const char *text)
{
	char *copy PLAIT_FREE = strdup(text);
	if (!copy)
		return plait_error_no_memory();
	size_t before = list->specs.count;
	struct plait_error *error = append_events(list, copy);
	if (error)
		list->specs.count = before;
	return error;
}

struct plait_error *plait_event_list_prepare(struct plait_event_list *list)
{
	(void)list;
	return NULL;
}

void plait_event_list_release(struct plait_event_list *list)
{
	for (size_t i = 0; i < list->specs.count; i++)
		free(list->specs.data[i].probe_path);
	plait_vec_free(&list->specs);
}

/* Rare events of which each one counts: a rate would only lose some of them. */
static bool every_occurrence(const struct plait_event_spec *spec)
{
	return spec->type == PERF_TYPE_BREAKPOINT ||
	       (spec->type == PERF_TYPE_SOFTWARE && spec->unit == PLAIT_EVENT_UNIT_COUNT);
}

void plait_event_set_rate(struct plait_event_spec *spec, uint64_t frequency, uint64_t period)
{
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
	if (refusal && (refusal->code == PLAIT_ERROR_PERMISSION || refusal->code == PLAIT_ERROR_NO_MEMORY))
		return PLAIT_TAKE(refusal);
	if (!refusal && counts(fd)) {
		*ret = cycles;
		*ret_reason = NULL;
		return NULL;
	}
	*ret = clock;
	*ret_reason = refusal ? "this machine has no PMU" : "this machine's PMU does not count";
	return NULL;
}
