/*
 * Which of many overlapping address ranges is meant at an address. Built once from ranges in order of precedence, the
 * first that covers an address wins there; the result is a sorted array of disjoint pieces, searched in O(log n).
 */
#ifndef PLAIT_SYMBOLIZE_INTERVAL_H
#define PLAIT_SYMBOLIZE_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The addresses [start, end) and what they stand for. */
struct plait_interval {
	uint64_t start, end;
	uint32_t value;
};

struct plait_interval_index {
	struct plait_interval *pieces; /* ascending, disjoint */
	size_t count;
};

/* Builds the index of `count` ranges; those that come first win over later ones. Empty and reversed ranges are ignored.
 * O(n log n) whatever the overlaps. Returns false when memory ran out; release with plait_interval_index_release(). */
bool plait_interval_index_build(const struct plait_interval *ranges, size_t count, struct plait_interval_index *ret);

/* The piece that covers `address`, or NULL. */
const struct plait_interval *plait_interval_find(const struct plait_interval_index *index, uint64_t address);

/* The start of the first piece above `address`; UINT64_MAX: none. */
uint64_t plait_interval_next(const struct plait_interval_index *index, uint64_t address);

void plait_interval_index_release(struct plait_interval_index *index);

#endif
