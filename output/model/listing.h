/*
 * A table as rows, those of Python lines with the native functions below them when they are open.
 */
#ifndef PLAIT_OUTPUT_MODEL_LISTING_H
#define PLAIT_OUTPUT_MODEL_LISTING_H

#include "output/model/outline.h"
#include "output/model/tables.h"

struct plait_listing_row {
	uint32_t row;  /* in table.rows */
	uint32_t leaf; /* in table.leaves; PLAIT_NONE: the row itself, or its small leaves */
	uint32_t cut;  /* stands for so many small leaves; 0: it does not */
	uint64_t cut_weight;
	enum plait_outline_state state;
};

/* Read freely. */
struct plait_listing {
	const struct plait_profile *profile;
	const struct plait_table *table;
	PLAIT_VEC(struct plait_listing_row) rows;
	double threshold; /* per cent: smaller leaves are cut, and counted */
	bool full;	  /* with machinery that only passes calls on */
	bool by_total;	  /* in falling order of total, else of self */

	uint32_t *order; /* of the table's rows */
	uint8_t *open;	 /* by row of the table */
};

/* Everything is closed; the order is that of self. Profile and table are borrowed. */
struct plait_error *plait_listing_create(const struct plait_profile *profile, const struct plait_table *table,
					 double threshold, bool full, struct plait_listing **ret);
void plait_listing_destroy(struct plait_listing *listing);

/* What follows lays the rows out again. All give PLAIT_ERROR_NO_MEMORY only. */
struct plait_error *plait_listing_sort(struct plait_listing *listing, bool by_total);

/* Opens or closes all rows with at least `percent` of the whole of their own. */
struct plait_error *plait_listing_open_all(struct plait_listing *listing, bool open, double percent);

/* Opens a closed row, or shows small leaves; closes the row that `row` is, or is below. `*ret_changed` false: there was
 * nothing to do. */
struct plait_error *plait_listing_open(struct plait_listing *listing, size_t row, bool *ret_changed);
struct plait_error *plait_listing_close(struct plait_listing *listing, size_t row, bool *ret_changed);

/* The label of a row; PLAIT_NONE: it stands for several. */
uint32_t plait_listing_label(const struct plait_listing *listing, size_t row);

/* The row of the table's row `index`, 0 when it has none. */
size_t plait_listing_row_of(const struct plait_listing *listing, uint32_t index);

/* The next row after (or before) `row` with a label whose `matches` is true. It may be `row` itself after going once
 * around. SIZE_MAX: there is none. */
size_t plait_listing_find(const struct plait_listing *listing, size_t row, bool forward, const bool *matches);

#endif
