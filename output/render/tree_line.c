#include "output/render/tree_line.h"

#include <inttypes.h>
#include <string.h>

#include "output/render/number.h"
#include "output/render/text_header.h"
#include "output/render/text_label.h"

enum {
	FIGURES = 16,	    /* columns of the two figures and what follows them */
	FIGURES_ONE = 9,    /* inverted: only one */
	FIGURES_RATIO = 22, /* with a metric in place of the second */
	SOURCE_FROM = 90,   /* so many columns besides the figures leave room for source lines, */
	SOURCE_ROOM = 34,   /* which get this many of them whatever names there are */
	SOURCE_MIN = 16,    /* a source line in fewer columns says nothing */
	NAME_MAX_UNLIMITED = 60,
	NARROW = 48,	     /* with marks and fewer columns: one figure and the name */
	MEASURED_MAX = 2000, /* rows, with marks: more are not looked at */
	MARKS_SOURCE_FROM = 76,
	NARROW_PLACE = 8, /* columns that are worth a place behind a name */
};

static bool is_narrow(const struct plait_tree_layout *layout)
{
	return layout->marks && layout->options->columns && layout->options->columns < NARROW;
}

/* Whether the second column of figures is the share of its own. */
static bool has_self(const struct plait_tree_layout *layout)
{
	return !layout->inverted && !is_narrow(layout) && !layout->outline->tree->total_ratios;
}

