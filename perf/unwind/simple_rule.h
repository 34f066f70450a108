/*
 * The third layer's short cut. Nearly every rule says "CFA = register + constant, the return address and some
 * registers lie at constant places below it". Such a rule is kept a second time, in one cache line, and takes a tenth
 * of the instructions; every case that is not that plain is left to plait_rule_evaluate(), which gives the same.
 */
#ifndef PLAIT_PERF_UNWIND_SIMPLE_RULE_H
#define PLAIT_PERF_UNWIND_SIMPLE_RULE_H

#include <string.h>

#include "perf/unwind/rule.h"

#define PLAIT_SIMPLE_ENTRIES_MAX 15 /* AArch64 functions save up to 12 registers */

struct plait_simple_rule {
	uint64_t restored; /* bit n: register n is in `target`; 0: the rule is not simple */
	int32_t cfa_offset;
	uint8_t cfa_source;
	uint8_t count;	/* of entries */
	int16_t lowest; /* smallest offset */
	int16_t return_offset;
	int16_t offset[PLAIT_SIMPLE_ENTRIES_MAX]; /* of entry i: the register's value is at CFA + this */
	uint8_t target[PLAIT_SIMPLE_ENTRIES_MAX];
};

_Static_assert(sizeof(struct plait_simple_rule) == 64, "a simple rule fills a cache line");

/* What a simple rule found: the caller's pc, and where to read the rest. */
struct plait_simple_step {
	uint64_t cfa, pc;
	const uint8_t *words; /* the copied bytes that end at the CFA */
};

struct plait_simple_rules {
	PLAIT_VEC(struct plait_simple_rule) rules; /* by rule id */
};

/* The simple form of a rule; `restored` is 0 when it has none. */
struct plait_simple_rule plait_simple_rule_make(const struct plait_unwind_arch *arch, const struct plait_rule *rule);

/* Makes the simple forms of the pool's rules up to `id`. Without memory they are missing. */
void plait_simple_rules_extend(struct plait_simple_rules *simple, const struct plait_unwind_arch *arch,
			       const struct plait_rule_pool *pool, uint32_t id);

void plait_simple_rules_release(struct plait_simple_rules *simple);

/* The simple form of rule `id`, or NULL. */
static inline const struct plait_simple_rule *plait_simple_rule_get(const struct plait_simple_rules *simple,
								    uint32_t id)
{
	return id < simple->rules.count && simple->rules.data[id].restored ? &simple->rules.data[id] : NULL;
}

/* Computes the CFA and the return address of a frame with `registers`, all of whose saved words lie in `piece`. False:
 * plait_rule_evaluate() has to look, nothing was decided. Changes nothing. */
static inline bool plait_simple_rule_find(const struct plait_unwind_arch *arch, const struct plait_simple_rule *rule,
					  const struct plait_stack_piece *piece,
					  const struct plait_registers *registers, struct plait_simple_step *ret)
{
	uint64_t cfa = registers->value[rule->cfa_source] + (uint64_t)(int64_t)rule->cfa_offset;
	uint64_t end = cfa - piece->address, depth = (uint64_t) - (int64_t)rule->lowest;
	if (!(registers->valid >> rule->cfa_source & 1) || end > piece->size || end < depth)
		return false;
	ret->cfa = cfa;
	ret->words = piece->data + end;
	memcpy(&ret->pc, ret->words + rule->return_offset, sizeof(ret->pc));
	ret->pc &= arch->code_mask;
	return true;
}

/* Turns `registers` into the caller's. */
static inline void plait_simple_rule_apply(const struct plait_unwind_arch *arch, const struct plait_simple_rule *rule,
					   const struct plait_simple_step *step, struct plait_registers *registers)
{
	for (unsigned i = 0; i < rule->count; i++)
		memcpy(&registers->value[rule->target[i]], step->words + rule->offset[i], sizeof(registers->value[0]));
	registers->valid = ((registers->valid & arch->callee_saved) | rule->restored) & ~plait_unwind_arch_link(arch);
	registers->valid |= 1ULL << arch->sp | 1ULL << arch->pc;
	registers->value[arch->sp] = step->cfa;
	registers->value[arch->pc] = step->pc;
}

#endif
