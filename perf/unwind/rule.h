/*
 * An unwind rule: how to get from one frame's registers to its caller's. Plain data, independent of the pc it was made
 * for, so equal rules of different addresses are stored once in a pool and named by a small id.
 *
 *     cfa       = reg + offset, *(reg + offset), or an expression
 *     register  = one of the kinds below; a register without an entry is unchanged when the architecture has the
 *                 callee save it, else unknown. The stack pointer without an entry is the CFA.
 */
#ifndef PLAIT_PERF_UNWIND_RULE_H
#define PLAIT_PERF_UNWIND_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/map.h"
#include "common/sample.h"
#include "common/vec.h"
#include "perf/unwind/arch.h"

enum plait_rule_kind {
	PLAIT_RULE_UNDEFINED,	  /* not known; of the return address: this is the outermost frame */
	PLAIT_RULE_AT_CFA,	  /* *(cfa + value) */
	PLAIT_RULE_IS_CFA,	  /* cfa + value */
	PLAIT_RULE_AT_REGISTER,	  /* *(source + value) */
	PLAIT_RULE_IS_REGISTER,	  /* source + value */
	PLAIT_RULE_AT_EXPRESSION, /* *(result of expression `value`) */
	PLAIT_RULE_IS_EXPRESSION, /* result of expression `value` */
};

struct plait_rule_entry {
	uint8_t target; /* DWARF register; unused in the CFA's entry */
	uint8_t kind;	/* enum plait_rule_kind */
	uint8_t source; /* DWARF register, for the REGISTER kinds */
	uint8_t pad;
	int32_t value; /* bytes, or the id of an expression in the pool */
};

enum plait_rule_flag {
	PLAIT_RULE_SIGNAL = 1 << 0,  /* a signal trampoline: the caller was interrupted, its pc is exact */
	PLAIT_RULE_DERIVED = 1 << 1, /* worked out from code, not stated by a table */
	PLAIT_RULE_VERIFY = 1 << 2,  /* the return address must lie behind a call instruction */
	PLAIT_RULE_BOUND = 1 << 3,   /* the CFA may lie higher: the caller's stack pointer is not known exactly */
};

#define PLAIT_RULE_ENTRIES_MAX 36

struct plait_rule {
	uint16_t flags;
	uint16_t count;
	struct plait_rule_entry cfa; /* kind IS_REGISTER, AT_REGISTER or IS_EXPRESSION */
	struct plait_rule_entry entries[PLAIT_RULE_ENTRIES_MAX];
};

/* One operation of an expression: a documented subset of DWARF 5 section 2.5 without branches, so it always ends:
 * constants, breg, stack operations, arithmetic, comparisons, deref, call_frame_cfa. */
struct plait_expression_op {
	uint64_t atom; /* DW_OP_*; 64 bits wide, so that the struct has no padding and compares bytewise */
	uint64_t number, number2;
};

#define PLAIT_EXPRESSION_OPS_MAX 64

struct plait_expression {
	uint32_t first, count; /* in the pool's ops */
};

/* Rules and expressions, each stored once. Rule id 0 is "no rule". */
struct plait_rule_pool {
	PLAIT_VEC(struct plait_rule *) rules;
	PLAIT_VEC(struct plait_expression) expressions;
	PLAIT_VEC(struct plait_expression_op) ops;
	struct plait_map by_hash; /* hash of a rule's bytes -> its id */
};

#define PLAIT_RULE_NONE 0

/* Rules by address within one function: a row holds from its address to the next row's. */
struct plait_rule_row {
	uint64_t address; /* ELF virtual address */
	uint32_t rule;
};

struct plait_rule_rows {
	PLAIT_VEC(struct plait_rule_row) rows; /* ascending */
};

/* Appends an entry; false when the rule is full or `value` does not fit 32 bits. */
bool plait_rule_add(struct plait_rule *rule, uint8_t target, enum plait_rule_kind kind, uint8_t source, int64_t value);

/* Begins a derived rule: CFA = register + offset; where a call puts the return address on the stack, it is there. */
void plait_rule_start(const struct plait_unwind_arch *arch, struct plait_rule *rule, uint8_t cfa_register,
		      int32_t cfa_offset);

/* The entry of register `target`, or NULL. */
const struct plait_rule_entry *plait_rule_find(const struct plait_rule *rule, uint8_t target);

/* Makes an empty pool; false when memory ran out. Ended with plait_rule_pool_release(). */
bool plait_rule_pool_init(struct plait_rule_pool *pool);
void plait_rule_pool_release(struct plait_rule_pool *pool);

/* The id of a rule equal to `rule` (copied when new), or PLAIT_RULE_NONE when memory ran out. */
uint32_t plait_rule_pool_add(struct plait_rule_pool *pool, const struct plait_rule *rule);

/* Keeps an expression. Returns its id, or -1: too long, an operation outside the subset, or no memory. */
int32_t plait_rule_pool_expression(struct plait_rule_pool *pool, const struct plait_expression_op *ops, size_t count);

/* The rule with this id, NULL for PLAIT_RULE_NONE. Valid while the pool lives. */
static inline const struct plait_rule *plait_rule_pool_get(const struct plait_rule_pool *pool, uint32_t id)
{
	return pool->rules.data[id];
}

/* Evaluates expression `id` on `registers`, reading from `stack`. `cfa` is for DW_OP_call_frame_cfa; NULL inside a CFA
 * expression. False: stack under- or overflow, an unknown register, unreadable memory. */
bool plait_expression_evaluate(const struct plait_rule_pool *pool, int32_t id, const struct plait_registers *registers,
			       const struct plait_stack *stack, const uint64_t *cfa, uint64_t *ret);

enum plait_rule_result {
	PLAIT_RULE_STEPPED,    /* the caller's registers are known */
	PLAIT_RULE_OUTERMOST,  /* there is no caller */
	PLAIT_RULE_UNREADABLE, /* the return address or the CFA is not in the stack copy: `fault` says where */
	PLAIT_RULE_FAILED,     /* a register that the rule needs is unknown, or an expression failed */
};

/* What a rule makes of a frame's registers. */
struct plait_rule_outcome {
	uint64_t cfa;				/* 0: could not be computed */
	uint64_t pc;				/* the caller's; valid when stepped */
	uint64_t fault;				/* valid when unreadable */
	uint64_t known;				/* bit n: value[n] is known */
	uint64_t value[PLAIT_RULE_ENTRIES_MAX]; /* in the order of the rule's entries */
};

/* Evaluates `rule` for a frame with `registers`. */
enum plait_rule_result plait_rule_evaluate(const struct plait_unwind_arch *arch, const struct plait_rule_pool *pool,
					   const struct plait_rule *rule, const struct plait_stack *stack,
					   const struct plait_registers *registers, struct plait_rule_outcome *ret);

/* Turns `registers` into the caller's, after PLAIT_RULE_STEPPED. With PLAIT_RULE_BOUND the stack pointer has a value
 * that is not valid: the true one is not below it. A callee-saved register that could not be read becomes unknown. */
void plait_rule_apply(const struct plait_unwind_arch *arch, const struct plait_rule *rule,
		      const struct plait_rule_outcome *outcome, struct plait_registers *registers);

#endif
