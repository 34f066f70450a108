/* The call tree as text. */
#include "output/render/renderers.h"
#include "output/render/text_header.h"
#include "output/render/tree_line.h"

static struct plait_error *put_tree(const struct plait_calltree *tree, const struct plait_view_options *view,
				    const struct plait_render_options *options, FILE *out)
{
	struct plait_outline *outline;
	PLAIT_TRY(plait_outline_create(tree, options->threshold < 0 ? 1 : options->threshold, options->full, &outline));
	struct plait_error *error = plait_outline_open_all(outline, true);
	if (!error) {
		struct plait_tree_layout layout = { .outline = outline,
						    .options = options,
						    .inverted = view->inverted };
		struct plait_line line = { .out = out, .options = options };
		plait_tree_measure(&layout);
		plait_tree_put_titles(&line, &layout);
		for (size_t i = 0; i < outline->rows.count; i++)
			plait_tree_put_row(&line, &layout, &outline->rows.data[i]);
		plait_metric_put_foot(&line, tree->profile);
		error = plait_stream_error(out);
	}
	plait_outline_destroy(outline);
	return error;
}

struct plait_error *plait_render_tree(const struct plait_profile *profile, const struct plait_view_options *view,
				      const struct plait_render_options *options, FILE *out)
{
	struct plait_selection *selection;
	PLAIT_TRY(plait_selection_create(profile, view, &selection));
	struct plait_calltree_options wanted = { .grain = view->by_function ? PLAIT_GRAIN_FUNCTION : PLAIT_GRAIN_LINE,
						 .inverted = view->inverted,
						 .by_thread = view->by_thread,
						 .fold_machinery = !options->full };
	struct plait_calltree *tree;
	struct plait_error *error = plait_calltree_create(profile, selection, &wanted, &tree);
	if (!error) {
		plait_header_write(profile, selection, tree->nodes.data[0].total_samples, options, out);
		if (tree->nodes.count > 1)
			error = put_tree(tree, view, options, out);
		else
			plait_header_write_nothing(options, out);
		plait_calltree_destroy(tree);
	}
	plait_selection_destroy(selection);
	return error;
}
