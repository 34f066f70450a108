/*
 * "uprobe:/path/lib.so:symbol", "uretprobe:...": a place in a file that a program maps.
 */
#ifndef PLAIT_PERF_EVENT_PROBE_H
#define PLAIT_PERF_EVENT_PROBE_H

#include "perf/event/event.h"

bool plait_probe_is(const char *text);

/* Fills kind, path, offset and return of `spec` from `text`, for which plait_probe_is() holds. The symbol is looked up
 * in the file's .symtab and .dynsym; nothing is made in the kernel yet. */
struct plait_error *plait_probe_parse(const char *text, struct plait_event_spec *spec);

#endif
