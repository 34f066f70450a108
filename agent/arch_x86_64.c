#include <errno.h>
#include <ucontext.h>

#include "agent/arch.h"

const uint64_t agent_arch_address_end = 1ULL << 47;

/* gregs index of each DWARF register (x86-64 psABI, figure 3.36). */
static const uint8_t gregs_of[17] = {
	REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
	REG_R9,	 REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
};

void agent_arch_registers(const void *context, struct plait_agent_sample *ret)
{
	const ucontext_t *from = context;
	for (unsigned i = 0; i < 17; i++)
		ret->registers[i] = (uint64_t)from->uc_mcontext.gregs[gregs_of[i]];
	ret->valid = (1u << 17) - 1;
}

uint64_t agent_arch_stack_pointer(const void *context)
{
	const ucontext_t *from = context;
	return (uint64_t)from->uc_mcontext.gregs[REG_RSP];
}

const uint8_t agent_arch_call[] = { 0x0f, 0x05 };
const uint32_t agent_arch_call_size = sizeof(agent_arch_call);

uint64_t agent_arch_slept_at(const void *context)
{
	const ucontext_t *from = context;
	uint64_t pc = (uint64_t)from->uc_mcontext.gregs[REG_RIP];
	return from->uc_mcontext.gregs[REG_RAX] == -EINTR ? pc - sizeof(agent_arch_call) : pc;
}

uint64_t agent_arch_thread_pointer(void)
{
	uint64_t tp;
	__asm__("movq %%fs:0, %0" : "=r"(tp)); /* tcbhead_t.tcb points to itself */
	return tp;
}

long agent_arch_syscall(long number, long a, long b, long c, long d)
{
	long result;
	register long r10 __asm__("r10") = d;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}
