/* Python source with costs, as text. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output/render/annotate/annotate_text.h"
#include "output/render/number.h"
#include "output/render/text_header.h"
#include "output/render/text_label.h"

enum {
	OWN_END = 6, /* columns behind the figures */
	TOTAL_END = 13,
	LINE_END = 20,
	TEXT_AT = 22,
	TAB = 4,
	CONTEXT = 2,	  /* lines around one that has cost something */
	LINE_CONTEXT = 5, /* around the line that was asked for */
	FOLD_MIN = 2,	  /* fewer lines are rather shown than counted */
	SPANS_MAX = 6,	  /* of one line */
	HOTTEST = 6,	  /* instructions of the hottest native function */
	NATIVES_MAX = 8,
	TEXT_MAX = 1024,
};

struct printer {
	const struct plait_profile *profile;
	const struct plait_source_query *query;
	const struct plait_source_annotation *annotation;
	const struct plait_annotate_options *options;
	struct plait_line line;
	uint32_t indent;   /* columns that every shown line begins with: left out */
	uint32_t spans_at; /* first span of the lines that are still to come */
};

void plait_annotate_put_share(struct plait_line *line, uint64_t part, uint64_t whole, uint32_t column,
			      enum plait_style style)
{
	char number[PLAIT_NUMBER_SIZE];
	if (!part || !whole)
		return;
	plait_line_move(line, column - 6);
	plait_line_format(line, style, "%6s", plait_number_share(part, whole, number));
}

void plait_annotate_put_cost(struct plait_line *line, const struct plait_profile *profile, uint32_t event,
			     const struct plait_cost *cost, uint64_t all)
{
	char own[PLAIT_NUMBER_SIZE], total[PLAIT_NUMBER_SIZE], share[PLAIT_NUMBER_SIZE], count[PLAIT_NUMBER_SIZE];
	bool unit_ns = profile->events.data[event].record.unit_ns;
	plait_line_put(line, PLAIT_STYLE_DIM, profile->events.data[event].record.name, 40);
	plait_line_format(line, PLAIT_STYLE_DIM, ": own %s (%s)", plait_number_amount(cost->own, unit_ns, own),
			  plait_number_percent(cost->own, all, share));
	plait_line_format(line, PLAIT_STYLE_DIM, ", with callees %s (%s)",
			  plait_number_amount(cost->total, unit_ns, total),
			  plait_number_percent(cost->total, all, share));
	plait_line_end(line);
	plait_line_format(line, PLAIT_STYLE_DIM, "%s samples of its own", plait_number_count(cost->samples, count));
	plait_line_end(line);
}

/* The text of a line with tabs as spaces; at most `bytes` of it. NULL: there is none. */
static const char *expand(const struct printer *printer, int32_t line, size_t bytes, char ret[TEXT_MAX])
{
	const struct plait_render_options *render = printer->options->render;
	const char *text =
		render->source_line ? render->source_line(render->source_context, printer->query->file, line) : NULL;
	size_t size = 0;
	if (!text)
		return NULL;
	for (; *text && bytes && size + TAB + 1 < TEXT_MAX; text++, bytes--) {
		if (*text == '\f')
			continue;
		if (*text != '\t') {
			ret[size++] = *text;
			continue;
		}
		do
			ret[size++] = ' ';
		while (size % TAB);
	}
	ret[size] = '\0';
	return ret;
}

/* The line's cost, or NULL. */
static const struct plait_cost *cost_of(const struct printer *printer, int32_t line)
{
	size_t low = 0, high = printer->annotation->lines.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (printer->annotation->lines.data[middle].line < line)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low < printer->annotation->lines.count && printer->annotation->lines.data[low].line == line;
	return found ? &printer->annotation->lines.data[low].cost : NULL;
}

static bool is_shown(const struct printer *printer, int32_t line)
{
	if (printer->options->render->full || cost_of(printer, line))
		return true;
	for (int32_t i = -CONTEXT; i <= CONTEXT; i++) {
		const struct plait_cost *cost = cost_of(printer, line + i);
		if (cost && cost->total >= printer->annotation->all / 1000)
			return true;
	}
	int32_t asked = printer->query->line;
	return (asked && line >= asked - LINE_CONTEXT && line <= asked + LINE_CONTEXT) ||
	       line == printer->annotation->first_line;
}

