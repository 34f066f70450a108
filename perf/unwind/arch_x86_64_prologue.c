/*
 * Decoding a function: where did the entry's stack pointer and the callee-saved registers go?
 *
 * One linear pass that ignores control flow: hand-written kernels set their frame up once, straight-line, and undo it
 * once. Every register and every stored stack word is either unknown, the value that some register had at the entry, or
 * an address "base + offset". Base 0 is the entry's rsp (the return address lies there, CFA = base 0 + 8); each
 * `and $-align,%rsp` or `sub %reg,%rsp` makes a new base that is unrelated to those before.
 */
#include <capstone/capstone.h>
#include <dwarf.h>
#include <string.h>

#include "common/arch_x86_64.h"
#include "perf/unwind/arch_x86_64.h"

enum value_kind { UNKNOWN, ORIGINAL, ADDRESS };

struct value {
	uint8_t kind;
	uint8_t which; /* the register, or the base */
	int32_t offset;
};

#define SLOTS_MAX 32

/* A stack word at base + offset that holds something of interest. */
struct slot {
	uint8_t base;
	int32_t offset;
	struct value value;
};

struct state {
	struct value reg[REGISTERS];
	struct slot slots[SLOTS_MAX];
	uint8_t slot_count;
	uint8_t bases;
};

struct decoder {
	csh capstone;
	const struct plait_function_code *code;
	struct plait_rule_pool *pool;
	struct plait_rule_rows *rows;
	struct state state;
	struct state body;	 /* the state before the epilogue that is being decoded */
	unsigned undone_ago;	 /* instructions since the last one that undid something */
	bool undoing;		 /* in an epilogue */
	bool after_return;	 /* only padding since a `ret` or a jump out: another function may begin */
	bool changed;		 /* the state may give another rule than the last row */
	struct plait_rule *rule; /* scratch */
};

static struct state entry_state(void)
{
	struct state state = { .bases = 1 };
	for (uint8_t i = 0; i < REGISTERS; i++)
		state.reg[i] = (struct value) { .kind = ORIGINAL, .which = i };
	state.reg[RSP] = (struct value) { .kind = ADDRESS, .which = 0 };
	return state;
}

static bool is_original(struct value value, uint8_t which)
{
	return value.kind == ORIGINAL && value.which == which;
}

static bool at_entry_depth(const struct state *state)
{
	struct value sp = state->reg[RSP];
	return sp.kind == ADDRESS && sp.which == 0 && sp.offset == 0;
}

/* The slot with exactly this address, or NULL. */
static struct slot *find_slot(struct state *state, struct value address)
{
	for (size_t i = 0; i < state->slot_count; i++) {
		struct slot *slot = &state->slots[i];
		if (slot->base == address.which && slot->offset == address.offset)
			return slot;
	}
	return NULL;
}

/* Forgets what [address, address + size) overwrites. */
static void kill_slots(struct state *state, struct value address, int32_t size)
{
	for (size_t i = 0; i < state->slot_count;) {
		const struct slot *slot = &state->slots[i];
		int64_t distance = (int64_t)slot->offset - address.offset;
		if (slot->base == address.which && distance > -8 && distance < size)
			state->slots[i] = state->slots[--state->slot_count];
		else
			i++;
	}
}

/* Stores `value`. A caller-saved register's entry value is of no interest. */
static void store(struct state *state, struct value address, struct value value)
{
	if (address.kind != ADDRESS)
		return;
	kill_slots(state, address, 8);
	bool wanted = value.kind == ADDRESS || (value.kind == ORIGINAL && (CALLEE_SAVED >> value.which & 1));
	if (wanted && state->slot_count < SLOTS_MAX)
		state->slots[state->slot_count++] =
			(struct slot) { .base = address.which, .offset = address.offset, .value = value };
}

static struct value load(struct state *state, struct value address)
{
	const struct slot *slot = address.kind == ADDRESS ? find_slot(state, address) : NULL;
	return slot ? slot->value : (struct value) { UNKNOWN };
}

