/* links: plait_perf */
#include <dwarf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "perf/unwind/rule.h"
#include "perf/unwind/rule_cache.h"

#define SP 7
#define RBX 3
#define RBP 6
#define R12 12
#define PC 16

#define STACK_ADDRESS 0x7000

/* A stack of eight words, the i-th holding 0x1000 + i. */
static const uint64_t words[8] = { 0x1000, 0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1007 };
static const struct plait_stack_piece piece = { STACK_ADDRESS, (const uint8_t *)words, sizeof(words) };
static const struct plait_stack stack = { &piece, 1, true };

static struct plait_registers some_registers(void)
{
	struct plait_registers registers = { .valid = 0x1ffff & ~(1U << R12) };
	for (size_t i = 0; i < 17; i++)
		registers.value[i] = 100 * i;
	registers.value[SP] = STACK_ADDRESS;
	return registers;
}

#define OPS(...) ((const struct plait_expression_op[]) { __VA_ARGS__ })
#define COUNT(ops) (sizeof(ops) / sizeof((ops)[0]))

/* Evaluates and expects `expected`; `cfa` is 0x9000. */
#define assert_evaluates(expected, ...)                                                                                \
	do {                                                                                                           \
		uint64_t result_;                                                                                      \
		assert_true(evaluate(OPS(__VA_ARGS__), COUNT(OPS(__VA_ARGS__)), &result_));                            \
		assert_int_equal(result_, (uint64_t)(expected));                                                       \
	} while (0)
#define assert_fails(...)                                                                                              \
	do {                                                                                                           \
		uint64_t result_ = 77;                                                                                 \
		assert_false(evaluate(OPS(__VA_ARGS__), COUNT(OPS(__VA_ARGS__)), &result_));                           \
		assert_int_equal(result_, 77);                                                                         \
	} while (0)

static bool evaluate(const struct plait_expression_op *ops, size_t count, uint64_t *ret)
{
	struct plait_rule_pool pool;
	assert_true(plait_rule_pool_init(&pool));
	struct plait_registers registers = some_registers();
	uint64_t cfa = 0x9000;
	int32_t id = plait_rule_pool_expression(&pool, ops, count);
	bool evaluated = id >= 0 && plait_expression_evaluate(&pool, id, &registers, &stack, &cfa, ret);
	plait_rule_pool_release(&pool);
	return evaluated;
}

static void expressions_compute_what_dwarf_says(void **state)
{
	(void)state;
	assert_evaluates(31, { DW_OP_lit31 });
	assert_evaluates(-5, { DW_OP_const1s, (uint64_t)-5 });
	assert_evaluates(600 + 8, { DW_OP_breg6, 8 });
	assert_evaluates(600 - 8, { DW_OP_bregx, 6, (uint64_t)-8 });
	assert_evaluates(0x1002, { DW_OP_breg7, 16 }, { DW_OP_deref });
	assert_evaluates(0x02, { DW_OP_breg7, 16 }, { DW_OP_deref_size, 1 });
	assert_evaluates(0x9010, { DW_OP_call_frame_cfa }, { DW_OP_plus_uconst, 16 });
	assert_evaluates(3, { DW_OP_lit5 }, { DW_OP_lit2 }, { DW_OP_minus });
	assert_evaluates(-2, { DW_OP_const1s, (uint64_t)-5 }, { DW_OP_lit2 }, { DW_OP_div });
	assert_evaluates(1, { DW_OP_lit7 }, { DW_OP_lit3 }, { DW_OP_mod });
	assert_evaluates(5, { DW_OP_const1s, (uint64_t)-5 }, { DW_OP_abs });
	assert_evaluates(-7, { DW_OP_lit7 }, { DW_OP_neg });
	assert_evaluates(~7ULL, { DW_OP_lit7 }, { DW_OP_not });
	assert_evaluates(0, { DW_OP_lit7 }, { DW_OP_const1u, 64 }, { DW_OP_shl });
	assert_evaluates(-1, { DW_OP_const1s, (uint64_t)-8 }, { DW_OP_const1u, 200 }, { DW_OP_shra });
	assert_evaluates(1, { DW_OP_const1s, (uint64_t)-1 }, { DW_OP_lit1 }, { DW_OP_lt });
	assert_evaluates(6, { DW_OP_lit5 }, { DW_OP_lit3 }, { DW_OP_xor });
	assert_evaluates(1, { DW_OP_lit1 }, { DW_OP_lit2 }, { DW_OP_swap });
	/* 1 2 3 rot -> 3 1 2 */
	assert_evaluates(2, { DW_OP_lit1 }, { DW_OP_lit2 }, { DW_OP_lit3 }, { DW_OP_rot });
	assert_evaluates(1, { DW_OP_lit1 }, { DW_OP_lit2 }, { DW_OP_lit3 }, { DW_OP_rot }, { DW_OP_drop });
	assert_evaluates(4, { DW_OP_lit4 }, { DW_OP_lit2 }, { DW_OP_over });
	assert_evaluates(9, { DW_OP_lit9 }, { DW_OP_lit1 }, { DW_OP_lit2 }, { DW_OP_pick, 2 });
	assert_evaluates(8, { DW_OP_lit4 }, { DW_OP_dup }, { DW_OP_nop }, { DW_OP_plus });
}

