/* links: plait_common plait_python_unwind */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "python_unwind/arch/arch.h"
#include "python_unwind/debug_offsets.h"
#include "python_unwind/walk_plan.h"

static void every_version_has_its_layout(void **state)
{
	(void)state;
	for (uint16_t minor = 0; minor < 40; minor++) {
		const struct plait_layout *layout = plait_layout_find(PLAIT_MACHINE, minor, false);
		const struct plait_layout *free_threaded = plait_layout_find(PLAIT_MACHINE, minor, true);
		assert_int_equal(!!layout, minor >= 8 && minor <= 15);
		assert_int_equal(!!free_threaded, minor >= 13 && minor <= 15);
		if (layout)
			assert_int_equal(!!layout->table_size, minor >= 13);
		if (free_threaded)
			assert_true(free_threaded->free_threaded && free_threaded->table_size == layout->table_size);
	}
}

static void constant_layouts_hold_together(void **state)
{
	(void)state;
	for (uint16_t minor = 8; minor <= 12; minor++) {
		uint32_t fields[PLAIT_FIELD_COUNT];
		const char *why = NULL;
		assert_true(plait_layout_fields(plait_layout_find(PLAIT_MACHINE, minor, false), plait_bytes("", 0),
						fields, &why));
		/* A thread state is found in one way or the other, and a chain of frames in each shape's own way. */
		assert_true(fields[PLAIT_FIELD_runtime_tstate_current] != PLAIT_NO_OFFSET || minor >= 12);
		assert_int_equal(fields[PLAIT_FIELD_tstate_cframe] != PLAIT_NO_OFFSET, minor == 10);
		assert_int_equal(fields[PLAIT_FIELD_tstate_root_cframe] != PLAIT_NO_OFFSET, minor >= 10);
		assert_int_equal(fields[PLAIT_FIELD_frame_is_entry] != PLAIT_NO_OFFSET, minor == 11);
		assert_int_equal(fields[PLAIT_FIELD_code_version] != PLAIT_NO_OFFSET, minor == 12);
		assert_int_equal(fields[PLAIT_FIELD_code_adaptive] != PLAIT_NO_OFFSET, minor >= 11);
		assert_int_equal(fields[PLAIT_FIELD_lasti_unit], minor == 10 ? 2 : 1);
	}
}

static void tables_are_read_by_slot(void **state)
{
	(void)state;
	const struct plait_layout *layout = plait_layout_find(PLAIT_MACHINE, 13, false);
	uint32_t fields[PLAIT_FIELD_COUNT];
	const char *why = NULL;
	uint8_t table[584] = { 0 };
	assert_false(plait_layout_fields(layout, plait_bytes(table, sizeof(table)), fields, &why)); /* all zero */
	assert_non_null(why);
	why = NULL;
	assert_false(plait_layout_fields(layout, plait_bytes(table, sizeof(table) - 1), fields, &why));
	assert_non_null(strstr(why, "cut off"));
	uint8_t header[24] = "xdebugpy";
	struct plait_debug_header read;
	for (size_t size = 0; size < sizeof(header); size++)
		assert_false(plait_debug_offsets_header(plait_bytes(header, size), &read));
	header[8] = 0xf0;
	header[16] = 1;
	assert_true(plait_debug_offsets_header(plait_bytes(header, sizeof(header)), &read));
	assert_int_equal(read.version, 0xf0);
	assert_true(read.free_threaded);
}

/* The tables of both architectures are generated; they differ behind the GIL. */
static void architectures_differ_where_they_should(void **state)
{
	(void)state;
	const struct plait_layout *found[2] = { NULL, NULL };
	for (size_t i = 0; i < plait_layout_count; i++) {
		if (plait_layouts[i].minor == 9)
			found[plait_layouts[i].machine == EM_AARCH64] = &plait_layouts[i];
	}
	assert_true(found[0] && found[1]);
	for (size_t field = 0; field < PLAIT_FIELD_COUNT; field++) {
		if (field == PLAIT_FIELD_runtime_main_thread) {
			assert_int_equal(found[0]->value[field], PLAIT_NO_OFFSET); /* x86-64 needs no mending */
			assert_int_equal(found[1]->value[field], 72);
			continue;
		}
		int difference = abs((int)found[0]->value[field] - (int)found[1]->value[field]);
		bool behind = field == PLAIT_FIELD_runtime_tstate_current || field == PLAIT_FIELD_runtime_autotsskey;
		assert_int_equal(difference, behind ? 16 : 0);
	}
}

/* Whether the generator takes `text` for 3.13.layout. */
static bool generates(const char *text)
{
	char folder[] = "/tmp/plait-layouts-XXXXXX", command[8192];
	assert_non_null(mkdtemp(folder));
	const char *source = __FILE__;
	int length = (int)(strrchr(source, '/') - source);
	snprintf(command, sizeof(command), "%s/3.13.layout", folder);
	FILE *file = fopen(command, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	snprintf(command, sizeof(command),
		 "L='%.*s/../../python_unwind/layouts'; python3 \"$L/gen_layouts.py\" '%s/out.c' \"$L/layout.h\" "
		 "'%s/3.13.layout' 2>'%s/errors'; R=$?; rm -r '%s'; exit $R",
		 length, source, folder, folder, folder, folder);
	int status = system(command);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 0;
}

static void generator_refuses_what_is_wrong(void **state)
{
	(void)state;
	if (system("python3 -c pass 2>/dev/null")) {
		print_message("no python3\n");
		skip();
	}
	assert_true(generates("# comment\nshape = current_frame\ndebug_offsets_size = 584\ntstate_frame = @184\n"));
	assert_true(generates("shape = current_frame\nframe_code[aarch64] = 8\nframe_code = 0 # both\n"));
	static const char *const wrong[] = {
		"tstate_frame = 8\n",							  /* no shape */
		"shape = current_frame\nno_such_field = 8\n",				  /* unknown */
		"shape = current_frame\ntstate_frame = eight\n",			  /* no number */
		"shape = current_frame\ntstate_frame: 8\n",				  /* no '=' */
		"shape = current_frame\ntstate_frame = 8\ntstate_frame = 8\n",		  /* twice */
		"shape = current_frame\nframe_code[mips] = 8\n",			  /* architecture */
		"shape = current_frame\ntstate_frame = @184\n",				  /* no table */
		"shape = current_frame\ndebug_offsets_size = 184\ntstate_frame = @184\n", /* beyond it */
		"shape = current_frame\ndebug_offsets_size = 584\ntstate_frame = @181\n", /* not a slot */
		"shape = round\n",
		"shape = current_frame\nfree_threaded = 1\n",
		"like = 3.7\n",
		"like = 3.13\n",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (generates(wrong[i]))
			fail_msg("taken: %s", wrong[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_has_its_layout),
		cmocka_unit_test(constant_layouts_hold_together),
		cmocka_unit_test(tables_are_read_by_slot),
		cmocka_unit_test(architectures_differ_where_they_should),
		cmocka_unit_test(generator_refuses_what_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
