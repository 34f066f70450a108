/*
 * Tables made from a call tree: by function, and by Python line.
 */
#ifndef PLAIT_OUTPUT_MODEL_TABLES_H
#define PLAIT_OUTPUT_MODEL_TABLES_H

#include "output/model/calltree.h"

/* A function or line: `total` counts a stack once however often it is in it. */
struct plait_table_row {
	uint32_t label;
	uint64_t total, self;
	uint64_t total_samples, self_samples;
	struct plait_ratio total_ratio, self_ratio; /* of the profile's metric */
	struct plait_data_sources memory;	    /* of the samples in `self` */
	uint32_t leaves, leaf_count;		    /* lines table: in table.leaves, in falling order */
};

/* What a Python line's own share was spent in: native and kernel functions where the samples fell. */
struct plait_table_leaf {
	uint32_t label;
	uint64_t weight;
	uint64_t samples;
};

struct plait_table {
	PLAIT_VEC(struct plait_table_row) rows; /* in falling order of self, then of total */
	PLAIT_VEC(struct plait_table_leaf) leaves;
	uint64_t total;	  /* of all selected samples */
	uint64_t outside; /* lines table: of those without a Python frame */
	uint64_t samples;
	struct plait_ratio ratio; /* of all selected samples */
};

/* Every function. Self: the samples that fell into it. */
struct plait_error *plait_table_by_function(const struct plait_profile *profile,
					    const struct plait_selection *selection, struct plait_table *ret);

/* Every Python line. Self (exclusive): the samples whose innermost Python frame it is, whatever native code it ran. */
struct plait_error *plait_table_by_line(const struct plait_profile *profile, const struct plait_selection *selection,
					struct plait_table *ret);
void plait_table_release(struct plait_table *table);

#endif
