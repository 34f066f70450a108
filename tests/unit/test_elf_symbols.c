/* links: plait_symbolize plait_fixture_elf */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "symbolize/eh_frame.h"
#include "symbolize/elf_symbols.h"
#include "tests/fixtures/elf_writer.h"

enum {
	GLOBAL = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
	LOCAL = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
	WEAK = ELF64_ST_INFO(STB_WEAK, STT_FUNC),
	LABEL = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE),
	LOCAL_LABEL = ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE),
	OBJECT = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
	IFUNC = ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC),
};

/* An image under construction with 0x1000 bytes of code at 0x1000, and what was read of it. */
struct fixture {
	struct elf_writer *writer;
	uint32_t text;
	uint8_t *data;
	size_t size;
	struct plait_elf_image image;
	struct plait_elf_symbols *symbols;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	fixture->writer = elf_writer_create();
	fixture->text = elf_writer_code(fixture->writer, ".text", 0x1000, NULL, 0x1000);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	plait_elf_symbols_destroy(fixture->symbols);
	elf_writer_destroy(fixture->writer);
	free(fixture->data);
	free(fixture);
	return 0;
}

static void symbol(struct fixture *fixture, const char *name, uint64_t value, uint64_t size, uint8_t info)
{
	elf_writer_symbol(fixture->writer, SHT_SYMTAB, name, value, size, info, (uint16_t)fixture->text);
}

static void finish(struct fixture *fixture)
{
	fixture->data = elf_writer_finish(fixture->writer, &fixture->size);
	assert_true(plait_elf_image_open(fixture->data, fixture->size, &fixture->image));
	fixture->symbols = plait_elf_symbols_create();
	assert_true(plait_elf_symbols_add(fixture->symbols, &fixture->image, SHT_SYMTAB));
	assert_true(plait_elf_symbols_add(fixture->symbols, &fixture->image, SHT_DYNSYM));
	assert_true(plait_elf_symbols_add_plt(fixture->symbols, &fixture->image));
	assert_true(plait_elf_symbols_finish(fixture->symbols, &fixture->image));
}

static void expect(const struct fixture *fixture, uint64_t address, const char *name)
{
	const struct plait_elf_symbol *found = plait_elf_symbols_find(fixture->symbols, address);
	if (!name) {
		if (found)
			fail_msg("0x%lx is named %s", (unsigned long)address, found->name);
		return;
	}
	if (!found)
		fail_msg("0x%lx is not named %s", (unsigned long)address, name);
	assert_int_equal(found->name_size, strlen(name));
	assert_memory_equal(found->name, name, found->name_size);
	assert_true(address >= found->start && address - found->start < found->size);
}

static void sizes_are_respected(void **state)
{
	symbol(*state, "small", 0x1100, 0x20, GLOBAL);
	symbol(*state, "next", 0x1800, 0x10, GLOBAL);
	finish(*state);
	expect(*state, 0x10ff, NULL);
	expect(*state, 0x1100, "small");
	expect(*state, 0x111f, "small");
	expect(*state, 0x1120, NULL); /* the nearest lower name would be wrong */
	expect(*state, 0x17ff, NULL);
	expect(*state, 0x1800, "next");
	expect(*state, 0, NULL);
	expect(*state, UINT64_MAX, NULL);
}

static void inner_symbols_do_not_end_outer_ones(void **state)
{
	symbol(*state, "outer", 0x1100, 0x100, GLOBAL);
	symbol(*state, "inner", 0x1140, 0x20, LOCAL);
	symbol(*state, "label", 0x1180, 0, LOCAL_LABEL);
	finish(*state);
	expect(*state, 0x113f, "outer");
	expect(*state, 0x1140, "inner");
	expect(*state, 0x1160, "outer");
	expect(*state, 0x1185, "outer"); /* a label inside a function is not another function */
	expect(*state, 0x11ff, "outer");
}

static void symbols_without_size_reach_to_the_next(void **state)
{
	struct fixture *fixture = *state;
	symbol(fixture, "asm_a", 0x1100, 0, LABEL);
	symbol(fixture, "asm_b", 0x1200, 0, GLOBAL);
	symbol(fixture, "sized", 0x1300, 0x10, GLOBAL);
	symbol(fixture, "asm_last", 0x1400, 0, LABEL);
	elf_writer_code(fixture->writer, ".other", 0x2000, NULL, 0x100);
	finish(fixture);
	expect(*state, 0x1100, "asm_a");
	expect(*state, 0x11ff, "asm_a");
	expect(*state, 0x1200, "asm_b");
	expect(*state, 0x12ff, "asm_b");
	expect(*state, 0x1310, NULL);
	expect(*state, 0x1fff, "asm_last"); /* to the end of its section, not beyond */
	expect(*state, 0x2000, NULL);
}

