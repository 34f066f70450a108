/*
 * A bounds-checked view of the bytes of a 64-bit little-endian ELF file. Nothing is copied or allocated; every number
 * read from the file is checked before use, so the bytes may be hostile. (libelf is not used here: the same code runs
 * on files of other users and on bytes copied out of a process.)
 */
#ifndef PLAIT_SYMBOLIZE_ELF_IMAGE_H
#define PLAIT_SYMBOLIZE_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/module.h"

struct plait_elf_image {
	const uint8_t *data; /* NULL: no image */
	size_t size;
	uint16_t machine;		/* e_machine */
	uint32_t section_count;		/* 0: no section headers */
	uint64_t sections;		/* file offset of the section headers */
	struct plait_bytes names;	/* .shstrtab */
	uint32_t segment_count;		/* program headers */
	uint64_t segments;		/* file offset of the program headers */
	struct plait_build_id build_id; /* size 0: none */
};

/* A section header in host form; `name` points into the image. */
struct plait_elf_section {
	const char *name;
	uint32_t type;
	uint64_t flags, address, offset, size;
	uint32_t link, info;
	uint64_t entry_size;
};

/* Checks the headers of the `size` bytes at `data` (which must outlive the image). False: not such an ELF file, and
 * `ret` is untouched. */
bool plait_elf_image_open(const void *data, size_t size, struct plait_elf_image *ret);

/* Section `index` (1 .. section_count - 1). */
bool plait_elf_section(const struct plait_elf_image *image, uint32_t index, struct plait_elf_section *ret);

/* The first section called `name`. */
bool plait_elf_section_find(const struct plait_elf_image *image, const char *name, struct plait_elf_section *ret);

/* The first section of type `type` (SHT_...). */
bool plait_elf_section_of_type(const struct plait_elf_image *image, uint32_t type, struct plait_elf_section *ret);

/* The bytes of a section; empty for SHT_NOBITS and for one that does not lie inside the file. */
struct plait_bytes plait_elf_section_bytes(const struct plait_elf_image *image,
					   const struct plait_elf_section *section);

/* The bytes from virtual address `address` to the end of its segment in the file; empty when no segment has it. */
struct plait_bytes plait_elf_bytes_at(const struct plait_elf_image *image, uint64_t address);

/* The NUL-terminated string at `offset` of a string table; NULL when it does not end inside, or is longer than 16 KiB.
 */
const char *plait_elf_string(const struct plait_bytes *table, uint64_t offset);

/* .gnu_debuglink: the name of the debug file (no '/' in it) and the CRC-32 of its bytes. False: there is none. */
bool plait_elf_debuglink(const struct plait_elf_image *image, const char **ret_name, uint32_t *ret_crc);

/* Whether there is DWARF that covers code (.debug_info with contents, plain or compressed). */
bool plait_elf_has_dwarf(const struct plait_elf_image *image);

#endif
