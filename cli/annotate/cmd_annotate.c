/* plait annotate: source lines and instructions with what they cost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/annotate/show.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/terminal.h"
#include "cli/view_options.h"

struct annotate_options {
	struct plait_view_values view;
	const char *format, *color;
	bool full, ascii, no_pager;
	uint64_t columns;
};

static const struct plait_option options[] = {
	PLAIT_OPTION_CHOICE(struct annotate_options, format, "format", 0, "FORMAT", "text json",
			    "text or json (default text)"),
	PLAIT_OPTION(struct annotate_options, full, "full", 0, PLAIT_OPTION_FLAG, NULL,
		     "fold nothing: every line, every instruction"),
	PLAIT_OPTION(struct annotate_options, view.event, "event", 'e', PLAIT_OPTION_STRING, "EVENT",
		     "show this event of the recording (default: the first one)"),
	PLAIT_OPTION(struct annotate_options, view.threads, "thread", 't', PLAIT_OPTION_LIST, "TID",
		     "count only these threads: numbers or names"),
	PLAIT_OPTION(struct annotate_options, view.pids, "pid", 'p', PLAIT_OPTION_LIST, "PID",
		     "count only these processes"),
	PLAIT_OPTION(struct annotate_options, view.filters, "filter", 'f', PLAIT_OPTION_TEXTS, "PATTERN",
		     "count only stacks with a frame that matches (extended regular expression)"),
	PLAIT_OPTION(struct annotate_options, columns, "columns", 0, PLAIT_OPTION_NUMBER, "N",
		     "fit lines into N columns (default: the terminal's)"),
	PLAIT_OPTION_CHOICE(struct annotate_options, color, "color", 0, "WHEN", "auto always never",
			    "auto, always or never"),
	PLAIT_OPTION(struct annotate_options, ascii, "ascii", 0, PLAIT_OPTION_FLAG, NULL,
		     "draw with ASCII characters only"),
	PLAIT_OPTION(struct annotate_options, no_pager, "no-pager", 0, PLAIT_OPTION_FLAG, NULL,
		     "do not page on a terminal"),
	PLAIT_OPTION_END,
};

static bool is_json(const struct annotate_options *values)
{
	return values->format && strcmp(values->format, "json") == 0;
}

/* Prints what `show` says, on a terminal through the pager. */
static struct plait_error *print(const struct annotate_options *values, const struct plait_annotate_show *show,
				 struct plait_render_options *render)
{
	struct plait_pager pager;
	PLAIT_TRY(plait_terminal_color(values->color, STDOUT_FILENO, &render->color));
	plait_pager_start(&pager, !values->no_pager && !show->json);
	struct plait_error *error = plait_annotate_show(show, pager.out);
	struct plait_error *failure = plait_pager_finish(&pager);
	if (!error)
		return failure;
	plait_error_free(failure);
	return error;
}

static struct plait_error *annotate_profile(const struct annotate_options *values, const struct plait_profile *profile,
					    const char *path, const char *text)
{
	struct plait_view_options view = plait_view_of(&values->view);
	struct plait_selection *selection;
	PLAIT_TRY(plait_selection_create(profile, &view, &selection));
	struct plait_source_cache *sources = plait_source_cache_create(profile, PLAIT_ANNOTATE_LINE_SIZE);
	struct plait_render_options render = {
		.columns = values->columns ? (uint32_t)values->columns : plait_terminal_columns(STDOUT_FILENO),
		.ascii = values->ascii || plait_terminal_is_ascii(),
		.full = values->full,
		.source_line = plait_source_read_line,
		.source_context = sources,
	};
	struct plait_annotate_target target = { 0 };
	struct plait_annotate_show show = { .profile = profile,
					    .selection = selection,
					    .sources = sources,
					    .render = &render,
					    .recording = path,
					    .target = &target,
					    .json = is_json(values) };
	struct plait_error *error = NULL;
	if (!sources)
		error = plait_error_no_memory();
	else if (plait_selection_event(selection) == PLAIT_NONE)
		error = plait_error_new(PLAIT_ERROR_NOT_FOUND, "%s has no samples", path);
	if (!error)
		error = plait_annotate_target_find(profile, text, &target);
	if (!error)
		error = print(values, &show, &render);
	plait_annotate_target_release(&target);
	plait_source_cache_destroy(sources);
	plait_selection_destroy(selection);
	return error;
}

static struct plait_error *annotate(void *context, int argc, char **argv, int first, bool *ret_damaged)
{
	const struct annotate_options *values = context;
	if (values->format && !is_json(values) && strcmp(values->format, "text") != 0)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "there is no format '%s'", values->format),
					  "formats: text, json");
	if (argc - first != 2)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE, "annotate takes a recording and what to annotate"),
			"for example: plait annotate profile.plait train.py:41, or ... profile.plait memcpy");
	struct plait_profile *profile;
	struct plait_error *damage;
	PLAIT_TRY(plait_input_read(argv[first], NULL, &profile, &damage));
	struct plait_error *error = annotate_profile(values, profile, argv[first], argv[first + 1]);
	plait_profile_destroy(profile);
	plait_view_tell_damage(damage, "the costs are those of what came before the damage", ret_damaged);
	return error;
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	struct annotate_options values = { 0 };
	return plait_view_command_run(command, argc, argv, &values, &values.view, annotate);
}

const struct plait_command plait_command_annotate = {
	.name = "annotate",
	.synopsis = "[OPTION...] FILE TARGET",
	.summary = "show what each source line or instruction costs",
	.details = "TARGET is what was sampled of\n"
		   "  file.py, file.py:LINE, file.py:function   Python: lines, and the native functions below them\n"
		   "  symbol, symbol@library, 0xADDRESS@library  a native function: its instructions and source\n"
		   "docs/annotate.md explains the columns and the json form.\n",
	.options = options,
	.run = run,
};
