/* links: plait_python_unwind */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "python_unwind/unicode.h"

#define REPLACED "\xef\xbf\xbd"

static void check(const void *text, size_t size, unsigned kind, const char *expected)
{
	size_t length;
	uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees every read past the end */

	memcpy(exact, text, size);
	char *utf8 = plait_unicode_to_utf8(exact, size, kind, &length);
	assert_non_null(utf8);
	assert_string_equal(utf8, expected);
	assert_int_equal(length, strlen(expected));
	free(utf8);
	free(exact);
}

#define CHECK(kind, expected, ...)                                                                                     \
	do {                                                                                                           \
		const kind points_[] = { __VA_ARGS__ };                                                                \
		check(points_, sizeof(points_), sizeof(kind), expected);                                               \
	} while (0)

static void each_kind_is_decoded(void **state)
{
	(void)state;
	check("", 0, 1, "");
	check("main", 4, 1, "main");
	CHECK(uint8_t, "\x7f\xc2\x80\xc3\xbf", 0x7f, 0x80, 0xff);
	CHECK(uint16_t, "a\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", 'a', 0x7ff, 0x800, 0xffff);
	CHECK(uint32_t, "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 0x10000, 0x10ffff);
	CHECK(uint32_t, "\xe5\x87\xbd\xe6\x95\xb0", 0x51fd, 0x6570);
}

static void what_utf8_cannot_say_is_replaced(void **state)
{
	(void)state;
	CHECK(uint8_t, "a" REPLACED "b", 'a', 0, 'b');
	CHECK(uint16_t, REPLACED REPLACED "x", 0xd800, 0xdfff, 'x');
	CHECK(uint16_t, REPLACED REPLACED, 0xd83d, 0xde00); /* no pairs in a str */
	CHECK(uint32_t, REPLACED REPLACED, 0x110000, 0xffffffff);
	check("abc", 3, 2, "\xe6\x89\xa1"); /* a cut one at the end is left out */
	check("abc", 3, 4, "");
	check("abc", 3, 0, "");
	check("abc", 3, 3, "");
}

static void escaped_bytes_become_bytes_where_they_are_utf8(void **state)
{
	(void)state;
	CHECK(uint16_t, "caf\xc3\xa9.py", 'c', 'a', 'f', 0xdcc3, 0xdca9, '.', 'p', 'y');
	CHECK(uint16_t, "\xe2\x82\xac\xf0\x9f\x90\x8d", 0xdce2, 0xdc82, 0xdcac, 0xdcf0, 0xdc9f, 0xdc90, 0xdc8d);
	CHECK(uint16_t, "caf" REPLACED ".py", 'c', 'a', 'f', 0xdce9, '.', 'p', 'y'); /* Latin-1 */
	CHECK(uint16_t, REPLACED "\xc3\xa9", 0xdcc3, 0xdcc3, 0xdca9);
	CHECK(uint16_t, REPLACED REPLACED, 0xdce2, 0xdc82); /* ends too early */
	CHECK(uint16_t, REPLACED REPLACED "a", 0xdce2, 0xdc82, 'a');
	CHECK(uint16_t, REPLACED REPLACED, 0xdcc0, 0xdc80); /* overlong */
	CHECK(uint16_t, REPLACED REPLACED REPLACED, 0xdce0, 0xdc80, 0xdc80);
	CHECK(uint16_t, REPLACED REPLACED REPLACED, 0xdced, 0xdca0, 0xdc80);		      /* a surrogate */
	CHECK(uint16_t, REPLACED REPLACED REPLACED REPLACED, 0xdcf4, 0xdc90, 0xdc80, 0xdc80); /* above U+10FFFF */
	CHECK(uint16_t, REPLACED, 0xdc7f);						      /* stands for no byte */
	CHECK(uint16_t, REPLACED, 0xdc80);
}

/* Every code point: valid UTF-8 that says the same. */
static void all_code_points_survive(void **state)
{
	(void)state;
	for (uint32_t point = 1; point < 0x110000; point += point < 0x12000 ? 1 : 251) {
		size_t length;
		char *utf8 = plait_unicode_to_utf8((const uint8_t *)&point, 4, 4, &length);
		const uint8_t *u = (const uint8_t *)utf8;
		uint32_t back =
			length == 1   ? u[0]
			: length == 2 ? (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu)
			: length == 3 ? (u[0] & 0xfu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu)
				      : (u[0] & 7u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 | (u[3] & 0x3fu);
		assert_int_equal(back, point >= 0xd800 && point < 0xe000 ? 0xfffd : point);
		free(utf8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_decoded),
		cmocka_unit_test(what_utf8_cannot_say_is_replaced),
		cmocka_unit_test(escaped_bytes_become_bytes_where_they_are_utf8),
		cmocka_unit_test(all_code_points_survive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
