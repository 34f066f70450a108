/* A comparison as text: who was compared, what changed, what may be noise. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "output/render/diff/diff.h"
#include "output/render/number.h"
#include "output/render/text_header.h"
#include "output/render/text_label.h"

enum {
	VALUE = 8,   /* columns of a share or amount */
	CHANGE = 10, /* of a change */
	NAME_AT = 2 * (2 * VALUE + CHANGE) + 2,
	NOISE_NAME_AT = 2 * VALUE + 2 * CHANGE + 2 + 7,
	NARROW_NAME_AT = 2 * VALUE + CHANGE + 2 + 7,
	NARROW = 72, /* with fewer columns a row shows one of its two figures */
	PLACE_MAX = 32,
	ROOM_FOR_PLACE = 24,
	NOISE_ROWS = 12,
	SOURCE_MIN = 12,
	TEXT = 256,
};

struct printer {
	const struct plait_diff *diff;
	const struct plait_comparison *comparison;
	const struct plait_render_options *options;
	struct plait_line line;
	bool unit_ns;
	uint32_t name_at, name, place;
};

static void put_item(struct printer *printer, const char *text)
{
	plait_line_item(&printer->line, PLAIT_STYLE_PLAIN, text, 3, 6);
}

static void put_side(struct printer *printer, int which)
{
	const struct plait_compare_side *side = &printer->comparison->sides[which];
	const struct plait_profile *profile = side->inputs[0].profile;
	char text[TEXT], number[PLAIT_NUMBER_SIZE];
	struct tm local;
	time_t seconds = (time_t)(profile->header.started_unix_ns / 1000000000);
	plait_line_put(&printer->line, PLAIT_STYLE_STRONG, which == PLAIT_COMPARE_BASE ? "BASE" : "NEW", UINT32_MAX);
	plait_line_move(&printer->line, 6);
	plait_line_put(&printer->line, PLAIT_STYLE_STRONG, profile->header.command, UINT32_MAX);
	plait_line_end(&printer->line);
	plait_line_move(&printer->line, 6);
	put_item(printer, side->inputs[0].path);
	if (side->count > 1) {
		snprintf(text, sizeof(text), "and %zu more", side->count - 1);
		put_item(printer, text);
	}
	if (seconds && localtime_r(&seconds, &local) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local))
		put_item(printer, text);
	snprintf(text, sizeof(text), "%s samples", plait_number_count(side->samples, number));
	put_item(printer, text);
	snprintf(text, sizeof(text), "%s%s",
		 plait_number_brief((uint64_t)(side->weight + 0.5), printer->unit_ns, number),
		 side->count > 1 ? " a recording" : "");
	put_item(printer, text);
	plait_line_end(&printer->line);
}

static const char *percent_of(double value, bool sign, char ret[PLAIT_NUMBER_SIZE])
{
	double percent = 100 * value;
	if (isinf(value) || percent >= 99999.5)
		snprintf(ret, PLAIT_NUMBER_SIZE, "%s", isinf(value) ? "new" : ">1000x");
	else if (fabs(percent) >= 999.5)
		snprintf(ret, PLAIT_NUMBER_SIZE, "%.0fx", value + 1);
	else
		snprintf(ret, PLAIT_NUMBER_SIZE, sign ? "%+.*f %%" : "%.*f %%", fabs(percent) >= 99.95 ? 0 : 1,
			 percent);
	return ret;
}

static void put_how(struct printer *printer)
{
	const struct plait_comparison *comparison = printer->comparison;
	char text[2 * TEXT], share[PLAIT_NUMBER_SIZE];
	if (comparison->options.absolute)
		snprintf(text, sizeof(text), "%.200s: amounts a recording", comparison->event->record.name);
	else if (comparison->reference > 0.9995)
		snprintf(text, sizeof(text),
			 "%.200s: shares of each side's samples in per cent; changes in proportion to all",
			 comparison->event->record.name);
	else
		snprintf(text, sizeof(text),
			 "%.200s: shares of each side's samples in per cent; changes in proportion to the %s of NEW "
			 "that "
			 "did not change",
			 comparison->event->record.name, percent_of(comparison->reference, false, share));
	plait_line_sentence(&printer->line, text);
	for (size_t i = 0; i < comparison->notes.count; i++) {
		plait_line_move(&printer->line, 2);
		plait_line_put(&printer->line, PLAIT_STYLE_MARKER, "note:", UINT32_MAX);
		plait_line_sentence(&printer->line, comparison->notes.data[i]);
	}
	plait_line_end(&printer->line);
}

