#include "perf/unwind/prologue.h"

#include <dwarf.h>
#include <string.h>

static struct plait_frame_state entry_state(const struct plait_unwind_arch *arch)
{
	struct plait_frame_state state = { .bases = 1 };
	for (uint8_t i = 0; i < PLAIT_REGISTER_COUNT; i++)
		state.reg[i] = (struct plait_value) { .kind = PLAIT_VALUE_ORIGINAL, .which = i };
	state.reg[arch->sp] = (struct plait_value) { .kind = PLAIT_VALUE_ADDRESS, .which = 0 };
	return state;
}

struct plait_prologue plait_prologue_start(const struct plait_unwind_arch *arch, const struct plait_function_code *code,
					   struct plait_rule_pool *pool, struct plait_rule_rows *rows)
{
	return (struct plait_prologue) {
		.arch = arch,
		.code = code,
		.pool = pool,
		.rows = rows,
		.state = entry_state(arch),
		.changed = true,
	};
}

void plait_prologue_restart(struct plait_prologue *prologue)
{
	prologue->state = entry_state(prologue->arch);
	prologue->undoing = false;
	prologue->changed = true;
	prologue->first_row = prologue->rows->rows.count;
	prologue->lowered = false;
}

void plait_prologue_restart_at(struct plait_prologue *prologue, uint64_t address)
{
	struct plait_rule_rows *rows = prologue->rows;
	while (rows->rows.count && rows->rows.data[rows->rows.count - 1].address >= address)
		rows->rows.count--;
	plait_prologue_restart(prologue);
}

bool plait_value_is_original(struct plait_value value, uint8_t which)
{
	return value.kind == PLAIT_VALUE_ORIGINAL && value.which == which;
}

static bool at_entry_depth(const struct plait_prologue *prologue)
{
	struct plait_value sp = prologue->state.reg[prologue->arch->sp];
	return sp.kind == PLAIT_VALUE_ADDRESS && sp.which == 0 && sp.offset == 0;
}

/* Registers whose entry values a rule has to restore. */
static uint64_t wanted(const struct plait_unwind_arch *arch)
{
	return arch->callee_saved | (arch->return_from_cfa ? 0 : 1ULL << arch->return_address);
}

/* May a rule be made of it? */
static bool matters(const struct plait_prologue *prologue, struct plait_value value)
{
	return value.kind == PLAIT_VALUE_ADDRESS ||
	       (value.kind == PLAIT_VALUE_ORIGINAL && (wanted(prologue->arch) >> value.which & 1));
}

void plait_prologue_set(struct plait_prologue *prologue, uint8_t reg, struct plait_value value)
{
	struct plait_value *place = &prologue->state.reg[reg];
	prologue->changed |= matters(prologue, *place) || matters(prologue, value);
	*place = value;
}

/* From the stack pointer at the entry to the CFA: a call may have put the return address between them. */
static int64_t entry_depth(const struct plait_prologue *prologue)
{
	return -(int64_t)prologue->arch->return_from_cfa;
}

/* --- Words on the stack --- */

/* The slot with exactly this address, or NULL. */
static const struct plait_slot *find_slot(const struct plait_frame_state *state, struct plait_value address)
{
	for (size_t i = 0; i < state->slot_count; i++) {
		const struct plait_slot *slot = &state->slots[i];
		if (slot->base == address.which && slot->offset == address.offset)
			return slot;
	}
	return NULL;
}

void plait_prologue_kill(struct plait_prologue *prologue, struct plait_value address, int32_t size)
{
	struct plait_frame_state *state = &prologue->state;
	for (size_t i = 0; address.kind == PLAIT_VALUE_ADDRESS && i < state->slot_count;) {
		const struct plait_slot *slot = &state->slots[i];
		int64_t distance = (int64_t)slot->offset - address.offset;
		if (slot->base != address.which || distance <= -8 || distance >= size) {
			i++;
			continue;
		}
		state->slots[i] = state->slots[--state->slot_count];
		prologue->changed = true;
	}
}

void plait_prologue_store(struct plait_prologue *prologue, struct plait_value address, struct plait_value value)
{
	struct plait_frame_state *state = &prologue->state;
	if (address.kind != PLAIT_VALUE_ADDRESS)
		return;
	plait_prologue_kill(prologue, address, 8);
	if (!matters(prologue, value) || state->slot_count == PLAIT_SLOTS_MAX)
		return;
	state->slots[state->slot_count++] =
		(struct plait_slot) { .base = address.which, .offset = address.offset, .value = value };
	prologue->changed = true;
}

struct plait_value plait_frame_load(const struct plait_frame_state *state, struct plait_value address)
{
	const struct plait_slot *slot = address.kind == PLAIT_VALUE_ADDRESS ? find_slot(state, address) : NULL;
	return slot ? slot->value : (struct plait_value) { PLAIT_VALUE_UNKNOWN };
}

