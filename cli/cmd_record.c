/* plait record: options, checks, and what is said at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/pids.h"
#include "cli/record/session.h"
#include "cli/signals.h"
#include "cli/record/summary.h"

enum { PIDS_MAX = 1024 };

struct record_options {
	struct plait_option_list pids, events, groups;
	bool system_wide, quiet, bundle_sources;
	const char *output, *engine, *timer;
	uint64_t frequency, period, stack_size;
	double duration, max_slowdown;
};

static const struct plait_option options[] = {
	PLAIT_OPTION(struct record_options, output, "output", 'o', PLAIT_OPTION_STRING, "FILE",
		     "write the recording to FILE (default profile.plait)"),
	PLAIT_OPTION(struct record_options, pids, "pid", 'p', PLAIT_OPTION_LIST, "PID",
		     "attach to running processes (repeatable, comma-separated)"),
	PLAIT_OPTION(struct record_options, system_wide, "all", 'a', PLAIT_OPTION_FLAG, NULL,
		     "record the whole machine"),
	PLAIT_OPTION(struct record_options, duration, "duration", 'd', PLAIT_OPTION_DURATION, "TIME",
		     "stop after TIME (seconds, or 500ms, 2m, 1h)"),
	PLAIT_OPTION(struct record_options, frequency, "frequency", 'F', PLAIT_OPTION_NUMBER, "HZ",
		     "take HZ samples a second of CPU time (default 999)"),
	PLAIT_OPTION(struct record_options, period, "period", 'c', PLAIT_OPTION_NUMBER, "N",
		     "take a sample every N events (ns for clocks) instead"),
	PLAIT_OPTION(struct record_options, events, "event", 'e', PLAIT_OPTION_TEXTS, "EVENT",
		     "what to sample: cpu-clock, cache-misses, sched:sched_switch, {a,b}:S, ... (plait list)"),
	PLAIT_OPTION(struct record_options, groups, "group", 'M', PLAIT_OPTION_LIST, "NAME",
		     "count together what a ratio needs: ipc, cache, branch, tlb or topdown"),
	PLAIT_OPTION(struct record_options, stack_size, "stack-size", 0, PLAIT_OPTION_SIZE, "BYTES",
		     "copy at most BYTES of stack a sample (default 512K)"),
	PLAIT_OPTION(struct record_options, bundle_sources, "bundle-sources", 0, PLAIT_OPTION_FLAG, NULL,
		     "put the source files into the recording, for plait annotate elsewhere"),
	PLAIT_OPTION_CHOICE(struct record_options, engine, "engine", 0, "NAME", "auto bpf agent perf ptrace",
			    "how samples are taken: auto, bpf, agent, perf or ptrace (default auto)"),
	PLAIT_OPTION(struct record_options, max_slowdown, "max-slowdown", 0, PLAIT_OPTION_PERCENT, "PERCENT",
		     "engine ptrace: stop a thread for at most this share of its time (default 5)"),
	PLAIT_OPTION_CHOICE(struct record_options, timer, "agent-timer", 0, "NAME", "cpu fast",
			    "engine agent: cpu (default), or fast, which may cut sleeping calls short"),
	PLAIT_OPTION(struct record_options, quiet, "quiet", 'q', PLAIT_OPTION_FLAG, NULL,
		     "print nothing but errors and warnings"),
	PLAIT_OPTION_END,
};

static const char details[] = "Records COMMAND and everything it starts until it ends, or attaches with -p or -a. "
			      "Ctrl-C ends the recording of\n"
			      "an attached process, which lives on. The exit status is that of COMMAND.\n\n"
			      "examples:\n"
			      "  plait record -- python3 job.py          record a program from its start\n"
			      "  plait record -p 4242 -d 10              look at a running process for ten seconds\n"
			      "  plait record -e page-faults -c 1 -- python3 job.py\n";

static struct plait_error *usage(const char *message, const char *advice)
{
	return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "%s", message), "%s", advice);
}

static struct plait_error *check_target(const struct record_options *options, bool has_command)
{
	int targets = has_command + (options->pids.texts.count > 0) + options->system_wide;
	if (!targets)
		return usage("nothing to record: name a command, -p PID or -a",
			     "for example: plait record -- python3 job.py");
	if (targets > 1)
		return usage("a command, -p and -a cannot be combined", "choose one of them");
	if (options->frequency && options->period)
		return usage("-F and -c cannot be combined", "-F gives samples a second, -c events a sample");
	if (options->timer && strcmp(options->timer, "cpu") != 0 && strcmp(options->timer, "fast") != 0)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "there is no timer '%s'", options->timer),
					  "--agent-timer: cpu or fast");
	if (options->max_slowdown <= 0)
		return usage("--max-slowdown must be above 0", "5 is the default, 50 takes ten times as many samples");
	if (options->stack_size > UINT32_MAX)
		return usage("--stack-size is too large", "at most 4G; 512K is enough for nearly every program");
	return NULL;
}

static struct plait_error *parse_pids(const struct plait_option_list *list, pid_t *pids)
{
	struct plait_number_list numbers = { 0 };
	if (list->texts.count > PIDS_MAX)
		return plait_error_new(PLAIT_ERROR_USAGE, "-p: more than %d processes", PIDS_MAX);
	struct plait_error *error = plait_pids_parse(list, &numbers);
	for (size_t i = 0; !error && i < numbers.numbers.count; i++)
		pids[i] = numbers.numbers.data[i];
	plait_vec_free(&numbers.numbers);
	return error;
}

static struct plait_error *parse_events(const struct record_options *options, struct plait_session_options *session)
{
	struct plait_event_list *list = &session->events;
	for (size_t i = 0; i < options->groups.texts.count; i++) {
		const char *text;
		PLAIT_TRY(plait_event_predefined(options->groups.texts.data[i], &text));
		PLAIT_TRY(plait_event_list_parse(list, text));
	}
	for (size_t i = 0; i < options->events.texts.count; i++)
		PLAIT_TRY(plait_event_list_parse(list, options->events.texts.data[i]));
	if (!list->specs.count) {
		struct plait_event_spec spec;
		PLAIT_TRY(plait_event_default(&spec, &session->event_note));
		session->event_is_default = true;
		if (!plait_vec_push(&list->specs, spec))
			return plait_error_no_memory();
	}
	for (size_t i = 0; i < list->specs.count; i++)
		plait_event_set_rate(&list->specs.data[i], options->frequency, options->period);
	return NULL;
}

/* " at 999 Hz", " every 10000", " every one". */
static void announce_rate(const struct plait_event_spec *event)
{
	if (event->frequency)
		fprintf(stderr, " at %llu Hz", (unsigned long long)event->frequency);
	else if (event->period == 1)
		fputs(" every one", stderr);
	else
		fprintf(stderr, " every %llu%s", (unsigned long long)event->period,
			event->unit == PLAIT_EVENT_UNIT_NS ? " ns" : "");
}

