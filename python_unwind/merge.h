/*
 * The merge: native frames and Python frames of one sample become one hybrid stack. A pure function.
 *
 * Rule: an anchor lies inside the native frame F with sp(F) <= anchor < cfa(F), and F is that activation of the
 * evaluator. The Python frames of an activation replace its native frame; callees stay above, callers below.
 * docs/hybrid-unwinding.md explains the rule and its exceptions.
 */
#ifndef PLAIT_PYTHON_UNWIND_MERGE_H
#define PLAIT_PYTHON_UNWIND_MERGE_H

#include "common/error.h"
#include "common/frame.h"
#include "common/sample.h"

/* Merges into `ret` (its array is reused and grown; frames owned by the caller: plait_hybrid_stack_release()).
 * ret->quality has GAP, TRUNCATED, UNMERGED and DERIVED as they apply. Kernel frames are not its business. */
struct plait_error *plait_merge(const struct plait_native_stack *native, const struct plait_python_chain *python,
				struct plait_hybrid_stack *ret);

/* Whether Python frames that were read after the sample, and are known to have stood at the sample, are all there were:
 * `native` has no activation of the evaluator inside of theirs. Needs known evaluator code: without, nothing is proven.
 */
bool plait_merge_is_proven(const struct plait_native_stack *native, const struct plait_python_chain *python);

void plait_hybrid_stack_release(struct plait_hybrid_stack *stack);

#endif
