/*
 * Decoding a function: where did the entry's stack pointer, the return address and the callee-saved registers go?
 * (prologue.h)
 */
#include "perf/unwind/arch_aarch64.h"
#include "perf/unwind/prologue.h"

static int64_t sign_extended(uint32_t value, unsigned bits)
{
	return (int64_t)((uint64_t)value << (64 - bits)) >> (64 - bits);
}

/* The registers named by an instruction's fields. */
static uint8_t field_d(uint32_t word)
{
	return word & 31;
}

static uint8_t field_n(uint32_t word)
{
	return word >> 5 & 31;
}

static uint8_t field_2(uint32_t word) /* Rt2 of a pair */
{
	return word >> 10 & 31;
}

/* A load or store: of one register or two, and what it does to its base. */
struct transfer {
	bool is_load, is_pair, is_vector;
	int32_t size; /* bytes of one register */
	int64_t offset;
	bool known_offset;	   /* else an index register, or a form that is only known to access memory */
	bool pre_index, writeback; /* the base is changed, before the access or after it */
};

/* ldp, stp (C4.1, load/store pair). */
static struct transfer decode_pair(uint32_t word)
{
	unsigned form = word >> 23 & 3, opc = word >> 30;
	bool is_vector = word >> 26 & 1;
	int32_t size = is_vector ? 4 << opc : opc == 2 ? 8 : 4;
	return (struct transfer) {
		.is_load = word >> 22 & 1,
		.is_pair = true,
		.is_vector = is_vector,
		.size = size,
		.offset = sign_extended(word >> 15 & 0x7f, 7) * size,
		.known_offset = true,
		.pre_index = form == 3,
		.writeback = form == 1 || form == 3,
	};
}

/* ldr, str and the like (C4.1, load/store register). */
static struct transfer decode_single(uint32_t word)
{
	unsigned size = word >> 30, opc = word >> 22 & 3;
	struct transfer transfer = { .is_vector = word >> 26 & 1, .is_load = opc != 0, .size = 1 << size };
	if (transfer.is_vector) {
		transfer.is_load = opc & 1;
		transfer.size = opc >> 1 ? 16 : 1 << size;
	}
	if (word >> 24 & 1) { /* unsigned offset */
		transfer.offset = (int64_t)(word >> 10 & 0xfff) * transfer.size;
		transfer.known_offset = true;
	} else if (!(word >> 21 & 1)) { /* 9 bit offset: unscaled, post-indexed, unprivileged, pre-indexed */
		unsigned form = word >> 10 & 3;
		transfer.offset = sign_extended(word >> 12 & 0x1ff, 9);
		transfer.known_offset = true;
		transfer.pre_index = form == 3;
		transfer.writeback = form & 1;
	}
	return transfer;
}

static bool is_pair(uint32_t word)
{
	return (word & 0x3a000000) == 0x28000000;
}

static bool is_single(uint32_t word)
{
	return (word & 0x3a000000) == 0x38000000;
}

/* ld1 to ld4, st1 to st4, with post-index or without. */
static bool is_structure(uint32_t word)
{
	return (word & 0xbe000000) == 0x0c000000;
}

/* prfm: what would be the register says how to fetch. */
static bool is_prefetch(uint32_t word)
{
	return (word & 0xffc00000) == 0xf9800000 || (word & 0xffe00000) == 0xf8a00000 ||
	       (word & 0xffe00c00) == 0xf8800000;
}

/* ldadd, swp and the like: the register gets what was there before. */
static bool is_atomic(uint32_t word)
{
	return (word & 0x3f200c00) == 0x38200000;
}

/* The bytes by which post-indexed ld1 and the like move their base; 0: by a register, or not known here. */
static int32_t structure_size(uint32_t word)
{
	static const uint8_t registers[16] = { [0] = 4, [2] = 4, [4] = 3, [6] = 3, [7] = 1, [8] = 2, [10] = 2 };
	bool whole = !(word >> 24 & 1), by_constant = (word >> 16 & 31) == 31;
	return whole && by_constant ? registers[word >> 12 & 15] * (word >> 30 & 1 ? 16 : 8) : 0;
}

/* --- What one instruction does to the state --- */

/* The address that register `reg` holds, sp for 31. */
static struct plait_value base_value(const struct plait_prologue *prologue, uint8_t reg)
{
	return prologue->state.reg[reg];
}

/* A register written by an instruction where 31 is not the stack pointer. */
static void clobber(struct plait_prologue *prologue, uint8_t reg)
{
	if (reg != SP)
		plait_prologue_clobber(prologue, reg);
}

