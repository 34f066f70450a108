/*
 * One recording, from opening the engine to the last byte: what `plait record` does between reading its options and
 * printing its summary.
 */
#ifndef PLAIT_CLI_SESSION_H
#define PLAIT_CLI_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/launch.h"
#include "cli/record/engine.h"
#include "cli/record/pipeline.h"
#include "perf/event/event.h"

/* What is to be recorded. Plain data; arrays are borrowed. */
struct plait_session_options {
	const char *output;
	struct plait_event_list events; /* borrowed */
	const char *event_note;		/* why this event was chosen; NULL: the user did, or there is nothing to say */
	bool event_is_default;		/* the user named no event */
	double max_slowdown;		/* engine ptrace: share of a thread's time that it may stand still, 0 to 1 */
	bool fast_timer;		/* engine agent: a timer faster than the tick */
	uint64_t asked_frequency;	/* what the engine could not give; 0: it could */
	const pid_t *pids;
	size_t pid_count;
	bool system_wide;
	char *const *argv; /* the command to launch, NULL-terminated; NULL: attach */
	double duration;   /* s; 0: until the target ends or a signal comes */
	uint32_t stack_size;
	bool quiet; /* no live line */
	bool bundle_sources;
};

/* How a recording went. */
struct plait_session_result {
	struct plait_pipeline_statistics statistics;
	struct plait_launch launch; /* the launched command; its status when it has ended */
	double seconds;
	uint64_t bytes;
	bool interrupted; /* a signal ended it */
	bool written;	  /* there is a recording that can be read */
	bool ran;	  /* the command was started (launch) */
	bool cannot_run;  /* the error is that the command could not be started */
};

/* Records by `run`, which plait_engine_choose() made of `options`, and ends it. The error, if any, is what went wrong;
 * `ret` is set in any case: what was recorded before a failure is kept (ret->written). Notes and the live line go to
 * stderr. */
struct plait_error *plait_session_run(const struct plait_session_options *options, struct plait_engine_run *run,
				      struct plait_session_result *ret);

/* After the recording: waits for a launched command that still runs, passing signals on to it. */
void plait_session_wait_for_command(struct plait_session_result *result);

#endif
