/*
 * ELF images built by code, for tests: one PT_LOAD over the whole file, and the sections, symbols and relocations that
 * a test asks for. Also a synthetic CPython of any version in one.
 */
#ifndef PLAIT_TESTS_UNIT_TEST_RUNTIME_IMAGE_H
#define PLAIT_TESTS_UNIT_TEST_RUNTIME_IMAGE_H

#include <assert.h>
#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define IMAGE_BASE 0x10000 /* the address of the file's first byte */

struct image {
	uint8_t bytes[8192];
	size_t size;
	Elf64_Phdr segments[8];
	size_t segment_count;
	Elf64_Shdr sections[12];
	size_t section_count;
	Elf64_Sym symbols[16];
	size_t symbol_count;
	Elf64_Rela relocations[8];
	size_t relocation_count;
	char names[512]; /* of sections and symbols */
	size_t names_size;
};

static inline void image_begin(struct image *image, uint16_t type)
{
	*image = (struct image) { .size = sizeof(Elf64_Ehdr), .names_size = 1, .symbol_count = 1, .section_count = 1 };
	Elf64_Ehdr header = { .e_ident = ELFMAG, .e_type = type, .e_version = 1, .e_ehsize = sizeof(header) };
	header.e_ident[EI_CLASS] = ELFCLASS64;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	header.e_ident[EI_VERSION] = 1;
	header.e_machine = PLAIT_MACHINE;
	memcpy(image->bytes, &header, sizeof(header));
}

static inline Elf64_Ehdr *image_header(struct image *image)
{
	return (Elf64_Ehdr *)image->bytes;
}

/* Appends bytes, aligned to 16 (zeros when `data` is NULL). Returns their address. */
static inline uint64_t image_add(struct image *image, const void *data, size_t size)
{
	image->size = (image->size + 15) & ~(size_t)15;
	assert(image->size + size <= sizeof(image->bytes));
	uint64_t address = IMAGE_BASE + image->size;
	if (data)
		memcpy(image->bytes + image->size, data, size);
	image->size += size;
	return address;
}

static inline void *image_at(struct image *image, uint64_t address)
{
	return image->bytes + (address - IMAGE_BASE);
}

static inline uint32_t image_name(struct image *image, const char *name)
{
	uint32_t at = (uint32_t)image->names_size;
	assert(at + strlen(name) + 1 <= sizeof(image->names));
	memcpy(image->names + at, name, strlen(name) + 1);
	image->names_size += strlen(name) + 1;
	return at;
}

static inline void image_segment(struct image *image, uint32_t type, uint64_t address, uint64_t size, uint64_t align)
{
	image->segments[image->segment_count++] = (Elf64_Phdr) {
		.p_type = type,
		.p_flags = PF_R,
		.p_offset = address - IMAGE_BASE,
		.p_vaddr = address,
		.p_filesz = size,
		.p_memsz = size,
		.p_align = align,
	};
}

static inline void image_section(struct image *image, const char *name, uint32_t type, uint64_t address, uint64_t size,
				 uint32_t link)
{
	image->sections[image->section_count++] = (Elf64_Shdr) {
		.sh_name = image_name(image, name),
		.sh_type = type,
		.sh_addr = address,
		.sh_offset = address - IMAGE_BASE,
		.sh_size = size,
		.sh_link = link,
	};
}

/* A symbol; section 0: undefined. */
static inline void image_symbol(struct image *image, const char *name, uint64_t value, uint64_t size, uint8_t type,
				uint16_t section)
{
	image->symbols[image->symbol_count++] = (Elf64_Sym) {
		.st_name = image_name(image, name),
		.st_info = ELF64_ST_INFO(STB_GLOBAL, type),
		.st_shndx = section,
		.st_value = value,
		.st_size = size,
	};
}

static inline void image_relocation(struct image *image, uint64_t offset, uint32_t type, uint32_t symbol,
				    int64_t addend)
{
	image->relocations[image->relocation_count++] = (Elf64_Rela) {
		.r_offset = offset,
		.r_info = ELF64_R_INFO((uint64_t)symbol, type),
		.r_addend = addend,
	};
}

static inline void image_soname(struct image *image, const char *soname)
{
	uint64_t strings = image_add(image, NULL, strlen(soname) + 2);
	strcpy((char *)image_at(image, strings) + 1, soname);
	Elf64_Dyn entries[] = {
		{ .d_tag = DT_SONAME, .d_un.d_val = 1 },
		{ .d_tag = DT_STRTAB, .d_un.d_ptr = strings },
		{ .d_tag = DT_STRSZ, .d_un.d_val = strlen(soname) + 2 },
		{ .d_tag = DT_NULL },
	};
	image_segment(image, PT_DYNAMIC, image_add(image, entries, sizeof(entries)), sizeof(entries), 8);
}