/* value + distance; unknown when that leaves the range of an offset. */
static struct value moved(struct value value, int64_t distance)
{
	int64_t offset = value.offset + distance;
	if (value.kind != ADDRESS || distance != (int32_t)distance || offset != (int32_t)offset)
		return (struct value) { UNKNOWN };
	value.offset = (int32_t)offset;
	return value;
}

/* The stack pointer went down by an unknown amount: a new base. */
static void new_base(struct state *state)
{
	if (state->bases == UINT8_MAX)
		state->reg[RSP] = (struct value) { UNKNOWN };
	else
		state->reg[RSP] = (struct value) { .kind = ADDRESS, .which = state->bases++ };
}

/* --- From a state to a rule --- */

/* A register that holds an address relative to `base`: rsp if possible, then one that survives calls. */
static int find_pointer(const struct state *state, uint8_t base)
{
	static const uint8_t order[] = { RSP, RBP, RBX, R12, R13, R14, R15, R11, R10, RAX, RCX, RDX, RSI, RDI, R8, R9 };
	for (size_t i = 0; i < sizeof(order); i++) {
		struct value value = state->reg[order[i]];
		if (value.kind == ADDRESS && value.which == base)
			return order[i];
	}
	return -1;
}

/* CFA from a stored stack pointer: *(register + n) + m. */
static bool stored_cfa(const struct state *state, struct plait_rule_pool *pool, struct plait_rule_entry *ret)
{
	for (size_t i = 0; i < state->slot_count; i++) {
		const struct slot *slot = &state->slots[i];
		int pointer = find_pointer(state, slot->base);
		if (slot->value.kind != ADDRESS || slot->value.which != 0 || pointer < 0)
			continue;
		int64_t place = (int64_t)slot->offset - state->reg[pointer].offset;
		int64_t rest = 8 - (int64_t)slot->value.offset;
		struct plait_expression_op ops[] = {
			{ .atom = (uint64_t)(DW_OP_breg0 + pointer), .number = (uint64_t)place },
			{ .atom = DW_OP_deref },
			{ .atom = DW_OP_plus_uconst, .number = (uint64_t)rest },
		};
		ret->kind = PLAIT_RULE_IS_EXPRESSION;
		ret->value = plait_rule_pool_expression(pool, ops, 3);
		return ret->value >= 0;
	}
	return false;
}

/* Is the slot in the part of the stack that is in use? Below rsp it has been popped, and no copy has it. */
static bool is_live(const struct state *state, const struct slot *slot)
{
	struct value sp = state->reg[RSP];
	return sp.kind == ADDRESS && (slot->base < sp.which || (slot->base == sp.which && slot->offset >= sp.offset));
}

/* Where the entry's value of callee-saved register `which` is now. Once it was stored the slot is the better answer:
 * the register may be overwritten further on, and a loop come back to here. False: the rule is full. */
static bool saved_register(const struct state *state, uint8_t which, struct plait_rule *ret)
{
	for (size_t i = 0; i < state->slot_count; i++) {
		const struct slot *slot = &state->slots[i];
		if (!is_original(slot->value, which) || !is_live(state, slot))
			continue;
		if (slot->base == 0)
			return plait_rule_add(ret, which, PLAIT_RULE_AT_CFA, 0, (int64_t)slot->offset - 8);
		int pointer = find_pointer(state, slot->base);
		if (pointer >= 0)
			return plait_rule_add(ret, which, PLAIT_RULE_AT_REGISTER, (uint8_t)pointer,
					      (int64_t)slot->offset - state->reg[pointer].offset);
	}
	if (is_original(state->reg[which], which))
		return true;
	for (uint8_t i = 0; i < REGISTERS; i++) {
		if (is_original(state->reg[i], which))
			return plait_rule_add(ret, which, PLAIT_RULE_IS_REGISTER, i, 0);
	}
	return plait_rule_add(ret, which, PLAIT_RULE_UNDEFINED, 0, 0);
}

