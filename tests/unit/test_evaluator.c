/* links: plait_common plait_python_unwind */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <cmocka.h>

#include "python_unwind/arch/arch.h"
#include "python_unwind/binary_fde.h"
#include "python_unwind/evaluator.h"
#include "unit/test_runtime_host.h"
#include "unit/test_runtime_image.h"

static struct image image;
static struct plait_elf elf;

struct function {
	uint64_t start;
	uint32_t size;
	uint8_t first_row[8]; /* CFA instructions at its first address; zero: as at an entry */
};

/* Writes .eh_frame_hdr and .eh_frame for functions in ascending order. */
static void add_unwind_table(const struct function *functions, size_t count)
{
	/* CIE: length, id, version, "zR", code 1, data -8, RA 16, pcrel sdata4, def_cfa rsp+8, offset RA */
	static const uint8_t cie[] = { 20, 0,	 0,  0, 0,    0,    0, 0, 1,	'z', 'R', 0,
				       1,  0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1,   0,	  0 };
	size_t table = 12 + 8 * count, size = table + sizeof(cie) + 32 * count;
	uint64_t header = image_add(&image, NULL, size);
	uint8_t *bytes = image_at(&image, header);
	int32_t words[3] = { 0x3b031b01, (int32_t)table - 4, (int32_t)count };
	memcpy(bytes, words, sizeof(words));
	memcpy(bytes + table, cie, sizeof(cie));
	for (size_t i = 0; i < count; i++) {
		size_t at = table + sizeof(cie) + 32 * i;
		uint32_t fde[4] = { 28, (uint32_t)(at + 4 - table), (uint32_t)(functions[i].start - (header + at + 8)),
				    functions[i].size };
		memcpy(bytes + at, fde, sizeof(fde));
		memcpy(bytes + at + 17, functions[i].first_row, 8); /* after the augmentation's length 0 */
		uint32_t entry[2] = { (uint32_t)(functions[i].start - header), (uint32_t)at };
		memcpy(bytes + 12 + 8 * i, entry, sizeof(entry));
	}
	image_segment(&image, PT_GNU_EH_FRAME, header, size, 4);
}

static void finish(void)
{
	image_finish(&image, SHT_DYNSYM);
	assert_true(plait_elf_open(image.bytes, image.size, &elf));
}

static void fdes_are_found_by_address(void **state)
{
	(void)state;
	image_begin(&image, ET_DYN);
	image_header(&image)->e_machine = EM_X86_64;
	uint64_t code = image_add(&image, NULL, 512);
	const struct function functions[] = {
		{ code, 64, { 0 } },
		{ code + 64, 32, { 0x0e, 64 } },			  /* def_cfa_offset 64 */
		{ code + 128, 32, { 0x41, 0x0e, 16 } },			  /* only after one byte */
		{ code + 160, 32, { 0x0d, 6 } },			  /* def_cfa_register rbp */
		{ code + 192, 32, { 0x0f, 1, 0x70 } },			  /* an expression */
		{ code + 224, 32, { 0x86, 2, 0x05, 16, 2, 0x0c, 7, 8 } }, /* saved registers, and the entry's CFA */
	};
	add_unwind_table(functions, 6);
	finish();
	static const bool fragment[] = { false, true, false, true, true, false };
	struct plait_fde fde;
	for (size_t i = 0; i < 6; i++) {
		for (uint64_t pc = functions[i].start; pc < functions[i].start + functions[i].size; pc++) {
			assert_true(plait_fde_find(&elf, pc, &fde));
			assert_int_equal(fde.start, functions[i].start);
			assert_int_equal(fde.end, functions[i].start + functions[i].size);
			assert_int_equal(fde.fragment, fragment[i]);
		}
	}
	assert_false(plait_fde_find(&elf, code - 1, &fde));
	assert_false(plait_fde_find(&elf, code + 96, &fde)); /* a hole */
	assert_false(plait_fde_find(&elf, code + 256, &fde));
	image_begin(&image, ET_DYN);
	finish();
	assert_false(plait_fde_find(&elf, code, &fde)); /* no table */
}

