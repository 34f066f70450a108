/*
 * The processor's own PMU: what it takes without being able to do it.
 */
#ifndef PLAIT_PERF_EVENT_CORE_PMU_H
#define PLAIT_PERF_EVENT_CORE_PMU_H

#include "perf/event/roots.h"

/* Whether this processor counts anything, as far as the kernel has a driver for it. */
bool plait_core_pmu_exists(const struct plait_event_roots *roots);

/* Refuses what the kernel would open and leave without effect: precise samples on a PMU that has none, and numbers of
 * events that the PMU lacks, which count zero. `text` is the event's, for the error. */
struct plait_error *plait_core_pmu_check(const struct plait_event_roots *roots, const char *text,
					 const struct plait_event_spec *spec);

#endif
