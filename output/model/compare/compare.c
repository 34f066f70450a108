#include "output/model/compare/compare.h"

#include <stdlib.h>
#include <string.h>

#include "output/model/compare/comparable.h"
#include "output/model/compare/judge.h"
#include "output/model/compare/measure.h"

struct plait_compare_work {
	struct plait_measure measure;
	uint32_t order[2 * PLAIT_COMPARE_MOST_RUNS]; /* of the recordings, by time */
};

/* The event that is compared: the one asked for, or the first of the base that has samples. */
static struct plait_error *choose_event(struct plait_comparison *comparison, const struct plait_compare_input *inputs,
					struct plait_view_options *view)
{
	struct plait_selection *selection;
	const struct plait_profile *profile = inputs[0].profile;
	struct plait_view_options only_event = { .event = view->event };
	struct plait_error *error = plait_selection_create(profile, &only_event, &selection);
	if (error)
		return plait_error_context(error, "%s", inputs[0].path);
	uint32_t event = plait_selection_event(selection);
	plait_selection_destroy(selection);
	if (event == PLAIT_NONE)
		return plait_error_new(PLAIT_ERROR_UNSUPPORTED, "%s has no events", inputs[0].path);
	comparison->event = &profile->events.data[event];
	view->event = comparison->event->record.name;
	view->all_events = false;
	return NULL;
}

static struct plait_error *count_samples(struct plait_comparison *comparison, const struct plait_measure *measure)
{
	size_t first = 0;
	for (int i = 0; i < PLAIT_COMPARE_SIDES; i++) {
		struct plait_compare_side *side = &comparison->sides[i];
		for (size_t j = 0; j < side->count; j++) {
			const struct plait_measure_sum *whole = &measure->inputs[first + j].whole;
			side->samples += whole->samples;
			side->weight += whole->weight / (double)side->count;
			if (whole->weight <= 0)
				return plait_error_advise(
					plait_error_new(
						PLAIT_ERROR_USAGE,
						"%s has no samples of %s in this selection: there is nothing to "
						"compare",
						side->inputs[j].path, comparison->event->record.name),
					"plait report shows what it has");
		}
		first += side->count;
	}
	return NULL;
}

/* Building the tree of both sides. */
struct builder {
	struct plait_comparison *comparison;
	const struct plait_measure *measure;
	struct plait_map children; /* parent and function -> node */
};

static uint32_t child_of(struct builder *builder, uint32_t parent, uint32_t function)
{
	struct plait_comparison *comparison = builder->comparison;
	uint64_t key = (uint64_t)parent << 32 | function;
	uint64_t *known = plait_map_get(&builder->children, key);
	if (known)
		return (uint32_t)*known;
	uint32_t node = (uint32_t)comparison->nodes.count;
	struct plait_compare_node fresh = { .parent = parent, .function = function };
	if (!plait_vec_push(&comparison->nodes, fresh) || !plait_map_put(&builder->children, key, node))
		return PLAIT_NONE;
	return node;
}

/* Puts the stacks of one recording into the tree, without machinery that only passes calls on. */
static struct plait_error *add_stacks(struct builder *builder, size_t index, int side)
{
	const struct plait_measure_input *input = &builder->measure->inputs[index];
	const struct plait_calltree *tree = input->timeline->tree;
	const uint32_t *function_of = builder->measure->match.function_of[index];
	double scale = 1 / (double)builder->comparison->sides[side].count;
	uint32_t *place = calloc(tree->nodes.count, sizeof(*place));
	if (!place)
		return plait_error_no_memory();
	struct plait_error *error = NULL;
	size_t cell = 0;
	for (uint32_t i = 1; i < tree->nodes.count && !error; i++) { /* parents come first */
		uint32_t above = place[tree->nodes.data[i].parent], label = tree->nodes.data[i].label, leaf = above;
		bool folded = plait_calltree_label(tree, i)->machinery;
		bool spent = cell < input->cells.count && input->cells.data[cell].node == i;
		if (!folded || spent)
			leaf = child_of(builder, above, function_of[label]);
		if (leaf == PLAIT_NONE)
			error = plait_error_no_memory();
		place[i] = folded ? above : leaf;
		for (; !error && cell < input->cells.count && input->cells.data[cell].node == i; cell++)
			builder->comparison->nodes.data[leaf].own[side] += input->cells.data[cell].sum.weight * scale;
	}
	free(place);
	return error;
}

