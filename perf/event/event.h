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

/* Gives `spec` the frequency or the period (exactly one is non-zero); events whose every occurrence is asked for keep
 * period 1 where that is what a user expects (context-switches, page-faults with no rate given). */
void plait_event_set_rate(struct plait_event_spec *spec, uint64_t frequency, uint64_t period);

/* The best CPU-time event of this host: cycles where a PMU counts them, else cpu-clock. `*ret_reason` (static text)
 * says why it is not cycles; NULL when it is. */
struct plait_error *plait_event_default(struct plait_event_spec *ret, const char **ret_reason);

/* perf_event_open(2) with `attr`. On failure the error names the event and explains the refusal: paranoid level,
 * missing capability, no PMU, no such process, too many descriptors. */
struct plait_error *plait_event_open(const struct plait_event_spec *spec, struct perf_event_attr *attr, int pid,
				     int cpu, int group_fd, int *ret_fd);

#endif
