/* links: plait_perf */
/*
 * Instructions of x86-64, decoded from bytes: pure, so on any machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "perf/unwind/rule.h"

static void rows_of(const uint8_t *bytes, size_t size, bool one_function, struct plait_rule_pool *pool,
		    struct plait_rule_rows *ret)
{
	struct plait_function_code code = {
		.bytes = bytes, .start = 0x1000, .end = 0x1000 + size, .one_function = one_function
	};
	assert_true(plait_rule_pool_init(pool));
	*ret = (struct plait_rule_rows) { 0 };
	assert_true((&plait_unwind_arch_x86_64)->decode(&code, pool, ret));
}

/* The CFA's offset from rsp at `address`; -1: no rule, or another register. */
static int cfa_offset(const struct plait_rule_pool *pool, const struct plait_rule_rows *rows, uint64_t address)
{
	const struct plait_rule *rule = NULL;
	for (size_t i = 0; i < rows->rows.count && rows->rows.data[i].address <= address; i++)
		rule = plait_rule_pool_get(pool, rows->rows.data[i].rule);
	return rule && rule->cfa.kind == PLAIT_RULE_IS_REGISTER && rule->cfa.source == 7 ? rule->cfa.value : -1;
}

static void vector_instructions_newer_than_the_decoder_are_passed(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0x53,							    /* push %rbx */
		0x62, 0xf5, 0x7c, 0x48, 0x58, 0xc1,			    /* vaddph %zmm1,%zmm0,%zmm0 (AVX512-FP16) */
		0x62, 0xf5, 0x7c, 0x48, 0x58, 0x44, 0x24, 0x01,		    /* vaddph 0x40(%rsp),%zmm0,%zmm0 */
		0xc4, 0xe2, 0x73, 0x5e, 0xc2,				    /* tdpbssd %tmm1,%tmm2,%tmm0 (AMX) */
		0x62, 0xf3, 0x7c, 0x48, 0x08, 0x05, 1,	  2,	3, 4, 0x05, /* vrndscaleph $5,0x4030201(%rip),%zmm0 */
		0x48, 0x83, 0xec, 0x10,					    /* sub $16,%rsp */
		0x90,							    /* nop */
	};
	struct plait_rule_pool pool;
	struct plait_rule_rows rows;
	rows_of(code, sizeof(code), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1001), 16);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000 + sizeof(code) - 1), 32);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
}

/* OpenBLAS's kernels for AMD's older processors are full of them. */
static void hints_to_prefetch_are_passed(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0x53,				       /* push %rbx */
		0x0f, 0x0d, 0x45, 0x80,		       /* prefetch -0x80(%rbp) */
		0x41, 0x0f, 0x0d, 0x4f, 0x18,	       /* prefetchw 0x18(%r15) */
		0x43, 0x0f, 0x0d, 0x44, 0x17, 0x38,    /* prefetch 0x38(%r15,%r10,1) */
		0x0f, 0x0d, 0x80, 0,	2,    0,    0, /* prefetch 0x200(%rax) */
		0x48, 0x83, 0xec, 0x10,		       /* sub $16,%rsp */
		0x90,				       /* nop */
	};
	struct plait_rule_pool pool;
	struct plait_rule_rows rows;
	rows_of(code, sizeof(code), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000 + sizeof(code) - 5), 16);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000 + sizeof(code) - 1), 32);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
}

static void what_cannot_be_decoded_has_no_rule(void **state)
{
	(void)state;
	static const uint8_t code[] = { 0x50, 0x06, 0x58, 0xc3 }; /* push %rax; (invalid); pop %rax; ret */
	struct plait_rule_pool pool;
	struct plait_rule_rows rows;
	rows_of(code, sizeof(code), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1001), -1);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1003), -1);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);

	/* The stack pointer from memory: nobody knows where it points. */
	static const uint8_t switches[] = { 0x48, 0x8b, 0x20, 0x90 }; /* mov (%rax),%rsp; nop */
	rows_of(switches, sizeof(switches), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1003), -1);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
}

