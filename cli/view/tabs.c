/* Trees and tables: what is made of the samples, its rows, and what keys do with them. */
#include <stdlib.h>
#include <string.h>

#include "cli/view/parts.h"
#include "output/render/number.h"
#include "output/render/text_header.h"

enum { OPEN_LINES_FROM = 5 }; /* per cent: Python lines that are open at first */

static struct plait_error *make_tree(struct plait_view *view, bool inverted, struct plait_tab *tab)
{
	struct plait_calltree_options options = { .grain = view->options.by_function ? PLAIT_GRAIN_FUNCTION
										     : PLAIT_GRAIN_LINE,
						  .inverted = inverted,
						  .by_thread = view->options.by_thread,
						  .fold_machinery = !view->full };
	PLAIT_TRY(plait_calltree_create(view->profile, view->selection, &options, &tab->tree));
	PLAIT_TRY(plait_outline_create(tab->tree, view->threshold, view->full, &tab->outline));
	tab->samples = tab->tree->nodes.data[0].total_samples;
	tab->total = tab->tree->nodes.data[0].total;
	tab->tree_layout = (struct plait_tree_layout) {
		.outline = tab->outline, .options = &view->render, .inverted = inverted, .marks = true
	};
	return NULL;
}

static struct plait_error *make_table(struct plait_view *view, bool lines, struct plait_tab *tab)
{
	if (lines)
		PLAIT_TRY(plait_table_by_line(view->profile, view->selection, &tab->table));
	else
		PLAIT_TRY(plait_table_by_function(view->profile, view->selection, &tab->table));
	PLAIT_TRY(plait_listing_create(view->profile, &tab->table, view->threshold, view->full, &tab->listing));
	PLAIT_TRY(plait_listing_open_all(tab->listing, true, OPEN_LINES_FROM));
	tab->samples = tab->table.samples;
	tab->total = tab->table.total;
	tab->table_layout =
		(struct plait_table_layout) { .profile = view->profile,
					      .table = &tab->table,
					      .options = &view->render,
					      .unit_ns = plait_selection_unit_ns(view->profile, view->selection),
					      .lines = lines,
					      .marks = true,
					      .threshold = view->threshold };
	return NULL;
}

struct plait_error *plait_tab_current(struct plait_view *view, struct plait_tab **ret)
{
	struct plait_tab *tab = &view->tabs[view->kind];
	if (!tab->made) {
		struct plait_error *error = plait_tab_is_tree(view->kind)
						    ? make_tree(view, view->kind == PLAIT_TAB_CALLERS, tab)
						    : make_table(view, view->kind == PLAIT_TAB_LINES, tab);
		if (error) {
			plait_tab_release(tab);
			return error;
		}
		tab->made = true;
		if (view->height)
			PLAIT_TRY(plait_tab_fit(view, tab, view->height));
	}
	*ret = tab;
	return NULL;
}

void plait_tab_release(struct plait_tab *tab)
{
	plait_outline_destroy(tab->outline);
	plait_calltree_destroy(tab->tree);
	plait_listing_destroy(tab->listing);
	plait_table_release(&tab->table);
	*tab = (struct plait_tab) { 0 };
}

static size_t row_count(const struct plait_tab *tab)
{
	return tab->outline ? tab->outline->rows.count : tab->listing->rows.count;
}

struct plait_error *plait_tab_fit(struct plait_view *view, struct plait_tab *tab, size_t height)
{
	view->height = height;
	if (!tab->filled && tab->outline)
		PLAIT_TRY(plait_outline_fill(tab->outline, height));
	tab->filled = true;
	if (tab->outline)
		plait_tree_measure(&tab->tree_layout);
	else
		plait_table_measure(&tab->table_layout);
	tab->tree_layout.matches = tab->table_layout.matches = view->matches;
	plait_scroll_fit(&tab->scroll, row_count(tab), height);
	return NULL;
}

void plait_tab_put_titles(struct plait_view *view, struct plait_tab *tab, struct plait_line *line)
{
	(void)view;
	if (tab->outline) {
		plait_tree_put_titles(line, &tab->tree_layout);
		return;
	}
	tab->table_layout.line = *line;
	plait_table_put_titles(&tab->table_layout);
}

