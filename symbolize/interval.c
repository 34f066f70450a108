#include "symbolize/interval.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static int compare_u64(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return a < b ? -1 : a > b;
}

/* Sorts the `count` numbers at `at` and drops repeated ones; returns how many are left. */
static size_t sort_unique(uint64_t *at, size_t count)
{
	qsort(at, count, sizeof(*at), compare_u64);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || at[kept - 1] != at[i])
			at[kept++] = at[i];
	}
	return kept;
}

/* The position of `wanted`, which is there, in the ascending array `at`. */
static uint32_t position(const uint64_t *at, size_t count, uint64_t wanted)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (at[middle] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint32_t)low;
}

/* The first piece from `i` on that has no owner yet. `skip` is a union-find forest: skip[i] == i means free. */
static uint32_t next_free(uint32_t *skip, uint32_t i)
{
	while (skip[i] != i) {
		skip[i] = skip[skip[i]];
		i = skip[i];
	}
	return i;
}

/* Joins the owned pieces between the sorted `bounds` into `ret`. */
static bool collect(const uint64_t *bounds, const uint32_t *owner, size_t bound_count,
		    const struct plait_interval *ranges, struct plait_interval_index *ret)
{
	struct plait_interval *pieces = malloc((bound_count ? bound_count : 1) * sizeof(*pieces));
	if (!pieces)
		return false;
	size_t count = 0;
	for (size_t i = 0; i + 1 < bound_count; i++) {
		if (owner[i] == UINT32_MAX)
			continue;
		uint32_t value = ranges[owner[i]].value;
		struct plait_interval *last = count ? &pieces[count - 1] : NULL;
		if (last && last->value == value && last->end == bounds[i])
			last->end = bounds[i + 1];
		else
			pieces[count++] = (struct plait_interval) { bounds[i], bounds[i + 1], value };
	}
	ret->pieces = pieces;
	ret->count = count;
	return true;
}

bool plait_interval_index_build(const struct plait_interval *ranges, size_t count, struct plait_interval_index *ret)
{
	if (count >= UINT32_MAX / 2)
		return false;
	uint64_t *bounds PLAIT_FREE = calloc(2 * count + 1, sizeof(*bounds));
	uint32_t *skip PLAIT_FREE = calloc(2 * count + 1, sizeof(*skip));
	uint32_t *owner PLAIT_FREE = calloc(2 * count + 1, sizeof(*owner));
	if (!bounds || !skip || !owner)
		return false;
	size_t bound_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].start >= ranges[i].end)
			continue;
		bounds[bound_count++] = ranges[i].start;
		bounds[bound_count++] = ranges[i].end;
	}
	bound_count = sort_unique(bounds, bound_count);
	for (size_t i = 0; i <= bound_count; i++) {
		skip[i] = (uint32_t)i;
		owner[i] = UINT32_MAX;
	}
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].start >= ranges[i].end)
			continue;
		uint32_t end = position(bounds, bound_count, ranges[i].end);
		uint32_t at = next_free(skip, position(bounds, bound_count, ranges[i].start));
		for (; at < end; at = next_free(skip, at)) {
			owner[at] = (uint32_t)i;
			skip[at] = at + 1;
		}
	}
	return collect(bounds, owner, bound_count, ranges, ret);
}

/* How many pieces start at or below `address`. */
static size_t count_below(const struct plait_interval_index *index, uint64_t address)
{
	size_t low = 0, high = index->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (index->pieces[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct plait_interval *plait_interval_find(const struct plait_interval_index *index, uint64_t address)
{
	size_t below = count_below(index, address);
	if (below == 0 || address >= index->pieces[below - 1].end)
		return NULL;
	return &index->pieces[below - 1];
}

uint64_t plait_interval_next(const struct plait_interval_index *index, uint64_t address)
{
	size_t below = count_below(index, address);
	return below < index->count ? index->pieces[below].start : UINT64_MAX;
}

void plait_interval_index_release(struct plait_interval_index *index)
{
	free(index->pieces);
	*index = (struct plait_interval_index) { 0 };
}
