/*
 * The kernel's tracepoints and dynamic probes, in tracefs (Documentation/trace/events.rst, uprobetracer.rst).
 */
#ifndef PLAIT_PERF_EVENT_TRACEFS_H
#define PLAIT_PERF_EVENT_TRACEFS_H

#include "perf/event/nearest.h"
#include "perf/event/roots.h"

/* Open tracefs. Where it is mounted nowhere, a mount of its own that nobody else sees: it ends with `fd`. */
struct plait_tracefs {
	char root[256];
	int fd; /* -1: `root` is mounted */
};

/* The error says why there is none: not mounted and no right to, no permission. Ends with plait_tracefs_close(). */
struct plait_error *plait_tracefs_open(const struct plait_event_roots *roots, struct plait_tracefs *ret);
void plait_tracefs_close(struct plait_tracefs *tracefs);

/* The id of SYSTEM:NAME, perf_event_attr.config of the tracepoint. False with `errno` when there is none. */
bool plait_tracefs_id(const struct plait_tracefs *tracefs, const char *system, const char *name, uint64_t *ret);

/* Calls `visit` with each tracepoint, SYSTEM:NAME, in no order. */
void plait_tracefs_each(const struct plait_tracefs *tracefs, void (*visit)(void *context, const char *name),
			void *context);

/* Offers each tracepoint as SYSTEM:NAME. */
void plait_tracefs_offer(const struct plait_tracefs *tracefs, struct plait_nearest *nearest);

/* Makes a probe of `spec` (path, offset, return) and sets its type and config. `index` tells the probes of this process
 * apart. */
struct plait_error *plait_tracefs_add_probe(const struct plait_tracefs *tracefs, size_t index,
					    struct plait_event_spec *spec);

/* Takes away probes of process `pid`; 0: of every process that has ended without doing so. */
void plait_tracefs_remove_probes(const struct plait_tracefs *tracefs, int pid);

#endif
