#include "output/model/listing.h"

#include <string.h>

/* What is open of a row. */
enum { CLOSED, OPEN, OPEN_WITH_SMALL };

static const struct plait_table_row *table_row(const struct plait_listing *listing, uint32_t index)
{
	return &listing->table->rows.data[index];
}

static bool is_small(const struct plait_listing *listing, uint64_t weight)
{
	return (double)weight < (double)listing->table->total * listing->threshold / 100;
}

static bool has_row(const struct plait_listing *listing, const struct plait_table_row *row)
{
	return row->self || listing->full || !listing->profile->labels.all.data[row->label].machinery;
}

/* The leaves of an open row; the small ones as one, unless they are asked for. */
static bool add_leaves(struct plait_listing *listing, uint32_t index)
{
	const struct plait_table_row *row = table_row(listing, index);
	struct plait_listing_row small = { .row = index, .leaf = PLAIT_NONE, .state = PLAIT_OUTLINE_CLOSED };
	for (uint32_t i = row->leaves; i < row->leaves + row->leaf_count; i++) {
		uint64_t weight = listing->table->leaves.data[i].weight;
		if (listing->open[index] == OPEN && is_small(listing, weight)) {
			small.cut++;
			small.cut_weight = plait_saturating_add(small.cut_weight, weight);
		} else if (!plait_vec_push(&listing->rows, (struct plait_listing_row) { .row = index, .leaf = i })) {
			return false;
		}
	}
	return !small.cut || plait_vec_push(&listing->rows, small);
}

static struct plait_error *lay_out(struct plait_listing *listing)
{
	listing->rows.count = 0;
	for (size_t i = 0; i < listing->table->rows.count; i++) {
		uint32_t index = listing->order[i];
		const struct plait_table_row *row = table_row(listing, index);
		if (!has_row(listing, row))
			continue;
		struct plait_listing_row shown = { .row = index, .leaf = PLAIT_NONE };
		if (row->leaf_count)
			shown.state = listing->open[index] ? PLAIT_OUTLINE_OPEN : PLAIT_OUTLINE_CLOSED;
		if (!plait_vec_push(&listing->rows, shown) || (listing->open[index] && !add_leaves(listing, index)))
			return plait_error_no_memory();
	}
	return NULL;
}

static int compare_totals(const void *a, const void *b, void *context)
{
	const struct plait_listing *listing = context;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	uint64_t one = table_row(listing, left)->total, other = table_row(listing, right)->total;
	if (listing->by_total && one != other)
		return one > other ? -1 : 1;
	return (left > right) - (left < right); /* the table is in the order of self */
}

struct plait_error *plait_listing_sort(struct plait_listing *listing, bool by_total)
{
	size_t count = listing->table->rows.count;
	listing->by_total = by_total;
	for (size_t i = 0; i < count; i++)
		listing->order[i] = (uint32_t)i;
	if (count)
		qsort_r(listing->order, count, sizeof(*listing->order), compare_totals, listing);
	return lay_out(listing);
}

struct plait_error *plait_listing_create(const struct plait_profile *profile, const struct plait_table *table,
					 double threshold, bool full, struct plait_listing **ret)
{
	struct plait_listing *listing = calloc(1, sizeof(*listing));
	if (!listing)
		return plait_error_no_memory();
	size_t count = table->rows.count + 1;
	listing->profile = profile;
	listing->table = table;
	listing->threshold = threshold;
	listing->full = full;
	listing->order = calloc(count, sizeof(*listing->order));
	listing->open = calloc(count, sizeof(*listing->open));
	struct plait_error *error =
		listing->order && listing->open ? plait_listing_sort(listing, false) : plait_error_no_memory();
	if (error) {
		plait_listing_destroy(listing);
		return error;
	}
	*ret = listing;
	return NULL;
}

void plait_listing_destroy(struct plait_listing *listing)
{
	if (!listing)
		return;
	plait_vec_free(&listing->rows);
	free(listing->order);
	free(listing->open);
	free(listing);
}

struct plait_error *plait_listing_open_all(struct plait_listing *listing, bool open, double percent)
{
	for (uint32_t i = 0; i < listing->table->rows.count; i++) {
		if ((double)table_row(listing, i)->self >= (double)listing->table->total * percent / 100)
			listing->open[i] = open ? OPEN : CLOSED;
	}
	return lay_out(listing);
}

struct plait_error *plait_listing_open(struct plait_listing *listing, size_t index, bool *ret_changed)
{
	const struct plait_listing_row *row = &listing->rows.data[index];
	*ret_changed = row->state == PLAIT_OUTLINE_CLOSED;
	if (!*ret_changed)
		return NULL;
	listing->open[row->row] = row->cut ? OPEN_WITH_SMALL : OPEN;
	return lay_out(listing);
}

struct plait_error *plait_listing_close(struct plait_listing *listing, size_t index, bool *ret_changed)
{
	uint32_t row = listing->rows.data[index].row;
	*ret_changed = listing->open[row] && table_row(listing, row)->leaf_count;
	if (!*ret_changed)
		return NULL;
	listing->open[row] = CLOSED;
	return lay_out(listing);
}

uint32_t plait_listing_label(const struct plait_listing *listing, size_t index)
{
	const struct plait_listing_row *row = &listing->rows.data[index];
	if (row->cut)
		return PLAIT_NONE;
	return row->leaf == PLAIT_NONE ? table_row(listing, row->row)->label
				       : listing->table->leaves.data[row->leaf].label;
}

size_t plait_listing_row_of(const struct plait_listing *listing, uint32_t index)
{
	for (size_t i = 0; i < listing->rows.count; i++) {
		if (listing->rows.data[i].row == index)
			return i;
	}
	return 0;
}

size_t plait_listing_find(const struct plait_listing *listing, size_t row, bool forward, const bool *matches)
{
	size_t count = listing->rows.count, at = row;
	for (size_t i = 0; i < count; i++) {
		at = forward ? (at + 1 >= count ? 0 : at + 1) : (at ? at - 1 : count - 1);
		uint32_t label = plait_listing_label(listing, at);
		if (label != PLAIT_NONE && matches[label])
			return at;
	}
	return SIZE_MAX;
}
