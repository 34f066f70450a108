/*
 * The BPF program's working memory and maps.
 *
 * A BPF program has 512 bytes of stack and the tail-called stages share nothing else, so everything lies in one map
 * value a CPU. It is safe there: programs on perf events and tracepoints do not nest (bpf_prog_active) and are not
 * preempted. Those on probes may be both (since Linux 6.0, commit 8c7dcb84e3b7): they have values of their own, and see
 * by `busy` when they share one. A plain array indexed by CPU, as values of a per-CPU map end at 32 KiB.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_SCRATCH_H
#define PLAIT_PYTHON_UNWIND_BPF_SCRATCH_H

#include "common/stack_extent.h"
#include "python_unwind/bpf/arch.h"
#include "python_unwind/bpf/kernel.h"
#include "python_unwind/bpf/shared.h"
#include "python_unwind/walk_state.h"

#define FRAMES_MAX 512	  /* a chunk: frames walked by one stage; a power of two */
#define WALKED_AT_ONCE 8  /* of these, how many by one call of a loop's body */
#define FRAMES_BOUNDED 96 /* the same in a bounded loop: as many as the verifier of 5.10 follows to the end */
#define STACK_CHUNK 32640 /* bytes of stack sent at once: with the frames in one record, whose size has 16 bits */
#define STACK_LENGTH_MASK 0x7fff /* >= STACK_CHUNK */
#define STACK_OFFSET_MASK 0x7fff /* >= where the stack begins in struct run_record */
#define STACK_BUFFER 65536	 /* offset and length within their masks */
#define CACHE_SLOTS 256

/* What ends a run. A full chunk of frames goes out alone, and so does stack: that lies behind the frames that are there
 * (stack_record()). */
struct run_record {
	struct plait_wire_header header;
	struct plait_wire_head head;
	struct plait_wire_header registers_header;
	plait_u64 registers[ARCH_REGISTERS];
	struct plait_wire_header frames_header;
	struct plait_wire_frame frames[FRAMES_MAX + 1]; /* one more: the verifier's view of the mask */
	plait_u8 stack[STACK_BUFFER];
};

/* In front of the bytes. */
struct stack_record {
	struct plait_wire_header header;
	struct plait_wire_stack body;
};

struct code_record {
	struct plait_wire_header header;
	struct plait_wire_code body;
	plait_u8 slack[PLAIT_WIRE_TABLE_MAX]; /* the verifier's view of the mask */
};

/* Small things first: an offset beyond 32 KiB takes an instruction of its own, or several. */
struct scratch {
	plait_u32 busy;	       /* thread id of the run; 0: none (probes) */
	plait_u64 image;       /* identifies the process image, whatever its runtimes */
	plait_u64 process;     /* the same with the runtime's epoch: of struct sampler_code_key */
	plait_u32 owner;       /* the tgid under which the runtimes were found: the process, or who forked it */
	plait_u32 slot;	       /* the runtime being walked */
	plait_u32 epoch;       /* of the runtime whose plan walk.plan is; 0: of none */
	plait_u64 only_image;  /* the process image of which that is the only runtime, */
	plait_u64 only_change; /* as long as map `changes` says this; 0: none */
	plait_u32 more;	       /* 1: there is another in the next slot */
	plait_u32 calls;       /* tail calls made: the kernel allows 32 */
	plait_u32 walking;     /* 1: the runtime's chain has frames left */
	plait_u32 unseen_next; /* those before were copied */
	plait_u32 unseen_count;
	plait_u32 relist; /* 1: the walk has started over: what is unseen is to be listed anew */
	plait_u64 listed; /* code object of the last frame: it is in the list, or known */
	plait_u64 salt;	  /* of the cache: changing it empties the cache */
	plait_u64 stack_at, stack_end, stack_paged; /* next byte to copy, end, and until where single pages are tried */
	plait_u64 stack_run;			    /* bytes behind stack_record() that were not sent yet */
	plait_u64 unsent;			    /* frames in run.frames that go with the head */
	struct plait_walk walk;
	plait_u32 unseen[FRAMES_MAX];		    /* indexes into run.frames */
	struct sampler_code_key cache[CACHE_SLOTS]; /* code objects lately found in map `seen` */
	struct run_record run;
	struct code_record code;
};

/* max_entries is set by the loader: the possible CPUs, for scratches those for probes behind them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, plait_u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 1);
	__type(key, plait_u32);
	__type(value, plait_u32);
} output SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SAMPLER_COUNTERS);
	__type(key, plait_u32);
	__type(value, plait_u64);
} counters SEC(".maps");

/* Key: tgid, value: enum sampler_watch. Processes to sample, with the option `filter`. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, plait_u32);
	__type(value, plait_u32);
} watched SEC(".maps");

/* Key: scratch.image. Descendants of watched processes: remembered, as their parent may end before them. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, plait_u64);
	__type(value, plait_u32);
} descendants SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct sampler_runtime_key);
	__type(value, struct sampler_runtime);
} runtimes SEC(".maps");

/* How often the loader has changed `runtimes`. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, plait_u32);
	__type(value, plait_u64);
} changes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct sampler_code_key);
	__type(value, plait_u32);
} seen SEC(".maps");

/* Filled by the loader with programs of one loop_kind. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, STAGE_COUNT);
	__type(key, plait_u32);
	__type(value, plait_u32);
} stages SEC(".maps");

#endif
