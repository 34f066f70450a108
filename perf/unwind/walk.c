#include "perf/unwind/walk.h"

#include <string.h>

void plait_walk_start(struct plait_walk *walk, struct plait_unwinder *unwinder, const struct plait_unwind_input *input)
{
	walk->unwinder = unwinder;
	walk->input = input;
	walk->registers = *input->registers;
	walk->exact = true;
	walk->count = 0;
	walk->place_count = 0;
	walk->latest = 0;
	walk->places[0] = (struct plait_unwind_place) { .start = 0, .end = 0 };
	walk->piece = input->stack->count ? input->stack->pieces : NULL;
	walk->anchor = 0;
	walk->derived = SIZE_MAX;
	walk->doubt = SIZE_MAX;
	walk->sighting_count = 0;
}

static bool holds(const struct plait_unwind_place *place, uint64_t pc)
{
	return pc >= place->start && pc < place->end;
}

/* plait_walk_place() for a pc that the latest place does not hold. */
static const struct plait_unwind_place *other_place(struct plait_walk *walk, uint64_t pc)
{
	unsigned kept = walk->place_count < PLAIT_WALK_PLACES ? walk->place_count : PLAIT_WALK_PLACES;
	for (unsigned i = 0; i < kept; i++) {
		if (holds(&walk->places[i], pc)) {
			walk->latest = i;
			return &walk->places[i];
		}
	}
	struct plait_unwind_place place;
	if (!walk->input->find(walk->input->context, pc, &place) || !holds(&place, pc))
		return NULL;
	walk->latest = walk->place_count++ % PLAIT_WALK_PLACES;
	walk->places[walk->latest] = place;
	return &walk->places[walk->latest];
}

const struct plait_unwind_place *plait_walk_place(struct plait_walk *walk, uint64_t pc)
{
	const struct plait_unwind_place *latest = &walk->places[walk->latest];
	return holds(latest, pc) ? latest : other_place(walk, pc);
}

/* The rules of the place's file, made at first sight; NULL when it has no file or memory ran out. */
static struct plait_file_rules *file_rules(struct plait_unwinder *unwinder, const struct plait_unwind_place *place)
{
	if (!place->image)
		return NULL;
	const uint64_t *known = plait_map_get(&unwinder->files, place->module);
	if (known)
		return (struct plait_file_rules *)(uintptr_t)*known;
	struct plait_file_rules *rules = plait_file_rules_create(unwinder->arch, place->image, place->image_size);
	if (rules && !plait_map_put(&unwinder->files, place->module, (uintptr_t)rules)) {
		plait_file_rules_destroy(rules);
		return NULL;
	}
	return rules;
}

uint32_t plait_unwinder_rule(struct plait_unwinder *unwinder, const struct plait_unwind_place *place, uint64_t address)
{
	uint32_t id;
	if (!place->image)
		return PLAIT_RULE_NONE;
	if (plait_rule_cache_get(&unwinder->cache, place->module, address, &id)) {
		unwinder->statistics.cache_hits++;
		return id;
	}
	struct plait_file_rules *rules = file_rules(unwinder, place);
	if (!rules)
		return PLAIT_RULE_NONE;
	id = plait_file_rules_find(rules, &unwinder->pool, address);
	if (id != PLAIT_RULE_NONE && plait_rule_pool_get(&unwinder->pool, id)->flags & PLAIT_RULE_DERIVED)
		unwinder->statistics.rules_from_prologue++;
	else if (id != PLAIT_RULE_NONE)
		unwinder->statistics.rules_from_table++;
	plait_rule_cache_put(&unwinder->cache, place->module, address, id);
	plait_simple_rules_extend(&unwinder->simple, unwinder->arch, &unwinder->pool, id);
	return id;
}

/* Copies `size` bytes of code at `address` in `place`, from its file or from the process. */
static bool read_code(struct plait_walk *walk, const struct plait_unwind_place *place, uint64_t address, size_t size,
		      uint8_t *ret)
{
	if (!place->image)
		return walk->input->read && walk->input->read(walk->input->context, address, ret, size);
	struct plait_file_rules *rules = file_rules(walk->unwinder, place);
	const uint8_t *bytes =
		rules ? plait_image_bytes(plait_file_rules_image(rules), address - place->bias, size, true) : NULL;
	if (bytes)
		memcpy(ret, bytes, size);
	return bytes;
}

