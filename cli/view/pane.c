/* Text over the tabs: help, what is known about the recording, annotations. */
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "cli/view/parts.h"
#include "output/render/text_header.h"

void plait_pane_close(struct plait_pane *pane)
{
	free(pane->text);
	plait_vec_free(&pane->lines);
	*pane = (struct plait_pane) { 0 };
}

void plait_pane_leave(struct plait_view *view)
{
	plait_pane_close(&view->pane);
	view->pane = view->under;
	view->under = (struct plait_pane) { 0 };
}

/* Writes `text`, broken at its spaces, and ends the line. */
static void put_words(struct plait_line *line, const char *text, uint32_t indent)
{
	for (bool first = true; *text; first = false) {
		char word[64];
		size_t size = strcspn(text, " ");
		snprintf(word, sizeof(word), "%.*s", (int)(size < sizeof(word) ? size : sizeof(word) - 1), text);
		if (first)
			plait_line_put(line, PLAIT_STYLE_PLAIN, word, UINT32_MAX);
		else
			plait_line_item(line, PLAIT_STYLE_PLAIN, word, 1, indent);
		text += size + (text[size] == ' ');
	}
	plait_line_end(line);
}

static void write_help(const struct plait_view *view, FILE *out)
{
	struct plait_line line = { .out = out, .options = &view->render };
	uint32_t keys = view->render.columns >= 60 ? 22 : 10;
	for (size_t i = 0; i < plait_key_help_count; i++) {
		const struct plait_key_help *help = &plait_key_helps[i];
		if (!help->keys) {
			if (i)
				plait_line_end(&line);
			plait_line_put(&line, PLAIT_STYLE_STRONG, help->text, UINT32_MAX);
			plait_line_end(&line);
			continue;
		}
		plait_line_move(&line, 2);
		plait_line_put(&line, PLAIT_STYLE_PYTHON, help->keys, UINT32_MAX);
		plait_line_move(&line, keys > line.column ? keys : line.column + 2);
		put_words(&line, help->text, keys);
	}
}

static struct plait_error *write_info(struct plait_view *view, FILE *out)
{
	struct plait_tab *tab;
	PLAIT_TRY(plait_tab_current(view, &tab));
	plait_header_write(view->profile, view->selection, tab->samples, &view->render, out);
	struct plait_line line = { .out = out, .options = &view->render };
	plait_metric_put_foot(&line, view->profile);
	if (view->damage) {
		plait_line_put(&line, PLAIT_STYLE_MARKER, "damaged:", UINT32_MAX);
		plait_line_sentence(&line, view->damage);
		plait_line_sentence(&line, "What is shown is what came before the damage.");
	}
	return NULL;
}

/* Cuts `text` into lines. */
static bool split(struct plait_pane *pane)
{
	pane->lines.count = 0;
	for (char *at = pane->text, *end; *at; at = end) {
		end = at + strcspn(at, "\n");
		if (*end)
			*end++ = '\0';
		if (!plait_vec_push(&pane->lines, at))
			return false;
	}
	return true;
}

/* Makes the text as wide as the screen, unless it is already. */
static struct plait_error *make(struct plait_view *view)
{
	struct plait_pane *pane = &view->pane;
	if (pane->columns == view->render.columns)
		return NULL;
	free(pane->text);
	pane->text = NULL;
	size_t size;
	FILE *out = open_memstream(&pane->text, &size);
	if (!out)
		return plait_error_no_memory();
	struct plait_error *error = NULL;
	if (pane->kind == PLAIT_PANE_HELP)
		write_help(view, out);
	else
		error = pane->kind == PLAIT_PANE_INFO ? write_info(view, out) : plait_annotation_write(view, out);
	bool failed = fclose(out) != 0;
	if (error)
		return error;
	if (failed || !pane->text || !split(pane))
		return plait_error_no_memory();
	pane->columns = view->render.columns;
	return NULL;
}

/* The text of a line without colours. */
static void strip(const char *from, char *to, size_t size)
{
	size_t used = 0;
	while (*from && used + 1 < size) {
		if (*from == '\033')
			from += strcspn(from, "m") + (from[strcspn(from, "m")] == 'm');
		else
			to[used++] = *from++;
	}
	to[used] = '\0';
}