struct plait_value plait_value_moved(struct plait_value value, int64_t distance)
{
	int64_t offset = value.offset + distance;
	if (value.kind != PLAIT_VALUE_ADDRESS || distance != (int32_t)distance || offset != (int32_t)offset)
		return (struct plait_value) { PLAIT_VALUE_UNKNOWN };
	value.offset = (int32_t)offset;
	return value;
}

void plait_prologue_new_base(struct plait_prologue *prologue)
{
	struct plait_frame_state *state = &prologue->state;
	struct plait_value *sp = &state->reg[prologue->arch->sp];
	if (state->bases == UINT8_MAX)
		*sp = (struct plait_value) { PLAIT_VALUE_UNKNOWN };
	else
		*sp = (struct plait_value) { .kind = PLAIT_VALUE_ADDRESS, .which = state->bases++ };
	prologue->changed = true;
}

/* --- From a state to a rule --- */

/* A register that holds an address relative to `base`: the stack pointer if possible, then one that survives calls. */
static int find_pointer(const struct plait_prologue *prologue, uint8_t base)
{
	for (size_t i = 0; i < prologue->arch->pointer_count; i++) {
		uint8_t reg = prologue->arch->pointer_order[i];
		struct plait_value value = prologue->state.reg[reg];
		if (value.kind == PLAIT_VALUE_ADDRESS && value.which == base)
			return reg;
	}
	return -1;
}

/* CFA from a stored stack pointer: *(register + n) + m. */
static bool stored_cfa(const struct plait_prologue *prologue, struct plait_rule_entry *ret)
{
	const struct plait_frame_state *state = &prologue->state;
	for (size_t i = 0; i < state->slot_count; i++) {
		const struct plait_slot *slot = &state->slots[i];
		int pointer = find_pointer(prologue, slot->base);
		if (slot->value.kind != PLAIT_VALUE_ADDRESS || slot->value.which != 0 || pointer < 0)
			continue;
		int64_t place = (int64_t)slot->offset - state->reg[pointer].offset;
		int64_t rest = entry_depth(prologue) - (int64_t)slot->value.offset;
		struct plait_expression_op ops[] = {
			{ .atom = (uint64_t)(DW_OP_breg0 + pointer), .number = (uint64_t)place },
			{ .atom = DW_OP_deref },
			{ .atom = DW_OP_plus_uconst, .number = (uint64_t)rest },
		};
		ret->kind = PLAIT_RULE_IS_EXPRESSION;
		ret->value = plait_rule_pool_expression(prologue->pool, ops, 3);
		return ret->value >= 0;
	}
	return false;
}

/* Is the slot in the part of the stack that is in use? Below the stack pointer it has been popped, and no copy has it.
 */
static bool is_live(const struct plait_prologue *prologue, const struct plait_slot *slot)
{
	struct plait_value sp = prologue->state.reg[prologue->arch->sp];
	return sp.kind == PLAIT_VALUE_ADDRESS &&
	       (slot->base < sp.which || (slot->base == sp.which && slot->offset >= sp.offset));
}

/* Where the entry's value of register `which` is now. Once it was stored the slot is the better answer: the register
 * may be overwritten further on, and a loop come back to here. False: the rule is full, or there is no return address.
 */
static bool saved_register(const struct plait_prologue *prologue, uint8_t which, struct plait_rule *ret)
{
	const struct plait_frame_state *state = &prologue->state;
	for (size_t i = 0; i < state->slot_count; i++) {
		const struct plait_slot *slot = &state->slots[i];
		if (!plait_value_is_original(slot->value, which) || !is_live(prologue, slot))
			continue;
		if (slot->base == 0)
			return plait_rule_add(ret, which, PLAIT_RULE_AT_CFA, 0,
					      (int64_t)slot->offset - entry_depth(prologue));
		int pointer = find_pointer(prologue, slot->base);
		if (pointer >= 0)
			return plait_rule_add(ret, which, PLAIT_RULE_AT_REGISTER, (uint8_t)pointer,
					      (int64_t)slot->offset - state->reg[pointer].offset);
	}
	if (plait_value_is_original(state->reg[which], which))
		return true;
	for (uint8_t i = 0; i < PLAIT_REGISTER_COUNT; i++) {
		if (plait_value_is_original(state->reg[i], which))
			return plait_rule_add(ret, which, PLAIT_RULE_IS_REGISTER, i, 0);
	}
	/* Of the return address, "undefined" would say that this is the outermost frame. */
	return which != prologue->arch->return_address && plait_rule_add(ret, which, PLAIT_RULE_UNDEFINED, 0, 0);
}

