/* links: plait_perf */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "perf/unwind/simple_rule.h"

#define RBX 3
#define RBP 6
#define SP 7
#define PC 16

#define STACK_ADDRESS 0x7000
#define WORDS 64

static uint64_t state = 88172645463325252ULL;

/* xorshift64 (Marsaglia 2003): the same numbers in each run. */
static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static uint64_t below(uint64_t end)
{
	return next() % end;
}

static struct plait_rule rule_at(uint8_t source, int32_t offset)
{
	struct plait_rule rule = { .cfa = { .kind = PLAIT_RULE_IS_REGISTER, .source = source, .value = offset } };
	assert_true(plait_rule_add(&rule, PC, PLAIT_RULE_AT_CFA, 0, -8));
	return rule;
}

static bool is_simple(const struct plait_rule *rule)
{
	return plait_simple_rule_make(&plait_unwind_arch_x86_64, rule).restored;
}

static void a_plain_rule_is_simple(void **unused)
{
	(void)unused;
	struct plait_rule rule = rule_at(SP, 64);
	assert_true(is_simple(&rule));
	plait_rule_add(&rule, RBX, PLAIT_RULE_AT_CFA, 0, -16);
	plait_rule_add(&rule, RBP, PLAIT_RULE_AT_CFA, 0, INT16_MIN);
	struct plait_simple_rule simple = plait_simple_rule_make(&plait_unwind_arch_x86_64, &rule);
	assert_int_equal(simple.restored, 1ULL << PC | 1ULL << RBX | 1ULL << RBP);
	assert_int_equal(simple.count, 3);
	assert_int_equal(simple.lowest, INT16_MIN);
	assert_int_equal(simple.return_offset, -8);
}

static void what_needs_a_look_is_not_simple(void **unused)
{
	(void)unused;
	struct plait_rule rule = rule_at(SP, 8);
	for (unsigned flag = 1; flag <= PLAIT_RULE_VERIFY; flag <<= 1) {
		rule.flags = flag;
		assert_false(is_simple(&rule));
	}
	rule = rule_at(SP, 8);
	rule.cfa.kind = PLAIT_RULE_IS_EXPRESSION;
	assert_false(is_simple(&rule));
	rule.cfa.kind = PLAIT_RULE_AT_REGISTER;
	assert_false(is_simple(&rule));
	rule = rule_at(PLAIT_REGISTER_COUNT, 8);
	assert_false(is_simple(&rule));
	/* No return address; an outermost frame. */
	rule = rule_at(SP, 8);
	rule.count = 0;
	assert_false(is_simple(&rule));
	plait_rule_add(&rule, PC, PLAIT_RULE_UNDEFINED, 0, 0);
	assert_false(is_simple(&rule));
}

static void odd_entries_are_not_simple(void **unused)
{
	(void)unused;
	const struct plait_rule_entry odd[] = {
		{ .target = SP, .kind = PLAIT_RULE_AT_CFA, .value = -16 },
		{ .target = PC, .kind = PLAIT_RULE_AT_CFA, .value = -16 }, /* a second time */
		{ .target = RBX, .kind = PLAIT_RULE_AT_CFA, .value = -7 }, /* reaches above the CFA */
		{ .target = RBX, .kind = PLAIT_RULE_AT_CFA, .value = 0 },
		{ .target = RBX, .kind = PLAIT_RULE_AT_CFA, .value = INT16_MIN - 1 },
		{ .target = RBX, .kind = PLAIT_RULE_IS_CFA, .value = -16 },
		{ .target = RBX, .kind = PLAIT_RULE_IS_REGISTER, .source = RBP },
		{ .target = RBX, .kind = PLAIT_RULE_AT_EXPRESSION },
		{ .target = PLAIT_REGISTER_COUNT, .kind = PLAIT_RULE_AT_CFA, .value = -16 },
	};
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct plait_rule rule = rule_at(SP, 64);
		rule.entries[rule.count++] = odd[i];
		assert_false(is_simple(&rule));
	}
	struct plait_rule rule = rule_at(SP, 256);
	for (uint8_t target = 0; rule.count < PLAIT_SIMPLE_ENTRIES_MAX; target++)
		plait_rule_add(&rule, target == SP ? 15 : target, PLAIT_RULE_AT_CFA, 0, -16 - 8 * target);
	assert_true(is_simple(&rule));
	plait_rule_add(&rule, 14, PLAIT_RULE_AT_CFA, 0, -200);
	assert_false(is_simple(&rule));
}

