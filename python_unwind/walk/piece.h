/*
 * The piece of memory that frames are read from. Part of the walk: needs plait_walk_read_some() (walk.h).
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_PIECE_H
#define PLAIT_PYTHON_UNWIND_WALK_PIECE_H

#include "python_unwind/walk_state.h"

/* Memory is there or not by pages: of this size, or of a multiple (aarch64). */
#define PLAIT_WALK_PAGE 4096

/* Whether walk->frame is likely to have its callers right below it: it lies so itself, or is the innermost one, which
 * nearly always is no generator's. */
static inline bool plait_walk_has_neighbours(const struct plait_walk *walk)
{
	return walk->inner ? walk->inner - walk->frame <= PLAIT_WALK_PIECE : walk->plan.shape >= PLAIT_SHAPE_CFRAME;
}

/* Fetches walk->frame, and with it those below, as far as they are on its page: what is read does not go beyond memory
 * that is known to be there. */
static inline bool plait_walk_fetch_frame(plait_walk_memory memory, struct plait_walk *walk)
{
	plait_u64 frame = walk->frame, size = walk->plan.frame_size, at = frame - walk->piece;
	if (at > PLAIT_WALK_PIECE || at + size > walk->piece_size) {
		plait_u64 start = frame, low = frame & -(plait_u64)PLAIT_WALK_PAGE;
		if (plait_walk_has_neighbours(walk))
			start = frame + size - low <= PLAIT_WALK_PIECE ? low : frame + size - PLAIT_WALK_PIECE;
		walk->piece_size = 0;
		if (plait_walk_read_some(memory, walk->piece_words, frame + size - start, 2 * PLAIT_WALK_PIECE - 1,
					 start))
			return false;
		at = frame - start;
		walk->piece = start;
		walk->piece_size = at + size;
	}
	walk->piece_at = at;
	walk->inner = frame;
	return true;
}

/* The frame that was read last, and its fields. */
static inline const char *plait_walk_frame(const struct plait_walk *walk)
{
	return (const char *)walk->piece_words + (walk->piece_at & (2 * PLAIT_WALK_PIECE - 1));
}

static inline plait_u64 plait_walk_frame_u64(const char *frame, plait_u8 offset)
{
	return *(const plait_walk_field_u64 *)(frame + offset);
}

static inline plait_u32 plait_walk_frame_u32(const char *frame, plait_u8 offset)
{
	return *(const plait_walk_field_u32 *)(frame + offset);
}

static inline plait_u8 plait_walk_frame_u8(const char *frame, plait_u8 offset)
{
	return *(const plait_u8 *)(frame + offset);
}

#endif
