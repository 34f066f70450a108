/*
 * For tests of perf/unwind: the registers of a moment, and code of this machine that no table describes, as bytes.
 */
#ifndef PLAIT_TESTS_UNIT_ARCH_MOMENT_H
#define PLAIT_TESTS_UNIT_ARCH_MOMENT_H

#include <elf.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>

#include "common/sample.h"

#if defined(__x86_64__)

enum { TEST_SP = 7, TEST_PC = 16, TEST_FP = 6, TEST_REGISTERS = 17, TEST_ORACLE_REGISTERS = 17 };
enum { TEST_ORACLE_ERRS = false }; /* see test_unwind_oracle.c */
enum { TEST_BARE_LEAVES = false }; /* a function may have nothing at all on the stack */

static inline void registers_from_context(struct plait_registers *ret, const ucontext_t *context)
{
	static const int order[17] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
				       REG_R9,	REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP };
	for (int i = 0; i < 17; i++)
		ret->value[i] = (uint64_t)context->uc_mcontext.gregs[order[i]];
}

static inline void registers_from_user(struct plait_registers *ret, const struct user_regs_struct *user)
{
	const uint64_t values[17] = { user->rax, user->rdx, user->rcx, user->rbx, user->rsi, user->rdi,
				      user->rbp, user->rsp, user->r8,  user->r9,  user->r10, user->r11,
				      user->r12, user->r13, user->r14, user->r15, user->rip };
	memcpy(ret->value, values, sizeof(values));
}

static const uint8_t test_plain_stub[] = { 0x48, 0x83, 0xec, 0x08, 0xff, 0xd1, 0x48, 0x83, 0xc4, 0x08, 0xc3 };
static const uint8_t test_framed_stub[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd1, 0x5d, 0xc3 };
/* push %rbp; mov %rsp,%rbp; sub $0x40,%rsp; call *%rdi; leave; ret */
static const uint8_t test_with_frame_pointer[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83,
						   0xec, 0x40, 0xff, 0xd7, 0xc9, 0xc3 };
enum { TEST_AFTER_CALL = 10 }; /* bytes from its start to where the call returns to */
/* push %rbp; xor %ebp,%ebp; call *%rdi; pop %rbp; ret */
static const uint8_t test_without_anything[] = { 0x55, 0x31, 0xed, 0xff, 0xd7, 0x5d, 0xc3 };

/* Where a frame's return address is stored. */
static inline uint64_t return_place(uint64_t sp, uint64_t cfa)
{
	(void)sp;
	return cfa - 8;
}

#define TEST_CFA_AT_ENTRY(cfa) (cfa)

/* Makes registers and stack pointer those of the caller's call at which the frame of `cfa`, which keeps a frame
 * pointer, began. */
static inline void registers_at_entry(struct plait_registers *registers, uint64_t cfa, const uint64_t *below_cfa)
{
	registers->value[TEST_FP] = below_cfa[-2];
	registers->value[TEST_SP] = cfa - 8;
}

#elif defined(__aarch64__)

enum { TEST_SP = 31, TEST_PC = 32, TEST_FP = 29, TEST_REGISTERS = 33, TEST_ORACLE_REGISTERS = 32 };
enum { TEST_ORACLE_ERRS = true, TEST_BARE_LEAVES = true };

static inline void registers_from_context(struct plait_registers *ret, const ucontext_t *context)
{
	for (int i = 0; i < 31; i++)
		ret->value[i] = context->uc_mcontext.regs[i];
	ret->value[TEST_SP] = context->uc_mcontext.sp;
	ret->value[TEST_PC] = context->uc_mcontext.pc;
}

static inline void registers_from_user(struct plait_registers *ret, const struct user_regs_struct *user)
{
	memcpy(ret->value, user->regs, 31 * sizeof(ret->value[0]));
	ret->value[TEST_SP] = user->sp;
	ret->value[TEST_PC] = user->pc;
}

/* stp x29,x30,[sp,#-16]!; mov x29,sp; blr x3; ldp x29,x30,[sp],#16; ret */
static const uint8_t test_plain_stub[] = { 0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0x60, 0x00,
					   0x3f, 0xd6, 0xfd, 0x7b, 0xc1, 0xa8, 0xc0, 0x03, 0x5f, 0xd6 };
/* the same with paciasp and autiasp, and mov x4,x3 before the call */
static const uint8_t test_framed_stub[] = { 0x3f, 0x23, 0x03, 0xd5, 0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00,
					    0x91, 0xe4, 0x03, 0x03, 0xaa, 0x60, 0x00, 0x3f, 0xd6, 0xfd, 0x7b,
					    0xc1, 0xa8, 0xbf, 0x23, 0x03, 0xd5, 0xc0, 0x03, 0x5f, 0xd6 };
/* stp x29,x30,[sp,#-64]!; mov x29,sp; blr x0; ldp x29,x30,[sp],#64; ret */
static const uint8_t test_with_frame_pointer[] = { 0xfd, 0x7b, 0xbc, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0x00, 0x00,
						   0x3f, 0xd6, 0xfd, 0x7b, 0xc4, 0xa8, 0xc0, 0x03, 0x5f, 0xd6 };
enum { TEST_AFTER_CALL = 12 };
/* stp x29,x30,[sp,#-16]!; mov x29,#0; blr x0; ldp x29,x30,[sp],#16; ret */
static const uint8_t test_without_anything[] = { 0xfd, 0x7b, 0xbf, 0xa9, 0x1d, 0x00, 0x80, 0xd2, 0x00, 0x00,
						 0x3f, 0xd6, 0xfd, 0x7b, 0xc1, 0xa8, 0xc0, 0x03, 0x5f, 0xd6 };

static inline uint64_t return_place(uint64_t sp, uint64_t cfa)
{
	(void)cfa; /* of a frame record at the lower end of the frame, where compilers put it */
	return sp + 8;
}

#define TEST_CFA_AT_ENTRY(cfa) ((cfa) + 48)

/* Its frame has 64 bytes, the record at their start; the CFA that a frame record gives lies 48 below the true one. */
static inline void registers_at_entry(struct plait_registers *registers, uint64_t cfa, const uint64_t *below_cfa)
{
	registers->value[TEST_FP] = below_cfa[-2];
	registers->value[30] = below_cfa[-1];
	registers->value[TEST_SP] = TEST_CFA_AT_ENTRY(cfa);
}

#endif

static inline bool registers_of_stopped(pid_t tid, struct plait_registers *ret)
{
	struct user_regs_struct user;
	struct iovec part = { .iov_base = &user, .iov_len = sizeof(user) };
	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &part))
		return false;
	registers_from_user(ret, &user);
	ret->valid = (1ULL << TEST_REGISTERS) - 1;
	return true;
}

#endif
