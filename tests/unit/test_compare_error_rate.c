/* links: plait_model */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "compare_support.h"

/*
 * Programs of ten functions, drawn at random: how often a comparison of equal ones says that there is a difference, and
 * how often a real one is found. Seeds are fixed, so a test passes always or never.
 */
enum { FUNCTIONS = 10, SAMPLES = 20000, BUFFER = 4096 };

struct draw {
	uint32_t state;
	double noise;  /* standard deviation of each function's cost from run to run */
	double slower; /* by what the cost of function 2 is multiplied on the new side */
};

static double uniform(struct draw *draw)
{
	return (random_next(&draw->state) >> 8) / 16777216.0;
}

static double normal(struct draw *draw)
{
	double sum = -6;
	for (int i = 0; i < 12; i++)
		sum += uniform(draw);
	return sum;
}

/* A recording: its functions' costs, and the samples that fall there. */
static void add_recording(struct compare_case *test, struct draw *draw, bool new, uint64_t started)
{
	double costs[FUNCTIONS], all = 0;
	uint32_t counts[FUNCTIONS] = { 0 };
	for (int i = 0; i < FUNCTIONS; i++) {
		costs[i] = (i == 0 ? 8 : i < 4 ? 4 : 1) * exp(draw->noise * normal(draw));
		costs[i] *= new &&i == 2 ? draw->slower : 1;
		all += costs[i];
	}
	for (int i = 0; i < SAMPLES; i++) {
		double at = uniform(draw) * all;
		int function = 0;
		while (function < FUNCTIONS - 1 && at >= costs[function])
			at -= costs[function++];
		counts[function]++;
	}
	char text[BUFFER];
	int used = snprintf(text, sizeof(text), "event cpu ns 999\nprocess 1 python3\nthread 1 main\n");
	for (int i = 0; i < FUNCTIONS; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "sample %u 1000 - n main /x | n f%d /x\n",
				 counts[i], i);
	compare_case_add(test, text, started);
}

struct outcome {
	int any, found, others;
};

/* Compares `runs` recordings a side, taken in turns. */
static struct outcome try_once(struct draw *draw, size_t runs, double run_noise)
{
	struct compare_case test;
	struct outcome outcome = { 0 };
	compare_case_begin(&test);
	test.options.run_noise = run_noise;
	for (int side = 0; side < 2; side++) {
		for (size_t i = 0; i < runs; i++)
			add_recording(&test, draw, side == 1, 2 * i + (uint64_t)side);
	}
	struct plait_comparison *comparison = compare_case_run(&test, runs);
	for (size_t i = 0; i < comparison->functions.rows.count; i++) {
		const struct plait_compare_row *row = &comparison->functions.rows.data[i];
		for (int figure = 0; figure < PLAIT_COMPARE_FIGURES; figure++) {
			bool changed = plait_compare_is_change(row->figures[figure].verdict);
			outcome.any |= changed;
			if (strcmp(row->label->name, "f2") == 0)
				outcome.found |= row->figures[figure].verdict == PLAIT_COMPARE_SLOWER;
			else
				outcome.others |= changed;
		}
	}
	compare_case_end(&test, comparison);
	return outcome;
}

static struct outcome try_many(struct draw draw, int tries, size_t runs, double run_noise)
{
	struct outcome sum = { 0 };
	for (int i = 0; i < tries; i++) {
		struct outcome one = try_once(&draw, runs, run_noise);
		sum.any += one.any;
		sum.found += one.found;
		sum.others += one.others;
	}
	print_message("%d tries: any %d, found %d, others %d\n", tries, sum.any, sum.found, sum.others);
	return sum;
}

/* At most 5 of 100 are expected; more than these numbers come by chance once in some hundred times. */
static void equal_programs_differ_rarely(void **state)
{
	(void)state;
	assert_true(try_many((struct draw) { 7, 0, 1 }, 150, 1, 0).any <= 16);
	assert_true(try_many((struct draw) { 11, 0.05, 1 }, 150, 1, 0.05).any <= 16);
	assert_true(try_many((struct draw) { 13, 0.03, 1 }, 60, 5, 0).any <= 9);
}

static void without_the_noise_from_run_to_run_they_would_not(void **state)
{
	(void)state;
	assert_true(try_many((struct draw) { 17, 0.05, 1 }, 30, 1, 0).any >= 20);
}

/* A function of a sixth of the cost gets 5 % slower: ten recordings a side find it, and nothing else. */
static void five_per_cent_are_found(void **state)
{
	(void)state;
	struct outcome outcome = try_many((struct draw) { 19, 0.01, 1.05 }, 30, 10, 0);
	assert_true(outcome.found >= 27);
	assert_true(outcome.others <= 6);
}

/* The other functions' shares fall by a third, but they did not change. */
static void others_do_not_seem_faster(void **state)
{
	(void)state;
	struct outcome outcome = try_many((struct draw) { 23, 0, 4 }, 40, 1, 0);
	assert_int_equal(outcome.found, 40);
	assert_true(outcome.others <= 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_programs_differ_rarely),
		cmocka_unit_test(without_the_noise_from_run_to_run_they_would_not),
		cmocka_unit_test(five_per_cent_are_found),
		cmocka_unit_test(others_do_not_seem_faster),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
