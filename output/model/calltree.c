#include "output/model/calltree.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

/* What building a tree needs besides it. */
struct builder {
	const struct plait_profile *profile;
	const struct plait_selection *selection;
	const struct plait_calltree_options *options;
	struct plait_calltree *tree;
	struct plait_map children; /* parent and label -> node */
	uint32_t *interior;	   /* by node of the profile: where a stack through it is in the tree */
	uint32_t *group_of;	   /* by node of the profile: the group that interior[] is of */
	PLAIT_VEC(struct plait_calltree_sample) memories; /* samples that say where their data were */
	PLAIT_VEC(struct plait_calltree_sample) ratios;	  /* samples that say something of the metric */
	uint32_t group;					  /* changes with the thread in a tree by thread */
	PLAIT_VEC(uint32_t) chain;			  /* scratch */
};

const struct plait_label *plait_calltree_label(const struct plait_calltree *tree, uint32_t node)
{
	return &tree->profile->labels.all.data[tree->nodes.data[node].label];
}

static const struct plait_label *label_at(const struct builder *builder, uint32_t label)
{
	return &builder->profile->labels.all.data[label];
}

/* The label under which `label` goes into the tree. */
static uint32_t key_of(const struct builder *builder, uint32_t label)
{
	const struct plait_label *full = label_at(builder, label);
	switch (builder->options->grain) {
	case PLAIT_GRAIN_EXACT:
		return label;
	case PLAIT_GRAIN_LINE:
		return full->kind == PLAIT_LABEL_PYTHON ? label : full->function;
	case PLAIT_GRAIN_FUNCTION:
		break;
	}
	return full->function;
}

/* The child of `parent` with this label, added on first sight. PLAIT_NONE: no memory. */
static uint32_t child_of(struct builder *builder, uint32_t parent, uint32_t label)
{
	uint64_t key = (uint64_t)parent << 32 | label;
	uint64_t *known = plait_map_get(&builder->children, key);
	if (known)
		return (uint32_t)*known;
	uint32_t id = (uint32_t)builder->tree->nodes.count;
	struct plait_calltree_node node = {
		.label = label, .parent = parent, .first_child = PLAIT_NONE, .next_sibling = PLAIT_NONE
	};
	if (id == PLAIT_NONE || !plait_vec_push(&builder->tree->nodes, node) ||
	    !plait_map_put(&builder->children, key, id))
		return PLAIT_NONE;
	return id;
}

static bool is_folded(const struct builder *builder, uint32_t label)
{
	return builder->options->fold_machinery && label_at(builder, label)->machinery;
}

/* The tree's node for the frames of `frame`, called from `parent`; machinery is left out. PLAIT_NONE: no memory. */
static uint32_t add_frame(struct builder *builder, uint32_t parent, uint32_t frame_index)
{
	const struct plait_profile_frame *frame = &builder->profile->frames.data[frame_index];
	for (uint32_t i = frame->label_count; i-- > 0 && parent != PLAIT_NONE;) {
		uint32_t label = builder->profile->frame_labels.data[frame->labels + i];
		if (plait_selection_shows(builder->selection, label) && !is_folded(builder, label))
			parent = child_of(builder, parent, key_of(builder, label));
	}
	return parent;
}

/* The tree's node for all frames up to `node` of the profile, under `root`. PLAIT_NONE: no memory. */
static uint32_t interior_of(struct builder *builder, uint32_t node, uint32_t root)
{
	const struct plait_profile *profile = builder->profile;
	builder->chain.count = 0;
	while (node != PLAIT_NONE && builder->group_of[node] != builder->group) {
		if (!plait_vec_push(&builder->chain, node))
			return PLAIT_NONE;
		node = profile->nodes.data[node].parent;
	}
	uint32_t at = node == PLAIT_NONE ? root : builder->interior[node];
	for (size_t i = builder->chain.count; i-- > 0 && at != PLAIT_NONE;) {
		uint32_t next = builder->chain.data[i];
		at = add_frame(builder, at, profile->nodes.data[next].frame);
		builder->interior[next] = at;
		builder->group_of[next] = at == PLAIT_NONE ? 0 : builder->group;
	}
	return at;
}

