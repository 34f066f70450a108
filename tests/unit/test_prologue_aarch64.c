/* links: plait_perf plait_fixture_elf */
/*
 * Instructions of AArch64, decoded from words: pure, so on any machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fixtures/elf_writer.h"
#include "perf/unwind/file_rules.h"
#include "perf/unwind/rule.h"

#define START 0x1000
#define WORDS(...) (const uint32_t[]) { __VA_ARGS__ }, sizeof((const uint32_t[]) { __VA_ARGS__ }) / 4

enum { FP = 29, LR = 30, SP = 31, PC = 32, NONE = -1000 };

static const struct plait_unwind_arch *const arch = &plait_unwind_arch_aarch64;
static struct plait_rule_pool pool;
static struct plait_rule_rows rows;

static void decode(const uint32_t *words, size_t count, bool one_function)
{
	struct plait_function_code code = {
		.bytes = (const uint8_t *)words, .start = START, .end = START + 4 * count, .one_function = one_function
	};
	assert_true(plait_rule_pool_init(&pool));
	assert_true(arch->decode(&code, &pool, &rows));
}

static void release(void)
{
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
}

/* The rule at the function's `index`th instruction, or NULL. */
static const struct plait_rule *rule_at(size_t index)
{
	uint32_t rule = PLAIT_RULE_NONE;
	for (size_t i = 0; i < rows.rows.count && rows.rows.data[i].address <= START + 4 * index; i++)
		rule = rows.rows.data[i].rule;
	return plait_rule_pool_get(&pool, rule);
}

/* The CFA's offset from `source` there; NONE: no rule, or from elsewhere. */
static int cfa_from(size_t index, uint8_t source)
{
	const struct plait_rule *rule = rule_at(index);
	return rule && rule->cfa.kind == PLAIT_RULE_IS_REGISTER && rule->cfa.source == source ? rule->cfa.value : NONE;
}

/* Where register `target` is saved, from the CFA; 0: it was not; NONE: somewhere else. */
static int saved_at(size_t index, uint8_t target)
{
	const struct plait_rule *rule = rule_at(index);
	const struct plait_rule_entry *entry = rule ? plait_rule_find(rule, target) : NULL;
	return !entry ? 0 : entry->kind == PLAIT_RULE_AT_CFA ? entry->value : NONE;
}

static void a_kernel_of_openblas_keeps_its_return_address_in_x30(void **state)
{
	(void)state;
	decode(WORDS(0xd102c3ff, /* sub sp, sp, #0xb0 */
		     0x6d0027e8, /* stp d8, d9, [sp] */
		     0xa90453f3, /* stp x19, x20, [sp, #64] */
		     0x3cc1041e, /* ldr q30, [x0], #16 */
		     0x4fc113dd, /* fmla v29.2d, v30.2d, v1.d[0] */
		     0xf9802021, /* prfm pldl1strm, [x1, #64] */
		     0xf8220083, /* ldadd x2, x3, [x4] */
		     0x4cdfacbd, /* ld1 {v29.2d, v30.2d}, [x5], #32 */
		     0xd28000b3, /* mov x19, #5 */
		     0xb5fffee9, /* cbnz x9, to the start */
		     0xa94453f3, /* ldp x19, x20, [sp, #64] */
		     0x6d4027e8, /* ldp d8, d9, [sp] */
		     0x9102c3ff, /* add sp, sp, #0xb0 */
		     0xd65f03c0 /* ret */),
	       true);
	assert_int_equal(cfa_from(0, SP), 0);
	for (size_t i = 1; i < 13; i++)
		assert_int_equal(cfa_from(i, SP), 0xb0);
	assert_int_equal(cfa_from(13, SP), 0);
	for (size_t i = 0; i < 14; i++)
		assert_int_equal(saved_at(i, LR), 0);
	assert_int_equal(saved_at(2, 19), 0);
	assert_int_equal(saved_at(3, 19), 64 - 0xb0);
	assert_int_equal(saved_at(9, 19), 64 - 0xb0);
	assert_int_equal(saved_at(9, 20), 72 - 0xb0);
	release();
}

