/* links: plait_python_unwind */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "python_unwind/line_table.h"

/* tests/e2e/test_positions.py compares with CPython itself; here are the formats' corners, byte by byte. */

#define TABLE(format_, first, ...)                                                                                     \
	{                                                                                                              \
		.bytes = (const uint8_t[]) { __VA_ARGS__ }, .size = sizeof((const uint8_t[]) { __VA_ARGS__ }),         \
		.format = (format_), .first_line = (first), .whole = true                                              \
	}

static void check(const struct plait_line_table *table, int32_t lasti, struct plait_position expected)
{
	struct plait_position found = plait_line_table_find(table, lasti);

	if (memcmp(&found, &expected, sizeof(found)) != 0)
		fail_msg("at %d: expected %d-%d columns %d-%d, found %d-%d columns %d-%d", lasti, expected.line,
			 expected.end_line, expected.column, expected.end_column, found.line, found.end_line,
			 found.column, found.end_column);
}

static void check_line(const struct plait_line_table *table, int32_t lasti, int32_t line)
{
	check(table, lasti, (struct plait_position) { line, line, -1, -1 });
}

static const struct plait_position none = { 0, 0, -1, -1 };

static void versions_have_their_formats(void **state)
{
	(void)state;
	assert_int_equal(plait_line_format_of(0x030812f0), PLAIT_LINES_LNOTAB);
	assert_int_equal(plait_line_format_of(0x030912f0), PLAIT_LINES_LNOTAB);
	assert_int_equal(plait_line_format_of(0x030a00f0), PLAIT_LINES_RANGES);
	assert_int_equal(plait_line_format_of(0x030b00f0), PLAIT_LINES_LOCATIONS);
	assert_int_equal(plait_line_format_of(0x030f02f0), PLAIT_LINES_LOCATIONS);
}

static void lnotab(void **state)
{
	/* Line 10; from 6 on 11; a jump of 300 lines down in steps; back up by 100. */
	struct plait_line_table table = TABLE(PLAIT_LINES_LNOTAB, 10, 6, 1, 50, 127, 0, 127, 0, 46, 255, 0, 45, 0x9c);
	(void)state;
	check_line(&table, -1, 10);
	check_line(&table, 0, 10);
	check_line(&table, 5, 10);
	check_line(&table, 6, 11);
	check_line(&table, 55, 11);
	check_line(&table, 56, 311);
	check_line(&table, 355, 311);
	check_line(&table, 356, 211);
	check_line(&table, INT32_MAX, 211); /* the last line lasts */
	table.whole = false;		    /* unless the table was cut */
	check_line(&table, 355, 311);
	check(&table, 356, none);
	struct plait_line_table empty = { .format = PLAIT_LINES_LNOTAB, .first_line = 7, .whole = true };
	check_line(&empty, 0, 7);
	check_line(&empty, 1000, 7);
	struct plait_line_table odd = TABLE(PLAIT_LINES_LNOTAB, 10, 6, 1, 6);
	check_line(&odd, 100, 11);
}

static void ranges(void **state)
{
	/* [0,4) line 5, [4,10) none, [10,10) line 7 is empty, [10,12) line 6, [12,14) line 106 in two steps. */
	struct plait_line_table table = TABLE(PLAIT_LINES_RANGES, 5, 4, 0, 6, 0x80, 0, 2, 2, 0xff, 0, 90, 2, 10);
	(void)state;
	check_line(&table, -1, 5);
	check_line(&table, 0, 5);
	check_line(&table, 3, 5);
	check(&table, 4, none);
	check(&table, 9, none);
	check_line(&table, 10, 6);
	check_line(&table, 12, 106);
	check(&table, 14, none);
	check(&table, INT32_MAX, none);
}

static void locations(void **state)
{
	struct plait_line_table table =
		TABLE(PLAIT_LINES_LOCATIONS, 100, 0x80 | 2 << 3 | 0, 0x35, /* [0,2): 100, 19 to 24 */
		      0x80 | 10 << 3 | 7, 200, 210,			   /* [2,18): 100, 200 to 210 */
		      0x80 | 12 << 3 | 0, 1, 2,				   /* [18,20): 102, 1 to 2 */
		      0x80 | 13 << 3 | 1, 2 * 3 + 1,			   /* [20,24): 99, no columns */
		      0x80 | 14 << 3 | 0, 64 | 0, 4, 2, 9, 64 | 1, 2,	   /* [24,26): 227 to 229 */
		      0x80 | 15 << 3 | 3,				   /* [26,34): nowhere */
		      0x80 | 14 << 3 | 0, 0, 0, 0, 0);			   /* [34,36): 227, without columns */
	(void)state;
	check(&table, -2, (struct plait_position) { 100, 100, -1, -1 });
	check(&table, 0, (struct plait_position) { 100, 100, 19, 24 });
	check(&table, 1, (struct plait_position) { 100, 100, 19, 24 });
	check(&table, 2, (struct plait_position) { 100, 100, 200, 210 });
	check(&table, 17, (struct plait_position) { 100, 100, 200, 210 });
	check(&table, 18, (struct plait_position) { 102, 102, 1, 2 });
	check(&table, 20, (struct plait_position) { 99, 99, -1, -1 });
	check(&table, 24, (struct plait_position) { 227, 229, 8, 128 });
	check(&table, 26, none);
	check(&table, 34, (struct plait_position) { 227, 227, -1, -1 });
	check(&table, 36, none);
}