/* The innermost label of a stack that is shown, or a stand-in. */
static uint32_t innermost(const struct builder *builder, uint32_t node)
{
	const struct plait_profile *profile = builder->profile;
	if (node == PLAIT_NONE)
		return profile->label_no_stack;
	for (; node != PLAIT_NONE; node = profile->nodes.data[node].parent) {
		const struct plait_profile_frame *frame = &profile->frames.data[profile->nodes.data[node].frame];
		for (uint32_t i = 0; i < frame->label_count; i++) {
			uint32_t label = profile->frame_labels.data[frame->labels + i];
			if (plait_selection_shows(builder->selection, label))
				return label;
		}
	}
	return profile->label_hidden;
}

/* Where a stack ends in the tree. Machinery is shown when it is the innermost frame: the time is spent there. */
static uint32_t place_stack(struct builder *builder, uint32_t node, uint32_t root)
{
	const struct plait_profile *profile = builder->profile;
	uint32_t leaf = innermost(builder, node);
	if (leaf == profile->label_no_stack || leaf == profile->label_hidden)
		return child_of(builder, root, leaf);
	uint32_t at = interior_of(builder, node, root);
	return at != PLAIT_NONE && is_folded(builder, leaf) ? child_of(builder, at, key_of(builder, leaf)) : at;
}

/* The same with the innermost frame first. */
static uint32_t place_inverted(struct builder *builder, uint32_t node, uint32_t root)
{
	const struct plait_profile *profile = builder->profile;
	uint32_t leaf = innermost(builder, node);
	if (leaf == profile->label_no_stack || leaf == profile->label_hidden)
		return child_of(builder, root, leaf);
	bool is_leaf = true;
	uint32_t at = root;
	for (; node != PLAIT_NONE; node = profile->nodes.data[node].parent) {
		const struct plait_profile_frame *frame = &profile->frames.data[profile->nodes.data[node].frame];
		for (uint32_t i = 0; i < frame->label_count && at != PLAIT_NONE; i++) {
			uint32_t label = profile->frame_labels.data[frame->labels + i];
			if (!plait_selection_shows(builder->selection, label))
				continue;
			if (is_leaf || !is_folded(builder, label))
				at = child_of(builder, at, key_of(builder, label));
			is_leaf = false;
		}
	}
	return at;
}

/* Where the stacks of `thread` begin; with a tree by thread a new group of interior nodes. */
static uint32_t root_of(struct builder *builder, uint32_t thread)
{
	if (!builder->options->by_thread)
		return 0;
	const struct plait_profile_thread *of = &builder->profile->threads.data[thread];
	uint32_t process = child_of(builder, 0, builder->profile->processes.data[of->record.process].label);
	return process == PLAIT_NONE ? PLAIT_NONE : child_of(builder, process, of->label);
}

/* Whether the weights of a sample of this event are shown. Others may come in for the metric. */
static bool is_shown_event(const struct builder *builder, uint32_t event)
{
	uint32_t shown = plait_selection_event(builder->selection);
	return shown == PLAIT_NONE || shown == event;
}

static bool has_ratio(const struct builder *builder, uint32_t sample)
{
	return builder->profile->metric.name && builder->profile->ratios.data[sample].samples;
}

static bool takes(const struct builder *builder, uint32_t index)
{
	const struct plait_profile_sample *sample = &builder->profile->samples.data[index];
	if (is_shown_event(builder, sample->event))
		return plait_selection_takes(builder->selection, sample->thread, sample->event, sample->node);
	return has_ratio(builder, index) &&
	       plait_selection_takes(builder->selection, sample->thread, plait_selection_event(builder->selection),
				     sample->node);
}

