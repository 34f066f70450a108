#include "cli/view_options.h"

#include <stdio.h>

struct plait_view_options plait_view_of(const struct plait_view_values *values)
{
	return (struct plait_view_options) {
		.event = values->event,
		.threads = (const char *const *)values->threads.texts.data,
		.thread_count = values->threads.texts.count,
		.pids = (const char *const *)values->pids.texts.data,
		.pid_count = values->pids.texts.count,
		.patterns = (const char *const *)values->filters.texts.data,
		.pattern_count = values->filters.texts.count,
		.no_native = values->no_native,
		.no_python = values->no_python,
		.no_kernel = values->no_kernel,
	};
}

void plait_view_choose_event(const struct plait_profile *profile, struct plait_view_options *view)
{
	const struct plait_metric *metric = &profile->metric;
	if (metric->name && !view->event)
		view->event = profile->events.data[metric->paired ? metric->leader : metric->denominator].record.name;
}

void plait_view_values_release(struct plait_view_values *values)
{
	plait_option_list_release(&values->threads);
	plait_option_list_release(&values->pids);
	plait_option_list_release(&values->filters);
}

int plait_view_command_run(const struct plait_command *command, int argc, char **argv, void *values,
			   struct plait_view_values *view,
			   struct plait_error *(*work)(void *values, int argc, char **argv, int first,
						       bool *ret_damaged))
{
	int first, status = PLAIT_EXIT_OK;
	if (plait_command_begin(command, argc, argv, values, false, &first, &status)) {
		bool damaged = false;
		struct plait_error *error = work(values, argc, argv, first, &damaged);
		status = error ? plait_fail(error) : damaged ? PLAIT_EXIT_FAILURE : PLAIT_EXIT_OK;
	}
	plait_view_values_release(view);
	return status;
}

void plait_view_tell_damage(struct plait_error *damage, const char *advice, bool *ret_damaged)
{
	if (!damage)
		return;
	*ret_damaged = true;
	fflush(stdout);
	plait_fail(plait_error_advise(damage, "%s", advice));
}
