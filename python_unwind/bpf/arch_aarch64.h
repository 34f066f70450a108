/*
 * What the BPF program must know about aarch64: where a task keeps its user registers and its thread pointer.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_ARCH_AARCH64_H
#define PLAIT_PYTHON_UNWIND_BPF_ARCH_AARCH64_H

#include "python_unwind/bpf/kernel.h"

struct user_registers {
	plait_u64 ip;
	plait_u64 sp;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* Flavours (what follows ___ is not part of the name) of types that kernel.h declares without these fields. */
struct uw___aarch64 {
	unsigned long tp_value;
};

struct thread_struct___aarch64 {
	struct uw___aarch64 uw;
};

struct task_struct___aarch64 {
	struct thread_struct___aarch64 thread;
};

struct pt_regs {
	struct user_pt_regs user_regs;
};

#pragma clang attribute pop

#define ARCH_THREAD_SIZE 16384 /* a task's kernel stack, without KASAN, with pages of 4 and 16 KiB */
#define ARCH_MODE_MASK 0x1f    /* of PSTATE: bit 4 is 32 bit code, bits 3 to 2 the exception level, 0 is user mode */

/* The registers with which the task entered the kernel. Where the helper is missing (before 5.15) they lie at the end
 * of the kernel stack. */
static inline bool arch_task_frame(struct task_struct *task, struct user_pt_regs *ret)
{
	void *regs;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs)) {
		regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	} else {
		void *stack = BPF_CORE_READ(task, stack);
		regs = (char *)stack + ARCH_THREAD_SIZE - bpf_core_type_size(struct pt_regs);
	}
	return regs && !bpf_probe_read_kernel(ret, sizeof(*ret), regs);
}

/* The user registers at the sample. False when there are none: a kernel thread, or the 32 bit ABI. */
static inline bool arch_user_registers(plait_context *ctx, struct task_struct *task, struct user_registers *ret)
{
#if !defined(PLAIT_FOR_TRACEPOINTS) && !defined(PLAIT_FOR_PROBES)
	if ((ctx->regs.pstate & ARCH_MODE_MASK) == 0) {
		ret->ip = ctx->regs.pc;
		ret->sp = ctx->regs.sp;
		return true;
	}
#else
	(void)ctx; /* a tracepoint's has none; a probe's are the task's */
#endif
	struct user_pt_regs frame;
	if (!arch_task_frame(task, &frame) || (frame.pstate & ARCH_MODE_MASK) != 0)
		return false;
	ret->ip = frame.pc;
	ret->sp = frame.sp;
	return true;
}

#define ARCH_STALE_THREAD_POINTER true /* that of a first thread may be */

/* The thread pointer, as of the last time that the task was switched out or made: nothing else tells tpidr_el0. The
 * value of a first thread may still be that of the program before its exec; the walk notices
 * (plait_walk_plan.runtime_main_thread). */
static inline plait_u64 arch_thread_pointer(struct task_struct *task)
{
	return BPF_CORE_READ((struct task_struct___aarch64 *)task, thread.uw.tp_value);
}

#endif
