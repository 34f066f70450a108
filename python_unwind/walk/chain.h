/*
 * One chain of Python frames, from a thread state outwards: its start, its end, and starting over. Part of the walk:
 * needs plait_walk_read() (walk.h).
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_CHAIN_H
#define PLAIT_PYTHON_UNWIND_WALK_CHAIN_H

#include "python_unwind/walk/frame.h"
#include "python_unwind/walk/thread.h"

static inline enum plait_walk_step plait_walk_end(struct plait_walk *walk, enum plait_walk_status status)
{
	walk->status = status;
	return PLAIT_STEP_END;
}

/* Starts on the thread state `tstate`, which lies in walk->words. False when its CFrame cannot be read. */
static inline bool plait_walk_start_chain(plait_walk_memory memory, struct plait_walk *walk, plait_u64 tstate)
{
	const struct plait_walk_plan *plan = &walk->plan;
	walk->walked[walk->chains++ & (PLAIT_WALK_CHAINS - 1)] = tstate;
	walk->chain_start = walk->count;
	walk->mark = 0;
	walk->lap = walk->steps = walk->unpaired = 0;
	walk->power = 1;
	walk->closed = walk->innermost = 1;
	walk->caller = walk->cframe = walk->base_frame = 0;
	walk->repaired = 0;
	walk->root = plan->tstate_root_cframe == PLAIT_NO_OFFSET ? 0 : tstate + plan->tstate_root_cframe;
	walk->frame = plait_walk_u64(walk->words, plan->tstate_frame);
	if (plan->tstate_base_frame != PLAIT_NO_OFFSET)
		walk->base_frame = plait_walk_u64(walk->words, plan->tstate_base_frame);
	if (plan->shape == PLAIT_SHAPE_FRAME_OBJECT_CFRAME)
		walk->cframe = plait_walk_u64(walk->words, plan->tstate_cframe);
	return !plait_walk_has_cframe(walk) || plait_walk_enter_cframe(memory, walk, walk->frame);
}

/* A check failed. What was read may come from a CFrame that the evaluator has published but not filled in: then the
 * activation has no frame yet, and its caller's CFrame is good. Tried once, while nothing has been sent on. A caller
 * that does not lie higher on the stack is uninitialised too. */
static inline enum plait_walk_step plait_walk_repair(plait_walk_memory memory, struct plait_walk *walk)
{
	plait_u64 caller = walk->caller;
	if (!caller || !walk->innermost || walk->repaired || walk->flushed > walk->chain_start ||
	    (caller <= walk->cframe && caller != walk->root))
		return plait_walk_end(walk, PLAIT_WALK_BROKEN);
	walk->repaired = 1;
	walk->count = walk->chain_start;
	walk->mark = walk->inner = 0;
	walk->lap = walk->steps = walk->piece_size = 0;
	walk->power = 1;
	if (!plait_walk_enter_cframe(memory, walk, caller))
		return plait_walk_end(walk, PLAIT_WALK_BROKEN);
	return PLAIT_STEP_SKIP;
}

/* Between two chains: looks at one more thread state, and starts on it if it is this thread's. Ends the walk when there
 * is none left. */
static inline enum plait_walk_step plait_walk_search(plait_walk_memory memory, struct plait_walk *walk)
{
	if (++walk->looked > PLAIT_WALK_SEARCH_MAX || walk->chains >= PLAIT_WALK_CHAINS)
		return plait_walk_end(walk, PLAIT_WALK_COMPLETE);
	if (!walk->candidate)
		return plait_walk_search_interp(memory, walk) ? PLAIT_STEP_SKIP
							      : plait_walk_end(walk, PLAIT_WALK_COMPLETE);
	plait_u64 tstate = plait_walk_search_tstate(memory, walk);
	if (!tstate)
		return PLAIT_STEP_SKIP;
	walk->searching = 0;
	if (!plait_walk_start_chain(memory, walk, tstate))
		return plait_walk_end(walk, PLAIT_WALK_BROKEN);
	return PLAIT_STEP_SKIP;
}

/* A chain was walked to its end: goes on to the thread's next state. */
static inline enum plait_walk_step plait_walk_next_chain(plait_walk_memory memory, struct plait_walk *walk)
{
	plait_u64 tstate = walk->pending;
	walk->pending = 0;
	if (walk->count == walk->chain_start)
		walk->chains--; /* idle: 3.12 leaves such a state behind with every interpreter that a thread creates */
	if (plait_walk_fetch_tstate(memory, walk, tstate)) {
		if (!plait_walk_start_chain(memory, walk, tstate))
			return plait_walk_end(walk, PLAIT_WALK_BROKEN);
		return PLAIT_STEP_SKIP;
	}
	if (!walk->looked && !plait_walk_search_begin(memory, walk))
		return plait_walk_end(walk, PLAIT_WALK_COMPLETE);
	walk->searching = 1;
	return PLAIT_STEP_SKIP;
}

/* The chain has no further frame: is that its proper end, and is there another thread state? */
static inline enum plait_walk_step plait_walk_chain_end(plait_walk_memory memory, struct plait_walk *walk)
{
	if (!walk->closed) {
		/* 3.12 may publish a generator's frame before its `previous`: the callers are out of reach. */
		if (walk->steps == 1 &&
		    plait_walk_frame_u8(plait_walk_frame(walk), walk->plan.frame_owner) == PLAIT_WALK_OWNER_GENERATOR)
			walk->repaired = 1;
		return plait_walk_repair(memory, walk);
	}
	if (walk->plan.shape == PLAIT_SHAPE_FRAME_OBJECT_CFRAME && !plait_walk_pair_cframes(memory, walk)) {
		walk->shift = PLAIT_SHIFT_NONE;
		return plait_walk_end(walk, PLAIT_WALK_BROKEN);
	}
	return plait_walk_next_chain(memory, walk);
}

#endif