static uint32_t state_rule(const struct plait_prologue *prologue)
{
	const struct plait_unwind_arch *arch = prologue->arch;
	struct plait_rule rule;
	plait_rule_start(arch, &rule, arch->sp, 0);
	int pointer = find_pointer(prologue, 0);
	if (pointer >= 0) {
		int64_t offset = entry_depth(prologue) - (int64_t)prologue->state.reg[pointer].offset;
		if (offset != (int32_t)offset)
			return PLAIT_RULE_NONE;
		rule.cfa.source = (uint8_t)pointer;
		rule.cfa.value = (int32_t)offset;
	} else {
		rule.cfa.source = 0;
		if (!stored_cfa(prologue, &rule.cfa))
			return PLAIT_RULE_NONE;
	}
	for (uint8_t which = 0; which < PLAIT_REGISTER_COUNT; which++) {
		if ((wanted(arch) >> which & 1) && !saved_register(prologue, which, &rule))
			return PLAIT_RULE_NONE;
	}
	return plait_rule_pool_add(prologue->pool, &rule);
}

bool plait_prologue_append(struct plait_prologue *prologue, uint64_t address, uint32_t rule)
{
	size_t count = prologue->rows->rows.count;
	if (count > prologue->first_row && prologue->rows->rows.data[count - 1].rule == rule)
		return true;
	return plait_vec_push(&prologue->rows->rows, (struct plait_rule_row) { .address = address, .rule = rule });
}

/* The same place, now that the entry lies `above` bytes lower than was thought. */
static void lower_entry(struct plait_value *value, int32_t above)
{
	if (value->kind == PLAIT_VALUE_ADDRESS && value->which == 0)
		value->offset -= above;
}

/* Code that takes more off the stack than it has put there was not called: it was jumped to, with so many bytes pushed
 * (libffi's closures are, by the trampolines that it makes). That holds from its start on. */
static void note_pushed_before(struct plait_prologue *prologue)
{
	const struct plait_value *sp = &prologue->state.reg[prologue->arch->sp];
	bool known = sp->kind == PLAIT_VALUE_ADDRESS && sp->which == 0;
	int32_t above = known ? sp->offset : 0;
	prologue->lowered |= !known || above < 0;
	if (above <= 0 || prologue->lowered)
		return;
	for (size_t i = prologue->first_row; i < prologue->rows->rows.count; i++) {
		const struct plait_rule *old = plait_rule_pool_get(prologue->pool, prologue->rows->rows.data[i].rule);
		if (!old || old->cfa.kind != PLAIT_RULE_IS_REGISTER)
			continue;
		struct plait_rule rule;
		memset(&rule, 0, sizeof(rule));
		memcpy(&rule, old, offsetof(struct plait_rule, entries) + old->count * sizeof(old->entries[0]));
		rule.cfa.value += above;
		prologue->rows->rows.data[i].rule = plait_rule_pool_add(prologue->pool, &rule);
	}
	for (size_t i = 0; i < PLAIT_REGISTER_COUNT; i++)
		lower_entry(&prologue->state.reg[i], above);
	prologue->body = prologue->state;
}

bool plait_prologue_emit(struct plait_prologue *prologue, uint64_t address)
{
	if (!prologue->changed)
		return true;
	prologue->changed = false;
	note_pushed_before(prologue);
	return plait_prologue_append(prologue, address, state_rule(prologue));
}

/* --- Epilogues --- */

/* After this many other instructions in a row it was no epilogue (say, arguments popped after a call), unless the whole
 * frame is gone. */
#define UNDOING_PATIENCE 4

void plait_prologue_follow(struct plait_prologue *prologue, bool undoes, bool builds)
{
	if (undoes) {
		if (!prologue->undoing)
			prologue->body = prologue->state;
		prologue->undoing = true;
		prologue->undone_ago = 0;
		return;
	}
	bool patient = at_entry_depth(prologue) || prologue->undone_ago++ < UNDOING_PATIENCE;
	if (builds || !patient)
		prologue->undoing = false;
}

void plait_prologue_leave(struct plait_prologue *prologue, bool is_return)
{
	if (prologue->undoing && (is_return || at_entry_depth(prologue))) {
		prologue->state = prologue->body;
		prologue->changed = true;
		prologue->after_return = true;
	}
	prologue->after_return |= is_return;
	prologue->undoing = false;
}

/* --- Values that are lost --- */

void plait_prologue_clobber(struct plait_prologue *prologue, unsigned reg)
{
	if (reg < PLAIT_REGISTER_COUNT)
		plait_prologue_set(prologue, (uint8_t)reg, (struct plait_value) { PLAIT_VALUE_UNKNOWN });
}

void plait_prologue_call(struct plait_prologue *prologue)
{
	const struct plait_unwind_arch *arch = prologue->arch;
	for (uint8_t i = 0; i < PLAIT_REGISTER_COUNT; i++) {
		if (i != arch->sp && !(arch->callee_saved >> i & 1))
			plait_prologue_clobber(prologue, i);
	}
}
