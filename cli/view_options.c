#include "cli/view_options.h"

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

void plait_view_values_release(struct plait_view_values *values)
{
	plait_option_list_release(&values->threads);
	plait_option_list_release(&values->pids);
	plait_option_list_release(&values->filters);
}
