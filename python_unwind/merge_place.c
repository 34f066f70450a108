#include "python_unwind/merge_place.h"

#include <stdlib.h>

/* An activation that has no Python frame yet, or no longer, is the leaf native frame, or nearly so: its last act in 3.8
 * to 3.10 is _Py_CheckFunctionResult(), which calls PyErr_Occurred() and that _PyErr_Occurred(). One more for a debug
 * build. An evaluator frame with more callees is in the midst of its work. */
#define UNPAIRED_DEPTH_MAX 4

static bool is_evaluator(const struct plait_merge *merge, size_t i)
{
	return merge->native->frames[i].flags & PLAIT_NATIVE_EVALUATOR;
}

bool plait_merge_is_handler(const struct plait_merge *merge, size_t i)
{
	const struct plait_native_frame *frames = merge->native->frames;

	return !merge->python->per_frame && i + 1 < merge->native->count && is_evaluator(merge, i) &&
	       is_evaluator(merge, i + 1) && frames[i].module == frames[i + 1].module &&
	       !(frames[i].flags & PLAIT_NATIVE_GAP) && !merge->natives[i].anchors;
}

static bool is_activation(const struct plait_merge *merge, size_t i)
{
	return is_evaluator(merge, i) && !plait_merge_is_handler(merge, i);
}

static void place(struct plait_merge_activation *activation, enum plait_merge_place place, size_t at)
{
	activation->place = place;
	activation->at = at;
}

static void place_in_frame(struct plait_merge *merge, size_t activation, size_t frame)
{
	place(&merge->activations[activation], PLAIT_PLACE_FRAME, frame);
	merge->natives[frame].owner = activation;
}

/* ---- by anchor ---- */

struct sort_key {
	uint64_t sp;
	uint32_t index;
};

