/*
 * The options that say what a report shows, shared by the commands that show one.
 */
#ifndef PLAIT_CLI_VIEW_OPTIONS_H
#define PLAIT_CLI_VIEW_OPTIONS_H

#include "cli/commands.h"
#include "output/model/selection.h"

struct plait_view_values {
	struct plait_option_list threads, pids, filters;
	const char *event;
	bool no_native, no_python, no_kernel;
};

/* Rows for a command's option array; `type` is its struct, `field` its struct plait_view_values. */
#define PLAIT_VIEW_OPTIONS(type, field)                                                                                \
	PLAIT_OPTION(type, field.event, "event", 'e', PLAIT_OPTION_STRING, "EVENT",                                    \
		     "show this event of the recording (default: the first one)"),                                     \
		PLAIT_OPTION(type, field.threads, "thread", 't', PLAIT_OPTION_LIST, "TID",                             \
			     "show only these threads: numbers or names"),                                             \
		PLAIT_OPTION(type, field.pids, "pid", 'p', PLAIT_OPTION_LIST, "PID", "show only these processes"),     \
		PLAIT_OPTION(type, field.filters, "filter", 'f', PLAIT_OPTION_TEXTS, "PATTERN",                        \
			     "show only stacks with a frame that matches (extended regular expression)"),              \
		PLAIT_OPTION(type, field.no_native, "no-native", 0, PLAIT_OPTION_FLAG, NULL,                           \
			     "leave out native frames"),                                                               \
		PLAIT_OPTION(type, field.no_python, "no-python", 0, PLAIT_OPTION_FLAG, NULL,                           \
			     "leave out Python frames"),                                                               \
		PLAIT_OPTION(type, field.no_kernel, "no-kernel", 0, PLAIT_OPTION_FLAG, NULL,                           \
			     "leave out kernel frames")

/* The view that the values describe; its texts are borrowed from them. */
struct plait_view_options plait_view_of(const struct plait_view_values *values);

/* With a metric and no event asked for, shows the event that the metric is of. */
void plait_view_choose_event(const struct plait_profile *profile, struct plait_view_options *view);

/* The run function of a command that shows a recording: parses into `values` (whose view is at `view`, released at the
 * end), calls `work` with the index of the first word, prints its error. `*ret_damaged` set by it is a failure, too. */
int plait_view_command_run(const struct plait_command *command, int argc, char **argv, void *values,
			   struct plait_view_values *view,
			   struct plait_error *(*work)(void *values, int argc, char **argv, int first,
						       bool *ret_damaged));

/* Tells about damage (NULL: none) behind what was written to stdout; `advice` says what that shows. */
void plait_view_tell_damage(struct plait_error *damage, const char *advice, bool *ret_damaged);

void plait_view_values_release(struct plait_view_values *values);

#endif
