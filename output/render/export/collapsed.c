/* Collapsed stacks: docs/formats.md. */
#include <inttypes.h>

#include "common/vec.h"
#include "output/model/calltree.h"
#include "output/render/renderers.h"
#include "output/render/text_header.h"

typedef PLAIT_VEC(uint32_t) path_vec;

/* One line: the frames of `path`, outermost first, and the count. */
static void put_stack(const struct plait_calltree *tree, const path_vec *path, uint64_t count, FILE *out)
{
	for (size_t i = 0; i < path->count; i++) {
		if (i)
			putc_unlocked(';', out);
		fputs_unlocked(plait_calltree_label(tree, path->data[i])->text, out);
	}
	fprintf(out, " %" PRIu64 "\n", count);
}

static struct plait_error *put_stacks(const struct plait_calltree *tree, FILE *out)
{
	path_vec path = { 0 };
	uint32_t at = 0;
	bool leaving = false;
	while (plait_calltree_walk(tree, &at, &leaving)) {
		if (leaving) {
			path.count -= path.count > 0;
			continue;
		}
		if (!plait_vec_push(&path, at)) {
			plait_vec_free(&path);
			return plait_error_no_memory();
		}
		if (tree->nodes.data[at].self_samples)
			put_stack(tree, &path, tree->nodes.data[at].self_samples, out);
	}
	plait_vec_free(&path);
	return plait_stream_error(out);
}

struct plait_error *plait_render_collapsed(const struct plait_profile *profile, const struct plait_view_options *view,
					   const struct plait_render_options *options, FILE *out)
{
	(void)options;
	struct plait_selection *selection;
	PLAIT_TRY(plait_selection_create(profile, view, &selection));
	struct plait_calltree_options wanted = { .grain = PLAIT_GRAIN_EXACT, .by_thread = view->by_thread };
	struct plait_calltree *tree;
	struct plait_error *error = plait_calltree_create(profile, selection, &wanted, &tree);
	if (!error) {
		error = put_stacks(tree, out);
		plait_calltree_destroy(tree);
	}
	plait_selection_destroy(selection);
	return error;
}