static void access_word(struct plait_prologue *prologue, const struct transfer *transfer, uint8_t reg,
			struct plait_value address)
{
	if (transfer->is_load && !transfer->is_vector) {
		if (reg == SP) /* the zero register */
			return;
		struct plait_value value = { PLAIT_VALUE_UNKNOWN };
		if (transfer->size == 8)
			value = plait_frame_load(&prologue->state, address);
		plait_prologue_set(prologue, reg, value);
	} else if (!transfer->is_load && address.kind == PLAIT_VALUE_ADDRESS) {
		if (transfer->is_vector || transfer->size != 8 || reg == SP)
			plait_prologue_kill(prologue, address, transfer->size);
		else
			plait_prologue_store(prologue, address, prologue->state.reg[reg]);
	}
}

static void transfer_registers(struct plait_prologue *prologue, uint32_t word, const struct transfer *transfer)
{
	struct plait_value unknown = { PLAIT_VALUE_UNKNOWN };
	struct plait_value base = base_value(prologue, field_n(word));
	struct plait_value moved = plait_value_moved(base, transfer->offset);
	struct plait_value address = transfer->writeback && !transfer->pre_index ? base : moved;
	if (!transfer->known_offset)
		address = unknown;
	if (transfer->writeback)
		plait_prologue_set(prologue, field_n(word), moved);
	access_word(prologue, transfer, field_d(word), address);
	if (transfer->is_pair)
		access_word(prologue, transfer, field_2(word), plait_value_moved(address, transfer->size));
}

static void structure(struct plait_prologue *prologue, uint32_t word)
{
	struct plait_value base = base_value(prologue, field_n(word));
	int32_t size = structure_size(word);
	bool is_load = word >> 22 & 1, writeback = word >> 23 & 1;
	if (!is_load)
		plait_prologue_kill(prologue, base, 64);
	if (writeback)
		plait_prologue_set(prologue, field_n(word),
				   size ? plait_value_moved(base, size) : (struct plait_value) { PLAIT_VALUE_UNKNOWN });
}

/* C4.1, data processing (immediate): sums with a constant; `and` aligns the stack pointer. */
static void immediate(struct plait_prologue *prologue, uint32_t word)
{
	uint8_t d = field_d(word);
	bool sets_flags = word >> 29 & 1;
	if ((word & 0x1f800000) == 0x11000000) { /* add, sub: 31 is sp, but zero where flags are set */
		int64_t value = (int64_t)(word >> 10 & 0xfff) << (word >> 22 & 1 ? 12 : 0);
		bool minus = word >> 30 & 1;
		if (sets_flags && d == SP)
			return; /* cmp */
		if (word >> 31)
			plait_prologue_set(
				prologue, d,
				plait_value_moved(base_value(prologue, field_n(word)), minus ? -value : value));
		else
			plait_prologue_clobber(prologue, d);
		return;
	}
	if ((word & 0x1f800000) == 0x12000000) { /* and, orr, eor, ands: 31 is sp but for ands */
		if ((word >> 29 & 3) == 3)
			clobber(prologue, d);
		else if (d == SP)
			plait_prologue_new_base(prologue);
		else
			plait_prologue_clobber(prologue, d);
		return;
	}
	clobber(prologue, d);
}

/* C4.1, data processing (register): moves, and sums with the stack pointer. */
static void registers(struct plait_prologue *prologue, uint32_t word)
{
	uint8_t d = field_d(word);
	if ((word & 0xffe0ffe0) == 0xaa0003e0 && (word >> 16 & 31) != SP && d != SP) /* mov xd, xm */
		plait_prologue_set(prologue, d, prologue->state.reg[word >> 16 & 31]);
	else if ((word & 0xffe00000) == 0xcb200000 && d == SP) /* sub sp, xn, xm */
		plait_prologue_new_base(prologue);
	else if ((word & 0x3fe00000) == 0x0b200000) /* add, sub, extended register: 31 is sp */
		plait_prologue_clobber(prologue, d);
	else
		clobber(prologue, d);
}

/* Floating point and vector instructions that write a general register: fcvt*, fmov, umov, smov. */
static bool writes_general(uint32_t word)
{
	unsigned opcode = word >> 16 & 7;
	if ((word & 0x7f20fc00) == 0x1e200000)
		return opcode <= 1 || opcode == 4 || opcode == 5 || opcode == 6;
	if ((word & 0x7f200000) == 0x1e000000)
		return opcode <= 1;
	return (word & 0xbfe0fc00) == 0x0e003c00 || (word & 0xbfe0fc00) == 0x0e002c00;
}

