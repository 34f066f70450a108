/*
 * The parts of the UI, one file each: what they offer to each other. All errors are lacks of memory.
 */
#ifndef PLAIT_CLI_VIEW_PARTS_H
#define PLAIT_CLI_VIEW_PARTS_H

#include "cli/view/state.h"

/* ---- tabs.c ---- */

/* The tab that is shown, made if need be. */
struct plait_error *plait_tab_current(struct plait_view *view, struct plait_tab **ret);
void plait_tab_release(struct plait_tab *tab);
static inline bool plait_tab_is_tree(enum plait_tab_kind kind)
{
	return kind == PLAIT_TAB_TREE || kind == PLAIT_TAB_CALLERS;
}

/* Fits it to the screen: `height` rows. */
struct plait_error *plait_tab_fit(struct plait_view *view, struct plait_tab *tab, size_t height);
void plait_tab_put_titles(struct plait_view *view, struct plait_tab *tab, struct plait_line *line);
void plait_tab_put_row(struct plait_view *view, struct plait_tab *tab, size_t row, struct plait_line *line);

/* The label that a row shows; PLAIT_NONE: it stands for several. */
uint32_t plait_tab_label(const struct plait_tab *tab, size_t row);

/* What a row costs, with all below it. */
void plait_tab_cost(const struct plait_tab *tab, size_t row, uint64_t *ret_weight, uint64_t *ret_samples);

struct plait_error *plait_tab_action(struct plait_view *view, enum plait_action action);

/* Goes to where `label`, or its function, is dearest: in the call tree; from there in that of the callers. */
struct plait_error *plait_tab_where(struct plait_view *view, uint32_t label);

/* Cuts at the threshold of the view, in what was made already. */
struct plait_error *plait_tab_cut(struct plait_view *view);

/* Goes to the next match, or (first) the one at or after the cursor. */
struct plait_error *plait_tab_search(struct plait_view *view, bool forward);

/* ---- others ---- */

/* Moves in a list; false: `action` is no movement. */
bool plait_scroll_action(struct plait_scroll *scroll, enum plait_action action);

/* head.c: the lines above a tab on a screen of `rows`, which is fitted to what is left; gives how many. */
struct plait_error *plait_head_write(struct plait_view *view, struct plait_tab *tab, uint32_t rows, FILE *out,
				     uint32_t *ret);

/* The last line of the screen, below `tab` (NULL: something over the tabs). */
void plait_foot_write(struct plait_view *view, struct plait_tab *tab, FILE *out, uint32_t row,
		      struct plait_view_frame *frame);

/* pane.c */
struct plait_error *plait_pane_show(struct plait_view *view, enum plait_pane_kind kind);
struct plait_error *plait_pane_write(struct plait_view *view, uint32_t rows, FILE *out, struct plait_view_frame *frame);
struct plait_error *plait_pane_action(struct plait_view *view, enum plait_action action);
struct plait_error *plait_pane_search(struct plait_view *view, bool forward);
void plait_pane_close(struct plait_pane *pane);

/* Goes back to what is under the pane. */
void plait_pane_leave(struct plait_view *view);

/* annotation.c: shows what `label` costs; or the native function that is number `index` below the Python code that is
 * annotated now, to go back from there; writes what is annotated, as wide as the screen. */
struct plait_error *plait_annotation_show(struct plait_view *view, uint32_t label);
struct plait_error *plait_annotation_show_native(struct plait_view *view, size_t index);
struct plait_error *plait_annotation_write(struct plait_view *view, FILE *out);

/* menu.c */
struct plait_error *plait_menu_show(struct plait_view *view, enum plait_menu_kind kind);
void plait_menu_write(struct plait_view *view, uint32_t rows, FILE *out, struct plait_view_frame *frame);
struct plait_error *plait_menu_action(struct plait_view *view, enum plait_action action);
void plait_menu_close(struct plait_menu *menu);

/* prompt.c */
void plait_prompt_show(struct plait_view *view, enum plait_prompt_kind kind);
struct plait_error *plait_prompt_key(struct plait_view *view, uint32_t key);

#endif