static struct plait_error *add_sample(struct builder *builder, uint32_t index)
{
	const struct plait_profile_sample *sample = &builder->profile->samples.data[index];
	uint32_t root = root_of(builder, sample->thread);
	if (builder->options->by_thread)
		builder->group = sample->thread + 1;
	uint32_t leaf = root;
	if (root != PLAIT_NONE)
		leaf = builder->options->inverted ? place_inverted(builder, sample->node, root)
						  : place_stack(builder, sample->node, root);
	if (leaf == PLAIT_NONE)
		return plait_error_no_memory();
	if (has_ratio(builder, index) &&
	    !plait_vec_push(&builder->ratios, (struct plait_calltree_sample) { .node = leaf, .sample = index }))
		return plait_error_no_memory();
	if (!is_shown_event(builder, sample->event))
		return NULL;
	if (index < builder->profile->memories.count && builder->profile->memories.data[index].samples &&
	    !plait_vec_push(&builder->memories, (struct plait_calltree_sample) { .node = leaf, .sample = index }))
		return plait_error_no_memory();
	struct plait_calltree_node *node = &builder->tree->nodes.data[leaf];
	node->self = plait_saturating_add(node->self, sample->weight);
	node->self_samples += sample->count;
	if (builder->options->keep_samples &&
	    !plait_vec_push(&builder->tree->samples, (struct plait_calltree_sample) { .node = leaf, .sample = index }))
		return plait_error_no_memory();
	return NULL;
}

/* Samples of a thread one after the other, so that a tree by thread has one group at a time. */
static struct plait_error *add_samples(struct builder *builder)
{
	const struct plait_profile *profile = builder->profile;
	size_t passes = builder->options->by_thread ? profile->threads.count : 1;
	uint32_t *first PLAIT_FREE = calloc(passes + 1, sizeof(*first));
	uint32_t *next PLAIT_FREE = calloc(profile->samples.count + 1, sizeof(*next));
	if (!first || !next)
		return plait_error_no_memory();
	for (size_t i = profile->samples.count; i-- > 0;) { /* linked lists, one a thread, in order */
		const struct plait_profile_sample *sample = &profile->samples.data[i];
		if (!takes(builder, (uint32_t)i))
			continue;
		size_t pass = builder->options->by_thread ? sample->thread : 0;
		next[i] = first[pass];
		first[pass] = (uint32_t)i + 1;
	}
	for (size_t pass = 0; pass < passes; pass++) {
		for (uint32_t i = first[pass]; i; i = next[i - 1])
			PLAIT_TRY(add_sample(builder, i - 1));
	}
	return NULL;
}

/* Totals: every node is defined after its parent. */
static void sum_up(struct plait_calltree *tree)
{
	for (size_t i = tree->nodes.count; i-- > 0;) {
		struct plait_calltree_node *node = &tree->nodes.data[i];
		node->total = plait_saturating_add(node->total, node->self);
		node->total_samples += node->self_samples;
		if (i == 0)
			break;
		struct plait_calltree_node *parent = &tree->nodes.data[node->parent];
		parent->total = plait_saturating_add(parent->total, node->total);
		parent->total_samples += node->total_samples;
	}
}

/* The metric of each node: of the samples that end in it, and of those that go through it. */
static struct plait_error *sum_ratios(struct builder *builder)
{
	const struct plait_profile *profile = builder->profile;
	const struct plait_metric *metric = &profile->metric;
	struct plait_calltree *tree = builder->tree;
	if (!metric->name)
		return NULL;
	tree->self_ratios = calloc(tree->nodes.count, sizeof(*tree->self_ratios));
	tree->total_ratios = calloc(tree->nodes.count, sizeof(*tree->total_ratios));
	if (!tree->self_ratios || !tree->total_ratios)
		return plait_error_no_memory();
	double scale_a = profile->events.data[metric->numerator].scale;
	double scale_b = profile->events.data[metric->denominator].scale;
	for (size_t i = 0; i < builder->ratios.count; i++) {
		const struct plait_calltree_sample *at = &builder->ratios.data[i];
		plait_ratio_merge(&tree->self_ratios[at->node], &profile->ratios.data[at->sample], scale_a, scale_b);
	}
	for (size_t i = tree->nodes.count; i-- > 0;) {
		plait_ratio_merge(&tree->total_ratios[i], &tree->self_ratios[i], 1, 1);
		if (i > 0)
			plait_ratio_merge(&tree->total_ratios[tree->nodes.data[i].parent], &tree->total_ratios[i], 1,
					  1);
	}
	return NULL;
}

static struct plait_error *sum_memories(struct builder *builder)
{
	struct plait_calltree *tree = builder->tree;
	if (!builder->profile->memories.count)
		return NULL;
	tree->self_memories = calloc(tree->nodes.count, sizeof(*tree->self_memories));
	if (!tree->self_memories)
		return plait_error_no_memory();
	for (size_t i = 0; i < builder->memories.count; i++) {
		const struct plait_calltree_sample *at = &builder->memories.data[i];
		plait_data_sources_merge(&tree->self_memories[at->node], &builder->profile->memories.data[at->sample]);
	}
	return NULL;
}