/* The same of SVE: addvl, addpl (31 is sp), rdvl, and the counters (cntd, incd ...). */
static void scalable(struct plait_prologue *prologue, uint32_t word)
{
	if ((word & 0xffa0f800) == 0x04205000 && field_d(word) == SP)
		plait_prologue_new_base(prologue);
	else if ((word & 0xffa0f800) == 0x04205000 || (word & 0xff20e000) == 0x0420e000 ||
		 (word & 0xfffff800) == 0x04bf5000)
		clobber(prologue, field_d(word));
}

static bool is_branch_class(uint32_t word)
{
	return (word & 0x1c000000) == 0x14000000;
}

static void branch(struct plait_prologue *prologue, uint32_t word)
{
	if (plait_aarch64_is_bl(word) || plait_aarch64_is_blr(word))
		plait_prologue_call(prologue);
	else if (plait_aarch64_is_return(word))
		plait_prologue_leave(prologue, true);
	else if (plait_aarch64_is_jump(word))
		plait_prologue_leave(prologue, false);
	else if ((word & 0xfff00000) == 0xd5300000) /* mrs */
		clobber(prologue, field_d(word));
}

/* --- Prologues and epilogues --- */

/* Does the instruction take the frame down: raise sp, or load a callee-saved register's own value back? */
static bool undoes(const struct plait_prologue *prologue, uint32_t word)
{
	struct plait_value sp = prologue->state.reg[SP];
	if ((word & 0xff800000) == 0x91000000 && field_d(word) == SP) { /* add sp, xn, #; mov sp, xn */
		struct plait_value from = prologue->state.reg[field_n(word)];
		return field_n(word) == SP ||
		       (from.kind == PLAIT_VALUE_ADDRESS && (from.which != sp.which || from.offset > sp.offset));
	}
	if (!is_pair(word) && !is_single(word))
		return false;
	struct transfer transfer = is_pair(word) ? decode_pair(word) : decode_single(word);
	if (!transfer.is_load)
		return false;
	if (transfer.writeback && field_n(word) == SP && transfer.offset > 0)
		return true;
	if (transfer.is_vector || transfer.size != 8 || !transfer.known_offset)
		return false;
	struct plait_value address = plait_value_moved(base_value(prologue, field_n(word)), transfer.offset);
	return field_d(word) != SP &&
	       plait_value_is_original(plait_frame_load(&prologue->state, address), field_d(word));
}

/* Does the instruction set a frame up? */
static bool builds(uint32_t word)
{
	if (plait_aarch64_is_bl(word) || plait_aarch64_is_blr(word))
		return true;
	if ((word & 0xff800000) == 0xd1000000) /* sub sp, sp, # */
		return field_d(word) == SP;
	struct transfer transfer = { 0 };
	if (is_pair(word))
		transfer = decode_pair(word);
	else if (is_single(word))
		transfer = decode_single(word);
	return transfer.writeback && !transfer.is_load && transfer.offset < 0 && field_n(word) == SP;
}

/* Does the instruction lower the stack pointer? */
static bool lowers(uint32_t word)
{
	bool by_register = (word & 0xffe003ff) == 0xcb2003ff; /* sub sp, sp, xm */
	return by_register || (builds(word) && !plait_aarch64_is_bl(word) && !plait_aarch64_is_blr(word));
}

/* Is this how a function begins? Asked only behind a return and padding. */
static bool begins_function(uint32_t word)
{
	bool is_landing = word == 0xd503245f || word == 0xd50324df; /* bti c, bti jc */
	bool is_signing = word == 0xd503233f || word == 0xd503237f; /* paciasp, pacibsp */
	return is_landing || is_signing || lowers(word);
}

/* Where control comes only by a jump, or after a call that returned: the first instruction of a function is one. */
struct entrance {
	uint64_t address;
	bool in_frame; /* what was decoded before leaves the stack pointer below the entry there */
	bool lowers;   /* since then the stack pointer was lowered */
};

static bool stores_to_stack(uint32_t word)
{
	bool is_store = is_pair(word) ? !decode_pair(word).is_load : is_single(word) && !decode_single(word).is_load;
	return is_store && !(word >> 26 & 1) && field_n(word) == SP;
}

/* Has another function begun at the entrance, as here it stores its return address? One does that once, first lowers
 * the stack pointer, and calls nothing before. */
