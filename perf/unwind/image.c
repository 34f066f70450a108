#include "perf/unwind/image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/vec.h"
#include "perf/unwind/fde_index.h"
#include "perf/unwind/function_starts.h"

#define FUNCTION_SIZE_MAX (1 << 20)

struct symbol {
	uint64_t address, size;
};

/* A loaded segment or a section with code: addresses [start, end), file bytes from `offset`. */
struct range {
	uint64_t start, end, offset;
	bool executable, is_plt;
};

struct plait_image {
	const uint8_t *bytes;
	size_t size;
	uint64_t entry;
	const struct plait_unwind_arch *arch; /* NULL: of a machine that is not known */
	PLAIT_VEC(struct range) segments;
	PLAIT_VEC(struct range) sections; /* executable ones */
	PLAIT_VEC(struct symbol) symbols; /* of functions; ascending, once `symbols_read` */
	bool symbols_read;
	PLAIT_VEC(struct plait_function_starts) starts; /* of sections without any table, once `symbols_read` */
	struct plait_fde_index fdes;
};

/* A copy of the header at `offset`, false when it is not inside the file. */
static bool read_header(const struct plait_image *image, uint64_t offset, void *ret, size_t size)
{
	if (offset > image->size || image->size - offset < size)
		return false;
	memcpy(ret, image->bytes + offset, size);
	return true;
}

static bool read_elf_header(const struct plait_image *image, Elf64_Ehdr *ret)
{
	return read_header(image, 0, ret, sizeof(*ret)) && !memcmp(ret->e_ident, ELFMAG, SELFMAG) &&
	       ret->e_ident[EI_CLASS] == ELFCLASS64 && ret->e_ident[EI_DATA] == ELFDATA2LSB;
}

/* Cuts a range to what the file holds; false when nothing is left. */
static bool clamp(const struct plait_image *image, uint64_t address, uint64_t offset, uint64_t size, struct range *ret)
{
	if (offset >= image->size || !size)
		return false;
	if (size > image->size - offset)
		size = image->size - offset;
	if (address + size < address)
		return false;
	*ret = (struct range) { .start = address, .end = address + size, .offset = offset };
	return true;
}

static bool read_segments(struct plait_image *image, const Elf64_Ehdr *header)
{
	uint64_t index_address = 0, index_size = 0;
	for (uint64_t i = 0; i < header->e_phnum; i++) {
		Elf64_Phdr segment;
		if (!read_header(image, header->e_phoff + i * sizeof(segment), &segment, sizeof(segment)))
			break;
		struct range range;
		if (!clamp(image, segment.p_vaddr, segment.p_offset, segment.p_filesz, &range))
			continue;
		range.executable = segment.p_flags & PF_X;
		if (segment.p_type == PT_LOAD && !plait_vec_push(&image->segments, range))
			return false;
		if (segment.p_type == PT_GNU_EH_FRAME) {
			index_address = range.start;
			index_size = range.end - range.start;
		}
	}
	plait_fde_index_init(&image->fdes, image, index_address, index_size);
	return true;
}

/* Does the section's name start with ".plt" or ".iplt"? */
static bool named_plt(const struct plait_image *image, const Elf64_Shdr *names, uint32_t name)
{
	char text[5];
	return name < names->sh_size && read_header(image, names->sh_offset + name, text, sizeof(text)) &&
	       (!memcmp(text, ".plt", 4) || !memcmp(text, ".iplt", 5));
}

static bool read_sections(struct plait_image *image, const Elf64_Ehdr *header)
{
	Elf64_Shdr names = { 0 }, section;
	read_header(image, header->e_shoff + (uint64_t)header->e_shstrndx * sizeof(names), &names, sizeof(names));
	for (uint64_t i = 0; i < header->e_shnum; i++) {
		if (!read_header(image, header->e_shoff + i * sizeof(section), &section, sizeof(section)))
			break;
		struct range range;
		if (section.sh_type != SHT_PROGBITS || !(section.sh_flags & SHF_EXECINSTR) ||
		    !clamp(image, section.sh_addr, section.sh_offset, section.sh_size, &range))
			continue;
		range.executable = true;
		range.is_plt = named_plt(image, &names, section.sh_name);
		if (!plait_vec_push(&image->sections, range))
			return false;
	}
	return true;
}

