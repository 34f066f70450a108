/*
 * Engine ptrace: looks at the threads again and again, stops one that runs for as short as can be, and captures it. For
 * attaching where perf events are refused.
 */
#ifndef PLAIT_PERF_PTRACE_SOURCE_PTRACE_H
#define PLAIT_PERF_PTRACE_SOURCE_PTRACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/python_reader.h"
#include "perf/source/source.h"

struct plait_ptrace_options {
	const pid_t *pids; /* these, and what they start; borrowed */
	size_t pid_count;
	uint64_t interval_ns; /* CPU time between two samples of a thread */
	double slowdown;      /* of a thread's time it stands still at most this share, 0 to 1 */
	uint32_t stack_size;  /* most bytes of stack copied a sample; 0: default (512 KiB) */
	struct plait_python_reader reader;
};

/* Starts following the processes. On failure the error explains. Ends with plait_source_destroy(). */
struct plait_error *plait_source_ptrace_open(const struct plait_ptrace_options *options, struct plait_source *ret);

/* How it went. */
struct plait_ptrace_statistics {
	uint64_t stops;
	uint64_t stopped_ns; /* summed over threads */
	uint64_t longest_ns; /* stop of all */
	uint64_t cpu_ns;     /* that the samples stand for */
	uint64_t deferred;   /* samples that were put off so as not to slow the thread down */
};

/* `source` is one of plait_source_ptrace_open(). */
struct plait_ptrace_statistics plait_source_ptrace_statistics(const struct plait_source *source);

#endif
