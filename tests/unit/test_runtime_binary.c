/* links: plait_common plait_python_unwind */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "python_unwind/runtime.h"
#include "unit/test_runtime_image.h"

static struct image image;
static struct plait_python_binary *binary;
static struct plait_error *error;

/* Inspects the finished image from a copy of exactly its size, so that AddressSanitizer sees every read past it. */
static void inspect_bytes(size_t size, const char *path)
{
	plait_python_binary_destroy(binary);
	plait_error_free(error);
	binary = NULL;
	uint8_t *exact = malloc(size ? size : 1);
	memcpy(exact, image.bytes, size);
	error = plait_python_binary_inspect(exact, size, path, &binary);
	if (binary)
		plait_python_binary_find_fragments(binary, exact, size);
	free(exact);
}

static void inspect(const char *path)
{
	inspect_bytes(image.size, path);
}

static int release(void **state)
{
	(void)state;
	plait_python_binary_destroy(binary);
	plait_error_free(error);
	binary = NULL;
	error = NULL;
	return 0;
}

static struct plait_walk_plan plan_at(uint64_t bias)
{
	struct plait_python_runtime runtime = { .binary = binary, .pid = 1, .bias = bias, .start_stack = 0x7ffc0000 };
	struct plait_walk_plan plan;
	memset(&plan, 0xee, sizeof(plan));
	plait_python_runtime_plan(&runtime, &plan);
	return plan;
}

static void assert_unsupported(const char *part)
{
	assert_null(binary);
	assert_non_null(error);
	assert_int_equal(error->code, PLAIT_ERROR_UNSUPPORTED);
	if (!strstr(error->message, part))
		fail_msg("'%s' is not in '%s'", part, error->message);
	assert_non_null(strstr(error->advice, "native"));
}

static void table_of_3_13_makes_a_plan(void **state)
{
	(void)state;
	image_begin(&image, ET_DYN);
	uint64_t runtime = image_debug_offsets(&image, 0x030d12f0, false, slots_3_13, 584);
	image_symbol(&image, "_PyRuntime", runtime, 584, STT_OBJECT, 1);
	image_finish(&image, SHT_DYNSYM);
	inspect("/x/anything");
	assert_null(error);
	assert_non_null(binary);
	assert_int_equal(plait_python_binary_version(binary), 0x030d12f0);
	assert_string_equal(plait_python_binary_description(binary), "3.13.18");

	struct plait_walk_plan plan = plan_at(0x7f0000000000);
	assert_int_equal(plan.runtime, 0x7f0000000000 + runtime);
	assert_int_equal(plan.start_stack, 0x7ffc0000);
	assert_int_equal(plan.shape, PLAIT_SHAPE_CURRENT_FRAME);
	assert_int_equal(plan.free_threaded, 0);
	assert_int_equal(plan.tls_current.kind, PLAIT_TLS_NONE);
	assert_int_equal(plan.runtime_tstate_current, 0);
	assert_int_equal(plan.runtime_autotsskey, 2160);
	assert_int_equal(plan.tstate_frame, 72);
	assert_int_equal(plan.tstate_thread_id, 152);
	assert_int_equal(plan.tstate_base_frame, PLAIT_NO_OFFSET);
	assert_int_equal(plan.tstate_cframe, PLAIT_NO_OFFSET);
	assert_int_equal(plan.runtime_interpreters_head, 632);
	assert_int_equal(plan.interp_next, 7264);
	assert_int_equal(plan.interp_threads_head, 7344);
	assert_int_equal(plan.tstate_next, 8);
	assert_int_equal(plan.frame_owner, 70);
	assert_int_equal(plan.frame_tlbc_index, PLAIT_NO_FRAME_OFFSET);
	assert_int_equal(plan.frame_size, 72);
	assert_int_equal(plan.code_mask, UINT64_MAX);
	assert_int_equal(plan.code_adaptive, 200);
	assert_int_equal(plan.code_version, 92);
	assert_int_equal(plan.code_size, 144);
	assert_int_equal(plan.unicode_compact_data, 56);
	assert_int_equal(plan.unicode_kind_shift, 2);
	assert_int_equal(plan.bytes_data, 32);
	assert_int_equal(plan.pad[0] | plan.pad[1], 0);
}

