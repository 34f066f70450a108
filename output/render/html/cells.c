#include "output/render/html/cells.h"

#include <stdlib.h>

enum { BUCKET_MIN = 1000000, LANES_MAX = 1 << 24, NODES_MAX = 1 << 28, BUCKET_BITS = 11, MUCH = 4 };

struct filler {
	struct plait_cells cells;
	struct plait_map index; /* of cells.all */
	const uint32_t *number;
	size_t max;
	uint64_t bucket_ns_max; /* that it may become because of `max` */
};

static uint64_t key_of(const struct plait_cell *cell)
{
	return ((uint64_t)cell->lane * NODES_MAX + cell->node) << BUCKET_BITS | cell->bucket;
}

static struct plait_error *add(struct filler *filler, const struct plait_cell *cell)
{
	uint64_t key = key_of(cell);
	uint64_t *known = plait_map_get(&filler->index, key);
	if (!known) {
		if (!plait_map_put(&filler->index, key, filler->cells.all.count) ||
		    !plait_vec_push(&filler->cells.all, *cell))
			return plait_error_no_memory();
		return NULL;
	}
	struct plait_cell *same = &filler->cells.all.data[*known];
	same->samples += cell->samples;
	same->weight = plait_saturating_add(same->weight, cell->weight);
	return NULL;
}

/* Makes buckets twice as long. */
static struct plait_error *halve(struct filler *filler)
{
	size_t count = filler->cells.all.count;
	plait_map_release(&filler->index);
	filler->cells.all.count = 0;
	filler->cells.bucket_ns *= 2;
	for (size_t i = 0; i < count; i++) { /* never overtakes itself: cells only become fewer */
		struct plait_cell cell = filler->cells.all.data[i];
		cell.bucket /= 2;
		PLAIT_TRY(add(filler, &cell));
	}
	return NULL;
}

/* Whether longer buckets are asked for by the number of cells, and would make them fewer. */
static bool is_full(const struct filler *filler, uint64_t time)
{
	size_t count = filler->cells.all.count;
	if (count < filler->max)
		return false;
	return filler->cells.bucket_ns <= filler->bucket_ns_max / 2 ||
	       (count >= MUCH * filler->max && filler->cells.bucket_ns <= time);
}

static struct plait_error *take(void *context, const struct plait_timed_sample *sample)
{
	struct filler *filler = context;
	while (sample->time / filler->cells.bucket_ns >= PLAIT_BUCKETS_MAX || is_full(filler, sample->time))
		PLAIT_TRY(halve(filler));
	struct plait_cell cell = { .lane = sample->lane,
				   .node = filler->number[sample->node],
				   .bucket = (uint32_t)(sample->time / filler->cells.bucket_ns),
				   .samples = 1,
				   .weight = sample->weight };
	return add(filler, &cell);
}

static int compare_cells(const void *a, const void *b)
{
	uint64_t left = key_of(a), right = key_of(b);
	return (left > right) - (left < right);
}

struct plait_error *plait_cells_create(const struct plait_timeline *timeline, const uint32_t *number, size_t max,
				       struct plait_cells *ret)
{
	if (timeline->lanes.count >= LANES_MAX || timeline->tree->nodes.count >= NODES_MAX)
		return plait_error_new(PLAIT_ERROR_UNSUPPORTED,
				       "the recording has too many threads or stacks for a page");
	struct filler filler = { .cells.bucket_ns = BUCKET_MIN,
				 .number = number,
				 .max = max,
				 .bucket_ns_max = timeline->profile->duration / PLAIT_BUCKETS_MIN };
	while (timeline->profile->duration / filler.cells.bucket_ns >= PLAIT_BUCKETS_MAX)
		filler.cells.bucket_ns *= 2;
	struct plait_error *error = plait_timeline_read(timeline, take, &filler);
	plait_map_release(&filler.index);
	if (error) {
		plait_cells_release(&filler.cells);
		return error;
	}
	struct plait_cells *cells = &filler.cells;
	cells->buckets = (uint32_t)(timeline->profile->duration / cells->bucket_ns) + 1;
	if (cells->all.count) {
		qsort(cells->all.data, cells->all.count, sizeof(*cells->all.data), compare_cells);
		for (size_t i = 0; i < cells->all.count; i++)
			if (cells->all.data[i].bucket >= cells->buckets)
				cells->buckets = cells->all.data[i].bucket + 1;
	}
	*ret = *cells;
	return NULL;
}

void plait_cells_release(struct plait_cells *cells)
{
	plait_vec_free(&cells->all);
}
