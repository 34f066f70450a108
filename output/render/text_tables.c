/* Tables as text: by function, and by Python line. */
#include <inttypes.h>
#include <string.h>

#include "output/model/tables.h"
#include "output/render/number.h"
#include "output/render/renderers.h"
#include "output/render/text_header.h"
#include "output/render/text_label.h"

enum {
	AMOUNT_AT = 14, /* the first column of figures that are no shares */
	AMOUNT_OF_SELF = 11,
	AMOUNT_OF_BOTH = 9, /* each */
	RATIO = 14,
	PLACE_MAX = 32,
	SOURCE_MIN = 16,
};

struct printer {
	const struct plait_profile *profile;
	const struct plait_table *table;
	const struct plait_render_options *options;
	struct plait_line line;
	bool unit_ns, lines;
	double threshold;
	uint32_t name_at;     /* column */
	uint32_t name, place; /* widths */
};

static const struct plait_label *label_of(const struct printer *printer, uint32_t label)
{
	return &printer->profile->labels.all.data[label];
}

static bool is_shown(const struct printer *printer, uint64_t weight)
{
	return (double)weight >= (double)printer->table->total * printer->threshold / 100;
}

static void put_share(struct plait_line *line, uint64_t part, uint64_t whole, enum plait_style style)
{
	char number[PLAIT_NUMBER_SIZE];
	plait_line_format(line, part ? style : PLAIT_STYLE_PLAIN, "%6s",
			  part ? plait_number_share(part, whole, number) : "");
}

/* A figure that ends before `column`. */
static void put_right(struct printer *printer, uint32_t column, const char *text)
{
	plait_line_move(&printer->line, column - plait_text_width(text, printer->options->ascii));
	plait_line_put(&printer->line, PLAIT_STYLE_PLAIN, text, UINT32_MAX);
}

static void put_amounts(struct printer *printer, const struct plait_table_row *row)
{
	char number[PLAIT_NUMBER_SIZE];
	if (!printer->lines) {
		put_right(printer, AMOUNT_AT + AMOUNT_OF_SELF,
			  row->self ? plait_number_amount(row->self, printer->unit_ns, number) : "");
		return;
	}
	put_right(printer, AMOUNT_AT + AMOUNT_OF_BOTH,
		  row->self ? plait_number_brief(row->self, printer->unit_ns, number) : "");
	put_right(printer, AMOUNT_AT + 2 * AMOUNT_OF_BOTH, plait_number_brief(row->total, printer->unit_ns, number));
}

static void put_ratios(struct printer *printer, const struct plait_table_row *row)
{
	char number[PLAIT_NUMBER_SIZE];
	const struct plait_metric *metric = &printer->profile->metric;
	bool ascii = printer->options->ascii;
	put_right(printer, AMOUNT_AT + RATIO,
		  row->self ? plait_number_ratio(&row->self_ratio, metric, ascii, number) : "");
	put_right(printer, AMOUNT_AT + 2 * RATIO, plait_number_ratio(&row->total_ratio, metric, ascii, number));
}

/* The two shares and the amounts. */
static void put_figures(struct printer *printer, const struct plait_table_row *row)
{
	put_share(&printer->line, row->self, printer->table->total, PLAIT_STYLE_STRONG);
	plait_line_move(&printer->line, 7);
	put_share(&printer->line, row->total, printer->table->total, PLAIT_STYLE_PLAIN);
	if (printer->profile->metric.name)
		put_ratios(printer, row);
	else
		put_amounts(printer, row);
	plait_line_move(&printer->line, printer->name_at);
}