/* The CFA of every PLT entry but the first that GNU ld writes: rsp + 8 + (((rip & 15) >= 11) << 3). */
static void the_expression_of_a_plt_entry_knows_its_push(void **state)
{
	(void)state;
	struct plait_rule_pool pool;
	assert_true(plait_rule_pool_init(&pool));
	const struct plait_expression_op ops[] = {
		{ DW_OP_breg7, 8 }, { DW_OP_breg16, 0 }, { DW_OP_lit15 }, { DW_OP_and },  { DW_OP_lit11 },
		{ DW_OP_ge },	    { DW_OP_lit3 },	 { DW_OP_shl },	  { DW_OP_plus },
	};
	int32_t id = plait_rule_pool_expression(&pool, ops, COUNT(ops));
	for (uint64_t pc = 0x401000; pc < 0x401010; pc++) {
		struct plait_registers registers = some_registers();
		registers.value[PC] = pc;
		uint64_t cfa;
		assert_true(plait_expression_evaluate(&pool, id, &registers, &stack, NULL, &cfa));
		assert_int_equal(cfa, STACK_ADDRESS + ((pc & 15) >= 11 ? 16 : 8));
	}
	plait_rule_pool_release(&pool);
}

static void bad_expressions_fail(void **state)
{
	(void)state;
	assert_fails({ DW_OP_plus });
	assert_fails({ DW_OP_lit1 }, { DW_OP_plus });
	assert_fails({ DW_OP_lit1 }, { DW_OP_drop });
	assert_fails({ DW_OP_lit1 }, { DW_OP_swap });
	assert_fails({ DW_OP_lit1 }, { DW_OP_lit2 }, { DW_OP_rot });
	assert_fails({ DW_OP_lit1 }, { DW_OP_pick, 1 });
	assert_fails({ DW_OP_lit1 }, { DW_OP_pick, UINT64_MAX });
	assert_fails({ DW_OP_lit1 }, { DW_OP_lit0 }, { DW_OP_div });
	assert_fails({ DW_OP_lit1 }, { DW_OP_lit0 }, { DW_OP_mod });
	assert_fails({ DW_OP_const8u, 1ULL << 63 }, { DW_OP_const1s, UINT64_MAX }, { DW_OP_div });
	assert_fails({ DW_OP_lit1 }, { DW_OP_deref });
	assert_fails({ DW_OP_breg7, 64 }, { DW_OP_deref });
	assert_fails({ DW_OP_breg7, 0 }, { DW_OP_deref_size, 9 });
	assert_fails({ DW_OP_breg7, 0 }, { DW_OP_deref_size, 0 });
	assert_fails({ DW_OP_breg12, 0 });
	assert_fails({ DW_OP_bregx, 1000, 0 });
	/* Outside the subset: branches, address-space and object operations. */
	assert_fails({ DW_OP_lit1 }, { DW_OP_bra, (uint64_t)-4 });
	assert_fails({ DW_OP_skip, 0 });
	assert_fails({ DW_OP_addr, 1 });
	assert_fails({ DW_OP_reg0 });
	assert_fails({ DW_OP_lit1 }, { DW_OP_stack_value });

	/* A stack that grows too far, and one operation too many. */
	struct plait_expression_op many[PLAIT_EXPRESSION_OPS_MAX + 1];
	uint64_t ignored;
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = (struct plait_expression_op) { DW_OP_lit1, 0, 0 };
	assert_true(evaluate(many, 32, &ignored));
	assert_false(evaluate(many, 33, &ignored));
	for (size_t i = 1; i < COUNT(many); i++)
		many[i].atom = DW_OP_nop;
	assert_true(evaluate(many, PLAIT_EXPRESSION_OPS_MAX, &ignored));
	assert_false(evaluate(many, PLAIT_EXPRESSION_OPS_MAX + 1, &ignored));
	assert_false(evaluate(many, 0, &ignored));
}

static struct plait_rule rule_with_cfa(uint8_t source, int32_t offset)
{
	struct plait_rule rule;
	memset(&rule, 0, sizeof(rule));
	rule.cfa.kind = PLAIT_RULE_IS_REGISTER;
	rule.cfa.source = source;
	rule.cfa.value = offset;
	return rule;
}

