/* Tables as text: by function, and by Python line. */
#include <inttypes.h>
#include <string.h>

#include "output/render/number.h"
#include "output/render/renderers.h"
#include "output/render/text_header.h"
#include "output/render/text_label.h"
#include "output/render/text_tables.h"

enum {
	AMOUNT_AT = 14, /* the first column of figures that are no shares */
	AMOUNT_OF_SELF = 11,
	AMOUNT_OF_BOTH = 9, /* each */
	RATIO = 14,
	PLACE_MAX = 32,
	SOURCE_MIN = 16,
	SOURCE_FROM = 62, /* with marks: so many columns leave room for source lines, */
	SOURCE_ROOM = 34, /* which get this many of them whatever names there are */
	NARROW = 64,	  /* with marks and fewer columns: no amounts, */
	NARROW_LINES = 120,
	VERY_NARROW = 40, /* and only the share of its own */
};

/* The screen's columns that leave room for amounts. Those of lines come behind the text of the line. */
static bool has_amounts(const struct plait_table_layout *layout)
{
	bool source = layout->lines && layout->options->source_line && !layout->profile->metric.name;
	uint32_t least = source ? NARROW_LINES : NARROW;
	return !layout->marks || !layout->options->columns || layout->options->columns >= least;
}

static bool is_narrow(const struct plait_table_layout *layout, uint32_t columns)
{
	return layout->marks && layout->options->columns && layout->options->columns < columns;
}

static const struct plait_label *label_of(const struct plait_table_layout *layout, uint32_t label)
{
	return &layout->profile->labels.all.data[label];
}

static bool is_shown(const struct plait_table_layout *layout, uint64_t weight)
{
	return (double)weight >= (double)layout->table->total * layout->threshold / 100;
}

static void put_share(struct plait_line *line, uint64_t part, uint64_t whole, enum plait_style style)
{
	char number[PLAIT_NUMBER_SIZE];
	plait_line_format(line, part ? style : PLAIT_STYLE_PLAIN, "%6s",
			  part ? plait_number_share(part, whole, number) : "");
}

/* A figure that ends before `column`. */
static void put_right(struct plait_table_layout *layout, uint32_t column, const char *text)
{
	plait_line_move(&layout->line, column - plait_text_width(text, layout->options->ascii));
	plait_line_put(&layout->line, PLAIT_STYLE_PLAIN, text, UINT32_MAX);
}

static void put_amounts(struct plait_table_layout *layout, const struct plait_table_row *row)
{
	char number[PLAIT_NUMBER_SIZE];
	if (!layout->lines) {
		put_right(layout, AMOUNT_AT + AMOUNT_OF_SELF,
			  row->self ? plait_number_amount(row->self, layout->unit_ns, number) : "");
		return;
	}
	put_right(layout, AMOUNT_AT + AMOUNT_OF_BOTH,
		  row->self ? plait_number_brief(row->self, layout->unit_ns, number) : "");
	put_right(layout, AMOUNT_AT + 2 * AMOUNT_OF_BOTH, plait_number_brief(row->total, layout->unit_ns, number));
}

static void put_ratios(struct plait_table_layout *layout, const struct plait_table_row *row)
{
	char number[PLAIT_NUMBER_SIZE];
	const struct plait_metric *metric = &layout->profile->metric;
	bool ascii = layout->options->ascii;
	put_right(layout, AMOUNT_AT + RATIO,
		  row->self ? plait_number_ratio(&row->self_ratio, metric, ascii, number) : "");
	put_right(layout, AMOUNT_AT + 2 * RATIO, plait_number_ratio(&row->total_ratio, metric, ascii, number));
}

/* The two shares and the amounts. */
static void put_figures(struct plait_table_layout *layout, const struct plait_table_row *row)
{
	char number[PLAIT_NUMBER_SIZE];
	bool marked = layout->matches && layout->matches[row->label];
	if (marked)
		plait_line_put(&layout->line, PLAIT_STYLE_MARKER, "*", UINT32_MAX);
	plait_line_format(&layout->line, row->self ? PLAIT_STYLE_STRONG : PLAIT_STYLE_PLAIN, "%*s", marked ? 5 : 6,
			  row->self ? plait_number_share(row->self, layout->table->total, number) : "");
	if (!is_narrow(layout, VERY_NARROW)) {
		plait_line_move(&layout->line, 7);
		put_share(&layout->line, row->total, layout->table->total, PLAIT_STYLE_PLAIN);
	}
	if (has_amounts(layout) && layout->profile->metric.name)
		put_ratios(layout, row);
	else if (has_amounts(layout))
		put_amounts(layout, row);
	plait_line_move(&layout->line, layout->name_at);
}

