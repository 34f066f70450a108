#include "cli/view/view.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/annotate/show.h"
#include "cli/view/parts.h"

void plait_view_say(struct plait_view *view, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(view->message, sizeof(view->message), format, arguments);
	va_end(arguments);
}

struct plait_error *plait_view_tell(struct plait_view *view, struct plait_error *error)
{
	if (!error || error->code == PLAIT_ERROR_NO_MEMORY)
		return error;
	plait_view_say(view, "%s%s%s", error->message, error->advice ? "; " : "", error->advice ? error->advice : "");
	plait_error_free(error);
	return NULL;
}

void plait_view_forget(struct plait_view *view)
{
	for (int i = 0; i < PLAIT_TAB_COUNT; i++)
		plait_tab_release(&view->tabs[i]);
}

struct plait_error *plait_view_apply(struct plait_view *view, const struct plait_view_options *options)
{
	struct plait_selection *selection;
	struct plait_error *error = plait_selection_create(view->profile, options, &selection);
	if (error)
		return plait_view_tell(view, error);
	plait_selection_destroy(view->selection);
	view->selection = selection;
	view->options = *options;
	plait_view_forget(view);
	return NULL;
}

struct plait_error *plait_view_create(const struct plait_view_setup *setup, struct plait_view **ret)
{
	struct plait_view *view = calloc(1, sizeof(*view));
	if (!view)
		return plait_error_no_memory();
	*view = (struct plait_view) { .profile = setup->profile,
				      .recording = setup->recording,
				      .damage = setup->damage,
				      .options = setup->options,
				      .threshold = setup->threshold,
				      .full = setup->full,
				      .kind = setup->tab };
	view->sources = plait_source_cache_create(setup->profile, PLAIT_ANNOTATE_LINE_SIZE);
	view->render = (struct plait_render_options) { .color = true, /* the screen makes of it what it can */
						       .ascii = setup->ascii,
						       .full = setup->full,
						       .threshold = setup->threshold,
						       .source_line = plait_source_read_line,
						       .source_context = view->sources };
	struct plait_error *error = view->sources
					    ? plait_selection_create(setup->profile, &setup->options, &view->selection)
					    : plait_error_no_memory();
	if (error) {
		plait_view_destroy(view);
		return error;
	}
	*ret = view;
	return NULL;
}

void plait_view_destroy(struct plait_view *view)
{
	if (!view)
		return;
	plait_view_forget(view);
	plait_pane_close(&view->pane);
	plait_pane_close(&view->under);
	plait_menu_close(&view->menu);
	plait_selection_destroy(view->selection);
	plait_source_cache_destroy(view->sources);
	free(view->matches);
	free(view);
}

/* ---- frames ---- */

static void write_rows(struct plait_view *view, struct plait_tab *tab, uint32_t at, FILE *out,
		       struct plait_view_frame *frame)
{
	const struct plait_scroll *scroll = &tab->scroll;
	struct plait_line line = { .out = out, .options = &view->render };
	for (size_t i = scroll->top; i < scroll->top + scroll->height; i++) {
		if (i < scroll->count) {
			plait_tab_put_row(view, tab, i, &line);
			continue;
		}
		if (i == 0)
			plait_line_put(&line, PLAIT_STYLE_PLAIN, "no samples to show", UINT32_MAX);
		plait_line_end(&line);
	}
	if (scroll->count)
		frame->highlight = at + (uint32_t)(scroll->at - scroll->top);
}

static struct plait_error *write_tab(struct plait_view *view, uint32_t rows, FILE *out, struct plait_view_frame *frame)
{
	struct plait_tab *tab;
	uint32_t head, foot = rows > 1;
	PLAIT_TRY(plait_tab_current(view, &tab));
	PLAIT_TRY(plait_head_write(view, tab, rows, out, &head));
	write_rows(view, tab, head, out, frame);
	if (foot)
		plait_foot_write(view, tab, out, rows - 1, frame);
	return NULL;
}

struct plait_error *plait_view_draw(struct plait_view *view, uint32_t rows, uint32_t columns, FILE *out,
				    struct plait_view_frame *ret)
{
	view->render.columns = columns ? columns : 1;
	*ret = (struct plait_view_frame) { UINT32_MAX, UINT32_MAX, UINT32_MAX };
	if (rows == 0)
		return NULL;
	if (view->menu.kind != PLAIT_MENU_NONE) {
		plait_menu_write(view, rows, out, ret);
		return NULL;
	}
	if (view->pane.kind != PLAIT_PANE_NONE) {
		struct plait_error *error = plait_pane_write(view, rows, out, ret);
		if (!error)
			return NULL;
		plait_pane_leave(view); /* it cannot be shown, nothing was written */
		PLAIT_TRY(plait_view_tell(view, error));
		if (view->pane.kind != PLAIT_PANE_NONE)
			return plait_view_draw(view, rows, columns, out, ret);
	}
	return write_tab(view, rows, out, ret);
}

/* ---- keys ---- */

