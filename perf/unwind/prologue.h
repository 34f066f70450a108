/*
 * Following a function's stack frame through its code: the part of the prologue decoders that is the same for all
 * architectures. arch_<name>_prologue.c says what each instruction does.
 *
 * Every register and every stored stack word is either unknown, the value that some register had at the entry, or an
 * address "base + offset". Base 0 is the stack pointer at the entry: the CFA, or right below it the return address.
 * Each time that the stack pointer goes down by an unknown amount (alignment, a variable) makes a new base that is
 * unrelated to those before.
 *
 * It is one linear pass that ignores control flow: hand-written kernels set their frame up once, straight-line, and
 * undo it once.
 */
#ifndef PLAIT_PERF_UNWIND_PROLOGUE_H
#define PLAIT_PERF_UNWIND_PROLOGUE_H

#include "perf/unwind/rule.h"

enum plait_value_kind { PLAIT_VALUE_UNKNOWN, PLAIT_VALUE_ORIGINAL, PLAIT_VALUE_ADDRESS };

struct plait_value {
	uint8_t kind;  /* enum plait_value_kind */
	uint8_t which; /* the register, or the base */
	int32_t offset;
};

#define PLAIT_SLOTS_MAX 32

/* A stack word at base + offset that holds something of interest. */
struct plait_slot {
	uint8_t base;
	int32_t offset;
	struct plait_value value;
};

struct plait_frame_state {
	struct plait_value reg[PLAIT_REGISTER_COUNT];
	struct plait_slot slots[PLAIT_SLOTS_MAX];
	uint8_t slot_count;
	uint8_t bases;
};

/* A function being decoded. */
struct plait_prologue {
	const struct plait_unwind_arch *arch;
	const struct plait_function_code *code;
	struct plait_rule_pool *pool;
	struct plait_rule_rows *rows;
	struct plait_frame_state state;
	struct plait_frame_state body; /* the state before the epilogue that is being decoded */
	unsigned undone_ago;	       /* instructions since the last one that undid something */
	bool undoing;		       /* in an epilogue */
	bool after_return;	       /* only padding since a return or a jump out: another function may begin */
	bool changed;		       /* the state may give another rule than the last row */
	size_t first_row;	       /* of the function: more than one may be decoded in a row */
	bool lowered;		       /* the stack pointer has been below its value at the entry */
};

/* Starts at the function's entry. */
struct plait_prologue plait_prologue_start(const struct plait_unwind_arch *arch, const struct plait_function_code *code,
					   struct plait_rule_pool *pool, struct plait_rule_rows *rows);

/* Another function begins here. */
void plait_prologue_restart(struct plait_prologue *prologue);

/* Another function begins at `address`, which was passed already: its rows are taken back. */
void plait_prologue_restart_at(struct plait_prologue *prologue, uint64_t address);

/* Appends a row with `rule` when that differs from the last one's; false when memory ran out. */
bool plait_prologue_append(struct plait_prologue *prologue, uint64_t address, uint32_t rule);

/* Appends the row for the instruction at `address`, if the state has changed since the last one; the same. */
bool plait_prologue_emit(struct plait_prologue *prologue, uint64_t address);

/* To be called before an instruction's effect: `undoes` when it takes the frame down (raises the stack pointer, or
 * loads a callee-saved register's own value back), `builds` when no epilogue has such an instruction. Notes where an
 * epilogue begins: its end goes back to the state before it, as an assembler's .cfi_remember_state and
 * .cfi_restore_state would. */
void plait_prologue_follow(struct plait_prologue *prologue, bool undoes, bool builds);

/* A return, or a jump: nothing runs on behind it, unless from elsewhere in the body. */
void plait_prologue_leave(struct plait_prologue *prologue, bool is_return);

/* A call: what the called function may change is unknown. */
void plait_prologue_call(struct plait_prologue *prologue);

/* Register `reg`, below PLAIT_REGISTER_COUNT, has another value. */
void plait_prologue_set(struct plait_prologue *prologue, uint8_t reg, struct plait_value value);

/* Register `reg` has a value that is not known; more than 31 (or the architecture's number of them) is ignored. */
void plait_prologue_clobber(struct plait_prologue *prologue, unsigned reg);

/* Is `value` what callee-saved register `which` had at the entry? */
bool plait_value_is_original(struct plait_value value, uint8_t which);

/* value + distance; unknown when that leaves the range of an offset. */
struct plait_value plait_value_moved(struct plait_value value, int64_t distance);

/* Forgets what [address, address + size) overwrites, if `address` is known. */
void plait_prologue_kill(struct plait_prologue *prologue, struct plait_value address, int32_t size);

/* Stores a word. A caller-saved register's entry value is of no interest. */
void plait_prologue_store(struct plait_prologue *prologue, struct plait_value address, struct plait_value value);
struct plait_value plait_frame_load(const struct plait_frame_state *state, struct plait_value address);

/* The stack pointer went down by an unknown amount: a new base. */
void plait_prologue_new_base(struct plait_prologue *prologue);

#endif
