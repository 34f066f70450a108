/* links: plait_render */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "output/render/line.h"
#include "output/render/number.h"
#include "output/render/width.h"

static void characters_have_their_width(void **state)
{
	(void)state;
	static const struct {
		uint32_t point;
		unsigned int width;
	} cases[] = {
		{ 'a', 1 },    { 0xe9, 1 },   { 0xad, 1 },     { 0x2502, 1 },  { 0x2026, 1 }, /* box, ellipsis */
		{ 0x301, 0 },  { 0x200b, 0 }, { 0x200d, 0 },   { 0xfe0f, 0 },  { 0x1160, 0 },
		{ 0x1100, 2 }, { 0x3042, 2 }, { 0x4e00, 2 },   { 0x9fff, 2 },  { 0xac00, 2 },
		{ 0xff21, 2 }, { 0xff71, 1 }, { 0x1f600, 2 },  { 0x20000, 2 }, { 0x3fffd, 2 },
		{ 0x3000, 2 }, { 0x303f, 1 }, { 0x10ffff, 1 }, { 0xe0100, 0 }, { 0x231a, 2 },
		{ 0x231c, 1 }, { 0x300, 0 },  { 0x2ff, 1 },    { 0x36f, 0 },   { 0x370, 1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(plait_width_of(cases[i].point), cases[i].width);
}

static void texts_are_measured_as_they_are_shown(void **state)
{
	(void)state;
	assert_int_equal(plait_text_width("", false), 0);
	assert_int_equal(plait_text_width("計算", false), 4);
	assert_int_equal(plait_text_width("e\xcc\x81te\xcc\x81", false), 3);
	assert_int_equal(plait_text_width("\x1b[m", false), 6);		   /* \x1b[m */
	assert_int_equal(plait_text_width("\xff\xe2\x80\xae", false), 10); /* \xff\u202e */
	assert_int_equal(plait_text_width("é計", true), 10);		   /* \xe9\u8a08 */
	assert_int_equal(plait_text_width("😀", true), 7);		   /* \u1f600 */
}

/* Writes one line with `write` and compares it. */
static void assert_line(uint32_t columns, bool ascii, bool color, void (*write)(struct plait_line *line),
			const char *wanted)
{
	char *text = NULL;
	size_t size;
	struct plait_render_options options = { .columns = columns, .ascii = ascii, .color = color };
	struct plait_line line = { .out = open_memstream(&text, &size), .options = &options };
	write(&line);
	plait_line_end(&line);
	fclose(line.out);
	assert_string_equal(text, wanted);
	free(text);
}

static void put_name(struct plait_line *line)
{
	plait_line_put(line, PLAIT_STYLE_PYTHON, "計算するx", 6);
}

static void put_accents(struct plait_line *line)
{
	plait_line_put(line, PLAIT_STYLE_PLAIN, "e\xcc\x81te\xcc\x81s", 3);
}

static void put_columns(struct plait_line *line)
{
	plait_line_put(line, PLAIT_STYLE_PLAIN, "abc", UINT32_MAX);
	plait_line_move(line, 6);
	plait_line_put(line, PLAIT_STYLE_DIM, "def", UINT32_MAX);
	plait_line_move(line, 2); /* behind it already: one space */
	plait_line_put(line, PLAIT_STYLE_PLAIN, "ghi", UINT32_MAX);
	plait_line_move(line, 50); /* nothing follows */
}

static void put_path(struct plait_line *line)
{
	plait_line_put_tail(line, PLAIT_STYLE_PLAIN, "very/long/計算.py:41", 9);
}

static void put_escape(struct plait_line *line)
{
	plait_line_put(line, PLAIT_STYLE_NATIVE, "a\x1b]0;x\x07\n", UINT32_MAX);
}

static void lines_are_cut_at_whole_characters(void **state)
{
	(void)state;
	assert_line(0, false, false, put_name, "計算…\n"); /* five columns: a wide one more would be seven */
	assert_line(0, true, false, put_name, "...\n");	   /* an escape does not fit in what is left */
	assert_line(4, false, false, put_name, "計…\n");
	assert_line(1, false, false, put_name, "…\n");
	assert_line(0, false, false, put_accents, "e\xcc\x81t…\n");
	assert_line(0, false, false, put_path, "…算.py:41\n");
	assert_line(0, true, false, put_path, "....py:41\n");
	assert_line(0, false, true, put_name, "\033[32m計算…\033[0m\n");
}

static void lines_keep_columns_and_no_spaces_at_the_end(void **state)
{
	(void)state;
	assert_line(0, false, false, put_columns, "abc   def ghi\n");
	assert_line(8, false, false, put_columns, "abc   d…\n");
	assert_line(6, false, false, put_columns, "abc\n");
	assert_line(0, false, true, put_columns, "abc   \033[2mdef\033[0m ghi\n");
}

static void controls_are_escaped(void **state)
{
	(void)state;
	assert_line(0, false, false, put_escape, "a\\x1b]0;x\\x07\\x0a\n");
	assert_line(0, false, true, put_escape, "\033[36ma\\x1b]0;x\\x07\\x0a\033[0m\n");
	assert_line(8, false, false, put_escape, "a\\x1b]0…\n");
}

static void put_items(struct plait_line *line)
{
	plait_line_move(line, 2);
	plait_line_item(line, PLAIT_STYLE_PLAIN, "one", 3, 2);
	plait_line_item(line, PLAIT_STYLE_PLAIN, "two", 3, 2);
	plait_line_item(line, PLAIT_STYLE_PLAIN, "three-and-more", 3, 2);
}

static void items_wrap(void **state)
{
	(void)state;
	assert_line(0, false, false, put_items, "  one   two   three-and-more\n");
	assert_line(16, false, false, put_items, "  one   two\n  three-and-more\n");
	assert_line(10, false, false, put_items, "  one\n  two\n  three-a…\n");
}

static void numbers_are_for_people(void **state)
{
	(void)state;
	char text[PLAIT_NUMBER_SIZE];
	assert_string_equal(plait_number_count(0, text), "0");
	assert_string_equal(plait_number_count(999, text), "999");
	assert_string_equal(plait_number_count(1000, text), "1,000");
	assert_string_equal(plait_number_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
	assert_string_equal(plait_number_percent(0, 0, text), "0 %");
	assert_string_equal(plait_number_percent(0, 10, text), "0 %");
	assert_string_equal(plait_number_percent(10, 10, text), "100 %");
	assert_string_equal(plait_number_percent(1, 8, text), "12.50 %");
	assert_string_equal(plait_number_percent(1, 1000000, text), "<0.01 %");
	assert_string_equal(plait_number_percent(999999, 1000000, text), ">99.99 %");
	assert_string_equal(plait_number_percent(UINT64_MAX, UINT64_MAX, text), "100 %");
	assert_string_equal(plait_number_share(0, 10, text), "");
	assert_string_equal(plait_number_share(1, 100000, text), "0.0");
	assert_string_equal(plait_number_share(2, 3, text), "66.7");
	assert_string_equal(plait_number_share(5, 5, text), "100.0");
}

static void amounts_have_their_unit(void **state)
{
	(void)state;
	char text[PLAIT_NUMBER_SIZE];
	assert_string_equal(plait_number_amount(1234567, false, text), "1,234,567");
	assert_string_equal(plait_number_amount(430000000, true, text), "430 ms");
	assert_string_equal(plait_number_amount(999000000, true, text), "999 ms");
	assert_string_equal(plait_number_amount(999900000, true, text), "1.00 s");
	assert_string_equal(plait_number_amount(7214000000, true, text), "7.21 s");
	assert_string_equal(plait_number_amount(9999000000, true, text), "10.0 s");
	assert_string_equal(plait_number_amount(123456000000, true, text), "123.5 s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_have_their_width),
		cmocka_unit_test(texts_are_measured_as_they_are_shown),
		cmocka_unit_test(lines_are_cut_at_whole_characters),
		cmocka_unit_test(lines_keep_columns_and_no_spaces_at_the_end),
		cmocka_unit_test(controls_are_escaped),
		cmocka_unit_test(items_wrap),
		cmocka_unit_test(numbers_are_for_people),
		cmocka_unit_test(amounts_have_their_unit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