static void a_record_holds_the_return_address_over_calls(void **state)
{
	(void)state;
	decode(WORDS(0xa9bd7bfd, /* stp x29, x30, [sp, #-48]! */
		     0x910003fd, /* mov x29, sp */
		     0xf9000bf5, /* str x21, [sp, #16] */
		     0x97fffffd, /* bl to the start */
		     0xb4000080, /* cbz x0, to the ninth */
		     0xf9400bf5, /* ldr x21, [sp, #16] */
		     0xa8c37bfd, /* ldp x29, x30, [sp], #48 */
		     0xd65f03c0, /* ret */
		     0xaa0003f5, /* mov x21, x0 */
		     0xd503201f /* nop */),
	       true);
	assert_int_equal(saved_at(0, LR), 0);
	for (size_t i = 1; i < 7; i++) {
		assert_int_equal(cfa_from(i, SP), 48);
		assert_int_equal(saved_at(i, LR), -40);
		assert_int_equal(saved_at(i, FP), -48);
	}
	assert_int_equal(saved_at(3, 21), -32);
	assert_int_equal(cfa_from(7, SP), 0);
	assert_int_equal(saved_at(7, LR), 0);
	/* Behind the return: another part of the body. */
	assert_int_equal(cfa_from(8, SP), 48);
	assert_int_equal(saved_at(9, LR), -40);
	assert_int_equal(saved_at(9, 21), -32);
	release();
}

static void without_a_return_address_there_is_no_rule(void **state)
{
	(void)state;
	decode(WORDS(0xd10043ff /* sub sp, sp, #16 */, 0x94000000 /* bl */, 0xd503201f), true);
	assert_non_null(rule_at(0));
	assert_null(rule_at(1)); /* the call overwrites x30: nobody saved it */
	assert_null(rule_at(2));
	release();
	/* Each of these puts something else into x30 or x29. */
	static const uint32_t writers[] = { 0x4e183c1e /* umov x30, v0.d[1] */,	 0xc85ffc3e /* ldaxr x30, [x1] */,
					    0x04f0e3fe /* incd x30 */,		 0x9000001e /* adrp x30 */,
					    0xd53bd05e /* mrs x30, tpidr_el0 */, 0x5800039e /* ldr x30, literal */,
					    0xd280001e /* mov x30, #0 */,	 0xaa0003fe /* mov x30, x0 */,
					    0xf940001e /* ldr x30, [x0] */,	 0x9e66001e /* fmov x30, d0 */ };
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		decode(WORDS(writers[i], 0xd503201f), true);
		assert_non_null(rule_at(0));
		assert_null(rule_at(1));
		release();
	}
	/* And none of these, whose fields 30 mean something else. */
	static const uint32_t others[] = { 0x9e62003e /* scvtf d30, x1 */,
					   0xf980001e /* prfm #30, [x0] */,
					   0x3dc0001e /* ldr q30, [x0] */,
					   0x6d407bfe /* ldp d30, d30, [sp] */,
					   0x5c00039e /* ldr d30, literal */,
					   0xf900001e /* str x30, [x0] */,
					   0x4e61d41e /* fadd v30.2d, v0.2d, v1.2d */,
					   0xb400001e /* cbz x30 */ };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		decode(WORDS(others[i], 0xd503201f), true);
		assert_int_equal(cfa_from(1, SP), 0);
		release();
	}
}

static void a_stack_pointer_that_goes_down_by_an_unknown_amount_needs_another(void **state)
{
	(void)state;
	static const uint32_t makers[] = { 0xcb2363ff /* sub sp, sp, x3 */, 0x927ae47f /* and sp, x3, #-64 */,
					   0x043f57ff /* addvl sp, sp, #-1 */ };
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		decode(WORDS(0xa9be7bfd /* stp x29, x30, [sp, #-32]! */, 0x910003fd /* mov x29, sp */, makers[i],
			     0x910043bf /* add sp, x29, #16 */, 0xd503201f),
		       true);
		assert_int_equal(cfa_from(2, SP), 32);
		assert_int_equal(cfa_from(3, FP), 32);
		assert_int_equal(saved_at(3, LR), -24);
		assert_int_equal(cfa_from(4, SP), 16);
		release();
		decode(WORDS(makers[i], 0xd503201f), true);
		assert_null(rule_at(1));
		release();
	}
}

