/*
 * What the files of this folder share: the state of the UI.
 */
#ifndef PLAIT_CLI_VIEW_STATE_H
#define PLAIT_CLI_VIEW_STATE_H

#include "cli/view/scroll.h"
#include "cli/view/view.h"
#include "output/model/listing.h"
#include "output/render/source.h"
#include "output/render/text_tables.h"
#include "output/render/tree_line.h"

enum { PLAIT_PROMPT_SIZE = 256 };

/* A way to look at the samples; made when it is first shown. */
struct plait_tab {
	bool made, filled;
	struct plait_scroll scroll;
	struct plait_calltree *tree; /* trees */
	struct plait_outline *outline;
	struct plait_tree_layout tree_layout;
	struct plait_table table; /* tables */
	struct plait_listing *listing;
	struct plait_table_layout table_layout;
	uint64_t samples, total; /* in it */
};

enum plait_pane_kind { PLAIT_PANE_NONE, PLAIT_PANE_HELP, PLAIT_PANE_INFO, PLAIT_PANE_ANNOTATE };
enum plait_scope { PLAIT_SCOPE_LINE, PLAIT_SCOPE_FUNCTION, PLAIT_SCOPE_FILE };

/* Text over the tabs. */
struct plait_pane {
	enum plait_pane_kind kind;
	char *text;
	PLAIT_VEC(const char *) lines; /* in `text` */
	uint32_t columns;	       /* that it was made for; 0: not made */
	struct plait_scroll scroll;
	uint32_t label, frame; /* annotated */
	enum plait_scope scope;
	bool full;
	size_t hottest; /* how many hottest rows have been visited */
};

enum plait_menu_kind {
	PLAIT_MENU_NONE,
	PLAIT_MENU_EVENT,
	PLAIT_MENU_THREAD,
	PLAIT_MENU_PROCESS,
	PLAIT_MENU_FRAMES,
};

struct plait_menu_item {
	uint32_t index; /* of the event, thread or process; PLAIT_NONE: all */
	uint64_t weight;
};

/* A list over the tabs to choose from. */
struct plait_menu {
	enum plait_menu_kind kind;
	PLAIT_VEC(struct plait_menu_item) items;
	uint64_t total;
	struct plait_scroll scroll;
};

enum plait_prompt_kind { PLAIT_PROMPT_NONE, PLAIT_PROMPT_SEARCH, PLAIT_PROMPT_FILTER, PLAIT_PROMPT_LIMIT };

/* A line that the user writes. */
struct plait_prompt {
	enum plait_prompt_kind kind;
	char text[PLAIT_PROMPT_SIZE]; /* UTF-8 */
};

struct plait_view {
	const struct plait_profile *profile;
	const char *recording, *damage;
	struct plait_render_options render; /* as wide as the screen */
	struct plait_source_cache *sources;

	struct plait_view_options options;
	char thread[16], process[16], filter[PLAIT_PROMPT_SIZE]; /* what `options` has, once chosen here */
	const char *thread_list, *process_list, *filter_list;
	struct plait_selection *selection;
	double threshold;
	bool full;

	enum plait_tab_kind kind;
	size_t height; /* rows that a tab had on the last frame; 0: there was none */
	struct plait_tab tabs[PLAIT_TAB_COUNT];
	struct plait_pane pane, under; /* `under`: to go back to */
	struct plait_menu menu;
	struct plait_prompt prompt;

	char searched[PLAIT_PROMPT_SIZE]; /* "": nothing */
	bool *matches;			  /* by label; NULL: nothing is searched */
	char message[PLAIT_PROMPT_SIZE];  /* on the last line until the next key */
};

/* Says something on the last line. */
void plait_view_say(struct plait_view *view, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says what an error says, and ends it; a lack of memory is given back. */
struct plait_error *plait_view_tell(struct plait_view *view, struct plait_error *error);

/* Shows `options` from now on; when they are wrong, that is said and nothing changes. */
struct plait_error *plait_view_apply(struct plait_view *view, const struct plait_view_options *options);

/* Forgets what was made, for it is not right any more. */
void plait_view_forget(struct plait_view *view);

#endif
