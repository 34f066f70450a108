/*
 * Frames that were read after the sample, of which it is known that they all stood at the sample: were there others
 * inside of them? Each activation of the evaluator is a native frame of the sample, so none may be further in than that
 * of the innermost Python frame. Where the copied stack ends before, it must be known that nothing was called
 * meanwhile.
 */
#include "python_unwind/merge.h"

static bool is_evaluator(const struct plait_native_stack *native, size_t i)
{
	return native->frames[i].flags & PLAIT_NATIVE_EVALUATOR;
}

/* The native frame in which `anchor` lies; native->count: none. */
static size_t frame_of(const struct plait_native_stack *native, uint64_t anchor)
{
	size_t i = 0;
	while (i < native->count && !(anchor >= native->frames[i].sp && anchor < native->frames[i].cfa))
		i++;
	return i;
}

/* Evaluator code inside of native frame `at`, other than the opcode handler of a tail-call build, which is part of it.
 */
static bool has_evaluator_inside(const struct plait_native_stack *native, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		bool handler = i + 1 == at && native->frames[i].module == native->frames[at].module &&
			       !(native->frames[i].flags & PLAIT_NATIVE_GAP);
		if (is_evaluator(native, i) && !handler)
			return true;
	}
	return false;
}

/* By anchors: the innermost one lies in the innermost evaluator, and no other one in code that is none. */
static bool anchors_fit(const struct plait_native_stack *native, const struct plait_python_chain *python)
{
	bool innermost = true;
	for (size_t i = 0; i < python->count; i++) {
		uint64_t anchor = python->frames[i].anchor;
		if (!anchor)
			continue;
		size_t at = frame_of(native, anchor);
		if (at < native->count && !is_evaluator(native, at))
			return false;
		if (innermost && at == native->count && !(python->settled && native->end != PLAIT_UNWIND_COMPLETE))
			return false;
		if (innermost && ((python->per_frame && i > 0) || has_evaluator_inside(native, at)))
			return false;
		innermost = false;
	}
	return !innermost;
}

/* Whether native frame `frame` keeps `pointer` in its part of the copied stack. */
static bool holds(const struct plait_native_stack *native, size_t frame, uint64_t pointer)
{
	uint64_t word, at = native->frames[frame].sp;
	for (; native->copy && at + 8 <= native->frames[frame].cfa; at += 8)
		if (plait_stack_u64(native->copy, at, &word) && word == pointer)
			return true;
	return false;
}

/* By number (3.8, 3.9), where every Python frame is an activation; of a cut stack, the innermost evaluator must keep
 * the pointer to the innermost Python frame. */
static bool numbers_fit(const struct plait_native_stack *native, const struct plait_python_chain *python)
{
	size_t evaluators = 0, innermost = 0;
	for (size_t i = native->count; i-- > 0;) {
		if (native->frames[i].flags & PLAIT_NATIVE_GAP)
			return false;
		if (is_evaluator(native, i)) {
			evaluators++;
			innermost = i;
		}
	}
	if (native->end == PLAIT_UNWIND_COMPLETE)
		return evaluators == python->count;
	return evaluators <= python->count &&
	       (python->settled || (evaluators && holds(native, innermost, python->frames[0].address)));
}

bool plait_merge_is_proven(const struct plait_native_stack *native, const struct plait_python_chain *python)
{
	if (!python->count)
		return false;
	for (size_t i = 0; i < python->count; i++)
		if (python->frames[i].anchor)
			return anchors_fit(native, python);
	return python->per_frame && numbers_fit(native, python);
}
