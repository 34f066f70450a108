/*
 * The sampler: at each hit of a perf event it walks the thread's Python frames and copies its stack, writes both into
 * the event's ring (common/sample_wire.h), and returns 1: the kernel then writes its ordinary sample next to them.
 * Where that would say nothing more (`sole`) it returns 0: what was written is the sample. When something did not fit
 * in the ring it returns 0 and counts: a sample is whole or it is counted as dropped.
 *
 * Old verifiers (5.10) bound the work of one program, so it runs in stages, each a tail call:
 *     sample -> walk (-> names) -> walk (-> names) -> ... -> stack
 */
#define inline inline __attribute__((always_inline))

#include "python_unwind/bpf/repeat.h"
#include "python_unwind/bpf/scratch.h"

typedef const void *plait_walk_memory;

/* An upper bound that the verifier sees: the compiler must neither drop the mask nor mask a copy. */
#define BOUNDED(value, mask)                                                                                           \
	({                                                                                                             \
		plait_u64 bounded_ = (value);                                                                          \
		asm volatile("%0 &= %1" : "+r"(bounded_) : "i"(mask));                                                 \
		bounded_;                                                                                              \
	})

/* Buffers of a variable size have PLAIT_WALK_WORDS words. */
static inline int plait_walk_read(plait_walk_memory memory, void *to, plait_u32 size, plait_u64 address)
{
	(void)memory;
	if (__builtin_constant_p(size))
		return bpf_probe_read_user(to, size, (const void *)address);
	return bpf_probe_read_user(to, BOUNDED(size, 8 * PLAIT_WALK_WORDS - 1), (const void *)address);
}

/* Of the sizes that vary: `mask` is a constant not below `size`. */
static inline int plait_walk_read_some(plait_walk_memory memory, void *to, plait_u64 size, plait_u64 mask,
				       plait_u64 address)
{
	(void)memory;
	return bpf_probe_read_user(to, BOUNDED(size, mask), (const void *)address);
}

#include "python_unwind/walk.h"
#include "python_unwind/walk/code_copy.h"

/* Set by the loader. */
const volatile plait_u32 stack_limit = 512 * 1024;
const volatile bool filter = false;
const volatile bool sole = false;
const volatile plait_u32 scratch_base = 0;

/* What the kernel is told about a hit that is none of ours: on a perf event of ours nothing is to be written; a
 * tracepoint's or probe's program decides for everybody's events on it. */
#if defined(PLAIT_FOR_TRACEPOINTS) || defined(PLAIT_FOR_PROBES)
#define NOT_OURS 1
#define COUNTER_RUNS SAMPLER_PROBE_RUNS
#else
#define NOT_OURS 0
#define COUNTER_RUNS SAMPLER_RUNS
#endif

static inline struct scratch *scratch_get(void)
{
	plait_u32 cpu = bpf_get_smp_processor_id() + scratch_base;
	return bpf_map_lookup_elem(&scratches, &cpu);
}

static inline void count(plait_u32 counter)
{
	plait_u64 *value = bpf_map_lookup_elem(&counters, &counter);
	if (value)
		(*value)++;
}

/* The end of a run whose records did not all fit: the kernel writes no sample. */
static inline int drop(struct scratch *s)
{
	s->salt++; /* code objects may have been cached as seen that were not sent */
	s->busy = 0;
	count(SAMPLER_DROPPED);
	return 0;
}

/* A probe's program may be interrupted by another task's on the same CPU, which then has the memory: what the first one
 * would send from it is not its own. */
static inline bool is_mine(const struct scratch *s)
{
#if defined(PLAIT_FOR_PROBES)
	return s->busy == (plait_u32)bpf_get_current_pid_tgid();
#else
	(void)s;
	return true;
#endif
}

static inline void fill_header(const struct scratch *s, struct plait_wire_header *header, plait_u32 kind,
			       plait_u64 size)
{
	header->kind = kind;
	header->size = size;
	header->sequence = s->run.header.sequence;
	header->pid = s->run.header.pid;
	header->tid = s->run.header.tid;
	header->time = s->run.header.time;
}

/* Sends `size` bytes: `header`, which is filled in, and what lies behind it. */
static inline bool emit(plait_context *ctx, const struct scratch *s, struct plait_wire_header *header, plait_u64 size)
{
	return is_mine(s) && !bpf_perf_event_output(ctx, &output, BPF_F_CURRENT_CPU, header, size);
}

/* Goes to another stage; returns only when the kernel refuses. */
static inline int enter(plait_context *ctx, struct scratch *s, enum stage stage)
{
	s->calls++;
	bpf_tail_call(ctx, &stages, stage);
	return drop(s);
}

#include "python_unwind/bpf/process_stage.h"
#include "python_unwind/bpf/code_list.h"
#include "python_unwind/bpf/walk_stage.h"
#include "python_unwind/bpf/names_stage.h"
#include "python_unwind/bpf/stack_stage.h"

char LICENSE[] SEC("license") = "GPL";