bool plait_walk_is_return(struct plait_walk *walk, uint64_t pc, struct plait_call_site *ret)
{
	const struct plait_unwind_arch *arch = walk->unwinder->arch;
	uint8_t code[16];
	const struct plait_unwind_place *place = plait_walk_place(walk, pc);
	return place && read_code(walk, place, pc - arch->call_bytes_max, arch->call_bytes_max, code) &&
	       arch->call_before(code, arch->call_bytes_max, pc, ret) &&
	       (!ret->direct || plait_walk_place(walk, ret->target));
}

/* May this be the caller of a frame at `sp`? */
static bool is_plausible(struct plait_walk *walk, const struct plait_rule *rule, uint64_t sp,
			 const struct plait_rule_outcome *outcome)
{
	bool is_signal = rule->flags & PLAIT_RULE_SIGNAL;
	/* A signal may have switched to another stack; anything else must get nearer to the stack's start (a leaf
	 * may have nothing on the stack where the return address is in a register). */
	if ((outcome->cfa & 7) || (!is_signal && (outcome->cfa < sp || (outcome->cfa == sp && !walk->exact))))
		return false;
	struct plait_call_site call;
	if (rule->flags & PLAIT_RULE_VERIFY)
		return plait_walk_is_return(walk, outcome->pc, &call);
	return !outcome->pc || plait_walk_place(walk, outcome->pc);
}

/* Leaves `frame` by `rule`. */
static enum plait_step leave_by(struct plait_walk *walk, struct plait_native_frame *frame,
				const struct plait_rule *rule)
{
	const struct plait_unwind_arch *arch = walk->unwinder->arch;
	struct plait_rule_outcome outcome;
	enum plait_rule_result result =
		plait_rule_evaluate(arch, &walk->unwinder->pool, rule, walk->input->stack, &walk->registers, &outcome);
	if (result == PLAIT_RULE_UNREADABLE)
		walk->fault = outcome.fault;
	if (result == PLAIT_RULE_OUTERMOST) {
		frame->cfa = outcome.cfa;
		return PLAIT_STEP_END;
	}
	if (result != PLAIT_RULE_STEPPED || !is_plausible(walk, rule, frame->sp, &outcome))
		return PLAIT_STEP_FAILED;
	plait_rule_apply(arch, rule, &outcome, &walk->registers);
	frame->cfa = outcome.cfa;
	walk->exact = rule->flags & PLAIT_RULE_SIGNAL;
	if (walk->exact)
		frame->flags |= PLAIT_NATIVE_EXACT_PC;
	if (rule->flags & PLAIT_RULE_DERIVED) {
		frame->flags |= PLAIT_NATIVE_DERIVED;
		if (walk->derived == SIZE_MAX)
			walk->derived = walk->count - 1;
	}
	/* A return address of 0 ends the chain: thread start routines push it for that. */
	return outcome.pc ? PLAIT_STEP_DONE : PLAIT_STEP_END;
}

/* plait_simple_rule_find() where the latest piece does not have the frame. */
static bool find_in_other_piece(struct plait_walk *walk, const struct plait_simple_rule *rule,
				struct plait_simple_step *ret)
{
	const struct plait_stack *stack = walk->input->stack;
	for (size_t i = 0; i < stack->count; i++) {
		if (plait_simple_rule_find(walk->unwinder->arch, rule, &stack->pieces[i], &walk->registers, ret)) {
			walk->piece = &stack->pieces[i];
			return true;
		}
	}
	return false;
}

/* leave_by() for most frames: the copy holds all that a simple rule needs, and the caller is beyond doubt. False:
 * nothing was done. */
static bool leave_simply(struct plait_walk *walk, struct plait_native_frame *frame,
			 const struct plait_simple_rule *rule)
{
	const struct plait_unwind_arch *arch = walk->unwinder->arch;
	struct plait_simple_step step;
	if (!walk->piece || (!plait_simple_rule_find(arch, rule, walk->piece, &walk->registers, &step) &&
			     !find_in_other_piece(walk, rule, &step)))
		return false;
	if ((step.cfa & 7) || step.cfa <= frame->sp || !step.pc || !plait_walk_place(walk, step.pc))
		return false;
	plait_simple_rule_apply(arch, rule, &step, &walk->registers);
	frame->cfa = step.cfa;
	walk->exact = false;
	return true;
}

