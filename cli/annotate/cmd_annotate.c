/* plait annotate: source lines and instructions with what they cost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/annotate/code.h"
#include "cli/annotate/target.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/terminal.h"
#include "cli/view_options.h"
#include "common/cleanup.h"
#include "output/render/annotate/annotate.h"
#include "output/render/source.h"

enum { LINE_SIZE = 4096 }; /* bytes of a source line: more is cut */

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

/* What showing one target needs. */
struct job {
	const struct annotate_options *values;
	const struct plait_profile *profile;
	struct plait_selection *selection;
	struct plait_source_cache *sources;
	struct plait_annotate_target target;
	struct plait_render_options render;
	struct plait_annotate_options annotate;
	bool json;
};

static bool is_json(const struct annotate_options *values)
{
	return values->format && strcmp(values->format, "json") == 0;
}

/* What is to be said about a source; free(3) it. NULL: nothing, or no memory. */
static char *source_note(struct plait_source_cache *sources, const char *file)
{
	static const char *const sentences[] = {
		[PLAIT_SOURCE_CHANGED] = "%s has changed since it was recorded: the lines may be off.",
		[PLAIT_SOURCE_UNCHECKED] = "The recording does not say what %s looked like then: the lines may be off.",
		[PLAIT_SOURCE_MISSING] = "%s is not here: its lines have no text (plait record --bundle-sources puts "
					 "sources into the recording).",
	};
	char *note = NULL;
	const char *sentence = sentences[plait_source_state(sources, file)];
	if (sentence && file[0] == '<')
		sentence = "%s is not a file: its lines have no text.";
	return sentence && asprintf(&note, sentence, file) >= 0 ? note : NULL;
}

/* The same for the sources of a native function: the first that is not as it should be. */
static char *code_note(struct plait_source_cache *sources, const struct plait_annotate_code *code)
{
	if (!code->has_lines)
		return strdup("No line table was found for this function: assembly only.");
	for (size_t i = 0; i < code->annotation.rows.count; i++) {
		const struct plait_code_row *row = &code->annotation.rows.data[i];
		if (!*row->file || !row->cost.total)
			continue;
		char *note = source_note(sources, row->file);
		if (note)
			return note;
	}
	return NULL;
}

/* Finds the code of the first native function that has some; `ret` stays empty when none has. */
static struct plait_error *find_hottest(struct job *job, const struct plait_source_annotation *annotation,
					struct plait_annotate_code *ret)
{
	for (size_t i = 0; i < annotation->natives.count && i < 3; i++) {
		const struct plait_profile_frame *frame = &job->profile->frames.data[annotation->natives.data[i].frame];
		if (frame->record.kind != PLAIT_FRAME_NATIVE || frame->record.module == PLAIT_NONE || !frame->size)
			continue;
		struct plait_error *error =
			plait_annotate_code_find(job->profile, job->selection, annotation->natives.data[i].frame, ret);
		if (!error)
			return NULL;
		plait_annotate_code_release(ret);
		if (error->code != PLAIT_ERROR_NOT_FOUND)
			return error;
		plait_error_free(error);
	}
	return NULL;
}

static struct plait_error *write_python(struct job *job, FILE *out)
{
	const struct plait_source_query *query = &job->target.query;
	struct plait_source_annotation annotation;
	struct plait_annotate_code hottest = { 0 };
	struct plait_error *error = plait_source_annotate(job->profile, job->selection, query, &annotation);
	if (!error && (query->line || query->function))
		error = find_hottest(job, &annotation, &hottest);
	char *note PLAIT_FREE = source_note(job->sources, query->file);
	job->annotate.note = note;
	if (!error)
		error = (job->json ? plait_annotate_source_write_json : plait_annotate_source_write)(
			job->profile, query, &annotation, hottest.annotation.cost.own ? &hottest.annotation : NULL,
			&job->annotate, out);
	plait_annotate_code_release(&hottest);
	plait_source_annotation_release(&annotation);
	return error;
}

static struct plait_error *write_native(struct job *job, FILE *out)
{
	struct plait_annotate_code code;
	struct plait_error *error = plait_annotate_code_find(job->profile, job->selection, job->target.frame, &code);
	if (!error) {
		char *note PLAIT_FREE = code_note(job->sources, &code);
		job->annotate.note = note;
		error = (job->json ? plait_annotate_code_write_json
				   : plait_annotate_code_write)(job->profile, &code.annotation, &job->annotate, out);
	}
	plait_annotate_code_release(&code);
	return error;
}

static struct plait_error *write_annotation(struct job *job)
{
	struct plait_pager pager;
	PLAIT_TRY(plait_terminal_color(job->values->color, STDOUT_FILENO, &job->render.color));
	plait_pager_start(&pager, !job->values->no_pager && !job->json);
	struct plait_error *error = (job->target.is_python ? write_python : write_native)(job, pager.out);
	struct plait_error *failure = plait_pager_finish(&pager);
	if (!error)
		return failure;
	plait_error_free(failure);
	return error;
}

static struct plait_error *annotate_profile(const struct annotate_options *values, const struct plait_profile *profile,
					    const char *path, const char *text)
{
	struct job job = { .values = values, .profile = profile, .json = is_json(values) };
	struct plait_view_options view = plait_view_of(&values->view);
	struct plait_error *error = plait_selection_create(profile, &view, &job.selection);
	if (error)
		return error;
	job.annotate = (struct plait_annotate_options) {
		.render = &job.render,
		.event = plait_selection_event(job.selection),
		.recording = path,
	};
	job.render = (struct plait_render_options) {
		.columns = values->columns ? (uint32_t)values->columns : plait_terminal_columns(STDOUT_FILENO),
		.ascii = values->ascii || plait_terminal_is_ascii(),
		.full = values->full,
		.source_line = plait_source_read_line,
		.source_context = job.sources = plait_source_cache_create(profile, LINE_SIZE),
	};
	if (!job.sources)
		error = plait_error_no_memory();
	else if (job.annotate.event == PLAIT_NONE)
		error = plait_error_new(PLAIT_ERROR_NOT_FOUND, "%s has no samples", path);
	if (!error)
		error = plait_annotate_target_find(profile, text, &job.target);
	if (!error)
		error = write_annotation(&job);
	plait_annotate_target_release(&job.target);
	plait_source_cache_destroy(job.sources);
	plait_selection_destroy(job.selection);
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
