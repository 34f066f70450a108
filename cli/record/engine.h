/*
 * How samples are taken. One file an engine; `auto` takes the first of them that this host allows for what is asked.
 *
 * How to add an engine: a file that defines a struct plait_engine, a row in engine.c, a line in docs/engines.md.
 */
#ifndef PLAIT_CLI_RECORD_ENGINE_H
#define PLAIT_CLI_RECORD_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cli/record/walker.h"
#include "common/error.h"
#include "perf/event/event.h"
#include "perf/source/source.h"

struct plait_session_options;

/* One engine at work. Zeroed is none. */
struct plait_engine_run {
	const struct plait_engine *engine;
	const struct plait_session_options *options;
	char *const *environment;   /* what the launched command needs, ended by NULL; NULL: nothing. The engine's */
	pid_t launch;		    /* the stopped child that will be the command; 0: none */
	struct plait_source source; /* ops NULL: not open yet */
	struct plait_walker walker;
	void *own;		     /* the engine's */
	struct plait_error *refusal; /* why the engine before it in line was not taken (auto); NULL: it was asked for */
};

struct plait_engine {
	const char *name;
	const char *summary; /* one line */
	/* The source tells of every mapping when it is made. If not, mappings are read again when an address is
	 * unknown. */
	bool tells_mappings;
	/* Tries all that it needs of the host: nothing of the user's has been touched yet. Sets run->environment and
	 * run->walker. May change events that were not the user's choice. */
	struct plait_error *(*prepare)(struct plait_engine_run *run, struct plait_session_options *options);
	/* The targets are known (run->launch): before they are looked at. NULL: nothing to do. */
	struct plait_error *(*watch)(struct plait_engine_run *run);
	/* Opens run->source, when prepare has not. NULL: it has. */
	struct plait_error *(*open)(struct plait_engine_run *run);
	/* What the user must know in the end, as a sentence in `text`, or "". NULL: never anything. */
	void (*conclude)(struct plait_engine_run *run, char *text, size_t size);
	void (*release)(struct plait_engine_run *run);
};

extern const struct plait_engine plait_engine_bpf, plait_engine_agent, plait_engine_perf, plait_engine_ptrace;

/* The engine named `name` ("auto" or NULL: the best that works), prepared. PLAIT_ERROR_USAGE for another name.
 * `options` must outlive `ret`. Ends with plait_engine_release(), also after an error. */
struct plait_error *plait_engine_choose(const char *name, struct plait_session_options *options,
					struct plait_engine_run *ret);
void plait_engine_release(struct plait_engine_run *run);

/* For engines that sample CPU time and nothing else: checks that the only event is that. One that the user did not
 * choose becomes it. */
struct plait_error *plait_engine_only_cpu_time(const char *engine, struct plait_session_options *options);

struct plait_python_outside;
/* The walker of engines that read Python frames from outside. */
struct plait_walker plait_engine_outside_walker(struct plait_python_outside *outside);

/* The engines from the best on, ended by NULL. */
const struct plait_engine *const *plait_engines(void);

#endif