/* Code that is known by its bytes? Those outside of the mapping count as zeros. */
static bool is_pattern(struct plait_walk *walk, const struct plait_unwind_place *place, uint64_t pc,
		       struct plait_rule *ret)
{
	const struct plait_unwind_arch *arch = walk->unwinder->arch;
	uint8_t code[64] = { 0 };
	size_t before = arch->pattern_bytes_before, after = arch->pattern_bytes;
	if (pc - place->start < before)
		before = pc - place->start;
	if (place->end - pc < after)
		after = place->end - pc;
	return read_code(walk, place, pc - before, before + after, code + arch->pattern_bytes_before - before) &&
	       arch->pattern_rule(code, ret);
}

/* Code that no file has a rule for: known bytes, then, of a running instruction, a function without a frame, then a
 * frame pointer. */
static enum plait_step leave_without_rule(struct plait_walk *walk, struct plait_native_frame *frame,
					  const struct plait_unwind_place *place)
{
	const struct plait_unwind_arch *arch = walk->unwinder->arch;
	struct plait_rule rule;
	enum plait_step step = PLAIT_STEP_FAILED;
	if (is_pattern(walk, place, frame->pc, &rule))
		step = leave_by(walk, frame, &rule);
	if (step == PLAIT_STEP_FAILED && walk->exact) {
		arch->entry_rule(&rule);
		step = leave_by(walk, frame, &rule);
	}
	bool has_fp = walk->registers.valid >> arch->fp & 1 && walk->registers.value[arch->fp] >= frame->sp;
	if (step == PLAIT_STEP_FAILED && has_fp) {
		arch->frame_pointer_rule(&rule);
		step = leave_by(walk, frame, &rule);
	}
	return step;
}

/* Where the program starts, nothing has called: C libraries without CFI there (musl) have their entry code here. */
static bool is_program_entry(struct plait_walk *walk, const struct plait_unwind_place *place, uint64_t pc)
{
	struct plait_file_rules *rules = file_rules(walk->unwinder, place);
	uint64_t entry = rules ? plait_image_entry(plait_file_rules_image(rules)) : 0;
	return entry && pc - place->bias - entry < 64;
}

enum plait_step plait_walk_step(struct plait_walk *walk)
{
	const struct plait_unwind_arch *arch = walk->unwinder->arch;
	if (walk->count == PLAIT_WALK_FRAMES_MAX)
		return PLAIT_STEP_FULL;
	struct plait_native_frame *frame = &walk->unwinder->frames[walk->count++];
	*frame = (struct plait_native_frame) {
		.pc = walk->registers.value[arch->pc],
		.sp = walk->registers.value[arch->sp],
		.flags = walk->exact ? PLAIT_NATIVE_EXACT_PC : 0,
		.module = PLAIT_NO_MODULE,
	};
	walk->unwinder->statistics.steps++;
	walk->fault = 0;
	walk->rule = PLAIT_RULE_NONE;
	struct plait_rule rule;
	const struct plait_unwind_place *place = plait_walk_place(walk, frame->pc);
	if (!place) {
		/* Only the innermost frame can be outside of code: a call to a bad address. */
		arch->entry_rule(&rule);
		return leave_by(walk, frame, &rule);
	}
	frame->module = place->module;
	walk->address = frame->pc - !walk->exact - place->bias;
	walk->rule = plait_unwinder_rule(walk->unwinder, place, walk->address);
	const struct plait_simple_rule *simple = plait_simple_rule_get(&walk->unwinder->simple, walk->rule);
	if (simple && leave_simply(walk, frame, simple))
		return PLAIT_STEP_DONE;
	if (walk->rule != PLAIT_RULE_NONE) {
		enum plait_step step = leave_by(walk, frame, plait_rule_pool_get(&walk->unwinder->pool, walk->rule));
		if (step != PLAIT_STEP_FAILED ||
		    !(plait_rule_pool_get(&walk->unwinder->pool, walk->rule)->flags & PLAIT_RULE_DERIVED))
			return step;
	}
	/* `place` may have been replaced by what leave_by() looked up. */
	place = plait_walk_place(walk, frame->pc);
	if (!place)
		return PLAIT_STEP_FAILED;
	enum plait_step step = leave_without_rule(walk, frame, place);
	if (step == PLAIT_STEP_FAILED && place->image && is_program_entry(walk, place, frame->pc))
		return PLAIT_STEP_END;
	return step;
}
