/* plait merge: several recordings into one. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "output/recording/combine.h"

struct merge_options {
	const char *output;
	bool quiet;
};

static const struct plait_option options[] = {
	PLAIT_OPTION(struct merge_options, output, "output", 'o', PLAIT_OPTION_STRING, "FILE",
		     "write to FILE (default merged.plait)"),
	PLAIT_OPTION(struct merge_options, quiet, "quiet", 'q', PLAIT_OPTION_FLAG, NULL, "say nothing but errors"),
	PLAIT_OPTION_END,
};

/* The result may not be one of the inputs. */
static struct plait_error *check_output(const char *output, char **inputs, int count)
{
	struct stat result, input;
	if (stat(output, &result) != 0)
		return NULL;
	for (int i = 0; i < count; i++) {
		if (stat(inputs[i], &input) == 0 && input.st_dev == result.st_dev && input.st_ino == result.st_ino)
			return plait_error_advise(
				plait_error_new(PLAIT_ERROR_USAGE, "%s is to be read and written", inputs[i]),
				"name another file for the result: -o FILE");
	}
	return NULL;
}

static struct plait_error *merge(const struct merge_options *values, int count, char **inputs)
{
	const char *output = values->output ? values->output : "merged.plait";
	if (count < 1)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "no recordings to merge"),
					  "plait merge A.plait B.plait -o C.plait");
	PLAIT_TRY(check_output(output, inputs, count));
	struct plait_combined combined;
	PLAIT_TRY(plait_recordings_combine((const char *const *)inputs, (size_t)count, output, &combined));
	if (combined.damaged)
		plait_say("%u of the recordings %s damaged: what came before the damage was taken", combined.damaged,
			  combined.damaged > 1 ? "are" : "is");
	if (combined.cut)
		plait_say("%u of the recordings %s cut off: names that they lack are looked up by each report",
			  combined.cut, combined.cut > 1 ? "were" : "was");
	if (!values->quiet)
		plait_say("wrote %s (%d recordings, %llu samples, %.1f KB)", output, count,
			  (unsigned long long)combined.samples, (double)combined.size / 1e3);
	return NULL;
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	struct merge_options values = { 0 };
	int first, status;
	if (!plait_command_begin(command, argc, argv, &values, false, &first, &status))
		return status;
	struct plait_error *error = merge(&values, argc - first, argv + first);
	return error ? plait_fail(error) : PLAIT_EXIT_OK;
}

const struct plait_command plait_command_merge = {
	.name = "merge",
	.synopsis = "[OPTION...] FILE...",
	.summary = "put several recordings into one: the ranks of a job, the workers of a pool",
	.details = "Processes stay apart. Times are put side by side by the clocks of the hosts.\n",
	.options = options,
	.run = run,
};
