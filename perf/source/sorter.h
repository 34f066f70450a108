/*
 * Time order over the rings of all CPUs. A unit names what is to be delivered by its place in its ring; nothing is
 * copied, and a ring's records stay where they are until plait_sorter_low() lets go of them.
 */
#ifndef PLAIT_PERF_SOURCE_SORTER_H
#define PLAIT_PERF_SOURCE_SORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/vec.h"

struct plait_unit {
	uint64_t time;
	uint64_t start;	   /* position of the first record that belongs to it */
	uint64_t last;	   /* position of the record that completes it: it says what the unit is */
	uint64_t sequence; /* of the BPF program's run, when paired */
	uint32_t ring;
	bool paired;  /* a sample with what the BPF program wrote in front of it */
	bool damaged; /* records may be missing between start and last */
};

struct plait_sorter {
	PLAIT_VEC(struct plait_unit) heap;
};

/* Adds a unit. Returns false when memory ran out. */
bool plait_sorter_push(struct plait_sorter *sorter, const struct plait_unit *unit);

/* Takes out the earliest unit with time <= horizon; equal times come in the order of ring, then position. Returns false
 * when there is none. */
bool plait_sorter_pop(struct plait_sorter *sorter, uint64_t horizon, struct plait_unit *ret);

/* The lowest position that a unit of `ring` still needs; `otherwise` when there is none. O(units). */
uint64_t plait_sorter_low(const struct plait_sorter *sorter, uint32_t ring, uint64_t otherwise);

/* Frees. The sorter is empty afterwards. */
void plait_sorter_release(struct plait_sorter *sorter);

#endif
