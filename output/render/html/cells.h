/*
 * The samples of a timeline put into cells of equal times: what a page can hold of a recording of any length.
 */
#ifndef PLAIT_OUTPUT_RENDER_HTML_CELLS_H
#define PLAIT_OUTPUT_RENDER_HTML_CELLS_H

#include "output/model/timeline.h"

struct plait_cell {
	uint32_t lane;	 /* of the timeline */
	uint32_t node;	 /* the number of the tree's node */
	uint32_t bucket; /* of time */
	uint32_t samples;
	uint64_t weight;
};

struct plait_cells {
	PLAIT_VEC(struct plait_cell) all; /* by lane, node, bucket */
	uint32_t buckets;
	uint64_t bucket_ns;
};

/* Reads the timeline; `number` is by node of its tree. A bucket is made twice as long when there would be more than
 * PLAIT_BUCKETS_MAX of them, or more than `max` cells while PLAIT_BUCKETS_MIN buckets remain, or more than 4 `max`. */
enum { PLAIT_BUCKETS_MAX = 1200, PLAIT_BUCKETS_MIN = 200 };
struct plait_error *plait_cells_create(const struct plait_timeline *timeline, const uint32_t *number, size_t max,
				       struct plait_cells *ret);
void plait_cells_release(struct plait_cells *cells);

#endif
