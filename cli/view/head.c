/* The lines above a tree or table, and the last line of the screen. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/view/parts.h"
#include "output/render/number.h"
#include "output/render/text_header.h"
#include "output/render/text_label.h"

enum {
	TABS_FROM = 8,	 /* rows of a screen that has room for the tabs, */
	TRUST_FROM = 12, /* for the trust figures, what is wrong, and what is left out, */
	TITLE_FROM = 16, /* for what was recorded, */
	SECOND_FROM = 20 /* for a second line of trust figures */
};

/* Text at the right edge, when there is room for it. */
static void put_right(struct plait_line *line, enum plait_style style, const char *text)
{
	uint32_t width = plait_text_width(text, line->options->ascii);
	if (width + 2 > plait_line_left(line))
		return;
	plait_line_move(line, line->options->columns - width);
	plait_line_put(line, style, text, UINT32_MAX);
}

static void put_title(const struct plait_view *view, struct plait_line *line)
{
	char text[128];
	uint64_t tenths = (view->profile->duration + 50000000) / 100000000;
	snprintf(text, sizeof(text), "%.60s  %" PRIu64 ".%" PRIu64 " s on %" PRIu32 " CPU%s",
		 view->profile->header.host, tenths / 10, tenths % 10, view->profile->header.cpu_count,
		 view->profile->header.cpu_count == 1 ? "" : "s");
	uint32_t width = plait_text_width(text, line->options->ascii), columns = line->options->columns;
	const char *command = view->profile->header.command;
	plait_line_put(line, PLAIT_STYLE_STRONG, *command ? command : view->recording,
		       columns > 2 * width ? columns - width - 2 : UINT32_MAX);
	put_right(line, PLAIT_STYLE_PLAIN, text);
	plait_line_end(line);
}

/* The trust figures without those that are 0, for a screen that has no room for all. */
static void put_short_trust(const struct plait_view *view, struct plait_line *line)
{
	const struct plait_trust *trust = &view->profile->trust;
	const struct {
		const char *name;
		uint64_t part;
	} figures[] = { { "gap", trust->gap },		 { "truncated", trust->truncated },
			{ "unmerged", trust->unmerged }, { "no stack", trust->no_stack },
			{ "lost", trust->lost },	 { "unresolved", trust->unresolved },
			{ "derived", trust->derived },	 { "checked", trust->checked } };
	char percent[PLAIT_NUMBER_SIZE];
	uint64_t all = plait_saturating_add(trust->samples, trust->lost);
	plait_line_format(line, PLAIT_STYLE_PLAIN, "complete %s",
			  plait_number_percent(trust->complete, trust->samples, percent));
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		char text[96];
		snprintf(text, sizeof(text), "%s %s", figures[i].name,
			 plait_number_percent(figures[i].part,
					      strcmp(figures[i].name, "lost") == 0 ? all : trust->samples, percent));
		if (!figures[i].part || plait_line_left(line) < strlen(text) + 2)
			continue;
		plait_line_move(line, line->column + 2);
		plait_line_put(line, PLAIT_STYLE_MARKER, text, UINT32_MAX);
	}
	plait_line_end(line);
}

/* The trust figures in at most `most` lines; gives how many. */
static struct plait_error *put_trust(const struct plait_view *view, uint32_t most, FILE *out, uint32_t *ret)
{
	char *text = NULL;
	size_t size;
	uint32_t count = 0;
	FILE *memory = open_memstream(&text, &size);
	if (!memory)
		return plait_error_no_memory();
	plait_header_write_trust(view->profile, &view->render, memory);
	if (fclose(memory) != 0 || !text) {
		free(text);
		return plait_error_no_memory();
	}
	for (const char *at = text; *at; at++)
		count += *at == '\n';
	if (count <= most) {
		fputs(text, out);
	} else {
		struct plait_line line = { .out = out, .options = &view->render };
		put_short_trust(view, &line);
		count = 1;
	}
	free(text);
	*ret = count;
	return NULL;
}

/* What is wrong with the recording, in one line; false: nothing. */
static bool put_note(const struct plait_view *view, struct plait_line *line)
{
	const struct plait_profile *profile = view->profile;
	const char *text = profile->notes.count ? profile->notes.data[0] : NULL;
	bool scaled = false;
	for (size_t i = 0; i < profile->events.count; i++)
		scaled = scaled || profile->events.data[i].scale != 1;
	if (scaled)
		text = "an event did not have a counter all the time";
	if (profile->cut)
		text = "the recording was cut off: what came last is missing";
	if (view->damage)
		text = view->damage;
	if (!text)
		return false;
	plait_line_put(line, PLAIT_STYLE_MARKER, view->damage ? "damaged: " : "note: ", UINT32_MAX);
	uint32_t left = plait_line_left(line);
	plait_line_put(line, PLAIT_STYLE_PLAIN, text, left > 12 ? left - 10 : UINT32_MAX);
	put_right(line, PLAIT_STYLE_DIM, "(i: all)");
	plait_line_end(line);
	return true;
}