static void put_titles(struct printer *printer)
{
	const struct plait_metric *metric = &printer->profile->metric;
	char text[48];
	plait_line_put(&printer->line, PLAIT_STYLE_DIM, printer->lines ? "   own  total" : "  self  total", UINT32_MAX);
	if (metric->name) {
		snprintf(text, sizeof(text), "%s %.9s", printer->lines ? "own" : "self",
			 strlen(metric->name) > 9 ? "ratio" : metric->name);
		plait_line_move(&printer->line, AMOUNT_AT + RATIO - (uint32_t)strlen(text));
		plait_line_put(&printer->line, PLAIT_STYLE_DIM, text, UINT32_MAX);
		plait_line_move(&printer->line, AMOUNT_AT + 2 * RATIO - 5);
		plait_line_put(&printer->line, PLAIT_STYLE_DIM, "total", UINT32_MAX);
	} else if (printer->lines) {
		plait_line_put(&printer->line, PLAIT_STYLE_DIM, "       own    total", UINT32_MAX);
	} else {
		plait_line_put(&printer->line, PLAIT_STYLE_DIM, "        self", UINT32_MAX);
	}
	plait_line_move(&printer->line, printer->name_at - (printer->lines || metric->name ? 0 : 1));
	plait_line_put(&printer->line, PLAIT_STYLE_DIM, printer->lines ? "Python line" : "function", UINT32_MAX);
	plait_line_end(&printer->line);
}

/* Whether a row is worth a line: large enough, and not only machinery that passes calls on. */
static bool has_line(const struct printer *printer, const struct plait_table_row *row)
{
	if (!row->self && !printer->options->full && label_of(printer, row->label)->machinery)
		return false;
	return is_shown(printer, row->total);
}

/* The widths of names and places in the rows that are shown. */
static void measure(struct printer *printer)
{
	uint32_t columns = printer->options->columns;
	printer->name_at = AMOUNT_AT + 2 +
			   (printer->profile->metric.name ? 2 * RATIO
			    : printer->lines		  ? 2 * AMOUNT_OF_BOTH
							  : AMOUNT_OF_SELF + 1);
	for (size_t i = 0; i < printer->table->rows.count; i++) {
		const struct plait_table_row *row = &printer->table->rows.data[i];
		if (!has_line(printer, row))
			continue;
		char place[PLAIT_PLACE_SIZE];
		const struct plait_label *label = label_of(printer, row->label);
		uint32_t name = plait_text_width(label->name, printer->options->ascii);
		uint32_t width = plait_text_width(plait_label_place(label, place), printer->options->ascii);
		printer->name = name > printer->name ? name : printer->name;
		printer->place = width > printer->place ? width : printer->place;
	}
	uint32_t room = columns > printer->name_at + 22 ? columns - printer->name_at - 2 : 20;
	if (!columns)
		room = 90;
	uint32_t place = room / 3 > PLACE_MAX ? PLACE_MAX : room / 3;
	printer->place = printer->place > place ? place : printer->place;
	printer->name = printer->name > room - printer->place ? room - printer->place : printer->name;
}

static uint32_t limit(const struct printer *printer, uint32_t width)
{
	return printer->options->columns ? width : UINT32_MAX;
}

static void put_label(struct printer *printer, const struct plait_label *label)
{
	plait_line_put(&printer->line, plait_label_style(label), label->name, limit(printer, printer->name));
	plait_line_move(&printer->line, printer->name_at + printer->name + 2);
	plait_label_put_place(&printer->line, label, limit(printer, printer->place));
}

static void put_source(struct printer *printer, const struct plait_label *label)
{
	const char *source = plait_label_source(label, printer->options);
	if (!source)
		return;
	plait_line_move(&printer->line, printer->name_at + printer->name + 2 + printer->place + 2);
	if (plait_line_left(&printer->line) >= SOURCE_MIN)
		plait_line_put(&printer->line, PLAIT_STYLE_DIM, source, UINT32_MAX);
}

/* A share of a line's own, below it. */
static void put_part(struct printer *printer, uint64_t weight)
{
	plait_line_move(&printer->line, printer->name_at + 1);
	put_share(&printer->line, weight, printer->table->total, PLAIT_STYLE_PLAIN);
	plait_line_move(&printer->line, printer->line.column + 2);
}