static void unwind_entries_end_symbols_without_size(void **state)
{
	struct fixture *fixture = *state;
	const struct elf_writer_fde entries[] = { { 0x1100, 0x40, NULL, 0 },
						  { 0x1200, 0x10, NULL, 0 },
						  { 0x1280, 0x80, NULL, 0 } };
	symbol(fixture, "has_entry", 0x1100, 0, GLOBAL);
	symbol(fixture, "has_none", 0x1150, 0, GLOBAL);
	elf_writer_eh_frame(fixture->writer, 0x3000, entries, 3);
	finish(fixture);
	expect(*state, 0x113f, "has_entry");
	expect(*state, 0x1140, NULL);
	expect(*state, 0x11ff, "has_none");
	expect(*state, 0x1200, NULL); /* other code, which has no name */
	expect(*state, 0x1290, NULL);
}

static void unwind_entries_tell_bounds(void **state)
{
	struct fixture *fixture = *state;
	const struct elf_writer_fde entries[] = { { 0x1100, 0x40, NULL, 0 }, { 0x1200, 0x10, NULL, 0 } };
	elf_writer_eh_frame(fixture->writer, 0x3000, entries, 2);
	finish(fixture);
	struct plait_eh_frame frame = plait_eh_frame_open(&fixture->image);
	assert_int_equal(frame.count, 2);
	struct plait_eh_frame_bounds bounds = plait_eh_frame_find(&frame, 0x10ff);
	assert_int_equal(bounds.end, 0);
	assert_int_equal(bounds.next, 0x1100);
	bounds = plait_eh_frame_find(&frame, 0x113f);
	assert_int_equal(bounds.start, 0x1100);
	assert_int_equal(bounds.end, 0x1140);
	assert_int_equal(bounds.next, 0x1200);
	assert_int_equal(plait_eh_frame_find(&frame, 0x1140).end, 0);
	bounds = plait_eh_frame_find(&frame, 0x120f);
	assert_int_equal(bounds.start, 0x1200);
	assert_true(bounds.next == UINT64_MAX);
	assert_int_equal(plait_eh_frame_find(&frame, 0x1210).end, 0);
}

static void of_equal_addresses_the_best_name_is_taken(void **state)
{
	symbol(*state, "weak", 0x1100, 0x10, WEAK);
	symbol(*state, "a_local", 0x1100, 0x10, LOCAL);
	symbol(*state, "global", 0x1100, 0x10, GLOBAL);
	symbol(*state, "z_local", 0x1200, 0x10, LOCAL);
	symbol(*state, "weak2", 0x1200, 0x10, WEAK);
	symbol(*state, "__under", 0x1300, 0x10, GLOBAL);
	symbol(*state, "_under", 0x1300, 0x10, GLOBAL);
	symbol(*state, "under", 0x1300, 0x10, GLOBAL);
	symbol(*state, "no_size", 0x1400, 0, GLOBAL);
	symbol(*state, "_sized", 0x1400, 0x10, LOCAL);
	symbol(*state, "label", 0x1500, 0x10, LABEL);
	symbol(*state, "function", 0x1500, 0x10, WEAK);
	symbol(*state, "resolver", 0x1600, 0x10, IFUNC);
	finish(*state);
	expect(*state, 0x1100, "global");
	expect(*state, 0x1200, "z_local");
	expect(*state, 0x1300, "under");
	expect(*state, 0x1400, "_sized");
	expect(*state, 0x1500, "function");
	expect(*state, 0x1600, "resolver");
}