static void put_choice(struct plait_line *line, bool *any, const char *what, const char *name)
{
	plait_line_put(line, PLAIT_STYLE_MARKER, *any ? "   " : "only ", UINT32_MAX);
	plait_line_put(line, PLAIT_STYLE_MARKER, what, UINT32_MAX);
	plait_line_put(line, PLAIT_STYLE_STRONG, name, UINT32_MAX);
	*any = true;
}

/* What is left out of the samples and the stacks; false: nothing. */
static bool put_narrowing(const struct plait_view *view, const struct plait_tab *tab, struct plait_line *line)
{
	const struct plait_view_options *options = &view->options;
	char part[PLAIT_NUMBER_SIZE], whole[PLAIT_NUMBER_SIZE], percent[PLAIT_NUMBER_SIZE];
	bool any = false;
	for (size_t i = 0; i < options->thread_count; i++)
		put_choice(line, &any, "thread ", options->threads[i]);
	for (size_t i = 0; i < options->pid_count; i++)
		put_choice(line, &any, "process ", options->pids[i]);
	for (size_t i = 0; i < options->pattern_count; i++)
		put_choice(line, &any, "stacks with ", options->patterns[i]);
	if (any) {
		uint32_t event = plait_selection_event(view->selection);
		uint64_t all = event == PLAIT_NONE ? view->profile->trust.samples
						   : view->profile->events.data[event].trust.samples;
		plait_line_format(line, PLAIT_STYLE_PLAIN, ": %s of %s samples (%s)",
				  plait_number_count(tab->samples, part), plait_number_count(all, whole),
				  plait_number_percent(tab->samples, all, percent));
	}
	bool hidden = options->no_native || options->no_python || options->no_kernel;
	if (hidden)
		plait_line_format(line, PLAIT_STYLE_MARKER, "%swithout%s%s%s frames", any ? "   " : "",
				  options->no_native ? " native" : "", options->no_python ? " Python" : "",
				  options->no_kernel ? " kernel" : "");
	if (any || hidden)
		plait_line_end(line);
	return any || hidden;
}

static void put_tabs(const struct plait_view *view, const struct plait_tab *tab, struct plait_line *line)
{
	static const char *const names[] = { "tree", "callers", "functions", "lines" };
	char number[PLAIT_NUMBER_SIZE], text[128];
	bool narrow = line->options->columns < 48;
	for (int i = 0; i < PLAIT_TAB_COUNT; i++) {
		bool current = i == (int)view->kind;
		snprintf(text, sizeof(text), "%s%d%s%s%s", current ? "[" : " ", i + 1, narrow && !current ? "" : " ",
			 narrow && !current ? "" : names[i], current ? "]" : " ");
		plait_line_put(line, current ? PLAIT_STYLE_STRONG : PLAIT_STYLE_DIM, text, UINT32_MAX);
	}
	uint32_t event = plait_selection_event(view->selection);
	if (event != PLAIT_NONE) {
		const struct plait_record_event *record = &view->profile->events.data[event].record;
		snprintf(text, sizeof(text), "%.60s  %s samples", record->name,
			 plait_number_count(tab->samples, number));
		put_right(line, PLAIT_STYLE_STRONG, text);
	}
	plait_line_end(line);
}

struct plait_error *plait_head_write(struct plait_view *view, struct plait_tab *tab, uint32_t rows, FILE *out,
				     uint32_t *ret)
{
	struct plait_line line = { .out = out, .options = &view->render };
	uint32_t count = 0, figures = 0;
	if (rows >= TITLE_FROM) {
		put_title(view, &line);
		count++;
	}
	if (rows >= TRUST_FROM)
		PLAIT_TRY(put_trust(view, rows >= SECOND_FROM ? 2 : 1, out, &figures));
	count += figures;
	if (rows >= TABS_FROM)
		count += put_note(view, &line);
	if (rows >= TRUST_FROM)
		count += put_narrowing(view, tab, &line);
	if (rows >= TABS_FROM) {
		put_tabs(view, tab, &line);
		count++;
	}
	bool titles = rows > 3 && tab->samples;
	uint32_t taken = count + titles + (rows > 1);
	PLAIT_TRY(plait_tab_fit(view, tab, rows > taken ? rows - taken : 1));
	if (titles)
		plait_tab_put_titles(view, tab, &line);
	*ret = count + titles;
	return NULL;
}

