/*
 * Engine agent: the program samples itself by a preloaded library (agent/), and this reads what it wrote. Needs no
 * privilege; covers what is launched, and whatever that starts with its environment.
 */
#ifndef PLAIT_PERF_AGENT_SOURCE_AGENT_H
#define PLAIT_PERF_AGENT_SOURCE_AGENT_H

#include <stddef.h>
#include <stdint.h>

#include "common/agent_wire.h"
#include "common/error.h"
#include "perf/source/source.h"

struct plait_agent_options {
	const char *library; /* path of libplait-agent.so */
	enum plait_agent_timer timer;
	uint64_t interval_ns; /* CPU time between two samples of a thread */
	uint32_t stack_size;  /* most bytes of stack copied a sample; 0: default (512 KiB) */
};

/* Makes the socket that the program's processes come to. On failure the error explains. Ends with
 * plait_source_destroy(), which leaves nothing behind. */
struct plait_error *plait_source_agent_open(const struct plait_agent_options *options, struct plait_source *ret);

/* For these functions `source` is one of plait_source_agent_open(). */

/* What the launched command needs in its environment: "NAME=value" strings, ended by NULL. Owned by the source. */
char *const *plait_source_agent_environment(const struct plait_source *source);

/* From now on samples of process `pid` carry the frames of one more CPython, walked by `plan` (a struct
 * plait_walk_plan). A process that never came is ignored. */
void plait_source_agent_add_plan(struct plait_source *source, uint32_t pid, const void *plan, size_t size);

/* Process `pid` has no CPython any more. */
void plait_source_agent_forget_plans(struct plait_source *source, uint32_t pid);

/* Says in one sentence which processes used CPU time without being sampled; "" when there was none. */
void plait_source_agent_describe_unsampled(const struct plait_source *source, char *text, size_t size);

#endif
