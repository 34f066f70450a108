/*
 * The names of the kernel's generic events, as perf spells them.
 */
#ifndef PLAIT_PERF_EVENT_NAMES_H
#define PLAIT_PERF_EVENT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perf/event/nearest.h"

/* perf_event_attr.type and .config of the event called the `length` bytes at `name` (an alias will do; "rHEX" is a raw
 * event of the CPU). Returns false for an unknown name. */
bool plait_event_name_find(const char *name, size_t length, uint32_t *ret_type, uint64_t *ret_config);

#define PLAIT_EVENT_NAME_MAX 32

/* Offers every name that plait_event_name_find() knows. */
void plait_event_names_offer(struct plait_nearest *nearest);

/* The name, type and config number `index` of all known ones, aliases included; false behind the last. */
bool plait_event_name_at(size_t index, char ret_name[PLAIT_EVENT_NAME_MAX], uint32_t *ret_type, uint64_t *ret_config);

#endif
