#include "python_unwind/binary_elf.h"

#include <string.h>

/* Bytes [offset, offset + size) of the image; empty and failed when they are not all there. */
static struct plait_bytes slice(const struct plait_elf *elf, uint64_t offset, uint64_t size)
{
	if (offset > elf->size || size > elf->size - offset)
		return (struct plait_bytes) { .failed = true };
	return plait_bytes(elf->image + offset, size);
}

static bool record(const struct plait_elf *elf, uint64_t offset, size_t index, void *ret, size_t size)
{
	if (offset > elf->size || (elf->size - offset) / size <= index)
		return false;
	memcpy(ret, elf->image + offset + index * size, size);
	return true;
}

static bool program_header(const struct plait_elf *elf, size_t index, Elf64_Phdr *ret)
{
	return index < elf->header.e_phnum && record(elf, elf->header.e_phoff, index, ret, sizeof(*ret));
}

static bool section_header(const struct plait_elf *elf, size_t index, Elf64_Shdr *ret)
{
	return index < elf->header.e_shnum && record(elf, elf->header.e_shoff, index, ret, sizeof(*ret));
}

bool plait_elf_open(const uint8_t *image, size_t size, struct plait_elf *ret)
{
	struct plait_elf elf = { .image = image, .size = size };
	if (size < sizeof(elf.header))
		return false;
	memcpy(&elf.header, image, sizeof(elf.header));
	if (memcmp(elf.header.e_ident, ELFMAG, SELFMAG) || elf.header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.header.e_ident[EI_DATA] != ELFDATA2LSB)
		return false;
	if (elf.header.e_type != ET_EXEC && elf.header.e_type != ET_DYN)
		return false;
	if (elf.header.e_phentsize != sizeof(Elf64_Phdr))
		elf.header.e_phnum = 0;
	if (elf.header.e_shentsize != sizeof(Elf64_Shdr))
		elf.header.e_shnum = 0;
	*ret = elf;
	return true;
}

bool plait_elf_segment(const struct plait_elf *elf, uint32_t type, Elf64_Phdr *ret)
{
	Elf64_Phdr header;
	for (size_t i = 0; program_header(elf, i, &header); i++) {
		if (header.p_type == type) {
			*ret = header;
			return true;
		}
	}
	return false;
}

/* The string at `offset` of a table that may not end in a NUL; NULL when it is not one. */
static const char *string_at(const uint8_t *strings, size_t size, uint64_t offset)
{
	if (offset >= size || !memchr(strings + offset, 0, size - offset))
		return NULL;
	return (const char *)strings + offset;
}

bool plait_binary_section(const struct plait_elf *elf, const char *name, Elf64_Shdr *ret)
{
	Elf64_Shdr names, header;
	if (!section_header(elf, elf->header.e_shstrndx, &names))
		return false;
	struct plait_bytes strings = slice(elf, names.sh_offset, names.sh_size);
	for (size_t i = 0; section_header(elf, i, &header); i++) {
		const char *found = string_at(strings.at, plait_bytes_left(&strings), header.sh_name);
		if (found && !strcmp(found, name)) {
			*ret = header;
			return true;
		}
	}
	return false;
}

struct plait_bytes plait_elf_at(const struct plait_elf *elf, uint64_t address)
{
	Elf64_Phdr header;
	for (size_t i = 0; program_header(elf, i, &header); i++) {
		if (header.p_type != PT_LOAD || address < header.p_vaddr || address - header.p_vaddr >= header.p_filesz)
			continue;
		struct plait_bytes bytes = slice(elf, header.p_offset, header.p_filesz);
		plait_bytes_take(&bytes, address - header.p_vaddr);
		return bytes;
	}
	return (struct plait_bytes) { .failed = true };
}

