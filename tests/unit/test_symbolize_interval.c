/* links: plait_symbolize */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "symbolize/interval.h"

static uint32_t value_at(const struct plait_interval_index *index, uint64_t address)
{
	const struct plait_interval *piece = plait_interval_find(index, address);
	return piece ? piece->value : UINT32_MAX;
}

static void the_first_range_wins(void **state)
{
	(void)state;
	const struct plait_interval ranges[] = {
		{ 20, 30, 1 }, { 10, 40, 2 }, { 0, 12, 3 }, { 40, 50, 4 }, { 45, 45, 5 }, { 60, 55, 6 },
	};
	struct plait_interval_index index;
	assert_true(plait_interval_index_build(ranges, 6, &index));
	assert_int_equal(value_at(&index, 0), 3);
	assert_int_equal(value_at(&index, 9), 3);
	assert_int_equal(value_at(&index, 10), 2);
	assert_int_equal(value_at(&index, 20), 1);
	assert_int_equal(value_at(&index, 29), 1);
	assert_int_equal(value_at(&index, 30), 2);
	assert_int_equal(value_at(&index, 40), 4);
	assert_int_equal(value_at(&index, 45), 4);
	assert_int_equal(value_at(&index, 50), UINT32_MAX);
	assert_int_equal(value_at(&index, 57), UINT32_MAX);
	assert_int_equal(plait_interval_next(&index, 0), 10);
	assert_int_equal(plait_interval_next(&index, 30), 40);
	assert_true(plait_interval_next(&index, 40) == UINT64_MAX);
	plait_interval_index_release(&index);
}

static void nothing_is_found_in_an_empty_index(void **state)
{
	(void)state;
	struct plait_interval_index index;
	assert_true(plait_interval_index_build(NULL, 0, &index));
	assert_null(plait_interval_find(&index, 0));
	assert_true(plait_interval_next(&index, 0) == UINT64_MAX);
	plait_interval_index_release(&index);
}

static void the_ends_of_the_address_space_are_reached(void **state)
{
	(void)state;
	const struct plait_interval ranges[] = { { 0, 1, 1 }, { UINT64_MAX - 1, UINT64_MAX, 2 } };
	struct plait_interval_index index;
	assert_true(plait_interval_index_build(ranges, 2, &index));
	assert_int_equal(value_at(&index, 0), 1);
	assert_int_equal(value_at(&index, 1), UINT32_MAX);
	assert_int_equal(value_at(&index, UINT64_MAX - 1), 2);
	assert_int_equal(value_at(&index, UINT64_MAX), UINT32_MAX);
	plait_interval_index_release(&index);
}

/* Random ranges against painting one cell after the other. */
static void any_overlaps_agree_with_painting(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 200; round++) {
		struct plait_interval ranges[40];
		uint32_t cells[64];
		memset(cells, 0xff, sizeof(cells));
		for (uint32_t i = 0; i < 40; i++)
			ranges[i] = (struct plait_interval) { (uint64_t)(rand() % 64), (uint64_t)(rand() % 65), i };
		for (int i = 39; i >= 0; i--) {
			for (uint64_t at = ranges[i].start; at < ranges[i].end; at++)
				cells[at] = (uint32_t)i;
		}
		struct plait_interval_index index;
		assert_true(plait_interval_index_build(ranges, 40, &index));
		for (uint64_t at = 0; at < 64; at++)
			assert_int_equal(value_at(&index, at), cells[at]);
		for (size_t i = 1; i < index.count; i++)
			assert_true(index.pieces[i - 1].end <= index.pieces[i].start);
		plait_interval_index_release(&index);
	}
}

/* As many nested ranges as there are bytes: painting naively would cost the square. */
static void deep_nesting_stays_cheap(void **state)
{
	(void)state;
	const uint32_t count = 200000;
	struct plait_interval *ranges = malloc(count * sizeof(*ranges));
	for (uint32_t i = 0; i < count; i++)
		ranges[i] = (struct plait_interval) { count - i, count + i + 1, i };
	struct plait_interval_index index;
	assert_true(plait_interval_index_build(ranges, count, &index));
	assert_int_equal(value_at(&index, count), 0);
	assert_int_equal(value_at(&index, 1), count - 1);
	assert_int_equal(value_at(&index, 2 * (uint64_t)count - 1), count - 1);
	plait_interval_index_release(&index);
	free(ranges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_range_wins),
		cmocka_unit_test(nothing_is_found_in_an_empty_index),
		cmocka_unit_test(the_ends_of_the_address_space_are_reached),
		cmocka_unit_test(any_overlaps_agree_with_painting),
		cmocka_unit_test(deep_nesting_stays_cheap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
