/*
 * Hardware breakpoints as events: mem:ADDRESS[/LENGTH][:ACCESS].
 */
#ifndef PLAIT_PERF_EVENT_BREAKPOINT_H
#define PLAIT_PERF_EVENT_BREAKPOINT_H

#include "perf/event/event.h"

/* Whether `text` is meant to be one: begins with "mem:". */
bool plait_breakpoint_is(const char *text);

/* Parses the whole of `text`: ADDRESS as 0xHEX, LENGTH 1, 2, 4 or 8 bytes (default 8, an instruction: that of a long),
 * ACCESS r, w, rw or x (default rw, as in perf). Fills in type, breakpoint and address fields of `spec`. */
struct plait_error *plait_breakpoint_parse(const char *text, struct plait_event_spec *spec);

#endif
