/* What `plait record` says at its end: the hottest Python lines, the hottest native functions, the trust figures. */
#include "output/model/tables.h"
#include "output/render/number.h"
#include "output/render/renderers.h"
#include "output/render/text_header.h"
#include "output/render/text_label.h"

enum {
	ROWS = 8,
	WIDTH_OF_A_PIPE = 110,
	WIDTH_FOR_TWO = 90, /* the tables side by side from here on */
	SHARE = 11,
};

struct summary {
	const struct plait_profile *profile;
	const struct plait_render_options *options;
	struct plait_table lines, functions;
	uint32_t native[ROWS]; /* rows of `functions` */
	uint32_t line_count, native_count;
};

/* Chooses the rows: at least a tenth of a per cent of everything. */
static void choose(struct summary *summary)
{
	const struct plait_table *functions = &summary->functions;
	for (uint32_t i = 0; i < functions->rows.count && summary->native_count < ROWS; i++) {
		const struct plait_table_row *row = &functions->rows.data[i];
		enum plait_label_kind kind = summary->profile->labels.all.data[row->label].kind;
		if ((kind == PLAIT_LABEL_NATIVE || kind == PLAIT_LABEL_KERNEL) && row->self > functions->total / 1000)
			summary->native[summary->native_count++] = i;
	}
	while (summary->line_count < ROWS && summary->line_count < summary->lines.rows.count &&
	       summary->lines.rows.data[summary->line_count].self > summary->lines.total / 1000)
		summary->line_count++;
}

/* One row of a table in the columns [from, to). */
static void put_row(struct plait_line *line, const struct summary *summary, const struct plait_table *table,
		    uint32_t index, uint32_t from, uint32_t to)
{
	char number[PLAIT_NUMBER_SIZE], place[PLAIT_PLACE_SIZE];
	const struct plait_table_row *row = &table->rows.data[index];
	const struct plait_label *label = &summary->profile->labels.all.data[row->label];
	plait_line_move(line, from);
	plait_line_format(line, PLAIT_STYLE_STRONG, "%7s %%", plait_number_share(row->self, table->total, number));
	plait_line_move(line, from + SHARE);
	const char *where = plait_label_place(label, place);
	const char *first = label->kind == PLAIT_LABEL_PYTHON ? where : label->name;
	uint32_t room = to - from - SHARE;
	plait_line_put(line, plait_label_style(label), first, room * 2 / 3);
	plait_line_move(line, line->column + 2);
	const char *source = plait_label_source(label, summary->options);
	const char *second = label->kind != PLAIT_LABEL_PYTHON ? where : source ? source : label->name;
	if (line->column < to)
		plait_line_put(line, PLAIT_STYLE_DIM, second, to - line->column);
}

static void put_title(struct plait_line *line, uint32_t from, const char *text)
{
	plait_line_move(line, from);
	plait_line_put(line, PLAIT_STYLE_STRONG, text, UINT32_MAX);
}

static void put_tables(struct summary *summary, uint32_t columns, FILE *out)
{
	static const char *const titles[] = { "Hottest Python lines", "Hottest native functions" };
	struct plait_line line = { .out = out, .options = summary->options };
	uint32_t middle = columns / 2;
	put_title(&line, 0, titles[0]);
	put_title(&line, middle, titles[1]);
	plait_line_end(&line);
	for (uint32_t i = 0; i < summary->line_count || i < summary->native_count; i++) {
		if (i < summary->line_count)
			put_row(&line, summary, &summary->lines, i, 0, middle - 2);
		if (i < summary->native_count)
			put_row(&line, summary, &summary->functions, summary->native[i], middle, columns);
		plait_line_end(&line);
	}
}

static void put_stacked(struct summary *summary, uint32_t columns, FILE *out)
{
	struct plait_line line = { .out = out, .options = summary->options };
	put_title(&line, 0, "Hottest Python lines");
	plait_line_end(&line);
	for (uint32_t i = 0; i < summary->line_count; i++) {
		put_row(&line, summary, &summary->lines, i, 0, columns);
		plait_line_end(&line);
	}
	put_title(&line, 0, "Hottest native functions");
	plait_line_end(&line);
	for (uint32_t i = 0; i < summary->native_count; i++) {
		put_row(&line, summary, &summary->functions, summary->native[i], 0, columns);
		plait_line_end(&line);
	}
}

static void write_summary(struct summary *summary, FILE *out)
{
	uint32_t columns = summary->options->columns;
	columns = !columns ? WIDTH_OF_A_PIPE : columns < 40 ? 40 : columns;
	choose(summary);
	bool any = summary->profile->trust.samples > 0;
	if (any && columns >= WIDTH_FOR_TWO)
		put_tables(summary, columns, out);
	else if (any)
		put_stacked(summary, columns, out);
	plait_header_write_trust(summary->profile, summary->options, out);
}

struct plait_error *plait_render_summary(const struct plait_profile *profile, const struct plait_view_options *view,
					 const struct plait_render_options *options, FILE *out)
{
	struct plait_selection *selection;
	PLAIT_TRY(plait_selection_create(profile, view, &selection));
	struct summary summary = { .profile = profile, .options = options };
	struct plait_error *error = plait_table_by_line(profile, selection, &summary.lines);
	if (!error)
		error = plait_table_by_function(profile, selection, &summary.functions);
	if (!error) {
		write_summary(&summary, out);
		error = plait_stream_error(out);
	}
	plait_table_release(&summary.lines);
	plait_table_release(&summary.functions);
	plait_selection_destroy(selection);
	return error;
}