static enum plait_rule_result run(const struct plait_rule *rule, struct plait_registers *registers,
				  struct plait_rule_outcome *ret)
{
	struct plait_rule_pool pool;
	assert_true(plait_rule_pool_init(&pool));
	const struct plait_unwind_arch *arch = &plait_unwind_arch_x86_64;
	enum plait_rule_result result = plait_rule_evaluate(arch, &pool, rule, &stack, registers, ret);
	if (result == PLAIT_RULE_STEPPED)
		plait_rule_apply(arch, rule, ret, registers);
	plait_rule_pool_release(&pool);
	return result;
}

static void a_step_restores_what_the_callee_saved(void **state)
{
	(void)state;
	struct plait_rule rule = rule_with_cfa(SP, 32);
	assert_true(plait_rule_add(&rule, PC, PLAIT_RULE_AT_CFA, 0, -8));
	assert_true(plait_rule_add(&rule, RBX, PLAIT_RULE_AT_CFA, 0, -16));
	assert_true(plait_rule_add(&rule, RBP, PLAIT_RULE_IS_REGISTER, RBX, 4));
	assert_true(plait_rule_add(&rule, 13, PLAIT_RULE_UNDEFINED, 0, 0));
	struct plait_registers registers = some_registers();
	struct plait_rule_outcome outcome;
	assert_int_equal(run(&rule, &registers, &outcome), PLAIT_RULE_STEPPED);
	assert_int_equal(outcome.cfa, STACK_ADDRESS + 32);
	assert_int_equal(registers.value[PC], 0x1003);
	assert_int_equal(registers.value[SP], STACK_ADDRESS + 32);
	assert_int_equal(registers.value[RBX], 0x1002);
	/* Entries see the callee's rbx, not the one restored a moment ago. */
	assert_int_equal(registers.value[RBP], 300 + 4);
	assert_int_equal(registers.value[14], 1400);
	/* rbx, rbp, rsp, r14, r15, rip: r12 was not known, r13 is not now, the rest is the callee's to lose. */
	assert_int_equal(registers.valid, 1U << RBX | 1U << RBP | 1U << SP | 1U << 14 | 1U << 15 | 1U << PC);
}

static void a_register_popped_already_is_kept(void **state)
{
	(void)state;
	/* In an epilogue, behind `pop %rbx`: the CFI still says "saved at CFA - 16", which is below rsp now. */
	struct plait_rule rule = rule_with_cfa(SP, 8);
	assert_true(plait_rule_add(&rule, PC, PLAIT_RULE_AT_CFA, 0, -8));
	assert_true(plait_rule_add(&rule, RBX, PLAIT_RULE_AT_CFA, 0, -16));
	assert_true(plait_rule_add(&rule, RBP, PLAIT_RULE_AT_CFA, 0, 0x1000));
	struct plait_registers registers = some_registers();
	struct plait_rule_outcome outcome;
	assert_int_equal(run(&rule, &registers, &outcome), PLAIT_RULE_STEPPED);
	assert_int_equal(registers.value[RBX], 300);
	assert_true(registers.valid >> RBX & 1);
	/* What is saved above, where the copy does not reach, is not known any more. */
	assert_false(registers.valid >> RBP & 1);
}

static void steps_that_cannot_be_made_say_why(void **state)
{
	(void)state;
	struct plait_registers registers = some_registers(), before = registers;
	struct plait_rule_outcome outcome;
	struct plait_rule rule = rule_with_cfa(SP, 72);
	plait_rule_add(&rule, PC, PLAIT_RULE_AT_CFA, 0, -8);
	assert_int_equal(run(&rule, &registers, &outcome), PLAIT_RULE_UNREADABLE);
	assert_int_equal(outcome.cfa, STACK_ADDRESS + 72);
	assert_int_equal(outcome.fault, STACK_ADDRESS + 64);

	rule = rule_with_cfa(R12, 8);
	plait_rule_add(&rule, PC, PLAIT_RULE_AT_CFA, 0, -8);
	assert_int_equal(run(&rule, &registers, &outcome), PLAIT_RULE_FAILED);
	assert_int_equal(outcome.cfa, 0);

	rule = rule_with_cfa(SP, 8);
	plait_rule_add(&rule, PC, PLAIT_RULE_UNDEFINED, 0, 0);
	assert_int_equal(run(&rule, &registers, &outcome), PLAIT_RULE_OUTERMOST);
	assert_int_equal(outcome.cfa, STACK_ADDRESS + 8);

	rule = rule_with_cfa(RBP, 0);
	rule.cfa.kind = PLAIT_RULE_AT_REGISTER;
	plait_rule_add(&rule, PC, PLAIT_RULE_AT_CFA, 0, -8);
	assert_int_equal(run(&rule, &registers, &outcome), PLAIT_RULE_UNREADABLE);
	assert_int_equal(outcome.fault, 600);
	assert_memory_equal(&registers, &before, sizeof(before));
}

