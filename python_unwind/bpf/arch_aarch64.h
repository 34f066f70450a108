/*
 * What the BPF program must know about aarch64: where a task keeps its user registers and its thread pointer.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_ARCH_AARCH64_H
#define PLAIT_PYTHON_UNWIND_BPF_ARCH_AARCH64_H

#include "python_unwind/bpf/kernel.h"

/* In the order of DWARF's numbers (AAPCS64's "DWARF for the Arm 64-bit Architecture"): x0 to x30, sp; then pc. That is
 * the order of struct user_pt_regs, too. */
#define ARCH_REGISTERS 33
#define ARCH_SP 31
#define ARCH_PC 32

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
static inline const struct user_pt_regs *arch_task_frame(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (const void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	const char *stack = BPF_CORE_READ(task, stack);
	return (const void *)(stack + ARCH_THREAD_SIZE - bpf_core_type_size(struct pt_regs));
}

/* Whether a perf event's hit was in user mode. */
#define ARCH_IN_USER_MODE(ctx) (((ctx)->regs.pstate & ARCH_MODE_MASK) == 0)

/* Fills `ret` with the user registers at the sample. False when there are none: a kernel thread, or the 32 bit ABI. */
static inline bool arch_user_registers(plait_context *ctx, struct task_struct *task, plait_u64 *ret)
{
#if !defined(PLAIT_FOR_TRACEPOINTS) && !defined(PLAIT_FOR_PROBES)
	if (ARCH_IN_USER_MODE(ctx)) {
#pragma unroll
		for (int i = 0; i < 31; i++)
			ret[i] = ctx->regs.regs[i];
		ret[ARCH_SP] = ctx->regs.sp;
		ret[ARCH_PC] = ctx->regs.pc;
		return true;
	}
#else
	(void)ctx; /* a tracepoint's has none; a probe's are the task's */
#endif
	const struct user_pt_regs *frame = arch_task_frame(task);
	plait_u64 pstate;
	return !bpf_probe_read_kernel(&pstate, sizeof(pstate), &frame->pstate) && (pstate & ARCH_MODE_MASK) == 0 &&
	       !bpf_probe_read_kernel(ret, ARCH_REGISTERS * sizeof(*ret), frame);
}

#define ARCH_STALE_THREAD_POINTER true /* that of a first thread may be */

/* The thread pointer, as of the last time that the task was switched out or made: nothing else tells tpidr_el0. The
 * value of a first thread may still be that of the program before its exec; the walk notices
 * (plait_walk_plan.runtime_main_thread). */
#define ARCH_THREAD_POINTER(read, task) read((struct task_struct___aarch64 *)(task), thread.uw.tp_value)

#endif
