/*
 * libpfm4's names: the processors' own events as their manuals call them, "MEM_LOAD_RETIRED:L3_MISS".
 */
#ifndef PLAIT_PERF_EVENT_PFM_H
#define PLAIT_PERF_EVENT_PFM_H

#include "perf/event/nearest.h"
#include "perf/event/roots.h"

enum plait_pfm_result {
	PLAIT_PFM_FOUND,
	PLAIT_PFM_UNKNOWN, /* no such event on this processor */
	PLAIT_PFM_WRONG,   /* the event exists, its umask or modifier does not: `*ret_error` */
};

/* Encodes `text` ("EVENT:UMASK:MODIFIER=1", "pmu::EVENT") for this processor. `spec` is changed only when found. */
enum plait_pfm_result plait_pfm_parse(const char *text, struct plait_event_spec *spec, struct plait_error **ret_error);

/* The PMU of another processor that has the event ("Intel Skylake"), or NULL. Static text of the library. */
const char *plait_pfm_elsewhere(const char *text);

/* Calls `visit` with each event of this processor, then with each of its umasks. */
void plait_pfm_each(void (*visit)(void *context, const char *event, const char *umask, const char *description),
		    void *context);

/* Offers the events of this processor. */
void plait_pfm_offer(struct plait_nearest *nearest);

#endif
