#include "output/model/outline.h"

#include <string.h>

/* Flags of a node. */
enum {
	OPEN = 1,
	ALL = 2,  /* nothing is cut in the branch that begins here */
	FULL = 4, /* nothing is folded in the branch that begins here */
	HOT = 8,
};

/* A branch, or (node PLAIT_NONE) the row of cut ones, still to be shown. */
struct pending {
	uint32_t node, branch, cut;
	uint64_t total;
};

struct maker {
	struct plait_outline *outline;
	PLAIT_VEC(struct pending) stack; /* next one last */
};

static const struct plait_calltree_node *node_at(const struct plait_outline *outline, uint32_t node)
{
	return &outline->tree->nodes.data[node];
}

static uint64_t limit_of(const struct plait_outline *outline, uint32_t head)
{
	return outline->flags[head] & ALL ? 0 : outline->limit;
}

static bool make_chain(struct plait_outline *outline, uint32_t head)
{
	return plait_chain_make(outline->tree, head, limit_of(outline, head),
				outline->full || outline->flags[head] & FULL, &outline->chain);
}

static enum plait_outline_state state_of(const struct plait_outline *outline, size_t link)
{
	const struct plait_chain *chain = &outline->chain;
	bool end = link + 1 == chain->links.count;
	if (end && !chain->fork.visible)
		return chain->fork.cut ? PLAIT_OUTLINE_CLOSED : PLAIT_OUTLINE_LEAF;
	return outline->flags[chain->links.data[link].node] & OPEN ? PLAIT_OUTLINE_OPEN : PLAIT_OUTLINE_CLOSED;
}

/* The rows of the chain up to the first closed one; `*ret_fork`: whether the branches at its end are to follow. */
static bool add_rows(struct plait_outline *outline, uint32_t branch, bool *ret_fork)
{
	const struct plait_chain *chain = &outline->chain;
	*ret_fork = false;
	for (size_t i = 0; i < chain->links.count; i++) {
		const struct plait_chain_link *link = &chain->links.data[i];
		bool end = i + 1 == chain->links.count;
		struct plait_outline_row row = { .node = link->node,
						 .branch = branch,
						 .head = i == 0,
						 .hot = outline->flags[link->node] & HOT,
						 .state = state_of(outline, i),
						 .total = node_at(outline, link->node)->total,
						 .self = link->self,
						 .folded = link->folded,
						 .repeats = link->repeats,
						 .period = link->period,
						 .cut = end && !chain->fork.visible ? chain->fork.cut : 0 };
		if (!plait_vec_push(&outline->rows, row))
			return false;
		if (row.state != PLAIT_OUTLINE_OPEN)
			return true;
	}
	*ret_fork = chain->fork.visible > 0;
	return true;
}

/* A branch below `parent`, to be shown after those that are added later. */
static bool add_pending(struct maker *maker, uint32_t parent, bool last, struct pending pending)
{
	struct plait_outline *outline = maker->outline;
	struct plait_outline_branch branch = { .parent = parent, .node = pending.node, .last = last };
	branch.depth = parent == PLAIT_NONE ? 0 : outline->branches.data[parent].depth + 1;
	pending.branch = (uint32_t)outline->branches.count;
	return plait_vec_push(&outline->branches, branch) && plait_vec_push(&maker->stack, pending);
}

