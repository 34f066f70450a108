/*
 * The first stage: is this process to be sampled, where are its registers and its stack, which Python has it.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_PROCESS_STAGE_H
#define PLAIT_PYTHON_UNWIND_BPF_PROCESS_STAGE_H

#include "python_unwind/bpf/process_id.h"
#include "python_unwind/bpf/process_runtimes.h"
#include "python_unwind/bpf/task.h"

#define ANCESTORS_WATCHED 8

/* With the option `filter`: is the process or one of its ancestors watched? */
static inline bool is_watched(struct task_struct *task, plait_u32 tgid, plait_u64 image)
{
	plait_u32 *watch = bpf_map_lookup_elem(&watched, &tgid);
	if (watch && *watch == SAMPLER_WATCH_FROM_EXEC)
		return BPF_CORE_READ(task, group_leader, self_exec_id) !=
		       BPF_CORE_READ(task, real_parent, self_exec_id);
	if (watch || bpf_map_lookup_elem(&descendants, &image))
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
static inline plait_u64 image_of(const struct task_facts *task, plait_u32 tgid)
{
	return plait_walk_mix(plait_walk_mix(task->start_time + tgid) + task->exec_id);
}

/* In the middle of an exec the program has other memory already, and the registers of the one before: they mean
 * nothing. */
static inline bool is_in_exec(const struct task_facts *task, plait_u64 sp)
{
	plait_u64 word;
	return task->in_exec && bpf_probe_read_user(&word, sizeof(word), (const void *)sp);
}

/* What struct plait_wire_head wants to know. */
static inline plait_u64 own_period(plait_context *ctx)
{
#if defined(PLAIT_FOR_TRACEPOINTS) || defined(PLAIT_FOR_PROBES)
	(void)ctx;
	return 0;
#else
	return sole && ARCH_IN_USER_MODE(ctx) ? ctx->sample_period : 0;
#endif
}

SEC(PLAIT_PROGRAM)
int sample(plait_context *ctx)
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
	struct task_facts facts;
	task_facts(tgid == tid, &facts);
	plait_u64 image = image_of(&facts, tgid);
	if (filter && !is_watched(task, tgid, image))
		return NOT_OURS;
	count(COUNTER_RUNS);
	if (s->busy) { /* by a run that this one interrupts */
		count(SAMPLER_DROPPED);
		return 0;
	}
	s->busy = (plait_u32)ids;
	s->run.header.time = bpf_ktime_get_ns();
	s->image = image;

	struct plait_wire_head *head = &s->run.head;
	__builtin_memset(head, 0, sizeof(*head));
	s->run.header.sequence = (s->run.header.sequence + 2) | (scratch_base > 0 ? PLAIT_WIRE_OF_PROBE : 0);
	s->run.header.pid = tgid;
	s->run.header.tid = tid;
	s->calls = 0;
	s->slot = 0;
	s->more = 0;
	s->walking = 0;
	s->unsent = 0;

	if (!facts.has_user_space || !arch_user_registers(ctx, task, s->run.registers))
		return enter(ctx, s, STAGE_STACK);
	if (is_in_exec(&facts, s->run.registers[ARCH_SP])) {
		head->in_exec = 1;
		return enter(ctx, s, STAGE_STACK);
	}
	head->ip = s->run.registers[ARCH_PC];
	head->sp = s->run.registers[ARCH_SP];
	head->tp = facts.tp;
	head->period = own_period(ctx);
	head->stack_end = plait_stack_extent(head->sp, facts.start_stack, head->tp);
	s->walk.tp = facts.tp;
	s->walk.first_tid = facts.own_id;
	plait_u64 change = change_of_runtimes();
	if (!has_runtime(s, facts.start_stack, change)) {
		const struct sampler_runtime *runtime = find_runtime(task, tgid, facts.start_stack, &s->owner);
		s->only_change = 0;
		if (!runtime)
			return enter(ctx, s, STAGE_STACK);
		use_runtime(s, runtime);
		s->only_image = image;
		s->only_change = runtime->more ? 0 : change;
	}
	return enter(ctx, s, STAGE_WALK);
}

#endif