static void a_rule_has_bounds(void **state)
{
	(void)state;
	struct plait_rule rule = rule_with_cfa(SP, 8);
	assert_false(plait_rule_add(&rule, 0, PLAIT_RULE_AT_CFA, 0, 1LL << 31));
	assert_false(plait_rule_add(&rule, 0, PLAIT_RULE_AT_CFA, 0, -(1LL << 31) - 1));
	for (int i = 0; i < PLAIT_RULE_ENTRIES_MAX; i++)
		assert_true(plait_rule_add(&rule, 0, PLAIT_RULE_AT_CFA, 0, INT32_MIN));
	assert_false(plait_rule_add(&rule, 0, PLAIT_RULE_AT_CFA, 0, 0));
	assert_null(plait_rule_find(&rule, 1));
	assert_ptr_equal(plait_rule_find(&rule, 0), &rule.entries[0]);
}

static void equal_rules_are_kept_once(void **state)
{
	(void)state;
	struct plait_rule_pool pool;
	assert_true(plait_rule_pool_init(&pool));
	struct plait_rule rule = rule_with_cfa(SP, 8);
	uint32_t first = plait_rule_pool_add(&pool, &rule);
	assert_int_not_equal(first, PLAIT_RULE_NONE);
	/* What lies behind the last entry does not count. */
	memset(&rule.entries[0], 0xff, sizeof(rule.entries[0]));
	assert_int_equal(plait_rule_pool_add(&pool, &rule), first);
	plait_rule_add(&rule, PC, PLAIT_RULE_AT_CFA, 0, -8);
	uint32_t second = plait_rule_pool_add(&pool, &rule);
	assert_int_not_equal(second, first);
	assert_int_equal(plait_rule_pool_get(&pool, second)->entries[0].value, -8);
	assert_null(plait_rule_pool_get(&pool, PLAIT_RULE_NONE));
	const struct plait_expression_op op = { DW_OP_lit1, 0, 0 };
	assert_int_equal(plait_rule_pool_expression(&pool, &op, 1), plait_rule_pool_expression(&pool, &op, 1));
	plait_rule_pool_release(&pool);
}

static void cache_keeps_files_apart(void **state)
{
	(void)state;
	struct plait_rule_cache cache = { 0 };
	uint32_t rule = 77;
	assert_false(plait_rule_cache_get(&cache, 0, 0, &rule));
	for (uint32_t i = 0; i < 50000; i++)
		plait_rule_cache_put(&cache, i % 5, i / 5, i);
	for (uint32_t i = 0; i < 50000; i++) {
		assert_true(plait_rule_cache_get(&cache, i % 5, i / 5, &rule));
		assert_int_equal(rule, i);
	}
	assert_false(plait_rule_cache_get(&cache, 5, 0, &rule));
	assert_false(plait_rule_cache_get(&cache, 0, 10000, &rule));
	/* "No rule" is an answer too. */
	plait_rule_cache_put(&cache, UINT32_MAX, UINT64_MAX, PLAIT_RULE_NONE);
	assert_true(plait_rule_cache_get(&cache, UINT32_MAX, UINT64_MAX, &rule));
	assert_int_equal(rule, PLAIT_RULE_NONE);
	plait_rule_cache_release(&cache);
	assert_int_equal(cache.capacity, 0);
}

static void cache_starts_anew_when_it_is_full(void **state)
{
	(void)state;
	struct plait_rule_cache cache = { 0 };
	uint32_t rule;
	for (uint64_t i = 0; i <= PLAIT_RULE_CACHE_MAX; i++)
		plait_rule_cache_put(&cache, 1, i, (uint32_t)i);
	assert_int_equal(cache.count, 1);
	assert_int_equal(cache.capacity * sizeof(*cache.slots), 64 << 20);
	assert_false(plait_rule_cache_get(&cache, 1, 0, &rule));
	assert_true(plait_rule_cache_get(&cache, 1, PLAIT_RULE_CACHE_MAX, &rule));
	plait_rule_cache_release(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expressions_compute_what_dwarf_says),
		cmocka_unit_test(the_expression_of_a_plt_entry_knows_its_push),
		cmocka_unit_test(bad_expressions_fail),
		cmocka_unit_test(a_step_restores_what_the_callee_saved),
		cmocka_unit_test(a_register_popped_already_is_kept),
		cmocka_unit_test(steps_that_cannot_be_made_say_why),
		cmocka_unit_test(a_rule_has_bounds),
		cmocka_unit_test(equal_rules_are_kept_once),
		cmocka_unit_test(cache_keeps_files_apart),
		cmocka_unit_test(cache_starts_anew_when_it_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
