/* Engine ptrace: threads are stopped for a moment, one at a time, and read from outside. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/record/engine.h"
#include "cli/record/session.h"
#include "perf/ptrace/capture.h"
#include "perf/ptrace/source_ptrace.h"
#include "python_unwind/outside/outside.h"

struct own {
	struct plait_python_outside *outside;
	pid_t launched;
};

static struct plait_error *ptrace_prepare(struct plait_engine_run *run, struct plait_session_options *options)
{
	if (options->system_wide)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_UNSUPPORTED, "engine ptrace cannot record the whole machine"),
			"name processes: plait record -p PID");
	PLAIT_TRY(plait_engine_only_cpu_time("ptrace", options));
	for (size_t i = 0; i < options->pid_count; i++)
		PLAIT_TRY(plait_capture_allowed(options->pids[i], true));
	struct own *own = calloc(1, sizeof(*own));
	run->own = own;
	if (!own)
		return plait_error_no_memory();
	PLAIT_TRY(plait_python_outside_create(&own->outside));
	run->walker = plait_engine_outside_walker(own->outside);
	return NULL;
}

static struct plait_error *ptrace_open(struct plait_engine_run *run)
{
	struct own *own = run->own;
	const struct plait_session_options *options = run->options;
	own->launched = run->launch;
	const struct plait_event_spec *event = &options->events.specs.data[0];
	struct plait_ptrace_options source = {
		.pids = run->launch ? &own->launched : options->pids,
		.pid_count = run->launch ? 1 : options->pid_count,
		.interval_ns = event->frequency ? 1000000000u / event->frequency : event->period,
		.slowdown = options->max_slowdown,
		.stack_size = options->stack_size,
		.reader = plait_python_outside_reader(own->outside),
	};
	return plait_source_ptrace_open(&source, &run->source);
}

static void ptrace_conclude(struct plait_engine_run *run, char *text, size_t size)
{
	struct plait_ptrace_statistics statistics = plait_source_ptrace_statistics(&run->source);
	double time = (double)statistics.cpu_ns + (double)statistics.stopped_ns;
	int length = snprintf(
		text, size,
		"threads were stopped %llu times, %.0f us each (at most %.0f): %.1f %% of their running time",
		(unsigned long long)statistics.stops,
		statistics.stops ? (double)statistics.stopped_ns / 1e3 / (double)statistics.stops : 0,
		(double)statistics.longest_ns / 1e3, time > 0 ? 100 * (double)statistics.stopped_ns / time : 0);
	if (statistics.deferred && length > 0 && (size_t)length < size)
		snprintf(text + length, size - (size_t)length,
			 "; fewer samples than asked for were taken, to stay below --max-slowdown %.3g %%",
			 100 * run->options->max_slowdown);
}

static void ptrace_release(struct plait_engine_run *run)
{
	struct own *own = run->own;
	if (own)
		plait_python_outside_destroy(own->outside);
	free(own);
}

const struct plait_engine plait_engine_ptrace = {
	.name = "ptrace",
	.summary = "a short stop of one thread at a time: exact stacks of CPU time, attaching without perf events",
	.prepare = ptrace_prepare,
	.open = ptrace_open,
	.conclude = ptrace_conclude,
	.release = ptrace_release,
};
