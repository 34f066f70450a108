/*
 * The names of the kernel's generic events, as perf spells them.
 */
#ifndef PLAIT_PERF_EVENT_NAMES_H
#define PLAIT_PERF_EVENT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* perf_event_attr.type and .config of the event called the `length` bytes at `name` (an alias will do; "rHEX" is a raw
 * event of the CPU). Returns false for an unknown name. */
bool plait_event_name_find(const char *name, size_t length, uint32_t *ret_type, uint64_t *ret_config);

#define PLAIT_EVENT_NAME_MAX 32

/* Writes up to `max` names that resemble the `length` bytes at `name`, the nearest first, and returns how many: 0 when
 * nothing comes near. */
size_t plait_event_name_nearest(const char *name, size_t length, char (*ret)[PLAIT_EVENT_NAME_MAX], size_t max);

#endif