static struct plait_rule random_rule(void)
{
	static const uint8_t targets[] = { RBX, RBP, 12, 13, 14, 15, 0 };
	struct plait_rule rule = rule_at(below(4) ? SP : RBP, (int32_t)below(40) * 8);
	size_t count = below(sizeof(targets));
	for (size_t i = 0; i < count; i++)
		plait_rule_add(&rule, targets[i], PLAIT_RULE_AT_CFA, 0, -(int64_t)(16 + 8 * below(8)));
	return rule;
}

static struct plait_registers random_registers(void)
{
	struct plait_registers registers = { .valid = (next() & 0x1ffff) | 1ULL << SP | 1ULL << PC };
	for (size_t i = 0; i < PLAIT_REGISTER_COUNT; i++)
		registers.value[i] = next();
	registers.value[SP] = STACK_ADDRESS - 64 + 8 * below(WORDS + 16);
	if (below(8))
		registers.value[RBP] = STACK_ADDRESS + 8 * below(WORDS);
	return registers;
}

/* Steps by `rule` in both ways. Where the short cut is taken, the result must be the same; says whether it was. */
static bool compare_ways(const struct plait_rule *rule, const struct plait_stack *stack)
{
	const struct plait_unwind_arch *arch = &plait_unwind_arch_x86_64;
	struct plait_registers slow = random_registers(), fast = slow;
	struct plait_simple_rule simple = plait_simple_rule_make(arch, rule);
	struct plait_rule_pool pool = { 0 };
	struct plait_rule_outcome outcome;
	struct plait_simple_step step;
	assert_true(simple.restored);
	if (!plait_simple_rule_find(arch, &simple, stack->pieces, &fast, &step))
		return false;
	assert_int_equal(plait_rule_evaluate(arch, &pool, rule, stack, &slow, &outcome), PLAIT_RULE_STEPPED);
	assert_int_equal(step.cfa, outcome.cfa);
	assert_int_equal(step.pc, outcome.pc);
	plait_rule_apply(arch, rule, &outcome, &slow);
	plait_simple_rule_apply(arch, &simple, &step, &fast);
	assert_int_equal(slow.valid, fast.valid);
	for (size_t i = 0; i < PLAIT_REGISTER_COUNT; i++) {
		if (slow.valid >> i & 1)
			assert_int_equal(slow.value[i], fast.value[i]);
	}
	return true;
}

static void the_short_cut_gives_the_same(void **unused)
{
	(void)unused;
	uint64_t words[WORDS];
	for (size_t i = 0; i < WORDS; i++)
		words[i] = next();
	struct plait_stack_piece piece = { STACK_ADDRESS, (const uint8_t *)words, sizeof(words) };
	struct plait_stack stack = { &piece, 1, true };
	unsigned taken = 0;
	for (unsigned i = 0; i < 20000; i++) {
		struct plait_rule rule = random_rule();
		taken += compare_ways(&rule, &stack);
	}
	assert_in_range(taken, 5000, 19000); /* both ways were gone */
}