struct plait_image *plait_image_create(const uint8_t *bytes, size_t size)
{
	struct plait_image *image = calloc(1, sizeof(*image));
	if (!image)
		return NULL;
	image->bytes = bytes;
	image->size = size;
	Elf64_Ehdr header;
	if (!read_elf_header(image, &header))
		return image;
	image->entry = header.e_entry;
	image->arch = plait_unwind_arch_of(header.e_machine);
	if (!read_segments(image, &header) || !read_sections(image, &header)) {
		plait_image_destroy(image);
		return NULL;
	}
	return image;
}

void plait_image_destroy(struct plait_image *image)
{
	if (!image)
		return;
	plait_vec_free(&image->segments);
	plait_vec_free(&image->sections);
	plait_vec_free(&image->symbols);
	for (size_t i = 0; i < image->starts.count; i++)
		plait_function_starts_release(&image->starts.data[i]);
	plait_vec_free(&image->starts);
	free(image);
}

const uint8_t *plait_image_bytes(const struct plait_image *image, uint64_t address, size_t size, bool executable)
{
	for (size_t i = 0; i < image->segments.count; i++) {
		const struct range *segment = &image->segments.data[i];
		if (address >= segment->start && address < segment->end && segment->end - address >= size &&
		    (segment->executable || !executable))
			return image->bytes + segment->offset + (address - segment->start);
	}
	return NULL;
}

uint64_t plait_image_entry(const struct plait_image *image)
{
	return image->entry;
}

/* Function symbols, and global symbols without a type as hand-written assembly has them; local labels are no
 * functions. */
static bool is_function(const Elf64_Sym *symbol)
{
	unsigned type = ELF64_ST_TYPE(symbol->st_info);
	return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC ||
		(type == STT_NOTYPE && ELF64_ST_BIND(symbol->st_info) != STB_LOCAL));
}

static bool read_symbol_table(struct plait_image *image, const Elf64_Shdr *table)
{
	for (uint64_t i = 0; i < table->sh_size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym symbol;
		if (!read_header(image, table->sh_offset + i * sizeof(symbol), &symbol, sizeof(symbol)))
			break;
		if (is_function(&symbol) && plait_image_bytes(image, symbol.st_value, 1, true) &&
		    !plait_vec_push(&image->symbols, (struct symbol) { symbol.st_value, symbol.st_size }))
			return false;
	}
	return true;
}

/* By address; of equal ones the one with a size comes last, so that it wins. */
static int compare_symbols(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;
	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	return a->size < b->size ? -1 : a->size > b->size;
}

/* Where the section's code says that functions begin. */
static bool read_starts(struct plait_image *image, const struct range *section)
{
	struct plait_function_code code = { .bytes = image->bytes + section->offset,
					    .start = section->start,
					    .end = section->end };
	struct plait_function_starts starts;
	if (!plait_function_starts_find(image->arch, &code, &starts))
		return false;
	if (!starts.bits || plait_vec_push(&image->starts, starts))
		return true;
	plait_function_starts_release(&starts);
	return false;
}

/* The same of all sections, but of no more bytes than the file has: those of a hostile one could overlap. */
static void read_all_starts(struct plait_image *image)
{
	uint64_t left = image->size;
	for (size_t i = 0; i < image->sections.count; i++) {
		const struct range *section = &image->sections.data[i];
		if (section->is_plt)
			continue;
		if (section->end - section->start > left || !read_starts(image, section))
			return;
		left -= section->end - section->start;
	}
}

static void read_symbols(struct plait_image *image)
{
	Elf64_Ehdr header;
	image->symbols_read = true;
	if (!read_elf_header(image, &header))
		return;
	/* At most one of each kind, as the gABI has it: a hostile file could name one table 65,535 times. */
	bool seen[2] = { false, false };
	for (uint64_t i = 0; i < header.e_shnum; i++) {
		Elf64_Shdr section;
		if (!read_header(image, header.e_shoff + i * sizeof(section), &section, sizeof(section)))
			break;
		bool is_dynamic = section.sh_type == SHT_DYNSYM;
		if ((section.sh_type != SHT_SYMTAB && !is_dynamic) || seen[is_dynamic])
			continue;
		seen[is_dynamic] = true;
		if (!read_symbol_table(image, &section))
			break;
	}
	if (image->symbols.count)
		qsort(image->symbols.data, image->symbols.count, sizeof(struct symbol), compare_symbols);
	/* Of a file with tables little code has none, and most of that has symbols. */
	if (image->arch && image->arch->instruction_bytes && !image->fdes.count)
		read_all_starts(image);
}

