/* Engine agent: the launched program samples itself, by a preloaded library. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/record/engine.h"
#include "cli/record/session.h"
#include "perf/agent/source_agent.h"

static struct plait_error *add_runtime(void *context, const struct plait_python_runtime *runtime)
{
	struct plait_engine_run *run = context;
	struct plait_walk_plan plan;
	plait_python_runtime_plan(runtime, &plan);
	plait_source_agent_add_plan(&run->source, runtime->pid, &plan, sizeof(plan));
	return NULL;
}

static void forget(void *context, uint32_t pid)
{
	struct plait_engine_run *run = context;
	plait_source_agent_forget_plans(&run->source, pid);
}

static void unwatch(void *context, uint32_t pid)
{
	(void)context; /* the source itself says when a process has ended */
	(void)pid;
}

/* The library: beside plait in a build folder, or where it is installed. */
static struct plait_error *find_library(char *ret, size_t size)
{
	static const char *const places[] = { "libplait-agent.so", "../" PLAIT_LIBDIR "/plait/libplait-agent.so" };
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length > 0) {
		self[length] = '\0';
		*(strrchr(self, '/') + 1) = '\0';
	}
	for (size_t i = 0; length > 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(ret, size, "%s%s", self, places[i]);
		if (access(ret, R_OK) == 0)
			return NULL;
	}
	return plait_error_advise(
		plait_error_new(PLAIT_ERROR_NOT_FOUND,
				"cannot find libplait-agent.so, the library that engine agent preloads"),
		"it belongs beside plait, or into %s/plait of the same prefix", PLAIT_LIBDIR);
}

static struct plait_error *check_target(const struct plait_session_options *options)
{
	if (options->argv)
		return NULL;
	return plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED,
						  "engine agent cannot attach: it samples programs that plait starts"),
				  "plait record --engine agent -- COMMAND; plait doctor says what attaching needs");
}

/* ns between two ticks of the kernel, in which CPU timers are looked at. */
static uint64_t tick_ns(void)
{
	struct timespec resolution = { .tv_nsec = 4000000 };
	clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
	return (uint64_t)resolution.tv_nsec;
}

/* What the recording says of the rate is what can be had: not more than the tick. */
static uint64_t settle_rate(struct plait_session_options *options)
{
	struct plait_event_spec *event = &options->events.specs.data[0];
	uint64_t interval = event->frequency ? 1000000000u / event->frequency : event->period;
	if (interval < 1)
		interval = 1;
	if (options->fast_timer || interval >= tick_ns())
		return interval;
	options->asked_frequency = event->frequency ? event->frequency : 1000000000u / interval;
	event->frequency = 1000000000u / tick_ns();
	event->period = 0;
	return tick_ns();
}

static struct plait_error *agent_prepare(struct plait_engine_run *run, struct plait_session_options *options)
{
	char library[PATH_MAX + 64];
	PLAIT_TRY(check_target(options));
	PLAIT_TRY(plait_engine_only_cpu_time("agent", options));
	PLAIT_TRY(find_library(library, sizeof(library)));
	struct plait_agent_options agent = {
		.library = library,
		.timer = options->fast_timer ? PLAIT_AGENT_TIMER_FAST : PLAIT_AGENT_TIMER_CPU,
		.interval_ns = settle_rate(options),
		.stack_size = options->stack_size,
	};
	PLAIT_TRY(plait_source_agent_open(&agent, &run->source));
	run->environment = plait_source_agent_environment(&run->source);
	run->walker = (struct plait_walker) {
		.add_runtime = add_runtime, .forget = forget, .unwatch = unwatch, .inside = true, .context = run
	};
	return NULL;
}

static void agent_conclude(struct plait_engine_run *run, char *text, size_t size)
{
	plait_source_agent_describe_unsampled(&run->source, text, size);
}

static void agent_release(struct plait_engine_run *run)
{
	(void)run; /* all it has is the source */
}

const struct plait_engine plait_engine_agent = {
	.name = "agent",
	.summary = "a library inside of the launched program: exact stacks of CPU time, without any privilege",
	.prepare = agent_prepare,
	.conclude = agent_conclude,
	.release = agent_release,
};
