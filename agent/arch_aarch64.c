#include <errno.h>
#include <ucontext.h>

#include "agent/arch.h"

const uint64_t agent_arch_address_end = 1ULL << 48;

/* DWARF numbers the registers as the machine does: 0 to 30 x0 to x30, 31 sp; 32 is where plait keeps pc. */
void agent_arch_registers(const void *context, struct plait_agent_sample *ret)
{
	const ucontext_t *from = context;
	for (unsigned i = 0; i < 31; i++)
		ret->registers[i] = from->uc_mcontext.regs[i];
	ret->registers[31] = from->uc_mcontext.sp;
	ret->registers[32] = from->uc_mcontext.pc;
	ret->valid = (1ULL << 33) - 1;
}

uint64_t agent_arch_stack_pointer(const void *context)
{
	const ucontext_t *from = context;
	return from->uc_mcontext.sp;
}

const uint8_t agent_arch_call[] = { 0x01, 0x00, 0x00, 0xd4 }; /* svc #0 */
const uint32_t agent_arch_call_size = sizeof(agent_arch_call);

uint64_t agent_arch_slept_at(const void *context)
{
	const ucontext_t *from = context;
	uint64_t pc = from->uc_mcontext.pc;
	return (int64_t)from->uc_mcontext.regs[0] == -EINTR ? pc - sizeof(agent_arch_call) : pc;
}

uint64_t agent_arch_thread_pointer(void)
{
	uint64_t tp;
	__asm__("mrs %0, tpidr_el0" : "=r"(tp));
	return tp;
}

long agent_arch_syscall(long number, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}