static uint32_t state_rule(const struct state *state, struct plait_rule_pool *pool, struct plait_rule *rule)
{
	plait_x86_64_start_rule(rule, RSP, 0);
	int pointer = find_pointer(state, 0);
	if (pointer >= 0) {
		int64_t offset = 8 - (int64_t)state->reg[pointer].offset;
		if (offset != (int32_t)offset)
			return PLAIT_RULE_NONE;
		rule->cfa.source = (uint8_t)pointer;
		rule->cfa.value = (int32_t)offset;
	} else {
		rule->cfa.source = 0;
		if (!stored_cfa(state, pool, &rule->cfa))
			return PLAIT_RULE_NONE;
	}
	for (uint8_t which = 0; which < REGISTERS; which++) {
		if ((CALLEE_SAVED >> which & 1) && !saved_register(state, which, rule))
			return PLAIT_RULE_NONE;
	}
	return plait_rule_pool_add(pool, rule);
}

/* --- What one instruction does to the state --- */

/* The DWARF number of the register that `reg` is or is a part of, -1 for others. */
static int dwarf_number(unsigned reg)
{
	static const uint16_t parts[REGISTERS][5] = {
		[RAX] = { X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH },
		[RDX] = { X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH },
		[RCX] = { X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH },
		[RBX] = { X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH },
		[RSI] = { X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL },
		[RDI] = { X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL },
		[RBP] = { X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL },
		[RSP] = { X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL },
		[R8] = { X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B },
		[R9] = { X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B },
		[R10] = { X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B },
		[R11] = { X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B },
		[R12] = { X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B },
		[R13] = { X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B },
		[R14] = { X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B },
		[R15] = { X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B },
	};
	for (int i = 0; i < REGISTERS; i++) {
		for (size_t j = 0; j < 5; j++) {
			if (reg && parts[i][j] == reg)
				return i;
		}
	}
	return -1;
}

/* The number of a whole 64 bit register operand, -1 for anything else. */
static int whole_register(const cs_x86_op *op)
{
	return op->type == X86_OP_REG && op->size == 8 ? dwarf_number(op->reg) : -1;
}

/* The stack address that a memory operand names; unknown for any other. */
static struct value operand_address(const struct state *state, const cs_x86_op *op)
{
	if (op->type != X86_OP_MEM || op->mem.segment != X86_REG_INVALID || op->mem.index != X86_REG_INVALID)
		return (struct value) { UNKNOWN };
	int base = dwarf_number(op->mem.base);
	return base < 0 ? (struct value) { UNKNOWN } : moved(state->reg[base], op->mem.disp);
}

static struct value operand_value(struct state *state, const cs_x86_op *op)
{
	int reg = whole_register(op);
	if (reg >= 0)
		return state->reg[reg];
	if (op->type == X86_OP_MEM && op->size == 8)
		return load(state, operand_address(state, op));
	return (struct value) { UNKNOWN };
}

/* Any instruction without a case of its own: what it writes becomes unknown. */
static void clobber(struct decoder *decoder, const cs_insn *insn)
{
	struct state *state = &decoder->state;
	cs_regs read, written;
	uint8_t read_count = 0, written_count = 0;
	if (cs_regs_access(decoder->capstone, insn, read, &read_count, written, &written_count) != CS_ERR_OK)
		written_count = 0;
	for (uint8_t i = 0; i < written_count; i++) {
		int reg = dwarf_number(written[i]);
		if (reg < 0 || state->reg[reg].kind == UNKNOWN)
			continue;
		state->reg[reg] = (struct value) { UNKNOWN };
		decoder->changed = true;
	}
	const cs_x86 *x86 = &insn->detail->x86;
	for (uint8_t i = 0; i < x86->op_count; i++) {
		const cs_x86_op *op = &x86->operands[i];
		struct value address = operand_address(state, op);
		if ((op->access & CS_AC_WRITE) && address.kind == ADDRESS) {
			kill_slots(state, address, op->size);
			decoder->changed = true;
		}
	}
}

