/*
 * What holds of every merged stack, whatever went in. For the property test and the fuzz target of the merge.
 */
#ifndef PLAIT_TESTS_UNIT_MERGE_INVARIANTS_H
#define PLAIT_TESTS_UNIT_MERGE_INVARIANTS_H

#include <stdlib.h>

#include "python_unwind/merge.h"

/* A native frame may be left out only where an anchor lies in it, or where it is known evaluator code. */
static inline bool may_be_replaced(const struct plait_native_frame *frame, const struct plait_python_chain *python)
{
	if (frame->flags & PLAIT_NATIVE_EVALUATOR)
		return true;
	for (size_t i = 0; i < python->count; i++)
		if (python->frames[i].anchor && python->frames[i].anchor >= frame->sp &&
		    python->frames[i].anchor < frame->cfa)
			return true;
	return false;
}

/* Native frames: in order, none twice, none missing without a reason. */
static inline const char *check_natives(const struct plait_native_stack *native,
					const struct plait_python_chain *python,
					const struct plait_hybrid_stack *merged)
{
	size_t next = 0;

	for (size_t i = 0; i <= merged->count; i++) {
		size_t index = native->count;
		if (i < merged->count && merged->frames[i].kind != PLAIT_HYBRID_NATIVE)
			continue;
		if (i < merged->count)
			index = merged->frames[i].index;
		if (index < next || (i < merged->count && index >= native->count))
			return "native frames are out of order";
		for (; next < index; next++)
			if (!may_be_replaced(&native->frames[next], python))
				return "a native frame was dropped";
		next = index + 1;
	}
	return NULL;
}

/* Whether the chain's anchors ascend: only then does the merge promise to keep its order. */
static inline bool anchors_ascend(const struct plait_python_chain *python)
{
	uint64_t highest = 0;

	for (size_t i = 0; i < python->count; i++) {
		uint64_t anchor = python->frames[i].anchor;
		if (anchor && anchor < highest)
			return false;
		highest = anchor ? anchor : highest;
	}
	return true;
}

static inline bool natives_ascend(const struct plait_native_stack *native)
{
	for (size_t i = 0; i + 1 < native->count; i++)
		if (native->frames[i].sp > native->frames[i + 1].sp)
			return false;
	return true;
}

/* Python frames: each that runs code exactly once, in order; none of a failed walk. */
static inline const char *check_pythons(const struct plait_native_stack *native,
					const struct plait_python_chain *python,
					const struct plait_hybrid_stack *merged)
{
	bool shown = python->status == PLAIT_WALK_COMPLETE || python->status == PLAIT_WALK_TOO_DEEP;
	bool ordered = anchors_ascend(python) && natives_ascend(native);
	unsigned *times = calloc(python->count + 1, sizeof(*times));
	const char *wrong = times ? NULL : "no memory";
	size_t least = 0;

	for (size_t i = 0; i < merged->count && !wrong; i++) {
		uint32_t index = merged->frames[i].index;
		if (merged->frames[i].kind != PLAIT_HYBRID_PYTHON)
			continue;
		if (index >= python->count || !shown || python->frames[index].kind == PLAIT_PYTHON_ENTRY)
			wrong = "a Python frame that must not be shown";
		else if (times[index]++)
			wrong = "a Python frame twice";
		else if (ordered && index < least)
			wrong = "Python frames are out of order";
		least = index;
	}
	for (size_t i = 0; i < python->count && !wrong && shown; i++)
		if (!times[i] && python->frames[i].kind != PLAIT_PYTHON_ENTRY)
			wrong = "a Python frame was dropped";
	free(times);
	return wrong;
}

/* A mark for each quality bit, and a bit for each mark. */
static inline const char *check_quality(const struct plait_native_stack *native,
					const struct plait_hybrid_stack *merged)
{
	uint32_t expected = 0;

	for (size_t i = 0; i < native->count; i++)
		expected |= native->frames[i].flags & PLAIT_NATIVE_DERIVED ? PLAIT_QUALITY_DERIVED : 0;
	for (size_t i = 0; i < merged->count; i++) {
		uint32_t kind = merged->frames[i].kind;
		expected |= kind == PLAIT_HYBRID_GAP ? PLAIT_QUALITY_GAP : 0;
		expected |= kind == PLAIT_HYBRID_TRUNCATED ? PLAIT_QUALITY_TRUNCATED : 0;
		expected |= kind == PLAIT_HYBRID_UNMERGED ? PLAIT_QUALITY_UNMERGED : 0;
		if (kind > PLAIT_HYBRID_UNMERGED)
			return "a frame of no kind";
	}
	return merged->quality == expected ? NULL : "marks and quality differ";
}

/* NULL, or what is wrong. */
static inline const char *check_invariants(const struct plait_native_stack *native,
					   const struct plait_python_chain *python,
					   const struct plait_hybrid_stack *merged)
{
	const char *wrong = check_natives(native, python, merged);

	wrong = wrong ? wrong : check_pythons(native, python, merged);
	return wrong ? wrong : check_quality(native, merged);
}

#endif
