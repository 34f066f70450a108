/*
 * The CFrame, with which 3.10 to 3.12 leave a trace of each activation on the C stack. Part of the walk: needs
 * plait_walk_read() (walk.h).
 *
 * 3.11 and 3.12 publish it uninitialised for some instructions at each entry of the evaluator (Python/ceval.c:
 * `tstate->cframe = &cframe` comes before `cframe.current_frame = ...`): what an innermost one says is checked.
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_CFRAME_H
#define PLAIT_PYTHON_UNWIND_WALK_CFRAME_H

#include "python_unwind/walk_state.h"

static inline bool plait_walk_has_cframe(const struct plait_walk *walk)
{
	return walk->plan.shape == PLAIT_SHAPE_CFRAME || walk->plan.shape == PLAIT_SHAPE_CFRAME_SHIM;
}

/* Reads the CFrame at `cframe` into walk->code_words. */
static inline bool plait_walk_fetch_cframe(plait_walk_memory memory, struct plait_walk *walk, plait_u64 cframe)
{
	walk->code = 0;
	return cframe && !(cframe & 7) && !plait_walk_read(memory, walk->code_words, 24, cframe);
}

/* Makes the current_frame of the CFrame `cframe` the next frame. False when it cannot be read. */
static inline bool plait_walk_enter_cframe(plait_walk_memory memory, struct plait_walk *walk, plait_u64 cframe)
{
	walk->caller = 0;
	walk->frame = 0;
	walk->cframe = cframe;
	if (!plait_walk_fetch_cframe(memory, walk, cframe))
		return false;
	walk->frame = plait_walk_u64(walk->code_words, walk->plan.cframe_current_frame);
	walk->closed = cframe == walk->root; /* any other CFrame has a frame */
	if (cframe != walk->root)
		walk->caller = plait_walk_u64(walk->code_words, walk->plan.cframe_previous);
	return true;
}

/* At the end of the innermost activation: is `previous`, the frame that it returns to, the one that its caller's CFrame
 * has? The evaluator copies it from there (`previous = prev_cframe->current_frame`), so anything else is garbage. */
static inline bool plait_walk_is_returned_to(plait_walk_memory memory, struct plait_walk *walk, plait_u64 previous)
{
	return plait_walk_fetch_cframe(memory, walk, walk->caller) &&
	       plait_walk_u64(walk->code_words, walk->plan.cframe_current_frame) == previous;
}

/* 3.11: the frame ends its activation: its anchor is the CFrame, and the caller's CFrame is the next one. */
static inline bool plait_walk_leave_cframe(plait_walk_memory memory, struct plait_walk *walk, plait_u64 previous)
{
	walk->closed = 1;
	if (!walk->innermost) {
		if (!previous)
			return true;
		if (!plait_walk_fetch_cframe(memory, walk, walk->cframe))
			return false;
		walk->caller = plait_walk_u64(walk->code_words, walk->plan.cframe_previous);
	}
	if (!plait_walk_is_returned_to(memory, walk, previous))
		return false;
	walk->cframe = walk->caller;
	walk->innermost = 0;
	return true;
}

/* 3.10: the next CFrame is this frame's, one to one (plait_walk_finish() corrects). */
static inline plait_u64 plait_walk_next_cframe(plait_walk_memory memory, struct plait_walk *walk)
{
	plait_u64 cframe = walk->cframe;
	if (cframe == walk->root) {
		walk->unpaired++;
		return 0;
	}
	if (!plait_walk_fetch_cframe(memory, walk, cframe)) {
		walk->unpaired = 2; /* more than can be explained: the end will say so */
		return 0;
	}
	walk->cframe = plait_walk_u64(walk->code_words, walk->plan.cframe_previous);
	return cframe;
}

/*
 * 3.10: are the CFrames used up too? They may be one more or one fewer than the frames, always at the innermost: in the
 * first chain, as one of which others were entered is in the midst of a call. Not for frames that were sent on.
 */
static inline bool plait_walk_pair_cframes(plait_walk_memory memory, struct plait_walk *walk)
{
	bool root = walk->cframe == walk->root;
	if (root && !walk->unpaired)
		return true;
	walk->shift = root ? PLAIT_SHIFT_OUTWARDS : PLAIT_SHIFT_INWARDS;
	walk->shift_end = walk->count;
	walk->shift_cframe = walk->cframe;
	if (walk->chain_start || walk->flushed)
		return false;
	return root ? walk->unpaired == 1
		    : plait_walk_fetch_cframe(memory, walk, walk->cframe) &&
			       plait_walk_u64(walk->code_words, walk->plan.cframe_previous) == walk->root;
}

#endif