static void equally_good_names_can_be_chosen_from(void **state)
{
	struct fixture *fixture = *state;
	symbol(fixture, "fold_a", 0x1100, 0x10, LOCAL);
	symbol(fixture, "fold_b", 0x1100, 0x10, LOCAL);
	symbol(fixture, "_fold_c", 0x1100, 0x10, LOCAL);
	symbol(fixture, "fold_weak", 0x1100, 0x10, WEAK);
	symbol(fixture, "fold_d", 0x1000, 0x10, LOCAL);
	finish(fixture);
	const struct plait_elf_symbol *best = plait_elf_symbols_find(fixture->symbols, 0x1100);
	assert_string_equal(best->name, "fold_a");
	assert_string_equal(plait_elf_symbols_alias(fixture->symbols, best, "fold_b")->name, "fold_b");
	assert_ptr_equal(plait_elf_symbols_alias(fixture->symbols, best, "fold_a"), best);
	assert_ptr_equal(plait_elf_symbols_alias(fixture->symbols, best, "fold"), best);
	assert_ptr_equal(plait_elf_symbols_alias(fixture->symbols, best, "_fold_c"), best);
	assert_ptr_equal(plait_elf_symbols_alias(fixture->symbols, best, "fold_weak"), best);
	assert_ptr_equal(plait_elf_symbols_alias(fixture->symbols, best, "fold_d"), best);
}

static void what_names_no_code_is_left_out(void **state)
{
	struct fixture *fixture = *state;
	uint32_t data =
		elf_writer_section(fixture->writer, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 0x8000, NULL, 64);
	symbol(fixture, "$x", 0x1100, 0, LOCAL_LABEL);
	symbol(fixture, "$d.1", 0x1200, 0, LOCAL_LABEL);
	symbol(fixture, ".L3", 0x1300, 0, LOCAL_LABEL);
	symbol(fixture, "file.c", 0x1400, 0, ELF64_ST_INFO(STB_LOCAL, STT_FILE));
	symbol(fixture, ".text", 0x1500, 0, ELF64_ST_INFO(STB_LOCAL, STT_SECTION));
	symbol(fixture, "table", 0x1600, 0x10, OBJECT);
	symbol(fixture, "", 0x1700, 0x10, GLOBAL);
	symbol(fixture, "outside", 0x9000, 0x10, GLOBAL);
	elf_writer_symbol(fixture->writer, SHT_SYMTAB, "in_data", 0x8000, 8, GLOBAL, (uint16_t)data);
	elf_writer_symbol(fixture->writer, SHT_SYMTAB, "undefined", 0x1800, 8, GLOBAL, SHN_UNDEF);
	elf_writer_symbol(fixture->writer, SHT_SYMTAB, "absolute", 0x1900, 8, GLOBAL, SHN_ABS);
	elf_writer_symbol(fixture->writer, SHT_SYMTAB, "no_section", 0x1a00, 8, GLOBAL, 200);
	symbol(fixture, "$not_mapping", 0x1b00, 0x10, GLOBAL);
	finish(fixture);
	assert_int_equal(plait_elf_symbols_count(fixture->symbols), 1);
	expect(fixture, 0x1b00, "$not_mapping");
}

static void versions_are_cut_off(void **state)
{
	struct fixture *fixture = *state;
	symbol(fixture, "memcpy@@GLIBC_2.14", 0x1100, 0x10, GLOBAL);
	symbol(fixture, "old@GLIBC_2.2.5", 0x1200, 0x10, GLOBAL);
	symbol(fixture, "@odd", 0x1300, 0x10, GLOBAL);
	finish(fixture);
	expect(fixture, 0x1100, "memcpy");
	expect(fixture, 0x1200, "old");
	expect(fixture, 0x1300, "@odd");
}

static void both_tables_are_used(void **state)
{
	struct fixture *fixture = *state;
	symbol(fixture, "only_symtab", 0x1100, 0x10, LOCAL);
	elf_writer_symbol(fixture->writer, SHT_DYNSYM, "only_dynsym", 0x1200, 0x10, GLOBAL, (uint16_t)fixture->text);
	symbol(fixture, "huge", 0x1f00, UINT64_MAX, LOCAL);
	finish(fixture);
	expect(fixture, 0x1100, "only_symtab");
	expect(fixture, 0x1200, "only_dynsym");
	expect(fixture, 0x1fff, "huge"); /* clamped to its section */
	expect(fixture, 0x2000, NULL);
}

/* jmp *slot(%rip) at `address`, `size` bytes in all, behind `prefix`. */
static void put_jump(uint8_t *code, uint64_t address, const char *prefix, uint64_t slot)
{
	size_t at = strlen(prefix);
	memcpy(code, prefix, at);
	int32_t displacement = (int32_t)(slot - (address + at + 6));
	code[at] = 0xff;
	code[at + 1] = 0x25;
	memcpy(code + at + 2, &displacement, 4);
}

