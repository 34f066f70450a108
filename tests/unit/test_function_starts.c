/* links: plait_perf */
/* Where functions begin, told by branches: words of AArch64, on any machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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
	static char text[1024];
	struct plait_function_code code = { .bytes = (const uint8_t *)words, .start = START, .end = START + 4 * count };
	struct plait_function_starts starts;
	uint64_t at;
	assert_true(plait_function_starts_find(arch, &code, &starts));
	text[0] = '\0';
	if (!starts.bits)
		return text;
	assert_int_equal(starts.end, code.end);
	if (!plait_function_starts_before(&starts, START, &at))
		at = plait_function_starts_after(&starts, START);
	for (; at < code.end; at = plait_function_starts_after(&starts, at))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%lu", *text ? " " : "",
			 (unsigned long)(at - START) / 4);
	plait_function_starts_release(&starts);
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

/* A return every `distance` instructions, in front of which nothing else ends a function. */
static void fill(uint32_t *words, size_t count, size_t distance)
{
	for (size_t i = 0; i < count; i++)
		words[i] = i % distance == distance - 1 ? RET : MOV;
}

static void the_nearest_start_is_found_from_anywhere(void **state)
{
	(void)state;
	enum { COUNT = 1000, DISTANCE = 150 }; /* so that whole words of bits are empty */
	uint32_t words[COUNT];
	fill(words, COUNT, DISTANCE);
	struct plait_function_code code = { .bytes = (const uint8_t *)words,
					    .start = START,
					    .end = START + sizeof(words) };
	struct plait_function_starts starts;
	assert_true(plait_function_starts_find(&plait_unwind_arch_aarch64, &code, &starts));
	for (size_t i = 0; i < sizeof(words); i++) {
		size_t function = i / (4 * DISTANCE), next = (function + 1) * DISTANCE;
		uint64_t before;
		assert_true(plait_function_starts_before(&starts, START + i, &before));
		assert_int_equal(before, START + 4 * function * DISTANCE);
		assert_int_equal(plait_function_starts_after(&starts, START + i),
				 START + 4 * (next < COUNT ? next : COUNT));
	}
	plait_function_starts_release(&starts);
}

static void there_may_be_no_start_before(void **state)
{
	(void)state;
	struct plait_function_code code = { .bytes = (const uint8_t *)(const uint32_t[]) { NOP, NOP, MOV, RET, 0 },
					    .start = START,
					    .end = START + 19 };
	struct plait_function_starts starts;
	uint64_t before = 1;
	assert_true(plait_function_starts_find(&plait_unwind_arch_aarch64, &code, &starts));
	assert_int_equal(starts.end, START + 16); /* not the part of an instruction at the end */
	assert_false(plait_function_starts_before(&starts, START + 7, &before));
	assert_int_equal(before, 1);
	assert_int_equal(plait_function_starts_after(&starts, START), START + 8);
	assert_int_equal(plait_function_starts_after(&starts, START + 8), START + 16);
	plait_function_starts_release(&starts);
}

/* The rules as they are said, without any care for time. */
enum { RANDOM = 120 };

struct random_code {
	uint32_t words[RANDOM];
	char kinds[RANDOM]; /* 'o'n, 'p'adding, 'r'eturn, 'b'ranch, 'j'ump, 'c'all */
	int to[RANDOM];
};

static void make_random(struct random_code *code, unsigned *seed)
{
	for (int i = 0; i < RANDOM; i++) {
		code->kinds[i] = "ooooopprbbjjc"[rand_r(seed) % 13];
		int to = i + (int)(rand_r(seed) % 24) - 12;
		uint32_t distance = (uint32_t)(to - i);
		code->to[i] = to;
		code->words[i] = code->kinds[i] == 'p'	 ? NOP
				 : code->kinds[i] == 'r' ? RET
				 : code->kinds[i] == 'b' ? 0xb4000000 | (distance & 0x7ffff) << 5
				 : code->kinds[i] == 'j' ? 0x14000000 | (distance & 0x3ffffff)
				 : code->kinds[i] == 'c' ? 0x94000000 | (distance & 0x3ffffff)
							 : MOV;
	}
}

static bool is_called(const struct random_code *code, int at)
{
	if (at && !strchr("prjc", code->kinds[at - 1]))
		return false;
	for (int i = 0; i < RANDOM; i++) {
		if (code->kinds[i] == 'c' && code->to[i] == at)
			return true;
	}
	return false;
}

static bool is_crossed(const struct random_code *code, int at)
{
	for (int i = 0; i < RANDOM; i++) {
		int to = code->to[i];
		if (to < 0 || to >= RANDOM || !((i < at && to >= at) || (i >= at && to < at)))
			continue;
		if (code->kinds[i] == 'b' || (code->kinds[i] == 'j' && !is_called(code, to)))
			return true;
	}
	return false;
}

static bool is_start(const struct random_code *code, int at)
{
	int before = at - 1;
	while (before >= 0 && code->kinds[before] == 'p')
		before--;
	if (code->kinds[at] == 'p' || is_called(code, at))
		return is_called(code, at);
	return before < 0 || (strchr("rj", code->kinds[before]) && !is_crossed(code, at));
}

static void random_code_has_the_starts_that_the_rules_say(void **state)
{
	(void)state;
	unsigned seed = 1;
	for (int round = 0; round < 2000; round++) {
		struct random_code code;
		char expected[1024] = "";
		make_random(&code, &seed);
		for (int i = 0; i < RANDOM; i++) {
			if (is_start(&code, i))
				snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "%s%d",
					 *expected ? " " : "", i);
		}
		assert_string_equal(starts(code.words, RANDOM), expected);
	}
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
		cmocka_unit_test(the_nearest_start_is_found_from_anywhere),
		cmocka_unit_test(there_may_be_no_start_before),
		cmocka_unit_test(random_code_has_the_starts_that_the_rules_say),
		cmocka_unit_test(nothing_is_found_where_instructions_differ_in_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