static void functions_without_bounds_begin_behind_padding(void **state)
{
	(void)state;
	decode(WORDS(0xa9be7bfd /* stp x29, x30, [sp, #-32]! */, 0xd65f03c0 /* ret */, 0xd503201f, 0,
		     0xd503233f /* paciasp, at a multiple of 16 */, 0xd503201f),
	       false);
	assert_int_equal(cfa_from(1, SP), 32);
	assert_int_equal(cfa_from(2, SP),
			 32); /* the frame was not undone: code of the same function, for all we know */
	assert_int_equal(cfa_from(4, SP), 0);
	release();
}

/* Three functions with nothing between them: one ends with a jump, the next with a call that does not return. */
static const uint32_t three_functions[] = {
	0xa9be7bfd, /* stp x29, x30, [sp, #-32]! */
	0x910003fd, /* mov x29, sp */
	0x97fffffe, /* bl to the start */
	0x17fffffe, /* b to the instruction before */
	0xb40000a1, /* 4: cbz x1, to its bl */
	0xa9bd7bfd, /* stp x29, x30, [sp, #-48]! */
	0x910003fd, /* mov x29, sp */
	0xd63f0060, /* blr x3 */
	0xb4000040, /* cbz x0, over the next */
	0x97fffff7, /* bl to the start: it never returns */
	0xd100c3ff, /* 10: sub sp, sp, #48 */
	0xa90153f3, /* stp x19, x20, [sp, #16] */
	0xaa0003f3, /* mov x19, x0 */
	0xa9027bf5, /* stp x21, x30, [sp, #32] */
	0x97fffff2, /* bl to the start */
	0xf9000bfe, /* str x30, [sp, #16]: any value */
	0xd503201f,
};

static void functions_begin_where_a_return_address_is_stored_again(void **state)
{
	(void)state;
	decode(three_functions, sizeof(three_functions) / 4, false);
	assert_int_equal(cfa_from(3, SP), 32);
	for (size_t i = 4; i < 6; i++) {
		assert_int_equal(cfa_from(i, SP), 0);
		assert_int_equal(saved_at(i, LR), 0);
	}
	for (size_t i = 6; i < 10; i++) {
		assert_int_equal(cfa_from(i, SP), 48);
		assert_int_equal(saved_at(i, LR), -40);
	}
	assert_int_equal(cfa_from(10, SP), 0);
	assert_int_equal(cfa_from(13, SP), 48);
	assert_int_equal(saved_at(13, LR), 0);
	for (size_t i = 14; i < 17; i++) {
		assert_int_equal(cfa_from(i, SP), 48);
		assert_int_equal(saved_at(i, LR), -8);
	}
	assert_int_equal(saved_at(14, 19), -32);
	release();
	/* A symbol says otherwise. */
	decode(three_functions, sizeof(three_functions) / 4, true);
	assert_int_equal(cfa_from(6, SP), 32 + 48);
	release();
}

static void a_frame_by_an_unknown_amount_is_another_function_s(void **state)
{
	(void)state;
	decode(WORDS(0xa9be7bfd, /* stp x29, x30, [sp, #-32]! */
		     0x910003fd, /* mov x29, sp */
		     0xd65f03c0, /* ret */
		     0xd288060c, /* mov x12, #0x4030 */
		     0xcb2c63ff, /* sub sp, sp, x12 */
		     0xa9007bfd, /* stp x29, x30, [sp] */
		     0x910003fd, /* mov x29, sp */
		     0x97fffff9, /* bl to the start */
		     0xd503201f),
	       false);
	assert_int_equal(cfa_from(1, SP), 32);
	assert_int_equal(cfa_from(3, SP), 0);
	for (size_t i = 5; i < 9; i++)
		assert_null(rule_at(i));
	release();
}