static void put_listing_row(const struct plait_view *view, struct plait_tab *tab, size_t index)
{
	static const char *const marks[] = { "  ", "▸ ", "▾ " }, *const ascii[] = { "  ", "+ ", "- " };
	const struct plait_listing_row *row = &tab->listing->rows.data[index];
	const char *mark = (view->render.ascii ? ascii : marks)[row->state];
	if (row->cut)
		plait_table_put_cut_leaves(&tab->table_layout, row->cut, row->cut_weight);
	else if (row->leaf != PLAIT_NONE)
		plait_table_put_leaf(&tab->table_layout, &tab->table.leaves.data[row->leaf]);
	else
		plait_table_put_row(&tab->table_layout, &tab->table.rows.data[row->row], mark);
}

void plait_tab_put_row(struct plait_view *view, struct plait_tab *tab, size_t row, struct plait_line *line)
{
	if (tab->outline) {
		plait_tree_put_row(line, &tab->tree_layout, &tab->outline->rows.data[row]);
		return;
	}
	tab->table_layout.line = *line;
	put_listing_row(view, tab, row);
}

uint32_t plait_tab_label(const struct plait_tab *tab, size_t row)
{
	if (row >= row_count(tab))
		return PLAIT_NONE;
	if (!tab->outline)
		return plait_listing_label(tab->listing, row);
	uint32_t node = tab->outline->rows.data[row].node;
	return node == PLAIT_NONE ? PLAIT_NONE : tab->tree->nodes.data[node].label;
}

void plait_tab_cost(const struct plait_tab *tab, size_t row, uint64_t *ret_weight, uint64_t *ret_samples)
{
	*ret_weight = *ret_samples = 0;
	if (tab->outline && tab->outline->rows.data[row].node != PLAIT_NONE) {
		const struct plait_calltree_node *node = &tab->tree->nodes.data[tab->outline->rows.data[row].node];
		*ret_weight = node->total;
		*ret_samples = node->total_samples;
	} else if (!tab->outline && tab->listing->rows.data[row].leaf != PLAIT_NONE) {
		const struct plait_table_leaf *leaf = &tab->table.leaves.data[tab->listing->rows.data[row].leaf];
		*ret_weight = leaf->weight;
		*ret_samples = leaf->samples;
	} else if (!tab->outline) {
		const struct plait_table_row *line = &tab->table.rows.data[tab->listing->rows.data[row].row];
		*ret_weight = line->total;
		*ret_samples = line->total_samples;
	}
}

/* Keeps the cursor where it was after the rows have changed. */
static void keep_node(struct plait_tab *tab, uint32_t node)
{
	plait_scroll_fit(&tab->scroll, row_count(tab), tab->scroll.height);
	plait_scroll_to(&tab->scroll, plait_outline_row_of(tab->outline, node));
}

static struct plait_error *go_to_node(struct plait_tab *tab, uint32_t node)
{
	size_t row;
	PLAIT_TRY(plait_outline_reveal(tab->outline, node, &row));
	plait_scroll_fit(&tab->scroll, row_count(tab), tab->scroll.height);
	plait_scroll_to(&tab->scroll, row);
	return NULL;
}

/* ---- trees ---- */

static struct plait_error *open_node(struct plait_view *view, struct plait_tab *tab)
{
	size_t before = row_count(tab);
	bool changed;
	enum plait_outline_state state = tab->outline->rows.data[tab->scroll.at].state;
	PLAIT_TRY(plait_outline_open(tab->outline, tab->scroll.at, &changed));
	plait_scroll_fit(&tab->scroll, row_count(tab), tab->scroll.height);
	if (!changed && state == PLAIT_OUTLINE_OPEN)
		plait_scroll_down(&tab->scroll, 1);
	else if (!changed)
		plait_view_say(view, "nothing is called from here");
	else if (row_count(tab) == before)
		plait_view_say(view, "nothing more to show here");
	return NULL;
}

static struct plait_error *close_node(struct plait_tab *tab)
{
	bool changed;
	PLAIT_TRY(plait_outline_close(tab->outline, tab->scroll.at, &changed));
	plait_scroll_fit(&tab->scroll, row_count(tab), tab->scroll.height);
	if (!changed)
		plait_scroll_to(&tab->scroll, plait_outline_parent(tab->outline, tab->scroll.at));
	return NULL;
}

static struct plait_error *enter_node(struct plait_view *view, struct plait_tab *tab)
{
	const struct plait_outline_row *row = &tab->outline->rows.data[tab->scroll.at];
	if (row->state == PLAIT_OUTLINE_CLOSED)
		return open_node(view, tab);
	if (row->state == PLAIT_OUTLINE_OPEN)
		return close_node(tab);
	return plait_annotation_show(view, plait_tab_label(tab, tab->scroll.at));
}

