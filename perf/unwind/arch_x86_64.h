/*
 * Shared by the two files of this architecture. Register numbers are those of the psABI's figure 3.36: 0 rax, 1 rdx,
 * 2 rcx, 3 rbx, 4 rsi, 5 rdi, 6 rbp, 7 rsp, 8..15 r8..r15, 16 return address.
 */
#ifndef PLAIT_PERF_UNWIND_ARCH_X86_64_H
#define PLAIT_PERF_UNWIND_ARCH_X86_64_H

#include "perf/unwind/arch.h"
#include "perf/unwind/rule.h"

enum { RAX = 0, RDX, RCX, RBX, RSI, RDI, RBP, RSP, R8, R9, R10, R11, R12, R13, R14, R15, RIP, REGISTERS = 16 };

#define CALLEE_SAVED (1U << RBX | 1U << RBP | 1U << R12 | 1U << R13 | 1U << R14 | 1U << R15)

/* struct plait_unwind_arch.decode */
bool plait_x86_64_decode(const struct plait_function_code *code, struct plait_rule_pool *pool,
			 struct plait_rule_rows *ret);

#endif