/* -fzero-call-used-regs, with which libssl is built. */
static void registers_may_be_cleared_before_the_return(void **state)
{
	(void)state;
	decode(WORDS(0xa9be7bfd, /* stp x29, x30, [sp, #-32]! */
		     0x97ffffff, /* bl to the start */
		     0xa8c27bfd, /* ldp x29, x30, [sp], #32 */
		     0xd2800001, 0xd2800002, 0xd2800003, 0xd2800004, 0xd2800010, 0xd2800011, /* mov xn, #0 */
		     0xd65f03c0,							     /* ret */
		     0x97fffff6,							     /* bl to the start */
		     0xd503201f),
	       false);
	assert_int_equal(cfa_from(9, SP), 0);
	assert_int_equal(cfa_from(10, SP), 32);
	assert_int_equal(saved_at(11, LR), -24);
	release();
}

/* The rule of a file's instruction: what the CFA is from sp; NONE: no rule. */
static int file_cfa(struct plait_file_rules *rules, uint64_t address)
{
	const struct plait_rule *rule = plait_rule_pool_get(&pool, plait_file_rules_find(rules, &pool, address));
	return rule && rule->cfa.source == SP ? rule->cfa.value : NONE;
}

static void branches_say_where_functions_begin(void **state)
{
	(void)state;
	static const uint32_t code[] = {
		0xa9be7bfd, /* 0x1000: stp x29, x30, [sp, #-32]! */
		0x94000004, /* bl 0x1014 */
		0x94000005, /* bl 0x101c, which is in the middle: some data */
		0xa8c27bfd, /* ldp x29, x30, [sp], #32 */
		0xd65f03c0, /* ret */
		0xd10043ff, /* 0x1014: sub sp, sp, #16 */
		0xb9000fe0, /* str w0, [sp, #12] */
		0xaa0003e1, /* mov x1, x0 */
		0x910043ff, /* add sp, sp, #16 */
		0xd65f03c0, /* ret */
		0xb4000080, /* 0x1028, to which nothing leads: cbz x0, 0x1038 */
		0xd2800000, /* mov x0, #0 */
		0x14000003, /* b 0x103c */
		0xd503201f, /* nop */
		0xd2800020, /* 0x1038: mov x0, #1 */
		0xd65f03c0, /* 0x103c: ret */
	};
	static const uint32_t plt[] = { 0xd503201f, 0x94000000 };
	for (int with_symbol = 0; with_symbol < 2; with_symbol++) {
		struct elf_writer *writer = elf_writer_create();
		elf_writer_machine(writer, EM_AARCH64);
		uint32_t text = elf_writer_code(writer, ".text", 0x1000, code, sizeof(code));
		elf_writer_code(writer, ".plt", 0x2000, plt, sizeof(plt));
		if (with_symbol)
			elf_writer_symbol(writer, SHT_DYNSYM, "whole", 0x1000, sizeof(code),
					  ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), (uint16_t)text);
		size_t size;
		uint8_t *image = elf_writer_finish(writer, &size);
		struct plait_file_rules *rules = plait_file_rules_create(arch, image, size);
		assert_true(plait_rule_pool_init(&pool));
		assert_non_null(rules);
		assert_int_equal(file_cfa(rules, 0x1008), 32);
		/* Without a symbol it would be code of the function before, which has been left. */
		assert_int_equal(file_cfa(rules, 0x1014), with_symbol ? 32 : 0);
		assert_int_equal(file_cfa(rules, 0x101c), with_symbol ? 48 : 16);
		/* Branches lead to the last two instructions: they begin nothing. */
		for (uint64_t address = 0x1028; address < 0x1040; address += 4)
			assert_int_equal(file_cfa(rules, address), with_symbol ? 48 : 0);
		plait_file_rules_destroy(rules);
		plait_rule_pool_release(&pool);
		elf_writer_destroy(writer);
		free(image);
	}
}

