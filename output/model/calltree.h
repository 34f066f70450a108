/*
 * The call tree: the selected samples' stacks put together by their common outer frames (inverted: inner frames).
 */
#ifndef PLAIT_OUTPUT_MODEL_CALLTREE_H
#define PLAIT_OUTPUT_MODEL_CALLTREE_H

#include "output/model/selection.h"

/* What counts as the same frame. */
enum plait_calltree_grain {
	PLAIT_GRAIN_EXACT,    /* the same label */
	PLAIT_GRAIN_LINE,     /* but frames of one module without a name are one */
	PLAIT_GRAIN_FUNCTION, /* and so are the lines of a Python function */
};

struct plait_calltree_options {
	enum plait_calltree_grain grain;
	bool inverted;
	bool by_thread;
	bool fold_machinery; /* leave out machinery (see struct plait_label), but where the time is spent in it */
	bool keep_samples;   /* fill `samples` */
};

/* Figures are sums of periods, and numbers of samples. */
struct plait_calltree_node {
	uint32_t label; /* PLAIT_NONE in the root */
	uint32_t parent;
	uint32_t first_child, next_sibling; /* PLAIT_NONE: none; siblings in falling order of total */
	uint64_t total, self;
	uint64_t total_samples, self_samples;
};

struct plait_calltree_sample {
	uint32_t node;	 /* in the tree: where its stack ends */
	uint32_t sample; /* index in profile.samples */
};

struct plait_calltree {
	const struct plait_profile *profile;
	PLAIT_VEC(struct plait_calltree_node) nodes; /* 0: the root, which stands for no frame; parents first */
	PLAIT_VEC(struct plait_calltree_sample) samples;
	struct plait_ratio *self_ratios, *total_ratios; /* by node, when the profile has a metric; else NULL */
	struct plait_data_sources *self_memories;	/* by node, when the profile has data sources; else NULL */
};

struct plait_error *plait_calltree_create(const struct plait_profile *profile, const struct plait_selection *selection,
					  const struct plait_calltree_options *options, struct plait_calltree **ret);
void plait_calltree_destroy(struct plait_calltree *tree);

/* The label of a node that is not the root. */
const struct plait_label *plait_calltree_label(const struct plait_calltree *tree, uint32_t node);

/* Walks the tree in order, without recursion: start with `*node` 0 and `*leaving` false (entering the root). Each call
 * moves to the next step, entering a node or leaving it; false after the root was left. */
bool plait_calltree_walk(const struct plait_calltree *tree, uint32_t *node, bool *leaving);

#endif
