/* Names for the entries of procedure linkage tables: code -> GOT slot -> relocation -> symbol. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/map.h"
#include "symbolize/arch.h"
#include "symbolize/elf_symbols.h"

static const struct plait_symbolize_arch *const arches[] = { &plait_symbolize_arch_x86_64,
							     &plait_symbolize_arch_aarch64 };

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

/* The symbols that the relocations of one section speak of. */
struct targets {
	struct plait_bytes entries, names;
	const struct plait_elf_symbols *symbols; /* of the file, for resolvers */
	const struct plait_map *starts;		 /* of `symbols` */
};

static void open_targets(const struct plait_elf_image *image, const struct plait_elf_section *relocations,
			 struct targets *targets)
{
	struct plait_elf_section table, strings;
	targets->entries = targets->names = plait_bytes(image->data, 0);
	if (!plait_elf_section(image, relocations->link, &table) || table.entry_size != sizeof(Elf64_Sym) ||
	    !plait_elf_section(image, table.link, &strings))
		return;
	targets->entries = plait_elf_section_bytes(image, &table);
	targets->names = plait_elf_section_bytes(image, &strings);
}

/* The name that relocation `raw` gives its slot; NULL: none. */
static const char *relocation_name(const struct targets *targets, enum plait_got_kind kind, const Elf64_Rela *raw)
{
	if (kind == PLAIT_GOT_RESOLVER) {
		uint64_t *best = plait_map_get(targets->starts, (uint64_t)raw->r_addend);
		return best ? plait_elf_symbols_at(targets->symbols, (size_t)*best)->name : NULL;
	}
	struct plait_bytes entries = targets->entries;
	Elf64_Sym symbol;
	plait_bytes_take(&entries, ELF64_R_SYM(raw->r_info) * sizeof(symbol));
	plait_bytes_read(&entries, &symbol, sizeof(symbol));
	const char *name = entries.failed ? NULL : plait_elf_string(&targets->names, symbol.st_name);
	return name && *name ? name : NULL;
}

/* Reads one relocation section into `slots`: GOT slot address -> address of the name in memory. */
static bool map_section(const struct plait_elf_image *image, const struct plait_elf_section *section,
			const struct plait_symbolize_arch *arch, const struct targets *targets, struct plait_map *slots)
{
	struct plait_bytes bytes = plait_elf_section_bytes(image, section);
	while (plait_bytes_left(&bytes) >= sizeof(Elf64_Rela)) {
		Elf64_Rela raw;
		plait_bytes_read(&bytes, &raw, sizeof(raw));
		enum plait_got_kind kind = arch->got_kind(ELF64_R_TYPE(raw.r_info));
		if (kind == PLAIT_GOT_OTHER)
			continue;
		const char *name = relocation_name(targets, kind, &raw);
		if (name && !plait_map_put(slots, raw.r_offset, (uint64_t)(uintptr_t)name))
			return false;
	}
	return true;
}

/* Reads every relocation section with addends into `ret`. */
static bool map_slots(const struct plait_elf_symbols *symbols, const struct plait_elf_image *image,
		      const struct plait_symbolize_arch *arch, struct plait_map *ret)
{
	struct plait_map starts PLAIT_CLEANUP(plait_map_release) = { 0 };
	struct targets targets = { .symbols = symbols, .starts = &starts };
	struct plait_elf_section section;
	uint64_t budget = image->size; /* honest sections do not overlap */
	if (!map_starts(symbols, &starts))
		return false;
	for (uint32_t i = 1; plait_elf_section(image, i, &section); i++) {
		if (section.type != SHT_RELA || !(section.flags & SHF_ALLOC) || section.size > budget)
			continue;
		budget -= section.size;
		open_targets(image, &section, &targets);
		if (!map_section(image, &section, arch, &targets, ret))
			return false;
	}
	return true;
}

/* Adds the entries of one section. */
static bool add_entries(struct plait_elf_symbols *symbols, const struct plait_elf_image *image,
			const struct plait_symbolize_arch *arch, const struct plait_elf_section *section,
			const struct plait_map *slots)
{
	bool known = section->entry_size == 8 || section->entry_size == 16;
	uint32_t step = arch->plt_step ? arch->plt_step : known ? (uint32_t)section->entry_size : arch->plt_entry_size;
	struct plait_bytes bytes = plait_elf_section_bytes(image, section);
	uint32_t size = step;
	for (uint64_t address = section->address; plait_bytes_left(&bytes) > 0; address += size) {
		uint64_t slot;
		uint64_t *name = NULL;
		size = step;
		if (arch->plt_slot(bytes.at, plait_bytes_left(&bytes), address, &slot, &size))
			name = plait_map_get(slots, slot);
		plait_bytes_take(&bytes, size);
		if (!name || bytes.failed)
			continue;
		const char *text = (const char *)(uintptr_t)*name;
		const char *version = strchr(text + 1, '@');
		struct plait_elf_symbol symbol = {
			.name = text,
			.name_size = (uint32_t)(version ? (size_t)(version - text) : strlen(text)),
			.start = address,
			.size = size,
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
	uint64_t budget = image->size;
	for (uint32_t i = 1; plait_elf_section(image, i, &section); i++) {
		bool is_plt = strcmp(section.name, ".plt") == 0 || strncmp(section.name, ".plt.", 5) == 0;
		if (!is_plt || !(section.flags & SHF_EXECINSTR) || section.size > UINT64_MAX - section.address ||
		    section.size > budget)
			continue;
		budget -= section.size;
		if (!add_entries(symbols, image, arch, &section, &slots))
			return false;
	}
	return true;
}