static void jumps_lead_to_fragments_and_nowhere_else(void **state)
{
	(void)state;
	image_begin(&image, ET_DYN);
	image_header(&image)->e_machine = EM_X86_64;
	uint64_t code = image_add(&image, NULL, 0x400);
	uint8_t *bytes = image_at(&image, code);
	memset(bytes, 0x90, 0x400);
	/* je code+0x100 (fragment 1); call code+0x200 (a fragment of another function: not by a jump);
	 * jmp code+0x300 (a function: a tail call) */
	memcpy(bytes, (uint8_t[]) { 0x0f, 0x84, 0xfa, 0, 0, 0, 0xe8, 0xf5, 0x01, 0, 0, 0xe9, 0xf0, 0x02, 0, 0 }, 16);
	/* fragment 1 jumps back, and to fragment 2 at code+0x180 */
	memcpy(bytes + 0x100, (uint8_t[]) { 0xe9, 0xfb, 0xfe, 0xff, 0xff, 0xeb, 0x79 }, 7);
	const struct function functions[] = {
		{ code, 0x40, { 0 } },
		{ code + 0x100, 0x40, { 0x0e, 64 } },
		{ code + 0x180, 0x40, { 0x0e, 64 } },
		{ code + 0x200, 0x40, { 0x0e, 64 } },
		{ code + 0x300, 0x40, { 0 } },
	};
	add_unwind_table(functions, 5);
	finish();
	struct plait_evaluator evaluator = { 0 };
	plait_evaluator_add(&evaluator, code, code + 0x40);
	plait_evaluator_add(&evaluator, code + 0x10, code + 0x20); /* covered */
	plait_evaluator_add(&evaluator, code + 0x80, code + 0x80); /* empty */
	assert_int_equal(evaluator.count, 1);
	plait_evaluator_add_fragments(&evaluator, &elf);
	assert_int_equal(evaluator.count, 3);
	assert_int_equal(evaluator.ranges[1].start, code + 0x100);
	assert_int_equal(evaluator.ranges[1].end, code + 0x140);
	assert_int_equal(evaluator.ranges[2].start, code + 0x180);
}

static void ranges_are_bounded(void **state)
{
	(void)state;
	struct plait_evaluator evaluator = { 0 };
	for (uint64_t i = 0; i < 100; i++)
		plait_evaluator_add(&evaluator, i * 10 + 1, i * 10 + 5);
	assert_int_equal(evaluator.count, PLAIT_EVALUATOR_MOST);
}

/* Where a file still has its local symbols, the fragments that the jumps lead to are its ".cold" ones, and no others.
 */
static bool compare_with_symbols(const struct host_file *file)
{
	Elf64_Sym symbol;
	const char *name;
	static const char evaluator_name[] = "_PyEval_EvalFrameDefault";
	struct plait_evaluator evaluator = { 0 };
	assert_true(plait_elf_open(file->bytes, file->size, &elf));
	struct plait_elf_symbols symbols = plait_elf_symbols(&elf, SHT_SYMTAB);
	while (plait_elf_symbol_next(&symbols, &symbol, &name)) {
		if (!strcmp(name, evaluator_name))
			plait_evaluator_add(&evaluator, symbol.st_value, symbol.st_value + symbol.st_size);
	}
	if (!evaluator.count)
		return false;
	plait_evaluator_add_fragments(&evaluator, &elf);
	size_t named = 0;
	symbols = plait_elf_symbols(&elf, SHT_SYMTAB);
	while (plait_elf_symbol_next(&symbols, &symbol, &name)) {
		if (strncmp(name, evaluator_name, sizeof(evaluator_name) - 1) || !name[sizeof(evaluator_name) - 1])
			continue;
		bool covered = false;
		for (size_t i = 0; i < evaluator.count; i++)
			covered |= symbol.st_value == evaluator.ranges[i].start;
		/* Some bytes of unreachable code are a part that nothing jumps to. */
		assert_true(covered || symbol.st_size < 32);
		named += covered;
	}
	assert_int_equal(evaluator.count, named + 1);
	return true;
}

static void fragments_are_the_cold_symbols(void **state)
{
	(void)state;
	struct host_interpreters interpreters = host_find_interpreters();
	size_t compared = 0;
	for (size_t i = 0; i < interpreters.count; i++) {
		char pattern[4096];
		glob_t found;
		snprintf(pattern, sizeof(pattern), "%.*s/../lib/libpython3.*.so.1.0",
			 (int)(strrchr(interpreters.paths[i], '/') - interpreters.paths[i]), interpreters.paths[i]);
		if (glob(pattern, 0, NULL, &found))
			continue;
		for (size_t j = 0; j < found.gl_pathc; j++) {
			struct host_file file = host_map(found.gl_pathv[j]);
			if (file.bytes)
				compared += compare_with_symbols(&file);
			host_unmap(&file);
		}
		globfree(&found);
	}
	host_release_interpreters(&interpreters);
	if (!compared) {
		print_message("no libpython with local symbols on this host\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fdes_are_found_by_address),
		cmocka_unit_test(jumps_lead_to_fragments_and_nowhere_else),
		cmocka_unit_test(ranges_are_bounded),
		cmocka_unit_test(fragments_are_the_cold_symbols),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
