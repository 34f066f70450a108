/*
 * Perf maps: the text files /tmp/perf-PID.map in which just-in-time compilers tell what their code is called. Lines are
 * "START SIZE NAME", both numbers hexadecimal. The files grow while the program runs, and are hostile text to us.
 */
#ifndef PLAIT_SYMBOLIZE_PERF_MAP_H
#define PLAIT_SYMBOLIZE_PERF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct plait_perf_map;

struct plait_perf_map_symbol {
	const char *name; /* not NUL-terminated; valid until the next find */
	size_t name_size;
	uint64_t start, size;
};

/* The map of process `pid`. Nothing is read yet. */
struct plait_error *plait_perf_map_create(uint32_t pid, struct plait_perf_map **ret);

/* A map of the file at `path` alone, for tests and recorded maps. */
struct plait_error *plait_perf_map_create_at(const char *path, struct plait_perf_map **ret);

/* NULL is allowed. */
void plait_perf_map_destroy(struct plait_perf_map *map);

/* The function at `address`; where lines overlap, the later line holds. What was added to the file is read when the
 * address is not found otherwise. False: no file, or nothing in it at the address. */
struct plait_error *plait_perf_map_find(struct plait_perf_map *map, uint64_t address, struct plait_perf_map_symbol *ret,
					bool *ret_found);

#endif