static void functions_without_bounds_begin_behind_padding(void **state)
{
	(void)state;
	uint8_t code[48];
	memset(code, 0x90, sizeof(code));
	memcpy(code, (const uint8_t[]) { 0x48, 0x83, 0xec, 0x18, 0xc3, 0xcc }, 6);	/* sub $24,%rsp; ret; int3 */
	memcpy(code + 16, (const uint8_t[]) { 0x55, 0x5d, 0xc3, 0x00, 0x00, 0x00 }, 6); /* push; pop %rbp; ret; 0 */
	memcpy(code + 22, (const uint8_t[10]) { 0 }, 10);
	code[32] = 0x53; /* push %rbx */
	struct plait_rule_pool pool;
	struct plait_rule_rows rows;
	rows_of(code, sizeof(code), false, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1004), 32);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1010), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1011), 16);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1012), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1020), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1021), 16);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
	/* The same bytes as one function: its own frame holds to the end. */
	rows_of(code, sizeof(code), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1010), 32);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
}

static void plt_entries_without_a_table_are_decoded(void **state)
{
	(void)state;
	static const uint8_t first[] = { 0xff, 0x35, 1, 0, 0, 0, 0xff, 0x25, 2, 0, 0, 0, 0x0f, 0x1f, 0x40, 0 };
	static const uint8_t other[] = { 0xff, 0x25, 1, 0, 0, 0, 0x68, 2, 0, 0, 0, 0xe9, 0xe0, 0xff, 0xff, 0xff };
	struct plait_rule_pool pool;
	struct plait_rule_rows rows;
	rows_of(first, sizeof(first), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000), 16);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1006), 24);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
	rows_of(other, sizeof(other), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1006), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x100b), 16);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
}

/* libffi's closures: endbr64; mov 8(%rsp),%r10; add $16,%rsp; jmp. */
static void code_that_was_jumped_to_may_find_words_pushed(void **state)
{
	(void)state;
	static const uint8_t code[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8b, 0x54, 0x24, 0x08,
					0x48, 0x83, 0xc4, 0x10, 0xe9, 1,    2,	  3,	4 };
	struct plait_rule_pool pool;
	struct plait_rule_rows rows;
	rows_of(code, sizeof(code), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000), 24);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1009), 24);
	assert_int_equal(cfa_offset(&pool, &rows, 0x100d), 8);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
}

#define CALL(...) ((const uint8_t[]) { __VA_ARGS__ }), sizeof((const uint8_t[]) { __VA_ARGS__ })

static bool is_call(const uint8_t *code, size_t size)
{
	struct plait_call_site call;
	return (&plait_unwind_arch_x86_64)->call_before(code, size, 0x401000, &call);
}

static void calls_are_told_from_other_instructions(void **state)
{
	(void)state;
	struct plait_call_site call;
	static const uint8_t direct[] = { 0x90, 0x90, 0xe8, 0xfb, 0xff, 0xff, 0xff };
	assert_true((&plait_unwind_arch_x86_64)->call_before(direct, sizeof(direct), 0x401000, &call));
	assert_true(call.direct);
	assert_int_equal(call.target, 0x400ffb);
	assert_true(is_call(CALL(0xff, 0xd0)));				       /* *%rax */
	assert_true(is_call(CALL(0x90, 0x41, 0xff, 0xd4)));		       /* *%r12 */
	assert_true(is_call(CALL(0xff, 0x10)));				       /* *(%rax) */
	assert_true(is_call(CALL(0xff, 0x14, 0x24)));			       /* *(%rsp) */
	assert_true(is_call(CALL(0xff, 0x14, 0xc5, 0, 0, 0, 0)));	       /* *0(,%rax,8) */
	assert_true(is_call(CALL(0xff, 0x50, 0x28)));			       /* *0x28(%rax) */
	assert_true(is_call(CALL(0xff, 0x54, 0x24, 0x08)));		       /* *8(%rsp) */
	assert_true(is_call(CALL(0xff, 0x15, 1, 2, 3, 4)));		       /* *x(%rip) */
	assert_true(is_call(CALL(0xff, 0x90, 1, 2, 3, 4)));		       /* *x(%rax) */
	assert_true(is_call(CALL(0xff, 0x94, 0x24, 1, 2, 3, 4)));	       /* *x(%rsp) */
	assert_false(is_call(CALL(0xff, 0xe0)));			       /* jmp *%rax */
	assert_false(is_call(CALL(0xff, 0x25, 1, 2, 3, 4)));		       /* jmp *x(%rip) */
	assert_false(is_call(CALL(0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90))); /* nop */
	assert_false(is_call(CALL(0xe9, 1, 2, 3, 4)));			       /* jmp */
	assert_false(is_call(CALL(0xd0)));
	assert_false(is_call(CALL(0xff, 0x50)));
}