static void linkage_table_entries_go_by_their_target(void **state)
{
	struct fixture *fixture = *state;
	struct elf_writer *writer = fixture->writer;
	uint8_t plt[48] = { 0 }, sec[32] = { 0 }, got[8] = { 0 };
	put_jump(plt, 0x4000, "", 0x7010); /* entry 0: no relocation has its slot */
	put_jump(plt + 16, 0x4010, "", 0x7018);
	put_jump(plt + 32, 0x4020, "", 0x7020);
	put_jump(sec, 0x5000, "\xf3\x0f\x1e\xfa\xf2", 0x7028);
	put_jump(sec + 16, 0x5010, "\xf3\x0f\x1e\xfa", 0x7030);
	put_jump(got, 0x6000, "", 0x7038);
	elf_writer_header(writer, elf_writer_code(writer, ".plt", 0x4000, plt, sizeof(plt)))->sh_entsize = 16;
	elf_writer_header(writer, elf_writer_code(writer, ".plt.sec", 0x5000, sec, sizeof(sec)))->sh_entsize = 16;
	elf_writer_header(writer, elf_writer_code(writer, ".plt.got", 0x6000, got, sizeof(got)))->sh_entsize = 8;
	uint64_t malloc_ = elf_writer_symbol(writer, SHT_DYNSYM, "malloc@GLIBC_2.2.5", 0, 0, GLOBAL, SHN_UNDEF);
	uint64_t free_ = elf_writer_symbol(writer, SHT_DYNSYM, "free", 0, 0, GLOBAL, SHN_UNDEF);
	symbol(fixture, "strlen", 0x1100, 0x10, IFUNC);
	const Elf64_Rela relocations[] = {
		{ 0x7018, ELF64_R_INFO(malloc_, R_X86_64_JUMP_SLOT), 0 },
		{ 0x7020, ELF64_R_INFO(0, R_X86_64_IRELATIVE), 0x1100 },
		{ 0x7028, ELF64_R_INFO(free_, R_X86_64_JUMP_SLOT), 0 },
		{ 0x7030, ELF64_R_INFO(99, R_X86_64_JUMP_SLOT), 0 },
		{ 0x7038, ELF64_R_INFO(free_, R_X86_64_GLOB_DAT), 0 },
	};
	elf_writer_relocations(writer, ".rela.plt", 0x400, relocations, 5);
	finish(fixture);
	expect(fixture, 0x4000, NULL);
	expect(fixture, 0x4010, "malloc");
	expect(fixture, 0x401f, "malloc");
	expect(fixture, 0x4020, "strlen");
	expect(fixture, 0x5004, "free");
	expect(fixture, 0x5010, NULL);
	expect(fixture, 0x6007, "free");
	assert_true(plait_elf_symbols_find(fixture->symbols, 0x4010)->is_plt);
	assert_false(plait_elf_symbols_find(fixture->symbols, 0x1100)->is_plt);
}

/* adrp x16, page of `slot`; ldr x17, [x16, #rest]; add x16, x16, #rest; `jump` at `address`. */
static void put_words(uint32_t *code, uint64_t address, uint64_t slot, uint32_t jump)
{
	uint32_t pages = (uint32_t)((slot >> 12) - (address >> 12)), rest = (uint32_t)(slot & 0xfff);
	code[0] = 0x90000010 | (pages & 3) << 29 | (pages >> 2 & 0x7ffff) << 5;
	code[1] = 0xf9400211 | rest / 8 << 10;
	code[2] = 0x91000210 | rest << 10;
	code[3] = jump;
}