static struct plait_error *change_outline(struct plait_view *view, struct plait_tab *tab, enum plait_action action)
{
	struct plait_outline *outline = tab->outline;
	const struct plait_outline_row *row = &outline->rows.data[tab->scroll.at];
	uint32_t node = row->node;
	bool closed = row->state == PLAIT_OUTLINE_CLOSED;
	switch (action) {
	case PLAIT_ACTION_OPEN:
		return open_node(view, tab);
	case PLAIT_ACTION_CLOSE:
		return close_node(tab);
	case PLAIT_ACTION_ENTER:
		return enter_node(view, tab);
	case PLAIT_ACTION_TOGGLE_BELOW:
		PLAIT_TRY(plait_outline_open_below(outline, tab->scroll.at, closed));
		break;
	case PLAIT_ACTION_OPEN_ALL:
	case PLAIT_ACTION_CLOSE_ALL:
		PLAIT_TRY(plait_outline_open_all(outline, action == PLAIT_ACTION_OPEN_ALL));
		break;
	case PLAIT_ACTION_HOT:
		return go_to_node(tab, plait_outline_hot_end(outline, node == PLAIT_NONE ? 0 : node));
	case PLAIT_ACTION_PARENT:
		plait_scroll_to(&tab->scroll, plait_outline_parent(outline, tab->scroll.at));
		return NULL;
	default:
		return NULL;
	}
	keep_node(tab, node);
	return NULL;
}

/* ---- tables ---- */

static struct plait_error *close_lines(struct plait_tab *tab)
{
	bool changed;
	uint32_t row = tab->listing->rows.data[tab->scroll.at].row;
	PLAIT_TRY(plait_listing_close(tab->listing, tab->scroll.at, &changed));
	plait_scroll_fit(&tab->scroll, row_count(tab), tab->scroll.height);
	plait_scroll_to(&tab->scroll, plait_listing_row_of(tab->listing, row));
	return NULL;
}

static struct plait_error *open_lines(struct plait_view *view, struct plait_tab *tab)
{
	bool changed;
	PLAIT_TRY(plait_listing_open(tab->listing, tab->scroll.at, &changed));
	plait_scroll_fit(&tab->scroll, row_count(tab), tab->scroll.height);
	if (!changed)
		plait_view_say(view, "%s",
			       tab->table_layout.lines ? "no more native functions to show here"
						       : "tab 2 has the callers of a function, tab 1 what it calls");
	return NULL;
}

static struct plait_error *change_listing(struct plait_view *view, struct plait_tab *tab, enum plait_action action)
{
	struct plait_listing *listing = tab->listing;
	const struct plait_listing_row *row = &listing->rows.data[tab->scroll.at];
	uint32_t index = row->row;
	bool closed = row->state == PLAIT_OUTLINE_CLOSED;
	switch (action) {
	case PLAIT_ACTION_OPEN:
		return open_lines(view, tab);
	case PLAIT_ACTION_CLOSE:
		return close_lines(tab);
	case PLAIT_ACTION_TOGGLE_BELOW:
		return closed ? open_lines(view, tab) : close_lines(tab);
	case PLAIT_ACTION_ENTER:
		return row->cut ? open_lines(view, tab)
				: plait_annotation_show(view, plait_tab_label(tab, tab->scroll.at));
	case PLAIT_ACTION_OPEN_ALL:
	case PLAIT_ACTION_CLOSE_ALL:
		PLAIT_TRY(plait_listing_open_all(listing, action == PLAIT_ACTION_OPEN_ALL, 0));
		break;
	case PLAIT_ACTION_SORT:
		PLAIT_TRY(plait_listing_sort(listing, !listing->by_total));
		plait_view_say(view, "sorted by %s",
			       listing->by_total	 ? "total: with all that it called"
			       : tab->table_layout.lines ? "own: the line itself, and the native code it ran"
							 : "self: the function alone");
		plait_scroll_to(&tab->scroll, 0);
		return NULL;
	case PLAIT_ACTION_HOT:
		plait_scroll_to(&tab->scroll, 0);
		return NULL;
	case PLAIT_ACTION_PARENT:
		plait_scroll_to(&tab->scroll, plait_listing_row_of(listing, index));
		return NULL;
	default:
		return NULL;
	}
	plait_scroll_fit(&tab->scroll, row_count(tab), tab->scroll.height);
	plait_scroll_to(&tab->scroll, plait_listing_row_of(listing, index));
	return NULL;
}

