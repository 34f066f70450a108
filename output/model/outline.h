/*
 * A call tree as rows, some of them closed: what is shown, folded and cut, before any layout. Only what is open is laid
 * out.
 *
 * A branch is a chain of single calls; it is indented once, however long it is, and only a fork indents deeper.
 */
#ifndef PLAIT_OUTPUT_MODEL_OUTLINE_H
#define PLAIT_OUTPUT_MODEL_OUTLINE_H

#include "output/model/chain.h"

struct plait_outline_branch {
	uint32_t parent; /* index of the branch that it forks from; PLAIT_NONE: the first */
	uint32_t depth;	 /* forks above it */
	uint32_t node;	 /* that it begins with: 0 for the first when it is empty, PLAIT_NONE for a row of cut ones */
	bool last;	 /* no other branch of the same fork follows */
};

enum plait_outline_state {
	PLAIT_OUTLINE_LEAF,
	PLAIT_OUTLINE_CLOSED, /* there is more below it */
	PLAIT_OUTLINE_OPEN,
};

struct plait_outline_row {
	uint32_t node;	 /* PLAIT_NONE: stands for the `cut` smaller branches of a fork */
	uint32_t branch; /* index */
	bool head;	 /* the first row of a branch */
	bool hot;	 /* on the path from the top that takes the dearest way at every step */
	enum plait_outline_state state;
	uint64_t total, self;
	uint32_t folded;  /* frames left out in front of it */
	uint32_t repeats; /* it and the `period` - 1 rows after it (before folding) come so often in a row; 0: once */
	uint32_t period;
	uint32_t cut; /* smaller branches left out below it */
};

/* Read freely. */
struct plait_outline {
	const struct plait_calltree *tree;
	PLAIT_VEC(struct plait_outline_row) rows;
	PLAIT_VEC(struct plait_outline_branch) branches;
	double threshold; /* per cent of the whole: smaller branches are cut */
	bool full;	  /* no folding of native frames and recursion */

	uint64_t limit;
	uint8_t *flags;		   /* by node */
	uint32_t *order, *numbers; /* the nodes as the whole tree has them from top to bottom, and their places there */
	struct plait_chain chain;  /* scratch */
};

/* Everything is closed. The tree is borrowed. */
struct plait_error *plait_outline_create(const struct plait_calltree *tree, double threshold, bool full,
					 struct plait_outline **ret);
void plait_outline_destroy(struct plait_outline *outline);

/* What follows changes what is open, and lays the rows out again. All give PLAIT_ERROR_NO_MEMORY only. */

/* Changes what is cut and folded. */
struct plait_error *plait_outline_set(struct plait_outline *outline, double threshold, bool full);

/* Opens or closes everything. */
struct plait_error *plait_outline_open_all(struct plait_outline *outline, bool open);

/* Opens a closed row up to the next fork; shows what was cut (a row of cut ones, or one with nothing else below it), or
 * folded (an open row or leaf). `*ret_changed` false: there was nothing. */
struct plait_error *plait_outline_open(struct plait_outline *outline, size_t row, bool *ret_changed);

/* Closes an open row; `*ret_changed` false: it was none. */
struct plait_error *plait_outline_close(struct plait_outline *outline, size_t row, bool *ret_changed);

/* Opens or closes everything at and below a row. */
struct plait_error *plait_outline_open_below(struct plait_outline *outline, size_t row, bool open);

/* Opens the hottest path, then the dearest rows, as long as not more than `wanted` rows come of it. */
struct plait_error *plait_outline_fill(struct plait_outline *outline, size_t wanted);

/* Makes `node` visible, whatever was closed, cut or folded around it; its row in `*ret`. */
struct plait_error *plait_outline_reveal(struct plait_outline *outline, uint32_t node, size_t *ret);

/* The end of the path from `node` (0: the top) that takes the dearest way, to where more is spent
 * than in any way on, or all are small. */
uint32_t plait_outline_hot_end(const struct plait_outline *outline, uint32_t node);

/* The row from which a row is called, itself when there is none. */
size_t plait_outline_parent(const struct plait_outline *outline, size_t row);

/* The row that shows `node`, or the nearest one above it that is shown. */
size_t plait_outline_row_of(const struct plait_outline *outline, uint32_t node);

/* The next node after (or before) `node`, from top to bottom of the whole tree, with a label whose `matches` is true.
 * It may be `node` itself after going once around. PLAIT_NONE: there is none. */
uint32_t plait_outline_find(const struct plait_outline *outline, uint32_t node, bool forward, const bool *matches);

#endif
