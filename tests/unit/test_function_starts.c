/* links: plait_perf */
/* Where functions begin, told by branches: words of AArch64, on any machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "perf/unwind/function_starts.h"

#define START 0x4000
#define WORDS(...) (const uint32_t[]) { __VA_ARGS__ }, sizeof((const uint32_t[]) { __VA_ARGS__ }) / 4

#define RET 0xd65f03c0
#define NOP 0xd503201f
#define MOV 0xaa0003e1

/* The starts' numbers of instructions, as text. */
static const char *starts_of(const struct plait_unwind_arch *arch, const uint32_t *words, size_t count)
{
	static char text[128];
	struct plait_function_code code = { .bytes = (const uint8_t *)words, .start = START, .end = START + 4 * count };
	struct plait_function_starts starts = { 0 };
	assert_true(plait_function_starts_find(arch, &code, &starts));
	text[0] = '\0';
	for (size_t i = 0; i < starts.addresses.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%lu", i ? " " : "",
			 (unsigned long)(starts.addresses.data[i] - START) / 4);
	plait_vec_free(&starts.addresses);
	return text;
}

static const char *starts(const uint32_t *words, size_t count)
{
	return starts_of(&plait_unwind_arch_aarch64, words, count);
}

static void functions_begin_behind_what_ends_one(void **state)
{
	(void)state;
	assert_string_equal(starts(WORDS(MOV, RET, MOV, RET)), "0 2");
	assert_string_equal(starts(WORDS(MOV, RET, NOP, 0, MOV, 0xd61f0060 /* br x3 */, MOV)), "0 4 6");
	assert_string_equal(starts(WORDS(MOV, 0xd4207d00 /* brk */, MOV, 0xd65f0bff /* retaa */, MOV)), "0 2 4");
	assert_string_equal(starts(WORDS(MOV, NOP, MOV)), "0");
	assert_string_equal(starts(WORDS(0xd63f0060 /* blr x3 */, MOV)), "0");
}

static void what_branches_cross_is_one_function(void **state)
{
	(void)state;
	/* Forward to behind the return, by each kind. */
	static const uint32_t forward[] = { 0x54000060 /* b.eq */, 0xb4000060 /* cbz */, 0x37000060 /* tbnz */,
					    0x14000003 /* b */ };
	for (size_t i = 0; i < sizeof(forward) / sizeof(forward[0]); i++)
		assert_string_equal(starts(WORDS(forward[i], MOV, RET, MOV, RET, MOV)), "0 5");
	/* Back over it. */
	static const uint32_t back[] = { 0x54ffffa0 /* b.eq */, 0xb4ffffa0 /* cbz */, 0x3707ffa0 /* tbnz */ };
	for (size_t i = 0; i < sizeof(back) / sizeof(back[0]); i++)
		assert_string_equal(starts(WORDS(MOV, RET, MOV, back[i], RET, MOV)), "0 5");
	assert_string_equal(starts(WORDS(MOV, RET, MOV, 0x17fffffd /* b */, RET)), "0 4");
	/* Back to it: a function that begins with its loop. */
	assert_string_equal(starts(WORDS(MOV, RET, MOV, 0x54ffffe0 /* b.eq */, RET)), "0 2");
	/* Out of the code. */
	assert_string_equal(starts(WORDS(0x5407ffe0 /* b.eq */, RET, 0x17ff0000 /* b */, MOV)), "0 2 3");
}

static void calls_lead_to_starts(void **state)
{
	(void)state;
	/* Behind a call that does not return, which nothing else tells. */
	assert_string_equal(starts(WORDS(MOV, 0x94000000 /* bl to itself */, MOV, RET, 0x97fffffe /* bl to 2 */)),
			    "0 2 4");
	/* Not into the middle. */
	assert_string_equal(starts(WORDS(MOV, MOV, RET, 0x97fffffe /* bl to 1 */)), "0 3");
	/* A jump to a function that is called is a tail call, whatever lies between. */
	assert_string_equal(starts(WORDS(0x94000004 /* bl to 4 */, 0x14000003 /* b to 4 */, MOV, RET, MOV)), "0 2 4");
	/* So is one that goes far. */
	uint32_t far[1100] = { 0x1400044a /* b to 1098 */, MOV, RET };
	for (size_t i = 3; i < 1100; i++)
		far[i] = NOP;
	assert_string_equal(starts(far, 1100), "0 1");
	far[0] = 0x14000010;
	assert_string_equal(starts(far, 1100), "0");
}

static void nothing_is_found_where_instructions_differ_in_length(void **state)
{
	(void)state;
	assert_string_equal(starts_of(&plait_unwind_arch_x86_64, WORDS(MOV, RET, MOV)), "");
	assert_string_equal(starts(NULL, 0), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_begin_behind_what_ends_one),
		cmocka_unit_test(what_branches_cross_is_one_function),
		cmocka_unit_test(calls_lead_to_starts),
		cmocka_unit_test(nothing_is_found_where_instructions_differ_in_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
