#include "output/render/tree_rows.h"

#include <string.h>

enum {
	PERIOD_MAX = 16, /* frames in one round of a recursion that is recognized */
	REPEATS_MIN = 3,
};

/* A frame of a chain on its way to a row. */
struct link {
	uint32_t node;
	uint64_t self;
	uint32_t folded, repeats, period;
	bool hidden;
};

/* A branch, or (node PLAIT_NONE) the line about cut ones, still to be shown. */
struct pending {
	uint32_t node, branch, cut;
	uint64_t total;
};

struct maker {
	const struct plait_calltree *tree;
	struct plait_tree_rows *rows;
	uint64_t limit; /* smaller totals are cut */
	bool full;
	PLAIT_VEC(struct link) chain;
	PLAIT_VEC(struct pending) stack; /* next one last */
};

/* The children of a node, in falling order: `visible` ones, then those that are cut. */
struct fork {
	uint32_t visible, cut;
	uint64_t cut_total;
};

static const struct plait_calltree_node *node_at(const struct maker *maker, uint32_t node)
{
	return &maker->tree->nodes.data[node];
}

static struct fork fork_of(const struct maker *maker, uint32_t node)
{
	struct fork fork = { 0 };
	for (uint32_t child = node_at(maker, node)->first_child; child != PLAIT_NONE;) {
		const struct plait_calltree_node *at = node_at(maker, child);
		if (at->total >= maker->limit) {
			fork.visible++;
		} else {
			fork.cut++;
			fork.cut_total = plait_saturating_add(fork.cut_total, at->total);
		}
		child = at->next_sibling;
	}
	return fork;
}

/* Whether the chain goes on below a fork: one way only, and what is cut beside it is small even together. */
static bool goes_on(const struct maker *maker, const struct fork *fork)
{
	return fork->visible == 1 && (!fork->cut || fork->cut_total < maker->limit);
}

/* Collects the chain from `node` on; `*ret_fork` is where it ends, its cut branches those of the whole chain. */
static bool collect_chain(struct maker *maker, uint32_t node, struct fork *ret_fork)
{
	maker->chain.count = 0;
	struct fork sum = { 0 };
	for (;;) {
		if (!plait_vec_push(&maker->chain, (struct link) { .node = node, .self = node_at(maker, node)->self }))
			return false;
		struct fork fork = fork_of(maker, node);
		sum.visible = fork.visible;
		sum.cut += fork.cut;
		sum.cut_total = plait_saturating_add(sum.cut_total, fork.cut_total);
		if (!goes_on(maker, &fork))
			break;
		node = node_at(maker, node)->first_child;
	}
	*ret_fork = sum;
	return true;
}

static uint32_t label_of(const struct maker *maker, size_t link)
{
	return node_at(maker, maker->chain.data[link].node)->label;
}

/* How often the `period` frames from `at` on come one after the other. */
static uint32_t count_repeats(const struct maker *maker, size_t at, size_t period)
{
	size_t end = at + period;
	while (end < maker->chain.count && label_of(maker, end) == label_of(maker, end - period))
		end++;
	return (uint32_t)((end - at) / period);
}

/* Whether one of the frames has a name: several without one after the other are no recursion, but different functions.
 */
static bool any_named(const struct maker *maker, size_t at, size_t count)
{
	for (size_t i = at; i < at + count; i++) {
		if (!maker->tree->profile->labels.all.data[label_of(maker, i)].unresolved)
			return true;
	}
	return false;
}

/* Puts the rounds of a recursion, from `at` on, into its first one. */
static void fold_rounds(struct maker *maker, size_t at, size_t period, uint32_t repeats)
{
	struct link *chain = maker->chain.data;
	chain[at].repeats = repeats;
	chain[at].period = (uint32_t)period;
	for (size_t i = at + period; i < at + period * repeats; i++) {
		struct link *first = &chain[at + (i - at) % period];
		first->self = plait_saturating_add(first->self, chain[i].self);
		chain[i].hidden = true;
	}
}

static void drop_hidden(struct maker *maker)
{
	size_t kept = 0;
	for (size_t i = 0; i < maker->chain.count; i++) {
		if (!maker->chain.data[i].hidden)
			maker->chain.data[kept++] = maker->chain.data[i];
	}
	maker->chain.count = kept;
}

static void fold_recursion(struct maker *maker)
{
	for (size_t at = 0; at < maker->chain.count;) {
		size_t next = at + 1;
		for (size_t period = 1; period <= PERIOD_MAX; period++) {
			uint32_t repeats = count_repeats(maker, at, period);
			if (repeats >= REPEATS_MIN && any_named(maker, at, period)) {
				fold_rounds(maker, at, period, repeats);
				next = at + period * repeats;
				break;
			}
		}
		at = next;
	}
	drop_hidden(maker);
}

/* Whether two neighbours of a chain are native frames of one module, or kernel frames: a run. */
static bool same_run(const struct plait_label *a, const struct plait_label *b)
{
	bool native = a->kind == PLAIT_LABEL_NATIVE || a->kind == PLAIT_LABEL_KERNEL;
	return native && a->kind == b->kind && strcmp(a->module, b->module) == 0;
}

