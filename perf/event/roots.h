/*
 * Where the kernel's descriptions of events lie: tests put trees of other machines there.
 */
#ifndef PLAIT_PERF_EVENT_ROOTS_H
#define PLAIT_PERF_EVENT_ROOTS_H

#include "perf/event/event.h"

struct plait_event_roots {
	const char *sysfs;   /* "/sys" */
	const char *tracefs; /* NULL: where it is mounted */
};

/* As plait_event_parse(), with other roots. */
struct plait_error *plait_event_parse_in(const struct plait_event_roots *roots, const char *text,
					 struct plait_event_spec *ret);

/* As plait_event_list_parse(), with other roots. */
struct plait_error *plait_event_list_parse_in(const struct plait_event_roots *roots, struct plait_event_list *list,
					      const char *text);

/* Adds what the modifiers say ("u", "kpp") to `spec`; `text` is the event's for the error. */
struct plait_error *plait_event_modify(struct plait_event_spec *spec, const char *text, const char *modifiers,
				       size_t length);

#endif
