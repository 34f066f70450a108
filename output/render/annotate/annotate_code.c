/* Machine code with costs, as text. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output/render/annotate/annotate_text.h"
#include "output/render/number.h"
#include "output/render/text_header.h"

enum {
	FUNCTION_END = 6, /* columns behind the figures */
	ALL_END = 13,
	CALLED_END = 20,
	CONTEXT = 3,	/* instructions around a hot one */
	LOOP_MAX = 100, /* instructions of a loop that is shown whole */
	LANES_MAX = 6,	/* jumps side by side */
	MNEMONIC = 8,	/* columns */
	NO_LANE = UINT8_MAX,
};

/* A jump whose both ends are shown. */
struct jump {
	uint32_t from, to; /* rows */
	uint8_t lane;	   /* 0: next to the code; NO_LANE: there was no room */
};

struct printer {
	struct plait_line *line;
	const struct plait_code_annotation *annotation;
	bool *shown; /* by row */
	PLAIT_VEC(struct jump) jumps;
	uint32_t lanes, offset_at, offset_digits, code_at;
	bool has_calls;
};

static uint32_t top_of(const struct jump *jump)
{
	return jump->from < jump->to ? jump->from : jump->to;
}

static uint32_t bottom_of(const struct jump *jump)
{
	return jump->from < jump->to ? jump->to : jump->from;
}

/* The row that begins at `address`; UINT32_MAX: none does. */
static uint32_t row_of(const struct plait_code_annotation *annotation, uint64_t address)
{
	size_t low = 0, high = annotation->rows.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (annotation->start + annotation->rows.data[middle].offset < address)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low < annotation->rows.count && annotation->start + annotation->rows.data[low].offset == address;
	return found ? (uint32_t)low : UINT32_MAX;
}

static void show(struct printer *printer, size_t row, size_t context)
{
	size_t count = printer->annotation->rows.count;
	for (size_t i = row > context ? row - context : 0; i <= row + context && i < count; i++)
		printer->shown[i] = true;
}

/* A short loop around a hot instruction is shown whole. */
static void show_loops(struct printer *printer, uint64_t hot)
{
	const struct plait_code_annotation *annotation = printer->annotation;
	for (uint32_t i = 0; i < annotation->rows.count; i++) {
		const struct plait_code_row *row = &annotation->rows.data[i];
		uint32_t to = row->is_jump && row->has_target ? row_of(annotation, row->target) : UINT32_MAX;
		if (to == UINT32_MAX || to > i || i - to > LOOP_MAX)
			continue;
		bool is_hot = false;
		for (uint32_t at = to; at <= i && !is_hot; at++)
			is_hot = annotation->rows.data[at].cost.own >= hot;
		for (uint32_t at = to; at <= i && is_hot; at++)
			printer->shown[at] = true;
	}
}

static int falling(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x < *y) - (*x > *y);
}

/* What the `hottest`-th instruction costs. */
static struct plait_error *nth_cost(const struct plait_code_annotation *annotation, uint32_t hottest, uint64_t *ret)
{
	size_t count = annotation->rows.count;
	uint64_t *costs = calloc(count + 1, sizeof(*costs));
	if (!costs)
		return plait_error_no_memory();
	for (size_t i = 0; i < count; i++)
		costs[i] = annotation->rows.data[i].cost.own;
	qsort(costs, count, sizeof(*costs), falling);
	*ret = count ? costs[hottest < count ? hottest - 1 : count - 1] : 1;
	free(costs);
	return NULL;
}

static struct plait_error *choose_rows(struct printer *printer, uint32_t hottest)
{
	const struct plait_code_annotation *annotation = printer->annotation;
	uint64_t hot = annotation->cost.own / 200; /* half a per cent */
	if (hottest)
		PLAIT_TRY(nth_cost(annotation, hottest, &hot));
	hot = hot ? hot : 1;
	for (size_t i = 0; i < annotation->rows.count; i++) {
		const struct plait_cost *cost = &annotation->rows.data[i].cost;
		if (printer->line->options->full && !hottest)
			printer->shown[i] = true;
		else if (cost->own >= hot)
			show(printer, i, hottest ? 0 : CONTEXT);
		else if (!hottest && cost->total > cost->own && cost->total >= annotation->cost.total / 200)
			show(printer, i, 1);
	}
	if (!hottest)
		show_loops(printer, hot);
	return NULL;
}