static void hostile_locations_have_no_position(void **state)
{
	(void)state;
	const struct plait_line_table tables[] = {
		TABLE(PLAIT_LINES_LOCATIONS, 1, 0x10, 0x35),	     /* no entry starts like this */
		TABLE(PLAIT_LINES_LOCATIONS, 1, 0x80),		     /* the columns are missing */
		TABLE(PLAIT_LINES_LOCATIONS, 1, 0x80 | 11 << 3, 5),  /* one of two is */
		TABLE(PLAIT_LINES_LOCATIONS, 1, 0x80 | 13 << 3, 64), /* a number goes on */
		TABLE(PLAIT_LINES_LOCATIONS, 1, 0x80 | 13 << 3, 127, 127, 127, 127, 127, 127, 1), /* and on */
		TABLE(PLAIT_LINES_LOCATIONS, 1, 0x80 | 14 << 3, 0, 0, 0),
		TABLE(PLAIT_LINES_LOCATIONS, 1, 0x80 | 13 << 3, 2 * 1 + 1), /* line 0 */
		TABLE(PLAIT_LINES_LOCATIONS, 1, 0x80 | 13 << 3, 2 * 2 + 1), /* line -1 */
		TABLE(PLAIT_LINES_LOCATIONS, INT32_MAX, 0x80 | 13 << 3, 2), /* one too many */
		TABLE(PLAIT_LINES_LNOTAB, INT32_MAX, 0, 1),
		TABLE(PLAIT_LINES_RANGES, -5, 2, 3),
		{ .format = PLAIT_LINES_LOCATIONS, .first_line = 1, .whole = true },
		{ .format = PLAIT_LINES_RANGES, .first_line = 1, .whole = true },
		{ .format = 77, .first_line = 1, .whole = true },
	};
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		check(&tables[i], 0, none);
	/* What lies in front of it counts. */
	struct plait_line_table cut = TABLE(PLAIT_LINES_LOCATIONS, 1, 0x80, 0x11, 0x80);
	check(&cut, 0, (struct plait_position) { 1, 1, 1, 2 });
	check(&cut, 2, none);
	/* Lines may pass through zero on their way. */
	struct plait_line_table dip = TABLE(PLAIT_LINES_LOCATIONS, 1, 0x80 | 13 << 3, 9, 0x80 | 13 << 3, 20);
	check(&dip, 0, none);
	check_line(&dip, 2, 7);
	struct plait_line_table nameless = { .first_line = 0 };
	check(&nameless, -1, none);
}

/* The index changes the speed, not the answer. */
static void long_tables_are_indexed(void **state)
{
	enum { ENTRIES = 40000 };
	uint8_t *bytes = malloc(2 * ENTRIES);
	static const enum plait_line_format formats[] = { PLAIT_LINES_LNOTAB, PLAIT_LINES_RANGES,
							  PLAIT_LINES_LOCATIONS };
	(void)state;
	for (size_t f = 0; f < 3; f++) {
		for (size_t i = 0; i < ENTRIES; i++) {
			bool location = formats[f] == PLAIT_LINES_LOCATIONS;
			/* Three lines down, two up; some entries without length. */
			bytes[2 * i] = location ? 0x80 | 13 << 3 | i % 8 : i % 5 ? 2 * (i % 4) : 0;
			bytes[2 * i + 1] = i % 2 ? (location ? 5 : 0xfe) : location ? 6 : 3;
		}
		struct plait_line_table plain = {
			.bytes = bytes, .size = 2 * ENTRIES, .format = formats[f], .first_line = 1, .whole = true
		};
		struct plait_line_table indexed = plain;
		plait_line_table_index(&indexed);
		assert_true(indexed.mark_count > 100);
		for (int32_t at = -1; at < 400000; at += 997)
			check(&indexed, at, plait_line_table_find(&plain, at));
		for (int32_t at = 0; at < 4000; at++)
			check(&indexed, at, plait_line_table_find(&plain, at));
		struct timespec before, after;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
		for (int32_t at = 0; at < 100000; at++)
			(void)plait_line_table_find(&indexed, at);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
		assert_true(after.tv_sec - before.tv_sec < 3); /* without the index: minutes */
		plait_line_table_release(&indexed);
		plait_line_table_release(&plain);
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_have_their_formats),
		cmocka_unit_test(lnotab),
		cmocka_unit_test(ranges),
		cmocka_unit_test(locations),
		cmocka_unit_test(hostile_locations_have_no_position),
		cmocka_unit_test(long_tables_are_indexed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
