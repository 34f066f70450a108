/*
 * What the sampler's BPF program and its loader (sampler.c) share besides the wire format: keys, values and counters
 * of the maps. Only fixed-width types.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_SHARED_H
#define PLAIT_PYTHON_UNWIND_BPF_SHARED_H

#include "python_unwind/walk_plan.h"

#define SAMPLER_RUNTIMES_MAX 2 /* a process */

/* Key of map `runtimes`. */
struct sampler_runtime_key {
	plait_u32 tgid;
	plait_u32 slot; /* below SAMPLER_RUNTIMES_MAX */
};

/* Value of map `runtimes`. */
struct sampler_runtime {
	plait_u32 epoch; /* differs from one plait_sampler_add_runtime() to the next: part of struct sampler_code_key */
	plait_u32 more;	 /* 1: the process has another runtime in the next slot */
	struct plait_walk_plan plan;
};

/* Key of map `seen`: a code object of one process image. */
struct sampler_code_key {
	plait_u64 process; /* mix of what identifies the image: pid, start time, number of execs, epoch */
	plait_u64 code;
	plait_u64 fingerprint;
};

/* Value of map `seen`: how often an incomplete copy was sent, or this for a complete one. */
#define SAMPLER_SEEN_WHOLE 255
#define SAMPLER_SEEN_TRIES 3

/* Values of map `watched`. */
enum sampler_watch {
	SAMPLER_WATCH_NOW = 1,
	SAMPLER_WATCH_FROM_EXEC, /* a child of the recorder, from the moment it runs another program */
};

/* Indexes into map `counters`. */
enum sampler_counter {
	SAMPLER_RUNS,	    /* on perf events */
	SAMPLER_PROBE_RUNS, /* on tracepoints and probes */
	SAMPLER_DROPPED,
	SAMPLER_COUNTERS,
};

/* Indexes into map `stages`. */
enum stage {
	STAGE_WALK,  /* a chunk of frames */
	STAGE_NAMES, /* copies of the code objects that were not seen before */
	STAGE_STACK, /* the stack, and the end */
	STAGE_COUNT,
};

#endif