/* The row that `plait annotate` marks, SIZE_MAX: none. The mark follows the line number, which ends in column 20. */
static size_t marked_row(const struct plait_view *view)
{
	const char *mark = view->render.ascii ? ">" : "▶";
	for (size_t i = 0; i < view->pane.lines.count; i++) {
		char text[64];
		strip(view->pane.lines.data[i], text, sizeof(text));
		if (strlen(text) > 20 && isdigit((unsigned char)text[19]) &&
		    strncmp(text + 20, mark, strlen(mark)) == 0)
			return i;
	}
	return SIZE_MAX;
}

/* The figure that a row begins with; 0: none. */
static double figure_of(const struct plait_pane *pane, size_t row)
{
	char text[64];
	strip(pane->lines.data[row], text, sizeof(text));
	unsigned int whole, tenth;
	int end = 0;
	bool is_figure = sscanf(text, "%u.%1u%n", &whole, &tenth, &end) == 2 && end == 6; /* in every locale */
	return is_figure ? whole + tenth / 10.0 : 0;
}

/* Whether row `a` comes before row `b` on the way from hot to cold. */
static bool is_hotter(const struct plait_pane *pane, size_t a, size_t b)
{
	double one = figure_of(pane, a), other = figure_of(pane, b);
	return one > other || (one == other && a < b);
}

/* Goes to the hottest row, the next time to the one after it, and so on. */
static void go_to_hottest(struct plait_view *view, bool quiet)
{
	struct plait_pane *pane = &view->pane;
	size_t last = SIZE_MAX, found = SIZE_MAX;
	for (size_t round = 0; round <= pane->hottest; round++, last = found) {
		found = SIZE_MAX;
		for (size_t i = 0; i < pane->lines.count; i++) {
			bool next = figure_of(pane, i) > 0 && (last == SIZE_MAX || is_hotter(pane, last, i));
			if (next && (found == SIZE_MAX || is_hotter(pane, i, found)))
				found = i;
		}
		if (found == SIZE_MAX)
			break;
	}
	pane->hottest = found == SIZE_MAX ? 0 : pane->hottest + 1;
	if (found != SIZE_MAX)
		plait_scroll_to(&pane->scroll, found);
	else if (!quiet)
		plait_view_say(view, last == SIZE_MAX ? "no row here has a cost of its own" : "that was the last one");
}

struct plait_error *plait_pane_show(struct plait_view *view, enum plait_pane_kind kind)
{
	struct plait_pane *pane = &view->pane;
	if (pane->kind == PLAIT_PANE_ANNOTATE && kind != PLAIT_PANE_ANNOTATE) { /* help: to go back from */
		plait_pane_close(&view->under);
		view->under = *pane;
		*pane = (struct plait_pane) { .kind = kind };
		return NULL;
	}
	struct plait_pane fresh = { .kind = kind, .label = pane->label, .frame = pane->frame, .scope = pane->scope };
	fresh.full = pane->full;
	plait_pane_close(pane);
	*pane = fresh;
	return NULL;
}

struct plait_error *plait_pane_write(struct plait_view *view, uint32_t rows, FILE *out, struct plait_view_frame *frame)
{
	struct plait_pane *pane = &view->pane;
	bool first = pane->columns == 0;
	PLAIT_TRY(make(view));
	uint32_t height = rows > 1 ? rows - 1 : 1;
	plait_scroll_fit(&pane->scroll, pane->lines.count, height);
	if (first && pane->kind == PLAIT_PANE_ANNOTATE) {
		size_t marked = marked_row(view);
		if (marked != SIZE_MAX)
			plait_scroll_to(&pane->scroll, marked);
		else
			go_to_hottest(view, true);
	}
	const struct plait_scroll *scroll = &pane->scroll;
	for (size_t i = scroll->top; i < scroll->top + height; i++)
		fprintf(out, "%s\n", i < pane->lines.count ? pane->lines.data[i] : "");
	if (rows > 1)
		plait_foot_write(view, NULL, out, rows - 1, frame);
	if (scroll->count && pane->kind == PLAIT_PANE_ANNOTATE)
		frame->highlight = (uint32_t)(scroll->at - scroll->top);
	return NULL;
}

