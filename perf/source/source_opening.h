/*
 * Between source_open.c, which knows how to open one event of a source, and attach.c, which knows on which threads.
 */
#ifndef PLAIT_PERF_SOURCE_SOURCE_OPENING_H
#define PLAIT_PERF_SOURCE_SOURCE_OPENING_H

#include "perf/source/source_bpf.h"

/* How many events a thread needs: its places. The first ones are side-band, one for each CPU; then the sampled events.
 */
size_t plait_opening_places(const struct plait_opening *opening);

/* Opens the event of place `place` on thread `tid` (-1: every process) and adds it to the source. `*ret_time` (ns
 * CLOCK_MONOTONIC): threads that `tid` starts from then on inherit it. */
struct plait_error *plait_opening_place(const struct plait_opening *opening, pid_t tid, size_t place,
					uint64_t *ret_time);

/* Whether threads inherit the event of place `place`. */
bool plait_opening_is_inherited(const struct plait_opening *opening, size_t place);

/* The same of an event. */
bool plait_opening_event_is_inherited(const struct plait_opening *opening, uint32_t event);

/* Opens all places on every thread of the processes in the options. A thread that starts meanwhile gets each event
 * once, whether it inherits it or not. */
struct plait_error *plait_opening_attach(const struct plait_opening *opening);

#endif