/* libffi's closures: bti c; ldr x17, [sp, #8]; add sp, sp, #16; b. Twice, as it has them. */
static void code_that_was_jumped_to_may_find_words_pushed(void **state)
{
	(void)state;
	decode(WORDS(0xd503245f, 0xf94007f1, 0x910043ff, 0x17ffff61, 0xd503245f, 0xf94007f1, 0x910043ff, 0x17ffff65),
	       false);
	for (size_t i = 0; i < 8; i += 4) {
		for (size_t j = 0; j < 3; j++)
			assert_int_equal(cfa_from(i + j, SP), 16);
		assert_int_equal(cfa_from(i + 3, SP), 0);
		assert_int_equal(saved_at(i, LR), 0);
	}
	release();
	/* After a frame of its own, more taken off than put on is a wrong turn: what was right stays. */
	decode(WORDS(0xa9be7bfd /* stp x29, x30, [sp, #-32]! */, 0xd503201f, 0x9100c3ff /* add sp, sp, #48 */,
		     0xd503201f),
	       true);
	assert_int_equal(cfa_from(0, SP), 0);
	assert_int_equal(cfa_from(1, SP), 32);
	release();
}

static void what_loads_do_to_their_base(void **state)
{
	(void)state;
	decode(WORDS(0xd10103ff, /* sub sp, sp, #64 */
		     0x0cdf2fe8, /* ld1 {v8.1d-v11.1d}, [sp], #32 */
		     0x6cc127e8, /* ldp d8, d9, [sp], #16 */
		     0xf84107f3, /* ldr x19, [sp], #16 */
		     0xd65f03c0),
	       true);
	assert_int_equal(cfa_from(1, SP), 64);
	assert_int_equal(cfa_from(2, SP), 32);
	assert_int_equal(cfa_from(3, SP), 16);
	assert_int_equal(cfa_from(4, SP), 0);
	release();
}

static bool is_call(uint32_t word, struct plait_call_site *ret)
{
	return arch->call_before((const uint8_t *)&word, sizeof(word), 0x401000, ret);
}

static void calls_are_told_from_other_instructions(void **state)
{
	(void)state;
	struct plait_call_site call;
	assert_true(is_call(0x97ffffff, &call)); /* bl, one instruction back */
	assert_true(call.direct);
	assert_int_equal(call.target, 0x400ff8);
	assert_true(is_call(0x95ffffff, &call)); /* as far as it goes */
	assert_int_equal(call.target, 0x400ffc + 0x7fffffc);
	static const uint32_t indirect[] = { 0xd63f0060, 0xd63f03c0, 0xd63f087f /* blraaz x3 */,
					     0xd73f0822 /* blraa x1, x2 */ };
	for (size_t i = 0; i < sizeof(indirect) / sizeof(indirect[0]); i++) {
		assert_true(is_call(indirect[i], &call));
		assert_false(call.direct);
	}
	static const uint32_t others[] = { 0x14000001 /* b */,
					   0xd61f0060 /* br */,
					   0xd65f03c0 /* ret */,
					   0xd71f0822 /* braa */,
					   0xd65f0bff /* retaa */,
					   0xd503201f /* nop */,
					   0xd4000001 /* svc */ };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(is_call(others[i], &call));
	uint32_t word = 0xd63f0060;
	assert_false(arch->call_before((const uint8_t *)&word, 4, 0x401002, &call)); /* not where an instruction ends */
	assert_false(arch->call_before((const uint8_t *)&word, 3, 0x401000, &call));
}

/* The pattern rule with pc at the `index`th of the words; false when they are none. */
static bool is_pattern(const uint32_t *words, size_t count, size_t index, struct plait_rule *ret)
{
	uint8_t code[64] = { 0 };
	for (size_t i = 0; i < count; i++) {
		size_t at = arch->pattern_bytes_before + 4 * i - 4 * index;
		if (at + 4 <= arch->pattern_bytes_before + arch->pattern_bytes)
			memcpy(code + at, &words[i], 4);
	}
	return arch->pattern_rule(code, ret);
}

