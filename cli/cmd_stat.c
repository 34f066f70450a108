/* plait stat: the counts of a whole run. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/launch.h"
#include "cli/pids.h"
#include "cli/signals.h"
#include "cli/stat_report.h"
#include "common/cleanup.h"

struct stat_options {
	struct plait_option_list pids, events, groups;
	bool system_wide, json;
	const char *output;
	uint64_t repeat;
	double duration;
};

static const struct plait_option options[] = {
	PLAIT_OPTION(struct stat_options, events, "event", 'e', PLAIT_OPTION_TEXTS, "EVENT",
		     "what to count (default: what perf stat counts); see plait list"),
	PLAIT_OPTION(struct stat_options, groups, "group", 'M', PLAIT_OPTION_LIST, "NAME",
		     "count together what a ratio needs: ipc, cache, branch, tlb or topdown"),
	PLAIT_OPTION(struct stat_options, pids, "pid", 'p', PLAIT_OPTION_LIST, "PID",
		     "count in running processes (repeatable, comma-separated)"),
	PLAIT_OPTION(struct stat_options, system_wide, "all", 'a', PLAIT_OPTION_FLAG, NULL, "count the whole machine"),
	PLAIT_OPTION(struct stat_options, duration, "duration", 'd', PLAIT_OPTION_DURATION, "TIME",
		     "stop after TIME (seconds, or 500ms, 2m, 1h)"),
	PLAIT_OPTION(struct stat_options, repeat, "repeat", 'r', PLAIT_OPTION_NUMBER, "N",
		     "run the command N times: mean and spread"),
	PLAIT_OPTION(struct stat_options, json, "json", 0, PLAIT_OPTION_FLAG, NULL, "write JSON"),
	PLAIT_OPTION(struct stat_options, output, "output", 'o', PLAIT_OPTION_STRING, "FILE",
		     "write to FILE instead of standard error"),
	PLAIT_OPTION_END,
};

static const char defaults[] = "task-clock,context-switches,cpu-migrations,page-faults,cycles,instructions,branches,"
			       "branch-misses";

static struct plait_error *parse_events(const struct stat_options *values, struct plait_event_list *list)
{
	for (size_t i = 0; i < values->groups.texts.count; i++) {
		const char *text;
		PLAIT_TRY(plait_event_predefined(values->groups.texts.data[i], &text));
		PLAIT_TRY(plait_event_list_parse(list, text));
	}
	for (size_t i = 0; i < values->events.texts.count; i++)
		PLAIT_TRY(plait_event_list_parse(list, values->events.texts.data[i]));
	if (!list->specs.count)
		PLAIT_TRY(plait_event_list_parse(list, defaults));
	return plait_event_list_prepare(list);
}

static struct plait_error *check(const struct stat_options *values, bool has_command)
{
	int targets = has_command + (values->pids.texts.count > 0) + values->system_wide;
	if (!targets)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE, "nothing to count: name a command, -p PID or -a"),
			"for example: plait stat -- python3 job.py");
	if (targets > 1)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "a command, -p and -a cannot be combined"),
					  "choose one of them");
	if (values->repeat > 1 && !has_command)
		return plait_error_new(PLAIT_ERROR_USAGE, "-r runs a command again: -p and -a have none");
	return NULL;
}

static double seconds_now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* One run of the command, from its exec to its end. */
static struct plait_error *run_command(const struct plait_event_list *events, char **argv, struct plait_stat *stat,
				       struct plait_launch *launch, bool *ret_started)
{
	struct plait_counters *counters PLAIT_CLEANUP(plait_counters_cleanup) = NULL;
	struct rusage before, after;
	*ret_started = false;
	PLAIT_TRY(plait_launch_start(argv, NULL, launch));
	*ret_started = true;
	PLAIT_TRY(plait_counters_open(events, &(struct plait_counter_target) { .launch = launch->pid }, &counters));
	getrusage(RUSAGE_CHILDREN, &before);
	plait_signals_pass_to(launch->pid);
	double begin = seconds_now();
	*ret_started = false;
	PLAIT_TRY(plait_launch_go(launch, argv[0]));
	*ret_started = true;
	while (!plait_launch_reap(launch, true) && errno == EINTR && !plait_signals_stop_requested())
		;
	double elapsed = seconds_now() - begin;
	getrusage(RUSAGE_CHILDREN, &after);
	return plait_stat_add(stat, counters, elapsed, seconds_of(after.ru_utime) - seconds_of(before.ru_utime),
			      seconds_of(after.ru_stime) - seconds_of(before.ru_stime));
}