/* Carets below the part of the line that a span is. */
static void put_span(struct printer *printer, const struct plait_span_cost *span)
{
	char text[TEXT_MAX];
	const char *ascii = expand(printer, span->line, (size_t)span->column, text);
	uint32_t from = ascii ? plait_text_width(text, printer->options->render->ascii) : 0;
	size_t end =
		span->end_line == span->line && span->end_column > span->column ? (size_t)span->end_column : SIZE_MAX;
	if (!ascii || !expand(printer, span->line, end, text))
		return;
	uint32_t to = plait_text_width(text, printer->options->render->ascii);
	if (from < printer->indent || to <= from)
		return;
	plait_annotate_put_share(&printer->line, span->cost.own, printer->annotation->all, OWN_END, PLAIT_STYLE_DIM);
	plait_annotate_put_share(&printer->line, span->cost.total, printer->annotation->all, TOTAL_END,
				 PLAIT_STYLE_DIM);
	plait_line_move(&printer->line, TEXT_AT + from - printer->indent);
	for (uint32_t i = from; i < to && plait_line_left(&printer->line) > 1; i++)
		plait_line_put(&printer->line, PLAIT_STYLE_MARKER, "^", 1);
	plait_line_end(&printer->line);
}

static int by_total(const void *a, const void *b)
{
	const struct plait_span_cost *x = *(const struct plait_span_cost *const *)a;
	const struct plait_span_cost *y = *(const struct plait_span_cost *const *)b;
	if (x->cost.total != y->cost.total)
		return x->cost.total > y->cost.total ? -1 : 1;
	return (x->column > y->column) - (x->column < y->column);
}

/* The parts of a line, when there are several: the dearest first. */
static void put_spans(struct printer *printer, int32_t line)
{
	const struct plait_source_annotation *annotation = printer->annotation;
	const struct plait_span_cost *spans[SPANS_MAX * 4];
	size_t count = 0;
	while (printer->spans_at < annotation->spans.count && annotation->spans.data[printer->spans_at].line < line)
		printer->spans_at++;
	for (size_t i = printer->spans_at; i < annotation->spans.count && annotation->spans.data[i].line == line; i++) {
		const struct plait_span_cost *span = &annotation->spans.data[i];
		if (count < SPANS_MAX * 4 &&
		    (printer->options->render->full || span->cost.total >= annotation->all / 1000))
			spans[count++] = span;
	}
	if (count < 2)
		return;
	qsort(spans, count, sizeof(spans[0]), by_total);
	for (size_t i = 0; i < count && i < SPANS_MAX; i++)
		put_span(printer, spans[i]);
}

static void put_line(struct printer *printer, int32_t line)
{
	char text[TEXT_MAX];
	const struct plait_cost *cost = cost_of(printer, line);
	bool asked = line == printer->query->line || line == printer->options->mark;
	bool ascii = printer->options->render->ascii;
	if (cost) {
		plait_annotate_put_share(&printer->line, cost->own, printer->annotation->all, OWN_END,
					 PLAIT_STYLE_STRONG);
		plait_annotate_put_share(&printer->line, cost->total, printer->annotation->all, TOTAL_END,
					 PLAIT_STYLE_PLAIN);
	}
	if (printer->line.column < TOTAL_END)
		plait_line_move(&printer->line, TOTAL_END);
	plait_line_format(&printer->line, asked ? PLAIT_STYLE_STRONG : PLAIT_STYLE_DIM, "%*" PRId32 "%s",
			  LINE_END - TOTAL_END, line, asked ? ascii ? ">" : "▶" : "");
	if (expand(printer, line, SIZE_MAX, text) && strlen(text) >= printer->indent && text[strspn(text, " ")]) {
		plait_line_move(&printer->line, TEXT_AT);
		plait_line_put(&printer->line, cost ? PLAIT_STYLE_PYTHON : PLAIT_STYLE_DIM, text + printer->indent,
			       UINT32_MAX);
	}
	plait_line_end(&printer->line);
	if (cost)
		put_spans(printer, line);
}

