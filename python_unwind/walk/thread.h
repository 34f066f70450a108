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

/* Where the TLS block of the module with that id is: the thread's dtv has one slot of two words a module. */
static inline bool plait_walk_dtv(plait_walk_memory memory, const struct plait_walk *walk, plait_u64 module,
				  plait_u64 *ret)
{
	plait_u64 dtv = 0;
	return !plait_walk_read(memory, &dtv, sizeof(dtv), walk->tp + PLAIT_WALK_ARCH_DTV) &&
	       !plait_walk_read(memory, ret, sizeof(*ret), dtv + 16 * module);
}

/* What `variable->offset` counts from, by the kinds of enum plait_tls_kind. */
static inline bool plait_walk_tls_block(plait_walk_memory memory, const struct plait_walk *walk,
					const struct plait_tls_variable *variable, plait_u64 *ret)
{
	plait_u64 word = 0, pair[2] = { 0, 0 };
	plait_u64 at = variable->module_address + (variable->kind == PLAIT_TLS_DESCRIPTOR ? 8 : 0);
	*ret = walk->tp;
	if (variable->kind == PLAIT_TLS_STATIC)
		return true;
	if (plait_walk_read(memory, &word, sizeof(word), at))
		return false;
	if (variable->kind == PLAIT_TLS_DYNAMIC)
		return plait_walk_dtv(memory, walk, word, ret);
	if (variable->kind == PLAIT_TLS_GOT || (long long)word < 0) {
		*ret += word;
		return true;
	}
	if (plait_walk_read(memory, pair, sizeof(pair), word) || !plait_walk_dtv(memory, walk, pair[0], ret))
		return false;
	*ret += pair[1];
	return true;
}

/* Value of a thread-local pointer; 0 when it is NULL or cannot be read. */
static inline plait_u64 plait_walk_tls(plait_walk_memory memory, struct plait_walk *walk,
				       const struct plait_tls_variable *variable)
{
	plait_u64 block, value = 0;
	if (variable->kind == PLAIT_TLS_NONE || !plait_walk_tls_block(memory, walk, variable, &block) ||
	    plait_walk_read(memory, &value, sizeof(value), block + (plait_u64)(long long)variable->offset))
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

/* Thread states of the main interpreter that are looked through; new ones come first. */
#define PLAIT_WALK_TSTATES 128

/* From 3.12 on the main interpreter is part of _PyRuntime, not further in than this (3.12: at 75 KiB, 3.15: 118). What
 * is further away is looked up, so the number only saves reads. */
#define PLAIT_WALK_RUNTIME_MAIN (160 << 10)

/* 3.12 and later, when the thread state in walk->words is a sub-interpreter's: the thread's state in the main
 * interpreter, which called it; 0: none. Ends what is in walk->words. */
static inline plait_u64 plait_walk_main_tstate(plait_walk_memory memory, struct plait_walk *walk)
{
	const struct plait_walk_plan *plan = &walk->plan;
	plait_u64 interp = plait_walk_u64(walk->words, plan->tstate_interp), main = 0, tstate = 0;
	if (!plan->runtime_interpreters_main || interp - plan->runtime < PLAIT_WALK_RUNTIME_MAIN ||
	    plait_walk_read(memory, &main, sizeof(main), plan->runtime + plan->runtime_interpreters_main) ||
	    main == interp || plait_walk_read(memory, &tstate, sizeof(tstate), main + plan->interp_threads_head))
		return 0;
	for (int i = 0; i < PLAIT_WALK_TSTATES && tstate; i++) {
		if (plait_walk_fetch_tstate(memory, walk, tstate))
			return tstate;
		tstate = plait_walk_u64(walk->words, plan->tstate_next);
	}
	return 0;
}

#endif
