/*
 * What the BPF program must know about x86-64: where a task keeps its user registers and its thread pointer.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_ARCH_X86_64_H
#define PLAIT_PYTHON_UNWIND_BPF_ARCH_X86_64_H

#include "python_unwind/bpf/kernel.h"

/* In the order of DWARF's numbers (psABI, figure 3.36). */
#define ARCH_REGISTERS 17
#define ARCH_SP 7
#define ARCH_PC 16

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* Flavours (what follows ___ is not part of the name) of types that kernel.h declares without these fields. */
struct thread_struct___x86_64 {
	unsigned long fsbase;
};

struct task_struct___x86_64 {
	struct thread_struct___x86_64 thread;
};

#pragma clang attribute pop

/* struct pt_regs (arch/x86/include/asm/ptrace.h). With FRED the words of cs and ss hold more than the selector. */
struct arch_frame {
	plait_u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, flags,
		rsp, ss;
};

/* `from` has the fields of struct arch_frame. */
#define ARCH_COPY_REGISTERS(to, from)                                                                                  \
	do {                                                                                                           \
		(to)[0] = (from)->rax, (to)[1] = (from)->rdx, (to)[2] = (from)->rcx, (to)[3] = (from)->rbx;            \
		(to)[4] = (from)->rsi, (to)[5] = (from)->rdi, (to)[6] = (from)->rbp, (to)[7] = (from)->rsp;            \
		(to)[8] = (from)->r8, (to)[9] = (from)->r9, (to)[10] = (from)->r10, (to)[11] = (from)->r11;            \
		(to)[12] = (from)->r12, (to)[13] = (from)->r13, (to)[14] = (from)->r14, (to)[15] = (from)->r15;        \
		(to)[16] = (from)->rip;                                                                                \
	} while (0)

#define ARCH_THREAD_SIZE (4 * 4096) /* a task's kernel stack, without KASAN */
#define ARCH_SELECTOR_USER_32 0x23  /* __USER32_CS: a task of the i386 ABI */
#define ARCH_SELECTOR_USER_MASK 3   /* requested privilege level: 3 in user mode */

static inline bool arch_is_user(plait_u64 cs)
{
	return (cs & ARCH_SELECTOR_USER_MASK) == 3;
}

/* The registers with which the task entered the kernel. Where the helper is missing (before 5.15) they lie at the end
 * of the kernel stack; the FRED padding there came later than the helper. */
static inline bool arch_task_frame(struct task_struct *task, struct arch_frame *ret)
{
	void *regs;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs)) {
		regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	} else {
		void *stack = BPF_CORE_READ(task, stack);
		regs = (char *)stack + ARCH_THREAD_SIZE - sizeof(*ret);
	}
	return regs && !bpf_probe_read_kernel(ret, sizeof(*ret), regs);
}

/* Whether a perf event's hit was in user mode. */
#define ARCH_IN_USER_MODE(ctx) arch_is_user((ctx)->regs.cs)

/* Fills `ret` with the user registers at the sample. False when there are none: a kernel thread, or another ABI. */
static inline bool arch_user_registers(plait_context *ctx, struct task_struct *task, plait_u64 *ret)
{
#if !defined(PLAIT_FOR_TRACEPOINTS) && !defined(PLAIT_FOR_PROBES)
	plait_u64 cs = ctx->regs.cs;
	if (arch_is_user(cs)) {
		ARCH_COPY_REGISTERS(ret, &ctx->regs);
		return (cs & 0xff) != ARCH_SELECTOR_USER_32;
	}
#else
	(void)ctx; /* a tracepoint's has none; a probe's are the task's */
#endif
	struct arch_frame frame;
	if (!arch_task_frame(task, &frame) || !arch_is_user(frame.cs) || (frame.cs & 0xff) == ARCH_SELECTOR_USER_32)
		return false;
	ARCH_COPY_REGISTERS(ret, &frame);
	return true;
}

#define ARCH_STALE_THREAD_POINTER false

/* The thread pointer. Kept by the kernel whenever a task sets it (arch_prctl, clone) and at each switch. */
#define ARCH_THREAD_POINTER(read, task) read((struct task_struct___x86_64 *)(task), thread.fsbase)

#endif