/* The index of the first symbol above `address`. */
static size_t symbol_above(const struct plait_image *image, uint64_t address)
{
	size_t low = 0, high = image->symbols.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (image->symbols.data[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The section, or without section headers the segment, with code at `address`. */
static const struct range *code_range(const struct plait_image *image, uint64_t address)
{
	for (size_t i = 0; i < image->sections.count; i++) {
		const struct range *section = &image->sections.data[i];
		if (address >= section->start && address < section->end)
			return section;
	}
	for (size_t i = 0; i < image->segments.count; i++) {
		const struct range *segment = &image->segments.data[i];
		if (segment->executable && address >= segment->start && address < segment->end)
			return segment;
	}
	return NULL;
}

static void plt_entry(const struct plait_unwind_arch *arch, const struct range *plt, uint64_t address,
		      struct plait_function_code *ret)
{
	uint32_t header = arch->plt_header_bytes, size = arch->plt_entry_bytes;
	uint64_t entries = plt->end - plt->start > header ? plt->start + header : plt->end;
	*ret = (struct plait_function_code) { .start = plt->start, .end = entries, .one_function = true };
	if (address < entries)
		return;
	ret->start = size ? address - (address - entries) % size : entries;
	ret->end = size && plt->end - ret->start > size ? ret->start + size : plt->end;
}

/* Narrows the bounds to what the code itself says. */
static void apply_starts(const struct plait_image *image, uint64_t address, struct plait_function_code *bounds,
			 bool *start_known)
{
	for (size_t i = 0; i < image->starts.count; i++) {
		const struct plait_function_starts *starts = &image->starts.data[i];
		if (address < starts->start || address >= starts->end)
			continue;
		uint64_t before, after = plait_function_starts_after(starts, address);
		if (after < bounds->end)
			bounds->end = after;
		if (plait_function_starts_before(starts, address, &before) && before >= bounds->start) {
			bounds->start = before;
			*start_known = true;
		}
		return;
	}
}

/* Between neighbours: the code without FDEs around `address`, then the symbol in it. Where no symbol says how large the
 * function is, the code is asked. */
static bool function_bounds(const struct plait_image *image, const struct range *range, uint64_t address,
			    struct plait_function_code *ret)
{
	bool fde_before = plait_fde_index_hole(&image->fdes, image, address, &ret->start, &ret->end);
	bool start_known = fde_before && ret->start > range->start;
	if (!start_known)
		ret->start = range->start;
	if (ret->end > range->end)
		ret->end = range->end;
	size_t above = symbol_above(image, address);
	if (above < image->symbols.count && image->symbols.data[above].address < ret->end)
		ret->end = image->symbols.data[above].address;
	ret->one_function = false;
	if (above) {
		const struct symbol *symbol = &image->symbols.data[above - 1];
		bool inside = !symbol->size || address - symbol->address < symbol->size;
		if (inside && symbol->address >= ret->start) {
			ret->start = symbol->address;
			start_known = true;
			ret->one_function = symbol->size;
			if (symbol->size && symbol->size < ret->end - ret->start)
				ret->end = ret->start + symbol->size;
		} else if (!inside && symbol->address + symbol->size > ret->start) {
			ret->start = symbol->address + symbol->size;
			start_known = true;
		}
	}
	if (!ret->one_function)
		apply_starts(image, address, ret, &start_known);
	/* The first function of a section starts with it, but a far start is a wild guess. */
	return (start_known || address - ret->start < FUNCTION_SIZE_MAX / 16) && ret->start <= address &&
	       address < ret->end;
}

bool plait_image_function(struct plait_image *image, uint64_t address, struct plait_function_code *ret)
{
	if (!image->symbols_read)
		read_symbols(image);
	const struct range *range = code_range(image, address);
	if (!range)
		return false;
	struct plait_function_code code = { 0 };
	if (range->is_plt && image->arch)
		plt_entry(image->arch, range, address, &code);
	else if (!function_bounds(image, range, address, &code))
		return false;
	if (address - code.start >= FUNCTION_SIZE_MAX)
		return false;
	if (code.end - code.start > FUNCTION_SIZE_MAX)
		code.end = code.start + FUNCTION_SIZE_MAX;
	code.bytes = image->bytes + range->offset + (code.start - range->start);
	*ret = code;
	return true;
}