static void put_right(struct printer *printer, uint32_t column, enum plait_style style, const char *text)
{
	uint32_t width = plait_text_width(text, printer->options->ascii);
	plait_line_move(&printer->line, column > width ? column - width : 0);
	plait_line_put(&printer->line, style, text, UINT32_MAX);
}

static void put_value(struct printer *printer, uint32_t column, const struct plait_compare_figure *figure, int side)
{
	char number[PLAIT_NUMBER_SIZE];
	if (!figure->samples[side])
		return;
	if (printer->comparison->options.absolute)
		plait_number_brief((uint64_t)(figure->weight[side] + 0.5), printer->unit_ns, number);
	else
		snprintf(number, sizeof(number), "%.1f", 100 * figure->share[side]);
	put_right(printer, column, PLAIT_STYLE_PLAIN, number);
}

static enum plait_style style_of(enum plait_compare_verdict verdict)
{
	return verdict == PLAIT_COMPARE_SLOWER || verdict == PLAIT_COMPARE_ADDED     ? PLAIT_STYLE_MARKER
	       : verdict == PLAIT_COMPARE_FASTER || verdict == PLAIT_COMPARE_REMOVED ? PLAIT_STYLE_NATIVE
										     : PLAIT_STYLE_DIM;
}

/* "+5.1 %*": the star says that it is told from noise. */
static void put_change(struct printer *printer, uint32_t column, const struct plait_compare_figure *figure)
{
	char number[PLAIT_NUMBER_SIZE], text[TEXT];
	bool told = plait_compare_is_change(figure->verdict);
	if (!(figure->samples[0] + figure->samples[1]))
		return;
	snprintf(text, sizeof(text), "%s%s",
		 figure->verdict == PLAIT_COMPARE_REMOVED ? "gone" : percent_of(figure->change, true, number),
		 told ? "*" : " ");
	put_right(printer, column, style_of(figure->verdict), text);
}

static const char *place_of(const struct plait_compare_row *row, bool line, char ret[PLAIT_PLACE_SIZE])
{
	const char *base = strrchr(row->place, '/');
	if (row->label->kind == PLAIT_LABEL_NATIVE || row->label->kind == PLAIT_LABEL_KERNEL)
		snprintf(ret, PLAIT_PLACE_SIZE, "[%s]", row->place);
	else if (row->label->kind != PLAIT_LABEL_PYTHON)
		ret[0] = '\0';
	else if (line)
		snprintf(ret, PLAIT_PLACE_SIZE, "%s:%d%s", base ? base + 1 : row->place,
			 row->lines[row->lines[PLAIT_COMPARE_NEW] ? PLAIT_COMPARE_NEW : PLAIT_COMPARE_BASE],
			 row->guessed ? "?" : "");
	else
		snprintf(ret, PLAIT_PLACE_SIZE, "%s", base && strncmp(base, "/__", 3) != 0 ? base + 1 : row->place);
	return ret;
}

static void put_label(struct printer *printer, const struct plait_compare_row *row, bool line)
{
	char place[PLAIT_PLACE_SIZE];
	bool limited = printer->options->columns > 0;
	plait_line_move(&printer->line, printer->name_at);
	plait_line_put(&printer->line, plait_label_style(row->label), row->label->name,
		       limited ? printer->name : UINT32_MAX);
	plait_line_move(&printer->line, printer->name_at + printer->name + 2);
	plait_line_put_tail(&printer->line, PLAIT_STYLE_PLAIN, place_of(row, line, place),
			    limited ? printer->place : UINT32_MAX);
	plait_line_move(&printer->line, printer->name_at + printer->name + 2 + printer->place + 2);
	if (line && row->text && plait_line_left(&printer->line) >= SOURCE_MIN)
		plait_line_put(&printer->line, PLAIT_STYLE_DIM, row->text, UINT32_MAX);
	plait_line_end(&printer->line);
}

/* Rows of one section, in the order in which they are written. */
typedef PLAIT_VEC(const struct plait_compare_row *) row_list;

static void measure(struct printer *printer, const row_list *list, bool line, uint32_t name_at)
{
	uint32_t columns = printer->options->columns;
	printer->name = printer->place = 0;
	printer->name_at = name_at;
	for (size_t i = 0; i < list->count; i++) {
		char place[PLAIT_PLACE_SIZE];
		uint32_t name = plait_text_width(list->data[i]->label->name, printer->options->ascii);
		uint32_t width = plait_text_width(place_of(list->data[i], line, place), printer->options->ascii);
		printer->name = name > printer->name ? name : printer->name;
		printer->place = width > printer->place ? width : printer->place;
	}
	uint32_t room = !columns ? 90 : columns > name_at + 12 ? columns - name_at - 2 : 10;
	uint32_t place = room < ROOM_FOR_PLACE ? 0 : room / 2 > PLACE_MAX ? PLACE_MAX : room / 2;
	printer->place = printer->place > place ? place : printer->place;
	printer->name = printer->name > room - printer->place ? room - printer->place : printer->name;
}

