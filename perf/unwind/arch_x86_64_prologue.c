/*
 * Decoding a function: where did the entry's stack pointer and the callee-saved registers go? (prologue.h)
 */
#include <capstone/capstone.h>
#include <string.h>

#include "common/arch_x86_64.h"
#include "perf/unwind/arch_x86_64.h"
#include "perf/unwind/prologue.h"

struct decoder {
	csh capstone;
	struct plait_prologue prologue;
};

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
static struct plait_value operand_address(const struct plait_frame_state *state, const cs_x86_op *op)
{
	if (op->type != X86_OP_MEM || op->mem.segment != X86_REG_INVALID || op->mem.index != X86_REG_INVALID)
		return (struct plait_value) { PLAIT_VALUE_UNKNOWN };
	int base = dwarf_number(op->mem.base);
	return base < 0 ? (struct plait_value) { PLAIT_VALUE_UNKNOWN }
			: plait_value_moved(state->reg[base], op->mem.disp);
}

static struct plait_value operand_value(struct plait_frame_state *state, const cs_x86_op *op)
{
	int reg = whole_register(op);
	if (reg >= 0)
		return state->reg[reg];
	if (op->type == X86_OP_MEM && op->size == 8)
		return plait_frame_load(state, operand_address(state, op));
	return (struct plait_value) { PLAIT_VALUE_UNKNOWN };
}

/* Any instruction without a case of its own: what it writes becomes unknown. */
static void clobber(struct decoder *decoder, const cs_insn *insn)
{
	struct plait_frame_state *state = &decoder->prologue.state;
	cs_regs read, written;
	uint8_t read_count = 0, written_count = 0;
	if (cs_regs_access(decoder->capstone, insn, read, &read_count, written, &written_count) != CS_ERR_OK)
		written_count = 0;
	for (uint8_t i = 0; i < written_count; i++) {
		int reg = dwarf_number(written[i]);
		if (reg >= 0)
			plait_prologue_clobber(&decoder->prologue, (unsigned)reg);
	}
	const cs_x86 *x86 = &insn->detail->x86;
	for (uint8_t i = 0; i < x86->op_count; i++) {
		const cs_x86_op *op = &x86->operands[i];
		if (op->access & CS_AC_WRITE)
			plait_prologue_kill(&decoder->prologue, operand_address(state, op), op->size);
	}
}

/* add/sub/and on the stack pointer, or add/sub with a constant on any register. */
static void arithmetic(struct decoder *decoder, const cs_insn *insn)
{
	struct plait_prologue *prologue = &decoder->prologue;
	const cs_x86_op *ops = insn->detail->x86.operands;
	int target = whole_register(&ops[0]);
	if (target < 0 || prologue->state.reg[target].kind != PLAIT_VALUE_ADDRESS) {
		clobber(decoder, insn);
		return;
	}
	struct plait_value value = prologue->state.reg[target];
	bool constant = ops[1].type == X86_OP_IMM;
	if (insn->id == X86_INS_ADD && constant)
		plait_prologue_set(prologue, (uint8_t)target, plait_value_moved(value, ops[1].imm));
	else if (insn->id == X86_INS_SUB && constant)
		plait_prologue_set(prologue, (uint8_t)target, plait_value_moved(value, -ops[1].imm));
	else if (target == RSP && insn->id != X86_INS_ADD)
		plait_prologue_new_base(prologue); /* and $-align,%rsp; sub %rax,%rsp */
	else
		plait_prologue_clobber(prologue, (unsigned)target);
}