/* add/sub/and on the stack pointer, or add/sub with a constant on any register. */
static void arithmetic(struct decoder *decoder, const cs_insn *insn)
{
	struct state *state = &decoder->state;
	const cs_x86_op *ops = insn->detail->x86.operands;
	int target = whole_register(&ops[0]);
	if (target < 0 || state->reg[target].kind != ADDRESS) {
		clobber(decoder, insn);
		return;
	}
	decoder->changed = true;
	bool constant = ops[1].type == X86_OP_IMM;
	if (insn->id == X86_INS_ADD && constant)
		state->reg[target] = moved(state->reg[target], ops[1].imm);
	else if (insn->id == X86_INS_SUB && constant)
		state->reg[target] = moved(state->reg[target], -ops[1].imm);
	else if (target == RSP && insn->id != X86_INS_ADD)
		new_base(state); /* and $-align,%rsp; sub %rax,%rsp */
	else
		state->reg[target] = (struct value) { UNKNOWN };
}

static void move(struct decoder *decoder, const cs_insn *insn)
{
	struct state *state = &decoder->state;
	const cs_x86_op *ops = insn->detail->x86.operands;
	int target = whole_register(&ops[0]);
	if (target >= 0) {
		state->reg[target] = operand_value(state, &ops[1]);
		decoder->changed = true;
	} else if (ops[0].type == X86_OP_MEM && ops[0].size == 8 && operand_address(state, &ops[0]).kind == ADDRESS) {
		store(state, operand_address(state, &ops[0]), operand_value(state, &ops[1]));
		decoder->changed = true;
	} else {
		clobber(decoder, insn);
	}
}

static void lea(struct decoder *decoder, const cs_insn *insn)
{
	const cs_x86_op *ops = insn->detail->x86.operands;
	int target = whole_register(&ops[0]);
	if (target < 0) {
		clobber(decoder, insn);
		return;
	}
	decoder->state.reg[target] = operand_address(&decoder->state, &ops[1]);
	decoder->changed = true;
}

static void push(struct decoder *decoder, const cs_insn *insn)
{
	struct state *state = &decoder->state;
	const cs_x86 *x86 = &insn->detail->x86;
	struct value value = x86->op_count ? operand_value(state, &x86->operands[0]) : (struct value) { UNKNOWN };
	int64_t size = x86->op_count && x86->operands[0].type != X86_OP_IMM ? x86->operands[0].size : 8;
	state->reg[RSP] = moved(state->reg[RSP], -size);
	store(state, state->reg[RSP], value);
	decoder->changed = true;
}

static void pop(struct decoder *decoder, const cs_insn *insn)
{
	struct state *state = &decoder->state;
	const cs_x86 *x86 = &insn->detail->x86;
	struct value value = load(state, state->reg[RSP]);
	int target = x86->op_count ? whole_register(&x86->operands[0]) : -1;
	state->reg[RSP] = moved(state->reg[RSP], x86->op_count ? x86->operands[0].size : 8);
	if (target >= 0)
		state->reg[target] = value;
	decoder->changed = true;
}

static void leave(struct decoder *decoder)
{
	struct state *state = &decoder->state;
	state->reg[RSP] = state->reg[RBP];
	state->reg[RBP] = load(state, state->reg[RSP]);
	state->reg[RSP] = moved(state->reg[RSP], 8);
	decoder->changed = true;
}

/* What a called function may change. */
static void call(struct decoder *decoder)
{
	for (uint8_t i = 0; i < REGISTERS; i++) {
		if (i != RSP && !(CALLEE_SAVED >> i & 1))
			decoder->state.reg[i] = (struct value) { UNKNOWN };
	}
	decoder->changed = true;
}