static void free_threaded_3_14_has_its_own_bits(void **state)
{
	(void)state;
	image_begin(&image, ET_DYN);
	image_debug_offsets(&image, 0x030e0af0, true, slots_3_14t, 760);
	image_finish(&image, SHT_DYNSYM); /* no symbol at all: a stripped program that embeds CPython */
	inspect("/x/embedding");
	assert_null(error);
	assert_string_equal(plait_python_binary_description(binary), "3.14.10 free-threaded");
	struct plait_walk_plan plan = plan_at(0);
	assert_int_equal(plan.free_threaded, 1);
	assert_int_equal(plan.frame_tlbc_index, 72);
	assert_int_equal(plan.frame_size, 80);
	assert_int_equal(plan.code_tlbc, 224);
	assert_int_equal(plan.code_version, 108);
	assert_int_equal(plan.code_size, 232);
	assert_int_equal(plan.code_mask, ~(uint64_t)7);
	assert_int_equal(plan.unicode_kind_shift, 8);
	assert_int_equal(plan.unicode_ascii_shift, 12);
	assert_int_equal(plan.unicode_compact_data, 72);
}

static void base_frame_and_no_key_in_3_15(void **state)
{
	(void)state;
	image_begin(&image, ET_EXEC);
	image_debug_offsets(&image, 0x030f00c1, false, slots_3_15, 888);
	image_finish(&image, SHT_DYNSYM);
	inspect("python3.15");
	assert_null(error);
	assert_string_equal(plait_python_binary_description(binary), "3.15.0rc1");
	struct plait_walk_plan plan = plan_at(0);
	assert_int_equal(plan.tstate_base_frame, 80);
	assert_int_equal(plan.runtime_autotsskey, 0);
	assert_int_equal(plan.unicode_compact_data, 56);
}