struct plait_error *plait_tab_action(struct plait_view *view, enum plait_action action)
{
	struct plait_tab *tab;
	PLAIT_TRY(plait_tab_current(view, &tab));
	if (!row_count(tab) || plait_scroll_action(&tab->scroll, action))
		return NULL;
	return tab->outline ? change_outline(view, tab, action) : change_listing(view, tab, action);
}

/* The dearest node with this label, else with one of the same function; PLAIT_NONE: there is none. */
static uint32_t dearest_node(const struct plait_tab *tab, uint32_t label)
{
	const struct plait_label *labels = tab->tree->profile->labels.all.data;
	uint32_t best = PLAIT_NONE;
	bool exact = false;
	for (uint32_t i = 1; i < tab->tree->nodes.count; i++) {
		const struct plait_calltree_node *node = &tab->tree->nodes.data[i];
		bool same = node->label == label;
		if (!same && (exact || labels[node->label].function != labels[label].function))
			continue;
		if (best == PLAIT_NONE || (same && !exact) || node->total > tab->tree->nodes.data[best].total)
			best = i;
		exact = exact || same;
	}
	return best;
}

struct plait_error *plait_tab_where(struct plait_view *view, uint32_t label)
{
	struct plait_tab *tab;
	enum plait_tab_kind before = view->kind;
	if (label == PLAIT_NONE) {
		plait_view_say(view, "this row is no function");
		return NULL;
	}
	view->kind = before == PLAIT_TAB_TREE ? PLAIT_TAB_CALLERS : PLAIT_TAB_TREE;
	PLAIT_TRY(plait_tab_current(view, &tab));
	uint32_t node = dearest_node(tab, label);
	if (node == PLAIT_NONE) {
		view->kind = before;
		plait_view_say(view, "it is folded in the tree: F shows every frame");
		return NULL;
	}
	return go_to_node(tab, node);
}

struct plait_error *plait_tab_cut(struct plait_view *view)
{
	for (int i = 0; i < PLAIT_TAB_COUNT; i++) {
		struct plait_tab *tab = &view->tabs[i];
		if (!tab->outline) {
			plait_tab_release(tab);
			continue;
		}
		size_t at = tab->scroll.at;
		uint32_t node = at < row_count(tab) ? tab->outline->rows.data[at].node : PLAIT_NONE;
		PLAIT_TRY(plait_outline_set(tab->outline, view->threshold, view->full));
		keep_node(tab, node);
	}
	return NULL;
}

/* Says which match the cursor is at: "sort: 2 of 5". */
static void say_match(struct plait_view *view, const struct plait_tab *tab)
{
	char at[PLAIT_NUMBER_SIZE], all[PLAIT_NUMBER_SIZE];
	uint64_t before = 0, count = 0;
	if (tab->outline) {
		uint32_t number = tab->outline->numbers[tab->outline->rows.data[tab->scroll.at].node];
		for (size_t i = 1; i < tab->tree->nodes.count; i++) {
			bool matches = view->matches[tab->tree->nodes.data[tab->outline->order[i]].label];
			count += matches;
			before += matches && i <= number;
		}
	} else {
		for (size_t i = 0; i < tab->listing->rows.count; i++) {
			uint32_t label = plait_listing_label(tab->listing, i);
			bool matches = label != PLAIT_NONE && view->matches[label];
			count += matches;
			before += matches && i <= tab->scroll.at;
		}
	}
	plait_view_say(view, "%s: %s of %s", view->searched, plait_number_count(before, at),
		       plait_number_count(count, all));
}

struct plait_error *plait_tab_search(struct plait_view *view, bool forward)
{
	struct plait_tab *tab;
	PLAIT_TRY(plait_tab_current(view, &tab));
	if (!row_count(tab) || !view->matches)
		return NULL;
	bool found;
	if (tab->outline) {
		uint32_t node = plait_outline_find(tab->outline, tab->outline->rows.data[tab->scroll.at].node, forward,
						   view->matches);
		found = node != PLAIT_NONE;
		if (found)
			PLAIT_TRY(go_to_node(tab, node));
	} else {
		size_t row = plait_listing_find(tab->listing, tab->scroll.at, forward, view->matches);
		found = row != SIZE_MAX;
		if (found)
			plait_scroll_to(&tab->scroll, row);
	}
	if (found)
		say_match(view, tab);
	else
		plait_view_say(view, "not found here: %s", view->searched);
	return NULL;
}
