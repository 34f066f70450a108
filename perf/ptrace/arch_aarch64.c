#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "perf/ptrace/arch.h"

/* DWARF numbers the registers as the machine does; pc is kept behind them. */
const uint8_t plait_ptrace_sp = 31, plait_ptrace_pc = 32;

static bool read_set(pid_t tid, unsigned set, void *ret, size_t size)
{
	struct iovec part = { .iov_base = ret, .iov_len = size };
	return ptrace(PTRACE_GETREGSET, tid, set, &part) == 0 && part.iov_len == size;
}

bool plait_ptrace_registers(pid_t tid, struct plait_registers *ret, uint64_t *ret_tp, bool *ret_in_call)
{
	struct user_regs_struct registers;
	uint64_t tp;
	int call;
	/* A thread of the 32 bit ABI has another, smaller set of general registers. */
	if (!read_set(tid, NT_PRSTATUS, &registers, sizeof(registers)) || !read_set(tid, NT_ARM_TLS, &tp, sizeof(tp)))
		return false;
	for (unsigned i = 0; i < 31; i++)
		ret->value[i] = registers.regs[i];
	ret->value[plait_ptrace_sp] = registers.sp;
	ret->value[plait_ptrace_pc] = registers.pc;
	ret->valid = (1ULL << 33) - 1;
	*ret_tp = tp;
	*ret_in_call = read_set(tid, NT_ARM_SYSTEM_CALL, &call, sizeof(call)) && call >= 0;
	return true;
}