/* What a row's section is: its own change, when there is one, else its total's. */
static enum plait_compare_verdict verdict_of(const struct plait_compare_row *row)
{
	const struct plait_compare_figure *own = &row->figures[PLAIT_COMPARE_OWN];
	const struct plait_compare_figure *total = &row->figures[PLAIT_COMPARE_TOTAL];
	if (plait_compare_is_change(own->verdict) &&
	    (total->verdict != PLAIT_COMPARE_ADDED && total->verdict != PLAIT_COMPARE_REMOVED))
		return own->verdict == PLAIT_COMPARE_ADDED     ? PLAIT_COMPARE_SLOWER
		       : own->verdict == PLAIT_COMPARE_REMOVED ? PLAIT_COMPARE_FASTER
							       : own->verdict;
	if (plait_compare_is_change(total->verdict))
		return total->verdict;
	return own->tested || total->tested ? PLAIT_COMPARE_UNDECIDED : PLAIT_COMPARE_SMALL;
}

static double difference(const struct plait_compare_row *row)
{
	double own = row->figures[0].weight[1] - row->figures[0].weight[0];
	double total = row->figures[1].weight[1] - row->figures[1].weight[0];
	return fabs(plait_compare_is_change(row->figures[0].verdict) ? own : total);
}

static const struct plait_compare_figure *main_figure(const struct plait_compare_row *row)
{
	return &row->figures[row->figures[PLAIT_COMPARE_OWN].tested ? PLAIT_COMPARE_OWN : PLAIT_COMPARE_TOTAL];
}

static int compare_strings(const struct plait_compare_row *left, const struct plait_compare_row *right)
{
	return strcmp(left->label->text, right->label->text);
}

static int by_difference(const void *a, const void *b)
{
	const struct plait_compare_row *left = *(const struct plait_compare_row *const *)a;
	const struct plait_compare_row *right = *(const struct plait_compare_row *const *)b;
	double more = difference(left), less = difference(right);
	return more != less ? (more > less ? -1 : 1) : compare_strings(left, right);
}

static int by_share(const void *a, const void *b)
{
	const struct plait_compare_row *left = *(const struct plait_compare_row *const *)a;
	const struct plait_compare_row *right = *(const struct plait_compare_row *const *)b;
	bool own[2] = { left->figures[0].tested, right->figures[0].tested };
	double more = main_figure(left)->share[1], less = main_figure(right)->share[1];
	if (own[0] != own[1])
		return own[0] ? -1 : 1;
	return more != less ? (more > less ? -1 : 1) : compare_strings(left, right);
}

static struct plait_error *list_rows(const struct plait_compare_rows *rows, enum plait_compare_verdict verdict,
				     row_list *ret)
{
	for (size_t i = 0; i < rows->rows.count; i++) {
		if (verdict_of(&rows->rows.data[i]) == verdict && !plait_vec_push(ret, &rows->rows.data[i]))
			return plait_error_no_memory();
	}
	if (ret->count)
		qsort(ret->data, ret->count, sizeof(*ret->data),
		      verdict == PLAIT_COMPARE_UNDECIDED ? by_share : by_difference);
	return NULL;
}

static void put_title(struct printer *printer, const char *word, size_t count, bool lines)
{
	plait_line_format(&printer->line, PLAIT_STYLE_STRONG, "%s: %zu %s%s", word, count,
			  lines ? "Python line" : "function", count == 1 ? "" : "s");
	plait_line_end(&printer->line);
}

static bool is_narrow(const struct printer *printer)
{
	return printer->options->columns && printer->options->columns < NARROW;
}

static void put_heads(struct printer *printer, bool lines)
{
	static const char *const heads[] = { "own base", "new", "change ", "total base", "new", "change " };
	static const char *const narrow_heads[] = { "base", "new", "change " };
	for (uint32_t i = 0; i < (is_narrow(printer) ? 3 : 6); i++) {
		uint32_t column =
			i / 3 * (2 * VALUE + CHANGE) + (i % 3 + 1) * VALUE + (i % 3 == 2 ? CHANGE - VALUE : 0);
		put_right(printer, column, PLAIT_STYLE_DIM, is_narrow(printer) ? narrow_heads[i] : heads[i]);
	}
	plait_line_move(&printer->line, printer->name_at);
	plait_line_put(&printer->line, PLAIT_STYLE_DIM, lines ? "Python line" : "function", UINT32_MAX);
	plait_line_end(&printer->line);
}

