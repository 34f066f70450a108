#include "output/model/chain.h"

#include <string.h>

enum {
	PERIOD_MAX = 16, /* frames in one round of a recursion that is recognized */
	REPEATS_MIN = 3,
};

uint64_t plait_chain_limit(const struct plait_calltree *tree, double threshold)
{
	double limit = (double)tree->nodes.data[0].total * threshold / 100;
	uint64_t whole = limit >= (double)UINT64_MAX ? UINT64_MAX : (uint64_t)limit;
	return whole + ((double)whole < limit); /* rounded up */
}

struct plait_fork plait_fork_of(const struct plait_calltree *tree, uint32_t node, uint64_t limit)
{
	struct plait_fork fork = { 0 };
	for (uint32_t child = tree->nodes.data[node].first_child; child != PLAIT_NONE;) {
		const struct plait_calltree_node *at = &tree->nodes.data[child];
		if (at->total >= limit) {
			fork.visible++;
		} else {
			fork.cut++;
			fork.cut_total = plait_saturating_add(fork.cut_total, at->total);
		}
		child = at->next_sibling;
	}
	return fork;
}

bool plait_fork_goes_on(const struct plait_fork *fork, uint64_t limit)
{
	return fork->visible == 1 && (!fork->cut || fork->cut_total < limit);
}

/* Collects the links from `node` on, and where they end. */
static bool collect(const struct plait_calltree *tree, uint32_t node, uint64_t limit, struct plait_chain *chain)
{
	struct plait_fork sum = { 0 };
	chain->links.count = 0;
	for (;;) {
		struct plait_chain_link link = { .node = node, .self = tree->nodes.data[node].self };
		if (!plait_vec_push(&chain->links, link))
			return false;
		struct plait_fork fork = plait_fork_of(tree, node, limit);
		sum.visible = fork.visible;
		sum.cut += fork.cut;
		sum.cut_total = plait_saturating_add(sum.cut_total, fork.cut_total);
		if (!plait_fork_goes_on(&fork, limit))
			break;
		node = tree->nodes.data[node].first_child;
	}
	chain->fork = sum;
	chain->end = node;
	return true;
}

static uint32_t label_of(const struct plait_calltree *tree, const struct plait_chain *chain, size_t link)
{
	return tree->nodes.data[chain->links.data[link].node].label;
}

/* How often the `period` frames from `at` on come one after the other. */
static uint32_t count_repeats(const struct plait_calltree *tree, const struct plait_chain *chain, size_t at,
			      size_t period)
{
	size_t end = at + period;
	while (end < chain->links.count && label_of(tree, chain, end) == label_of(tree, chain, end - period))
		end++;
	return (uint32_t)((end - at) / period);
}

/* Whether one of the frames has a name: several without one after the other are no recursion, but different functions.
 */
static bool any_named(const struct plait_calltree *tree, const struct plait_chain *chain, size_t at, size_t count)
{
	for (size_t i = at; i < at + count; i++) {
		if (!tree->profile->labels.all.data[label_of(tree, chain, i)].unresolved)
			return true;
	}
	return false;
}

/* Puts the rounds of a recursion, from `at` on, into its first one. */
static void fold_rounds(struct plait_chain *chain, size_t at, size_t period, uint32_t repeats)
{
	struct plait_chain_link *links = chain->links.data;
	links[at].repeats = repeats;
	links[at].period = (uint32_t)period;
	for (size_t i = at + period; i < at + period * repeats; i++) {
		struct plait_chain_link *first = &links[at + (i - at) % period];
		first->self = plait_saturating_add(first->self, links[i].self);
		links[i].hidden = true;
	}
}

static void drop_hidden(struct plait_chain *chain)
{
	size_t kept = 0;
	for (size_t i = 0; i < chain->links.count; i++) {
		if (!chain->links.data[i].hidden)
			chain->links.data[kept++] = chain->links.data[i];
	}
	chain->links.count = kept;
}

static void fold_recursion(const struct plait_calltree *tree, struct plait_chain *chain)
{
	for (size_t at = 0; at < chain->links.count;) {
		size_t next = at + 1;
		for (size_t period = 1; period <= PERIOD_MAX; period++) {
			uint32_t repeats = count_repeats(tree, chain, at, period);
			if (repeats >= REPEATS_MIN && any_named(tree, chain, at, period)) {
				fold_rounds(chain, at, period, repeats);
				next = at + period * repeats;
				break;
			}
		}
		at = next;
	}
	drop_hidden(chain);
}

/* Whether two neighbours of a chain are native frames of one module, or kernel frames: a run. */
static bool same_run(const struct plait_label *a, const struct plait_label *b)
{
	bool native = a->kind == PLAIT_LABEL_NATIVE || a->kind == PLAIT_LABEL_KERNEL;
	return native && a->kind == b->kind && strcmp(a->module, b->module) == 0;
}

/* Folds what lies inside a run and has (nearly) no share of its own: its first and last frame stay. */
static void fold_native(const struct plait_calltree *tree, uint64_t limit, struct plait_chain *chain)
{
	uint32_t folded = 0;
	for (size_t i = 1; i + 1 < chain->links.count; i++) {
		struct plait_chain_link *link = &chain->links.data[i];
		const struct plait_label *label = plait_calltree_label(tree, link->node);
		link->hidden = !link->repeats && (!link->self || link->self < limit) &&
			       same_run(label, plait_calltree_label(tree, link[-1].node)) &&
			       same_run(label, plait_calltree_label(tree, link[1].node));
		folded = link->hidden ? folded + 1 : 0;
		link[1].folded = folded;
	}
	drop_hidden(chain);
}

bool plait_chain_make(const struct plait_calltree *tree, uint32_t node, uint64_t limit, bool full,
		      struct plait_chain *chain)
{
	if (!collect(tree, node, limit, chain))
		return false;
	if (!full) {
		fold_recursion(tree, chain);
		fold_native(tree, limit, chain);
	}
	return true;
}

void plait_chain_release(struct plait_chain *chain)
{
	plait_vec_free(&chain->links);
}
