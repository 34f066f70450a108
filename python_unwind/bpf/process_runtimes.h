/*
 * Which Python runtimes a process has, and where its stack starts.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_PROCESS_RUNTIMES_H
#define PLAIT_PYTHON_UNWIND_BPF_PROCESS_RUNTIMES_H

#include "python_unwind/bpf/process_id.h"
#include "python_unwind/bpf/scratch.h"

#define ANCESTORS_FORKED 4

/* The first runtime known for `tgid`, if it is for the image with this start_stack. */
static inline struct sampler_runtime *runtime_of(plait_u32 tgid, plait_u64 start_stack)
{
	struct sampler_runtime_key key = { .tgid = tgid, .slot = 0 };
	struct sampler_runtime *runtime = bpf_map_lookup_elem(&runtimes, &key);
	return runtime && runtime->plan.start_stack == start_stack ? runtime : NULL;
}

/* Enters the runtimes of `from` for `tgid` as well. */
static inline bool runtimes_inherit(plait_u32 from, plait_u32 tgid)
{
	for (plait_u32 slot = 0; slot < SAMPLER_RUNTIMES_MAX; slot++) {
		struct sampler_runtime_key key = { .tgid = from, .slot = slot };
		struct sampler_runtime *runtime = bpf_map_lookup_elem(&runtimes, &key);
		key.tgid = tgid;
		if (!runtime)
			return slot > 0;
		if (bpf_map_update_elem(&runtimes, &key, runtime, BPF_ANY))
			return false;
		if (!runtime->more)
			break;
	}
	return true;
}

/* The process's first runtime: its own, or that of the process that forked it, whose image it still has (then it is
 * its own from now on). `*ret_owner` is the tgid under which it was found. */
static inline struct sampler_runtime *find_runtime(struct task_struct *task, plait_u32 tgid, plait_u64 start_stack,
						   plait_u32 *ret_owner)
{
	struct sampler_runtime *runtime = runtime_of(tgid, start_stack);
	*ret_owner = tgid;
	for (int i = 0; i < ANCESTORS_FORKED && !runtime; i++) {
		task = BPF_CORE_READ(task, real_parent);
		plait_u32 ancestor = process_id(task);
		if (ancestor <= 1)
			break;
		runtime = runtime_of(ancestor, start_stack);
		if (runtime && !runtimes_inherit(ancestor, tgid))
			*ret_owner = ancestor;
	}
	return runtime;
}

static inline plait_u64 change_of_runtimes(void)
{
	plait_u32 zero = 0;
	plait_u64 *change = bpf_map_lookup_elem(&changes, &zero);
	return change ? *change : 0;
}

/* Whether the plan is at hand: nearly always the process that was sampled last has but one, and is sampled again. */
static inline bool has_runtime(const struct scratch *s, plait_u64 start_stack, plait_u64 change)
{
	return s->only_change == change && change && s->only_image == s->image &&
	       s->walk.plan.start_stack == start_stack;
}

/* Makes `runtime` the one whose frames are walked next. */
static inline void use_runtime(struct scratch *s, const struct sampler_runtime *runtime)
{
	if (s->epoch != runtime->epoch) /* of another runtime, or of no run yet */
		s->walk.plan = runtime->plan;
	s->epoch = runtime->epoch;
	s->more = runtime->more;
	s->process = s->image + ((plait_u64)runtime->epoch << 32);
}

#endif
