#include "perf/source/sorter.h"

static bool before(const struct plait_unit *a, const struct plait_unit *b)
{
	if (a->time != b->time)
		return a->time < b->time;
	if (a->ring != b->ring)
		return a->ring < b->ring;
	return a->last < b->last;
}

bool plait_sorter_push(struct plait_sorter *sorter, const struct plait_unit *unit)
{
	if (!plait_vec_push(&sorter->heap, *unit))
		return false;
	struct plait_unit *heap = sorter->heap.data;
	size_t at = sorter->heap.count - 1;
	for (; at > 0 && before(unit, &heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = *unit;
	return true;
}

bool plait_sorter_pop(struct plait_sorter *sorter, uint64_t horizon, struct plait_unit *ret)
{
	struct plait_unit *heap = sorter->heap.data;
	if (sorter->heap.count == 0 || heap[0].time > horizon)
		return false;
	*ret = heap[0];
	size_t count = --sorter->heap.count;
	struct plait_unit moved = heap[count];
	size_t at = 0;
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= count)
			break;
		if (child + 1 < count && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &moved))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moved;
	return true;
}

uint64_t plait_sorter_low(const struct plait_sorter *sorter, uint32_t ring, uint64_t otherwise)
{
	uint64_t low = otherwise;
	for (size_t i = 0; i < sorter->heap.count; i++)
		if (sorter->heap.data[i].ring == ring && sorter->heap.data[i].start < low)
			low = sorter->heap.data[i].start;
	return low;
}

void plait_sorter_release(struct plait_sorter *sorter)
{
	plait_vec_free(&sorter->heap);
}
