/* plait view: a recording on a terminal, to look around in. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/terminal.h"
#include "cli/view/show.h"
#include "cli/view_options.h"

struct view_options {
	struct plait_view_values view;
	const char *color, *metric;
	bool flat, lines, inverted, by_thread, by_function, full, ascii;
	double threshold;
};

static const struct plait_option options[] = {
	PLAIT_OPTION(struct view_options, flat, "flat", 0, PLAIT_OPTION_FLAG, NULL,
		     "begin with the table of functions"),
	PLAIT_OPTION(struct view_options, lines, "lines", 0, PLAIT_OPTION_FLAG, NULL,
		     "begin with the table of Python lines"),
	PLAIT_OPTION(struct view_options, inverted, "inverted", 0, PLAIT_OPTION_FLAG, NULL,
		     "begin with the callers of the hottest functions"),
	PLAIT_VIEW_OPTIONS(struct view_options, view),
	PLAIT_OPTION(struct view_options, metric, "metric", 0, PLAIT_OPTION_STRING, "NAME",
		     "show a ratio: ipc, miss-rate, mpki, ... or A/B of two events of the recording"),
	PLAIT_OPTION(struct view_options, by_thread, "by-thread", 0, PLAIT_OPTION_FLAG, NULL,
		     "put the process and the thread in front of each stack"),
	PLAIT_OPTION(struct view_options, by_function, "by-function", 0, PLAIT_OPTION_FLAG, NULL,
		     "put the lines of a Python function together"),
	PLAIT_OPTION(struct view_options, threshold, "threshold", 0, PLAIT_OPTION_PERCENT, "PERCENT",
		     "cut branches that are smaller, until they are asked for (default 1)"),
	PLAIT_OPTION(struct view_options, full, "full", 0, PLAIT_OPTION_FLAG, NULL, "fold nothing: every frame"),
	PLAIT_OPTION_CHOICE(struct view_options, color, "color", 0, "WHEN", "auto always never",
			    "auto, always or never"),
	PLAIT_OPTION(struct view_options, ascii, "ascii", 0, PLAIT_OPTION_FLAG, NULL,
		     "draw with ASCII characters only"),
	PLAIT_OPTION_END,
};

static struct plait_error *view(void *context, int argc, char **argv, int first, bool *ret_damaged)
{
	const struct view_options *values = context;
	if (values->flat + values->lines + values->inverted > 1)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE, "--flat, --lines and --inverted cannot be combined"),
			"choose one of them: it is what is seen first");
	if (argc - first > 1)
		return plait_error_new(PLAIT_ERROR_USAGE, "view takes one recording, not %d", argc - first);
	struct plait_view_setup setup = {
		.recording = first < argc ? argv[first] : "profile.plait",
		.options = plait_view_of(&values->view),
		.tab = plait_view_first_tab(values->flat, values->lines, values->inverted),
		.threshold = values->threshold < 0 ? 1 : values->threshold,
		.full = values->full,
		.ascii = values->ascii || plait_terminal_is_ascii(),
	};
	setup.options.by_thread = values->by_thread;
	setup.options.by_function = values->by_function;
	return plait_view_show_file(&setup, values->metric, values->color, ret_damaged);
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	struct view_options values = { .threshold = -1 };
	return plait_view_command_run(command, argc, argv, &values, &values.view, view);
}

const struct plait_command plait_command_view = {
	.name = "view",
	.synopsis = "[OPTION...] [FILE]",
	.summary = "look around in a recording on the terminal: tree, tables, search, annotations",
	.details = "FILE is profile.plait unless named. The key ? shows the keys; so does docs/view.md.\n",
	.options = options,
	.run = run,
};
