/*
 * Where a thread's stack starts. Shared with the BPF program and the agent: only fixed-width types.
 */
#ifndef PLAIT_COMMON_STACK_EXTENT_H
#define PLAIT_COMMON_STACK_EXTENT_H

#include "common/sample_wire.h"

#define PLAIT_STACK_SANE (64u << 20) /* bytes from the stack pointer to the stack's start that are believed */
#define PLAIT_STACK_UNKNOWN 65536    /* bytes copied of a stack whose start is not known */

/* The start (highest address) of the stack that `sp` is on: a first thread's at mm->start_stack, another one's below
 * its thread block, which `tp` points to (glibc). 0: on neither, as after makecontext(3). */
static inline plait_u64 plait_stack_extent(plait_u64 sp, plait_u64 start_stack, plait_u64 tp)
{
	plait_u64 to_start = start_stack - sp, to_block = tp - sp;
	if (start_stack > sp && to_start <= PLAIT_STACK_SANE && (tp <= sp || to_start < to_block))
		return start_stack;
	return tp > sp && to_block <= PLAIT_STACK_SANE ? tp : 0;
}

#endif
