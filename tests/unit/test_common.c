/* links: plait_common */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/map.h"
#include "common/memory.h"
#include "common/sample.h"
#include "common/strtab.h"
#include "common/vec.h"

static void error_says_what_why_and_what_to_do(void **state)
{
	(void)state;
	struct plait_error *error = plait_error_system(ENOENT, "cannot open %s", "/x");
	error = plait_error_advise(plait_error_context(error, "record"), "name %s", "another");
	assert_int_equal(error->code, PLAIT_ERROR_NOT_FOUND);
	assert_int_equal(error->system_errno, ENOENT);
	assert_string_equal(error->message, "record: cannot open /x: No such file or directory");
	assert_string_equal(error->advice, "name another");
	plait_error_free(error);
	error = plait_error_system(EPERM, "x");
	assert_int_equal(error->code, PLAIT_ERROR_PERMISSION);
	plait_error_free(error);
	plait_error_free(plait_error_no_memory());
	plait_error_free(NULL);
}

static void map_keeps_what_is_put_and_closes_holes(void **state)
{
	(void)state;
	struct plait_map map = { 0 };
	assert_null(plait_map_get(&map, 0));
	for (uint64_t i = 0; i < 10000; i++)
		assert_true(plait_map_put(&map, i * 7, i));
	for (uint64_t i = 0; i < 10000; i += 2)
		assert_true(plait_map_remove(&map, i * 7));
	assert_false(plait_map_remove(&map, 0));
	assert_int_equal(map.count, 5000);
	for (uint64_t i = 0; i < 10000; i++) {
		uint64_t *value = plait_map_get(&map, i * 7);
		if (i % 2)
			assert_int_equal(*value, i);
		else
			assert_null(value);
	}
	plait_map_release(&map);
}

static void strtab_gives_equal_strings_one_id(void **state)
{
	(void)state;
	struct plait_strtab *strtab = plait_strtab_create();
	bool added;
	assert_int_equal(plait_strtab_add(strtab, "", 0, &added), 0);
	assert_false(added);
	assert_int_equal(plait_strtab_add(strtab, "abc", 3, &added), 1);
	assert_true(added);
	assert_int_equal(plait_strtab_add(strtab, "abcd", 4, NULL), 2);
	assert_int_equal(plait_strtab_add(strtab, "abcx", 3, &added), 1);
	assert_string_equal(plait_strtab_get(strtab, 2), "abcd");
	assert_null(plait_strtab_get(strtab, 3));
	assert_int_equal(plait_strtab_count(strtab), 3);
	plait_strtab_destroy(strtab);
}

static void bytes_never_read_past_the_end(void **state)
{
	(void)state;
	const uint8_t data[] = { 0x34, 0x12, 0xe5, 0x8e, 0x26, 0x03, 0xff };
	struct plait_bytes bytes = plait_bytes(data, sizeof(data));
	assert_int_equal(plait_bytes_u16(&bytes), 0x1234);
	assert_int_equal(plait_bytes_uleb(&bytes), 624485);
	assert_int_equal(plait_bytes_zigzag(&bytes), -2);
	assert_false(bytes.failed);
	assert_int_equal(plait_bytes_uleb(&bytes), 0);
	assert_true(bytes.failed);
	assert_int_equal(plait_bytes_left(&bytes), 0);
	assert_int_equal(plait_bytes_u64(&bytes), 0);
	const uint8_t large[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02 };
	bytes = plait_bytes(large, sizeof(large));
	assert_int_equal(plait_bytes_uleb(&bytes), 0);
	assert_true(bytes.failed);
}

static void vec_grows(void **state)
{
	(void)state;
	PLAIT_VEC(int) numbers = { 0 };
	for (int i = 0; i < 1000; i++)
		assert_true(plait_vec_push(&numbers, i));
	assert_int_equal(numbers.count, 1000);
	assert_int_equal(numbers.data[999], 999);
	plait_vec_free(&numbers);
}

static void stack_reads_only_what_was_copied(void **state)
{
	(void)state;
	uint8_t low[16] = { 1 }, high[8] = { 2 };
	struct plait_stack_piece pieces[] = { { 0x1000, low, 16 }, { 0x2000, high, 8 } };
	struct plait_stack stack = { .pieces = pieces, .count = 2 };
	uint64_t value;
	assert_true(plait_stack_u64(&stack, 0x1000, &value));
	assert_int_equal(value, 1);
	assert_true(plait_stack_u64(&stack, 0x2000, &value));
	assert_int_equal(value, 2);
	assert_false(plait_stack_u64(&stack, 0x1009, &value));
	assert_false(plait_stack_u64(&stack, 0x2001, &value));
	assert_false(plait_stack_u64(&stack, 0xff8, &value));
}

static void memory_of_a_process_reads_or_refuses(void **state)
{
	(void)state;
	uint64_t number = 42, copy = 0;
	struct plait_memory memory = plait_memory_of_process(getpid());
	assert_true(plait_memory_u64(&memory, (uint64_t)(uintptr_t)&number, &copy));
	assert_int_equal(copy, 42);
	assert_false(plait_memory_u64(&memory, 8, &copy));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_says_what_why_and_what_to_do),
		cmocka_unit_test(map_keeps_what_is_put_and_closes_holes),
		cmocka_unit_test(strtab_gives_equal_strings_one_id),
		cmocka_unit_test(bytes_never_read_past_the_end),
		cmocka_unit_test(vec_grows),
		cmocka_unit_test(stack_reads_only_what_was_copied),
		cmocka_unit_test(memory_of_a_process_reads_or_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
