/*
 * A thread's pointer to itself and its thread-locals, as glibc lays them out. Part of the walk: needs plait_walk_read()
 * (walk.h).
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_TLS_H
#define PLAIT_PYTHON_UNWIND_WALK_TLS_H

#include "python_unwind/walk_state.h"

/* What pthread_self() gives in that thread: what PyThreadState.thread_id holds. */
static inline plait_u64 plait_walk_thread_id(const struct plait_walk *walk)
{
	return walk->tp - walk->plan.thread_block;
}

/* Linux on aarch64 saves the thread pointer when it switches to another thread: that of a first thread is the one from
 * before the exec until then, by which no thread state is found (each says whose it is). The runtime knows the right
 * one, if it was this thread that initialised it. True when walk->tp is another one now. */
static inline bool plait_walk_mend_tp(plait_walk_memory memory, struct plait_walk *walk)
{
	plait_u64 main_thread = 0;
	plait_u32 tid = 0;
	if (!walk->plan.runtime_main_thread || !walk->first_tid ||
	    plait_walk_read(memory, &main_thread, sizeof(main_thread),
			    walk->plan.runtime + walk->plan.runtime_main_thread) ||
	    main_thread == plait_walk_thread_id(walk) ||
	    plait_walk_read(memory, &tid, sizeof(tid), main_thread + walk->plan.tid_offset) || tid != walk->first_tid)
		return false;
	walk->tp = main_thread + walk->plan.thread_block;
	return true;
}

/* Where the TLS block of the module with that id is: the thread's dtv has one slot of two words a module. */
static inline bool plait_walk_dtv(plait_walk_memory memory, const struct plait_walk *walk, plait_u64 module,
				  plait_u64 *ret)
{
	plait_u64 dtv = 0;
	return !plait_walk_read(memory, &dtv, sizeof(dtv), walk->tp + walk->plan.dtv_offset) &&
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
	if (variable->kind == PLAIT_TLS_GOT || (long long)word < (long long)walk->plan.tls_static_limit) {
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

#endif