static void trampoline_stubs_are_known_by_their_bytes(void **state)
{
	(void)state;
	static const uint32_t stubs[2][8] = {
		{ 0xd503201f, 0xa9bf7bfd, 0x910003fd, 0xd63f0060, 0xa8c17bfd, 0xd65f03c0 },
		{ 0xd503233f, 0xa9bf7bfd, 0x910003fd, 0xaa0303e4, 0xd63f0060, 0xa8c17bfd, 0xd50323bf, 0xd65f03c0 },
	};
	static const size_t after_call[2] = { 4, 5 };
	for (size_t i = 0; i < 2; i++) {
		struct plait_rule rule;
		for (size_t pc = 2; pc <= after_call[i]; pc++) {
			assert_true(is_pattern(stubs[i], 8, pc, &rule));
			assert_int_equal(rule.flags, PLAIT_RULE_VERIFY);
			assert_true(rule.cfa.source == SP && rule.cfa.value == 16);
			assert_int_equal(plait_rule_find(&rule, LR)->value, -8);
			assert_int_equal(plait_rule_find(&rule, FP)->value, -16);
		}
		assert_false(is_pattern(stubs[i], 8, 1, &rule)); /* nothing was stored yet */
		assert_false(is_pattern(stubs[i], 8, after_call[i] + 1, &rule));
		uint32_t other[8];
		memcpy(other, stubs[i], sizeof(other));
		other[1] ^= 1 << 15; /* another offset */
		assert_false(is_pattern(other, 8, after_call[i], &rule));
	}
}

static void a_signal_frame_has_pc_and_x30(void **state)
{
	(void)state;
	static const uint32_t trampoline[] = { 0xd503201f, 0xd2801168, 0xd4000001 };
	struct plait_rule rule;
	assert_true(is_pattern(trampoline, 3, 1, &rule));
	assert_false(is_pattern(trampoline, 3, 0, &rule));
	decode(WORDS(0xd65f03c0, 0xd503201f, 0xd2801168, 0xd4000001), false);
	assert_true(rule_at(2)->flags & PLAIT_RULE_SIGNAL);
	release();

	uint64_t frame[74] = { 0 }; /* 312 bytes before x0; sp and pc behind x30 */
	for (size_t i = 0; i <= PC; i++)
		frame[39 + i] = 0x1000 + 16 * i;
	struct plait_stack_piece piece = { 0x7f0000, (const uint8_t *)frame, sizeof(frame) };
	struct plait_stack stack = { &piece, 1, true };
	struct plait_registers registers = { .valid = 1ULL << SP | 1ULL << PC };
	registers.value[SP] = 0x7f0000;
	struct plait_rule_outcome outcome;
	assert_true(plait_rule_pool_init(&pool));
	assert_int_equal(plait_rule_evaluate(arch, &pool, &rule, &stack, &registers, &outcome), PLAIT_RULE_STEPPED);
	plait_rule_apply(arch, &rule, &outcome, &registers);
	assert_int_equal(registers.valid, (1ULL << 33) - 1);
	for (size_t i = 0; i <= PC; i++)
		assert_int_equal(registers.value[i], 0x1000 + 16 * i);
	release();
}

static void return_addresses_lose_their_signature(void **state)
{
	(void)state;
	struct plait_rule rule;
	struct plait_registers registers = { .valid = 1ULL << SP | 1ULL << LR | 1ULL << FP };
	struct plait_stack none = { 0 };
	struct plait_rule_outcome outcome;
	registers.value[SP] = 0x7fff0000;
	registers.value[LR] = 0x003daaaab1234568;
	assert_true(plait_rule_pool_init(&pool));
	arch->entry_rule(&rule);
	assert_int_equal(plait_rule_evaluate(arch, &pool, &rule, &none, &registers, &outcome), PLAIT_RULE_STEPPED);
	assert_int_equal(outcome.pc, 0xaaaab1234568);
	assert_int_equal(outcome.cfa, 0x7fff0000);
	/* The caller's own return address is not known by that: its call has overwritten x30. */
	plait_rule_apply(arch, &rule, &outcome, &registers);
	assert_int_equal(registers.valid, 1ULL << SP | 1ULL << PC | 1ULL << FP);
	assert_int_equal(plait_rule_evaluate(arch, &pool, &rule, &none, &registers, &outcome), PLAIT_RULE_FAILED);
	release();
}

