#include "python_unwind/merge.h"

#include <stdlib.h>

#include "common/cleanup.h"
#include "common/vec.h"
#include "python_unwind/merge_place.h"

/* ---- reading the chain ---- */

/* Whether the chain's frames may be shown. */
static bool chain_is_readable(const struct plait_python_chain *python)
{
	return python->status == PLAIT_WALK_COMPLETE || python->status == PLAIT_WALK_TOO_DEEP;
}

/* Whether Python frames are known to be missing altogether: the walk failed, or there is none although the thread is
 * in evaluator code. */
static bool chain_is_missing(const struct plait_native_stack *native, const struct plait_python_chain *python)
{
	if (chain_is_readable(python))
		return false;
	if ((python->status != PLAIT_WALK_NO_RUNTIME && python->status != PLAIT_WALK_NO_THREAD) || python->count)
		return true;
	for (size_t i = 0; i < native->count; i++)
		if (native->frames[i].flags & PLAIT_NATIVE_EVALUATOR)
			return true;
	return false;
}

static void close_activation(struct plait_merge *merge, size_t first, size_t end, uint64_t anchor)
{
	if (first == end && !anchor)
		return;
	merge->activations[merge->activation_count++] = (struct plait_merge_activation) {
		.anchor = anchor,
		.first = first,
		.count = end - first,
		.next_unmerged = PLAIT_MERGE_NONE,
	};
}

/* Groups the chain into activations: frames up to and with the next one that has an anchor. */
static void group(struct plait_merge *merge)
{
	const struct plait_python_chain *python = merge->python;
	size_t first = 0;

	for (size_t i = 0; i < python->count; i++) {
		const struct plait_python_frame *frame = &python->frames[i];
		if (frame->kind == PLAIT_PYTHON_ENTRY)
			close_activation(merge, first, i, frame->anchor);
		else if (frame->anchor || python->per_frame)
			close_activation(merge, first, i + 1, frame->anchor);
		else
			continue;
		first = i + 1;
	}
	close_activation(merge, first, python->count, 0);
}

/* 3.8 and 3.9 have no anchors at all; of 3.10's, only the innermost may be missing. */
static bool is_without_anchors(const struct plait_merge *merge)
{
	for (size_t i = 0; i < merge->activation_count; i++)
		if (merge->activations[i].anchor)
			return false;
	return merge->python->per_frame;
}

/* Hangs the unmerged activations into their slots, in the chain's order. */
static void fill_slots(struct plait_merge *merge)
{
	for (size_t i = 0; i < merge->activation_count; i++) {
		const struct plait_merge_activation *activation = &merge->activations[i];
		if (activation->place != PLAIT_PLACE_UNMERGED || !activation->count)
			continue;
		struct plait_merge_native *slot = &merge->natives[activation->at];
		if (slot->first_unmerged == PLAIT_MERGE_NONE)
			slot->first_unmerged = i;
		else
			merge->activations[slot->last_unmerged].next_unmerged = i;
		slot->last_unmerged = i;
	}
}

/* ---- writing the stack ---- */

struct output {
	const struct plait_merge *merge;
	struct plait_hybrid_stack *stack; /* has room for everything */
	bool outer_python_is_missing;	  /* the walk was too deep, and this is not marked yet */
};

static void put(struct output *output, enum plait_hybrid_kind kind, size_t index)
{
	output->stack->frames[output->stack->count++] = (struct plait_hybrid_frame) { .kind = kind, .index = index };
}

/* A marker, unless the same one is there already, and its quality bit. */
static void put_marker(struct output *output, enum plait_hybrid_kind kind)
{
	struct plait_hybrid_stack *stack = output->stack;

	if (kind == PLAIT_HYBRID_GAP)
		stack->quality |= PLAIT_QUALITY_GAP;
	else if (kind == PLAIT_HYBRID_TRUNCATED)
		stack->quality |= PLAIT_QUALITY_TRUNCATED;
	else
		stack->quality |= PLAIT_QUALITY_UNMERGED;
	if (!stack->count || stack->frames[stack->count - 1].kind != (uint32_t)kind)
		put(output, kind, 0);
}

/* The Python frames of an activation, and the mark of a walk that ended there. */
static void put_activation(struct output *output, uint32_t index)
{
	const struct plait_merge_activation *activation = &output->merge->activations[index];

	for (uint32_t i = 0; i < activation->count; i++)
		put(output, PLAIT_HYBRID_PYTHON, activation->first + i);
	if (output->outer_python_is_missing && index == output->merge->activation_count - 1) {
		put_marker(output, PLAIT_HYBRID_TRUNCATED);
		output->outer_python_is_missing = false;
	}
}

static void put_slot(struct output *output, size_t slot)
{
	uint32_t index = output->merge->natives[slot].first_unmerged;

	if (index != PLAIT_MERGE_NONE)
		put_marker(output, PLAIT_HYBRID_UNMERGED);
	for (; index != PLAIT_MERGE_NONE; index = output->merge->activations[index].next_unmerged)
		put_activation(output, index);
}

/* Whether Python frames stand for native frame `i`: it is an activation that has some, or the opcode handler of one. */
static bool is_replaced(const struct plait_merge *merge, size_t i)
{
	uint32_t owner = merge->natives[i].owner;

	if (owner == PLAIT_MERGE_NONE && plait_merge_is_handler(merge, i))
		owner = merge->natives[i + 1].owner;
	return owner != PLAIT_MERGE_NONE && merge->activations[owner].count > 0;
}