/* Folds what lies inside a run and has (nearly) no share of its own: its first and last frame stay. */
static void fold_native(struct maker *maker)
{
	uint32_t folded = 0;
	for (size_t i = 1; i + 1 < maker->chain.count; i++) {
		struct link *link = &maker->chain.data[i];
		const struct plait_label *label = plait_calltree_label(maker->tree, link->node);
		link->hidden = !link->repeats && (!link->self || link->self < maker->limit) &&
			       same_run(label, plait_calltree_label(maker->tree, link[-1].node)) &&
			       same_run(label, plait_calltree_label(maker->tree, link[1].node));
		folded = link->hidden ? folded + 1 : 0;
		link[1].folded = folded;
	}
	drop_hidden(maker);
}

static bool add_rows(struct maker *maker, uint32_t branch, uint32_t cut)
{
	bool head = true;
	for (size_t i = 0; i < maker->chain.count; i++) {
		const struct link *link = &maker->chain.data[i];
		struct plait_tree_row row = { .node = link->node,
					      .branch = branch,
					      .head = head,
					      .total = node_at(maker, link->node)->total,
					      .self = link->self,
					      .folded = link->folded,
					      .repeats = link->repeats,
					      .period = link->period,
					      .cut = i + 1 == maker->chain.count ? cut : 0 };
		head = false;
		if (!plait_vec_push(&maker->rows->rows, row))
			return false;
	}
	return true;
}

/* A branch below `parent`, to be shown after those that are added later. */
static bool add_pending(struct maker *maker, uint32_t parent, bool last, struct pending pending)
{
	struct plait_tree_rows *rows = maker->rows;
	struct plait_tree_branch branch = { .parent = parent, .last = last };
	branch.depth = parent == PLAIT_NONE ? 0 : rows->branches.data[parent].depth + 1;
	pending.branch = (uint32_t)rows->branches.count;
	return plait_vec_push(&rows->branches, branch) && plait_vec_push(&maker->stack, pending);
}

/* The branches below `node`, the last one added first. */
static bool add_fork(struct maker *maker, uint32_t node, uint32_t branch, const struct fork *fork)
{
	size_t count = fork->visible + (fork->cut > 0);
	size_t base = maker->stack.count;
	uint32_t child = node_at(maker, node)->first_child;
	for (size_t i = 0; i < count; i++) {
		struct pending pending = { .node = PLAIT_NONE, .cut = fork->cut, .total = fork->cut_total };
		if (i < fork->visible) {
			pending = (struct pending) { .node = child };
			child = node_at(maker, child)->next_sibling;
		}
		if (!add_pending(maker, branch, i + 1 == count, pending))
			return false;
	}
	for (size_t low = base, high = maker->stack.count; low + 1 < high; low++) {
		struct pending swapped = maker->stack.data[low];
		maker->stack.data[low] = maker->stack.data[--high];
		maker->stack.data[high] = swapped;
	}
	return true;
}

static bool add_cut_row(struct maker *maker, const struct pending *pending)
{
	struct plait_tree_row row = { .node = PLAIT_NONE,
				      .branch = pending->branch,
				      .head = true,
				      .total = pending->total,
				      .cut = pending->cut };
	return plait_vec_push(&maker->rows->rows, row);
}

static bool add_branch(struct maker *maker, const struct pending *pending)
{
	struct fork fork;
	if (!collect_chain(maker, pending->node, &fork))
		return false;
	uint32_t end = maker->chain.data[maker->chain.count - 1].node;
	if (!maker->full) {
		fold_recursion(maker);
		fold_native(maker);
	}
	return add_rows(maker, pending->branch, fork.visible ? 0 : fork.cut) &&
	       (!fork.visible || add_fork(maker, end, pending->branch, &fork));
}

static bool make(struct maker *maker)
{
	struct fork fork = fork_of(maker, 0);
	struct plait_tree_branch trunk = { .parent = PLAIT_NONE, .last = true };
	if (!plait_vec_push(&maker->rows->branches, trunk))
		return false;
	bool single = goes_on(maker, &fork) && !fork.cut;
	if (single && !plait_vec_push(&maker->stack, (struct pending) { .node = node_at(maker, 0)->first_child }))
		return false;
	if (!single && !add_fork(maker, 0, 0, &fork))
		return false;
	while (maker->stack.count) {
		struct pending pending = maker->stack.data[--maker->stack.count];
		if (!(pending.node == PLAIT_NONE ? add_cut_row(maker, &pending) : add_branch(maker, &pending)))
			return false;
	}
	return true;
}

struct plait_error *plait_tree_rows_create(const struct plait_calltree *tree, double threshold, bool full,
					   struct plait_tree_rows *ret)
{
	struct plait_tree_rows rows = { 0 };
	struct maker maker = { .tree = tree, .rows = &rows, .full = full };
	double limit = (double)tree->nodes.data[0].total * threshold / 100;
	maker.limit = limit >= (double)UINT64_MAX ? UINT64_MAX : (uint64_t)limit;
	maker.limit += (double)maker.limit < limit; /* rounded up */
	bool done = make(&maker);
	plait_vec_free(&maker.chain);
	plait_vec_free(&maker.stack);
	if (!done) {
		plait_tree_rows_release(&rows);
		return plait_error_no_memory();
	}
	*ret = rows;
	return NULL;
}

void plait_tree_rows_release(struct plait_tree_rows *rows)
{
	plait_vec_free(&rows->rows);
	plait_vec_free(&rows->branches);
}
