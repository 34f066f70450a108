/*
 * Why the kernel refused an event, in words.
 */
#ifndef PLAIT_PERF_EVENT_REFUSAL_H
#define PLAIT_PERF_EVENT_REFUSAL_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "perf/event/event.h"

/* What the explanation depends on. */
struct plait_event_host {
	int paranoid;		  /* /proc/sys/kernel/perf_event_paranoid; -100: not readable */
	uint64_t max_sample_rate; /* /proc/sys/kernel/perf_event_max_sample_rate; 0: not readable */
	uint64_t descriptors;	  /* RLIMIT_NOFILE, the soft limit */
	bool perfmon;		  /* this process has CAP_PERFMON or CAP_SYS_ADMIN */
	bool virtual_machine;
	bool pmu; /* the processor counts something */
};

/* Reads the host's settings. Never fails: what cannot be read says so. */
void plait_event_host_read(struct plait_event_host *ret);

/* The error for perf_event_open(2) that failed with `err`. A pure function of its arguments. */
struct plait_error *plait_event_refusal(const struct plait_event_host *host, const struct plait_event_spec *spec,
					const struct perf_event_attr *attr, int pid, int cpu, int err);

#endif
