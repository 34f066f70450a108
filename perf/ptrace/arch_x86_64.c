#include <elf.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "perf/ptrace/arch.h"

const uint8_t plait_ptrace_sp = 7, plait_ptrace_pc = 16;

enum { USER64_CS = 0x33 }; /* __USER_CS, arch/x86/include/asm/segment.h: others run 32 bit code */

#define AT(field) (offsetof(struct user_regs_struct, field))

/* x86-64 psABI, figure 3.36. */
static const uint16_t offsets[17] = {
	AT(rax), AT(rdx), AT(rcx), AT(rbx), AT(rsi), AT(rdi), AT(rbp), AT(rsp), AT(r8),
	AT(r9),	 AT(r10), AT(r11), AT(r12), AT(r13), AT(r14), AT(r15), AT(rip),
};

bool plait_ptrace_registers(pid_t tid, struct plait_registers *ret, uint64_t *ret_tp, bool *ret_in_call)
{
	struct user_regs_struct registers;
	struct iovec part = { .iov_base = &registers, .iov_len = sizeof(registers) };
	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &part) != 0 || part.iov_len != sizeof(registers) ||
	    registers.cs != USER64_CS)
		return false;
	for (unsigned i = 0; i < 17; i++)
		ret->value[i] = *(const unsigned long long *)((const char *)&registers + offsets[i]);
	ret->valid = (1u << 17) - 1;
	*ret_tp = registers.fs_base;
	*ret_in_call = (long)registers.orig_rax >= 0;
	return true;
}
