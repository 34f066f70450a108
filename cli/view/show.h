/*
 * The terminal UI as commands use it: `plait view` and `plait report --tui`.
 */
#ifndef PLAIT_CLI_VIEW_SHOW_H
#define PLAIT_CLI_VIEW_SHOW_H

#include "cli/view/view.h"

/* The tab that --flat, --lines and --inverted ask for. */
static inline enum plait_tab_kind plait_view_first_tab(bool flat, bool lines, bool inverted)
{
	return flat ? PLAIT_TAB_FUNCTIONS : lines ? PLAIT_TAB_LINES : inverted ? PLAIT_TAB_CALLERS : PLAIT_TAB_TREE;
}

/* Reads `setup->recording` and shows it on the terminal until the user ends it; fills in what of `setup` comes from the
 * recording. `metric` and `color` are what the options say; NULL: none, auto. A damaged recording is told at the end,
 * too, and sets `*ret_damaged`. PLAIT_ERROR_UNSUPPORTED when stdin or stdout is no terminal that can be drawn on. */
struct plait_error *plait_view_show_file(struct plait_view_setup *setup, const char *metric, const char *color,
					 bool *ret_damaged);

#endif