/* ---- the last line ---- */

/* "373 ms in 373 samples". */
static void format_cost(const struct plait_view *view, const struct plait_tab *tab, char *ret, size_t size)
{
	char amount[PLAIT_NUMBER_SIZE], count[PLAIT_NUMBER_SIZE];
	uint64_t weight, samples;
	plait_tab_cost(tab, tab->scroll.at, &weight, &samples);
	snprintf(ret, size, "%s in %s sample%s",
		 plait_number_amount(weight, plait_selection_unit_ns(view->profile, view->selection), amount),
		 plait_number_count(samples, count), samples == 1 ? "" : "s");
}

/* Where the function under the cursor is, in full. */
static void put_whole_place(struct plait_line *line, const struct plait_label *label, uint32_t room)
{
	char place[PLAIT_PLACE_SIZE], text[4096];
	if (label->kind == PLAIT_LABEL_NATIVE) {
		plait_line_put(line, PLAIT_STYLE_PLAIN, label->module, room);
	} else if (label->kind != PLAIT_LABEL_PYTHON) {
		plait_line_put(line, PLAIT_STYLE_PLAIN, plait_label_place(label, place), room);
	} else {
		snprintf(text, sizeof(text), label->line > 0 ? "%.4000s:%" PRId32 : "%.4000s", label->file,
			 label->line);
		plait_line_put_tail(line, PLAIT_STYLE_PLAIN, text, room);
	}
}

/* What the cursor is on, in full, and what it costs. */
static void put_detail(const struct plait_view *view, const struct plait_tab *tab, struct plait_line *line,
		       uint32_t room)
{
	char cost[96];
	uint32_t id = plait_tab_label(tab, tab->scroll.at);
	if (id == PLAIT_NONE || room < 8)
		return;
	const struct plait_label *label = &view->profile->labels.all.data[id];
	format_cost(view, tab, cost, sizeof(cost));
	uint32_t width = (uint32_t)strlen(cost) + 2;
	uint32_t edge = room > 40 + width ? room - width : room;
	plait_line_put(line, plait_label_style(label), label->name, edge);
	if (line->column + 6 < edge) {
		plait_line_move(line, line->column + 2);
		put_whole_place(line, label, edge - line->column);
	}
	if (edge < room) {
		plait_line_move(line, line->column + 2);
		plait_line_put(line, PLAIT_STYLE_DIM, cost, UINT32_MAX);
	}
}

static void put_prompt(const struct plait_view *view, struct plait_line *line, uint32_t row,
		       struct plait_view_frame *frame)
{
	static const char *const names[] = { [PLAIT_PROMPT_SEARCH] = "/",
					     [PLAIT_PROMPT_FILTER] = "stacks with: ",
					     [PLAIT_PROMPT_LIMIT] = "cut below per cent: " };
	const char *name = names[view->prompt.kind];
	bool room = line->options->columns > strlen(name) + 6;
	plait_line_put(line, PLAIT_STYLE_STRONG, room ? name : "", UINT32_MAX);
	uint32_t left = plait_line_left(line);
	plait_line_put_tail(line, PLAIT_STYLE_PLAIN, view->prompt.text, left > 1 ? left - 1 : left);
	frame->cursor_row = row;
	frame->cursor_column = line->column;
	plait_line_end(line);
}

void plait_foot_write(struct plait_view *view, struct plait_tab *tab, FILE *out, uint32_t row,
		      struct plait_view_frame *frame)
{
	struct plait_line line = { .out = out, .options = &view->render };
	const struct plait_scroll *scroll = tab					 ? &tab->scroll
					    : view->menu.kind != PLAIT_MENU_NONE ? &view->menu.scroll
										 : &view->pane.scroll;
	char at[PLAIT_NUMBER_SIZE], count[PLAIT_NUMBER_SIZE], text[96];
	if (view->prompt.kind != PLAIT_PROMPT_NONE) {
		put_prompt(view, &line, row, frame);
		return;
	}
	snprintf(text, sizeof(text), "%s/%s%s", plait_number_count(scroll->count ? scroll->at + 1 : 0, at),
		 plait_number_count(scroll->count, count), view->render.columns >= 40 ? "  ?: keys" : "");
	uint32_t width = (uint32_t)strlen(text) + 2;
	uint32_t room = view->render.columns > width ? view->render.columns - width : 0;
	if (*view->message)
		plait_line_put(&line, PLAIT_STYLE_MARKER, view->message, UINT32_MAX);
	else if (tab)
		put_detail(view, tab, &line, room);
	put_right(&line, PLAIT_STYLE_DIM, text);
	plait_line_end(&line);
}
