/*
 * The Callgrind profile format (Valgrind's manual, "Callgrind Format Specification"): self cost by function and line,
 * and cost of calls by the line that made them. Of a recursive call the format can only say its cost once more; so the
 * cost of calls of a function that is running already is left out, and nothing is counted twice but what a recursion
 * spends in its outer functions.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "output/render/export/export.h"
#include "output/render/renderers.h"
#include "output/render/text_header.h"

/* One line of the output: cost of a function at a line, its own or that of its calls of another. */
struct cost {
	uint32_t function; /* label */
	uint32_t callee;   /* label; PLAIT_NONE: own cost, which comes first */
	int32_t line;
	uint64_t weight, samples;
};

struct writer {
	const struct plait_calltree *tree;
	FILE *out;
	bool *named;	/* by label: its names were written already */
	uint32_t *open; /* by label: how often it is on the path */
	PLAIT_VEC(struct cost) costs;
};

static const struct plait_label *label_at(const struct writer *writer, uint32_t label)
{
	return &writer->tree->profile->labels.all.data[label];
}

static int32_t line_of(const struct plait_label *label)
{
	return label->line > 0 ? label->line : 0;
}

static int compare_costs(const void *a, const void *b)
{
	const struct cost *left = a, *right = b;
	if (left->function != right->function)
		return left->function < right->function ? -1 : 1;
	uint32_t left_callee = left->callee + 1, right_callee = right->callee + 1; /* PLAIT_NONE becomes 0 */
	if (left_callee != right_callee)
		return left_callee < right_callee ? -1 : 1;
	return (left->line > right->line) - (left->line < right->line);
}

static bool add_node(struct writer *writer, const struct plait_calltree_node *node)
{
	const struct plait_label *label = label_at(writer, node->label);
	struct cost own = { .function = label->function,
			    .callee = PLAIT_NONE,
			    .line = line_of(label),
			    .weight = node->self,
			    .samples = node->self_samples };
	if (node->self_samples && !plait_vec_push(&writer->costs, own))
		return false;
	uint32_t parent = writer->tree->nodes.data[node->parent].label;
	if (parent == PLAIT_NONE)
		return true;
	bool again = writer->open[label->function] > 1;
	struct cost call = { .function = label_at(writer, parent)->function,
			     .callee = label->function,
			     .line = line_of(label_at(writer, parent)),
			     .weight = again ? 0 : node->total,
			     .samples = again ? 0 : node->total_samples };
	return plait_vec_push(&writer->costs, call);
}

static struct plait_error *collect(struct writer *writer)
{
	uint32_t at = 0;
	bool leaving = false;
	while (plait_calltree_walk(writer->tree, &at, &leaving)) {
		const struct plait_calltree_node *node = &writer->tree->nodes.data[at];
		if (at == 0)
			continue;
		uint32_t function = label_at(writer, node->label)->function;
		writer->open[function] += leaving ? -1U : 1U;
		if (!leaving && !add_node(writer, node))
			return plait_error_no_memory();
	}
	if (writer->costs.count)
		qsort(writer->costs.data, writer->costs.count, sizeof(*writer->costs.data), compare_costs);
	return NULL;
}

/* A name of the format ends at the line's end. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' ? '?' : *text, out);
	fputc('\n', out);
}

/* "fn=(7) name": the name the first time only. `prefix` is "c" for what is called. */
static void put_function(struct writer *writer, const char *prefix, uint32_t function)
{
	const struct plait_label *label = label_at(writer, function);
	fprintf(writer->out, "%sob=", prefix);
	put_text(writer->out, *label->module ? label->module : label->kind == PLAIT_LABEL_PYTHON ? "python" : "???");
	fprintf(writer->out, "%s=", *prefix ? "cfi" : "fl");
	put_text(writer->out, *label->file ? label->file : "???");
	fprintf(writer->out, "%sfn=(%" PRIu32 ")", prefix, function + 1);
	if (writer->named[function]) {
		fputc('\n', writer->out);
		return;
	}
	writer->named[function] = true;
	fputc(' ', writer->out);
	put_text(writer->out, label->name);
}

static void put_costs(struct writer *writer)
{
	uint32_t function = PLAIT_NONE;
	for (size_t i = 0; i < writer->costs.count;) {
		struct cost sum = writer->costs.data[i++];
		uint64_t calls = 1;
		for (; i < writer->costs.count && compare_costs(&sum, &writer->costs.data[i]) == 0; i++, calls++) {
			sum.weight = plait_saturating_add(sum.weight, writer->costs.data[i].weight);
			sum.samples += writer->costs.data[i].samples;
		}
		if (sum.function != function) {
			fputc('\n', writer->out);
			put_function(writer, "", sum.function);
			function = sum.function;
		}
		if (sum.callee != PLAIT_NONE) {
			put_function(writer, "c", sum.callee);
			fprintf(writer->out, "calls=%" PRIu64 " %" PRId32 "\n", calls,
				line_of(label_at(writer, sum.callee)));
		}
		fprintf(writer->out, "%" PRId32 " %" PRIu64 " %" PRIu64 "\n", sum.line, sum.weight, sum.samples);
	}
}

/* The event's name, with nothing in it that ends a word of the format. */
static void put_event(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc((unsigned char)*name <= ' ' ? '_' : *name, out);
}

static struct plait_error *put_all(const struct plait_calltree *tree, const struct plait_selection *selection,
				   FILE *out)
{
	const struct plait_profile *profile = tree->profile;
	bool *named PLAIT_FREE = calloc(profile->labels.all.count + 1, sizeof(*named));
	uint32_t *open PLAIT_FREE = calloc(profile->labels.all.count + 1, sizeof(*open));
	if (!named || !open)
		return plait_error_no_memory();
	struct writer writer = { .tree = tree, .out = out, .named = named, .open = open };
	struct plait_error *error = collect(&writer);
	uint32_t event = plait_selection_event(selection);
	fprintf(out, "# callgrind format\nversion: 1\ncreator: plait " PLAIT_VERSION "\ncmd: ");
	put_text(out, profile->header.command);
	fprintf(out, "desc: calls are numbers of places in stacks, not of calls\npositions: line\nevents: ");
	put_event(out, event == PLAIT_NONE ? "none" : profile->events.data[event].record.name);
	fprintf(out, " samples\nsummary: %" PRIu64 " %" PRIu64 "\n", tree->nodes.data[0].total,
		tree->nodes.data[0].total_samples);
	if (!error)
		put_costs(&writer);
	plait_vec_free(&writer.costs);
	return error ? error : plait_stream_error(out);
}

struct plait_error *plait_render_callgrind(const struct plait_profile *profile, const struct plait_view_options *view,
					   const struct plait_render_options *options, FILE *out)
{
	(void)options;
	struct plait_selection *selection;
	PLAIT_TRY(plait_selection_create(profile, view, &selection));
	struct plait_calltree_options wanted = { .grain = PLAIT_GRAIN_LINE };
	struct plait_calltree *tree;
	struct plait_error *error = plait_calltree_create(profile, selection, &wanted, &tree);
	if (!error) {
		error = put_all(tree, selection, out);
		plait_calltree_destroy(tree);
	}
	plait_selection_destroy(selection);
	return error;
}
