/* The call tree as text. */
#include <inttypes.h>
#include <string.h>

#include "output/render/number.h"
#include "output/render/renderers.h"
#include "output/render/text_header.h"
#include "output/render/text_label.h"
#include "output/render/tree_rows.h"

enum {
	FIGURES = 16,	    /* columns of the two figures and what follows them */
	FIGURES_ONE = 9,    /* inverted: only one */
	FIGURES_RATIO = 22, /* with a metric in place of the second */
	SOURCE_FROM = 90,   /* so many columns besides the figures leave room for source lines, */
	SOURCE_ROOM = 34,   /* which get this many of them whatever names there are */
	SOURCE_MIN = 16,    /* a source line in fewer columns says nothing */
	NAME_MAX_UNLIMITED = 60,
};

/* Widths of the columns, and what they were made from. */
struct layout {
	const struct plait_calltree *tree;
	const struct plait_tree_rows *rows;
	const struct plait_render_options *options;
	bool inverted;
	double threshold;
	uint32_t levels; /* of indentation that are shown */
	uint32_t figures, name, place;
};

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Columns of the branches drawn in front of a row. */
static uint32_t indent_of(const struct layout *layout, const struct plait_tree_row *row)
{
	uint32_t depth = layout->rows->branches.data[row->branch].depth;
	return 2 * smaller(depth, layout->levels) + (depth > layout->levels ? 2 : 0);
}

static void measure(struct layout *layout)
{
	uint32_t columns = layout->options->columns;
	bool ascii = layout->options->ascii;
	layout->figures = layout->tree->total_ratios ? FIGURES_RATIO : layout->inverted ? FIGURES_ONE : FIGURES;
	layout->levels = columns ? (columns > 48 ? columns / 6 : 8) : UINT32_MAX / 4;
	for (size_t i = 0; i < layout->rows->rows.count; i++) {
		const struct plait_tree_row *row = &layout->rows->rows.data[i];
		if (row->node == PLAIT_NONE)
			continue;
		const struct plait_label *label = plait_calltree_label(layout->tree, row->node);
		char place[PLAIT_PLACE_SIZE];
		uint32_t name = indent_of(layout, row) + plait_text_width(label->name, ascii);
		uint32_t width = plait_text_width(plait_label_place(label, place), ascii);
		layout->name = name > layout->name ? name : layout->name;
		layout->place = width > layout->place ? width : layout->place;
	}
	if (!columns) {
		layout->name = smaller(layout->name, NAME_MAX_UNLIMITED);
		return;
	}
	uint32_t room = columns > layout->figures + 20 ? columns - layout->figures - 2 : 20;
	if (layout->options->source_line && room >= SOURCE_FROM)
		room -= SOURCE_ROOM;
	layout->place = smaller(layout->place, room / 3);
	layout->name = smaller(layout->name, room - layout->place);
}

/* The lines that lead to a row: those of the branches around it, outermost first. */
static void put_branches(struct plait_line *line, const struct layout *layout, const struct plait_tree_row *row)
{
	const struct plait_tree_branch *branches = layout->rows->branches.data;
	uint32_t depth = branches[row->branch].depth;
	uint32_t shown = smaller(depth, layout->levels);
	if (depth > shown)
		plait_line_put(line, PLAIT_STYLE_DIM, layout->options->ascii ? "> " : "… ", UINT32_MAX);
	for (uint32_t level = shown; level-- > 0;) {
		uint32_t branch = row->branch;
		for (uint32_t i = 0; i < level; i++)
			branch = branches[branch].parent;
		bool fork = level == 0 && row->head;
		bool last = branches[branch].last;
		const char *text = fork ? (last ? "└ " : "├ ") : last ? "  " : "│ ";
		if (layout->options->ascii)
			text = fork ? (last ? "`-" : "|-") : last ? "  " : "| ";
		plait_line_put(line, PLAIT_STYLE_DIM, text, UINT32_MAX);
	}
}

static void put_figures(struct plait_line *line, const struct layout *layout, const struct plait_tree_row *row)
{
	char number[PLAIT_NUMBER_SIZE];
	uint64_t whole = layout->tree->nodes.data[0].total;
	plait_line_format(line, PLAIT_STYLE_PLAIN, "%6s", plait_number_share(row->total, whole, number));
	if (layout->tree->total_ratios) {
		const struct plait_metric *metric = &layout->tree->profile->metric;
		bool ascii = layout->options->ascii;
		const char *text = row->node == PLAIT_NONE ? ""
							   : plait_number_ratio(&layout->tree->total_ratios[row->node],
										metric, ascii, number);
		plait_line_move(line, FIGURES_RATIO - 2 - plait_text_width(text, ascii));
		plait_line_put(line, PLAIT_STYLE_STRONG, text, UINT32_MAX);
	} else if (!layout->inverted && row->self) {
		bool hot = row->self >= whole / 20;
		plait_line_format(line, hot ? PLAIT_STYLE_STRONG : PLAIT_STYLE_PLAIN, " %6s",
				  plait_number_share(row->self, whole, number));
	}
	plait_line_move(line, layout->figures);
}

