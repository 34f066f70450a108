/* links: plait_perf plait_common */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "perf/source/sorter.h"

static void push(struct plait_sorter *sorter, uint32_t ring, uint64_t time, uint64_t position)
{
	struct plait_unit unit = { .ring = ring, .time = time, .start = position, .last = position };
	assert_true(plait_sorter_push(sorter, &unit));
}

static void test_empty(void **state)
{
	(void)state;
	struct plait_sorter sorter = { 0 };
	struct plait_unit unit;
	assert_false(plait_sorter_pop(&sorter, UINT64_MAX, &unit));
	assert_int_equal(plait_sorter_low(&sorter, 0, 77), 77);
	plait_sorter_release(&sorter);
}

static void test_horizon(void **state)
{
	(void)state;
	struct plait_sorter sorter = { 0 };
	struct plait_unit unit;
	push(&sorter, 0, 100, 0);
	push(&sorter, 1, 50, 0);
	assert_false(plait_sorter_pop(&sorter, 49, &unit));
	assert_true(plait_sorter_pop(&sorter, 50, &unit));
	assert_int_equal(unit.ring, 1);
	assert_false(plait_sorter_pop(&sorter, 99, &unit));
	push(&sorter, 1, 75, 8); /* older than what waits: it has come in time */
	assert_true(plait_sorter_pop(&sorter, 100, &unit));
	assert_int_equal(unit.time, 75);
	assert_true(plait_sorter_pop(&sorter, 100, &unit));
	assert_false(plait_sorter_pop(&sorter, UINT64_MAX, &unit));
	plait_sorter_release(&sorter);
}

static void test_equal_times(void **state)
{
	(void)state;
	struct plait_sorter sorter = { 0 };
	struct plait_unit unit;
	push(&sorter, 1, 5, 16);
	push(&sorter, 0, 5, 64);
	push(&sorter, 1, 5, 8);
	push(&sorter, 0, 5, 32);
	const uint32_t rings[] = { 0, 0, 1, 1 };
	const uint64_t positions[] = { 32, 64, 8, 16 };
	for (int i = 0; i < 4; i++) {
		assert_true(plait_sorter_pop(&sorter, 5, &unit));
		assert_int_equal(unit.ring, rings[i]);
		assert_int_equal(unit.last, positions[i]);
	}
	plait_sorter_release(&sorter);
}

/* What a ring still needs: a nested unit starts before the one that ended earlier. */
static void test_low(void **state)
{
	(void)state;
	struct plait_sorter sorter = { 0 };
	struct plait_unit outer = { .ring = 2, .time = 10, .start = 100, .last = 400 };
	struct plait_unit inner = { .ring = 2, .time = 20, .start = 200, .last = 300 };
	struct plait_unit unit;
	assert_true(plait_sorter_push(&sorter, &inner));
	assert_true(plait_sorter_push(&sorter, &outer));
	push(&sorter, 1, 1, 0);
	assert_int_equal(plait_sorter_low(&sorter, 2, 500), 100);
	assert_int_equal(plait_sorter_low(&sorter, 1, 500), 0);
	assert_int_equal(plait_sorter_low(&sorter, 3, 500), 500);
	assert_true(plait_sorter_pop(&sorter, 10, &unit));
	assert_true(plait_sorter_pop(&sorter, 10, &unit));
	assert_int_equal(plait_sorter_low(&sorter, 2, 500), 200);
	assert_int_equal(plait_sorter_low(&sorter, 2, 150), 150);
	plait_sorter_release(&sorter);
}

/* Many CPUs, read in rounds as the source does: nothing is lost, nothing comes twice, times never fall as long as each
 * record is there before the horizon passes it. */
static void test_random_rounds(void **state)
{
	(void)state;
	enum { CPUS = 16, ROUNDS = 200, SLACK = 50 };
	for (unsigned seed = 1; seed <= 5; seed++) {
		srandom(seed);
		struct plait_sorter sorter = { 0 };
		struct plait_unit unit;
		uint64_t positions[CPUS] = { 0 }, latest = 0;
		size_t pushed = 0, popped = 0;
		for (uint64_t round = 1; round <= ROUNDS; round++) {
			uint64_t now = round * 100;
			for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
				for (long n = random() % 12; n > 0; n--) {
					/* up to SLACK before this round began, in any order */
					push(&sorter, cpu, now - SLACK + (uint64_t)random() % (SLACK + 100),
					     positions[cpu] += 8);
					pushed++;
				}
			}
			while (plait_sorter_pop(&sorter, now + 100 - SLACK - 1, &unit)) {
				assert_true(unit.time >= latest);
				latest = unit.time;
				popped++;
			}
		}
		while (plait_sorter_pop(&sorter, UINT64_MAX, &unit)) {
			assert_true(unit.time >= latest);
			latest = unit.time;
			popped++;
		}
		assert_int_equal(pushed, popped);
		plait_sorter_release(&sorter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty), cmocka_unit_test(test_horizon),	    cmocka_unit_test(test_equal_times),
		cmocka_unit_test(test_low),   cmocka_unit_test(test_random_rounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