static bool has_ratio(const struct plait_tree_layout *layout)
{
	return layout->outline->tree->total_ratios && !is_narrow(layout);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Columns of the branches drawn in front of a row. */
static uint32_t indent_of(const struct plait_tree_layout *layout, const struct plait_outline_row *row)
{
	uint32_t depth = layout->outline->branches.data[row->branch].depth;
	return 2 * smaller(depth, layout->levels) + (depth > layout->levels ? 2 : 0) + (layout->marks ? 2 : 0);
}

void plait_tree_measure(struct plait_tree_layout *layout)
{
	uint32_t columns = layout->options->columns;
	bool ascii = layout->options->ascii;
	layout->figures = has_ratio(layout) ? FIGURES_RATIO : has_self(layout) ? FIGURES : FIGURES_ONE;
	if (is_narrow(layout))
		layout->figures = FIGURES_ONE - 2;
	layout->levels = columns ? (columns > 48 ? columns / 6 : 8) : UINT32_MAX / 4;
	size_t count = layout->outline->rows.count;
	for (size_t i = 0; i < (layout->marks && count > MEASURED_MAX ? MEASURED_MAX : count); i++) {
		const struct plait_outline_row *row = &layout->outline->rows.data[i];
		if (row->node == PLAIT_NONE)
			continue;
		const struct plait_label *label = plait_calltree_label(layout->outline->tree, row->node);
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
	if (layout->options->source_line && room >= (layout->marks ? MARKS_SOURCE_FROM : SOURCE_FROM))
		room -= SOURCE_ROOM;
	if (is_narrow(layout)) {
		layout->place = 0;
		layout->name = columns;
		layout->levels = columns > 24 ? columns / 8 : 2;
		return;
	}
	layout->place = smaller(layout->place, room / 3);
	layout->name = smaller(layout->name, room - layout->place);
}

/* The lines that lead to a row: those of the branches around it, outermost first. */
static void put_branches(struct plait_line *line, const struct plait_tree_layout *layout,
			 const struct plait_outline_row *row)
{
	const struct plait_outline_branch *branches = layout->outline->branches.data;
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

static void put_mark(struct plait_line *line, const struct plait_tree_layout *layout,
		     const struct plait_outline_row *row)
{
	static const char *const marks[] = { "  ", "▸ ", "▾ " }, *const ascii[] = { "  ", "+ ", "- " };
	if (layout->marks)
		plait_line_put(line, row->hot ? PLAIT_STYLE_MARKER : PLAIT_STYLE_DIM,
			       (layout->options->ascii ? ascii : marks)[row->state], UINT32_MAX);
}

static void put_figures(struct plait_line *line, const struct plait_tree_layout *layout,
			const struct plait_outline_row *row)
{
	char number[PLAIT_NUMBER_SIZE];
	uint64_t whole = layout->outline->tree->nodes.data[0].total;
	bool marked = layout->matches && row->node != PLAIT_NONE &&
		      layout->matches[layout->outline->tree->nodes.data[row->node].label];
	if (marked)
		plait_line_put(line, PLAIT_STYLE_MARKER, "*", UINT32_MAX);
	plait_line_format(line, layout->marks && row->hot ? PLAIT_STYLE_STRONG : PLAIT_STYLE_PLAIN, "%*s",
			  marked ? 5 : 6, plait_number_share(row->total, whole, number));
	if (has_ratio(layout)) {
		const struct plait_metric *metric = &layout->outline->tree->profile->metric;
		bool ascii = layout->options->ascii;
		const char *text = row->node == PLAIT_NONE
					   ? ""
					   : plait_number_ratio(&layout->outline->tree->total_ratios[row->node], metric,
								ascii, number);
		plait_line_move(line, FIGURES_RATIO - 2 - plait_text_width(text, ascii));
		plait_line_put(line, PLAIT_STYLE_STRONG, text, UINT32_MAX);
	} else if (has_self(layout) && row->self) {
		bool hot = row->self >= whole / 20;
		plait_line_format(line, hot ? PLAIT_STYLE_STRONG : PLAIT_STYLE_PLAIN, " %6s",
				  plait_number_share(row->self, whole, number));
	}
	plait_line_move(line, layout->figures);
}

/* "14 more below 1 %". */
static const char *cut_text(const struct plait_tree_layout *layout, uint32_t cut, char ret[96])
{
	char count[PLAIT_NUMBER_SIZE];
	snprintf(ret, 96, "%s more below %g %%", plait_number_count(cut, count), layout->outline->threshold);
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

static void put_repeats(struct plait_line *line, const struct plait_outline_row *row)
{
	char text[96], brief[32], frames[32] = "";
	const char *times = line->options->ascii ? "x" : "×";
	if (row->period > 1)
		snprintf(frames, sizeof(frames), ", %" PRIu32 " frames", row->period);
	snprintf(text, sizeof(text), "(%s %" PRIu32 " recursive%s)", times, row->repeats, frames);
	snprintf(brief, sizeof(brief), "(%s %" PRIu32 ")", times, row->repeats);
	put_note(line, PLAIT_STYLE_MARKER, text, brief);
}

static void put_notes(struct plait_line *line, const struct plait_tree_layout *layout,
		      const struct plait_outline_row *row)
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

void plait_tree_put_row(struct plait_line *line, const struct plait_tree_layout *layout,
			const struct plait_outline_row *row)
{
	char buffer[96];
	put_figures(line, layout, row);
	put_branches(line, layout, row);
	put_mark(line, layout, row);
	if (row->node == PLAIT_NONE) {
		plait_line_put(line, PLAIT_STYLE_DIM, cut_text(layout, row->cut, buffer), UINT32_MAX);
		plait_line_end(line);
		return;
	}
	const struct plait_label *label = plait_calltree_label(layout->outline->tree, row->node);
	uint32_t edge = layout->figures + layout->name;
	uint32_t room = edge > line->column ? edge - line->column : 1;
	plait_line_put(line, plait_label_style(label), label->name, layout->options->columns ? room : UINT32_MAX);
	if (label->kind != PLAIT_LABEL_MARKER && !is_narrow(layout)) {
		plait_line_move(line, edge + 2);
		plait_label_put_place(line, label, layout->options->columns ? layout->place : UINT32_MAX);
	}
	if (is_narrow(layout) && label->kind == PLAIT_LABEL_PYTHON && plait_line_left(line) > NARROW_PLACE) {
		plait_line_move(line, line->column + 1);
		plait_label_put_place(line, label, UINT32_MAX);
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

void plait_tree_put_titles(struct plait_line *line, const struct plait_tree_layout *layout)
{
	plait_line_put(line, PLAIT_STYLE_DIM, layout->inverted ? " share" : " total", UINT32_MAX);
	if (has_ratio(layout))
		plait_metric_put_title(line, layout->outline->tree->profile, FIGURES_RATIO - 2);
	else if (has_self(layout))
		plait_line_put(line, PLAIT_STYLE_DIM, "   self", UINT32_MAX);
	plait_line_end(line);
}
