/* Lists to choose from: events, threads, processes, frames. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/view/parts.h"
#include "output/render/number.h"

/* What the menu of frames switches. */
enum { NO_NATIVE, NO_PYTHON, NO_KERNEL, BY_THREAD, BY_FUNCTION, SWITCHES };

void plait_menu_close(struct plait_menu *menu)
{
	plait_vec_free(&menu->items);
	*menu = (struct plait_menu) { 0 };
}

/* The thread or process of a sample. */
static uint32_t owner_of(const struct plait_view *view, enum plait_menu_kind kind, uint32_t thread)
{
	return kind == PLAIT_MENU_THREAD ? thread : view->profile->threads.data[thread].record.process;
}

static int by_weight(const void *a, const void *b)
{
	const struct plait_menu_item *left = a, *right = b;
	if (left->weight != right->weight)
		return left->weight > right->weight ? -1 : 1;
	return (left->index > right->index) - (left->index < right->index);
}

/* The threads or processes that have samples of this event, the hottest first. */
static bool add_owners(struct plait_view *view)
{
	const struct plait_profile *profile = view->profile;
	struct plait_menu *menu = &view->menu;
	size_t count = menu->kind == PLAIT_MENU_THREAD ? profile->threads.count : profile->processes.count;
	uint64_t *weights = calloc(count + 1, sizeof(*weights));
	uint32_t event = plait_selection_event(view->selection);
	bool kept = weights && plait_vec_push(&menu->items, (struct plait_menu_item) { .index = PLAIT_NONE });
	for (size_t i = 0; kept && i < profile->samples.count; i++) {
		const struct plait_profile_sample *sample = &profile->samples.data[i];
		if (event != PLAIT_NONE && sample->event != event)
			continue;
		uint64_t *weight = &weights[owner_of(view, menu->kind, sample->thread)];
		*weight = plait_saturating_add(*weight, sample->weight);
		menu->total = plait_saturating_add(menu->total, sample->weight);
	}
	for (uint32_t i = 0; kept && i < count; i++)
		kept = !weights[i] || plait_vec_push(&menu->items, (struct plait_menu_item) { i, weights[i] });
	if (kept) {
		menu->items.data[0].weight = menu->total;
		if (menu->items.count > 1)
			qsort(menu->items.data + 1, menu->items.count - 1, sizeof(*menu->items.data), by_weight);
	}
	free(weights);
	return kept;
}

static bool add_numbers(struct plait_menu *menu, size_t count)
{
	bool kept = true;
	for (uint32_t i = 0; kept && i < count; i++)
		kept = plait_vec_push(&menu->items, (struct plait_menu_item) { .index = i });
	return kept;
}

/* Whether `item` is what is shown now. */
static bool is_chosen(const struct plait_view *view, const struct plait_menu_item *item)
{
	const struct plait_view_options *options = &view->options;
	const struct plait_profile *profile = view->profile;
	const bool switches[SWITCHES] = { options->no_native, options->no_python, options->no_kernel,
					  options->by_thread, options->by_function };
	const char *const *names = view->menu.kind == PLAIT_MENU_THREAD ? options->threads : options->pids;
	size_t count = view->menu.kind == PLAIT_MENU_THREAD ? options->thread_count : options->pid_count;
	if (view->menu.kind == PLAIT_MENU_EVENT)
		return item->index == plait_selection_event(view->selection);
	if (view->menu.kind == PLAIT_MENU_FRAMES)
		return switches[item->index];
	if (item->index == PLAIT_NONE)
		return count == 0;
	char number[16];
	snprintf(number, sizeof(number), "%" PRIu32,
		 view->menu.kind == PLAIT_MENU_THREAD ? profile->threads.data[item->index].record.tid
						      : profile->processes.data[item->index].record.pid);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], number) == 0)
			return true;
	}
	return false;
}

struct plait_error *plait_menu_show(struct plait_view *view, enum plait_menu_kind kind)
{
	struct plait_menu *menu = &view->menu;
	plait_menu_close(menu);
	menu->kind = kind;
	bool owners = kind == PLAIT_MENU_THREAD || kind == PLAIT_MENU_PROCESS;
	if (!(owners ? add_owners(view)
		     : add_numbers(menu, kind == PLAIT_MENU_EVENT ? view->profile->events.count : SWITCHES))) {
		plait_menu_close(menu);
		return plait_error_no_memory();
	}
	menu->scroll.count = menu->items.count;
	for (size_t i = 0; i < menu->items.count && kind != PLAIT_MENU_FRAMES; i++) {
		if (is_chosen(view, &menu->items.data[i]))
			menu->scroll.at = i;
	}
	return NULL;
}

static void put_event(const struct plait_view *view, uint32_t index, struct plait_line *line)
{
	char number[PLAIT_NUMBER_SIZE];
	const struct plait_profile_event *event = &view->profile->events.data[index];
	plait_line_put(line, PLAIT_STYLE_STRONG, event->record.name, 40);
	plait_line_move(line, 44);
	plait_line_format(line, PLAIT_STYLE_PLAIN, "%10s samples", plait_number_count(event->trust.samples, number));
	plait_line_move(line, 66);
	plait_line_put(line, PLAIT_STYLE_DIM, plait_number_amount(event->total, event->record.unit_ns, number),
		       UINT32_MAX);
	plait_line_move(line, 80);
	plait_line_put(line, PLAIT_STYLE_DIM, event->record.note, UINT32_MAX);
}

