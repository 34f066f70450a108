/*
 * What the walk must know about x86-64: thread-local storage is variant II of "ELF Handling For Thread-Local Storage"
 * (Drepper), as glibc lays out its tcbhead_t (sysdeps/x86_64/nptl/tls.h: tcb, dtv, self).
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_ARCH_X86_64_H
#define PLAIT_PYTHON_UNWIND_WALK_ARCH_X86_64_H

#include "common/sample_wire.h"

#define PLAIT_WALK_ARCH_DTV 8 /* from the thread pointer to the pointer to the dtv */

/* pthread_self() of the thread whose thread pointer is `tp`: what PyThreadState.thread_id holds. */
static inline plait_u64 plait_walk_arch_thread_id(plait_u64 tp)
{
	return tp;
}

#endif