static void versions_that_are_not_known_are_named(void **state)
{
	(void)state;
	static const struct {
		uint32_t version;
		bool free_threaded;
		const char *name;
	} cases[] = {
		{ 0x036300f0, false, "3.99.0" },
		{ 0x031000a1, true, "3.16.0a1 free-threaded" },
		{ 0x040d00f0, false, "4.13.0" },
		{ 0, false, "unknown version" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		image_begin(&image, ET_DYN);
		image_debug_offsets(&image, cases[i].version, cases[i].free_threaded, slots_3_15, 888);
		image_finish(&image, SHT_DYNSYM);
		inspect("/usr/bin/python3.99");
		assert_unsupported(cases[i].name);
		assert_non_null(strstr(error->message, "/usr/bin/python3.99"));
	}
}

static void tables_that_cannot_be_are_refused(void **state)
{
	(void)state;
	/* A 3.15 pre-release that still had 3.14's table; a table whose values are all huge; one that is cut off. */
	image_begin(&image, ET_DYN);
	image_debug_offsets(&image, 0x030f00a0, true, slots_3_14t, 888);
	image_finish(&image, SHT_DYNSYM);
	inspect("python");
	assert_unsupported("3.15.0a0");

	for (uint16_t slot = 24; slot < 584; slot += 8) {
		image_begin(&image, ET_DYN);
		uint64_t table = image_debug_offsets(&image, 0x030d00f0, false, slots_3_13, 584);
		memset((uint8_t *)image_at(&image, table) + slot, 0xff, 8);
		image_finish(&image, SHT_DYNSYM);
		inspect("python");
		bool used = false;
		for (const struct slot_value *value = slots_3_13; value->slot; value++)
			used |= value->slot == slot;
		if (used)
			assert_unsupported("offsets");
		else
			assert_non_null(binary);
	}

	image_begin(&image, ET_DYN);
	image_debug_offsets(&image, 0x030d00f0, false, slots_3_13, 584);
	image_segment(&image, PT_LOAD, IMAGE_BASE, image.size - 1, 4096); /* the first one counts */
	image_finish(&image, SHT_DYNSYM);
	inspect("python");
	assert_unsupported("cut off");

	image_begin(&image, ET_DYN); /* 3.13 by its name, but no table */
	image_section(&image, ".PyRuntime", SHT_PROGBITS, image_add(&image, NULL, 1024), 1024, 0);
	image_finish(&image, SHT_DYNSYM);
	inspect("libpython3.13.so.1.0");
	assert_unsupported("table of offsets");
}

static void older_versions_are_told_by_symbol_soname_path_or_string(void **state)
{
	(void)state;
	image_old_python(&image, 0x030b07f0);
	image_finish(&image, SHT_DYNSYM);
	inspect("/opt/python3.8"); /* the symbol counts, not the name */
	assert_null(error);
	assert_string_equal(plait_python_binary_description(binary), "3.11.7");
	struct plait_walk_plan plan = plan_at(0x1000);
	assert_int_equal(plan.shape, PLAIT_SHAPE_CFRAME);
	assert_int_equal(plan.runtime_tstate_current, 576);
	assert_int_equal(plan.frame_is_entry, 68);
	assert_int_equal(plan.code_version, PLAIT_NO_OFFSET);

	image_old_python(&image, 0);
	image_soname(&image, "libpython3.10.so.1.0");
	image_finish(&image, SHT_DYNSYM);
	inspect("/opt/python3.8");
	assert_null(error);
	assert_int_equal(plait_python_binary_version(binary), 0x030a0000);
	assert_string_equal(plait_python_binary_description(binary), "3.10");
	plan = plan_at(0);
	assert_int_equal(plan.shape, PLAIT_SHAPE_FRAME_OBJECT_CFRAME);
	assert_int_equal(plan.lasti_unit, 2);
	assert_int_equal(plan.instr_is_lasti, 1);
	assert_int_equal(plan.tstate_cframe, 48);
	assert_int_equal(plan.tstate_frame, 24);
	assert_int_equal(plan.code_adaptive, PLAIT_NO_OFFSET);

	image_old_python(&image, 0);
	image_finish(&image, SHT_SYMTAB); /* not exported: only the full symbol table has it */
	inspect("/opt/python3.8");
	assert_null(error);
	assert_int_equal(plait_python_binary_version(binary), 0x03080000);
	assert_int_equal(plan_at(0).runtime_tstate_current, 1368);
	assert_int_equal(plan_at(0).frame_size, 112);

	image_old_python(&image, 0);
	image_add(&image, "\0lib/python3.x lib/python3.9\0", 28);
	image_finish(&image, SHT_DYNSYM);
	inspect("/opt/embedding");
	assert_null(error);
	assert_int_equal(plait_python_binary_version(binary), 0x03090000);

	image_old_python(&image, 0);
	image_finish(&image, SHT_DYNSYM);
	inspect("/opt/embedding");
	assert_unsupported("unknown version");
	inspect("/opt/python3.7m");
	assert_unsupported("3.7");
	inspect("/opt/python3.12345678901");
	assert_unsupported("unknown version");
}

static void debug_builds_are_told_and_trace_refs_refused(void **state)
{
	(void)state;
	image_old_python(&image, 0x030c00f0);
	image_symbol(&image, "_Py_NegativeRefcount", IMAGE_BASE, 1, STT_FUNC, 1);
	image_finish(&image, SHT_DYNSYM);
	inspect("python");
	assert_null(error);
	assert_string_equal(plait_python_binary_description(binary), "3.12.0 debug");

	image_old_python(&image, 0x030c00f0);
	image_symbol(&image, "_Py_PrintReferences", IMAGE_BASE, 1, STT_FUNC, 1);
	image_finish(&image, SHT_DYNSYM);
	inspect("python");
	assert_unsupported("Py_TRACE_REFS");
}

static void evaluator_parts_and_thread_locals_come_from_local_symbols(void **state)
{
	(void)state;
	image_begin(&image, ET_EXEC); /* nothing exported, as in a program that embeds CPython */
	uint64_t runtime = image_debug_offsets(&image, 0x030f00f0, false, slots_3_15, 888);
	uint64_t code = image_add(&image, NULL, 64);
	image_symbol(&image, "_PyRuntime", runtime, 888, STT_OBJECT, 1);
	image_symbol(&image, "_PyEval_EvalFrameDefault", code, 16, STT_FUNC, 1);
	image_symbol(&image, "_PyEval_EvalFrameDefault.cold", code + 32, 16, STT_FUNC, 1);
	image_symbol(&image, "_PyEval_EvalFrameDefaulted", code + 48, 16, STT_FUNC, 1);
	image_symbol(&image, "_Py_tss_tstate.lto_priv.0", 0, 8, STT_TLS, 1);
	image_symbol(&image, "_Py_tss_gilstate", 8, 8, STT_TLS, 1);
	image_segment(&image, PT_TLS, IMAGE_BASE, 16, 8);
	image_finish(&image, SHT_SYMTAB);
	inspect("embedding");
	assert_null(error);
	size_t count;
	const struct plait_python_range *ranges = plait_python_binary_evaluator(binary, &count);
	assert_int_equal(count, 2);
	assert_true(ranges[0].start == code && ranges[0].end == code + 16);
	assert_true(ranges[1].start == code + 32 && ranges[1].end == code + 48);
	struct plait_walk_plan plan = plan_at(0x1000);
	assert_int_equal(plan.tls_current.kind, PLAIT_TLS_STATIC);
	assert_int_equal(plan.tls_current.offset, -16);
	assert_int_equal(plan.tls_current.module_address, 0);
	assert_int_equal(plan.tls_gilstate.kind, PLAIT_TLS_STATIC);
	assert_int_equal(plan.tls_gilstate.offset, -8);
}

static void other_files_are_not_cpython(void **state)
{
	(void)state;
	image_begin(&image, ET_DYN); /* an extension module refers to _PyRuntime */
	image_symbol(&image, "_PyRuntime", 0, 0, STT_OBJECT, 0);
	image_symbol(&image, "_PyEval_EvalFrameDefault", 0, 0, STT_FUNC, 0);
	image_finish(&image, SHT_DYNSYM);
	inspect("_x.cpython-313.so");
	assert_null(error);
	assert_null(binary);

	image_begin(&image, ET_EXEC); /* a program with a copy of libpython's variable */
	image_symbol(&image, "_PyRuntime", image_add(&image, NULL, 64), 64, STT_OBJECT, 1);
	image_finish(&image, SHT_DYNSYM);
	inspect("python3.9");
	assert_null(error);
	assert_null(binary);

	image_old_python(&image, 0x030b07f0);
	image_finish(&image, SHT_DYNSYM);
	static const struct {
		size_t at;
		uint8_t value;
	} breakages[] = {
		{ 0, 0 }, { EI_CLASS, ELFCLASS32 }, { EI_DATA, ELFDATA2MSB }, { 16, ET_CORE }, { 16, ET_REL }
	};
	for (size_t i = 0; i < sizeof(breakages) / sizeof(breakages[0]); i++) {
		uint8_t before = image.bytes[breakages[i].at];
		image.bytes[breakages[i].at] = breakages[i].value;
		inspect("python3.11");
		assert_null(error);
		assert_null(binary);
		image.bytes[breakages[i].at] = before;
	}
	image_header(&image)->e_machine = EM_RISCV;
	inspect("python3.11");
	assert_unsupported("another architecture");
}

/* Fills `image` with as much of what inspect() reads as fits. */
static void build_rich_image(uint32_t version)
{
	static const uint8_t code[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x83, 0xec, 0x08, 0x66, 0x48, 0x8d, 0x3d, 0x10,
					0x00, 0x00, 0x00, 0x66, 0x66, 0x48, 0xe8, 0x00, 0x00, 0x00, 0x00, 0x48, 0x8b,
					0x00, 0x48, 0x83, 0xc4, 0x08, 0xc3, 0xeb, 0x80, 0x0f, 0x84, 0x00, 0x01, 0x00 };
	image_begin(&image, ET_DYN);
	uint64_t runtime = image_debug_offsets(&image, version, false, slots_3_15, 888);
	uint64_t function = image_add(&image, code, sizeof(code));
	image_symbol(&image, "_PyRuntime", runtime, 888, STT_OBJECT, 1);
	image_symbol(&image, "_PyEval_EvalFrameDefault", function, sizeof(code), STT_FUNC, 1);
	image_symbol(&image, "PyThreadState_GetUnchecked", function, 31, STT_FUNC, 1);
	image_symbol(&image, "_Py_tss_gilstate", 8, 8, STT_TLS, 1);
	image_segment(&image, PT_TLS, IMAGE_BASE, 16, 8);
	image_relocation(&image, function + 0x30, R_X86_64_DTPMOD64, 0, 0);
	image_relocation(&image, function + 0x38, R_X86_64_DTPOFF64, 1, 8);
	image_soname(&image, "libpython3.15.so.1.0");
	/* .eh_frame_hdr: one entry that covers the function, relative to the header's own address. */
	static const uint8_t frame[] = { 20,   0,    0, 0, 0,	 0, 0, 0, 1,  'z',  'R', 0, 1,	0x78, 16, 1,
					 0x1b, 0x0c, 7, 8, 0x90, 1, 0, 0, 20, 0,    0,	 0, 28, 0,    0,  0,
					 0,    0,    0, 0, 0x40, 0, 0, 0, 0,  0x0e, 64,	 0, 0,	0,    0,  0 };
	uint64_t header = image_add(&image, NULL, 12 + 8 + sizeof(frame));
	int32_t words[5] = { 0x3b031b01, 16, 1, (int32_t)(function - header), 20 + 24 };
	memcpy(image_at(&image, header), words, sizeof(words));
	memcpy((uint8_t *)image_at(&image, header) + 20, frame, sizeof(frame));
	int32_t begin = (int32_t)(function - (header + 20 + 24 + 8));
	memcpy((uint8_t *)image_at(&image, header) + 20 + 24 + 8, &begin, 4);
	image_segment(&image, PT_GNU_EH_FRAME, header, 12 + 8 + sizeof(frame), 4);
	image_finish(&image, SHT_DYNSYM);
}

static void every_prefix_is_survived(void **state)
{
	(void)state;
	build_rich_image(0x030f02f0);
	inspect("python");
	assert_null(error);
	assert_non_null(binary);
	for (size_t size = 0; size < image.size; size++) {
		inspect_bytes(size, "python");
		assert_true(!binary || !error);
	}
}

static void every_changed_byte_is_survived(void **state)
{
	(void)state;
	static const uint8_t masks[] = { 0xff, 0x80, 0x01, 0x40 };
	build_rich_image(0x030f02f0);
	for (size_t at = 0; at < image.size; at++) {
		for (size_t i = 0; i < sizeof(masks); i++) {
			image.bytes[at] ^= masks[i];
			inspect("python");
			if (binary) {
				struct plait_walk_plan plan = plan_at(0);
				assert_true(plan.frame_size <= 128 && plan.code_size <= 256);
			}
			image.bytes[at] ^= masks[i];
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(table_of_3_13_makes_a_plan, release),
		cmocka_unit_test_teardown(free_threaded_3_14_has_its_own_bits, release),
		cmocka_unit_test_teardown(base_frame_and_no_key_in_3_15, release),
		cmocka_unit_test_teardown(versions_that_are_not_known_are_named, release),
		cmocka_unit_test_teardown(tables_that_cannot_be_are_refused, release),
		cmocka_unit_test_teardown(older_versions_are_told_by_symbol_soname_path_or_string, release),
		cmocka_unit_test_teardown(debug_builds_are_told_and_trace_refs_refused, release),
		cmocka_unit_test_teardown(evaluator_parts_and_thread_locals_come_from_local_symbols, release),
		cmocka_unit_test_teardown(other_files_are_not_cpython, release),
		cmocka_unit_test_teardown(every_prefix_is_survived, release),
		cmocka_unit_test_teardown(every_changed_byte_is_survived, release),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