/* "14 more below 1 %". */
static const char *cut_text(const struct layout *layout, uint32_t cut, char ret[96])
{
	char count[PLAIT_NUMBER_SIZE];
	snprintf(ret, 96, "%s more below %g %%", plait_number_count(cut, count), layout->threshold);
	return ret;
}

/* Adds `text`, or what says it in short, or nothing: the longest that fits whole. */
static void put_note(struct plait_line *line, enum plait_style style, const char *text, const char *brief)
{
	bool ascii = line->options->ascii;
	uint32_t left = plait_line_left(line);
	const char *fits = plait_text_width(text, ascii) + 2 <= left ? text : brief;
	if (left < plait_text_width(fits, ascii) + 2)
		return;
	plait_line_move(line, line->column + 2);
	plait_line_put(line, style, fits, UINT32_MAX);
}

static void put_repeats(struct plait_line *line, const struct plait_tree_row *row)
{
	char text[96], brief[32], frames[32] = "";
	const char *times = line->options->ascii ? "x" : "×";
	if (row->period > 1)
		snprintf(frames, sizeof(frames), ", %" PRIu32 " frames", row->period);
	snprintf(text, sizeof(text), "(%s %" PRIu32 " recursive%s)", times, row->repeats, frames);
	snprintf(brief, sizeof(brief), "(%s %" PRIu32 ")", times, row->repeats);
	put_note(line, PLAIT_STYLE_MARKER, text, brief);
}

static void put_notes(struct plait_line *line, const struct layout *layout, const struct plait_tree_row *row)
{
	char text[100], brief[32], cut[96];
	if (row->folded) {
		snprintf(text, sizeof(text), "(%" PRIu32 " frame%s folded)", row->folded, row->folded == 1 ? "" : "s");
		snprintf(brief, sizeof(brief), "(+%" PRIu32 ")", row->folded);
		put_note(line, PLAIT_STYLE_DIM, text, brief);
	}
	if (row->repeats)
		put_repeats(line, row);
	if (row->cut) {
		snprintf(text, sizeof(text), "(%s)", cut_text(layout, row->cut, cut));
		snprintf(brief, sizeof(brief), "(%" PRIu32 " more)", row->cut);
		put_note(line, PLAIT_STYLE_DIM, text, brief);
	}
}

static void put_row(struct plait_line *line, const struct layout *layout, const struct plait_tree_row *row)
{
	char buffer[96];
	put_figures(line, layout, row);
	put_branches(line, layout, row);
	if (row->node == PLAIT_NONE) {
		plait_line_put(line, PLAIT_STYLE_DIM, cut_text(layout, row->cut, buffer), UINT32_MAX);
		plait_line_end(line);
		return;
	}
	const struct plait_label *label = plait_calltree_label(layout->tree, row->node);
	uint32_t edge = layout->figures + layout->name;
	uint32_t room = edge > line->column ? edge - line->column : 1;
	plait_line_put(line, plait_label_style(label), label->name, layout->options->columns ? room : UINT32_MAX);
	if (label->kind != PLAIT_LABEL_MARKER) {
		plait_line_move(line, edge + 2);
		plait_label_put_place(line, label, layout->options->columns ? layout->place : UINT32_MAX);
	}
	put_notes(line, layout, row);
	const char *source = plait_label_source(label, layout->options);
	uint32_t column = edge + 2 + layout->place + 2;
	if (source && (!layout->options->columns || column + SOURCE_MIN <= layout->options->columns)) {
		plait_line_move(line, column > line->column ? column : line->column + 2);
		if (plait_line_left(line) >= SOURCE_MIN)
			plait_line_put(line, PLAIT_STYLE_DIM, source, UINT32_MAX);
	}
	plait_line_end(line);
}

static void put_rows(const struct layout *layout, FILE *out)
{
	struct plait_line line = { .out = out, .options = layout->options };
	plait_line_put(&line, PLAIT_STYLE_DIM, layout->inverted ? " share" : " total", UINT32_MAX);
	if (layout->tree->total_ratios)
		plait_metric_put_title(&line, layout->tree->profile, FIGURES_RATIO - 2);
	else if (!layout->inverted)
		plait_line_put(&line, PLAIT_STYLE_DIM, "   self", UINT32_MAX);
	plait_line_end(&line);
	for (size_t i = 0; i < layout->rows->rows.count; i++)
		put_row(&line, layout, &layout->rows->rows.data[i]);
	plait_metric_put_foot(&line, layout->tree->profile);
}

static struct plait_error *put_tree(const struct plait_calltree *tree, const struct plait_view_options *view,
				    const struct plait_render_options *options, FILE *out)
{
	struct plait_tree_rows rows;
	struct layout layout = { .tree = tree,
				 .rows = &rows,
				 .options = options,
				 .inverted = view->inverted,
				 .threshold = options->threshold < 0 ? 1 : options->threshold };
	PLAIT_TRY(plait_tree_rows_create(tree, layout.threshold, options->full, &rows));
	measure(&layout);
	put_rows(&layout, out);
	plait_tree_rows_release(&rows);
	return plait_stream_error(out);
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
