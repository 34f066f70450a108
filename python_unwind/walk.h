/*
 * The walk over a thread's CPython frames: one source, compiled into the BPF program, into the reader of other
 * processes (outside/walk_process.c), and wherever else frames are read. It knows no CPython version: the plan does.
 *
 * Its only primitive is "read memory": before this header, the includer defines
 *     typedef ... plait_walk_memory;
 *     static inline int plait_walk_read(plait_walk_memory memory, void *to, plait_u32 size, plait_u64 address);
 *     static inline int plait_walk_read_some(plait_walk_memory memory, void *to, plait_u64 size, plait_u64 mask,
 *                                            plait_u64 address);
 * which copy `size` bytes of the process and return 0, or another number when not all were there: the first at most
 * 256, the second any number; `mask` is a constant, all ones, not below it (a BPF verifier wants one).
 *
 * Use: set walk->plan, walk->tp and walk->first_tid, then
 *     if (plait_walk_begin(memory, &walk))
 *             while (plait_walk_step(memory, &walk, &frames[walk.count - walk.flushed]) != PLAIT_STEP_END)
 *                     ... make room, or give up with PLAIT_WALK_TOO_DEEP ...
 *     plait_walk_finish(&walk, frames, capacity);
 * walk.count frames are there, innermost first, and walk.status says how good they are. A caller that hands frames on
 * before the end adds them to walk.flushed; what was flushed can no longer be corrected.
 *
 * A thread may have several thread states with frames on its stack (sub-interpreters): the active one is walked first,
 * it is the innermost, then the one bound to the thread, then, from 3.10 on, all others that have this thread's id.
 * Their frames follow each other in one list, which is in the stack's order only within a chain: the anchors tell.
 *
 * docs/hybrid-unwinding.md has the rules and the measurements behind them.
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_H
#define PLAIT_PYTHON_UNWIND_WALK_H

#include "python_unwind/walk/chain.h"

/* Fetches the thread's state, that of its innermost frames; 0 when it has none. walk->pending: its other one, if it has
 * two. */
static inline plait_u64 plait_walk_find_tstate(plait_walk_memory memory, struct plait_walk *walk)
{
	struct plait_walk_gilstate gilstate;
	plait_walk_read_gilstate(memory, walk, &gilstate);
	plait_u64 active = plait_walk_active_tstate(memory, walk, &gilstate);
	plait_u64 bound = plait_walk_bound_tstate(memory, walk, &gilstate);
	if (plait_walk_fetch_tstate(memory, walk, active)) {
		if (bound != active)
			walk->pending = bound;
		return active;
	}
	return plait_walk_fetch_tstate(memory, walk, bound) ? bound : 0;
}

/* Finds the thread's state and its innermost frame. False when there is nothing to walk: walk->status says why. */
static inline bool plait_walk_begin(plait_walk_memory memory, struct plait_walk *walk)
{
	walk->status = PLAIT_WALK_NO_THREAD;
	walk->pending = walk->code = walk->inner = 0;
	walk->piece_size = 0;
	walk->candidate = walk->chains = 0;
	walk->count = walk->flushed = walk->chain_start = 0;
	walk->searching = walk->looked = 0;
	walk->shift = PLAIT_SHIFT_NONE;

	plait_u64 tstate = plait_walk_find_tstate(memory, walk);
	if (!tstate && plait_walk_mend_tp(memory, walk))
		tstate = plait_walk_find_tstate(memory, walk);
	if (!tstate)
		return false;
	if (!plait_walk_start_chain(memory, walk, tstate)) {
		walk->status = PLAIT_WALK_BROKEN;
		return false;
	}
	return true;
}

/* One step outwards: PLAIT_STEP_FRAME when `ret` was filled in (and walk->count has grown), PLAIT_STEP_SKIP when there
 * was nothing to show (walk->count may have shrunk: the walk started over), PLAIT_STEP_END at the end. */
static inline enum plait_walk_step plait_walk_step(plait_walk_memory memory, struct plait_walk *walk,
						   struct plait_wire_frame *ret)
{
	if (walk->searching)
		return plait_walk_search(memory, walk);
	if (!walk->frame || walk->frame == walk->base_frame)
		return plait_walk_chain_end(memory, walk);
	enum plait_walk_step step = plait_walk_read_frame(memory, walk, ret);
	if (step == PLAIT_STEP_BAD)
		return plait_walk_repair(memory, walk);
	return step;
}

/*
 * 3.10: the innermost CFrame is unpublished just before its frame, and published just before it. Only the end of both
 * chains tells which, so the anchors were dealt out one to one and are moved by one here when they did not come out
 * even. `frames` are the walk->count - walk->flushed last ones, `capacity` is a constant not below that.
 */
static inline void plait_walk_finish(struct plait_walk *walk, struct plait_wire_frame *frames, plait_u32 capacity)
{
	if (walk->shift == PLAIT_SHIFT_NONE)
		return;
	if (walk->flushed) { /* by a chain after the first: too late */
		walk->status = PLAIT_WALK_BROKEN;
		return;
	}
	/* Read anew in each round: a BPF verifier follows every value that a register may have. */
	const volatile struct plait_walk *now = walk;
	plait_u64 carry = 0;
	for (plait_u32 i = 0; i < capacity; i++) {
		if (i >= now->shift_end || i >= now->count)
			break;
		plait_u64 own = frames[i].anchor;
		if (now->shift == PLAIT_SHIFT_OUTWARDS)
			frames[i].anchor = carry; /* the innermost frame has none left */
		else if (i + 1 < capacity && i + 1 < now->shift_end && i + 1 < now->count)
			frames[i].anchor = frames[i + 1].anchor;
		else
			frames[i].anchor = walk->shift_cframe;
		carry = own;
	}
}

#endif
