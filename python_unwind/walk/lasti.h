/*
 * Which instruction a frame is at. Part of the walk: needs plait_walk_read() (walk.h).
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_LASTI_H
#define PLAIT_PYTHON_UNWIND_WALK_LASTI_H

#include "python_unwind/walk/piece.h"

/* Bytes of bytecode in a code object that are believed. */
#define PLAIT_WALK_LASTI_MAX (1 << 28)

/* Sets `*ret` to the byte offset of the frame's instruction in its bytecode. False when it is not in it. */
static inline bool plait_walk_lasti(plait_walk_memory memory, const struct plait_walk *walk, const char *frame,
				    plait_u64 code, plait_s32 *ret)
{
	const struct plait_walk_plan *plan = &walk->plan;
	if (plan->instr_is_lasti) {
		*ret = (plait_s32)(plait_walk_frame_u32(frame, plan->frame_instr) * plan->lasti_unit);
		return *ret < PLAIT_WALK_LASTI_MAX;
	}

	plait_u64 base = code + plan->code_adaptive;
	if (plan->code_tlbc != PLAIT_NO_OFFSET) {
		/* Free-threaded 3.14+: each thread has its copy: { Py_ssize_t size; char *entries[size]; }. */
		plait_u64 table = plait_walk_u64(walk->code_words, plan->code_tlbc);
		plait_u64 index = plait_walk_frame_u32(frame, plan->frame_tlbc_index);
		if (table && (plait_walk_read(memory, &base, sizeof(base), table + 8 + 8 * index) || !base))
			return false;
	}
	/* 3.11 and 3.12: one code unit before the first instruction while it has not started. */
	plait_u64 offset = plait_walk_frame_u64(frame, plan->frame_instr) - base + 2;
	*ret = (plait_s32)offset - 2;
	return offset < PLAIT_WALK_LASTI_MAX + 2;
}

#endif