static void linkage_tables_of_aarch64_have_entries_of_several_sizes(void **state)
{
	struct fixture *fixture = *state;
	struct elf_writer *writer = fixture->writer;
	enum { BR = 0xd61f0220, BTI = 0xd503245f, AUTIA = 0xd503219f, NOP = 0xd503201f };
	uint32_t plt[8 + 4 + 6 + 6 + 4];
	for (size_t i = 0; i < sizeof(plt) / 4; i++)
		plt[i] = NOP;
	plt[0] = 0xa9bf7bf0; /* stp x16, x30, [sp, #-16]! */
	put_words(plt + 1, 0x4004, 0x7010, BR);
	put_words(plt + 8, 0x4020, 0x7018, BR);
	plt[12] = BTI; /* at 0x4030 */
	put_words(plt + 13, 0x4034, 0x7020, BR);
	put_words(plt + 18, 0x4048, 0x2008, AUTIA); /* the slot lies below */
	plt[22] = BR;
	put_words(plt + 24, 0x4060, 0x7030, 0xd65f03c0); /* ret: no entry */
	elf_writer_machine(writer, EM_AARCH64);
	elf_writer_header(writer, elf_writer_code(writer, ".plt", 0x4000, plt, sizeof(plt)))->sh_entsize = 16;
	uint64_t malloc_ = elf_writer_symbol(writer, SHT_DYNSYM, "malloc", 0, 0, GLOBAL, SHN_UNDEF);
	uint64_t free_ = elf_writer_symbol(writer, SHT_DYNSYM, "free", 0, 0, GLOBAL, SHN_UNDEF);
	symbol(fixture, "strlen", 0x1100, 0x10, IFUNC);
	const Elf64_Rela relocations[] = {
		{ 0x7018, ELF64_R_INFO(malloc_, R_AARCH64_JUMP_SLOT), 0 },
		{ 0x7020, ELF64_R_INFO(0, R_AARCH64_IRELATIVE), 0x1100 },
		{ 0x2008, ELF64_R_INFO(free_, R_AARCH64_JUMP_SLOT), 0 },
		{ 0x7030, ELF64_R_INFO(free_, R_AARCH64_GLOB_DAT), 0 },
	};
	elf_writer_relocations(writer, ".rela.plt", 0x400, relocations, 4);
	finish(fixture);
	expect(fixture, 0x4000, NULL);
	expect(fixture, 0x4004, NULL);
	expect(fixture, 0x4020, "malloc");
	expect(fixture, 0x402f, "malloc");
	expect(fixture, 0x4030, "strlen");
	expect(fixture, 0x4047, "strlen");
	expect(fixture, 0x4048, "free");
	expect(fixture, 0x405f, "free");
	expect(fixture, 0x4060, NULL);
}

static void linkage_tables_of_other_machines_are_left_alone(void **state)
{
	struct fixture *fixture = *state;
	elf_writer_machine(fixture->writer, EM_S390);
	elf_writer_code(fixture->writer, ".plt", 0x4000, "\xff\x25\0\0\0\0", 6);
	finish(fixture);
	expect(fixture, 0x4000, NULL);
}

static void headers_are_read(void **state)
{
	struct fixture *fixture = *state;
	const struct plait_build_id id = { .size = 20, .bytes = { 0xab, 0xcd, 0xef } };
	const char *name;
	uint32_t crc;
	elf_writer_build_id(fixture->writer, &id);
	elf_writer_debuglink(fixture->writer, "program.debug", 0x12345678);
	finish(fixture);
	assert_int_equal(fixture->image.build_id.size, 20);
	assert_memory_equal(fixture->image.build_id.bytes, id.bytes, 20);
	assert_true(plait_elf_debuglink(&fixture->image, &name, &crc));
	assert_string_equal(name, "program.debug");
	assert_int_equal(crc, 0x12345678);
	assert_false(plait_elf_has_dwarf(&fixture->image));
	struct plait_elf_section section;
	assert_true(plait_elf_section_find(&fixture->image, ".text", &section));
	assert_int_equal(section.address, 0x1000);
	assert_false(plait_elf_section_find(&fixture->image, ".nope", &section));
	struct plait_bytes bytes = plait_elf_bytes_at(&fixture->image, 0x1ff0);
	assert_int_equal(plait_bytes_left(&bytes), 16);
	bytes = plait_elf_bytes_at(&fixture->image, 0x2000);
	assert_int_equal(plait_bytes_left(&bytes), 0);
}

static void a_debug_link_cannot_leave_its_folder(void **state)
{
	struct fixture *fixture = *state;
	const char *name;
	uint32_t crc;
	elf_writer_debuglink(fixture->writer, "../../etc/passwd", 1);
	finish(fixture);
	assert_false(plait_elf_debuglink(&fixture->image, &name, &crc));
}

