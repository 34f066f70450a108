/*
 * The BPF sampler: loads the program that copies a thread's stack and walks its Python frames, and tells it which
 * processes run which CPython. Needs CAP_BPF and CAP_PERFMON.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_SAMPLER_H
#define PLAIT_PYTHON_UNWIND_BPF_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "python_unwind/runtime.h"

struct plait_sampler_options {
	uint32_t stack_size; /* most bytes of stack copied a sample; 0: default (512 KiB) */
	bool sole;	     /* of the only event, whose samples tell nothing but a period: those of user mode are
			      * complete without the kernel's record (struct plait_wire_head) */
	bool filter;	     /* sample only processes added with plait_sampler_watch(), and what they start */
	/* Programs for tracepoints and for uprobes. They run for every process that comes by, so they look for watched
	 * ones in any case, but with `everything`. */
	bool tracepoints, probes;
	bool everything;
};

struct plait_sampler;

/* Loads the program. On failure the error explains (no BPF, no BTF, missing capability, verifier). */
struct plait_error *plait_sampler_open(const struct plait_sampler_options *options, struct plait_sampler **ret);
void plait_sampler_close(struct plait_sampler *sampler);

/* For struct plait_source_program. Owned by the sampler. */
int plait_sampler_program_fd(const struct plait_sampler *sampler);
int plait_sampler_tracepoint_fd(const struct plait_sampler *sampler); /* -1: not asked for */
int plait_sampler_probe_fd(const struct plait_sampler *sampler);
int plait_sampler_output_map_fd(const struct plait_sampler *sampler);

/* What the programs have done since open, for watched processes. */
struct plait_sampler_runs {
	uint64_t sampled; /* runs on perf events */
	uint64_t probed;  /* runs on tracepoints and probes */
	uint64_t dropped; /* runs of both that had to give up */
};
struct plait_error *plait_sampler_count(struct plait_sampler *sampler, struct plait_sampler_runs *ret);

/* With `filter`: process `pid` is to be sampled; with `from_exec` (a child of this process) once it has called exec. */
struct plait_error *plait_sampler_watch(struct plait_sampler *sampler, uint32_t pid, bool from_exec);

/* From now on samples of the runtime's process carry Python frames. A forked child inherits until it execs. At most
 * two runtimes a process. */
struct plait_error *plait_sampler_add_runtime(struct plait_sampler *sampler,
					      const struct plait_python_runtime *runtime);

/* The process is gone or runs another program: it has no runtime any more. */
void plait_sampler_forget(struct plait_sampler *sampler, uint32_t pid);

/* The process is gone: another one may get its number. */
void plait_sampler_unwatch(struct plait_sampler *sampler, uint32_t pid);

#endif
