/*
 * Takes the stack of every thread of some processes, once, into a recording.
 */
#ifndef PLAIT_CLI_DUMP_COLLECT_H
#define PLAIT_CLI_DUMP_COLLECT_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/vec.h"
#include "output/render/dump.h"

struct plait_dump_options {
	const int *pids; /* borrowed */
	size_t pid_count;
	bool locals;  /* read local variables, too */
	bool no_stop; /* threads that would have to be stopped are left out */
};

/* What was found out besides the stacks. Zeroed is empty. */
struct plait_dump_list {
	PLAIT_VEC(struct plait_dump_thread) threads;
};

/* Frees; empty afterwards. */
void plait_dump_list_release(struct plait_dump_list *list);

/* Writes the stacks into a recording at `output`. Sleeping threads are read without a stop where that is proven to give
 * a whole stack. Running ones are sampled by perf events and BPF where the host allows it, else stopped for a moment.
 */
struct plait_error *plait_dump_collect(const struct plait_dump_options *options, const char *output,
				       struct plait_dump_list *ret);

#endif