static void put_leaf(struct printer *printer, const struct plait_table_leaf *leaf)
{
	const struct plait_label *label = label_of(printer, leaf->label);
	put_part(printer, leaf->weight);
	char number[PLAIT_NUMBER_SIZE];
	plait_line_format(&printer->line, PLAIT_STYLE_DIM, "%8s  ",
			  plait_number_brief(leaf->weight, printer->unit_ns, number));
	plait_line_put(&printer->line, plait_label_style(label), label->name, UINT32_MAX);
	plait_line_move(&printer->line, printer->line.column + 2);
	plait_label_put_place(&printer->line, label, UINT32_MAX);
	plait_line_end(&printer->line);
}

/* The native functions of a line. Their shares are parts of the line's own. */
static void put_leaves(struct printer *printer, const struct plait_table_row *row)
{
	uint32_t cut = 0;
	uint64_t cut_weight = 0;
	for (uint32_t i = 0; i < row->leaf_count; i++) {
		const struct plait_table_leaf *leaf = &printer->table->leaves.data[row->leaves + i];
		if (is_shown(printer, leaf->weight)) {
			put_leaf(printer, leaf);
		} else {
			cut++;
			cut_weight = plait_saturating_add(cut_weight, leaf->weight);
		}
	}
	if (!cut || !is_shown(printer, row->self))
		return;
	char count[PLAIT_NUMBER_SIZE];
	put_part(printer, cut_weight);
	plait_line_format(&printer->line, PLAIT_STYLE_DIM, "%s native below %g %%", plait_number_count(cut, count),
			  printer->threshold);
	plait_line_end(&printer->line);
}

static void put_cut(struct printer *printer, uint32_t cut, uint64_t weight)
{
	char count[PLAIT_NUMBER_SIZE];
	put_share(&printer->line, weight, printer->table->total, PLAIT_STYLE_PLAIN);
	plait_line_move(&printer->line, printer->name_at);
	plait_line_format(&printer->line, PLAIT_STYLE_DIM, "%s more below %g %%", plait_number_count(cut, count),
			  printer->threshold);
	plait_line_end(&printer->line);
}

static void put_outside(struct printer *printer)
{
	put_share(&printer->line, printer->table->outside, printer->table->total, PLAIT_STYLE_PLAIN);
	plait_line_move(&printer->line, printer->name_at);
	plait_line_put(&printer->line, PLAIT_STYLE_DIM, "outside of Python", UINT32_MAX);
	plait_line_end(&printer->line);
}

static void put_table(struct printer *printer)
{
	put_titles(printer);
	uint32_t cut = 0;
	uint64_t cut_weight = 0;
	for (size_t i = 0; i < printer->table->rows.count; i++) {
		const struct plait_table_row *row = &printer->table->rows.data[i];
		if (!has_line(printer, row)) {
			cut += !is_shown(printer, row->total);
			cut_weight = plait_saturating_add(cut_weight, row->self);
			continue;
		}
		put_figures(printer, row);
		put_label(printer, label_of(printer, row->label));
		if (printer->lines)
			put_source(printer, label_of(printer, row->label));
		plait_line_end(&printer->line);
		if (printer->lines)
			put_leaves(printer, row);
	}
	if (cut)
		put_cut(printer, cut, cut_weight);
	if (printer->table->outside)
		put_outside(printer);
	plait_metric_put_foot(&printer->line, printer->profile);
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
		struct printer printer = { .profile = profile,
					   .table = &table,
					   .lines = lines,
					   .options = options,
					   .line = { .out = out, .options = options },
					   .unit_ns = plait_selection_unit_ns(profile, selection),
					   .threshold = options->threshold < 0 ? 1 : options->threshold };
		measure(&printer);
		plait_header_write(profile, selection, table.samples, options, out);
		if (table.samples)
			put_table(&printer);
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
