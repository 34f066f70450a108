/* Names for the entries of procedure linkage tables: code -> GOT slot -> relocation -> symbol. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/map.h"
#include "symbolize/arch.h"
#include "symbolize/elf_symbols.h"

static const struct plait_symbolize_arch *const arches[] = { &plait_symbolize_arch_x86_64 };

static const struct plait_symbolize_arch *arch_of(const struct plait_elf_image *image)
{
	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++) {
		if (arches[i]->machine == image->machine)
			return arches[i];
	}
	return NULL;
}

/* Start address -> index of the best symbol there. */
static bool map_starts(const struct plait_elf_symbols *symbols, struct plait_map *ret)
{
	for (size_t i = 0; i < plait_elf_symbols_count(symbols); i++) {
		const struct plait_elf_symbol *symbol = plait_elf_symbols_at(symbols, i);
		uint64_t *best = plait_map_get(ret, symbol->start);
		if (best && !plait_elf_symbol_better(symbol, plait_elf_symbols_at(symbols, (size_t)*best)))
			continue;
		if (!plait_map_put(ret, symbol->start, i))
			return false;
	}
	return true;
}

/* The name that relocation `raw` gives its slot; NULL: none. */
static const char *relocation_name(const struct plait_elf_image *image, const struct plait_elf_section *section,
				   enum plait_got_kind kind, const Elf64_Rela *raw,
				   const struct plait_elf_symbols *symbols, const struct plait_map *starts)
{
	if (kind == PLAIT_GOT_RESOLVER) {
		uint64_t *best = plait_map_get(starts, (uint64_t)raw->r_addend);
		return best ? plait_elf_symbols_at(symbols, (size_t)*best)->name : NULL;
	}
	struct plait_elf_section table, strings;
	if (!plait_elf_section(image, section->link, &table) || table.entry_size != sizeof(Elf64_Sym) ||
	    !plait_elf_section(image, table.link, &strings))
		return NULL;
	struct plait_bytes entries = plait_elf_section_bytes(image, &table);
	struct plait_bytes names = plait_elf_section_bytes(image, &strings);
	Elf64_Sym symbol;
	plait_bytes_take(&entries, ELF64_R_SYM(raw->r_info) * sizeof(symbol));
	plait_bytes_read(&entries, &symbol, sizeof(symbol));
	const char *name = entries.failed ? NULL : plait_elf_string(&names, symbol.st_name);
	return name && *name ? name : NULL;
}

/* GOT slot address -> address of the name in memory, from every relocation section with addends. */
static bool map_slots(const struct plait_elf_symbols *symbols, const struct plait_elf_image *image,
		      const struct plait_symbolize_arch *arch, struct plait_map *ret)
{
	struct plait_map starts PLAIT_CLEANUP(plait_map_release) = { 0 };
	struct plait_elf_section section;
	if (!map_starts(symbols, &starts))
		return false;
	for (uint32_t i = 1; plait_elf_section(image, i, &section); i++) {
		if (section.type != SHT_RELA || !(section.flags & SHF_ALLOC))
			continue;
		struct plait_bytes bytes = plait_elf_section_bytes(image, &section);
		while (plait_bytes_left(&bytes) >= sizeof(Elf64_Rela)) {
			Elf64_Rela raw;
			plait_bytes_read(&bytes, &raw, sizeof(raw));
			enum plait_got_kind kind = arch->got_kind(ELF64_R_TYPE(raw.r_info));
			if (kind == PLAIT_GOT_OTHER)
				continue;
			const char *name = relocation_name(image, &section, kind, &raw, symbols, &starts);
			if (name && !plait_map_put(ret, raw.r_offset, (uint64_t)(uintptr_t)name))
				return false;
		}
	}
	return true;
}

/* Adds the entries of one section. */
static bool add_entries(struct plait_elf_symbols *symbols, const struct plait_elf_image *image,
			const struct plait_symbolize_arch *arch, const struct plait_elf_section *section,
			const struct plait_map *slots)
{
	bool known = section->entry_size == 8 || section->entry_size == 16;
	uint32_t step = known ? (uint32_t)section->entry_size : arch->plt_entry_size;
	struct plait_bytes bytes = plait_elf_section_bytes(image, section);
	for (uint64_t address = section->address; plait_bytes_left(&bytes) > 0; address += step) {
		uint64_t slot;
		uint64_t *name = NULL;
		if (arch->plt_slot(bytes.at, plait_bytes_left(&bytes), address, &slot))
			name = plait_map_get(slots, slot);
		plait_bytes_take(&bytes, step);
		if (!name || bytes.failed)
			continue;
		const char *text = (const char *)(uintptr_t)*name;
		const char *version = strchr(text + 1, '@');
		struct plait_elf_symbol symbol = {
			.name = text,
			.name_size = (uint32_t)(version ? (size_t)(version - text) : strlen(text)),
			.start = address,
			.size = step,
			.sized = true,
			.is_plt = true,
			.limit = section->address + section->size,
		};
		if (!plait_elf_symbols_push(symbols, &symbol))
			return false;
	}
	return true;
}

bool plait_elf_symbols_add_plt(struct plait_elf_symbols *symbols, const struct plait_elf_image *image)
{
	const struct plait_symbolize_arch *arch = arch_of(image);
	struct plait_map slots PLAIT_CLEANUP(plait_map_release) = { 0 };
	if (!arch)
		return true;
	if (!map_slots(symbols, image, arch, &slots))
		return false;
	struct plait_elf_section section;
	for (uint32_t i = 1; plait_elf_section(image, i, &section); i++) {
		if (!(section.flags & SHF_EXECINSTR) || section.size > UINT64_MAX - section.address ||
		    (strcmp(section.name, ".plt") != 0 && strncmp(section.name, ".plt.", 5) != 0))
			continue;
		if (!add_entries(symbols, image, arch, &section, &slots))
			return false;
	}
	return true;
}
