/*
 * One frame. Part of the walk: needs plait_walk_read() and plait_walk_read_some() (walk.h). Nothing that is read is
 * trusted.
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_FRAME_H
#define PLAIT_PYTHON_UNWIND_WALK_FRAME_H

#include "python_unwind/walk/cframe.h"
#include "python_unwind/walk/lasti.h"

/* enum _frameowner: 0 thread, 1 generator, 2 frame object, 3 and (3.14) 4: a shim on the C stack. */
#define PLAIT_WALK_OWNER_GENERATOR 1
#define PLAIT_WALK_OWNER_FRAME_OBJECT 2
#define PLAIT_WALK_OWNER_SHIM 3
#define PLAIT_WALK_OWNER_LAST 4

/* 3.12: CFrame and shim frame are locals of one native frame (112 bytes apart in GCC's builds): never further apart. */
#define PLAIT_WALK_SHIM_DISTANCE 2048

/* True when the walk runs in circles: the frame was seen before (Brent, "An improved Monte Carlo factorization
 * algorithm", 1980: one comparison a step). Callers nearly always lie below their callees, from 3.11 on, and a circle
 * does not only go down: what lies below the last frame is not compared. */
static inline bool plait_walk_is_cycle(struct plait_walk *walk)
{
	if (walk->frame < walk->inner)
		return false;
	if (walk->frame == walk->mark)
		return true;
	if (++walk->lap >= walk->power) {
		walk->mark = walk->frame;
		walk->power *= 2;
		walk->lap = 0;
	}
	return false;
}

/* 3.12 and later: the frame on the C stack with which an activation of the evaluator ends. */
static inline enum plait_walk_step plait_walk_shim(plait_walk_memory memory, struct plait_walk *walk,
						   plait_u64 previous, struct plait_wire_frame *ret)
{
	if (walk->innermost && walk->plan.shape == PLAIT_SHAPE_CFRAME_SHIM) {
		plait_u64 distance = walk->frame - walk->cframe + PLAIT_WALK_SHIM_DISTANCE;
		if (distance > 2 * PLAIT_WALK_SHIM_DISTANCE || !plait_walk_is_returned_to(memory, walk, previous))
			return PLAIT_STEP_BAD;
	}
	walk->innermost = 0;
	ret->code = ret->fingerprint = 0;
	ret->address = ret->anchor = walk->frame;
	ret->lasti = 0;
	ret->kind = PLAIT_PYTHON_ENTRY;
	walk->closed = 1;
	walk->frame = previous;
	walk->count++;
	return PLAIT_STEP_FRAME;
}

/* A frame that runs Python code; its code object lies in walk->code_words. */
static inline enum plait_walk_step plait_walk_python_frame(plait_walk_memory memory, struct plait_walk *walk,
							   const char *frame, plait_u64 code, plait_u64 previous,
							   struct plait_wire_frame *ret)
{
	const struct plait_walk_plan *plan = &walk->plan;
	plait_s32 lasti;
	if (!plait_walk_lasti(memory, walk, frame, code, &lasti))
		return PLAIT_STEP_BAD;
	ret->code = code;
	ret->fingerprint = walk->fingerprint;
	ret->address = walk->frame;
	ret->anchor = 0;
	ret->lasti = lasti;
	ret->kind = PLAIT_PYTHON_FRAME;
	walk->closed = plan->shape <= PLAIT_SHAPE_FRAME_OBJECT_CFRAME;
	if (plan->shape == PLAIT_SHAPE_FRAME_OBJECT_CFRAME) {
		ret->anchor = plait_walk_next_cframe(memory, walk);
	} else if (plan->shape == PLAIT_SHAPE_CFRAME) {
		plait_u8 is_entry = plait_walk_frame_u8(frame, plan->frame_is_entry);
		plait_u8 owner = plait_walk_frame_u8(frame, plan->frame_owner);
		if (is_entry > 1 || owner > PLAIT_WALK_OWNER_FRAME_OBJECT)
			return PLAIT_STEP_BAD;
		if (is_entry) {
			ret->anchor = walk->cframe;
			if (!plait_walk_leave_cframe(memory, walk, previous))
				return PLAIT_STEP_BAD;
		}
	}
	walk->frame = previous;
	walk->count++;
	return PLAIT_STEP_FRAME;
}

/* 3.13 and later put a frame of the static code object _Py_InitCleanup below an inlined __init__: no function of the
 * program. All its strings are one object, and it has no line (Python/specialize.c). */
static inline bool plait_walk_is_init_cleanup(const struct plait_walk *walk)
{
	const struct plait_walk_plan *plan = &walk->plan;
	return plan->shape == PLAIT_SHAPE_CURRENT_FRAME && !plait_walk_u32(walk->code_words, plan->code_first_line) &&
	       plait_walk_u64(walk->code_words, plan->code_name) ==
		       plait_walk_u64(walk->code_words, plan->code_filename);
}

/* Reads a code object's header into walk->code_words. The callee's is there already, and recursion is common. */
static inline bool plait_walk_fetch_code(plait_walk_memory memory, struct plait_walk *walk, plait_u64 code)
{
	if (walk->code == code)
		return true;
	walk->code = 0;
	if (plait_walk_read(memory, walk->code_words, walk->plan.code_size, code))
		return false;
	walk->fingerprint = plait_walk_fingerprint(&walk->plan, walk->code_words);
	walk->code = code;
	return true;
}

/* Reads walk->frame and moves on to the next; PLAIT_STEP_BAD when it is no frame. */
static inline enum plait_walk_step plait_walk_read_frame(plait_walk_memory memory, struct plait_walk *walk,
							 struct plait_wire_frame *ret)
{
	const struct plait_walk_plan *plan = &walk->plan;
	if ((walk->frame & 7) || plait_walk_is_cycle(walk) || !plait_walk_fetch_frame(memory, walk))
		return PLAIT_STEP_BAD;
	walk->steps++;
	const char *frame = plait_walk_frame(walk);
	plait_u64 previous = plait_walk_frame_u64(frame, plan->frame_previous);
	if (plan->shape >= PLAIT_SHAPE_CFRAME_SHIM) {
		plait_u8 owner = plait_walk_frame_u8(frame, plan->frame_owner);
		if (owner > PLAIT_WALK_OWNER_LAST)
			return PLAIT_STEP_BAD;
		if (owner >= PLAIT_WALK_OWNER_SHIM)
			return plait_walk_shim(memory, walk, previous, ret);
	}
	plait_u64 code = plait_walk_frame_u64(frame, plan->frame_code) & plan->code_mask;
	if (!code || (code & 7) || !plait_walk_fetch_code(memory, walk, code))
		return PLAIT_STEP_BAD;
	if (plait_walk_is_init_cleanup(walk)) {
		walk->closed = 0;
		walk->frame = previous;
		return PLAIT_STEP_SKIP;
	}
	return plait_walk_python_frame(memory, walk, frame, code, previous, ret);
}

#endif
