#include "output/model/tables.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

/* What making a table needs besides it. */
struct maker {
	const struct plait_profile *profile;
	const struct plait_calltree *tree;
	struct plait_table *table;
	uint32_t *row_of; /* by label: index of its row + 1; 0: none */
	uint32_t *open;	  /* by label: how often it is on the path from the root to here */
};

/* The row of `label`, added on first sight; NULL: no memory. */
static struct plait_table_row *row_of(struct maker *maker, uint32_t label)
{
	struct plait_table *table = maker->table;
	if (!maker->row_of[label]) {
		if (!plait_vec_push(&table->rows, (struct plait_table_row) { .label = label }))
			return NULL;
		maker->row_of[label] = (uint32_t)table->rows.count;
	}
	return &table->rows.data[maker->row_of[label] - 1];
}

static bool add_total(struct maker *maker, const struct plait_calltree_node *node)
{
	struct plait_table_row *row = row_of(maker, node->label);
	if (!row)
		return false;
	row->total = plait_saturating_add(row->total, node->total);
	row->total_samples += node->total_samples;
	if (maker->tree->total_ratios)
		plait_ratio_merge(&row->total_ratio, &maker->tree->total_ratios[node - maker->tree->nodes.data], 1, 1);
	return true;
}

static bool add_self(struct maker *maker, uint32_t label, const struct plait_calltree_node *node)
{
	struct plait_table_row *row = row_of(maker, label);
	if (!row)
		return false;
	row->self = plait_saturating_add(row->self, node->self);
	row->self_samples += node->self_samples;
	if (maker->tree->self_memories)
		plait_data_sources_merge(&row->memory, &maker->tree->self_memories[node - maker->tree->nodes.data]);
	if (maker->tree->self_ratios)
		plait_ratio_merge(&row->self_ratio, &maker->tree->self_ratios[node - maker->tree->nodes.data], 1, 1);
	return true;
}

static bool has_row(const struct maker *maker, const struct plait_calltree_node *node, bool lines)
{
	return node->label != PLAIT_NONE &&
	       (!lines || maker->profile->labels.all.data[node->label].kind == PLAIT_LABEL_PYTHON);
}

/* Totals: a node counts unless its label is open already, further out on the same path. */
static bool add_totals(struct maker *maker, bool lines)
{
	uint32_t at = 0;
	bool leaving = false;
	do {
		const struct plait_calltree_node *node = &maker->tree->nodes.data[at];
		if (!has_row(maker, node, lines))
			continue;
		uint32_t *open = &maker->open[node->label];
		if (leaving)
			--*open;
		else if ((*open)++ == 0 && !add_total(maker, node))
			return false;
	} while (plait_calltree_walk(maker->tree, &at, &leaving));
	return true;
}

static bool add_selves(struct maker *maker)
{
	for (size_t i = 1; i < maker->tree->nodes.count; i++) {
		const struct plait_calltree_node *node = &maker->tree->nodes.data[i];
		if (node->self_samples && !add_self(maker, node->label, node))
			return false;
	}
	return true;
}

/* A leaf of the lines table, while it is being made. */
struct spent {
	uint32_t line; /* label */
	struct plait_table_leaf leaf;
};

/* By line; below it the heaviest first, equal ones by label for a steady order. */
static int compare_spent(const void *a, const void *b, void *context)
{
	const struct spent *left = a, *right = b;
	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	if (left->leaf.weight != right->leaf.weight)
		return left->leaf.weight > right->leaf.weight ? -1 : 1;
	const struct plait_profile *profile = context;
	return strcmp(profile->labels.all.data[left->leaf.label].text,
		      profile->labels.all.data[right->leaf.label].text);
}

typedef PLAIT_VEC(struct spent) spent_vec;

static bool add_spent(spent_vec *spent, struct plait_map *index, uint32_t line, const struct plait_calltree_node *node)
{
	uint64_t key = (uint64_t)line << 32 | node->label;
	uint64_t *known = plait_map_get(index, key);
	if (!known) {
		struct spent fresh = { .line = line, .leaf = { .label = node->label } };
		if (!plait_vec_push(spent, fresh) || !plait_map_put(index, key, spent->count - 1))
			return false;
	}
	struct plait_table_leaf *leaf = &spent->data[known ? *known : spent->count - 1].leaf;
	leaf->weight = plait_saturating_add(leaf->weight, node->self);
	leaf->samples += node->self_samples;
	return true;
}

