/*
 * Which code is the evaluator (_PyEval_EvalFrameDefault): its symbol's range, and what the compiler put elsewhere. Only
 * the versions without anchors (3.8, 3.9) are merged by it.
 */
#ifndef PLAIT_PYTHON_UNWIND_EVALUATOR_H
#define PLAIT_PYTHON_UNWIND_EVALUATOR_H

#include "python_unwind/binary_elf.h"
#include "python_unwind/runtime.h"

#define PLAIT_EVALUATOR_MOST 16 /* ranges */

struct plait_evaluator {
	struct plait_python_range ranges[PLAIT_EVALUATOR_MOST];
	size_t count;
};

/* Adds the range of `symbol`. Ignored when it is empty, already covered, or beyond PLAIT_EVALUATOR_MOST. */
void plait_evaluator_add(struct plait_evaluator *evaluator, uint64_t start, uint64_t end);

/* Adds the fragments that the ranges found so far jump to: a direct jump to code whose FDE does not begin as a
 * function's entry does leads to a part of the same function. Exact on the builds whose symbols could be compared
 * (Debian's 3.13 to 3.15). */
void plait_evaluator_add_fragments(struct plait_evaluator *evaluator, const struct plait_elf *elf);

#endif