/* One state of the -X perf stubs: bytes before pc, bytes from it, and what holds there. */
static void assert_stub(const char *before, size_t before_size, const char *after, size_t after_size, int cfa,
			bool saves_rbp)
{
	const struct plait_unwind_arch *arch = (&plait_unwind_arch_x86_64);
	uint8_t code[64];
	struct plait_rule rule;
	memset(code, 0xcc, sizeof(code));
	memcpy(code + arch->pattern_bytes_before - before_size, before, before_size);
	memcpy(code + arch->pattern_bytes_before, after, after_size);
	assert_true(arch->pattern_rule(code, &rule));
	assert_int_equal(rule.cfa.source, 7);
	assert_int_equal(rule.cfa.value, cfa);
	assert_int_equal(rule.flags, PLAIT_RULE_VERIFY);
	assert_int_equal(plait_rule_find(&rule, 16)->value, -8);
	assert_int_equal(!!plait_rule_find(&rule, 6), saves_rbp);
	/* One byte off, and it is something else. */
	code[arch->pattern_bytes_before + after_size - 1] ^= 1;
	assert_false(arch->pattern_rule(code, &rule));
}

static void trampoline_stubs_are_known_by_their_bytes(void **state)
{
	(void)state;
	static const char plain[] = "\x48\x83\xec\x08\xff\xd1\x48\x83\xc4\x08\xc3";
	static const char framed[] = "\x55\x48\x89\xe5\xff\xd1\x5d\xc3";
	assert_stub("", 0, plain, 11, 8, false);
	assert_stub(plain, 4, plain + 4, 7, 16, false);
	assert_stub(plain, 6, plain + 6, 5, 16, false);
	assert_stub(plain, 10, plain + 10, 1, 8, false);
	assert_stub("\xf3\x0f\x1e\xfa", 4, framed, 8, 8, false);
	assert_stub(framed, 1, framed + 1, 7, 16, true);
	assert_stub(framed, 4, framed + 4, 4, 16, true);
	assert_stub(framed, 6, framed + 6, 2, 16, true);
	assert_stub(framed, 7, framed + 7, 1, 8, false);
}

static void a_signal_trampoline_without_cfi_is_known_by_its_bytes(void **state)
{
	(void)state;
	const struct plait_unwind_arch *arch = (&plait_unwind_arch_x86_64);
	uint8_t code[64];
	struct plait_rule rule;
	memset(code, 0xcc, sizeof(code));
	memcpy(code + arch->pattern_bytes_before, "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", 9);
	assert_true(arch->pattern_rule(code, &rule));
	assert_int_equal(rule.flags, PLAIT_RULE_SIGNAL);
	/* As the kernel lays it out: 40 bytes of ucontext, then r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip.
	 */
	assert_int_equal(rule.cfa.kind, PLAIT_RULE_AT_REGISTER);
	assert_int_equal(rule.cfa.value, 40 + 8 * 15);
	assert_int_equal(plait_rule_find(&rule, 16)->value, 40 + 8 * 16);
	assert_int_equal(plait_rule_find(&rule, 3)->value, 40 + 8 * 11);
	assert_int_equal(plait_rule_find(&rule, 0)->value, 40 + 8 * 13);
	assert_int_equal(plait_rule_find(&rule, 10)->value, 40 + 8 * 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector_instructions_newer_than_the_decoder_are_passed),
		cmocka_unit_test(hints_to_prefetch_are_passed),
		cmocka_unit_test(what_cannot_be_decoded_has_no_rule),
		cmocka_unit_test(functions_without_bounds_begin_behind_padding),
		cmocka_unit_test(plt_entries_without_a_table_are_decoded),
		cmocka_unit_test(code_that_was_jumped_to_may_find_words_pushed),
		cmocka_unit_test(calls_are_told_from_other_instructions),
		cmocka_unit_test(trampoline_stubs_are_known_by_their_bytes),
		cmocka_unit_test(a_signal_trampoline_without_cfi_is_known_by_its_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