/* Writes the tables, with the symbols in a table of `symbol_table` (SHT_DYNSYM or SHT_SYMTAB). */
static inline void image_finish(struct image *image, uint32_t symbol_table)
{
	image_section(image, ".rela.dyn", SHT_RELA,
		      image_add(image, image->relocations, image->relocation_count * sizeof(Elf64_Rela)),
		      image->relocation_count * sizeof(Elf64_Rela), 0);
	image_section(image, ".symbols", symbol_table,
		      image_add(image, image->symbols, image->symbol_count * sizeof(Elf64_Sym)),
		      image->symbol_count * sizeof(Elf64_Sym), (uint32_t)image->section_count + 1);
	uint32_t name = image_name(image, ".strings");
	uint64_t names = image_add(image, image->names, image->names_size);
	image->sections[image->section_count++] = (Elf64_Shdr) { .sh_name = name,
								 .sh_type = SHT_STRTAB,
								 .sh_addr = names,
								 .sh_offset = names - IMAGE_BASE,
								 .sh_size = image->names_size };
	uint64_t sections = image_add(image, image->sections, image->section_count * sizeof(Elf64_Shdr));
	uint64_t segments = image_add(image, NULL, (image->segment_count + 1) * sizeof(Elf64_Phdr));
	image_segment(image, PT_LOAD, IMAGE_BASE, image->size, 4096);
	memcpy(image_at(image, segments), image->segments, image->segment_count * sizeof(Elf64_Phdr));
	Elf64_Ehdr *header = image_header(image);
	header->e_shoff = sections - IMAGE_BASE;
	header->e_shnum = (uint16_t)image->section_count;
	header->e_shentsize = sizeof(Elf64_Shdr);
	header->e_shstrndx = (uint16_t)(image->section_count - 1);
	header->e_phoff = segments - IMAGE_BASE;
	header->e_phnum = (uint16_t)image->segment_count;
	header->e_phentsize = sizeof(Elf64_Phdr);
}

/* Slots of _Py_DebugOffsets and their values: {slot / 8, value}, ended by {0, 0}. */
struct slot_value {
	uint16_t slot;
	uint16_t value;
};

/* As in Debian's 3.13.18, 3.14.10, 3.15.2 (default builds). */
static const struct slot_value slots_3_13[] = {
	{ 40, 632 },  { 64, 7264 }, { 72, 7344 }, { 168, 8 },  { 176, 16 },  { 184, 72 },  { 192, 152 },
	{ 232, 8 },   { 240, 0 },   { 248, 56 },  { 264, 70 }, { 280, 112 }, { 288, 120 }, { 296, 128 },
	{ 304, 136 }, { 312, 68 },  { 344, 200 }, { 360, 8 },  { 376, 24 },  { 520, 16 },  { 528, 32 },
	{ 544, 32 },  { 552, 16 },  { 560, 40 },  { 0, 0 },
};
static const struct slot_value slots_3_15[] = {
	{ 40, 936 },  { 64, 7264 }, { 72, 7336 }, { 192, 8 },	{ 200, 16 }, { 208, 72 },  { 216, 80 },
	{ 240, 176 }, { 320, 8 },   { 328, 0 },	  { 336, 56 },	{ 352, 74 }, { 384, 112 }, { 392, 120 },
	{ 400, 128 }, { 408, 136 }, { 416, 68 },  { 448, 208 }, { 472, 8 },  { 488, 24 },  { 696, 16 },
	{ 704, 32 },  { 720, 32 },  { 728, 16 },  { 736, 40 },	{ 744, 56 }, { 0, 0 },
};
/* 3.14 with Py_GIL_DISABLED. */
static const struct slot_value slots_3_14t[] = {
	{ 40, 808 },  { 64, 7272 }, { 72, 7344 }, { 192, 8 },	{ 200, 16 },  { 208, 72 },  { 216, 152 },
	{ 256, 8 },   { 264, 0 },   { 272, 56 },  { 288, 78 },	{ 304, 72 },  { 320, 128 }, { 328, 136 },
	{ 336, 144 }, { 344, 152 }, { 352, 84 },  { 384, 232 }, { 392, 224 }, { 408, 24 },  { 424, 40 },
	{ 600, 32 },  { 608, 48 },  { 624, 48 },  { 632, 32 },	{ 640, 56 },  { 0, 0 },
};

/* Adds a .PyRuntime section of `size` bytes that begins with a table of offsets. Returns its address. */
static inline uint64_t image_debug_offsets(struct image *image, uint32_t version, bool free_threaded,
					   const struct slot_value *slots, size_t size)
{
	uint64_t address = image_add(image, NULL, size);
	uint8_t *table = image_at(image, address);
	uint64_t header[] = { 0, version, free_threaded };
	memcpy(header, "xdebugpy", 8);
	memcpy(table, header, sizeof(header));
	for (; slots->slot; slots++) {
		uint64_t value = slots->value;
		memcpy(table + slots->slot, &value, sizeof(value));
	}
	image_section(image, ".PyRuntime", SHT_PROGBITS, address, size, 0);
	return address;
}

/* A libpython before 3.13: _PyRuntime, an evaluator, and Py_Version where `version` is not 0. */
static inline void image_old_python(struct image *image, uint32_t version)
{
	image_begin(image, ET_DYN);
	uint64_t version64 = version;
	image_symbol(image, "_PyRuntime", image_add(image, NULL, 64), 1464, STT_OBJECT, 1);
	image_symbol(image, "_PyEval_EvalFrameDefault", image_add(image, "\xc3", 1), 1, STT_FUNC, 1);
	if (version)
		image_symbol(image, "Py_Version", image_add(image, &version64, 8), 8, STT_OBJECT, 1);
}

#endif
