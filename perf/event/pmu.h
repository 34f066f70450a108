/*
 * Events of a PMU by the kernel's own description: "cpu/event=0x3c,umask=0x1/", "msr/tsc/". The files are those of
 * Documentation/ABI/testing/sysfs-bus-event_source-devices-{format,events}: type, format/TERM ("config:0-7,32-35"),
 * events/NAME (terms), events/NAME.scale and .unit.
 */
#ifndef PLAIT_PERF_EVENT_PMU_H
#define PLAIT_PERF_EVENT_PMU_H

#include "perf/event/nearest.h"
#include "perf/event/roots.h"

/* Whether `text` has the form PMU/TERMS/...: `*ret_rest` then points behind the second slash. */
bool plait_pmu_is(const char *text, const char **ret_rest);

/* Fills type, config..., scale, kind and a rate (period=, freq=) of `spec` from the `length` bytes PMU/TERMS/ at
 * `text`. */
struct plait_error *plait_pmu_parse(const struct plait_event_roots *roots, const char *text, size_t length,
				    struct plait_event_spec *spec);

/* Calls `visit` with each PMU and each of its named events; `event` is NULL once for each PMU. */
void plait_pmu_each(const struct plait_event_roots *roots,
		    void (*visit)(void *context, const char *pmu, const char *event), void *context);

#endif