static void put_fold(struct printer *printer, int32_t count)
{
	plait_line_move(&printer->line, LINE_END - 3);
	plait_line_format(&printer->line, PLAIT_STYLE_DIM, "...  %" PRId32 " lines", count);
	plait_line_end(&printer->line);
}

/* The first and last line that can be shown. */
static void find_range(const struct printer *printer, int32_t *ret_first, int32_t *ret_last)
{
	const struct plait_source_annotation *annotation = printer->annotation;
	size_t count = annotation->lines.count;
	int32_t first = count ? annotation->lines.data[0].line : printer->query->line;
	int32_t last = count ? annotation->lines.data[count - 1].line : printer->query->line;
	if (printer->query->line) {
		first = printer->query->line - LINE_CONTEXT;
		last = printer->query->line + LINE_CONTEXT;
	} else if (annotation->first_line) {
		first = annotation->first_line < first ? annotation->first_line : first;
		last += CONTEXT;
	} else {
		first = 1;
		last = last < INT32_MAX - 100000 ? last + (printer->options->render->full ? 100000 : CONTEXT) : last;
	}
	*ret_first = first < 1 ? 1 : first;
	*ret_last = last;
}

/* The white space that all shown lines begin with. */
static uint32_t find_indent(const struct printer *printer, int32_t first, int32_t last)
{
	uint32_t indent = UINT32_MAX;
	char text[TEXT_MAX];
	for (int32_t line = first; line <= last; line++) {
		if (!is_shown(printer, line) || !expand(printer, line, SIZE_MAX, text))
			continue;
		uint32_t spaces = (uint32_t)strspn(text, " ");
		if (text[spaces] && spaces < indent)
			indent = spaces;
	}
	return indent == UINT32_MAX ? 0 : indent;
}

static void put_lines(struct printer *printer)
{
	int32_t first, last, hidden = 0;
	char text[TEXT_MAX];
	find_range(printer, &first, &last);
	printer->indent = find_indent(printer, first, last);
	plait_line_put(&printer->line, PLAIT_STYLE_DIM, "   own  total   line", UINT32_MAX);
	plait_line_end(&printer->line);
	for (int32_t line = first; line <= last; line++) {
		bool exists = expand(printer, line, 1, text) != NULL;
		if (!exists && !cost_of(printer, line))
			continue; /* before or behind the text, or there is none */
		if (!is_shown(printer, line)) {
			hidden++;
			continue;
		}
		if (hidden > FOLD_MIN)
			put_fold(printer, hidden);
		else
			for (int32_t i = line - hidden; i < line; i++)
				put_line(printer, i);
		hidden = 0;
		put_line(printer, line);
	}
}

/* The native functions below, with their share of all. */
static void put_natives(struct printer *printer)
{
	const struct plait_source_annotation *annotation = printer->annotation;
	size_t shown = 0;
	char number[PLAIT_NUMBER_SIZE];
	bool unit_ns = printer->profile->events.data[printer->options->event].record.unit_ns;
	plait_line_end(&printer->line);
	plait_line_put(&printer->line, PLAIT_STYLE_DIM,
		       printer->query->line ? "native functions that this line ran:" : "native functions that it ran:",
		       UINT32_MAX);
	plait_line_end(&printer->line);
	for (; shown < annotation->natives.count && (shown < NATIVES_MAX || printer->options->render->full); shown++) {
		const struct plait_native_cost *native = &annotation->natives.data[shown];
		const struct plait_label *label = &printer->profile->labels.all.data[native->label];
		plait_annotate_put_share(&printer->line, native->weight, annotation->all, OWN_END, PLAIT_STYLE_STRONG);
		plait_line_move(&printer->line, OWN_END + 2);
		plait_line_format(&printer->line, PLAIT_STYLE_DIM, "%8s",
				  plait_number_brief(native->weight, unit_ns, number));
		plait_line_move(&printer->line, TEXT_AT - 4);
		plait_line_put(&printer->line, plait_label_style(label), label->name, UINT32_MAX);
		plait_line_move(&printer->line, printer->line.column + 1);
		plait_label_put_place(&printer->line, label, UINT32_MAX);
		plait_line_end(&printer->line);
	}
	if (shown < annotation->natives.count) {
		plait_line_move(&printer->line, TEXT_AT - 4);
		plait_line_format(&printer->line, PLAIT_STYLE_DIM, "and %zu more (--full)",
				  annotation->natives.count - shown);
		plait_line_end(&printer->line);
	}
	if (!annotation->natives.count) {
		plait_line_move(&printer->line, 2);
		plait_line_put(&printer->line, PLAIT_STYLE_DIM,
			       "none: the samples fell on other Python lines inside of it", UINT32_MAX);
		plait_line_end(&printer->line);
	}
}