void plait_table_put_titles(struct plait_table_layout *layout)
{
	const struct plait_metric *metric = &layout->profile->metric;
	char text[48];
	const char *both = layout->lines ? "   own  total" : "  self  total";
	const char *own = layout->lines ? "   own" : "  self";
	plait_line_put(&layout->line, PLAIT_STYLE_DIM, is_narrow(layout, VERY_NARROW) ? own : both, UINT32_MAX);
	if (!has_amounts(layout)) {
		plait_line_move(&layout->line, layout->name_at);
		plait_line_put(&layout->line, PLAIT_STYLE_DIM, layout->lines ? "Python line" : "function", UINT32_MAX);
		plait_line_end(&layout->line);
		return;
	}
	if (metric->name) {
		snprintf(text, sizeof(text), "%s %.9s", layout->lines ? "own" : "self",
			 strlen(metric->name) > 9 ? "ratio" : metric->name);
		plait_line_move(&layout->line, AMOUNT_AT + RATIO - (uint32_t)strlen(text));
		plait_line_put(&layout->line, PLAIT_STYLE_DIM, text, UINT32_MAX);
		plait_line_move(&layout->line, AMOUNT_AT + 2 * RATIO - 5);
		plait_line_put(&layout->line, PLAIT_STYLE_DIM, "total", UINT32_MAX);
	} else if (layout->lines) {
		plait_line_put(&layout->line, PLAIT_STYLE_DIM, "       own    total", UINT32_MAX);
	} else {
		plait_line_put(&layout->line, PLAIT_STYLE_DIM, "        self", UINT32_MAX);
	}
	plait_line_move(&layout->line, layout->name_at - (layout->lines || metric->name ? 0 : 1));
	plait_line_put(&layout->line, PLAIT_STYLE_DIM, layout->lines ? "Python line" : "function", UINT32_MAX);
	plait_line_end(&layout->line);
}

bool plait_table_has_line(const struct plait_table_layout *layout, const struct plait_table_row *row)
{
	if (!row->self && !layout->options->full && label_of(layout, row->label)->machinery)
		return false;
	return is_shown(layout, row->total);
}

void plait_table_measure(struct plait_table_layout *layout)
{
	uint32_t columns = layout->options->columns;
	layout->name_at = AMOUNT_AT + 2 +
			  (layout->profile->metric.name ? 2 * RATIO
			   : layout->lines		? 2 * AMOUNT_OF_BOTH
							: AMOUNT_OF_SELF + 1);
	if (!has_amounts(layout))
		layout->name_at = is_narrow(layout, VERY_NARROW) ? 7 : 14;
	for (size_t i = 0; i < layout->table->rows.count; i++) {
		const struct plait_table_row *row = &layout->table->rows.data[i];
		if (!plait_table_has_line(layout, row))
			continue;
		char place[PLAIT_PLACE_SIZE];
		const struct plait_label *label = label_of(layout, row->label);
		uint32_t name = plait_text_width(label->name, layout->options->ascii) + (layout->marks ? 2 : 0);
		uint32_t width = plait_text_width(plait_label_place(label, place), layout->options->ascii);
		layout->name = name > layout->name ? name : layout->name;
		layout->place = width > layout->place ? width : layout->place;
	}
	uint32_t room = columns > layout->name_at + 22 ? columns - layout->name_at - 2 : 20;
	if (layout->marks && layout->lines && layout->options->source_line && room >= SOURCE_FROM)
		room -= SOURCE_ROOM;
	if (is_narrow(layout, VERY_NARROW))
		room = columns > layout->name_at + 4 ? columns - layout->name_at - 2 : 3;
	if (!columns)
		room = 90;
	uint32_t place = room / (layout->marks && layout->lines ? 2 : 3); /* of a line it says more than the name */
	place = place > PLACE_MAX ? PLACE_MAX : place;
	layout->place = layout->place > place ? place : layout->place;
	layout->name = layout->name > room - layout->place ? room - layout->place : layout->name;
}

static uint32_t limit(const struct plait_table_layout *layout, uint32_t width)
{
	return layout->options->columns ? width : UINT32_MAX;
}

static void put_label(struct plait_table_layout *layout, const struct plait_label *label, const char *mark)
{
	plait_line_put(&layout->line, PLAIT_STYLE_STRONG, mark, UINT32_MAX);
	plait_line_put(&layout->line, plait_label_style(label), label->name,
		       limit(layout, layout->name - (*mark ? 2 : 0)));
	plait_line_move(&layout->line, layout->name_at + layout->name + 2);
	plait_label_put_place(&layout->line, label, limit(layout, layout->place));
}

static void put_source(struct plait_table_layout *layout, const struct plait_label *label)
{
	const char *source = plait_label_source(label, layout->options);
	if (!source)
		return;
	plait_line_move(&layout->line, layout->name_at + layout->name + 2 + layout->place + 2);
	if (plait_line_left(&layout->line) >= SOURCE_MIN)
		plait_line_put(&layout->line, PLAIT_STYLE_DIM, source, UINT32_MAX);
}

void plait_table_put_row(struct plait_table_layout *layout, const struct plait_table_row *row, const char *mark)
{
	put_figures(layout, row);
	put_label(layout, label_of(layout, row->label), mark);
	if (layout->lines)
		put_source(layout, label_of(layout, row->label));
	plait_line_end(&layout->line);
}

/* A share of a line's own, below it. */
static void put_part(struct plait_table_layout *layout, uint64_t weight)
{
	plait_line_move(&layout->line, layout->name_at + 1);
	put_share(&layout->line, weight, layout->table->total, PLAIT_STYLE_PLAIN);
	plait_line_move(&layout->line, layout->line.column + 2);
}

