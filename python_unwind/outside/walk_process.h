/*
 * The walk over the Python frames of a thread of another process (stopped, or known not to run meanwhile), or of
 * captured memory.
 */
#ifndef PLAIT_PYTHON_UNWIND_OUTSIDE_WALK_PROCESS_H
#define PLAIT_PYTHON_UNWIND_OUTSIDE_WALK_PROCESS_H

#include "common/memory.h"
#include "common/sample.h"
#include "python_unwind/walk_plan.h"

/* Reads the frames of the thread whose thread pointer is `tp` into `frames` (room for `max`, owned by the caller) and
 * describes them in `ret`, which points into `frames`. Cannot fail: ret->status says what was found. */
void plait_python_walk(const struct plait_walk_plan *plan, const struct plait_memory *memory, uint64_t tp,
		       struct plait_python_frame *frames, size_t max, struct plait_python_chain *ret);

/* Copies the code object of `frame`, all but `pid`. False when some of it could not be read. */
bool plait_python_copy_code(const struct plait_walk_plan *plan, const struct plait_memory *memory,
			    const struct plait_python_frame *frame, struct plait_wire_code *ret);

/* Whether the thread has a thread state attached: until 3.11 it is the one that holds the GIL, from 3.12 on likewise,
 * but in free-threaded builds several may be. */
bool plait_python_walk_is_attached(const struct plait_walk_plan *plan, const struct plait_memory *memory, uint64_t tp);

#endif