static void put_native(struct output *output, size_t i)
{
	const struct plait_merge *merge = output->merge;
	uint32_t flags = merge->native->frames[i].flags;

	if (!is_replaced(merge, i))
		put(output, PLAIT_HYBRID_NATIVE, i);
	if (merge->natives[i].owner != PLAIT_MERGE_NONE)
		put_activation(output, merge->natives[i].owner);
	if (merge->natives[i].bare)
		put_marker(output, PLAIT_HYBRID_UNMERGED);
	if (flags & PLAIT_NATIVE_GAP)
		put_marker(output, PLAIT_HYBRID_GAP);
	if (flags & PLAIT_NATIVE_DERIVED)
		output->stack->quality |= PLAIT_QUALITY_DERIVED;
}

static int compare_anchors(const void *left, const void *right)
{
	const struct plait_merge_activation *a = *(const struct plait_merge_activation *const *)left;
	const struct plait_merge_activation *b = *(const struct plait_merge_activation *const *)right;

	/* Without an anchor: the outermost one of a chain that was cut. */
	uint64_t left_key = a->anchor ? a->anchor : UINT64_MAX, right_key = b->anchor ? b->anchor : UINT64_MAX;

	if (left_key != right_key)
		return left_key < right_key ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* The activations at the outer end: beyond a cut native stack, or without a place inside of it. In the chain's order,
 * unless those beyond contradict it: the chains of several thread states come one after the other but lie interleaved
 * on the stack. */
static struct plait_error *put_end(struct output *output)
{
	const struct plait_merge *merge = output->merge;
	PLAIT_VEC(const struct plait_merge_activation *) found = { 0 };
	uint64_t highest = 0;
	bool ascending = true;

	for (size_t i = 0; i < merge->activation_count; i++) {
		const struct plait_merge_activation *activation = &merge->activations[i];
		if (activation->at != merge->native->count || !activation->count)
			continue;
		if (!plait_vec_push(&found, activation)) {
			plait_vec_free(&found);
			return plait_error_no_memory();
		}
		if (activation->place != PLAIT_PLACE_BEYOND || !activation->anchor)
			continue;
		ascending &= highest <= activation->anchor;
		highest = activation->anchor;
	}
	if (!ascending)
		qsort(found.data, found.count, sizeof(*found.data), compare_anchors);
	bool unmerged = false;
	for (size_t i = 0; i < found.count; i++) {
		if (!unmerged && found.data[i]->place == PLAIT_PLACE_UNMERGED)
			put_marker(output, PLAIT_HYBRID_UNMERGED);
		unmerged |= found.data[i]->place == PLAIT_PLACE_UNMERGED;
		put_activation(output, found.data[i] - merge->activations);
	}
	plait_vec_free(&found);
	return NULL;
}

static struct plait_error *put_all(struct output *output, bool python_is_missing)
{
	const struct plait_merge *merge = output->merge;
	size_t count = merge->native->count;

	for (size_t i = 0; i < count; i++) {
		put_slot(output, i);
		put_native(output, i);
	}
	if (merge->cut)
		put_marker(output, PLAIT_HYBRID_TRUNCATED);
	PLAIT_TRY(put_end(output));
	if (python_is_missing)
		put_marker(output, PLAIT_HYBRID_UNMERGED);
	if (output->outer_python_is_missing)
		put_marker(output, PLAIT_HYBRID_TRUNCATED);
	return NULL;
}

/* ---- the whole ---- */

static struct plait_error *allocate(struct plait_merge *merge, struct plait_hybrid_stack *ret)
{
	size_t count = merge->native->count;
	/* Each native frame: a slot's mark, itself, up to three marks; then the marks at the end. */
	size_t room = 5 * count + merge->python->count + 6;

	merge->activations = calloc(merge->python->count + 1, sizeof(*merge->activations));
	merge->natives = calloc(count + 1, sizeof(*merge->natives));
	if (!merge->activations || !merge->natives ||
	    (ret->capacity < room &&
	     !plait_vec_grow((void **)&ret->frames, &ret->capacity, room, sizeof(*ret->frames))))
		return plait_error_no_memory();
	for (size_t i = 0; i <= count; i++) {
		merge->natives[i].owner = PLAIT_MERGE_NONE;
		merge->natives[i].first_unmerged = merge->natives[i].last_unmerged = PLAIT_MERGE_NONE;
	}
	return NULL;
}

static struct plait_error *merge_into(struct plait_merge *merge, struct plait_hybrid_stack *ret)
{
	PLAIT_TRY(allocate(merge, ret));
	if (chain_is_readable(merge->python))
		group(merge);
	if (is_without_anchors(merge))
		plait_merge_place_by_order(merge);
	else
		plait_merge_place_by_anchor(merge);
	fill_slots(merge);

	struct output output = {
		.merge = merge,
		.stack = ret,
		.outer_python_is_missing = merge->python->status == PLAIT_WALK_TOO_DEEP,
	};
	ret->count = 0;
	ret->quality = 0;
	/* A thread without user registers has no stack, and so no evaluator whose Python frames could be missing. */
	bool nothing = merge->native->end == PLAIT_UNWIND_NONE && !merge->native->count;
	return put_all(&output, !nothing && chain_is_missing(merge->native, merge->python));
}

struct plait_error *plait_merge(const struct plait_native_stack *native, const struct plait_python_chain *python,
				struct plait_hybrid_stack *ret)
{
	struct plait_merge merge = {
		.native = native,
		.python = python,
		.cut = native->end != PLAIT_UNWIND_COMPLETE && native->end != PLAIT_UNWIND_NONE,
	};
	struct plait_error *error = merge_into(&merge, ret);

	free(merge.activations);
	free(merge.natives);
	return error;
}

void plait_hybrid_stack_release(struct plait_hybrid_stack *stack)
{
	free(stack->frames);
	*stack = (struct plait_hybrid_stack) { 0 };
}
