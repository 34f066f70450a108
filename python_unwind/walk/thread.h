/*
 * From a thread pointer to the thread's Python thread states. Part of the walk: needs plait_walk_read() (walk.h).
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_THREAD_H
#define PLAIT_PYTHON_UNWIND_WALK_THREAD_H

#include "python_unwind/walk/tls.h"

/* Bytes of a PyThreadState that hold all fields that the walk wants. */
#define PLAIT_WALK_TSTATE_SIZE 192

/* glibc keeps the first 32 keys' values in struct pthread itself (nptl/descr.h, specific_1stblock). */
#define PLAIT_WALK_TSD_KEYS 32

/* What _PyRuntime says: gilstate.tstate_current (<= 3.11: one for the process, that of whoever holds the GIL) and, not
 * far behind it, gilstate.autoTSSkey (before 3.15). */
struct plait_walk_gilstate {
	plait_u64 tstate_current, autotsskey; /* 0: none */
};

static inline void plait_walk_read_gilstate(plait_walk_memory memory, struct plait_walk *walk,
					    struct plait_walk_gilstate *ret)
{
	plait_u32 current = walk->plan.runtime_tstate_current, key = walk->plan.runtime_autotsskey;
	plait_u32 start = current ? current : key;
	ret->tstate_current = ret->autotsskey = 0;
	if (!start || plait_walk_read(memory, walk->words, (key ? key - start : 0) + 8, walk->plan.runtime + start))
		return;
	if (current)
		ret->tstate_current = plait_walk_u64(walk->words, 0);
	if (key)
		ret->autotsskey = plait_walk_u64(walk->words, key - start);
}

/* What pthread_getspecific(autoTSSkey) gives in that thread. */
static inline plait_u64 plait_walk_tsd(plait_walk_memory memory, const struct plait_walk *walk, plait_u64 autotsskey)
{
	plait_u64 value = 0, key = autotsskey >> 32; /* Py_tss_t { int initialized; pthread_key_t key } */
	if (!(plait_u32)autotsskey || key >= PLAIT_WALK_TSD_KEYS)
		return 0;
	/* struct pthread_key_data { uintptr_t seq; void *data } */
	if (plait_walk_read(memory, &value, sizeof(value),
			    plait_walk_thread_id(walk) + walk->plan.tsd_offset + 16 * key + 8))
		return 0;
	return value;
}

/* The thread state that the thread works with now (the innermost one); 0 while it has none attached. */
static inline plait_u64 plait_walk_active_tstate(plait_walk_memory memory, struct plait_walk *walk,
						 const struct plait_walk_gilstate *gilstate)
{
	return walk->plan.tls_current.kind != PLAIT_TLS_NONE ? plait_walk_tls(memory, walk, &walk->plan.tls_current)
							     : gilstate->tstate_current;
}

/* The thread state bound to the thread, attached or not; 0: it has none. */
static inline plait_u64 plait_walk_bound_tstate(plait_walk_memory memory, struct plait_walk *walk,
						const struct plait_walk_gilstate *gilstate)
{
	return walk->plan.tls_gilstate.kind != PLAIT_TLS_NONE ? plait_walk_tls(memory, walk, &walk->plan.tls_gilstate)
							      : plait_walk_tsd(memory, walk, gilstate->autotsskey);
}

/* Fetches the thread state into walk->words. True when it belongs to this thread. */
static inline bool plait_walk_fetch_tstate(plait_walk_memory memory, struct plait_walk *walk, plait_u64 tstate)
{
	return tstate && !(tstate & 7) && !plait_walk_read(memory, walk->words, PLAIT_WALK_TSTATE_SIZE, tstate) &&
	       plait_walk_u64(walk->words, walk->plan.tstate_thread_id) == plait_walk_thread_id(walk);
}

/* Thread states and interpreters that are looked at in one search. A read costs some 0.1 us, so a process with very
 * many threads could make each sample expensive; what is not found is marked as missing by the merge. */
#define PLAIT_WALK_SEARCH_MAX 1024

/* Starts a search through all thread states of all interpreters. False when there is none to be made: the process has
 * no sub-interpreter (new ones are put before the main one), or the version's lists are not known. */
static inline bool plait_walk_search_begin(plait_walk_memory memory, struct plait_walk *walk)
{
	plait_u64 list[2] = { 0, 0 }; /* struct pyinterpreters { ... *head, *main; ... } (all of 3.8 to 3.15) */
	if (!walk->plan.runtime_interpreters_head ||
	    plait_walk_read(memory, list, sizeof(list), walk->plan.runtime + walk->plan.runtime_interpreters_head))
		return false;
	walk->interp_next = list[0];
	walk->interp = walk->candidate = 0;
	return list[0] && list[0] != list[1];
}

/* Goes on to the next interpreter. False at the end of the list, or where it cannot be read. */
static inline bool plait_walk_search_interp(plait_walk_memory memory, struct plait_walk *walk)
{
	const struct plait_walk_plan *plan = &walk->plan;
	walk->interp = walk->interp_next;
	return walk->interp && !(walk->interp & 7) &&
	       !plait_walk_read(memory, &walk->candidate, 8, walk->interp + plan->interp_threads_head) &&
	       !plait_walk_read(memory, &walk->interp_next, 8, walk->interp + plan->interp_next);
}

/* Looks at the candidate and goes on to the one after it. Returns the candidate, fetched into walk->words, when it is
 * a state of this thread that was not walked yet; else 0. */
static inline plait_u64 plait_walk_search_tstate(plait_walk_memory memory, struct plait_walk *walk)
{
	const struct plait_walk_plan *plan = &walk->plan;
	plait_u64 tstate = walk->candidate;
	walk->candidate = 0;
	if ((tstate & 7) || plait_walk_read(memory, walk->words, PLAIT_WALK_TSTATE_SIZE, tstate) ||
	    plait_walk_u64(walk->words, plan->tstate_interp) != walk->interp)
		return 0; /* no thread state any more: the rest of the list is out of reach */
	walk->candidate = plait_walk_u64(walk->words, plan->tstate_next);
	if (plait_walk_u64(walk->words, plan->tstate_thread_id) != plait_walk_thread_id(walk))
		return 0;
	for (plait_u32 i = 0; i < PLAIT_WALK_CHAINS; i++) {
		if (i < walk->chains && walk->walked[i] == tstate)
			return 0;
	}
	return tstate;
}

#endif