/* Which engine, and if it is not the best one, why, and what to do about it. */
static void announce_engine(const struct plait_session_options *session, const struct plait_engine_run *run)
{
	if (session->asked_frequency)
		fprintf(stderr, ", the kernel's tick (--agent-timer fast gives %llu Hz)",
			(unsigned long long)session->asked_frequency);
	if (run->refusal)
		fprintf(stderr, "; no %s engine: %s (plait doctor has the remedy)", plait_engines()[0]->name,
			run->refusal->message);
}

/* "plait: bpf engine, {cycles at 999 Hz, instructions}, cpu-clock at 999 Hz (this machine has no PMU)" */
static void announce(const struct plait_session_options *session, const struct plait_engine_run *run)
{
	const struct plait_event_spec *events = session->events.specs.data;
	size_t count = session->events.specs.count;
	fprintf(stderr, "plait: %s engine, ", run->engine->name);
	for (size_t i = 0; i < count; i++) {
		bool grouped = events[i].leader != PLAIT_EVENT_ALONE;
		bool last = grouped && (i + 1 == count || events[i + 1].leader != events[i].leader);
		fprintf(stderr, "%s%s%s", i ? ", " : "", grouped && events[i].leader == i ? "{" : "", events[i].name);
		if (!events[i].counting)
			announce_rate(&events[i]);
		fputs(last ? "}" : "", stderr);
	}
	if (session->event_note && !run->refusal)
		fprintf(stderr, " (%s)", session->event_note);
	announce_engine(session, run);
	fputc('\n', stderr);
}