static void put_owner(const struct plait_view *view, const struct plait_menu_item *item, struct plait_line *line)
{
	const struct plait_profile *profile = view->profile;
	bool thread = view->menu.kind == PLAIT_MENU_THREAD;
	char number[PLAIT_NUMBER_SIZE];
	plait_line_format(line, PLAIT_STYLE_PLAIN, "%6s  ", plait_number_share(item->weight, view->menu.total, number));
	if (item->index == PLAIT_NONE) {
		plait_line_put(line, PLAIT_STYLE_STRONG, thread ? "all threads" : "all processes", UINT32_MAX);
		return;
	}
	uint32_t process = thread ? profile->threads.data[item->index].record.process : item->index;
	const struct plait_record_process *of = &profile->processes.data[process].record;
	if (thread) {
		plait_line_format(line, PLAIT_STYLE_PLAIN, "%8" PRIu32 "  ",
				  profile->threads.data[item->index].record.tid);
		plait_line_put(line, PLAIT_STYLE_STRONG, profile->threads.data[item->index].record.name, 24);
		plait_line_move(line, 46);
		plait_line_put(line, PLAIT_STYLE_DIM, "of ", UINT32_MAX);
	}
	plait_line_format(line, PLAIT_STYLE_PLAIN, "%8" PRIu32 "  ", of->pid);
	plait_line_put(line, thread ? PLAIT_STYLE_DIM : PLAIT_STYLE_STRONG, of->name, UINT32_MAX);
}

static void put_item(const struct plait_view *view, const struct plait_menu_item *item, struct plait_line *line)
{
	static const char *const switches[] = { "leave out native frames", "leave out Python frames",
						"leave out kernel frames", "put the process and the thread in front",
						"put the lines of a Python function together" };
	bool chosen = is_chosen(view, item);
	if (view->menu.kind == PLAIT_MENU_FRAMES)
		plait_line_put(line, PLAIT_STYLE_STRONG, chosen ? "[x] " : "[ ] ", UINT32_MAX);
	else
		plait_line_put(line, PLAIT_STYLE_STRONG, chosen ? "* " : "  ", UINT32_MAX);
	if (view->menu.kind == PLAIT_MENU_FRAMES)
		plait_line_put(line, PLAIT_STYLE_PLAIN, switches[item->index], UINT32_MAX);
	else if (view->menu.kind == PLAIT_MENU_EVENT)
		put_event(view, item->index, line);
	else
		put_owner(view, item, line);
	plait_line_end(line);
}

void plait_menu_write(struct plait_view *view, uint32_t rows, FILE *out, struct plait_view_frame *frame)
{
	static const char *const titles[] = { "", "Which event?", "Which thread?", "Which process?",
					      "Which frames, in which order?" };
	struct plait_line line = { .out = out, .options = &view->render };
	struct plait_scroll *scroll = &view->menu.scroll;
	uint32_t head = rows > 2 ? 1 : 0, foot = rows > 1;
	plait_scroll_fit(scroll, view->menu.items.count, rows - head - foot);
	if (head) {
		plait_line_put(&line, PLAIT_STYLE_STRONG, titles[view->menu.kind], UINT32_MAX);
		plait_line_put(&line, PLAIT_STYLE_DIM,
			       view->menu.kind == PLAIT_MENU_FRAMES ? "   Enter: switch   Esc: back"
								    : "   Enter: choose   Esc: back",
			       UINT32_MAX);
		plait_line_end(&line);
	}
	for (size_t i = scroll->top; i < scroll->top + scroll->height; i++) {
		if (i < scroll->count)
			put_item(view, &view->menu.items.data[i], &line);
		else
			plait_line_end(&line);
	}
	if (foot)
		plait_foot_write(view, NULL, out, rows - 1, frame);
	frame->highlight = head + (uint32_t)(scroll->at - scroll->top);
}

/* Sets a list of one name, or none. */
static void set_one(uint32_t number, bool none, char text[16], const char **list, const char *const **ret_names,
		    size_t *ret_count)
{
	snprintf(text, 16, "%" PRIu32, number);
	*list = text;
	*ret_names = list;
	*ret_count = none ? 0 : 1;
}

static struct plait_error *choose(struct plait_view *view, const struct plait_menu_item *item)
{
	const struct plait_profile *profile = view->profile;
	struct plait_view_options options = view->options;
	bool all = item->index == PLAIT_NONE;
	bool *const switches[SWITCHES] = { &options.no_native, &options.no_python, &options.no_kernel,
					   &options.by_thread, &options.by_function };
	switch (view->menu.kind) {
	case PLAIT_MENU_EVENT:
		options.event = profile->events.data[item->index].record.name;
		break;
	case PLAIT_MENU_THREAD:
		set_one(all ? 0 : profile->threads.data[item->index].record.tid, all, view->thread, &view->thread_list,
			&options.threads, &options.thread_count);
		break;
	case PLAIT_MENU_PROCESS:
		set_one(all ? 0 : profile->processes.data[item->index].record.pid, all, view->process,
			&view->process_list, &options.pids, &options.pid_count);
		break;
	case PLAIT_MENU_FRAMES:
		*switches[item->index] = !*switches[item->index];
		return plait_view_apply(view, &options);
	case PLAIT_MENU_NONE:
		return NULL;
	}
	plait_menu_close(&view->menu);
	return plait_view_apply(view, &options);
}

struct plait_error *plait_menu_action(struct plait_view *view, enum plait_action action)
{
	struct plait_menu *menu = &view->menu;
	if (plait_scroll_action(&menu->scroll, action))
		return NULL;
	if ((action == PLAIT_ACTION_ENTER || action == PLAIT_ACTION_OPEN) && menu->scroll.at < menu->items.count)
		return choose(view, &menu->items.data[menu->scroll.at]);
	if (action == PLAIT_ACTION_QUIT || action == PLAIT_ACTION_BACK || action == PLAIT_ACTION_CLOSE)
		plait_menu_close(menu);
	return NULL;
}