void plait_table_put_leaf(struct plait_table_layout *layout, const struct plait_table_leaf *leaf)
{
	const struct plait_label *label = label_of(layout, leaf->label);
	put_part(layout, leaf->weight);
	char number[PLAIT_NUMBER_SIZE];
	plait_line_format(&layout->line, PLAIT_STYLE_DIM, "%8s  ",
			  plait_number_brief(leaf->weight, layout->unit_ns, number));
	plait_line_put(&layout->line, plait_label_style(label), label->name, UINT32_MAX);
	plait_line_move(&layout->line, layout->line.column + 2);
	plait_label_put_place(&layout->line, label, UINT32_MAX);
	plait_line_end(&layout->line);
}

void plait_table_put_cut_leaves(struct plait_table_layout *layout, uint32_t cut, uint64_t weight)
{
	char count[PLAIT_NUMBER_SIZE];
	put_part(layout, weight);
	plait_line_format(&layout->line, PLAIT_STYLE_DIM, "%s native below %g %%", plait_number_count(cut, count),
			  layout->threshold);
	plait_line_end(&layout->line);
}

/* The native functions of a line. Their shares are parts of the line's own. */
static void put_leaves(struct plait_table_layout *layout, const struct plait_table_row *row)
{
	uint32_t cut = 0;
	uint64_t cut_weight = 0;
	for (uint32_t i = 0; i < row->leaf_count; i++) {
		const struct plait_table_leaf *leaf = &layout->table->leaves.data[row->leaves + i];
		if (is_shown(layout, leaf->weight)) {
			plait_table_put_leaf(layout, leaf);
		} else {
			cut++;
			cut_weight = plait_saturating_add(cut_weight, leaf->weight);
		}
	}
	if (cut && is_shown(layout, row->self))
		plait_table_put_cut_leaves(layout, cut, cut_weight);
}

static void put_cut(struct plait_table_layout *layout, uint32_t cut, uint64_t weight)
{
	char count[PLAIT_NUMBER_SIZE];
	put_share(&layout->line, weight, layout->table->total, PLAIT_STYLE_PLAIN);
	plait_line_move(&layout->line, layout->name_at);
	plait_line_format(&layout->line, PLAIT_STYLE_DIM, "%s more below %g %%", plait_number_count(cut, count),
			  layout->threshold);
	plait_line_end(&layout->line);
}

static void put_outside(struct plait_table_layout *layout)
{
	put_share(&layout->line, layout->table->outside, layout->table->total, PLAIT_STYLE_PLAIN);
	plait_line_move(&layout->line, layout->name_at);
	plait_line_put(&layout->line, PLAIT_STYLE_DIM, "outside of Python", UINT32_MAX);
	plait_line_end(&layout->line);
}

static void put_table(struct plait_table_layout *layout)
{
	plait_table_put_titles(layout);
	uint32_t cut = 0;
	uint64_t cut_weight = 0;
	for (size_t i = 0; i < layout->table->rows.count; i++) {
		const struct plait_table_row *row = &layout->table->rows.data[i];
		if (!plait_table_has_line(layout, row)) {
			cut += !is_shown(layout, row->total);
			cut_weight = plait_saturating_add(cut_weight, row->self);
			continue;
		}
		plait_table_put_row(layout, row, "");
		if (layout->lines)
			put_leaves(layout, row);
	}
	if (cut)
		put_cut(layout, cut, cut_weight);
	if (layout->table->outside)
		put_outside(layout);
	plait_metric_put_foot(&layout->line, layout->profile);
}

static struct plait_error *render_table(const struct plait_profile *profile, const struct plait_view_options *view,
					const struct plait_render_options *options, bool lines, FILE *out)
{
	struct plait_selection *selection;
	PLAIT_TRY(plait_selection_create(profile, view, &selection));
	struct plait_table table;
	struct plait_error *error = lines ? plait_table_by_line(profile, selection, &table)
					  : plait_table_by_function(profile, selection, &table);
	if (!error) {
		struct plait_table_layout layout = { .profile = profile,
						     .table = &table,
						     .lines = lines,
						     .options = options,
						     .line = { .out = out, .options = options },
						     .unit_ns = plait_selection_unit_ns(profile, selection),
						     .threshold = options->threshold < 0 ? 1 : options->threshold };
		plait_table_measure(&layout);
		plait_header_write(profile, selection, table.samples, options, out);
		if (table.samples)
			put_table(&layout);
		else
			plait_header_write_nothing(options, out);
		plait_table_release(&table);
		error = plait_stream_error(out);
	}
	plait_selection_destroy(selection);
	return error;
}

struct plait_error *plait_render_flat(const struct plait_profile *profile, const struct plait_view_options *view,
				      const struct plait_render_options *options, FILE *out)
{
	return render_table(profile, view, options, false, out);
}

struct plait_error *plait_render_lines(const struct plait_profile *profile, const struct plait_view_options *view,
				       const struct plait_render_options *options, FILE *out)
{
	return render_table(profile, view, options, true, out);
}