static void move(struct decoder *decoder, const cs_insn *insn)
{
	struct plait_frame_state *state = &decoder->prologue.state;
	const cs_x86_op *ops = insn->detail->x86.operands;
	int target = whole_register(&ops[0]);
	if (target >= 0) {
		plait_prologue_set(&decoder->prologue, (uint8_t)target, operand_value(state, &ops[1]));
	} else if (ops[0].type == X86_OP_MEM && ops[0].size == 8 &&
		   operand_address(state, &ops[0]).kind == PLAIT_VALUE_ADDRESS) {
		plait_prologue_store(&decoder->prologue, operand_address(state, &ops[0]),
				     operand_value(state, &ops[1]));
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
	plait_prologue_set(&decoder->prologue, (uint8_t)target, operand_address(&decoder->prologue.state, &ops[1]));
}

static void push(struct decoder *decoder, const cs_insn *insn)
{
	struct plait_frame_state *state = &decoder->prologue.state;
	const cs_x86 *x86 = &insn->detail->x86;
	struct plait_value value =
		x86->op_count ? operand_value(state, &x86->operands[0]) : (struct plait_value) { PLAIT_VALUE_UNKNOWN };
	int64_t size = x86->op_count && x86->operands[0].type != X86_OP_IMM ? x86->operands[0].size : 8;
	plait_prologue_set(&decoder->prologue, RSP, plait_value_moved(state->reg[RSP], -size));
	plait_prologue_store(&decoder->prologue, state->reg[RSP], value);
}

static void pop(struct decoder *decoder, const cs_insn *insn)
{
	struct plait_frame_state *state = &decoder->prologue.state;
	const cs_x86 *x86 = &insn->detail->x86;
	struct plait_value value = plait_frame_load(state, state->reg[RSP]);
	int target = x86->op_count ? whole_register(&x86->operands[0]) : -1;
	plait_prologue_set(&decoder->prologue, RSP,
			   plait_value_moved(state->reg[RSP], x86->op_count ? x86->operands[0].size : 8));
	if (target >= 0)
		plait_prologue_set(&decoder->prologue, (uint8_t)target, value);
}

static void leave(struct decoder *decoder)
{
	struct plait_frame_state *state = &decoder->prologue.state;
	struct plait_value frame = state->reg[RBP];
	plait_prologue_set(&decoder->prologue, RBP, plait_frame_load(state, frame));
	plait_prologue_set(&decoder->prologue, RSP, plait_value_moved(frame, 8));
}

/* Does the instruction take the frame down: raise rsp, or load a callee-saved register's own value back? */
static bool undoes(struct decoder *decoder, const cs_insn *insn)
{
	struct plait_frame_state *state = &decoder->prologue.state;
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
		       plait_value_is_original(operand_value(state, &ops[1]), (uint8_t)target);
	case X86_INS_LEA: {
		struct plait_value value =
			target == RSP ? operand_address(state, &ops[1]) : (struct plait_value) { PLAIT_VALUE_UNKNOWN };
		struct plait_value sp = state->reg[RSP];
		return value.kind == PLAIT_VALUE_ADDRESS && (value.which != sp.which || value.offset > sp.offset);
	}
	default:
		return false;
	}
}

static void apply(struct decoder *decoder, const cs_insn *insn)
{
	bool builds = insn->id == X86_INS_PUSH || insn->id == X86_INS_CALL;
	plait_prologue_follow(&decoder->prologue, undoes(decoder, insn), builds);
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
		plait_prologue_call(&decoder->prologue);
		break;
	case X86_INS_RET:
		plait_prologue_leave(&decoder->prologue, true);
		break;
	case X86_INS_JMP:
		plait_prologue_leave(&decoder->prologue, false);
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
	struct plait_prologue *prologue = &decoder->prologue;
	if (!prologue->after_return || is_padding(insn))
		return;
	prologue->after_return = false;
	if (!prologue->code->one_function && insn->address % 16 == 0 && begins_function(insn))
		plait_prologue_restart(prologue);
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
	const struct plait_function_code *code = decoder->prologue.code;
	if (code->end - code->start >= 8 && code->bytes[0] == 0xff && code->bytes[1] == 0x35 &&
	    code->bytes[6] == 0xff && code->bytes[7] == 0x25)
		decoder->prologue.state.reg[RSP].offset = -8;
}

/* One decoded instruction: first the row for its address, then its effect. */
static bool decode_one(struct decoder *decoder, const cs_insn *insn)
{
	follow_boundary(decoder, insn);
	/* A caller's frame has lost what the call may change: the call's own row does without. */
	if (insn->id == X86_INS_CALL)
		plait_prologue_call(&decoder->prologue);
	if (!plait_prologue_emit(&decoder->prologue, insn->address))
		return false;
	apply(decoder, insn);
	return true;
}

static bool decode_all(struct decoder *decoder, cs_insn *insn)
{
	const struct plait_function_code *code = decoder->prologue.code;
	const uint8_t *at = code->bytes;
	size_t left = code->end - code->start;
	uint64_t address = code->start;
	while (left) {
		size_t skipped = decoder->prologue.after_return || address == code->start ? padding_size(at, left) : 0;
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
			skipped = plait_x86_64_prefetch_size(at, left);
		if (!skipped)
			return plait_prologue_append(&decoder->prologue, address, PLAIT_RULE_NONE);
		if (!plait_prologue_emit(&decoder->prologue, address))
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
	struct decoder decoder = { .prologue = plait_prologue_start(&plait_unwind_arch_x86_64, code, pool, ret) };
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
