/*
 * The first stage: is this process to be sampled, where are its registers and its stack, which Python has it.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_PROCESS_STAGE_H
#define PLAIT_PYTHON_UNWIND_BPF_PROCESS_STAGE_H

#include "python_unwind/bpf/process_id.h"

#define ANCESTORS_WATCHED 8
#define ANCESTORS_FORKED 4
#define STACK_SANE (64 << 20) /* no end of a stack is believed to be further away */

/* With the option `filter`: is the process or one of its ancestors watched? */
static inline bool is_watched(struct task_struct *task, plait_u32 tgid, plait_u64 image)
{
	if (bpf_map_lookup_elem(&watched, &tgid) || bpf_map_lookup_elem(&descendants, &image))
		return true;
	for (int i = 0; i < ANCESTORS_WATCHED && tgid > 1; i++) {
		task = BPF_CORE_READ(task, real_parent);
		tgid = process_id(task);
		if (bpf_map_lookup_elem(&watched, &tgid)) {
			plait_u32 yes = 1;
			bpf_map_update_elem(&descendants, &image, &yes, BPF_ANY);
			return true;
		}
	}
	return false;
}

/* What tells this process image from all others: process ids are reused, and exec changes everything. */
static inline plait_u64 image_of(struct task_struct *task, plait_u32 tgid)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	plait_u64 start = BPF_CORE_READ(leader, start_time), execs = BPF_CORE_READ(leader, self_exec_id);
	return plait_walk_mix(plait_walk_mix(start + tgid) + execs);
}

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

/* Makes `runtime` the one whose frames are walked next. */
static inline void use_runtime(struct scratch *s, const struct sampler_runtime *runtime)
{
	s->walk.plan = runtime->plan;
	s->walk.tp = s->head.body.tp;
	s->more = runtime->more;
	s->process = s->image + ((plait_u64)runtime->epoch << 32);
}

/* Where the stack that `sp` is on starts: a main thread's at mm->start_stack, another one's below its thread block
 * (glibc). 0: on neither, as after makecontext(3). */
static inline plait_u64 stack_end_of(plait_u64 sp, plait_u64 start_stack, plait_u64 tp)
{
	plait_u64 to_start = start_stack - sp, to_block = tp - sp;
	if (start_stack > sp && to_start <= STACK_SANE && (tp <= sp || to_start < to_block))
		return start_stack;
	return tp > sp && to_block <= STACK_SANE ? tp : 0;
}

SEC("perf_event")
int sample(struct bpf_perf_event_data *ctx)
{
	struct scratch *s = scratch_get();
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	plait_u64 ids = bpf_get_current_pid_tgid();
	plait_u32 tgid = ids >> 32, tid = (plait_u32)ids;
	if (!s)
		return 0;
	if (pid_namespace) {
		tgid = process_id(task);
		tid = id_in_namespace(task);
	}
	s->image = image_of(task, tgid);
	if (filter && !is_watched(task, tgid, s->image))
		return 0;
	count(SAMPLER_RUNS);

	struct plait_wire_head *head = &s->head.body;
	__builtin_memset(head, 0, sizeof(*head));
	s->head.header.sequence++;
	head->pid = tgid;
	head->tid = tid;
	s->calls = 0;
	s->slot = 0;
	s->more = 0;
	s->walking = 0;

	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct user_registers registers;
	if (!mm || (BPF_CORE_READ(task, flags) & PF_KTHREAD) || !arch_user_registers(ctx, task, &registers))
		return enter(ctx, s, STAGE_STACK);
	plait_u64 start_stack = BPF_CORE_READ(mm, start_stack);
	head->ip = registers.ip;
	head->sp = registers.sp;
	head->tp = arch_thread_pointer(task);
	head->stack_end = stack_end_of(head->sp, start_stack, head->tp);
	const struct sampler_runtime *runtime = find_runtime(task, tgid, start_stack, &s->owner);
	if (!runtime)
		return enter(ctx, s, STAGE_STACK);
	use_runtime(s, runtime);
	return enter(ctx, s, STAGE_WALK);
}

#endif