/* Does the instruction take the frame down: raise rsp, or load a callee-saved register's own value back? */
static bool undoes(struct decoder *decoder, const cs_insn *insn)
{
	struct state *state = &decoder->state;
	const cs_x86_op *ops = insn->detail->x86.operands;
	int target = insn->detail->x86.op_count ? whole_register(&ops[0]) : -1;
	switch (insn->id) {
	case X86_INS_POP:
	case X86_INS_LEAVE:
		return true;
	case X86_INS_ADD:
		return target == RSP;
	case X86_INS_SUB:
		return target == RSP && ops[1].type == X86_OP_IMM && ops[1].imm < 0;
	case X86_INS_MOV:
		if (target == RSP)
			return true;
		return target >= 0 && (CALLEE_SAVED >> target & 1) && ops[1].type == X86_OP_MEM &&
		       is_original(operand_value(state, &ops[1]), (uint8_t)target);
	case X86_INS_LEA: {
		struct value value = target == RSP ? operand_address(state, &ops[1]) : (struct value) { UNKNOWN };
		struct value sp = state->reg[RSP];
		return value.kind == ADDRESS && (value.which != sp.which || value.offset > sp.offset);
	}
	default:
		return false;
	}
}

/* After this many other instructions in a row it was no epilogue (say, arguments popped after a call). */
#define UNDOING_PATIENCE 4

/* Notes where an epilogue begins: its end, `ret`, goes back to the state before it, as an assembler's
 * .cfi_remember_state and .cfi_restore_state would. */
static void follow_epilogue(struct decoder *decoder, const cs_insn *insn)
{
	if (undoes(decoder, insn)) {
		if (!decoder->undoing)
			decoder->body = decoder->state;
		decoder->undoing = true;
		decoder->undone_ago = 0;
		return;
	}
	bool builds = insn->id == X86_INS_PUSH || insn->id == X86_INS_CALL;
	if (builds || decoder->undone_ago++ >= UNDOING_PATIENCE)
		decoder->undoing = false;
}

/* `ret`, or a jump: nothing runs on behind it, unless from elsewhere in the body. */
static void leave_function(struct decoder *decoder, bool is_return)
{
	if (decoder->undoing && (is_return || at_entry_depth(&decoder->state))) {
		decoder->state = decoder->body;
		decoder->changed = true;
		decoder->after_return = true;
	}
	decoder->after_return |= is_return;
	decoder->undoing = false;
}

static void apply(struct decoder *decoder, const cs_insn *insn)
{
	follow_epilogue(decoder, insn);
	switch (insn->id) {
	case X86_INS_PUSH:
	case X86_INS_PUSHFQ:
		push(decoder, insn);
		break;
	case X86_INS_POP:
	case X86_INS_POPFQ:
		pop(decoder, insn);
		break;
	case X86_INS_ADD:
	case X86_INS_SUB:
	case X86_INS_AND:
		arithmetic(decoder, insn);
		break;
	case X86_INS_MOV:
		move(decoder, insn);
		break;
	case X86_INS_LEA:
		lea(decoder, insn);
		break;
	case X86_INS_LEAVE:
		leave(decoder);
		break;
	case X86_INS_CALL:
		call(decoder);
		break;
	case X86_INS_RET:
		leave_function(decoder, true);
		break;
	case X86_INS_JMP:
		leave_function(decoder, false);
		break;
	default:
		clobber(decoder, insn);
	}
}

/* --- The pass --- */

/* Is this how a function begins? Asked only at an aligned address behind a return and padding. */
static bool begins_function(const cs_insn *insn)
{
	const cs_x86_op *ops = insn->detail->x86.operands;
	switch (insn->id) {
	case X86_INS_PUSH:
	case X86_INS_ENDBR64:
		return true;
	case X86_INS_SUB:
		return whole_register(&ops[0]) == RSP;
	default:
		return false;
	}
}

static bool is_padding(const cs_insn *insn)
{
	return insn->id == X86_INS_NOP || insn->id == X86_INS_INT3;
}

