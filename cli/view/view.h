/*
 * The terminal UI without its terminal: keys in, lines of text out.
 */
#ifndef PLAIT_CLI_VIEW_VIEW_H
#define PLAIT_CLI_VIEW_VIEW_H

#include <stdio.h>

#include "cli/view/keys.h"
#include "output/model/selection.h"

enum plait_tab_kind {
	PLAIT_TAB_TREE,
	PLAIT_TAB_CALLERS,
	PLAIT_TAB_FUNCTIONS,
	PLAIT_TAB_LINES,
	PLAIT_TAB_COUNT,
};

/* What is shown at first. Everything is borrowed. */
struct plait_view_setup {
	const struct plait_profile *profile;
	const char *recording; /* its file, as the user named it */
	const char *damage;    /* what is wrong with it; NULL: nothing */
	struct plait_view_options options;
	enum plait_tab_kind tab;
	double threshold; /* per cent */
	bool full, ascii;
};

struct plait_view;

/* PLAIT_ERROR_USAGE as plait_selection_create(). */
struct plait_error *plait_view_create(const struct plait_view_setup *setup, struct plait_view **ret);
void plait_view_destroy(struct plait_view *view);

/* What a terminal shows besides the text. */
struct plait_view_frame {
	uint32_t highlight;		    /* the row that the cursor of a list is in; UINT32_MAX: none */
	uint32_t cursor_row, cursor_column; /* of a prompt; UINT32_MAX: none */
};

/* Writes at most `rows` lines of at most `columns` columns, with the colours of line.h. Fails for lack of memory only.
 */
struct plait_error *plait_view_draw(struct plait_view *view, uint32_t rows, uint32_t columns, FILE *out,
				    struct plait_view_frame *ret);

/* Does what a key asks for; `*ret_quit` is set when that is the end. What is wrong with the user's words is on the next
 * frame; only a lack of memory is an error. */
struct plait_error *plait_view_key(struct plait_view *view, uint32_t key, bool *ret_quit);

#endif