/* The three columns of a figure, the first of them at `from`. */
static void put_figure(struct printer *printer, uint32_t from, const struct plait_compare_figure *figure)
{
	put_value(printer, from + VALUE, figure, PLAIT_COMPARE_BASE);
	put_value(printer, from + 2 * VALUE, figure, PLAIT_COMPARE_NEW);
	put_change(printer, from + 2 * VALUE + CHANGE, figure);
}

static void put_figure_name(struct printer *printer, uint32_t column, const struct plait_compare_row *row,
			    const struct plait_compare_figure *figure)
{
	plait_line_move(&printer->line, column);
	plait_line_put(&printer->line, PLAIT_STYLE_DIM, figure == &row->figures[PLAIT_COMPARE_OWN] ? "own" : "total",
		       UINT32_MAX);
}

static void put_changed_row(struct printer *printer, const struct plait_compare_row *row, bool lines)
{
	if (is_narrow(printer)) {
		const struct plait_compare_figure *figure = &row->figures[PLAIT_COMPARE_OWN];
		if (!plait_compare_is_change(figure->verdict))
			figure = &row->figures[PLAIT_COMPARE_TOTAL];
		put_figure(printer, 0, figure);
		put_figure_name(printer, 2 * VALUE + CHANGE + 2, row, figure);
	} else {
		put_figure(printer, 0, &row->figures[PLAIT_COMPARE_OWN]);
		put_figure(printer, 2 * VALUE + CHANGE, &row->figures[PLAIT_COMPARE_TOTAL]);
	}
	put_label(printer, row, lines);
}

static struct plait_error *put_changed(struct printer *printer, bool lines, enum plait_compare_verdict verdict,
				       const char *word, size_t *ret_count)
{
	const struct plait_comparison *comparison = printer->comparison;
	row_list list = { 0 };
	struct plait_error *error = list_rows(lines ? &comparison->lines : &comparison->functions, verdict, &list);
	if (!error && list.count) {
		put_title(printer, word, list.count, lines);
		measure(printer, &list, lines, is_narrow(printer) ? NARROW_NAME_AT : NAME_AT);
		put_heads(printer, lines);
		for (size_t i = 0; i < list.count; i++)
			put_changed_row(printer, list.data[i], lines);
		plait_line_end(&printer->line);
	}
	*ret_count += list.count;
	plait_vec_free(&list);
	return error;
}

static void put_noise_row(struct printer *printer, const struct plait_compare_row *row, bool lines)
{
	const struct plait_compare_figure *figure = main_figure(row);
	char number[PLAIT_NUMBER_SIZE];
	put_figure(printer, 0, figure);
	put_right(printer, 2 * VALUE + 2 * CHANGE, PLAIT_STYLE_PLAIN, percent_of(figure->detectable, false, number));
	if (!is_narrow(printer))
		put_figure_name(printer, 2 * VALUE + 2 * CHANGE + 2, row, figure);
	put_label(printer, row, lines);
}

/* The largest rows of which nothing can be said, and from which change on something could. */
static struct plait_error *put_noise(struct printer *printer, bool lines)
{
	const struct plait_comparison *comparison = printer->comparison;
	static const char *const heads[] = { "base", "new", "change ", "found from" };
	row_list list = { 0 };
	struct plait_error *error =
		list_rows(lines ? &comparison->lines : &comparison->functions, PLAIT_COMPARE_UNDECIDED, &list);
	if (!error && list.count) {
		put_title(printer, "Not told from noise", list.count, lines);
		measure(printer, &list, lines, is_narrow(printer) ? NOISE_NAME_AT - 7 : NOISE_NAME_AT);
		for (uint32_t i = 0; i < 4; i++)
			put_right(printer, i < 2 ? (i + 1) * VALUE : 2 * VALUE + (i - 1) * CHANGE, PLAIT_STYLE_DIM,
				  heads[i]);
		plait_line_end(&printer->line);
		for (size_t i = 0; i < list.count && (i < NOISE_ROWS || printer->options->full); i++)
			put_noise_row(printer, list.data[i], lines);
		if (list.count > NOISE_ROWS && !printer->options->full) {
			plait_line_move(&printer->line, printer->name_at);
			plait_line_format(&printer->line, PLAIT_STYLE_DIM, "%zu more (--full)",
					  list.count - NOISE_ROWS);
			plait_line_end(&printer->line);
		}
		plait_line_end(&printer->line);
	}
	plait_vec_free(&list);
	return error;
}