bool plait_scroll_action(struct plait_scroll *scroll, enum plait_action action)
{
	size_t page = scroll->height > 1 ? scroll->height - 1 : 1;
	size_t half = scroll->height > 1 ? scroll->height / 2 : 1;
	switch (action) {
	case PLAIT_ACTION_UP:
		plait_scroll_up(scroll, 1);
		return true;
	case PLAIT_ACTION_DOWN:
		plait_scroll_down(scroll, 1);
		return true;
	case PLAIT_ACTION_PAGE_UP:
	case PLAIT_ACTION_PAGE_DOWN:
		plait_scroll_page(scroll, page, action == PLAIT_ACTION_PAGE_DOWN);
		return true;
	case PLAIT_ACTION_HALF_UP:
	case PLAIT_ACTION_HALF_DOWN:
		plait_scroll_page(scroll, half, action == PLAIT_ACTION_HALF_DOWN);
		return true;
	case PLAIT_ACTION_FIRST:
		plait_scroll_to(scroll, 0);
		return true;
	case PLAIT_ACTION_LAST:
		plait_scroll_to(scroll, scroll->count);
		return true;
	default:
		return false;
	}
}

/* Folding and tabs; false: another action. */
static bool change_tab(struct plait_view *view, enum plait_action action)
{
	switch (action) {
	case PLAIT_ACTION_TREE:
	case PLAIT_ACTION_CALLERS:
	case PLAIT_ACTION_FUNCTIONS:
	case PLAIT_ACTION_LINES:
		view->kind = (enum plait_tab_kind)(action - PLAIT_ACTION_TREE);
		return true;
	case PLAIT_ACTION_NEXT_TAB:
		view->kind = (view->kind + 1) % PLAIT_TAB_COUNT;
		return true;
	case PLAIT_ACTION_PREVIOUS_TAB:
		view->kind = (view->kind + PLAIT_TAB_COUNT - 1) % PLAIT_TAB_COUNT;
		return true;
	case PLAIT_ACTION_FOLD:
		view->full = view->render.full = !view->full;
		plait_view_forget(view);
		plait_view_say(view,
			       view->full ? "every frame is shown" : "frames that only pass a call on are folded");
		return true;
	default:
		return false;
	}
}

/* Ends the search; with nothing searched says how to leave. */
static void go_back(struct plait_view *view)
{
	if (!view->matches)
		plait_view_say(view, "q ends, ? shows the keys");
	free(view->matches);
	view->matches = NULL;
}

static struct plait_error *base_action(struct plait_view *view, enum plait_action action)
{
	struct plait_tab *tab;
	switch (action) {
	case PLAIT_ACTION_EVENT:
		return plait_menu_show(view, PLAIT_MENU_EVENT);
	case PLAIT_ACTION_THREAD:
		return plait_menu_show(view, PLAIT_MENU_THREAD);
	case PLAIT_ACTION_PROCESS:
		return plait_menu_show(view, PLAIT_MENU_PROCESS);
	case PLAIT_ACTION_FRAMES:
		return plait_menu_show(view, PLAIT_MENU_FRAMES);
	case PLAIT_ACTION_FILTER:
		plait_prompt_show(view, PLAIT_PROMPT_FILTER);
		return NULL;
	case PLAIT_ACTION_LIMIT:
		plait_prompt_show(view, PLAIT_PROMPT_LIMIT);
		return NULL;
	case PLAIT_ACTION_INFO:
		return plait_pane_show(view, PLAIT_PANE_INFO);
	case PLAIT_ACTION_ANNOTATE:
		PLAIT_TRY(plait_tab_current(view, &tab));
		return plait_annotation_show(view, plait_tab_label(tab, tab->scroll.at));
	case PLAIT_ACTION_WHERE:
		PLAIT_TRY(plait_tab_current(view, &tab));
		return plait_tab_where(view, plait_tab_label(tab, tab->scroll.at));
	case PLAIT_ACTION_BACK:
		go_back(view);
		return NULL;
	default:
		return change_tab(view, action) ? NULL : plait_tab_action(view, action);
	}
}

static struct plait_error *search_action(struct plait_view *view, bool forward)
{
	if (!view->matches)
		plait_view_say(view, "nothing is searched: / asks for it");
	else if (view->pane.kind != PLAIT_PANE_NONE)
		return plait_pane_search(view, forward);
	else
		return plait_tab_search(view, forward);
	return NULL;
}

struct plait_error *plait_view_key(struct plait_view *view, uint32_t key, bool *ret_quit)
{
	view->message[0] = '\0';
	if (view->prompt.kind != PLAIT_PROMPT_NONE)
		return plait_prompt_key(view, key);
	enum plait_action action = plait_key_action(key);
	bool over = view->menu.kind != PLAIT_MENU_NONE || view->pane.kind != PLAIT_PANE_NONE;
	if (action == PLAIT_ACTION_QUIT && !over) {
		*ret_quit = true;
		return NULL;
	}
	if (view->menu.kind != PLAIT_MENU_NONE)
		return plait_menu_action(view, action);
	if (action == PLAIT_ACTION_SEARCH)
		plait_prompt_show(view, PLAIT_PROMPT_SEARCH);
	else if (action == PLAIT_ACTION_NEXT || action == PLAIT_ACTION_PREVIOUS)
		return search_action(view, action == PLAIT_ACTION_NEXT);
	else if (action == PLAIT_ACTION_HELP && view->pane.kind != PLAIT_PANE_HELP)
		return plait_pane_show(view, PLAIT_PANE_HELP);
	else if (view->pane.kind != PLAIT_PANE_NONE)
		return plait_pane_action(view, action);
	else
		return base_action(view, action);
	return NULL;
}
