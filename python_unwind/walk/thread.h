/*
 * From a thread pointer to the thread's Python thread states. Part of the walk: needs plait_walk_read() (walk.h).
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_THREAD_H
#define PLAIT_PYTHON_UNWIND_WALK_THREAD_H

#include "python_unwind/walk/arch_x86_64.h"
#include "python_unwind/walk_state.h"

/* Bytes of a PyThreadState that hold all fields that the walk wants. */
#define PLAIT_WALK_TSTATE_SIZE 192

/* glibc keeps the first 32 keys' values in struct pthread itself (nptl/descr.h, specific_1stblock). */
#define PLAIT_WALK_TSD_KEYS 32

/* Value of a thread-local pointer; 0 when it is NULL or cannot be read. */
static inline plait_u64 plait_walk_tls(plait_walk_memory memory, struct plait_walk *walk,
				       const struct plait_tls_variable *variable)
{
	plait_u64 block = walk->tp;
	if (variable->kind == PLAIT_TLS_NONE)
		return 0;
	if (variable->kind == PLAIT_TLS_DYNAMIC) {
		plait_u64 module = 0;
		if (plait_walk_read(memory, &module, sizeof(module), variable->module_address) ||
		    plait_walk_read(memory, &block, sizeof(block), walk->tp + PLAIT_WALK_ARCH_DTV) ||
		    plait_walk_read(memory, &block, sizeof(block), block + 16 * module))
			return 0;
	}
	plait_u64 value = 0;
	if (plait_walk_read(memory, &value, sizeof(value), block + (plait_u64)(long long)variable->offset))
		return 0;
	return value;
}

/* What pthread_getspecific(autoTSSkey) gives in that thread. */
static inline plait_u64 plait_walk_tsd(plait_walk_memory memory, const struct plait_walk *walk)
{
	plait_u64 tss = 0, value = 0; /* Py_tss_t { int initialized; pthread_key_t key } */
	if (!walk->plan.runtime_autotsskey ||
	    plait_walk_read(memory, &tss, sizeof(tss), walk->plan.runtime + walk->plan.runtime_autotsskey))
		return 0;
	plait_u64 key = tss >> 32;
	if (!(plait_u32)tss || key >= PLAIT_WALK_TSD_KEYS)
		return 0;
	/* struct pthread_key_data { uintptr_t seq; void *data } */
	if (plait_walk_read(memory, &value, sizeof(value), walk->tp + walk->plan.tsd_offset + 16 * key + 8))
		return 0;
	return value;
}

/* The thread state that the thread works with now (the innermost one); 0 while it has none attached. */
static inline plait_u64 plait_walk_active_tstate(plait_walk_memory memory, struct plait_walk *walk)
{
	plait_u64 value = 0;
	if (walk->plan.tls_current.kind != PLAIT_TLS_NONE)
		return plait_walk_tls(memory, walk, &walk->plan.tls_current);
	/* <= 3.11: one for the process, that of whoever holds the GIL. */
	if (!walk->plan.runtime_tstate_current ||
	    plait_walk_read(memory, &value, sizeof(value), walk->plan.runtime + walk->plan.runtime_tstate_current))
		return 0;
	return value;
}

/* The thread state bound to the thread, attached or not. */
static inline plait_u64 plait_walk_bound_tstate(plait_walk_memory memory, struct plait_walk *walk)
{
	if (walk->plan.tls_gilstate.kind != PLAIT_TLS_NONE)
		return plait_walk_tls(memory, walk, &walk->plan.tls_gilstate);
	return plait_walk_tsd(memory, walk);
}

/* Fetches the thread state into walk->words. True when it belongs to this thread. */
static inline bool plait_walk_fetch_tstate(plait_walk_memory memory, struct plait_walk *walk, plait_u64 tstate)
{
	return tstate && !(tstate & 7) && !plait_walk_read(memory, walk->words, PLAIT_WALK_TSTATE_SIZE, tstate) &&
	       plait_walk_u64(walk->words, walk->plan.tstate_thread_id) == plait_walk_arch_thread_id(walk->tp);
}

#endif