static void wait_for_end(double duration, const pid_t *pids, size_t pid_count)
{
	double end = seconds_now() + duration;
	while (!plait_signals_stop_requested() && (duration <= 0 || seconds_now() < end)) {
		bool live = pid_count == 0;
		for (size_t i = 0; i < pid_count && !live; i++)
			live = plait_pid_lives(pids[i]);
		if (!live)
			return;
		double left = duration > 0 ? end - seconds_now() : 1;
		usleep(left > 0.05 ? 50000 : left > 0 ? (useconds_t)(left * 1e6) : 0);
	}
}

static struct plait_error *watch(const struct stat_options *values, const struct plait_event_list *events,
				 struct plait_stat *stat)
{
	struct plait_counters *counters PLAIT_CLEANUP(plait_counters_cleanup) = NULL;
	PLAIT_VEC(pid_t) pids = { 0 };
	struct plait_number_list threads = { 0 };
	struct plait_error *error = plait_pids_parse(&values->pids, &threads);
	for (size_t i = 0; !error && i < threads.numbers.count; i++)
		if (!plait_vec_push(&pids, threads.numbers.data[i]))
			error = plait_error_no_memory();
	size_t processes = pids.count;
	threads.numbers.count = 0;
	for (size_t i = 0; !error && i < processes; i++)
		error = plait_threads_of(pids.data[i], &threads);
	struct plait_counter_target target = { .pids = threads.numbers.data,
					       .pid_count = threads.numbers.count,
					       .system_wide = values->system_wide };
	if (!error)
		error = plait_counters_open(events, &target, &counters);
	if (!error) {
		double begin = seconds_now();
		wait_for_end(values->duration, pids.data, processes);
		error = plait_stat_add(stat, counters, seconds_now() - begin, -1, -1);
	}
	plait_vec_free(&pids);
	plait_vec_free(&threads.numbers);
	return error;
}

static struct plait_error *write_report(const struct stat_options *values, const struct plait_stat *stat)
{
	FILE *out = stderr;
	if (values->output && !(out = fopen(values->output, "we")))
		return plait_error_system(errno, "cannot write %s", values->output);
	if (values->json)
		plait_stat_write_json(stat, out);
	else
		plait_stat_write_text(stat, out);
	bool failed = ferror(out) != 0;
	if (out != stderr)
		failed |= fclose(out) != 0;
	return failed ? plait_error_system(EIO, "cannot write %s", values->output ? values->output : "the counts")
		      : NULL;
}

static struct plait_error *count(struct stat_options *values, char **argv, struct plait_launch *launch,
				 bool *ret_cannot_run)
{
	struct plait_event_list events = { 0 };
	struct plait_stat stat = { .argv = argv, .pids = &values->pids, .events = &events };
	struct plait_error *error = check(values, argv != NULL);
	if (!error)
		error = parse_events(values, &events);
	plait_signals_install();
	uint64_t runs = argv ? (values->repeat ? values->repeat : 1) : 0;
	for (uint64_t i = 0; !error && i < runs && !plait_signals_stop_requested(); i++) {
		bool started;
		error = run_command(&events, argv, &stat, launch, &started);
		*ret_cannot_run = error && !started;
		if (error)
			plait_launch_release(launch);
	}
	if (!error && !argv)
		error = watch(values, &events, &stat);
	plait_signals_restore();
	if (!error)
		error = write_report(values, &stat);
	plait_stat_release(&stat);
	plait_event_list_release(&events);
	return error;
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	struct stat_options values = { 0 };
	struct plait_launch launch = { .go_fd = -1, .status_fd = -1 };
	int first, status = PLAIT_EXIT_OK;
	bool help, cannot_run = false;
	struct plait_error *error = plait_options_parse(command, argc, argv, &values, true, &first, &help);
	if (!error && help) {
		plait_options_print_help(command);
	} else if (error || (error = count(&values, first < argc ? argv + first : NULL, &launch, &cannot_run))) {
		enum plait_error_code code = error->code;
		status = plait_fail(error);
		if (cannot_run)
			status = code == PLAIT_ERROR_NOT_FOUND ? PLAIT_EXIT_NOT_FOUND : PLAIT_EXIT_CANNOT_EXECUTE;
	}
	plait_option_list_release(&values.pids);
	plait_option_list_release(&values.events);
	plait_option_list_release(&values.groups);
	if (!status && launch.ended)
		plait_launch_exit_like(&launch);
	return status;
}

const struct plait_command plait_command_stat = {
	.name = "stat",
	.synopsis = "[OPTION...] [--] COMMAND [ARGUMENT...]\n       plait stat [OPTION...] -p PID | -a",
	.summary = "count events over a whole run, for choosing what to record",
	.details =
		"Counts in COMMAND and everything it starts. The exit status is that of COMMAND (of the last run).\n",
	.statuses = PLAIT_STATUSES_OF_LAUNCH,
	.options = options,
	.run = run,
};