/* The branches below `node`, the last one added first. */
static bool add_fork(struct maker *maker, uint32_t node, uint32_t branch, const struct plait_fork *fork)
{
	size_t count = fork->visible + (fork->cut > 0);
	size_t base = maker->stack.count;
	uint32_t child = node_at(maker->outline, node)->first_child;
	for (size_t i = 0; i < count; i++) {
		struct pending pending = { .node = PLAIT_NONE, .cut = fork->cut, .total = fork->cut_total };
		if (i < fork->visible) {
			pending = (struct pending) { .node = child };
			child = node_at(maker->outline, child)->next_sibling;
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

static bool add_cut_row(struct plait_outline *outline, const struct pending *pending)
{
	struct plait_outline_row row = { .node = PLAIT_NONE,
					 .branch = pending->branch,
					 .head = true,
					 .state = PLAIT_OUTLINE_CLOSED,
					 .total = pending->total,
					 .cut = pending->cut };
	return plait_vec_push(&outline->rows, row);
}

static bool add_branch(struct maker *maker, const struct pending *pending)
{
	struct plait_outline *outline = maker->outline;
	bool forks;
	if (!make_chain(outline, pending->node) || !add_rows(outline, pending->branch, &forks))
		return false;
	const struct plait_fork fork = outline->chain.fork;
	return !forks || add_fork(maker, outline->chain.end, pending->branch, &fork);
}

static bool make(struct maker *maker)
{
	struct plait_outline *outline = maker->outline;
	uint64_t limit = limit_of(outline, 0);
	struct plait_fork fork = plait_fork_of(outline->tree, 0, limit);
	struct plait_outline_branch trunk = { .parent = PLAIT_NONE, .last = true };
	bool single = plait_fork_goes_on(&fork, limit) && !fork.cut;
	if (single)
		trunk.node = node_at(outline, 0)->first_child;
	outline->rows.count = outline->branches.count = 0;
	if (!plait_vec_push(&outline->branches, trunk))
		return false;
	if (single && !plait_vec_push(&maker->stack, (struct pending) { .node = trunk.node }))
		return false;
	if (!single && !add_fork(maker, 0, 0, &fork))
		return false;
	while (maker->stack.count) {
		struct pending pending = maker->stack.data[--maker->stack.count];
		if (!(pending.node == PLAIT_NONE ? add_cut_row(outline, &pending) : add_branch(maker, &pending)))
			return false;
	}
	return true;
}

static struct plait_error *lay_out(struct plait_outline *outline)
{
	struct maker maker = { .outline = outline };
	bool made = make(&maker);
	plait_vec_free(&maker.stack);
	return made ? NULL : plait_error_no_memory();
}

/* The dearest child of `node`, unless more of it is its own, or it would be cut; then PLAIT_NONE. */
static uint32_t hot_child(const struct plait_outline *outline, uint32_t node)
{
	uint32_t child = node_at(outline, node)->first_child;
	if (child == PLAIT_NONE || !node_at(outline, child)->total || node_at(outline, child)->total < outline->limit)
		return PLAIT_NONE;
	return node_at(outline, child)->total >= node_at(outline, node)->self ? child : PLAIT_NONE;
}

uint32_t plait_outline_hot_end(const struct plait_outline *outline, uint32_t node)
{
	for (uint32_t next; (next = hot_child(outline, node)) != PLAIT_NONE;)
		node = next;
	return node;
}

/* Numbers the nodes from top to bottom. */
static void number_nodes(struct plait_outline *outline)
{
	uint32_t node = 0, count = 0;
	bool leaving = false;
	do {
		if (leaving)
			continue;
		outline->numbers[node] = count;
		outline->order[count++] = node;
	} while (plait_calltree_walk(outline->tree, &node, &leaving));
}

struct plait_error *plait_outline_create(const struct plait_calltree *tree, double threshold, bool full,
					 struct plait_outline **ret)
{
	struct plait_outline *outline = calloc(1, sizeof(*outline));
	if (!outline)
		return plait_error_no_memory();
	size_t count = tree->nodes.count;
	outline->tree = tree;
	outline->flags = calloc(count, sizeof(*outline->flags));
	outline->order = calloc(count, sizeof(*outline->order));
	outline->numbers = calloc(count, sizeof(*outline->numbers));
	struct plait_error *error = NULL;
	if (!outline->flags || !outline->order || !outline->numbers) {
		error = plait_error_no_memory();
	} else {
		number_nodes(outline);
		outline->limit = plait_chain_limit(tree, threshold);
		for (uint32_t node = 0; (node = hot_child(outline, node)) != PLAIT_NONE;)
			outline->flags[node] = HOT;
		error = plait_outline_set(outline, threshold, full);
	}
	if (error) {
		plait_outline_destroy(outline);
		return error;
	}
	*ret = outline;
	return NULL;
}

void plait_outline_destroy(struct plait_outline *outline)
{
	if (!outline)
		return;
	plait_vec_free(&outline->rows);
	plait_vec_free(&outline->branches);
	plait_chain_release(&outline->chain);
	free(outline->flags);
	free(outline->order);
	free(outline->numbers);
	free(outline);
}

struct plait_error *plait_outline_set(struct plait_outline *outline, double threshold, bool full)
{
	outline->threshold = threshold;
	outline->limit = plait_chain_limit(outline->tree, threshold);
	outline->full = full;
	return lay_out(outline);
}

/* Sets or clears OPEN; closing forgets what was shown in spite of being small or folded. */
static void set_open(struct plait_outline *outline, uint32_t node, bool open)
{
	if (open)
		outline->flags[node] |= OPEN;
	else
		outline->flags[node] &= HOT;
}

struct plait_error *plait_outline_open_all(struct plait_outline *outline, bool open)
{
	for (uint32_t i = 0; i < outline->tree->nodes.count; i++)
		set_open(outline, i, open);
	return lay_out(outline);
}

/* Opens `node` and what follows it in its chain; what is small is shown when there is nothing else. */
static bool open_chain(struct plait_outline *outline, uint32_t head, uint32_t node)
{
	if (!make_chain(outline, head))
		return false;
	const struct plait_chain *chain = &outline->chain;
	size_t at = 0;
	while (at < chain->links.count && chain->links.data[at].node != node)
		at++;
	if (at + 1 == chain->links.count && !chain->fork.visible)
		outline->flags[head] |= ALL;
	for (; at < chain->links.count; at++)
		outline->flags[chain->links.data[at].node] |= OPEN;
	return true;
}

struct plait_error *plait_outline_open(struct plait_outline *outline, size_t index, bool *ret_changed)
{
	const struct plait_outline_row *row = &outline->rows.data[index];
	const struct plait_outline_branch *branch = &outline->branches.data[row->branch];
	*ret_changed = true;
	if (row->node == PLAIT_NONE) {
		outline->flags[outline->branches.data[branch->parent].node] |= ALL;
	} else if (row->state == PLAIT_OUTLINE_CLOSED) {
		if (!open_chain(outline, branch->node, row->node))
			return plait_error_no_memory();
	} else if (row->folded || row->repeats) {
		outline->flags[branch->node] |= FULL;
	} else {
		*ret_changed = false;
		return NULL;
	}
	return lay_out(outline);
}

struct plait_error *plait_outline_close(struct plait_outline *outline, size_t index, bool *ret_changed)
{
	const struct plait_outline_row *row = &outline->rows.data[index];
	*ret_changed = row->state == PLAIT_OUTLINE_OPEN;
	if (!*ret_changed)
		return NULL;
	set_open(outline, row->node, false);
	return lay_out(outline);
}

struct plait_error *plait_outline_open_below(struct plait_outline *outline, size_t index, bool open)
{
	uint32_t top = outline->rows.data[index].node, node = top;
	bool leaving = false, changed;
	if (top == PLAIT_NONE)
		return open ? plait_outline_open(outline, index, &changed) : NULL;
	do {
		if (!leaving)
			set_open(outline, node, open);
	} while (!(leaving && node == top) && plait_calltree_walk(outline->tree, &node, &leaving));
	return lay_out(outline);
}

static size_t link_of(const struct plait_chain *chain, uint32_t node)
{
	for (size_t i = 0; i < chain->links.count; i++) {
		if (chain->links.data[i].node == node)
			return i;
	}
	return SIZE_MAX;
}

/* Whether `node` is `inner`, or one of the nodes that lead to it. */
static bool leads_to(const struct plait_outline *outline, uint32_t node, uint32_t inner)
{
	while (inner != PLAIT_NONE && inner != node)
		inner = node_at(outline, inner)->parent;
	return inner == node;
}

/* The child of `from` on the way to `node`, which is below it. */
static uint32_t step_to(const struct plait_outline *outline, uint32_t from, uint32_t node)
{
	while (node_at(outline, node)->parent != from)
		node = node_at(outline, node)->parent;
	return node;
}

/* Opens the branch that begins with `head` as far as it leads to `node`; `*ret_next`: the branch to go on with,
 * PLAIT_NONE at the end. */
static bool reveal_in(struct plait_outline *outline, uint32_t head, uint32_t node, uint32_t *ret_next)
{
	for (int tries = 0; tries < 3; tries++) {
		if (!make_chain(outline, head))
			return false;
		const struct plait_chain *chain = &outline->chain;
		bool in_chain = !leads_to(outline, chain->end, node) || chain->end == node;
		size_t link = in_chain ? link_of(chain, node) : chain->links.count;
		uint32_t next = in_chain ? PLAIT_NONE : step_to(outline, chain->end, node);
		bool beside = in_chain && !leads_to(outline, node, chain->end);
		bool small = !in_chain && node_at(outline, next)->total < limit_of(outline, head);
		if (beside || small) {
			outline->flags[head] |= ALL;
		} else if (link == SIZE_MAX) {
			outline->flags[head] |= FULL;
		} else {
			for (size_t i = 0; i < link; i++)
				outline->flags[chain->links.data[i].node] |= OPEN;
			*ret_next = next;
			return true;
		}
	}
	*ret_next = PLAIT_NONE;
	return true;
}

struct plait_error *plait_outline_reveal(struct plait_outline *outline, uint32_t node, size_t *ret)
{
	if (node != PLAIT_NONE && node != 0) {
		uint32_t head = step_to(outline, 0, node);
		if (node_at(outline, head)->total < limit_of(outline, 0))
			outline->flags[0] |= ALL;
		while (head != PLAIT_NONE) {
			if (!reveal_in(outline, head, node, &head))
				return plait_error_no_memory();
		}
	}
	PLAIT_TRY(lay_out(outline));
	*ret = plait_outline_row_of(outline, node);
	return NULL;
}

/* The dearest closed row that costs less than `ceiling`, of the hot path first; SIZE_MAX: none. */
static size_t dearest_closed(const struct plait_outline *outline, uint64_t ceiling, bool hot)
{
	size_t best = SIZE_MAX;
	uint64_t most = 0;
	for (size_t i = 0; i < outline->rows.count; i++) {
		const struct plait_outline_row *row = &outline->rows.data[i];
		if (row->state != PLAIT_OUTLINE_CLOSED || row->cut || (hot && !row->hot))
			continue;
		uint64_t total = row->total;
		if (total < ceiling && total > most) {
			best = i;
			most = total;
		}
	}
	return best;
}

/* Opens a row, unless more than `wanted` come of it; of a chain of the hot path, then, as many as there is room for.
 * `*ret_fits` false: there was no room for all. */
static struct plait_error *open_within(struct plait_outline *outline, size_t index, size_t wanted, bool *ret_fits)
{
	const struct plait_outline_row row = outline->rows.data[index];
	uint32_t head = outline->branches.data[row.branch].node;
	size_t room = wanted - outline->rows.count;
	bool changed;
	PLAIT_TRY(plait_outline_open(outline, index, &changed));
	*ret_fits = outline->rows.count <= wanted;
	if (*ret_fits)
		return NULL;
	PLAIT_TRY(plait_outline_close(outline, plait_outline_row_of(outline, row.node), &changed));
	if (!row.hot || !make_chain(outline, head))
		return NULL;
	const struct plait_chain *chain = &outline->chain;
	size_t at = link_of(chain, row.node), below = chain->links.count - 1 - at;
	for (size_t i = at; i < chain->links.count; i++) /* they were opened, too */
		set_open(outline, chain->links.data[i].node, false);
	for (size_t i = at; i < at + (room < below ? room : below); i++)
		set_open(outline, chain->links.data[i].node, true);
	return lay_out(outline);
}

struct plait_error *plait_outline_fill(struct plait_outline *outline, size_t wanted)
{
	uint64_t ceiling = UINT64_MAX;
	for (bool hot = true; outline->rows.count < wanted;) {
		size_t row = dearest_closed(outline, ceiling, hot);
		bool fits = true;
		if (row == SIZE_MAX && !hot)
			break;
		if (row != SIZE_MAX) {
			uint64_t total = outline->rows.data[row].total;
			PLAIT_TRY(open_within(outline, row, wanted, &fits));
			ceiling = fits ? ceiling : total;
		}
		hot = hot && fits && row != SIZE_MAX;
	}
	return NULL;
}

size_t plait_outline_parent(const struct plait_outline *outline, size_t index)
{
	const struct plait_outline_row *row = &outline->rows.data[index];
	if (!row->head)
		return index - 1;
	uint32_t parent = outline->branches.data[row->branch].parent;
	for (size_t i = index; i-- > 0;) {
		if (outline->rows.data[i].branch == parent)
			return i;
	}
	return index;
}

size_t plait_outline_row_of(const struct plait_outline *outline, uint32_t node)
{
	size_t best = 0;
	uint32_t number = node == PLAIT_NONE ? 0 : outline->numbers[node];
	for (size_t i = 0; i < outline->rows.count; i++) {
		uint32_t at = outline->rows.data[i].node;
		if (at != PLAIT_NONE && outline->numbers[at] <= number)
			best = i;
	}
	return best;
}

uint32_t plait_outline_find(const struct plait_outline *outline, uint32_t node, bool forward, const bool *matches)
{
	uint32_t count = (uint32_t)outline->tree->nodes.count;
	uint32_t at = node == PLAIT_NONE ? 0 : outline->numbers[node];
	for (uint32_t i = 0; i < count; i++) {
		at = forward ? (at + 1 == count ? 0 : at + 1) : (at ? at - 1 : count - 1);
		uint32_t found = outline->order[at];
		if (found && matches[node_at(outline, found)->label])
			return found;
	}
	return PLAIT_NONE;
}