/* ---- jumps ---- */

static int by_length(const void *a, const void *b)
{
	const struct jump *x = a, *y = b;
	uint32_t one = bottom_of(x) - top_of(x), two = bottom_of(y) - top_of(y);
	if (one != two)
		return one < two ? -1 : 1;
	return (x->from > y->from) - (x->from < y->from);
}

/* Short jumps get the lanes next to the code; those that overlap lie side by side. */
static struct plait_error *draw_jumps(struct printer *printer)
{
	const struct plait_code_annotation *annotation = printer->annotation;
	for (uint32_t i = 0; i < annotation->rows.count; i++) {
		const struct plait_code_row *row = &annotation->rows.data[i];
		uint32_t to = row->is_jump && row->has_target && printer->shown[i] ? row_of(annotation, row->target)
										   : UINT32_MAX;
		if (to == UINT32_MAX || to == i || !printer->shown[to])
			continue;
		if (!plait_vec_push(&printer->jumps, (struct jump) { i, to, NO_LANE }))
			return plait_error_no_memory();
	}
	struct jump *jumps = printer->jumps.data;
	if (printer->jumps.count)
		qsort(jumps, printer->jumps.count, sizeof(jumps[0]), by_length);
	for (size_t i = 0; i < printer->jumps.count; i++) {
		uint32_t taken = 0;
		for (size_t k = 0; k < i; k++) {
			bool apart =
				bottom_of(&jumps[k]) < top_of(&jumps[i]) || top_of(&jumps[k]) > bottom_of(&jumps[i]);
			if (jumps[k].lane != NO_LANE && !apart)
				taken |= 1U << jumps[k].lane;
		}
		uint8_t lane = 0;
		while (taken & 1U << lane)
			lane++;
		if (lane >= LANES_MAX)
			continue;
		jumps[i].lane = lane;
		printer->lanes = lane + 1U > printer->lanes ? lane + 1U : printer->lanes;
	}
	return NULL;
}

enum cell { EMPTY, DOWN, TOP, BOTTOM, ACROSS, CROSSING, ARROW };

/* The cells of a row's gutter, outermost lane first, the arrow's last. */
static void fill_gutter(const struct printer *printer, uint32_t row, bool between, enum cell *cells)
{
	memset(cells, 0, sizeof(*cells) * (printer->lanes + 1));
	enum cell *last = &cells[printer->lanes];
	for (size_t i = 0; i < printer->jumps.count; i++) {
		const struct jump *jump = &printer->jumps.data[i];
		uint32_t top = top_of(jump), bottom = bottom_of(jump);
		if (jump->lane == NO_LANE || row < top || row > bottom || (between && row == top))
			continue;
		uint32_t at = printer->lanes - 1 - jump->lane;
		if (between || (row != top && row != bottom)) {
			cells[at] = cells[at] == ACROSS ? CROSSING : DOWN;
			continue;
		}
		cells[at] = row == top ? TOP : BOTTOM;
		for (uint32_t k = at + 1; k < printer->lanes; k++)
			cells[k] = cells[k] == DOWN ? CROSSING : cells[k] == EMPTY ? ACROSS : cells[k];
		if (row == jump->to)
			*last = ARROW;
		else if (*last == EMPTY)
			*last = ACROSS;
	}
}

/* `between`: a line above the row, which jumps pass that begin above it. */
static void put_gutter(struct printer *printer, uint32_t row, bool between)
{
	static const char *const unicode[] = { " ", "│", "┌", "└", "─", "┼", "►" };
	static const char *const ascii[] = { " ", "|", "+", "+", "-", "+", ">" };
	enum cell cells[LANES_MAX + 1];
	if (!printer->lanes)
		return;
	fill_gutter(printer, row, between, cells);
	for (uint32_t i = 0; i <= printer->lanes; i++) {
		if (cells[i] == EMPTY) {
			plait_line_move(printer->line, printer->line->column + 1);
			continue;
		}
		plait_line_put(printer->line, PLAIT_STYLE_MARKER,
			       (printer->line->options->ascii ? ascii : unicode)[cells[i]], 1);
	}
}