/* The smallest change that would have been seen, and what it takes to see one of 5 % there. */
static void put_need(struct printer *printer)
{
	const struct plait_comparison *comparison = printer->comparison;
	const struct plait_compare_row *best = NULL;
	double smallest = INFINITY;
	bool own = false;
	char text[2 * TEXT], number[PLAIT_NUMBER_SIZE];
	for (size_t i = 0; i < comparison->functions.rows.count * PLAIT_COMPARE_FIGURES; i++) {
		const struct plait_compare_row *row = &comparison->functions.rows.data[i / PLAIT_COMPARE_FIGURES];
		const struct plait_compare_figure *figure = &row->figures[i % PLAIT_COMPARE_FIGURES];
		if (figure->verdict != PLAIT_COMPARE_UNDECIDED || figure->detectable >= smallest ||
		    figure->share[PLAIT_COMPARE_NEW] > 0.5)
			continue;
		smallest = figure->detectable;
		best = row;
		own = i % PLAIT_COMPARE_FIGURES == PLAIT_COMPARE_OWN;
	}
	if (!best)
		return;
	int used = snprintf(text, sizeof(text),
			    "the smallest change that 9 of 10 such comparisons find: %s, in the %s cost of %.100s",
			    percent_of(smallest, false, number), own ? "own" : "total", best->label->name);
	double factor = log1p(smallest) / log1p(0.05), side = (double)comparison->sides[PLAIT_COMPARE_NEW].count;
	bool single = comparison->rules.base_count + comparison->rules.new_count == 2;
	if (factor > 1 && used > 0 && (size_t)used < sizeof(text)) {
		double samples = (double)comparison->sides[PLAIT_COMPARE_NEW].samples * factor * factor;
		if (single && comparison->rules.run_noise > 0.005)
			snprintf(text + used, sizeof(text) - (size_t)used,
				 "; for 5 %% record several times a side, in turns");
		else if (single)
			snprintf(text + used, sizeof(text) - (size_t)used, "; 5 %% takes about %s samples a side",
				 plait_number_count((uint64_t)fmin(samples, 1e15), number));
		else
			snprintf(text + used, sizeof(text) - (size_t)used, "; 5 %% takes about %.0f recordings a side",
				 ceil(factor * factor * side));
	}
	plait_line_sentence(&printer->line, text);
}

static void put_foot(struct printer *printer, size_t changed)
{
	const struct plait_comparison *comparison = printer->comparison;
	char text[2 * TEXT], number[PLAIT_NUMBER_SIZE];
	snprintf(text, sizeof(text),
		 "%s told from noise (*): if nothing had changed, a report like this would have any star in at most %g "
		 "%% "
		 "of cases; %zu functions' and %zu lines' costs were tested",
		 changed ? "differences" : "nothing is", 100 * comparison->options.error_rate,
		 comparison->functions.tests, comparison->lines.tests);
	plait_line_sentence(&printer->line, text);
	if (comparison->options.absolute) {
		const struct plait_compare_figure *whole = &comparison->whole;
		snprintf(text, sizeof(text), "everything: %s%s", percent_of(whole->change, true, number),
			 plait_compare_is_change(whole->verdict) ? "*" : ", which may be noise");
		plait_line_sentence(&printer->line, text);
	}
	put_need(printer);
}

struct plait_error *plait_diff_text(const struct plait_diff *diff, const struct plait_render_options *options,
				    FILE *out)
{
	static const struct {
		enum plait_compare_verdict verdict;
		const char *word;
	} sections[] = { { PLAIT_COMPARE_SLOWER, "Slower" },
			 { PLAIT_COMPARE_FASTER, "Faster" },
			 { PLAIT_COMPARE_ADDED, "New" },
			 { PLAIT_COMPARE_REMOVED, "Gone" } };
	struct printer printer = { .diff = diff,
				   .comparison = diff->comparison,
				   .options = options,
				   .line = { .out = out, .options = options },
				   .unit_ns = diff->comparison->event->record.unit_ns };
	size_t changed = 0;
	put_side(&printer, PLAIT_COMPARE_BASE);
	put_side(&printer, PLAIT_COMPARE_NEW);
	put_how(&printer);
	for (int lines = 0; lines < 2; lines++) {
		if (lines ? !diff->lines : !diff->functions)
			continue;
		for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
			PLAIT_TRY(put_changed(&printer, lines, sections[i].verdict, sections[i].word, &changed));
		PLAIT_TRY(put_noise(&printer, lines));
	}
	put_foot(&printer, changed);
	return plait_stream_error(out);
}