struct plait_bytes plait_elf_constants(const struct plait_elf *elf, size_t index, bool *ret_end)
{
	Elf64_Phdr header;
	*ret_end = !program_header(elf, index, &header);
	if (*ret_end || header.p_type != PT_LOAD || header.p_flags & PF_W)
		return (struct plait_bytes) { .failed = true };
	return slice(elf, header.p_offset, header.p_filesz);
}

/* The value of dynamic entry `tag`; false when there is none. */
static bool dynamic_entry(const struct plait_elf *elf, int64_t tag, uint64_t *ret)
{
	Elf64_Phdr header;
	if (!plait_elf_segment(elf, PT_DYNAMIC, &header))
		return false;
	struct plait_bytes entries = slice(elf, header.p_offset, header.p_filesz);
	for (;;) {
		int64_t found = (int64_t)plait_bytes_u64(&entries);
		uint64_t value = plait_bytes_u64(&entries);
		if (entries.failed || found == DT_NULL)
			return false;
		if (found == tag) {
			*ret = value;
			return true;
		}
	}
}

const char *plait_elf_soname(const struct plait_elf *elf)
{
	uint64_t name, table, size;
	if (!dynamic_entry(elf, DT_SONAME, &name) || !dynamic_entry(elf, DT_STRTAB, &table) ||
	    !dynamic_entry(elf, DT_STRSZ, &size))
		return NULL;
	struct plait_bytes strings = plait_elf_at(elf, table);
	if (plait_bytes_left(&strings) < size)
		return NULL;
	return string_at(strings.at, size, name);
}

bool plait_elf_is_program(const struct plait_elf *elf)
{
	Elf64_Phdr interpreter;
	uint64_t flags = 0;
	dynamic_entry(elf, DT_FLAGS_1, &flags);
	return elf->header.e_type == ET_EXEC || flags & DF_1_PIE || plait_elf_segment(elf, PT_INTERP, &interpreter);
}

struct plait_elf_symbols plait_elf_symbols(const struct plait_elf *elf, uint32_t type)
{
	Elf64_Shdr header, names;
	for (size_t i = 0; section_header(elf, i, &header); i++) {
		if (header.sh_type != type || !section_header(elf, header.sh_link, &names))
			continue;
		struct plait_bytes symbols = slice(elf, header.sh_offset, header.sh_size);
		struct plait_bytes strings = slice(elf, names.sh_offset, names.sh_size);
		if (symbols.failed || strings.failed)
			break;
		return (struct plait_elf_symbols) {
			.symbols = symbols.at,
			.count = header.sh_size / sizeof(Elf64_Sym),
			.strings = strings.at,
			.strings_size = names.sh_size,
		};
	}
	return (struct plait_elf_symbols) { .count = 0 };
}

bool plait_elf_symbol_next(struct plait_elf_symbols *symbols, Elf64_Sym *ret, const char **ret_name)
{
	while (symbols->next < symbols->count) {
		Elf64_Sym symbol;
		memcpy(&symbol, symbols->symbols + symbols->next++ * sizeof(symbol), sizeof(symbol));
		const char *name = string_at(symbols->strings, symbols->strings_size, symbol.st_name);
		if (symbol.st_shndx == SHN_UNDEF || !name || !*name)
			continue;
		*ret = symbol;
		*ret_name = name;
		return true;
	}
	return false;
}

struct plait_elf_relocations plait_elf_relocations(const struct plait_elf *elf)
{
	return (struct plait_elf_relocations) { .elf = elf };
}

bool plait_elf_relocation_next(struct plait_elf_relocations *relocations, Elf64_Rela *ret)
{
	while (plait_bytes_left(&relocations->rest) < sizeof(*ret)) {
		Elf64_Shdr header;
		if (!section_header(relocations->elf, relocations->section++, &header))
			return false;
		if (header.sh_type == SHT_RELA)
			relocations->rest = slice(relocations->elf, header.sh_offset, header.sh_size);
	}
	plait_bytes_read(&relocations->rest, ret, sizeof(*ret));
	return true;
}
