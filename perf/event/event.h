/*
 * Event names and perf_event_attr.
 */
#ifndef PLAIT_PERF_EVENT_EVENT_H
#define PLAIT_PERF_EVENT_EVENT_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum plait_event_unit {
	PLAIT_EVENT_UNIT_COUNT, /* period counts occurrences */
	PLAIT_EVENT_UNIT_NS,	/* period is CPU time in ns */
};

/* One event to sample. Plain data, no release. */
struct plait_event_spec {
	char name[64]; /* as the user wrote it, modifiers included: "cpu-clock", "cycles:u" */
	enum plait_event_unit unit;
	uint32_t type; /* perf_event_attr.type */
	uint64_t config;
	bool exclude_user, exclude_kernel, exclude_hypervisor;
	uint32_t breakpoint; /* PERF_TYPE_BREAKPOINT: HW_BREAKPOINT_*, address and length in bytes */
	uint64_t breakpoint_address, breakpoint_length;
	uint8_t precise;    /* 0 to 3 */
	uint64_t frequency; /* samples a second of the event; 0: `period` is fixed */
	uint64_t period;    /* 0 with a frequency */
};

/* Parses one event name with modifiers (cpu-clock, task-clock, page-faults, minor-faults, major-faults,
 * context-switches, cpu-migrations, cycles, instructions, ...; `:u`, `:k`, `:p`). Unknown names are refused with the
 * nearest known ones. frequency and period of `ret` are 0: see plait_event_set_rate(). */
struct plait_error *plait_event_parse(const char *text, struct plait_event_spec *ret);

/* Parses a comma-separated list into `ret` (at most `max`), sets `*ret_count`. */
struct plait_error *plait_event_parse_list(const char *text, struct plait_event_spec *ret, size_t max,
					   size_t *ret_count);

/* Gives `spec` the frequency or the period. Both 0, no rate given: every occurrence (period 1) of the events of which
 * that is what a user expects (context switches, migrations, faults), 999 a second of the others. */
void plait_event_set_rate(struct plait_event_spec *spec, uint64_t frequency, uint64_t period);

/* The best CPU-time event of this host: cycles where a PMU counts them, else cpu-clock. `*ret_reason` (static text)
 * says why it is not cycles; NULL when it is. */
struct plait_error *plait_event_default(struct plait_event_spec *ret, const char **ret_reason);

/* Whether samples of the event carry a data address. */
bool plait_event_has_address(const struct plait_event_spec *spec);

/* Sets `attr` to the event, its rate and what it excludes; all else is 0: not inherited, enabled at once. */
void plait_event_attributes(const struct plait_event_spec *spec, struct perf_event_attr *attr);

/* perf_event_open(2) with `attr`. On failure the error names the event and explains the refusal: paranoid level,
 * missing capability, no PMU, no such process, too many descriptors. Where the descriptors run out, the soft limit is
 * raised to the hard one first. The descriptor is closed on exec. */
struct plait_error *plait_event_open(const struct plait_event_spec *spec, struct perf_event_attr *attr, int pid,
				     int cpu, int group_fd, int *ret_fd);

#endif
