/* plait report: a recording as text, JSON or collapsed stacks. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/terminal.h"
#include "cli/view/show.h"
#include "cli/view_options.h"
#include "output/render/render.h"
#include "output/render/source.h"

enum { LINE_SIZE = 512 }; /* bytes of a source line: more is cut */

struct report_options {
	struct plait_view_values view;
	const char *format, *color, *metric;
	bool flat, lines, memory, inverted, by_thread, by_function, full, no_pager, ascii, tui;
	double threshold;
	uint64_t columns;
};

static const struct plait_option options[] = {
	PLAIT_OPTION(struct report_options, flat, "flat", 0, PLAIT_OPTION_FLAG, NULL,
		     "a table of functions instead of a tree"),
	PLAIT_OPTION(struct report_options, lines, "lines", 0, PLAIT_OPTION_FLAG, NULL,
		     "a table of Python lines, with the native functions below each"),
	PLAIT_OPTION(struct report_options, memory, "memory", 0, PLAIT_OPTION_FLAG, NULL,
		     "where the data of each Python line were: caches, DRAM, latency (precise events)"),
	PLAIT_OPTION(struct report_options, inverted, "inverted", 0, PLAIT_OPTION_FLAG, NULL,
		     "a tree that begins with the innermost function: callers below it"),
	PLAIT_OPTION(struct report_options, tui, "tui", 0, PLAIT_OPTION_FLAG, NULL,
		     "look around in it on the terminal, as plait view does"),
	PLAIT_OPTION_CHOICE(struct report_options, format, "format", 0, "FORMAT", "text json collapsed",
			    "text, json or collapsed (default text)"),
	PLAIT_VIEW_OPTIONS(struct report_options, view),
	PLAIT_OPTION(struct report_options, metric, "metric", 0, PLAIT_OPTION_STRING, "NAME",
		     "show a ratio: ipc, miss-rate, mpki, ... or A/B of two events of the recording"),
	PLAIT_OPTION(struct report_options, by_thread, "by-thread", 0, PLAIT_OPTION_FLAG, NULL,
		     "put the process and the thread in front of each stack"),
	PLAIT_OPTION(struct report_options, by_function, "by-function", 0, PLAIT_OPTION_FLAG, NULL,
		     "put the lines of a Python function together"),
	PLAIT_OPTION(struct report_options, threshold, "threshold", 0, PLAIT_OPTION_PERCENT, "PERCENT",
		     "leave out what is smaller, and count it"),
	PLAIT_OPTION(struct report_options, full, "full", 0, PLAIT_OPTION_FLAG, NULL, "fold nothing: every frame"),
	PLAIT_OPTION(struct report_options, columns, "columns", 0, PLAIT_OPTION_NUMBER, "N",
		     "fit lines into N columns (default: the terminal's)"),
	PLAIT_OPTION_CHOICE(struct report_options, color, "color", 0, "WHEN", "auto always never",
			    "auto, always or never"),
	PLAIT_OPTION(struct report_options, ascii, "ascii", 0, PLAIT_OPTION_FLAG, NULL,
		     "draw with ASCII characters only"),
	PLAIT_OPTION(struct report_options, no_pager, "no-pager", 0, PLAIT_OPTION_FLAG, NULL,
		     "do not page on a terminal"),
	PLAIT_OPTION_END,
};

static struct plait_error *choose_renderer(const struct report_options *values, const struct plait_renderer **ret)
{
	const char *format = values->format ? values->format : "text";
	bool text = strcmp(format, "text") == 0;
	if (!text && strcmp(format, "json") != 0 && strcmp(format, "collapsed") != 0)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "there is no format '%s'", format),
					  "formats: text, json, collapsed");
	if (values->flat + values->lines + values->memory + values->inverted > 1)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE,
					"--flat, --lines, --memory and --inverted cannot be combined"),
			"choose one of them");
	if (!text && (values->flat || values->lines || values->memory))
		return plait_error_new(PLAIT_ERROR_USAGE, "--flat, --lines and --memory are for --format text");
	*ret = plait_renderer_find(!text	    ? format
				   : values->flat   ? "flat"
				   : values->lines  ? "lines"
				   : values->memory ? "memory"
						    : "tree");
	return *ret ? NULL
		    : plait_error_new(PLAIT_ERROR_UNSUPPORTED, "this build cannot write the format '%s'", format);
}

static struct plait_error *render(const struct report_options *values, const struct plait_renderer *renderer,
				  const struct plait_profile *profile)
{
	struct plait_render_options render = {
		.columns = values->columns ? (uint32_t)values->columns : plait_terminal_columns(STDOUT_FILENO),
		.ascii = values->ascii || plait_terminal_is_ascii(),
		.full = values->full,
		.threshold = values->threshold,
		.source_line = plait_source_read_line,
		.source_context = plait_source_cache_create(NULL, LINE_SIZE),
	};
	if (!render.source_context)
		return plait_error_no_memory();
	struct plait_view_options view = plait_view_of(&values->view);
	view.by_thread = values->by_thread;
	view.by_function = values->by_function;
	view.inverted = values->inverted;
	plait_view_choose_event(profile, &view);
	struct plait_error *error = plait_terminal_color(values->color, STDOUT_FILENO, &render.color);
	if (!error) {
		struct plait_pager pager;
		plait_pager_start(&pager,
				  !values->no_pager && (!values->format || strcmp(values->format, "text") == 0));
		error = renderer->write(profile, &view, &render, pager.out);
		struct plait_error *failure = plait_pager_finish(&pager);
		if (error)
			plait_error_free(failure);
		else
			error = failure;
	}
	plait_source_cache_destroy(render.source_context);
	return error;
}

/* --tui: the same as plait view. */
static struct plait_error *show(const struct report_options *values, const char *recording, bool *ret_damaged)
{
	if (values->memory || values->columns || (values->format && strcmp(values->format, "text") != 0))
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE,
					"--tui cannot be combined with --memory, --columns or --format"),
			"leave one of them out");
	struct plait_view_setup setup = {
		.recording = recording,
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

static struct plait_error *report(void *context, int argc, char **argv, int first, bool *ret_damaged)
{
	const struct report_options *values = context;
	const struct plait_renderer *renderer;
	PLAIT_TRY(choose_renderer(values, &renderer));
	if (argc - first > 1)
		return plait_error_new(PLAIT_ERROR_USAGE, "report takes one recording, not %d", argc - first);
	const char *recording = first < argc ? argv[first] : "profile.plait";
	if (values->tui)
		return show(values, recording, ret_damaged);
	struct plait_profile *profile;
	struct plait_error *damage;
	PLAIT_TRY(plait_input_read(recording, values->metric, &profile, &damage));
	struct plait_error *error = render(values, renderer, profile);
	plait_profile_destroy(profile);
	plait_view_tell_damage(damage, "the report shows what came before the damage", ret_damaged);
	return error;
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	struct report_options values = { .threshold = -1 };
	return plait_view_command_run(command, argc, argv, &values, &values.view, report);
}

const struct plait_command plait_command_report = {
	.name = "report",
	.synopsis = "[OPTION...] [FILE]",
	.summary = "show a recording: a call tree, or tables by function or Python line",
	.details = "FILE is profile.plait unless named. json and collapsed are stable formats: docs/formats.md.\n",
	.options = options,
	.run = run,
};
