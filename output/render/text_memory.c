/* Where the data of precise samples were, by Python line, as text. */
#include <string.h>

#include "output/model/tables.h"
#include "output/render/number.h"
#include "output/render/renderers.h"
#include "output/render/text_header.h"
#include "output/render/text_label.h"

enum { SHARE = 6, LATENCY = 8, LEVELS = 6 };

/* Levels that share a column. */
static const struct column {
	const char *title;
	enum plait_memory_level levels[2];
} columns[LEVELS] = {
	{ "L1", { PLAIT_MEMORY_L1, PLAIT_MEMORY_LFB } },
	{ "L2", { PLAIT_MEMORY_L2, PLAIT_MEMORY_L2 } },
	{ "L3", { PLAIT_MEMORY_L3, PLAIT_MEMORY_L3 } },
	{ "DRAM", { PLAIT_MEMORY_DRAM, PLAIT_MEMORY_DRAM } },
	{ "remote", { PLAIT_MEMORY_REMOTE_CACHE, PLAIT_MEMORY_REMOTE_DRAM } },
	{ "TLB-", { PLAIT_MEMORY_LEVELS, PLAIT_MEMORY_LEVELS } }, /* misses: besides, not among the levels */
};

static uint64_t samples_of(const struct plait_data_sources *memory, const struct column *column)
{
	if (column->levels[0] == PLAIT_MEMORY_LEVELS)
		return memory->tlb_misses;
	uint64_t samples = memory->levels[column->levels[0]];
	return column->levels[1] == column->levels[0] ? samples : samples + memory->levels[column->levels[1]];
}

static void put_right(struct plait_line *line, uint32_t *column, uint32_t width, const char *text,
		      enum plait_style style)
{
	*column += width;
	plait_line_move(line, *column - (uint32_t)strlen(text));
	plait_line_put(line, style, text, UINT32_MAX);
}

static void put_titles(struct plait_line *line)
{
	uint32_t at = 0;
	put_right(line, &at, SHARE, "own", PLAIT_STYLE_DIM);
	for (int i = 0; i < LEVELS; i++)
		put_right(line, &at, SHARE + 1, columns[i].title, PLAIT_STYLE_DIM);
	put_right(line, &at, LATENCY, "cycles", PLAIT_STYLE_DIM);
	put_right(line, &at, LATENCY, "most", PLAIT_STYLE_DIM);
	plait_line_move(line, at + 2);
	plait_line_put(line, PLAIT_STYLE_DIM, "Python line", UINT32_MAX);
	plait_line_end(line);
}

static void put_row(struct plait_line *line, const struct plait_profile *profile, const struct plait_table *table,
		    const struct plait_table_row *row)
{
	char number[PLAIT_NUMBER_SIZE], place[PLAIT_PLACE_SIZE];
	const struct plait_data_sources *memory = &row->memory;
	const struct plait_label *label = &profile->labels.all.data[row->label];
	uint32_t at = 0;
	put_right(line, &at, SHARE, plait_number_share(row->self, table->total, number), PLAIT_STYLE_STRONG);
	for (int i = 0; i < LEVELS; i++)
		put_right(line, &at, SHARE + 1,
			  plait_number_share(samples_of(memory, &columns[i]), memory->samples, number),
			  PLAIT_STYLE_PLAIN);
	put_right(line, &at, LATENCY, memory->timed ? plait_number_count(memory->latency / memory->timed, number) : "",
		  PLAIT_STYLE_PLAIN);
	put_right(line, &at, LATENCY, memory->timed ? plait_number_count(memory->latency_max, number) : "",
		  PLAIT_STYLE_PLAIN);
	plait_line_move(line, at + 2);
	plait_line_put(line, plait_label_style(label), plait_label_place(label, place), UINT32_MAX);
	plait_line_put(line, PLAIT_STYLE_PLAIN, "  ", UINT32_MAX);
	plait_line_put(line, PLAIT_STYLE_DIM, label->name, UINT32_MAX);
	plait_line_end(line);
}

static void put_table(const struct plait_profile *profile, const struct plait_table *table,
		      const struct plait_render_options *options, FILE *out)
{
	struct plait_line line = { .out = out, .options = options };
	double threshold = options->threshold < 0 ? 1 : options->threshold;
	put_titles(&line);
	for (size_t i = 0; i < table->rows.count; i++) {
		const struct plait_table_row *row = &table->rows.data[i];
		if (row->memory.samples && (double)row->self >= (double)table->total * threshold / 100)
			put_row(&line, profile, table, row);
	}
	plait_line_end(&line);
	plait_line_put(&line, PLAIT_STYLE_DIM, "L1 to TLB-: per cent of the line's own samples; cycles: mean and most",
		       UINT32_MAX);
	plait_line_end(&line);
}

static void put_nothing(const struct plait_render_options *options, FILE *out)
{
	struct plait_line line = { .out = out, .options = options };
	plait_line_sentence(
		&line, "no sample of this recording says where its data were: that takes a precise memory event, on a "
		       "processor that has them (-e cpu/mem-loads,ldlat=30/pp, -e MEM_LOAD_RETIRED:L3_MISS:pp)");
}

struct plait_error *plait_render_memory(const struct plait_profile *profile, const struct plait_view_options *view,
					const struct plait_render_options *options, FILE *out)
{
	struct plait_selection *selection;
	PLAIT_TRY(plait_selection_create(profile, view, &selection));
	struct plait_table table;
	struct plait_error *error = plait_table_by_line(profile, selection, &table);
	if (!error) {
		plait_header_write(profile, selection, table.samples, options, out);
		if (profile->memories.count)
			put_table(profile, &table, options, out);
		else
			put_nothing(options, out);
		plait_table_release(&table);
		error = plait_stream_error(out);
	}
	plait_selection_destroy(selection);
	return error;
}
