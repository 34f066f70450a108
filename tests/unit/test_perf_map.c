/* links: plait_symbolize */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "symbolize/perf_map.h"
#include "symbolize/symbolizer.h"

static char path[64];

static void write_text(const char *mode, const char *text)
{
	FILE *file = fopen(path, mode);
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup(void **state)
{
	struct plait_perf_map *map;
	snprintf(path, sizeof(path), "/tmp/plait-perf-map-%d", getpid());
	unlink(path);
	assert_null(plait_perf_map_create_at(path, &map));
	*state = map;
	return 0;
}

static int teardown(void **state)
{
	plait_perf_map_destroy(*state);
	unlink(path);
	return 0;
}

/* The name at `address`, or "" when there is none. */
static const char *name_at(struct plait_perf_map *map, uint64_t address)
{
	static char name[8192];
	struct plait_perf_map_symbol symbol;
	bool found;
	assert_null(plait_perf_map_find(map, address, &symbol, &found));
	if (!found)
		return "";
	assert_true(address >= symbol.start && address - symbol.start < symbol.size);
	assert_true(symbol.name_size < sizeof(name));
	memcpy(name, symbol.name, symbol.name_size);
	name[symbol.name_size] = 0;
	return name;
}

static void later_lines_hold(void **state)
{
	write_text("w", "1000 100 old one\n1080 100 py::f:/a/b c.py\n0x3000 0x10 prefixed\n");
	assert_string_equal(name_at(*state, 0x1000), "old one");
	assert_string_equal(name_at(*state, 0x107f), "old one");
	assert_string_equal(name_at(*state, 0x1080), "py::f:/a/b c.py");
	assert_string_equal(name_at(*state, 0x117f), "py::f:/a/b c.py");
	assert_string_equal(name_at(*state, 0x1180), "");
	assert_string_equal(name_at(*state, 0xfff), "");
	assert_string_equal(name_at(*state, 0x3008), "prefixed");
}

static void growth_is_read_when_it_is_needed(void **state)
{
	assert_string_equal(name_at(*state, 0x1000), "");
	write_text("w", "1000 10 first\n");
	assert_string_equal(name_at(*state, 0x1000), "first");
	write_text("a", "2000 10 sec");
	assert_string_equal(name_at(*state, 0x2000), "sec");
	write_text("a", "ond\n3000 10 third\n");
	assert_string_equal(name_at(*state, 0x3000), "third");
	assert_string_equal(name_at(*state, 0x2000), "second");
	assert_string_equal(name_at(*state, 0x1000), "first");
}

static void a_new_or_shorter_file_replaces_the_old(void **state)
{
	write_text("w", "1000 10 first\n5000 10 fifth\n");
	assert_string_equal(name_at(*state, 0x1000), "first");
	write_text("w", "2000 10 second\n");
	assert_string_equal(name_at(*state, 0x2000), "second");
	assert_string_equal(name_at(*state, 0x1000), "");
	assert_string_equal(name_at(*state, 0x5000), "");
}

static void hostile_lines_are_passed_over(void **state)
{
	write_text("w", "\n\n \nzz 10 a\n1000\n1000 \n1000 10\n1000 10 \n1000 0 empty\n10000000000000000 10 long\n"
			"ffffffffffffffff 10 wraps\nfffffffffffffff0 ffffffffffffffff wraps\n-1 10 negative\n"
			"1000 10 good  \r\n 2000 10 indented\n");
	assert_string_equal(name_at(*state, 0x1005), "good");
	assert_string_equal(name_at(*state, 0x2000), "");
	assert_string_equal(name_at(*state, UINT64_MAX), "");
	assert_string_equal(name_at(*state, 0), "");
	char *line = malloc(1 << 20);
	memset(line, 'x', 1 << 20);
	memcpy(line, "4000 10 ", 8);
	line[(1 << 20) - 1] = 0;
	write_text("a", line);
	free(line);
	assert_int_equal(strlen(name_at(*state, 0x4000)), 4096);
}

static void a_link_or_a_pipe_is_not_followed(void **state)
{
	char target[80];
	snprintf(target, sizeof(target), "%s.real", path);
	FILE *file = fopen(target, "w");
	fputs("1000 10 linked\n", file);
	fclose(file);
	assert_int_equal(symlink(target, path), 0);
	assert_string_equal(name_at(*state, 0x1000), "");
	unlink(path);
	unlink(target);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_string_equal(name_at(*state, 0x1000), "");
}

static void the_map_of_a_process_is_found_and_made_printable(void **state)
{
	(void)state;
	char own[64];
	struct plait_symbolizer *symbolizer;
	struct plait_symbols symbols;
	snprintf(own, sizeof(own), "/tmp/perf-%d.map", getpid());
	unlink(own);
	assert_null(plait_symbolizer_create(NULL, &symbolizer));
	assert_null(plait_symbolize_perf_map(symbolizer, (uint32_t)getpid(), 0x7000, &symbols));
	assert_int_equal(symbols.count, 0);
	FILE *file = fopen(own, "w");
	assert_non_null(file);
	fputs("7000 20 evil\x1b[31m_Z1fv\n", file);
	fclose(file);
	assert_null(plait_symbolize_perf_map(symbolizer, (uint32_t)getpid(), 0x7010, &symbols));
	unlink(own);
	assert_int_equal(symbols.count, 1);
	assert_string_equal(symbols.at[0].name, "evil?[31m_Z1fv");
	assert_int_equal(symbols.at[0].start, 0x7000);
	assert_int_equal(symbols.at[0].size, 0x20);
	assert_null(plait_symbolize_perf_map(symbolizer, (uint32_t)getpid(), 0x7010, &symbols));
	assert_int_equal(symbols.count, 1);
	plait_symbolizer_destroy(symbolizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(later_lines_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(growth_is_read_when_it_is_needed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_or_shorter_file_replaces_the_old, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_lines_are_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(a_link_or_a_pipe_is_not_followed, setup, teardown),
		cmocka_unit_test(the_map_of_a_process_is_found_and_made_printable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