static void follow_boundary(struct decoder *decoder, const cs_insn *insn)
{
	if (!decoder->after_return || is_padding(insn))
		return;
	decoder->after_return = false;
	if (!decoder->code->one_function && insn->address % 16 == 0 && begins_function(insn)) {
		decoder->state = entry_state();
		decoder->undoing = false;
		decoder->changed = true;
	}
}

/* Appends a row when `rule` differs from the last one's. */
static bool append_row(struct decoder *decoder, uint64_t address, uint32_t rule)
{
	size_t count = decoder->rows->rows.count;
	if (count && decoder->rows->rows.data[count - 1].rule == rule)
		return true;
	return plait_vec_push(&decoder->rows->rows, (struct plait_rule_row) { .address = address, .rule = rule });
}

/* The row for the instruction at `address`, if the state has changed since the last one. */
static bool emit(struct decoder *decoder, uint64_t address)
{
	if (!decoder->changed)
		return true;
	decoder->changed = false;
	return append_row(decoder, address, state_rule(&decoder->state, decoder->pool, decoder->rule));
}

/* Zeros and int3 between functions: zeros do not decode to anything that keeps the pace. */
static size_t padding_size(const uint8_t *code, size_t size)
{
	size_t length = 0;
	while (length < size && (code[length] == 0x00 || code[length] == 0xcc))
		length++;
	return length;
}

/* A PLT's first entry (push GOT+8; jmp *GOT+16) is entered by a jump, with one word pushed. */
static void start_in_plt(struct decoder *decoder)
{
	const struct plait_function_code *code = decoder->code;
	if (code->end - code->start >= 8 && code->bytes[0] == 0xff && code->bytes[1] == 0x35 &&
	    code->bytes[6] == 0xff && code->bytes[7] == 0x25)
		decoder->state.reg[RSP].offset = -8;
}

/* One decoded instruction: first the row for its address, then its effect. */
static bool decode_one(struct decoder *decoder, const cs_insn *insn)
{
	follow_boundary(decoder, insn);
	/* A caller's frame has lost what the call may change: the call's own row does without. */
	if (insn->id == X86_INS_CALL)
		call(decoder);
	if (!emit(decoder, insn->address))
		return false;
	apply(decoder, insn);
	return true;
}

static bool decode_all(struct decoder *decoder, cs_insn *insn)
{
	const struct plait_function_code *code = decoder->code;
	const uint8_t *at = code->bytes;
	size_t left = code->end - code->start;
	uint64_t address = code->start;
	while (left) {
		size_t skipped = decoder->after_return || address == code->start ? padding_size(at, left) : 0;
		if (!skipped && cs_disasm_iter(decoder->capstone, &at, &left, &address, insn)) {
			if (!decode_one(decoder, insn))
				return false;
			continue;
		}
		/* Such instructions write vector and mask registers; those that write general registers are old
		 * enough to be known. */
		if (!skipped)
			skipped = plait_x86_64_vector_size(at, left);
		if (!skipped)
			return append_row(decoder, address, PLAIT_RULE_NONE);
		if (!emit(decoder, address))
			return false;
		at += skipped;
		left -= skipped;
		address += skipped;
	}
	return true;
}

bool plait_x86_64_decode(const struct plait_function_code *code, struct plait_rule_pool *pool,
			 struct plait_rule_rows *ret)
{
	struct plait_rule rule;
	struct decoder decoder = {
		.code = code, .pool = pool, .rows = ret, .rule = &rule, .state = entry_state(), .changed = true
	};
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &decoder.capstone) != CS_ERR_OK)
		return false;
	cs_option(decoder.capstone, CS_OPT_DETAIL, CS_OPT_ON);
	cs_insn *insn = cs_malloc(decoder.capstone);
	start_in_plt(&decoder);
	bool decoded = insn && decode_all(&decoder, insn);
	if (insn)
		cs_free(insn, 1);
	cs_close(&decoder.capstone);
	return decoded;
}