static void the_copy_is_never_left(void **unused)
{
	(void)unused;
	const struct plait_unwind_arch *arch = &plait_unwind_arch_x86_64;
	uint64_t words[4] = { 1, 2, 3, 4 };
	struct plait_stack_piece piece = { STACK_ADDRESS, (const uint8_t *)words, sizeof(words) };
	struct plait_rule rule = rule_at(SP, 0);
	plait_rule_add(&rule, RBX, PLAIT_RULE_AT_CFA, 0, -16);
	struct plait_simple_rule simple = plait_simple_rule_make(arch, &rule);
	struct plait_simple_step step;
	const struct {
		uint64_t sp;
		bool found;
	} cases[] = {
		{ STACK_ADDRESS - 8, false },  { STACK_ADDRESS, false },
		{ STACK_ADDRESS + 8, false },  { STACK_ADDRESS + 15, false },
		{ STACK_ADDRESS + 16, true },  { STACK_ADDRESS + 32, true },
		{ STACK_ADDRESS + 33, false }, { 0, false },
		{ UINT64_MAX, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plait_registers registers = { .valid = 1ULL << SP };
		registers.value[SP] = cases[i].sp;
		assert_int_equal(plait_simple_rule_find(arch, &simple, &piece, &registers, &step), cases[i].found);
	}
	struct plait_registers unknown = { .valid = 0 };
	unknown.value[SP] = STACK_ADDRESS + 16;
	assert_false(plait_simple_rule_find(arch, &simple, &piece, &unknown, &step));
}

static void the_table_follows_the_pool(void **unused)
{
	(void)unused;
	const struct plait_unwind_arch *arch = &plait_unwind_arch_x86_64;
	struct plait_rule_pool pool;
	struct plait_simple_rules simple = { 0 };
	assert_true(plait_rule_pool_init(&pool));
	struct plait_rule plain = rule_at(SP, 16), derived = rule_at(SP, 16);
	derived.flags = PLAIT_RULE_DERIVED;
	uint32_t first = plait_rule_pool_add(&pool, &derived), second = plait_rule_pool_add(&pool, &plain);
	assert_null(plait_simple_rule_get(&simple, second));
	plait_simple_rules_extend(&simple, arch, &pool, second);
	assert_null(plait_simple_rule_get(&simple, PLAIT_RULE_NONE));
	assert_null(plait_simple_rule_get(&simple, first));
	assert_non_null(plait_simple_rule_get(&simple, second));
	assert_int_equal(plait_simple_rule_get(&simple, second)->cfa_offset, 16);
	plait_simple_rules_extend(&simple, arch, &pool, first); /* never shrinks */
	assert_non_null(plait_simple_rule_get(&simple, second));
	plait_simple_rules_release(&simple);
	plait_rule_pool_release(&pool);
}

/* x19 to x28 and the frame record, as CPython's evaluator stores them; its return address may be signed. */
static void all_that_an_aarch64_function_saves_fits(void **state)
{
	(void)state;
	const struct plait_unwind_arch *arch = &plait_unwind_arch_aarch64;
	struct plait_rule rule = { .cfa = { .kind = PLAIT_RULE_IS_REGISTER, .source = 31, .value = 96 } };
	uint64_t words[12];
	for (uint8_t i = 0; i < 12; i++) {
		assert_true(plait_rule_add(&rule, 19 + i, PLAIT_RULE_AT_CFA, 0, 8 * i - 96));
		words[i] = 0x1000 + i;
	}
	words[11] = 0x0055aaaa00401234;
	struct plait_simple_rule simple = plait_simple_rule_make(arch, &rule);
	assert_true(simple.restored);
	struct plait_stack_piece piece = { 0x7f0000, (const uint8_t *)words, sizeof(words) };
	struct plait_registers registers = { .valid = 1ULL << 31 | 1ULL << 30 | 1 };
	registers.value[31] = 0x7f0000;
	struct plait_simple_step step = { 0 };
	assert_true(plait_simple_rule_find(arch, &simple, &piece, &registers, &step));
	assert_int_equal(step.cfa, 0x7f0060);
	assert_int_equal(step.pc, 0xaaaa00401234);
	plait_simple_rule_apply(arch, &simple, &step, &registers);
	for (uint8_t i = 0; i < 11; i++)
		assert_int_equal(registers.value[19 + i], 0x1000 + i);
	/* x0 is lost, and x30 is not the caller's: its call has overwritten it. */
	assert_int_equal(registers.valid, ((1ULL << 11) - 1) << 19 | 1ULL << 31 | 1ULL << 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_rule_is_simple),
		cmocka_unit_test(what_needs_a_look_is_not_simple),
		cmocka_unit_test(all_that_an_aarch64_function_saves_fits),
		cmocka_unit_test(odd_entries_are_not_simple),
		cmocka_unit_test(the_short_cut_gives_the_same),
		cmocka_unit_test(the_copy_is_never_left),
		cmocka_unit_test(the_table_follows_the_pool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
