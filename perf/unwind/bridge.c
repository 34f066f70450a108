/*
 * Anchors: confirming a walk by them, and going on at them when it broke (DESIGN section 5: in one binary, CFA - anchor
 * is one constant, so an anchor gives the evaluator's CFA and return address whatever lies below it).
 */
#include <string.h>

#include "perf/unwind/walk.h"

/* How far above an anchor an unknown evaluator's return address is looked for, and how many candidates are followed. */
#define SCAN_BYTES 1024
#define SCAN_TRIALS 8

/* The index of the first anchor at or above `address`. */
static size_t anchor_from(const struct plait_walk *walk, uint64_t address)
{
	size_t low = 0, high = walk->input->anchor_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (walk->input->anchors[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Notes that the last frame, left by a file's rule, held `anchor`. */
static void note_sighting(struct plait_walk *walk, const struct plait_native_frame *frame, uint64_t anchor)
{
	if (walk->rule == PLAIT_RULE_NONE || frame->flags & PLAIT_NATIVE_DERIVED)
		return;
	struct plait_evaluator sighting = {
		.module = frame->module,
		.rule = walk->rule,
		.cfa_minus_anchor = frame->cfa - anchor,
		.frame_size = frame->cfa - frame->sp,
		.address = walk->address,
		.pc = frame->pc,
	};
	for (unsigned i = 0; i < walk->sighting_count; i++) {
		struct plait_evaluator *old = &walk->sightings[i];
		if (old->module == sighting.module && old->cfa_minus_anchor == sighting.cfa_minus_anchor) {
			if (sighting.frame_size < old->frame_size)
				old->frame_size = sighting.frame_size;
			return;
		}
	}
	if (walk->sighting_count < PLAIT_WALK_SIGHTINGS)
		walk->sightings[walk->sighting_count++] = sighting;
}

void plait_walk_learn(struct plait_walk *walk)
{
	for (unsigned i = 0; i < walk->sighting_count; i++)
		plait_evaluators_learn(&walk->unwinder->evaluators, &walk->sightings[i]);
}

/* Turns the evaluator's rule into one that starts from the CFA itself: what it saved relative to that is known. */
static bool rule_from_cfa(const struct plait_unwind_arch *arch, const struct plait_rule *rule, struct plait_rule *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->cfa.kind = PLAIT_RULE_IS_REGISTER;
	ret->cfa.source = arch->sp;
	for (size_t i = 0; i < rule->count; i++) {
		const struct plait_rule_entry *entry = &rule->entries[i];
		if (entry->kind == PLAIT_RULE_AT_CFA || entry->kind == PLAIT_RULE_IS_CFA)
			plait_rule_add(ret, entry->target, entry->kind, 0, entry->value);
	}
	return plait_rule_find(ret, arch->return_address);
}

/* Where the evaluator's code is in this process: beside its caller, or where it was seen last. */
static bool evaluator_pc(struct plait_walk *walk, const struct plait_evaluator *evaluator, uint64_t caller_pc,
			 uint64_t *ret)
{
	const struct plait_unwind_place *place = plait_walk_place(walk, caller_pc);
	if (!place || place->module != evaluator->module)
		place = plait_walk_place(walk, evaluator->pc);
	if (!place || place->module != evaluator->module)
		return false;
	*ret = place->bias + evaluator->address;
	return true;
}

/* Keeps the first `keep` frames, marks the gap behind them, and appends the evaluator's frame that holds `anchor`. */
static struct plait_native_frame *append_after_gap(struct plait_walk *walk, size_t keep, uint64_t anchor, uint64_t size,
						   uint64_t cfa)
{
	struct plait_native_frame *last = &walk->unwinder->frames[keep - 1];
	struct plait_native_frame *frame = last + 1;
	last->flags = (last->flags | PLAIT_NATIVE_GAP) & ~(uint32_t)PLAIT_NATIVE_DERIVED;
	last->cfa = 0;
	uint64_t sp = size < cfa - anchor ? anchor & ~7ULL : cfa - size;
	if (sp <= last->sp)
		sp = last->sp + 8 <= anchor ? last->sp + 8 : anchor & ~7ULL;
	*frame = (struct plait_native_frame) { .sp = sp, .cfa = cfa, .module = PLAIT_NO_MODULE };
	walk->count = keep + 1;
	walk->exact = false;
	walk->derived = SIZE_MAX;
	walk->doubt = SIZE_MAX;
	walk->anchor = anchor_from(walk, cfa);
	return frame;
}

/* Goes on behind the activation of `evaluator` that holds `anchor`. */
static bool resume(struct plait_walk *walk, size_t keep, uint64_t anchor, const struct plait_evaluator *evaluator)
{
	struct plait_unwinder *unwinder = walk->unwinder;
	const struct plait_unwind_arch *arch = unwinder->arch;
	uint64_t cfa = anchor + evaluator->cfa_minus_anchor, pc;
	struct plait_rule rule;
	struct plait_rule_outcome outcome;
	struct plait_call_site call;
	struct plait_registers registers = { .valid = 1ULL << arch->sp };
	registers.value[arch->sp] = cfa;
	if (keep == PLAIT_WALK_FRAMES_MAX ||
	    !rule_from_cfa(arch, plait_rule_pool_get(&unwinder->pool, evaluator->rule), &rule) ||
	    plait_rule_evaluate(arch, &unwinder->pool, &rule, walk->input->stack, &registers, &outcome) !=
		    PLAIT_RULE_STEPPED ||
	    !plait_walk_is_return(walk, outcome.pc, &call) || !evaluator_pc(walk, evaluator, outcome.pc, &pc))
		return false;
	plait_rule_apply(arch, &rule, &outcome, &registers);
	struct plait_native_frame *frame = append_after_gap(walk, keep, anchor, evaluator->frame_size, cfa);
	frame->pc = pc;
	frame->flags = PLAIT_NATIVE_EXACT_PC;
	frame->module = evaluator->module;
	walk->registers = registers;
	unwinder->statistics.gaps++;
	return true;
}

/* Follows the chain from a guessed evaluator, by rules alone. True: it reached the
 * start of the thread, and every anchor on the way lay as far below its frame's CFA as this one. */
static bool follow_guess(struct plait_walk *walk, struct plait_native_frame *guess, uint64_t anchor)
{
	enum plait_step step;
	while ((step = plait_walk_step(walk)) == PLAIT_STEP_DONE || step == PLAIT_STEP_END) {
		const struct plait_native_frame *frame = &walk->unwinder->frames[walk->count - 1];
		if (walk->anchor < walk->input->anchor_count && walk->input->anchors[walk->anchor] < frame->cfa) {
			uint64_t held = walk->input->anchors[walk->anchor++];
			if (held < frame->sp || frame->cfa - held != guess->cfa - anchor)
				return false;
			/* Another activation of the same evaluator: that names the guessed one too. */
			guess->pc = frame->pc;
			guess->module = frame->module;
			guess->flags = frame->flags & PLAIT_NATIVE_EXACT_PC;
			note_sighting(walk, frame, held);
		}
		/* A word that happens to be 0 ends many a wrong chain: only a table's word counts here. */
		if (step == PLAIT_STEP_END)
			return walk->anchor == walk->input->anchor_count &&
			       walk->registers.value[walk->unwinder->arch->pc];
	}
	return false;
}

/* Tries `cfa` as the CFA of the evaluator that holds `anchor`. */
static bool try_guess(struct plait_walk *walk, size_t keep, uint64_t anchor, uint64_t cfa, unsigned *trials)
{
	const struct plait_unwind_arch *arch = walk->unwinder->arch;
	struct plait_call_site call;
	uint64_t pc;
	if (!plait_stack_u64(walk->input->stack, cfa + (uint64_t)arch->return_from_cfa, &pc) ||
	    !plait_walk_is_return(walk, pc & arch->code_mask, &call))
		return false;
	++*trials;
	struct plait_native_frame last = walk->unwinder->frames[keep - 1];
	struct plait_native_frame *guess = append_after_gap(walk, keep, anchor, 0, cfa);
	if (call.direct) {
		const struct plait_unwind_place *code = plait_walk_place(walk, call.target);
		guess->pc = call.target;
		guess->module = code ? code->module : PLAIT_NO_MODULE;
		guess->flags = PLAIT_NATIVE_EXACT_PC;
	}
	walk->registers.valid = 1ULL << arch->sp | 1ULL << arch->pc;
	walk->registers.value[arch->sp] = cfa;
	/* Builds that keep frame pointers save the caller's right below the return address. */
	uint64_t fp;
	if (plait_stack_u64(walk->input->stack, cfa + (uint64_t)arch->fp_from_cfa, &fp) && fp >= cfa) {
		walk->registers.value[arch->fp] = fp;
		walk->registers.valid |= 1ULL << arch->fp;
	}
	walk->registers.value[arch->pc] = pc & arch->code_mask;
	if (follow_guess(walk, guess, anchor))
		return true;
	walk->unwinder->frames[keep - 1] = last;
	return false;
}

/* Nothing is learned yet about the evaluator: tries the places above `anchor` for its CFA. On success the walk is
 * complete. */
static bool scan(struct plait_walk *walk, size_t keep, uint64_t anchor)
{
	struct plait_walk before = *walk;
	unsigned trials = 0;
	if (keep + 1 >= PLAIT_WALK_FRAMES_MAX || !walk->unwinder->arch->return_from_cfa)
		return false;
	for (uint64_t offset = 16; offset <= SCAN_BYTES && trials < SCAN_TRIALS; offset += 8) {
		if (try_guess(walk, keep, anchor, (anchor & ~7ULL) + offset, &trials)) {
			walk->unwinder->statistics.gaps++;
			return true;
		}
		*walk = before;
	}
	return false;
}

/* Goes on at the first anchor above frame `keep - 1` where what is known about evaluators holds. */
static bool bridge_known(struct plait_walk *walk, size_t keep)
{
	const struct plait_evaluators *evaluators = &walk->unwinder->evaluators;
	size_t first = anchor_from(walk, walk->unwinder->frames[keep - 1].sp);
	for (size_t i = first; i < walk->input->anchor_count; i++) {
		for (size_t j = 0; j < evaluators->known.count; j++) {
			if (resume(walk, keep, walk->input->anchors[i], &evaluators->known.data[j]))
				return true;
		}
	}
	return false;
}

/* A wrong return address that happens to lie behind a call is found out within so many frames: the chain from it ends.
 */
#define PROBATION 3

/* How many frames stay when the walk goes on at an anchor: not those behind the first doubtful one, nor the few that a
 * derived rule has just led to. */
static size_t frames_to_keep(const struct plait_walk *walk)
{
	size_t keep = walk->count;
	if (walk->derived != SIZE_MAX && walk->count - walk->derived <= PROBATION + 1)
		keep = walk->derived + 1;
	if (walk->doubt < keep)
		keep = walk->doubt;
	return keep + !keep;
}

bool plait_walk_bridge(struct plait_walk *walk, bool *ret_end)
{
	size_t keep = frames_to_keep(walk);
	*ret_end = false;
	if (bridge_known(walk, keep))
		return true;
	size_t first = anchor_from(walk, walk->unwinder->frames[keep - 1].sp);
	if (first == walk->input->anchor_count || keep != walk->count)
		return false;
	*ret_end = scan(walk, keep, walk->input->anchors[first]);
	return *ret_end;
}

bool plait_walk_ended_early(struct plait_walk *walk)
{
	const struct plait_native_frame *frame = &walk->unwinder->frames[walk->count - 1];
	uint64_t pc = walk->registers.value[walk->unwinder->arch->pc];
	bool certain = pc && walk->derived == SIZE_MAX;
	bool fits = walk->doubt == SIZE_MAX && anchor_from(walk, frame->cfa) == walk->input->anchor_count;
	return !certain && !fits && bridge_known(walk, frames_to_keep(walk));
}

void plait_walk_check_anchors(struct plait_walk *walk)
{
	const struct plait_native_frame *frame = &walk->unwinder->frames[walk->count - 1];
	const struct plait_evaluators *evaluators = &walk->unwinder->evaluators;
	const uint64_t *anchors = walk->input->anchors;
	size_t count = walk->input->anchor_count;
	if (walk->exact)
		walk->anchor = 0; /* a signal may have switched stacks, downwards too */
	while (walk->anchor < count && anchors[walk->anchor] < frame->sp)
		walk->anchor++;
	size_t first = walk->anchor;
	while (walk->anchor < count && anchors[walk->anchor] < frame->cfa)
		walk->anchor++;
	if (walk->anchor == first)
		return;
	/* Every clean sighting counts, also one that differs from what is known: had the first ever been of a wrong
	 * anchor (3.11 and 3.12 publish one for some instructions), the right ones would outnumber it. */
	bool alone = walk->anchor == first + 1, certain = walk->derived == SIZE_MAX;
	if (alone && (certain || !evaluators->known.count))
		note_sighting(walk, frame, anchors[first]);
	if (alone && plait_evaluators_find(evaluators, frame->module, frame->cfa - anchors[first])) {
		walk->derived = SIZE_MAX;
		walk->doubt = SIZE_MAX;
		return;
	}
	/* An evaluator that is new is no reason for doubt, unless the way here was uncertain. */
	bool is_new =
		alone && (certain ? !plait_evaluators_has_module(evaluators, frame->module) : !evaluators->known.count);
	if (is_new)
		return;
	if (walk->doubt == SIZE_MAX)
		walk->doubt = walk->count - 1;
	if (!certain)
		bridge_known(walk, walk->derived + 1);
}
