/*
 * Events that are counted, not sampled: what `plait stat` shows.
 */
#ifndef PLAIT_PERF_EVENT_COUNTER_H
#define PLAIT_PERF_EVENT_COUNTER_H

#include <sys/types.h>

#include "perf/event/event.h"

/* What is counted. Arrays are borrowed. */
struct plait_counter_target {
	const pid_t *pids; /* these processes, all their threads, and what they start from now on */
	size_t pid_count;
	pid_t launch; /* a child that has not called exec yet: from its exec on, with all that it starts */
	bool system_wide;
};

/* One event's count. */
struct plait_counter {
	const char *name;	   /* with ":u" behind it when only user mode may be counted here */
	uint64_t value;		   /* not scaled */
	uint64_t enabled, running; /* ns, over all threads (or CPUs) */
	const char *refusal;	   /* why this host does not count it; NULL: it does */
};

struct plait_counters;

/* Opens each event of `events` (prepared), groups together. An event that the host lacks is kept with its refusal; one
 * that is refused for want of rights is opened for user mode only, if that is allowed. `events` must outlive the
 * counters. An error when the target is gone, or nothing at all may be counted. */
struct plait_error *plait_counters_open(const struct plait_event_list *events,
					const struct plait_counter_target *target, struct plait_counters **ret);
void plait_counters_destroy(struct plait_counters *counters);

/* The count of event `index` so far. */
struct plait_counter plait_counters_read(const struct plait_counters *counters, size_t index);

/* Whether kernel mode had to be left out for some event. */
bool plait_counters_user_only(const struct plait_counters *counters);

/* value * enabled / running, rounded: the estimate for the whole time. `value` itself when it always ran. */
uint64_t plait_counter_scaled(const struct plait_counter *counter);

#endif