static bool is_other_prologue(const struct plait_prologue *prologue, struct entrance *entrance, uint32_t word)
{
	bool stores = stores_to_stack(word) && (field_d(word) == LR || (is_pair(word) && field_2(word) == LR));
	entrance->lowers |= lowers(word);
	return stores && entrance->lowers && entrance->in_frame && !prologue->code->one_function;
}

/* Notes an entrance behind the instruction at `address`, which was applied. */
static void note_entrance(const struct plait_prologue *prologue, uint32_t word, uint64_t address,
			  struct entrance *entrance)
{
	bool leaves = plait_aarch64_is_return(word) || plait_aarch64_is_jump(word) || plait_aarch64_is_bl(word) ||
		      plait_aarch64_is_blr(word);
	if (!leaves && (entrance->address != address || !plait_aarch64_is_padding(word)))
		return;
	struct plait_value sp = prologue->state.reg[SP];
	*entrance = (struct entrance) {
		.address = address + 4,
		.in_frame = sp.kind != PLAIT_VALUE_ADDRESS || sp.which || sp.offset,
	};
}

static void follow_boundary(struct plait_prologue *prologue, uint32_t word, uint64_t address)
{
	if (!prologue->after_return || plait_aarch64_is_padding(word))
		return;
	prologue->after_return = false;
	if (!prologue->code->one_function && address % 16 == 0 && begins_function(word))
		plait_prologue_restart(prologue);
}

static void apply(struct plait_prologue *prologue, uint32_t word)
{
	plait_prologue_follow(prologue, undoes(prologue, word), builds(word));
	if (is_branch_class(word)) {
		branch(prologue, word);
	} else if (is_pair(word)) {
		struct transfer transfer = decode_pair(word);
		transfer_registers(prologue, word, &transfer);
	} else if (is_single(word)) {
		struct transfer transfer = decode_single(word);
		if (is_atomic(word))
			clobber(prologue, field_d(word));
		else if (!is_prefetch(word))
			transfer_registers(prologue, word, &transfer);
	} else if (is_structure(word)) {
		structure(prologue, word);
	} else if ((word & 0x3b000000) == 0x18000000) { /* load literal */
		if (!(word >> 26 & 1))
			clobber(prologue, field_d(word));
	} else if ((word & 0x3f000000) == 0x08000000) { /* exclusive, ordered, compare and swap */
		clobber(prologue, field_d(word));
		clobber(prologue, field_2(word));
		clobber(prologue, word >> 16 & 31); /* a status, or what was there before */
	} else if ((word & 0x1c000000) == 0x10000000) {
		immediate(prologue, word);
	} else if ((word & 0x0e000000) == 0x0a000000) {
		registers(prologue, word);
	} else if ((word & 0x0e000000) == 0x0e000000) {
		if (writes_general(word))
			clobber(prologue, field_d(word));
	} else if ((word & 0x1e000000) == 0x04000000) {
		scalable(prologue, word);
	}
}

bool plait_aarch64_decode(const struct plait_function_code *code, struct plait_rule_pool *pool,
			  struct plait_rule_rows *ret)
{
	struct plait_prologue prologue = plait_prologue_start(&plait_unwind_arch_aarch64, code, pool, ret);
	struct entrance entrance = { .address = code->start };
	for (uint64_t address = code->start; code->end - address >= 4; address += 4) {
		uint32_t word = plait_aarch64_word(code->bytes + (address - code->start));
		follow_boundary(&prologue, word, address);
		if (is_other_prologue(&prologue, &entrance, word)) {
			address = entrance.address;
			word = plait_aarch64_word(code->bytes + (address - code->start));
			entrance = (struct entrance) { .address = address, .lowers = lowers(word) };
			plait_prologue_restart_at(&prologue, address);
		}
		const uint8_t *at = code->bytes + (address - code->start);
		if (code->end - address >= 8 && plait_aarch64_is_signal_return(at)) {
			struct plait_rule rule;
			plait_aarch64_signal_rule(&rule);
			if (!plait_prologue_append(&prologue, address, plait_rule_pool_add(pool, &rule)))
				return false;
			prologue.changed = false;
			continue;
		}
		/* A caller's frame has lost what the call may change: the call's own row does without. */
		if (plait_aarch64_is_bl(word) || plait_aarch64_is_blr(word))
			plait_prologue_call(&prologue);
		if (!plait_prologue_emit(&prologue, address))
			return false;
		apply(&prologue, word);
		note_entrance(&prologue, word, address, &entrance);
	}
	return true;
}
