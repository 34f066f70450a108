/*
 * "cache-misses@10000", "cycles@999hz": an event's own period or frequency.
 */
#ifndef PLAIT_PERF_EVENT_RATE_H
#define PLAIT_PERF_EVENT_RATE_H

#include "perf/event/event.h"

/* Splits `text` into the event's name, a copy for free(3), and its rate, which is set in `spec` when there is one. */
struct plait_error *plait_event_split_rate(const char *text, char **ret_name, struct plait_event_spec *spec);

#endif
