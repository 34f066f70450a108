/*
 * Chains of single calls in a call tree: what trees for people show as one branch, however long it is.
 */
#ifndef PLAIT_OUTPUT_MODEL_CHAIN_H
#define PLAIT_OUTPUT_MODEL_CHAIN_H

#include "output/model/calltree.h"

/* The children of a node, in falling order: `visible` ones, then those that are cut because they are small. */
struct plait_fork {
	uint32_t visible, cut;
	uint64_t cut_total;
};

/* A frame of a chain that is shown. */
struct plait_chain_link {
	uint32_t node;
	uint64_t self;
	uint32_t folded;  /* frames left out in front of it */
	uint32_t repeats; /* it and the `period` - 1 links after it (before folding) come so often in a row; 0: once */
	uint32_t period;
	bool hidden; /* never true once the chain is made */
};

/* Zeroed is empty; made again and again. */
struct plait_chain {
	PLAIT_VEC(struct plait_chain_link) links;
	struct plait_fork fork; /* where it ends; the cut branches are those of the whole chain */
	uint32_t end;		/* the node that forks, shown or folded */
};

/* The least total that is not below `threshold` per cent of the whole. */
uint64_t plait_chain_limit(const struct plait_calltree *tree, double threshold);

/* The children of `node`; totals below `limit` are cut. */
struct plait_fork plait_fork_of(const struct plait_calltree *tree, uint32_t node, uint64_t limit);

/* Whether a chain goes on below a fork: one way only, and what is cut beside it is small even together. */
bool plait_fork_goes_on(const struct plait_fork *fork, uint64_t limit);

/* Fills `chain` with the frames from `node` on. Unless `full`, rounds of a recursion are folded into the first one, and
 * so are native frames that only pass a call on inside of one module, as long as their own share is below `limit`.
 * False: no memory. */
bool plait_chain_make(const struct plait_calltree *tree, uint32_t node, uint64_t limit, bool full,
		      struct plait_chain *chain);
void plait_chain_release(struct plait_chain *chain);

#endif
