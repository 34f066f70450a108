/*
 * The rows of the text tree: what is shown, folded and cut, before any layout.
 *
 * A branch is a chain of single calls; it is indented once, however long it is, and only a fork indents deeper.
 */
#ifndef PLAIT_OUTPUT_RENDER_TREE_ROWS_H
#define PLAIT_OUTPUT_RENDER_TREE_ROWS_H

#include "output/model/calltree.h"

struct plait_tree_branch {
	uint32_t parent; /* index of the branch that it forks from; PLAIT_NONE: the first */
	uint32_t depth;	 /* forks above it */
	bool last;	 /* no other branch of the same fork follows */
};

struct plait_tree_row {
	uint32_t node;	 /* PLAIT_NONE: stands for the `cut` smaller branches of a fork */
	uint32_t branch; /* index */
	bool head;	 /* the first row of a branch */
	uint64_t total, self;
	uint32_t folded;  /* frames left out in front of it */
	uint32_t repeats; /* it and the `period` - 1 rows after it (before folding) come so often in a row; 0: once */
	uint32_t period;
	uint32_t cut; /* smaller branches left out below it */
};

struct plait_tree_rows {
	PLAIT_VEC(struct plait_tree_row) rows;
	PLAIT_VEC(struct plait_tree_branch) branches;
};

/* `threshold`: per cent of the whole, smaller branches are cut. `full`: no folding of native frames and recursion. */
struct plait_error *plait_tree_rows_create(const struct plait_calltree *tree, double threshold, bool full,
					   struct plait_tree_rows *ret);
void plait_tree_rows_release(struct plait_tree_rows *rows);

#endif