/* ---- rows ---- */

/* The source line that the code from this row on comes from. */
static void put_source(struct printer *printer, uint32_t row)
{
	const struct plait_code_row *at = &printer->annotation->rows.data[row];
	const struct plait_render_options *options = printer->line->options;
	plait_line_move(printer->line, printer->offset_at + printer->offset_digits + 2);
	put_gutter(printer, row, true);
	plait_line_move(printer->line, printer->code_at);
	plait_line_put_tail(printer->line, PLAIT_STYLE_DIM, basename(at->file), 24);
	plait_line_format(printer->line, PLAIT_STYLE_DIM, ":%" PRIu32, at->line);
	const char *text = options->source_line && at->line <= INT32_MAX
				   ? options->source_line(options->source_context, at->file, (int32_t)at->line)
				   : NULL;
	if (text && text[strspn(text, " \t\f")]) {
		plait_line_move(printer->line, printer->line->column + 2);
		plait_line_put(printer->line, PLAIT_STYLE_PYTHON, text + strspn(text, " \t\f"), UINT32_MAX);
	}
	plait_line_end(printer->line);
}

static void put_target(struct printer *printer, const struct plait_code_row *row)
{
	const struct plait_code_annotation *annotation = printer->annotation;
	if (!row->has_target)
		return;
	if (row->target >= annotation->start && row->target - annotation->start < annotation->size &&
	    row->target != annotation->start)
		plait_line_format(printer->line, PLAIT_STYLE_PLAIN, "+%" PRIx64, row->target - annotation->start);
	else if (*row->target_name)
		plait_line_put(printer->line, PLAIT_STYLE_NATIVE, row->target_name, UINT32_MAX);
	else
		plait_line_format(printer->line, PLAIT_STYLE_PLAIN, "0x%" PRIx64, row->target);
}

static void put_row(struct printer *printer, uint32_t index)
{
	const struct plait_code_annotation *annotation = printer->annotation;
	const struct plait_code_row *row = &annotation->rows.data[index];
	struct plait_line *line = printer->line;
	plait_annotate_put_share(line, row->cost.own, annotation->cost.own, FUNCTION_END, PLAIT_STYLE_STRONG);
	plait_annotate_put_share(line, row->cost.own, annotation->all, ALL_END, PLAIT_STYLE_PLAIN);
	uint64_t called = row->cost.total > row->cost.own ? row->cost.total - row->cost.own : 0;
	if (printer->has_calls)
		plait_annotate_put_share(line, called, annotation->all, CALLED_END, PLAIT_STYLE_PLAIN);
	plait_line_move(line, printer->offset_at);
	plait_line_format(line, PLAIT_STYLE_DIM, "+%-*" PRIx32, (int)printer->offset_digits, row->offset);
	plait_line_move(line, printer->offset_at + printer->offset_digits + 2);
	put_gutter(printer, index, false);
	plait_line_move(line, printer->code_at);
	plait_line_put(line, PLAIT_STYLE_PLAIN, row->mnemonic, UINT32_MAX);
	if (*row->operands || row->has_target)
		plait_line_move(line, row->is_jump || row->is_call ? line->column + 1 : printer->code_at + MNEMONIC);
	plait_line_put(line, PLAIT_STYLE_PLAIN, row->operands, UINT32_MAX);
	put_target(printer, row);
	plait_line_end(line);
}

static void put_fold(struct printer *printer, uint32_t next, uint32_t count)
{
	plait_line_move(printer->line, printer->offset_at);
	plait_line_put(printer->line, PLAIT_STYLE_DIM, "...", 3);
	plait_line_move(printer->line, printer->offset_at + printer->offset_digits + 2);
	put_gutter(printer, next, true);
	plait_line_move(printer->line, printer->code_at);
	plait_line_format(printer->line, PLAIT_STYLE_DIM, "%" PRIu32 " instruction%s", count, count == 1 ? "" : "s");
	plait_line_end(printer->line);
}

