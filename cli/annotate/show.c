#include "cli/annotate/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/annotate/code.h"
#include "common/cleanup.h"

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
static struct plait_error *find_hottest(const struct plait_annotate_show *show,
					const struct plait_source_annotation *annotation,
					struct plait_annotate_code *ret)
{
	for (size_t i = 0; i < annotation->natives.count && i < 3; i++) {
		const struct plait_profile_frame *frame =
			&show->profile->frames.data[annotation->natives.data[i].frame];
		if (frame->record.kind != PLAIT_FRAME_NATIVE || frame->record.module == PLAIT_NONE || !frame->size)
			continue;
		struct plait_error *error = plait_annotate_code_find(show->profile, show->selection,
								     annotation->natives.data[i].frame, ret);
		if (!error)
			return NULL;
		plait_annotate_code_release(ret);
		if (error->code != PLAIT_ERROR_NOT_FOUND)
			return error;
		plait_error_free(error);
	}
	return NULL;
}

static struct plait_annotate_options options_of(const struct plait_annotate_show *show, const char *note)
{
	return (struct plait_annotate_options) { .render = show->render,
						 .event = plait_selection_event(show->selection),
						 .note = note,
						 .mark = show->mark,
						 .recording = show->recording };
}

static struct plait_error *write_python(const struct plait_annotate_show *show, FILE *out)
{
	const struct plait_source_query *query = &show->target->query;
	struct plait_source_annotation annotation;
	struct plait_annotate_code hottest = { 0 };
	struct plait_error *error = plait_source_annotate(show->profile, show->selection, query, &annotation);
	if (!error && (query->line || query->function))
		error = find_hottest(show, &annotation, &hottest);
	char *note PLAIT_FREE = source_note(show->sources, query->file);
	struct plait_annotate_options options = options_of(show, note);
	if (!error)
		error = (show->json ? plait_annotate_source_write_json : plait_annotate_source_write)(
			show->profile, query, &annotation, hottest.annotation.cost.own ? &hottest.annotation : NULL,
			&options, out);
	plait_annotate_code_release(&hottest);
	plait_source_annotation_release(&annotation);
	return error;
}

static struct plait_error *write_native(const struct plait_annotate_show *show, FILE *out)
{
	struct plait_annotate_code code;
	struct plait_error *error =
		plait_annotate_code_find(show->profile, show->selection, show->target->frame, &code);
	if (!error) {
		char *note PLAIT_FREE = code_note(show->sources, &code);
		struct plait_annotate_options options = options_of(show, note);
		error = (show->json ? plait_annotate_code_write_json
				    : plait_annotate_code_write)(show->profile, &code.annotation, &options, out);
	}
	plait_annotate_code_release(&code);
	return error;
}

struct plait_error *plait_annotate_show(const struct plait_annotate_show *show, FILE *out)
{
	return (show->target->is_python ? write_python : write_native)(show, out);
}