static void other_files_are_refused(void **state)
{
	(void)state;
	struct plait_elf_image image;
	uint8_t header[sizeof(Elf64_Ehdr)] = { 0 };
	assert_false(plait_elf_image_open(NULL, 0, &image));
	assert_false(plait_elf_image_open("#!/bin/sh\n", 10, &image));
	assert_false(plait_elf_image_open(header, sizeof(header), &image));
	memcpy(header, ELFMAG, SELFMAG);
	header[EI_CLASS] = ELFCLASS32;
	header[EI_DATA] = ELFDATA2LSB;
	assert_false(plait_elf_image_open(header, sizeof(header), &image));
	header[EI_CLASS] = ELFCLASS64;
	header[EI_DATA] = ELFDATA2MSB;
	assert_false(plait_elf_image_open(header, sizeof(header), &image));
	header[EI_DATA] = ELFDATA2LSB;
	assert_true(plait_elf_image_open(header, sizeof(header), &image));
	assert_int_equal(image.section_count, 0);
}

/* Reads everything of an image that may be broken; nothing is asked but that it ends, inside the bytes. */
static void read_all(const uint8_t *data, size_t size)
{
	struct plait_elf_image image;
	if (!plait_elf_image_open(data, size, &image))
		return;
	struct plait_elf_symbols *symbols = plait_elf_symbols_create();
	assert_true(plait_elf_symbols_add(symbols, &image, SHT_SYMTAB));
	assert_true(plait_elf_symbols_add(symbols, &image, SHT_DYNSYM));
	assert_true(plait_elf_symbols_add_plt(symbols, &image));
	assert_true(plait_elf_symbols_finish(symbols, &image));
	for (uint64_t address = 0; address < 0x8000; address += 0x80)
		plait_elf_symbols_find(symbols, address);
	plait_elf_symbols_destroy(symbols);
}

static void broken_images_do_no_harm(void **state)
{
	struct fixture *fixture = *state;
	const struct elf_writer_fde entries[] = { { 0x1100, 0x40, NULL, 0 } };
	const struct plait_build_id id = { .size = 20 };
	symbol(fixture, "one", 0x1100, 0, GLOBAL);
	elf_writer_symbol(fixture->writer, SHT_DYNSYM, "two", 0x1200, 0x10, GLOBAL, (uint16_t)fixture->text);
	const Elf64_Rela relocation = { 0x7018, ELF64_R_INFO(1, R_X86_64_JUMP_SLOT), 0 };
	uint8_t plt[16] = { 0 };
	put_jump(plt, 0x4000, "", 0x7018);
	elf_writer_code(fixture->writer, ".plt", 0x4000, plt, sizeof(plt));
	elf_writer_relocations(fixture->writer, ".rela.plt", 0x400, &relocation, 1);
	elf_writer_eh_frame(fixture->writer, 0x3000, entries, 1);
	elf_writer_build_id(fixture->writer, &id);
	finish(fixture);
	for (size_t size = 0; size < fixture->size; size += size < 64 ? 1 : 7) {
		uint8_t *exact = malloc(size ? size : 1);
		memcpy(exact, fixture->data, size);
		read_all(exact, size);
		free(exact);
	}
	srand(3);
	uint8_t *broken = malloc(fixture->size);
	for (int round = 0; round < 3000; round++) {
		memcpy(broken, fixture->data, fixture->size);
		for (int i = 0; i < 4; i++) {
			/* The code's zeros are not worth breaking. */
			size_t at = (size_t)rand() % (fixture->size - 0x1000);
			broken[at < 0x40 ? at : at + 0x1000] = (uint8_t)(rand() % 3 ? 0xff : rand());
		}
		read_all(broken, fixture->size);
	}
	free(broken);
}

#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(sizes_are_respected),
		FIXTURE_TEST(inner_symbols_do_not_end_outer_ones),
		FIXTURE_TEST(symbols_without_size_reach_to_the_next),
		FIXTURE_TEST(unwind_entries_end_symbols_without_size),
		FIXTURE_TEST(unwind_entries_tell_bounds),
		FIXTURE_TEST(of_equal_addresses_the_best_name_is_taken),
		FIXTURE_TEST(equally_good_names_can_be_chosen_from),
		FIXTURE_TEST(what_names_no_code_is_left_out),
		FIXTURE_TEST(versions_are_cut_off),
		FIXTURE_TEST(both_tables_are_used),
		FIXTURE_TEST(linkage_table_entries_go_by_their_target),
		FIXTURE_TEST(linkage_tables_of_aarch64_have_entries_of_several_sizes),
		FIXTURE_TEST(linkage_tables_of_other_machines_are_left_alone),
		FIXTURE_TEST(headers_are_read),
		FIXTURE_TEST(a_debug_link_cannot_leave_its_folder),
		cmocka_unit_test(other_files_are_refused),
		FIXTURE_TEST(broken_images_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
