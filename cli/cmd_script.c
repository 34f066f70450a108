/* plait script: one record a sample, for pipes and tests. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/view_options.h"
#include "output/recording/reader.h"
#include "output/render/render.h"

struct script_options {
	struct plait_view_values view;
	const char *format;
};

static const struct plait_option options[] = {
	PLAIT_OPTION_CHOICE(struct script_options, format, "format", 0, "FORMAT", "text json",
			    "text, or json: one object a line (default text)"),
	PLAIT_VIEW_OPTIONS(struct script_options, view),
	PLAIT_OPTION_END,
};

static struct plait_error *write_samples(const struct plait_profile *profile, const struct plait_selection *selection,
					 struct plait_recording_reader *reader, bool json)
{
	struct plait_record record;
	bool more;
	for (;;) {
		PLAIT_TRY(plait_recording_reader_next(reader, &record, &more));
		if (!more)
			break;
		if (record.kind == PLAIT_RECORD_SAMPLE)
			PLAIT_TRY(plait_script_write(profile, selection, &record.sample, json, stdout));
		if (ferror(stdout))
			break;
	}
	if (fflush(stdout) != 0 && errno != EPIPE)
		return plait_error_system(errno, "cannot write the samples");
	return NULL;
}

static struct plait_error *script_of(const char *path, const struct plait_profile *profile,
				     const struct script_options *values, bool json)
{
	struct plait_view_options view = plait_view_of(&values->view);
	view.all_events = !view.event;
	struct plait_selection *selection;
	PLAIT_TRY(plait_selection_create(profile, &view, &selection));
	struct plait_recording_reader *reader = NULL;
	struct plait_error *error = plait_recording_reader_open(path, &reader);
	if (!error)
		error = write_samples(profile, selection, reader, json);
	plait_recording_reader_destroy(reader);
	plait_selection_destroy(selection);
	return error;
}

static struct plait_error *script(void *context, int argc, char **argv, int first, bool *ret_damaged)
{
	const struct script_options *values = context;
	(void)ret_damaged;
	bool json = values->format && strcmp(values->format, "json") == 0;
	if (values->format && !json && strcmp(values->format, "text") != 0)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "there is no format '%s'", values->format),
					  "formats: text, json");
	if (argc - first > 1)
		return plait_error_new(PLAIT_ERROR_USAGE, "script takes one recording, not %d", argc - first);
	const char *path = first < argc ? argv[first] : "profile.plait";
	struct plait_profile *profile;
	struct plait_error *damage;
	PLAIT_TRY(plait_input_read(path, NULL, &profile, &damage));
	struct plait_error *error = script_of(path, profile, values, json);
	plait_profile_destroy(profile);
	plait_error_free(damage); /* reading it again for the samples meets the same damage, and says so */
	return error;
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	struct script_options values = { 0 };
	return plait_view_command_run(command, argc, argv, &values, &values.view, script);
}

const struct plait_command plait_command_script = {
	.name = "script",
	.synopsis = "[OPTION...] [FILE]",
	.summary = "print every sample of a recording: time, thread, event, quality, frames",
	.details = "FILE is profile.plait unless named. The json form is described in docs/formats.md.\n",
	.options = options,
	.run = run,
};