/* Gives each node's own share to the innermost Python line at or above it. */
static bool spend(struct maker *maker, uint32_t *line_of, spent_vec *spent, struct plait_map *index)
{
	line_of[0] = PLAIT_NONE;
	for (size_t i = 1; i < maker->tree->nodes.count; i++) {
		const struct plait_calltree_node *node = &maker->tree->nodes.data[i];
		bool python = has_row(maker, node, true);
		line_of[i] = python ? node->label : line_of[node->parent];
		if (!node->self_samples)
			continue;
		if (line_of[i] == PLAIT_NONE)
			maker->table->outside = plait_saturating_add(maker->table->outside, node->self);
		else if (!add_self(maker, line_of[i], node) || (!python && !add_spent(spent, index, line_of[i], node)))
			return false;
	}
	return true;
}

static bool store_leaves(struct maker *maker, const spent_vec *spent)
{
	struct plait_table *table = maker->table;
	if (!plait_vec_reserve(&table->leaves, spent->count))
		return false;
	for (size_t i = 0; i < spent->count; i++) {
		struct plait_table_row *row = &table->rows.data[maker->row_of[spent->data[i].line] - 1];
		if (!row->leaf_count++)
			row->leaves = (uint32_t)table->leaves.count;
		table->leaves.data[table->leaves.count++] = spent->data[i].leaf;
	}
	return true;
}

static bool add_lines(struct maker *maker)
{
	uint32_t *line_of PLAIT_FREE = calloc(maker->tree->nodes.count, sizeof(*line_of));
	spent_vec spent = { 0 };
	struct plait_map index = { 0 };
	bool done = line_of && spend(maker, line_of, &spent, &index);
	if (done && spent.count)
		qsort_r(spent.data, spent.count, sizeof(*spent.data), compare_spent, (void *)maker->profile);
	done = done && store_leaves(maker, &spent);
	plait_vec_free(&spent);
	plait_map_release(&index);
	return done;
}

static int compare_rows(const void *a, const void *b, void *context)
{
	const struct plait_table_row *left = a, *right = b;
	if (left->self != right->self)
		return left->self > right->self ? -1 : 1;
	if (left->total != right->total)
		return left->total > right->total ? -1 : 1;
	const struct plait_profile *profile = context;
	return strcmp(profile->labels.all.data[left->label].text, profile->labels.all.data[right->label].text);
}

static bool make(struct maker *maker, bool lines)
{
	size_t labels = maker->profile->labels.all.count + 1;
	maker->row_of = calloc(labels, sizeof(*maker->row_of));
	maker->open = calloc(labels, sizeof(*maker->open));
	bool done = maker->row_of && maker->open && add_totals(maker, lines) &&
		    (lines ? add_lines(maker) : add_selves(maker));
	free(maker->row_of);
	free(maker->open);
	struct plait_table *table = maker->table;
	if (done && table->rows.count)
		qsort_r(table->rows.data, table->rows.count, sizeof(*table->rows.data), compare_rows,
			(void *)maker->profile);
	return done;
}

static struct plait_error *table_create(const struct plait_profile *profile, const struct plait_selection *selection,
					bool lines, struct plait_table *ret)
{
	struct plait_calltree_options options = { .grain = lines ? PLAIT_GRAIN_LINE : PLAIT_GRAIN_FUNCTION };
	struct plait_calltree *tree;
	PLAIT_TRY(plait_calltree_create(profile, selection, &options, &tree));
	struct plait_table table = { .total = tree->nodes.data[0].total, .samples = tree->nodes.data[0].total_samples };
	if (tree->total_ratios)
		table.ratio = tree->total_ratios[0];
	struct maker maker = { .profile = profile, .tree = tree, .table = &table };
	bool done = make(&maker, lines);
	plait_calltree_destroy(tree);
	if (!done) {
		plait_table_release(&table);
		return plait_error_no_memory();
	}
	*ret = table;
	return NULL;
}

struct plait_error *plait_table_by_function(const struct plait_profile *profile,
					    const struct plait_selection *selection, struct plait_table *ret)
{
	return table_create(profile, selection, false, ret);
}

struct plait_error *plait_table_by_line(const struct plait_profile *profile, const struct plait_selection *selection,
					struct plait_table *ret)
{
	return table_create(profile, selection, true, ret);
}

void plait_table_release(struct plait_table *table)
{
	plait_vec_free(&table->rows);
	plait_vec_free(&table->leaves);
	table->total = table->outside = table->samples = 0;
}