/* Orders nodes by parent, then falling total; equal ones by name, so that the order does not hang on the order of
 * the samples. */
static int compare_nodes(const void *a, const void *b, void *context)
{
	const struct plait_calltree *tree = context;
	const struct plait_calltree_node *left = &tree->nodes.data[*(const uint32_t *)a];
	const struct plait_calltree_node *right = &tree->nodes.data[*(const uint32_t *)b];
	if (left->parent != right->parent)
		return left->parent < right->parent ? -1 : 1;
	if (left->total != right->total)
		return left->total > right->total ? -1 : 1;
	const struct plait_label *labels = tree->profile->labels.all.data;
	int order = strcmp(labels[left->label].text, labels[right->label].text);
	return order ? order : (int)labels[left->label].kind - (int)labels[right->label].kind;
}

static struct plait_error *link_children(struct plait_calltree *tree)
{
	size_t count = tree->nodes.count;
	uint32_t *order PLAIT_FREE = calloc(count, sizeof(*order));
	if (!order)
		return plait_error_no_memory();
	for (size_t i = 1; i < count; i++)
		order[i - 1] = (uint32_t)i;
	qsort_r(order, count - 1, sizeof(*order), compare_nodes, tree);
	for (size_t i = count - 1; i-- > 0;) {
		struct plait_calltree_node *parent = &tree->nodes.data[tree->nodes.data[order[i]].parent];
		tree->nodes.data[order[i]].next_sibling = parent->first_child;
		parent->first_child = order[i];
	}
	return NULL;
}

static struct plait_error *build(struct builder *builder)
{
	size_t count = builder->profile->nodes.count + 1;
	builder->interior = calloc(count, sizeof(*builder->interior));
	builder->group_of = calloc(count, sizeof(*builder->group_of));
	builder->group = 1;
	struct plait_calltree_node root = {
		.label = PLAIT_NONE, .parent = PLAIT_NONE, .first_child = PLAIT_NONE, .next_sibling = PLAIT_NONE
	};
	if (!builder->interior || !builder->group_of || !plait_vec_push(&builder->tree->nodes, root))
		return plait_error_no_memory();
	PLAIT_TRY(add_samples(builder));
	sum_up(builder->tree);
	PLAIT_TRY(sum_ratios(builder));
	PLAIT_TRY(sum_memories(builder));
	return link_children(builder->tree);
}

struct plait_error *plait_calltree_create(const struct plait_profile *profile, const struct plait_selection *selection,
					  const struct plait_calltree_options *options, struct plait_calltree **ret)
{
	struct plait_calltree *tree = calloc(1, sizeof(*tree));
	if (!tree)
		return plait_error_no_memory();
	tree->profile = profile;
	struct builder builder = { .profile = profile, .selection = selection, .options = options, .tree = tree };
	struct plait_error *error = build(&builder);
	plait_map_release(&builder.children);
	plait_vec_free(&builder.chain);
	plait_vec_free(&builder.ratios);
	plait_vec_free(&builder.memories);
	free(builder.interior);
	free(builder.group_of);
	if (error) {
		plait_calltree_destroy(tree);
		return error;
	}
	*ret = tree;
	return NULL;
}

void plait_calltree_destroy(struct plait_calltree *tree)
{
	if (!tree)
		return;
	plait_vec_free(&tree->nodes);
	plait_vec_free(&tree->samples);
	free(tree->self_ratios);
	free(tree->total_ratios);
	free(tree->self_memories);
	free(tree);
}

bool plait_calltree_walk(const struct plait_calltree *tree, uint32_t *node, bool *leaving)
{
	const struct plait_calltree_node *at = &tree->nodes.data[*node];
	if (!*leaving && at->first_child != PLAIT_NONE) {
		*node = at->first_child;
		return true;
	}
	if (!*leaving) {
		*leaving = true;
		return true;
	}
	if (at->parent == PLAIT_NONE)
		return false;
	*leaving = at->next_sibling == PLAIT_NONE;
	*node = *leaving ? at->parent : at->next_sibling;
	return true;
}
