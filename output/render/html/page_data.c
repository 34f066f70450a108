#include "output/render/html/page_data.h"

#include <stdlib.h>

#include "common/cleanup.h"
#include "output/render/html/cells.h"

enum { CELLS_MAX = 600000 }; /* with more, time is told more coarsely */

static void put_number(FILE *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		putc_unlocked((int)(value & 0x7f) | 0x80, out);
	putc_unlocked((int)value, out);
}

/* A call from one label to another. The root's label is 0, others are one more than theirs. */
struct edge {
	uint32_t from, to;
	uint32_t count;
};

struct edges {
	PLAIT_VEC(struct edge) all; /* by `from`, then in falling order of `count` */
	struct plait_map index;	    /* from << 32 | to -> index in `all`, then place among those of `from` */
};

static uint64_t edge_key(const struct plait_calltree *tree, uint32_t node)
{
	uint32_t parent = tree->nodes.data[node].parent;
	uint64_t from = parent ? (uint64_t)tree->nodes.data[parent].label + 1 : 0;
	return from << 32 | tree->nodes.data[node].label;
}

static int compare_edges(const void *a, const void *b)
{
	const struct edge *left = a, *right = b;
	if (left->from != right->from)
		return left->from < right->from ? -1 : 1;
	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return (left->to > right->to) - (left->to < right->to);
}

static struct plait_error *find_edges(const struct plait_calltree *tree, struct edges *edges)
{
	for (uint32_t node = 1; node < tree->nodes.count; node++) {
		uint64_t key = edge_key(tree, node), *known = plait_map_get(&edges->index, key);
		if (known) {
			edges->all.data[*known].count++;
			continue;
		}
		struct edge edge = { .from = (uint32_t)(key >> 32), .to = (uint32_t)key, .count = 1 };
		if (!plait_map_put(&edges->index, key, edges->all.count) || !plait_vec_push(&edges->all, edge))
			return plait_error_no_memory();
	}
	if (edges->all.count)
		qsort(edges->all.data, edges->all.count, sizeof(*edges->all.data), compare_edges);
	uint32_t place = 0;
	for (size_t i = 0; i < edges->all.count; i++) {
		const struct edge *edge = &edges->all.data[i];
		place = i && edge[-1].from == edge->from ? place + 1 : 0;
		*plait_map_get(&edges->index, (uint64_t)edge->from << 32 | edge->to) = place;
	}
	return NULL;
}

static void put_edges(const struct edges *edges, FILE *out)
{
	size_t labels = 0;
	for (size_t i = 0; i < edges->all.count; i++)
		labels += !i || edges->all.data[i - 1].from != edges->all.data[i].from;
	put_number(out, labels);
	for (size_t i = 0, next; i < edges->all.count; i = next) {
		for (next = i + 1; next < edges->all.count && edges->all.data[next].from == edges->all.data[i].from;)
			next++;
		put_number(out, edges->all.data[i].from);
		put_number(out, next - i);
		for (size_t j = i; j < next; j++)
			put_number(out, edges->all.data[j].to);
	}
}

/* Numbers the nodes from 1 in depth-first order: `number` is by node. */
static void put_nodes(const struct plait_calltree *tree, const struct edges *edges, uint32_t *number, FILE *out)
{
	put_number(out, tree->nodes.count - 1);
	uint32_t node = 0, count = 0, up = 0;
	for (bool leaving = false; plait_calltree_walk(tree, &node, &leaving);) {
		if (leaving) {
			up++;
			continue;
		}
		put_number(out, up);
		number[node] = ++count;
		up = 0;
	}
	node = 0;
	for (bool leaving = false; plait_calltree_walk(tree, &node, &leaving);) {
		if (!leaving)
			put_number(out, *plait_map_get(&edges->index, edge_key(tree, node)));
	}
}

static struct plait_error *put_tree(const struct plait_calltree *tree, uint32_t *number, FILE *out)
{
	struct edges edges = { 0 };
	struct plait_error *error = find_edges(tree, &edges);
	if (!error) {
		put_edges(&edges, out);
		put_nodes(tree, &edges, number, out);
	}
	plait_vec_free(&edges.all);
	plait_map_release(&edges.index);
	return error;
}

/* Whether a cell begins a new node of its lane, or a new lane. */
static bool begins(const struct plait_cells *cells, size_t i, bool lane)
{
	const struct plait_cell *cell = &cells->all.data[i];
	return !i || cell[-1].lane != cell->lane || (!lane && cell[-1].node != cell->node);
}

static void put_lanes(const struct plait_cells *cells, size_t lanes, FILE *out)
{
	size_t at = 0;
	for (uint32_t lane = 0; lane < lanes; lane++) {
		uint64_t nodes = 0;
		for (; at < cells->all.count && cells->all.data[at].lane == lane; at++)
			nodes += begins(cells, at, false);
		put_number(out, nodes);
	}
	for (size_t i = 0; i < cells->all.count; i++) {
		if (begins(cells, i, false))
			put_number(out, cells->all.data[i].node -
						(begins(cells, i, true) ? 0 : cells->all.data[i - 1].node));
	}
	for (size_t i = 0, next; i < cells->all.count; i = next) {
		for (next = i + 1; next < cells->all.count && !begins(cells, next, false);)
			next++;
		put_number(out, next - i - 1);
	}
}

static bool is_odd(const struct plait_cell *cell, uint64_t period)
{
	uint64_t usual;
	return __builtin_mul_overflow(period, (uint64_t)cell->samples, &usual) || usual != cell->weight ||
	       period >= 1ULL << 53;
}

static void put_cells(const struct plait_timeline *timeline, const struct plait_cells *cells, FILE *out)
{
	const struct plait_cell *all = cells->all.data;
	put_number(out, cells->buckets);
	put_number(out, cells->bucket_ns);
	put_number(out, cells->all.count);
	put_lanes(cells, timeline->lanes.count, out);
	for (size_t i = 0; i < cells->all.count; i++)
		put_number(out, all[i].bucket - (begins(cells, i, false) ? 0 : all[i - 1].bucket));
	for (int weights = 0; weights < 2; weights++) {
		for (size_t i = 0; i < cells->all.count; i++) {
			uint32_t event = timeline->lanes.data[all[i].lane].event;
			bool odd = is_odd(&all[i], timeline->profile->events.data[event].record.period);
			if (!weights)
				put_number(out, (uint64_t)all[i].samples << 1 | odd);
			else if (odd)
				put_number(out, all[i].weight);
		}
	}
}

struct plait_error *plait_page_data_put(const struct plait_timeline *timeline, FILE *out)
{
	uint32_t *number PLAIT_FREE = calloc(timeline->tree->nodes.count, sizeof(*number));
	if (!number)
		return plait_error_no_memory();
	PLAIT_TRY(put_tree(timeline->tree, number, out));
	struct plait_cells cells;
	PLAIT_TRY(plait_cells_create(timeline, number, CELLS_MAX, &cells));
	put_cells(timeline, &cells, out);
	plait_cells_release(&cells);
	return NULL;
}
