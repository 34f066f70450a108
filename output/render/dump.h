/*
 * `plait dump`: the stack of each thread of some processes, once.
 */
#ifndef PLAIT_OUTPUT_RENDER_DUMP_H
#define PLAIT_OUTPUT_RENDER_DUMP_H

#include "output/render/render.h"

enum plait_dump_how {
	PLAIT_DUMP_NOT,	    /* no stack could be taken: `reason` */
	PLAIT_DUMP_SLEPT,   /* read while it provably slept */
	PLAIT_DUMP_STOPPED, /* stopped for `stopped_ns` */
	PLAIT_DUMP_SAMPLED, /* by a perf event, while it ran */
};

/* A local variable of a Python frame. */
struct plait_dump_local {
	uint32_t frame;	    /* which of the thread's Python frames, innermost 0 */
	char *name, *value; /* owned by whoever owns the list */
};

/* One thread; its stack is its last sample in the profile. */
struct plait_dump_thread {
	uint32_t pid, tid;
	char state;    /* as in /proc/PID/stat; 0: it has ended */
	bool attached; /* it holds the GIL, or in a free-threaded build may run Python code */
	enum plait_dump_how how;
	uint64_t stopped_ns;
	const char *reason;		       /* static */
	const struct plait_dump_local *locals; /* by frame */
	size_t local_count;
};

struct plait_dump {
	const struct plait_dump_thread *threads; /* those of a process follow each other */
	size_t count;
	bool full; /* show the frames that only pass calls on inside CPython, too */
};

struct plait_error *plait_dump_write_text(const struct plait_profile *profile, const struct plait_dump *dump,
					  const struct plait_render_options *options, FILE *out);
struct plait_error *plait_dump_write_json(const struct plait_profile *profile, const struct plait_dump *dump,
					  FILE *out);

#endif