static struct plait_error *build_tree(struct plait_comparison *comparison, const struct plait_measure *measure)
{
	struct builder builder = { .comparison = comparison, .measure = measure };
	struct plait_compare_node root = { .function = PLAIT_NONE };
	struct plait_error *error = plait_vec_push(&comparison->nodes, root) ? NULL : plait_error_no_memory();
	for (size_t i = 0; !error && i < measure->count; i++)
		error = add_stacks(&builder, i, i < comparison->sides[0].count ? 0 : 1);
	plait_map_release(&builder.children);
	return error;
}

static struct plait_error *fill(struct plait_comparison *comparison, const struct plait_compare_input *inputs,
				size_t base_count, size_t new_count)
{
	struct plait_view_options view = *comparison->options.view;
	struct plait_measure *measure = &comparison->work->measure;
	size_t count = base_count + new_count;
	PLAIT_TRY(choose_event(comparison, inputs, &view));
	PLAIT_TRY(plait_comparable_check(inputs, count, view.event, comparison->options.absolute));
	comparison->rules = (struct plait_contrast_rules) {
		.base_count = base_count,
		.new_count = new_count,
		.interleaved = plait_comparable_interleaved(inputs, base_count, new_count, comparison->work->order),
		.order = comparison->work->order,
		.run_noise = comparison->options.run_noise,
	};
	PLAIT_TRY(plait_measure_create(inputs, base_count, count, &view, measure));
	PLAIT_TRY(count_samples(comparison, measure));
	PLAIT_TRY(plait_comparable_note(comparison, measure));
	PLAIT_TRY(build_tree(comparison, measure));
	return plait_compare_judge(comparison, measure);
}

struct plait_error *plait_comparison_create(const struct plait_compare_input *inputs, size_t base_count,
					    size_t new_count, const struct plait_compare_options *options,
					    struct plait_comparison **ret)
{
	if (!base_count || !new_count || base_count > PLAIT_COMPARE_MOST_RUNS || new_count > PLAIT_COMPARE_MOST_RUNS)
		return plait_error_new(PLAIT_ERROR_USAGE, "a side has 1 to %d recordings, not %zu",
				       (int)PLAIT_COMPARE_MOST_RUNS,
				       !base_count || base_count > PLAIT_COMPARE_MOST_RUNS ? base_count : new_count);
	struct plait_comparison *comparison = calloc(1, sizeof(*comparison));
	struct plait_compare_work *work = calloc(1, sizeof(*work));
	if (!comparison || !work) {
		free(comparison);
		free(work);
		return plait_error_no_memory();
	}
	comparison->work = work;
	comparison->options = *options;
	comparison->sides[PLAIT_COMPARE_BASE] = (struct plait_compare_side) { .inputs = inputs, .count = base_count };
	comparison->sides[PLAIT_COMPARE_NEW] =
		(struct plait_compare_side) { .inputs = inputs + base_count, .count = new_count };
	struct plait_error *error = fill(comparison, inputs, base_count, new_count);
	if (error) {
		plait_comparison_destroy(comparison);
		return error;
	}
	*ret = comparison;
	return NULL;
}

void plait_comparison_destroy(struct plait_comparison *comparison)
{
	if (!comparison)
		return;
	plait_measure_release(&comparison->work->measure);
	free(comparison->work);
	plait_vec_free(&comparison->functions.rows);
	plait_vec_free(&comparison->lines.rows);
	plait_vec_free(&comparison->nodes);
	for (size_t i = 0; i < comparison->notes.count; i++)
		free(comparison->notes.data[i]);
	plait_vec_free(&comparison->notes);
	free(comparison);
}
