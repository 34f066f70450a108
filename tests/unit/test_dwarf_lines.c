/* links: plait_symbolize */
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "symbolize/dwarf_lines.h"

/*
 * This program asks for its own addresses. Each mark is a place in the code whose function nesting and lines the source
 * tells: `innermost` is inlined into `middle`, that into `outer`.
 */
extern const char mark_deep[], mark_outer[];
static int deep_line, middle_call_line, outer_call_line, outer_line;

static inline __attribute__((always_inline)) void innermost(void)
{
	deep_line = __LINE__ + 1;
	__asm__ volatile(".globl mark_deep\nmark_deep: nop");
}

static inline __attribute__((always_inline)) void middle(int x)
{
	if (x > 1) {
		middle_call_line = __LINE__ + 1;
		innermost();
	}
}

static __attribute__((noinline, noclone)) void outer(int x)
{
	outer_call_line = __LINE__ + 1;
	middle(x);
	outer_line = __LINE__ + 1;
	__asm__ volatile(".globl mark_outer\nmark_outer: nop");
}

static struct plait_dwarf *dwarf;
static uint64_t bias;

static int find_bias(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	*(uint64_t *)context = info->dlpi_addr;
	return 1;
}

static int fd;

static int setup(void **state)
{
	(void)state;
	dl_iterate_phdr(find_bias, &bias);
	outer(getpid() ? 2 : 0);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	dwarf = plait_dwarf_open(fd, "/usr/lib/debug");
	return fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	plait_dwarf_close(dwarf);
	plait_dwarf_close(NULL);
	return close(fd);
}

/* Looks up a mark; skips when this program was built without -g. */
static uint32_t find(const char *mark, struct plait_dwarf_frame *ret)
{
	uint32_t count = dwarf ? plait_dwarf_find(dwarf, (uint64_t)(uintptr_t)mark - bias, ret) : 0;
	if (count == 0) {
		print_message("skipped: this test was built without debug information\n");
		skip();
	}
	return count;
}

static void expect(const struct plait_dwarf_frame *frame, const char *name, int line)
{
	assert_string_equal(frame->name, name);
	assert_non_null(strstr(frame->file, "test_dwarf_lines.c"));
	assert_int_equal(frame->line, line);
}

static void inlined_calls_are_frames_with_the_lines_of_their_calls(void **state)
{
	(void)state;
	struct plait_dwarf_frame frames[PLAIT_SYMBOL_INLINE_MAX];
	assert_int_equal(find(mark_deep, frames), 3);
	expect(&frames[0], "innermost", deep_line);
	expect(&frames[1], "middle", middle_call_line);
	expect(&frames[2], "outer", outer_call_line);
	uint64_t address = (uint64_t)(uintptr_t)mark_deep - bias;
	for (int i = 0; i < 3; i++)
		assert_true(frames[i].start <= address && address < frames[i].end);
	assert_int_equal(frames[2].start, (uint64_t)(uintptr_t)outer - bias);
}

static void outside_the_inlined_code_there_is_one_frame(void **state)
{
	(void)state;
	struct plait_dwarf_frame frames[PLAIT_SYMBOL_INLINE_MAX];
	assert_int_equal(find(mark_outer, frames), 1);
	expect(&frames[0], "outer", outer_line);
	assert_int_equal(find(mark_outer, frames), 1); /* the same from what is indexed now */
	expect(&frames[0], "outer", outer_line);
}

static void where_there_is_no_code_there_is_no_frame(void **state)
{
	(void)state;
	struct plait_dwarf_frame frames[PLAIT_SYMBOL_INLINE_MAX];
	find(mark_outer, frames);
	assert_int_equal(plait_dwarf_find(dwarf, 0, frames), 0);
	assert_int_equal(plait_dwarf_find(dwarf, UINT64_MAX, frames), 0);
}

static void what_is_no_dwarf_is_refused(void **state)
{
	(void)state;
	int other = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	assert_null(plait_dwarf_open(other, "/usr/lib/debug"));
	close(other);
	other = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_null(plait_dwarf_open(other, "/usr/lib/debug"));
	close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inlined_calls_are_frames_with_the_lines_of_their_calls),
		cmocka_unit_test(outside_the_inlined_code_there_is_one_frame),
		cmocka_unit_test(where_there_is_no_code_there_is_no_frame),
		cmocka_unit_test(what_is_no_dwarf_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