static int compare_keys(const void *left, const void *right)
{
	const struct sort_key *a = left, *b = right;

	if (a->sp != b->sp)
		return a->sp < b->sp ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

/* Fills in natives[].by_address. Stacks grow in one direction, so they come in order, save for a signal handler on an
 * alternate stack. Without memory for sorting they are taken as they come: anchors may then not be found, which is
 * marked. */
static void order_by_address(struct plait_merge *merge)
{
	const struct plait_native_stack *native = merge->native;
	bool ascending = true;

	for (size_t i = 0; i < native->count; i++) {
		merge->natives[i].by_address = i;
		ascending &= i == 0 || native->frames[i - 1].sp <= native->frames[i].sp;
	}
	struct sort_key *keys = ascending ? NULL : malloc(native->count * sizeof(*keys));
	if (!keys)
		return;
	for (size_t i = 0; i < native->count; i++)
		keys[i] = (struct sort_key) { .sp = native->frames[i].sp, .index = i };
	qsort(keys, native->count, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < native->count; i++)
		merge->natives[i].by_address = keys[i].index;
	free(keys);
}

/* The native frame with the highest sp that is not above `address`, or PLAIT_MERGE_NONE. */
static uint32_t frame_at_or_below(const struct plait_merge *merge, uint64_t address)
{
	size_t low = 0, high = merge->native->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (merge->native->frames[merge->natives[middle].by_address].sp <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? merge->natives[low - 1].by_address : PLAIT_MERGE_NONE;
}

/* Places `activation` by its anchor alone; one that no frame holds and that does not lie between frames stays
 * UNKNOWN. */
static void locate(struct plait_merge *merge, struct plait_merge_activation *activation)
{
	size_t count = merge->native->count;
	uint32_t below = activation->anchor ? frame_at_or_below(merge, activation->anchor) : PLAIT_MERGE_NONE;

	if (below != PLAIT_MERGE_NONE && activation->anchor < merge->native->frames[below].cfa) {
		place(activation, PLAIT_PLACE_FRAME, below);
		merge->natives[below].anchors++;
	} else if (below != PLAIT_MERGE_NONE && below + 1 < count) {
		place(activation, PLAIT_PLACE_UNMERGED, below + 1);
	} else if (activation->anchor && merge->cut && (count == 0 || below != PLAIT_MERGE_NONE)) {
		place(activation, PLAIT_PLACE_BEYOND, count);
	}
}

/* A frame holds one activation. Several anchors in one mean that the unwinding went wrong there: none can be told to
 * be it, and their Python frames go outside of it. */
static void settle_owners(struct plait_merge *merge)
{
	for (size_t i = 0; i < merge->activation_count; i++) {
		struct plait_merge_activation *activation = &merge->activations[i];
		if (activation->place != PLAIT_PLACE_FRAME)
			continue;
		if (merge->natives[activation->at].anchors == 1)
			merge->natives[activation->at].owner = i;
		else
			place(activation, PLAIT_PLACE_UNMERGED, activation->at + 1);
	}
}

/* 3.10 takes an activation's CFrame away shortly before its frame: the innermost frame then has no anchor, and is the
 * one evaluator frame inside of the next activation. Needs known evaluator code. */
static void place_innermost_without_anchor(struct plait_merge *merge)
{
	struct plait_merge_activation *activations = merge->activations;
	uint32_t found = PLAIT_MERGE_NONE;

	if (!merge->python->per_frame || merge->activation_count < 2 || activations[0].anchor ||
	    activations[1].place != PLAIT_PLACE_FRAME)
		return;
	for (size_t i = 0; i < activations[1].at; i++) {
		if (!is_activation(merge, i) || merge->natives[i].anchors)
			continue;
		if (found != PLAIT_MERGE_NONE)
			return;
		found = i;
	}
	if (found != PLAIT_MERGE_NONE)
		place_in_frame(merge, 0, found);
}

/* The only activation that can still be without an owner: the first one from `from` outwards. */
static uint32_t next_free_evaluator(const struct plait_merge *merge, size_t from)
{
	for (size_t i = from; i < merge->native->count; i++)
		if (is_activation(merge, i) && !merge->natives[i].anchors)
			return i;
	return PLAIT_MERGE_NONE;
}

/* A walk that was too deep ends inside an activation, before its anchor. It is the next activation outwards of the one
 * before, if evaluator code is known; of the very first one, that could also be one without Python frames. */
static void place_cut_activation(struct plait_merge *merge)
{
	size_t last = merge->activation_count - 1;
	struct plait_merge_activation *activation = &merge->activations[last];
	uint32_t found;

	if (merge->python->status != PLAIT_WALK_TOO_DEEP || merge->python->per_frame || activation->anchor)
		return;
	if (last > 0 && activation[-1].place == PLAIT_PLACE_BEYOND) {
		place(activation, PLAIT_PLACE_BEYOND, merge->native->count);
	} else if (last > 0 && activation[-1].place == PLAIT_PLACE_FRAME) {
		found = next_free_evaluator(merge, activation[-1].at + 1);
		if (found != PLAIT_MERGE_NONE)
			place_in_frame(merge, last, found);
		else if (merge->cut && is_evaluator(merge, activation[-1].at))
			place(activation, PLAIT_PLACE_BEYOND, merge->native->count);
	} else if (last == 0) {
		found = next_free_evaluator(merge, 0);
		bool only = found != PLAIT_MERGE_NONE && !merge->cut &&
			    next_free_evaluator(merge, found + 1) == PLAIT_MERGE_NONE;
		/* One more frame inwards in tail-call builds: the handler. */
		if (found != PLAIT_MERGE_NONE && (only || found > UNPAIRED_DEPTH_MAX + 1))
			place_in_frame(merge, last, found);
	}
}

/* What has no place yet goes, unmerged, directly inside of its neighbour outwards in the chain. */
static void place_the_rest(struct plait_merge *merge)
{
	size_t slot = merge->native->count;

	for (size_t i = merge->activation_count; i-- > 0;) {
		struct plait_merge_activation *activation = &merge->activations[i];
		if (activation->place == PLAIT_PLACE_UNKNOWN)
			place(activation, PLAIT_PLACE_UNMERGED, slot);
		slot = activation->at;
	}
}

/* Of known evaluator frames only the innermost may have no anchor. Others belong to a chain that was not read: the
 * parent of a greenlet, another thread state. They stay native, but the Python frames that are missing there are not
 * concealed. */
static void find_bare_evaluators(struct plait_merge *merge)
{
	bool innermost = true;

	if (merge->python->status != PLAIT_WALK_COMPLETE)
		return;
	for (size_t i = 0; i < merge->native->count; i++) {
		struct plait_merge_native *native = &merge->natives[i];
		bool held = native->anchors || native->owner != PLAIT_MERGE_NONE;
		/* Of the last frame before a break it is not known how far it reaches: its anchor may lie in it. */
		bool closed = merge->native->frames[i].cfa != 0;
		native->bare = !innermost && !held && closed && is_activation(merge, i);
		if (held || is_activation(merge, i))
			innermost = false;
	}
}

void plait_merge_place_by_anchor(struct plait_merge *merge)
{
	order_by_address(merge);
	for (size_t i = 0; i < merge->activation_count; i++)
		locate(merge, &merge->activations[i]);
	settle_owners(merge);
	if (merge->activation_count) {
		place_innermost_without_anchor(merge);
		place_cut_activation(merge);
	}
	place_the_rest(merge);
	find_bare_evaluators(merge);
}

/* ---- by order ---- */

/* The evaluator frames of a native stack without anchors. */
struct evaluators {
	size_t count;
	size_t innermost;   /* index of the first one; native->count when there is none */
	size_t outer_count; /* how many lie outer to every gap */
	size_t outer_start; /* first native frame that is outer to every gap; 0 when there is no gap */
};

/* Lists them; natives[].by_address, which this way of pairing does not need, holds the list. */
static struct evaluators find_evaluators(struct plait_merge *merge)
{
	struct evaluators found = { .innermost = merge->native->count };

	for (size_t i = 0; i < merge->native->count; i++) {
		if (is_evaluator(merge, i)) {
			if (found.count == 0)
				found.innermost = i;
			merge->natives[found.count++].by_address = i;
			found.outer_count++;
		}
		if (merge->native->frames[i].flags & PLAIT_NATIVE_GAP) {
			found.outer_start = i + 1;
			found.outer_count = 0;
		}
	}
	return found;
}

static uint32_t evaluator(const struct plait_merge *merge, size_t nth)
{
	return merge->natives[nth].by_address;
}

/* Whether native frame `frame` keeps `pointer` in its part of the copied stack. */
static bool frame_holds(const struct plait_merge *merge, size_t frame, uint64_t pointer)
{
	const struct plait_native_frame *native = &merge->native->frames[frame];
	uint64_t word;

	if (native->cfa <= native->sp || native->cfa - native->sp > 4096)
		return false;
	for (uint64_t at = native->sp; at + 8 <= native->cfa; at += 8)
		if (plait_stack_u64(merge->native->copy, at, &word) && word == pointer)
			return true;
	return false;
}

#define CHECKED_PAIRS 8

/* Decides by the stack copy: each evaluator frame keeps the pointer to its PyFrameObject on the stack (793 of 793 in
 * 3.8, 845 of 853 in 3.9). Returns how many evaluator frames are inner to the first Python frame's, or -1. */
static int shift_by_stack_copy(const struct plait_merge *merge, const struct evaluators *evaluators)
{
	size_t hits[2] = { 0 }, tried[2] = { 0 };

	if (!merge->native->copy)
		return -1;
	for (int shift = 0; shift < 2; shift++) {
		for (size_t i = 0; i < CHECKED_PAIRS && i < merge->activation_count; i++) {
			if (i + shift >= evaluators->count)
				break;
			uint64_t frame = merge->python->frames[merge->activations[i].first].address;
			tried[shift]++;
			hits[shift] += frame && frame_holds(merge, evaluator(merge, i + shift), frame);
		}
	}
	for (int shift = 0; shift < 2; shift++)
		if (hits[shift] > hits[!shift] && hits[shift] * 4 >= tried[shift] * 3)
			return shift;
	return -1;
}

/* How many evaluator frames are inner to the one of the innermost Python frame: 0, or 1 (the innermost activation has
 * no Python frame yet, or no longer). -1: cannot be told. */
static int inner_shift(const struct plait_merge *merge, const struct evaluators *evaluators)
{
	if (evaluators->count == 0 || evaluators->innermost > UNPAIRED_DEPTH_MAX)
		return 0;
	return shift_by_stack_copy(merge, evaluators);
}

static void all_unmerged(struct plait_merge *merge, size_t slot)
{
	for (size_t i = 0; i < merge->activation_count; i++)
		place(&merge->activations[i], PLAIT_PLACE_UNMERGED, slot);
}

/* Pairs from the innermost evaluator frame but `shift` outwards. Surplus Python frames lie beyond a cut stack; surplus
 * evaluator frames belong to a chain that was not read (greenlets). */
static void pair_from_inside(struct plait_merge *merge, const struct evaluators *evaluators, int shift)
{
	for (size_t i = 0; i < merge->activation_count; i++) {
		if (i + shift < evaluators->count)
			place_in_frame(merge, i, evaluator(merge, i + shift));
		else
			place(&merge->activations[i], PLAIT_PLACE_BEYOND, merge->native->count);
	}
	if (merge->python->status == PLAIT_WALK_COMPLETE)
		for (size_t i = merge->activation_count + shift; i < evaluators->count; i++)
			merge->natives[evaluator(merge, i)].bare = true;
}

/* Pairs the outermost Python frame with the outermost evaluator frame, and so on inwards, up to the last gap; what
 * remains of the Python frames lies in or inside of that gap. */
static void pair_from_outside(struct plait_merge *merge, const struct evaluators *evaluators)
{
	size_t count = merge->activation_count;

	for (size_t i = 0; i < count; i++) {
		size_t from_outside = count - 1 - i;
		if (i < evaluators->outer_count)
			place_in_frame(merge, from_outside, evaluator(merge, evaluators->count - 1 - i));
		else
			place(&merge->activations[from_outside], PLAIT_PLACE_UNMERGED, evaluators->outer_start);
	}
}

/* Whether both stacks are complete and their counts fit: equal, or the innermost activation has no Python frame. */
static bool counts_fit(const struct plait_merge *merge, const struct evaluators *evaluators)
{
	size_t frames = merge->activation_count;

	if (merge->cut || merge->python->status != PLAIT_WALK_COMPLETE)
		return false;
	if (evaluators->outer_start) {
		/* With a gap: nothing speaks against the outer part, and the inner one alone is not too much. */
		return frames > evaluators->outer_count ||
		       (frames == evaluators->outer_count && evaluators->count <= frames + 1);
	}
	if (evaluators->count == frames)
		return true;
	return evaluators->count == frames + 1 && evaluators->innermost <= UNPAIRED_DEPTH_MAX &&
	       shift_by_stack_copy(merge, evaluators) != 0;
}

void plait_merge_place_by_order(struct plait_merge *merge)
{
	struct evaluators evaluators = find_evaluators(merge);

	if (counts_fit(merge, &evaluators)) {
		pair_from_outside(merge, &evaluators);
		return;
	}
	int shift = inner_shift(merge, &evaluators);
	if (evaluators.outer_start || shift < 0 ||
	    (!merge->cut && evaluators.count < merge->activation_count + (size_t)shift))
		all_unmerged(merge, merge->native->count);
	else
		pair_from_inside(merge, &evaluators, shift);
}