/* A command is there to be copied: it is whole, also beyond the edge of the terminal. */
static void put_command(struct plait_line *line, const char *recording, const char *function)
{
	const struct plait_render_options *cut = line->options;
	struct plait_render_options whole = *cut;
	whole.columns = 0;
	line->options = &whole;
	plait_line_put(line, PLAIT_STYLE_DIM, "all of it:  plait annotate ", UINT32_MAX);
	plait_line_put(line, PLAIT_STYLE_PLAIN, recording, UINT32_MAX);
	plait_line_put(line, PLAIT_STYLE_PLAIN, " '", UINT32_MAX);
	plait_line_put(line, PLAIT_STYLE_PLAIN, function, UINT32_MAX);
	plait_line_put(line, PLAIT_STYLE_PLAIN, "'", UINT32_MAX);
	line->options = cut;
	plait_line_end(line);
}

static struct plait_error *put_hottest(struct printer *printer, const struct plait_code_annotation *hottest)
{
	plait_line_end(&printer->line);
	plait_line_put(&printer->line, PLAIT_STYLE_DIM, "hottest instructions of ", UINT32_MAX);
	plait_line_put(&printer->line, PLAIT_STYLE_NATIVE, hottest->name, UINT32_MAX);
	plait_line_put(&printer->line, PLAIT_STYLE_DIM, ", whoever called it:", UINT32_MAX);
	plait_line_end(&printer->line);
	PLAIT_TRY(plait_annotate_put_code(&printer->line, hottest, HOTTEST));
	plait_line_end(&printer->line);
	put_command(&printer->line, printer->options->recording, hottest->name);
	return NULL;
}

static void put_head(struct printer *printer)
{
	struct plait_line *line = &printer->line;
	plait_line_put_tail(line, PLAIT_STYLE_PYTHON, printer->query->file,
			    plait_line_left(line) > 24 ? plait_line_left(line) - 20 : UINT32_MAX);
	if (printer->query->line)
		plait_line_format(line, PLAIT_STYLE_PYTHON, ":%" PRId32, printer->query->line);
	if (printer->query->function) {
		plait_line_put(line, PLAIT_STYLE_PLAIN, "  ", UINT32_MAX);
		plait_line_put(line, PLAIT_STYLE_PYTHON, printer->query->function, UINT32_MAX);
	}
	plait_line_end(line);
	plait_annotate_put_cost(line, printer->profile, printer->options->event, &printer->annotation->cost,
				printer->annotation->all);
	if (printer->options->note)
		plait_line_sentence(line, printer->options->note);
	if (!printer->annotation->cost.total)
		plait_line_sentence(line, printer->query->line ? "No sample of this event was in this line."
							       : "No sample of this event was here.");
	plait_line_end(line);
}

struct plait_error *plait_annotate_source_write(const struct plait_profile *profile,
						const struct plait_source_query *query,
						const struct plait_source_annotation *annotation,
						const struct plait_code_annotation *hottest,
						const struct plait_annotate_options *options, FILE *out)
{
	struct printer printer = { .profile = profile,
				   .query = query,
				   .annotation = annotation,
				   .options = options,
				   .line = { .out = out, .options = options->render } };
	put_head(&printer);
	put_lines(&printer);
	if ((query->line || query->function) && annotation->cost.total)
		put_natives(&printer);
	if (hottest)
		PLAIT_TRY(put_hottest(&printer, hottest));
	return plait_stream_error(out);
}