/* A frame record lies anywhere in its frame: the next rule tells where. */
static void a_record_gives_the_callers_frame_by_the_callers_rule(void **state)
{
	(void)state;
	uint64_t words[16] = { 0 };
	words[0] = 0x7f0000 + 8 * 4; /* a record: the caller's x29, a return address */
	words[1] = 0x401004;
	words[4] = 0x7f0000 + 8 * 12; /* the caller's own, at the bottom of its 64 bytes */
	words[5] = 0x402008;
	struct plait_stack_piece piece = { 0x7f0000, (const uint8_t *)words, sizeof(words) };
	struct plait_stack stack = { &piece, 1, true };
	struct plait_registers registers = { .valid = 1ULL << SP | 1ULL << PC | 1ULL << FP };
	registers.value[SP] = 0x7effc0;
	registers.value[FP] = 0x7f0000;
	struct plait_rule record, caller;
	struct plait_rule_outcome outcome;
	assert_true(plait_rule_pool_init(&pool));
	arch->frame_pointer_rule(&record);
	assert_true(record.flags & PLAIT_RULE_BOUND);
	assert_int_equal(plait_rule_evaluate(arch, &pool, &record, &stack, &registers, &outcome), PLAIT_RULE_STEPPED);
	assert_int_equal(outcome.pc, 0x401004);
	plait_rule_apply(arch, &record, &outcome, &registers);
	assert_int_equal(registers.valid, 1ULL << PC | 1ULL << FP);
	assert_int_equal(registers.value[SP], 0x7f0010); /* it is not below that */

	plait_rule_start(arch, &caller, SP, 64);
	plait_rule_add(&caller, FP, PLAIT_RULE_AT_CFA, 0, -64);
	plait_rule_add(&caller, LR, PLAIT_RULE_AT_CFA, 0, -56);
	assert_int_equal(plait_rule_evaluate(arch, &pool, &caller, &stack, &registers, &outcome), PLAIT_RULE_STEPPED);
	assert_int_equal(outcome.cfa, 0x7f0020 + 64);
	assert_int_equal(outcome.pc, 0x402008);
	plait_rule_apply(arch, &caller, &outcome, &registers);
	assert_true(registers.valid >> SP & 1);
	/* A rule that does not store both together says nothing of the record. */
	registers.valid &= ~(1ULL << SP);
	caller.entries[1].value = -48;
	assert_int_equal(plait_rule_evaluate(arch, &pool, &caller, &stack, &registers, &outcome), PLAIT_RULE_FAILED);
	release();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_of_openblas_keeps_its_return_address_in_x30),
		cmocka_unit_test(a_record_holds_the_return_address_over_calls),
		cmocka_unit_test(without_a_return_address_there_is_no_rule),
		cmocka_unit_test(a_stack_pointer_that_goes_down_by_an_unknown_amount_needs_another),
		cmocka_unit_test(functions_without_bounds_begin_behind_padding),
		cmocka_unit_test(functions_begin_where_a_return_address_is_stored_again),
		cmocka_unit_test(a_frame_by_an_unknown_amount_is_another_function_s),
		cmocka_unit_test(registers_may_be_cleared_before_the_return),
		cmocka_unit_test(branches_say_where_functions_begin),
		cmocka_unit_test(code_that_was_jumped_to_may_find_words_pushed),
		cmocka_unit_test(what_loads_do_to_their_base),
		cmocka_unit_test(calls_are_told_from_other_instructions),
		cmocka_unit_test(trampoline_stubs_are_known_by_their_bytes),
		cmocka_unit_test(a_signal_frame_has_pc_and_x30),
		cmocka_unit_test(return_addresses_lose_their_signature),
		cmocka_unit_test(a_record_gives_the_callers_frame_by_the_callers_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
