#include "cli/record/engine.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

#include "cli/record/session.h"
#include "python_unwind/outside/outside.h"

static const struct plait_engine *const engines[] = { &plait_engine_bpf, &plait_engine_agent, &plait_engine_ptrace,
						      &plait_engine_perf, NULL };

const struct plait_engine *const *plait_engines(void)
{
	return engines;
}

static struct plait_error *prepare(const struct plait_engine *engine, struct plait_session_options *options,
				   struct plait_engine_run *run)
{
	run->engine = engine;
	run->options = options;
	return engine->prepare(run, options);
}

static void release_engine(struct plait_engine_run *run)
{
	plait_source_destroy(&run->source);
	if (run->engine)
		run->engine->release(run);
	*run = (struct plait_engine_run) { .refusal = run->refusal };
}

/* The error of the best one is what the user is told when none works: it has the advice that gives most. */
static struct plait_error *choose_best(struct plait_session_options *options, struct plait_engine_run *run)
{
	for (const struct plait_engine *const *engine = engines; *engine; engine++) {
		struct plait_error *error = prepare(*engine, options, run);
		if (!error)
			return NULL;
		release_engine(run);
		if (run->refusal)
			plait_error_free(error);
		else
			run->refusal = error;
	}
	struct plait_error *error = run->refusal;
	run->refusal = NULL;
	return error;
}

static struct plait_error *no_such_engine(const char *name)
{
	char names[200] = "auto";
	for (const struct plait_engine *const *engine = engines; *engine; engine++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), ", %s", (*engine)->name);
	return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "there is no engine '%s'", name), "engines: %s",
				  names);
}

struct plait_error *plait_engine_choose(const char *name, struct plait_session_options *options,
					struct plait_engine_run *ret)
{
	*ret = (struct plait_engine_run) { 0 };
	if (!name || strcmp(name, "auto") == 0)
		return choose_best(options, ret);
	for (const struct plait_engine *const *engine = engines; *engine; engine++) {
		if (strcmp(name, (*engine)->name) == 0)
			return prepare(*engine, options, ret);
	}
	return no_such_engine(name);
}

void plait_engine_release(struct plait_engine_run *run)
{
	release_engine(run);
	plait_error_free(run->refusal);
	run->refusal = NULL;
}

static bool is_cpu_time(const struct plait_event_spec *event)
{
	return event->type == PERF_TYPE_SOFTWARE &&
	       (event->config == PERF_COUNT_SW_CPU_CLOCK || event->config == PERF_COUNT_SW_TASK_CLOCK) &&
	       !event->exclude_user && !event->exclude_kernel;
}

struct plait_error *plait_engine_only_cpu_time(const char *engine, struct plait_session_options *options)
{
	struct plait_event_list *events = &options->events;
	if (options->event_is_default && !is_cpu_time(&events->specs.data[0])) {
		struct plait_event_spec clock;
		uint64_t frequency = events->specs.data[0].frequency, period = events->specs.data[0].period;
		PLAIT_TRY(plait_event_parse("cpu-clock", &clock));
		plait_event_set_rate(&clock, frequency, frequency ? 0 : period);
		events->specs.data[0] = clock;
	}
	if (events->specs.count == 1 && is_cpu_time(&events->specs.data[0]))
		return NULL;
	return plait_error_advise(
		plait_error_new(PLAIT_ERROR_UNSUPPORTED, "engine %s samples CPU time only: -e cpu-clock", engine),
		"other events need perf_event_open: plait doctor says what this host allows");
}

static struct plait_error *outside_add(void *context, const struct plait_python_runtime *runtime)
{
	return plait_python_outside_add(context, runtime);
}

static void outside_forget(void *context, uint32_t pid)
{
	plait_python_outside_forget(context, pid);
}

static void outside_unwatch(void *context, uint32_t pid)
{
	(void)context; /* forgotten already */
	(void)pid;
}

struct plait_walker plait_engine_outside_walker(struct plait_python_outside *outside)
{
	return (struct plait_walker) {
		.add_runtime = outside_add, .forget = outside_forget, .unwatch = outside_unwatch, .context = outside
	};
}
