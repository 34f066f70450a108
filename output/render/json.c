/* Everything as JSON: docs/formats.md. */
#include "common/cleanup.h"
#include "output/model/calltree.h"
#include "output/render/json_document.h"
#include "output/render/json_frame.h"
#include "output/render/renderers.h"
#include "output/render/text_header.h"

/* Of the format; raised when something that was there changes, not when something is added. */
enum { FORMAT_VERSION = 1 };

void plait_json_frame(struct plait_json *json, const char *key, const struct plait_label *label)
{
	static const char *const kinds[] = {
		[PLAIT_LABEL_PYTHON] = "python", [PLAIT_LABEL_NATIVE] = "native",   [PLAIT_LABEL_KERNEL] = "kernel",
		[PLAIT_LABEL_MARKER] = "marker", [PLAIT_LABEL_PROCESS] = "process", [PLAIT_LABEL_THREAD] = "thread",
	};
	plait_json_open(json, key, '{');
	plait_json_string(json, "kind", kinds[label->kind]);
	plait_json_string(json, "name", label->name);
	if (label->kind == PLAIT_LABEL_PYTHON) {
		plait_json_string(json, "file", label->file);
		plait_json_signed(json, "line", label->line);
	}
	if (label->kind == PLAIT_LABEL_NATIVE)
		plait_json_string(json, "module", label->module);
	if (label->kind == PLAIT_LABEL_NATIVE && *label->file)
		plait_json_string(json, "file", label->file);
	if (label->unresolved)
		plait_json_bool(json, "unresolved", true);
	plait_json_close(json, '}');
}

/* The labels that the tree uses, numbered in order of their first use; `numbers` is by label, 0: none yet. */
static void put_frames(struct plait_json *json, const struct plait_calltree *tree, uint32_t *numbers)
{
	uint32_t count = 0;
	plait_json_open(json, "frames", '[');
	for (size_t i = 1; i < tree->nodes.count; i++) {
		uint32_t label = tree->nodes.data[i].label;
		if (numbers[label])
			continue;
		numbers[label] = ++count;
		fputc('\n', json->out);
		plait_json_frame(json, NULL, &tree->profile->labels.all.data[label]);
	}
	plait_json_close(json, ']');
}

/* The trie; the root, which stands for no frame, is left out, so stack n is the tree's node n + 1. */
static void put_stacks(struct plait_json *json, const struct plait_calltree *tree, const uint32_t *numbers)
{
	plait_json_open(json, "stacks", '[');
	for (size_t i = 1; i < tree->nodes.count; i++) {
		const struct plait_calltree_node *node = &tree->nodes.data[i];
		fputc('\n', json->out);
		plait_json_open(json, NULL, '{');
		if (node->parent == 0)
			plait_json_null(json, "parent");
		else
			plait_json_number(json, "parent", node->parent - 1);
		plait_json_number(json, "frame", numbers[node->label] - 1);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
}

static void put_samples(struct plait_json *json, const struct plait_calltree *tree)
{
	plait_json_open(json, "samples", '[');
	for (size_t i = 0; i < tree->samples.count; i++) {
		const struct plait_profile_sample *sample = &tree->profile->samples.data[tree->samples.data[i].sample];
		fputc('\n', json->out);
		plait_json_open(json, NULL, '{');
		plait_json_number(json, "stack", tree->samples.data[i].node - 1);
		plait_json_number(json, "thread", sample->thread);
		plait_json_number(json, "event", sample->event);
		plait_json_quality(json, "quality",
				   sample->quality | (sample->node == PLAIT_NONE ? PLAIT_QUALITY_NO_STACK : 0));
		plait_json_number(json, "count", sample->count);
		plait_json_number(json, "weight", sample->weight);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
}

static struct plait_error *put_all(const struct plait_calltree *tree, const struct plait_selection *selection,
				   FILE *out)
{
	uint32_t *numbers PLAIT_FREE = calloc(tree->profile->labels.all.count + 1, sizeof(*numbers));
	if (!numbers)
		return plait_error_no_memory();
	struct plait_json json = { .out = out };
	plait_json_open(&json, NULL, '{');
	plait_json_string(&json, "format", "plait-profile");
	plait_json_number(&json, "version", FORMAT_VERSION);
	plait_json_recording(&json, tree->profile);
	plait_json_trust(&json, "trust", &tree->profile->trust, true);
	plait_json_open(&json, "profile", '{');
	put_frames(&json, tree, numbers);
	put_stacks(&json, tree, numbers);
	put_samples(&json, tree);
	plait_json_close(&json, '}');
	if (tree->profile->metric.name)
		PLAIT_TRY(plait_json_metric(&json, tree->profile, selection));
	plait_json_close(&json, '}');
	fputc('\n', out);
	return plait_stream_error(out);
}

struct plait_error *plait_render_json(const struct plait_profile *profile, const struct plait_view_options *view,
				      const struct plait_render_options *options, FILE *out)
{
	(void)options;
	struct plait_view_options all = *view;
	all.all_events = !view->event;
	struct plait_selection *selection;
	PLAIT_TRY(plait_selection_create(profile, &all, &selection));
	struct plait_calltree_options wanted = { .grain = PLAIT_GRAIN_EXACT,
						 .by_thread = view->by_thread,
						 .keep_samples = true };
	struct plait_calltree *tree;
	struct plait_error *error = plait_calltree_create(profile, selection, &wanted, &tree);
	if (!error) {
		error = put_all(tree, selection, out);
		plait_calltree_destroy(tree);
	}
	plait_selection_destroy(selection);
	return error;
}
