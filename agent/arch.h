/*
 * What the agent must know about the architecture, besides walk/arch_*.h. One file defines it: arch_<name>.c.
 */
#ifndef PLAIT_AGENT_ARCH_H
#define PLAIT_AGENT_ARCH_H

#include <stdint.h>

#include "common/agent_wire.h"

/* No address of a process lies at or above this. */
extern const uint64_t agent_arch_address_end;

/* The registers of the interrupted code by their DWARF numbers. */
void agent_arch_registers(const void *context, struct plait_agent_sample *ret);
uint64_t agent_arch_stack_pointer(const void *context);

/* The address of the system call that the thread would be in if the signal has ended its sleep: it stands on the call,
 * to repeat it, or behind it with EINTR. */
uint64_t agent_arch_slept_at(const void *context);
/* The bytes of the instruction that makes a system call. */
extern const uint8_t agent_arch_call[];
extern const uint32_t agent_arch_call_size;

/* The calling thread's thread pointer. */
uint64_t agent_arch_thread_pointer(void);

/* A system call that does not touch errno: -errno on failure. */
long agent_arch_syscall(long number, long a, long b, long c, long d);

#endif