/* The exit status after a recording that went wrong, or well. Does not return when a command's own end decides. */
static int finish(struct plait_session_options *session, struct plait_session_result *result, struct plait_error *error)
{
	int status = PLAIT_EXIT_OK;
	if (error && result->cannot_run)
		status = error->code == PLAIT_ERROR_NOT_FOUND ? PLAIT_EXIT_NOT_FOUND : PLAIT_EXIT_CANNOT_EXECUTE;
	if (error) {
		int failure = plait_fail(error);
		status = status ? status : failure;
		if (result->written && result->ran)
			plait_say("what was recorded before is in %s", session->output);
	} else if (!session->quiet) {
		plait_print_summary(session->output, result);
	}
	if (session->argv && result->ran && !result->launch.ended) {
		if (!session->quiet)
			plait_say("the recording has ended; waiting for the command");
		plait_session_wait_for_command(result);
	}
	plait_signals_restore();
	plait_event_list_release(&session->events); /* probes must not outlive this process */
	if (session->argv && result->ran && result->launch.ended && !status)
		plait_launch_exit_like(&result->launch);
	return status;
}

static struct plait_error *prepare(struct record_options *options, int argc, char **argv, int first, pid_t *pids,
				   struct plait_session_options *session)
{
	PLAIT_TRY(check_target(options, first < argc));
	PLAIT_TRY(parse_pids(&options->pids, pids));
	*session = (struct plait_session_options) {
		.output = options->output ? options->output : "profile.plait",
		.pids = pids,
		.pid_count = options->pids.texts.count,
		.system_wide = options->system_wide,
		.argv = first < argc ? argv + first : NULL,
		.duration = options->duration,
		.stack_size = (uint32_t)options->stack_size,
		.quiet = options->quiet,
		.bundle_sources = options->bundle_sources,
		.max_slowdown = options->max_slowdown / 100,
		.fast_timer = options->timer && strcmp(options->timer, "fast") == 0,
	};
	return parse_events(options, session);
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	static pid_t pids[PIDS_MAX];
	struct record_options values = { .max_slowdown = 5 };
	struct plait_session_options session = { 0 };
	struct plait_session_result result;
	int first;
	bool help;
	int status;
	struct plait_error *error = plait_options_parse(command, argc, argv, &values, true, &first, &help);
	if (!error && help) {
		plait_options_print_help(command);
		status = PLAIT_EXIT_OK;
	} else if (error || (error = prepare(&values, argc, argv, first, pids, &session))) {
		status = plait_fail(error);
	} else {
		struct plait_engine_run engine = { 0 };
		error = plait_event_list_prepare(&session.events);
		if (!error)
			error = plait_engine_choose(values.engine, &session, &engine);
		if (error) {
			plait_engine_release(&engine);
			status = plait_fail(error);
		} else {
			if (!session.quiet)
				announce(&session, &engine);
			status = finish(&session, &result, plait_session_run(&session, &engine, &result));
		}
	}
	plait_option_list_release(&values.pids);
	plait_option_list_release(&values.events);
	plait_option_list_release(&values.groups);
	plait_event_list_release(&session.events);
	return status;
}

const struct plait_command plait_command_record = {
	.name = "record",
	.synopsis = "[OPTION...] [--] COMMAND [ARGUMENT...]\n       plait record [OPTION...] -p PID | -a",
	.summary = "record what a program does, as one stack of Python and native code",
	.statuses = PLAIT_STATUSES_OF_LAUNCH,
	.details = details,
	.options = options,
	.run = run,
};
