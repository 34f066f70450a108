#include "cli/record/engine.h"

#include <stdio.h>
#include <string.h>

static const struct plait_engine *const engines[] = { &plait_engine_bpf, &plait_engine_agent, NULL };

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
