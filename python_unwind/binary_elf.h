/*
 * Reading a 64 bit little-endian ELF image of which no byte is trusted. Nothing is copied: the image must outlive what
 * is found in it. Addresses are the file's own (before the bias).
 */
#ifndef PLAIT_PYTHON_UNWIND_BINARY_ELF_H
#define PLAIT_PYTHON_UNWIND_BINARY_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

struct plait_elf {
	const uint8_t *image;
	size_t size;
	Elf64_Ehdr header;
};

/* False when these are not the bytes of an ELF executable or shared library of 64 bits, little-endian. */
bool plait_elf_open(const uint8_t *image, size_t size, struct plait_elf *ret);

/* The first program header of `type` (PT_TLS ...). */
bool plait_elf_segment(const struct plait_elf *elf, uint32_t type, Elf64_Phdr *ret);

/* The section called `name`. */
bool plait_binary_section(const struct plait_elf *elf, const char *name, Elf64_Shdr *ret);

/* The file's bytes from `address` to the end of its segment's file part; empty (and failed) where there are none. */
struct plait_bytes plait_elf_at(const struct plait_elf *elf, uint64_t address);

/* The file part of the `index`th program header if that is a PT_LOAD without write permission; `*ret_end` is set once
 * there are no more program headers. */
struct plait_bytes plait_elf_constants(const struct plait_elf *elf, size_t index, bool *ret_end);

/* DT_SONAME, or NULL. Points into the image. */
const char *plait_elf_soname(const struct plait_elf *elf);

/* Whether the image is a program, position-independent or not: then its thread-locals are at a fixed place. */
bool plait_elf_is_program(const struct plait_elf *elf);

/* Iteration over the defined symbols of one table. */
struct plait_elf_symbols {
	const uint8_t *symbols, *strings;
	size_t count, strings_size, next;
};

/* Begins with the table of `type` (SHT_DYNSYM, SHT_SYMTAB); an absent one is an empty one. */
struct plait_elf_symbols plait_elf_symbols(const struct plait_elf *elf, uint32_t type);

/* The next defined symbol that has a name; the name points into the image. False at the end. */
bool plait_elf_symbol_next(struct plait_elf_symbols *symbols, Elf64_Sym *ret, const char **ret_name);

/* Iteration over the relocations of all SHT_RELA sections. */
struct plait_elf_relocations {
	const struct plait_elf *elf;
	struct plait_bytes rest; /* of the section that is being read */
	size_t section;
};

struct plait_elf_relocations plait_elf_relocations(const struct plait_elf *elf);
bool plait_elf_relocation_next(struct plait_elf_relocations *relocations, Elf64_Rela *ret);

#endif