static bool same_line(const struct plait_code_row *a, const struct plait_code_row *b)
{
	return a->line == b->line && strcmp(a->file, b->file) == 0;
}

static void put_rows(struct printer *printer, bool folds)
{
	const struct plait_code_annotation *annotation = printer->annotation;
	const struct plait_code_row *before = NULL; /* the last one that is shown */
	uint32_t hidden = 0, count = (uint32_t)annotation->rows.count;
	plait_line_put(printer->line, PLAIT_STYLE_DIM, "  func    all", UINT32_MAX);
	if (printer->has_calls)
		plait_line_put(printer->line, PLAIT_STYLE_DIM, " inside", UINT32_MAX);
	plait_line_move(printer->line, printer->offset_at);
	plait_line_put(printer->line, PLAIT_STYLE_DIM, "offset", UINT32_MAX);
	plait_line_end(printer->line);
	for (uint32_t i = 0; i < count; i++) {
		const struct plait_code_row *row = &annotation->rows.data[i];
		if (!printer->shown[i]) {
			hidden++;
			continue;
		}
		if (hidden && folds)
			put_fold(printer, i, hidden);
		if (row->line && (!before || !same_line(before, row)))
			put_source(printer, i);
		put_row(printer, i);
		hidden = 0;
		before = row;
	}
	if (hidden && folds)
		put_fold(printer, count, hidden);
}

static void measure(struct printer *printer)
{
	const struct plait_code_annotation *annotation = printer->annotation;
	for (size_t i = 0; i < annotation->rows.count && !printer->has_calls; i++) {
		const struct plait_cost *cost = &annotation->rows.data[i].cost;
		printer->has_calls = printer->shown[i] && cost->total > cost->own &&
				     cost->total - cost->own > annotation->all / 2000;
	}
	printer->offset_digits = 2;
	for (uint32_t size = annotation->size; size > 0xff; size >>= 4)
		printer->offset_digits++;
	printer->offset_at = (printer->has_calls ? CALLED_END : ALL_END) + 2;
	printer->code_at = printer->offset_at + printer->offset_digits + 2 + (printer->lanes ? printer->lanes + 2 : 0);
	if (printer->code_at < printer->offset_at + 7)
		printer->code_at = printer->offset_at + 7; /* the title */
}

struct plait_error *plait_annotate_put_code(struct plait_line *line, const struct plait_code_annotation *annotation,
					    uint32_t hottest)
{
	struct printer printer = { .line = line, .annotation = annotation };
	printer.shown = calloc(annotation->rows.count + 1, sizeof(bool));
	if (!printer.shown)
		return plait_error_no_memory();
	struct plait_error *error = choose_rows(&printer, hottest);
	if (!error && !hottest)
		error = draw_jumps(&printer);
	if (!error) {
		measure(&printer);
		put_rows(&printer, !hottest);
	}
	free(printer.shown);
	plait_vec_free(&printer.jumps);
	return error;
}

struct plait_error *plait_annotate_code_write(const struct plait_profile *profile,
					      const struct plait_code_annotation *annotation,
					      const struct plait_annotate_options *options, FILE *out)
{
	struct plait_line line = { .out = out, .options = options->render };
	plait_line_put(&line, PLAIT_STYLE_NATIVE, annotation->name, UINT32_MAX);
	plait_line_end(&line);
	plait_line_put_tail(&line, PLAIT_STYLE_DIM, profile->modules.data[annotation->module].path, UINT32_MAX);
	plait_line_end(&line);
	plait_annotate_put_cost(&line, profile, options->event, &annotation->cost, annotation->all);
	if (options->note)
		plait_line_sentence(&line, options->note);
	if (!annotation->exact && annotation->cost.own)
		plait_line_sentence(&line, "The samples name the instruction where the interrupt came, one or more "
					   "after the one that took the time: look at what is just before, too.");
	plait_line_end(&line);
	PLAIT_TRY(plait_annotate_put_code(&line, annotation, 0));
	return plait_stream_error(out);
}