struct plait_error *plait_pane_search(struct plait_view *view, bool forward)
{
	struct plait_pane *pane = &view->pane;
	regex_t regex;
	size_t at = pane->scroll.at;
	if (!pane->lines.count || regcomp(&regex, view->searched, REG_EXTENDED | REG_NOSUB | REG_ICASE) != 0)
		return NULL;
	bool found = false;
	for (size_t i = 0; i < pane->lines.count && !found; i++) {
		char text[4096];
		at = forward ? (at + 1) % pane->lines.count : (at + pane->lines.count - 1) % pane->lines.count;
		strip(pane->lines.data[at], text, sizeof(text));
		found = regexec(&regex, text, 0, NULL, 0) == 0;
	}
	regfree(&regex);
	if (found)
		plait_scroll_to(&pane->scroll, at);
	else
		plait_view_say(view, "not found here: %s", view->searched);
	return NULL;
}

/* Another part of the file, or everything: made again. */
static void change(struct plait_view *view, enum plait_action action)
{
	static const char *const names[] = { "the line, and what it ran", "the function", "the whole file" };
	struct plait_pane *pane = &view->pane;
	bool python = pane->frame == PLAIT_NONE;
	if (action == PLAIT_ACTION_FOLD) {
		pane->full = !pane->full;
		plait_view_say(view, pane->full ? "everything" : "what costs something, and what is around it");
	} else if (python) {
		pane->scope = (pane->scope + 1) % 3;
		plait_view_say(view, "%s", names[pane->scope]);
	} else {
		return;
	}
	pane->columns = 0;
	pane->hottest = 0;
}

/* Shows the native function whose row in the list below Python source the cursor is in. */
static struct plait_error *enter(struct plait_view *view)
{
	const struct plait_pane *pane = &view->pane;
	static const char heading[] = "native functions that";
	for (size_t i = pane->scroll.at; i-- > 0 && pane->frame == PLAIT_NONE;) {
		char text[sizeof(heading)];
		strip(pane->lines.data[i], text, sizeof(text));
		if (strcmp(text, heading) == 0 && figure_of(pane, pane->scroll.at) > 0)
			return plait_annotation_show_native(view, pane->scroll.at - i - 1);
		if (!*text)
			break; /* the list ends with an empty line */
	}
	plait_view_say(view, "Enter shows a native function of the list below Python source");
	return NULL;
}

struct plait_error *plait_pane_action(struct plait_view *view, enum plait_action action)
{
	struct plait_pane *pane = &view->pane;
	bool annotates = pane->kind == PLAIT_PANE_ANNOTATE;
	/* without a cursor in it, the text itself moves */
	if (!annotates && action == PLAIT_ACTION_DOWN)
		pane->scroll.at = pane->scroll.top + pane->scroll.height - 1;
	else if (!annotates && action == PLAIT_ACTION_UP)
		pane->scroll.at = pane->scroll.top;
	if (plait_scroll_action(&pane->scroll, action))
		return NULL;
	if (action == PLAIT_ACTION_QUIT || action == PLAIT_ACTION_BACK || action == PLAIT_ACTION_CLOSE ||
	    (action == PLAIT_ACTION_HELP && pane->kind == PLAIT_PANE_HELP) ||
	    (action == PLAIT_ACTION_INFO && pane->kind == PLAIT_PANE_INFO))
		plait_pane_leave(view);
	else if (annotates && (action == PLAIT_ACTION_ENTER || action == PLAIT_ACTION_ANNOTATE))
		return enter(view);
	else if (annotates && action == PLAIT_ACTION_HOT)
		go_to_hottest(view, false);
	else if (annotates && (action == PLAIT_ACTION_SCOPE || action == PLAIT_ACTION_FOLD))
		change(view, action);
	return NULL;
}
