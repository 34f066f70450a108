#include "symbolize/elf_symbols.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/vec.h"
#include "symbolize/eh_frame.h"
#include "symbolize/interval.h"

struct plait_elf_symbols {
	PLAIT_VEC(struct plait_elf_symbol) all; /* after finish: the better ones first */
	struct plait_interval_index index;	/* value: index into `all` */
	uint8_t sources;
};

struct plait_elf_symbols *plait_elf_symbols_create(void)
{
	return calloc(1, sizeof(struct plait_elf_symbols));
}

void plait_elf_symbols_destroy(struct plait_elf_symbols *symbols)
{
	if (!symbols)
		return;
	plait_vec_free(&symbols->all);
	plait_interval_index_release(&symbols->index);
	free(symbols);
}

/* Names that mark places inside functions, not functions: mapping symbols ($x, $d.3: AArch64 ELF, "Mapping symbols"),
 * local labels and annobin's notes (untyped, with a dot in front). */
static bool is_marker(const char *name, int type)
{
	if (name[0] == '$' && name[1] != 0 && strchr("adtx", name[1]) && (name[2] == 0 || name[2] == '.'))
		return true;
	return type == STT_NOTYPE && name[0] == '.';
}

/* Lower is better: functions over untyped labels, then global over local over weak, as perf does. */
static uint8_t rank_of(int type, int binding)
{
	uint8_t rank = type == STT_NOTYPE ? 4 : 0;
	if (binding == STB_LOCAL)
		return rank + 1;
	return binding == STB_WEAK ? rank + 2 : rank;
}

static uint32_t name_size_without_version(const char *name)
{
	const char *at = strchr(name + 1, '@');
	return (uint32_t)(at ? (size_t)(at - name) : strlen(name));
}

/* What a symbol table entry says, if it names code inside an executable section. */
static bool read_function(const Elf64_Sym *raw, const struct plait_elf_section *section,
			  const struct plait_bytes *names, struct plait_elf_symbol *ret)
{
	int type = ELF64_ST_TYPE(raw->st_info);
	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return false;
	if (!(section->flags & SHF_EXECINSTR) || raw->st_value < section->address ||
	    raw->st_value - section->address >= section->size || section->size > UINT64_MAX - section->address)
		return false;
	const char *name = plait_elf_string(names, raw->st_name);
	if (!name || *name == 0 || is_marker(name, type))
		return false;
	uint64_t left = section->size - (raw->st_value - section->address);
	*ret = (struct plait_elf_symbol) {
		.name = name,
		.name_size = name_size_without_version(name),
		.start = raw->st_value,
		.size = raw->st_size < left ? raw->st_size : left,
		.sized = raw->st_size != 0,
		.rank = rank_of(type, ELF64_ST_BIND(raw->st_info)),
		.limit = section->address + section->size,
	};
	return true;
}

bool plait_elf_symbols_push(struct plait_elf_symbols *symbols, const struct plait_elf_symbol *symbol)
{
	return plait_vec_push(&symbols->all, *symbol);
}

bool plait_elf_symbols_add(struct plait_elf_symbols *symbols, const struct plait_elf_image *image, uint32_t type)
{
	struct plait_elf_section table, strings, section = { 0 };
	uint8_t source = symbols->sources++;
	if (!plait_elf_section_of_type(image, type, &table) || table.entry_size != sizeof(Elf64_Sym) ||
	    !plait_elf_section(image, table.link, &strings))
		return true;
	struct plait_bytes bytes = plait_elf_section_bytes(image, &table);
	struct plait_bytes names = plait_elf_section_bytes(image, &strings);
	uint32_t section_index = 0;
	while (plait_bytes_left(&bytes) >= sizeof(Elf64_Sym)) {
		Elf64_Sym raw;
		plait_bytes_read(&bytes, &raw, sizeof(raw));
		if (raw.st_shndx == SHN_UNDEF || raw.st_shndx >= SHN_LORESERVE)
			continue;
		if (raw.st_shndx != section_index && !plait_elf_section(image, raw.st_shndx, &section))
			continue;
		section_index = raw.st_shndx;
		struct plait_elf_symbol symbol;
		if (!read_function(&raw, &section, &names, &symbol))
			continue;
		symbol.source = source;
		if (!plait_elf_symbols_push(symbols, &symbol))
			return false;
	}
	return true;
}

static size_t leading_underscores(const struct plait_elf_symbol *symbol)
{
	return strspn(symbol->name, "_");
}

/* < 0: `a` is the better name. */
static int compare_names(const struct plait_elf_symbol *a, const struct plait_elf_symbol *b)
{
	if (a->is_plt != b->is_plt)
		return a->is_plt ? 1 : -1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	size_t left = leading_underscores(a), right = leading_underscores(b);
	if (left != right)
		return left < right ? -1 : 1;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	if (a->name_size != b->name_size)
		return a->name_size < b->name_size ? -1 : 1;
	return strncmp(a->name, b->name, a->name_size);
}

bool plait_elf_symbol_better(const struct plait_elf_symbol *a, const struct plait_elf_symbol *b)
{
	return a->sized != b->sized ? a->sized : compare_names(a, b) < 0;
}

/* Precedence where symbols overlap: sized ones first, then the inner one, then the better name. */
static int compare_precedence(const void *left, const void *right)
{
	const struct plait_elf_symbol *a = left, *b = right;
	if (a->sized != b->sized)
		return a->sized ? -1 : 1;
	if (a->start != b->start)
		return a->start > b->start ? -1 : 1;
	return compare_names(a, b);
}

static int compare_starts(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return a < b ? -1 : a > b;
}

/* The first of the ascending `starts` above `address`. */
static uint64_t next_start(const uint64_t *starts, size_t count, uint64_t address)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (starts[middle] <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count ? starts[low] : UINT64_MAX;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Gives symbols without a size the room up to the next thing that starts. Hand-written assembly often has no unwind
 * entry, but what has one is other code. */
static bool bound_unsized(struct plait_elf_symbols *symbols, const struct plait_elf_image *image)
{
	size_t count = symbols->all.count;
	uint64_t *starts PLAIT_FREE = calloc(count + 1, sizeof(*starts));
	if (!starts)
		return false;
	for (size_t i = 0; i < count; i++)
		starts[i] = symbols->all.data[i].start;
	qsort(starts, count, sizeof(*starts), compare_starts);
	struct plait_eh_frame frame = { 0 };
	if (image)
		frame = plait_eh_frame_open(image);
	for (size_t i = 0; i < count; i++) {
		struct plait_elf_symbol *symbol = &symbols->all.data[i];
		if (symbol->sized)
			continue;
		struct plait_eh_frame_bounds bounds = plait_eh_frame_find(&frame, symbol->start);
		uint64_t end = smaller(symbol->limit, next_start(starts, count, symbol->start));
		symbol->size = smaller(end, bounds.end ? bounds.end : bounds.next) - symbol->start;
	}
	return true;
}

bool plait_elf_symbols_finish(struct plait_elf_symbols *symbols, const struct plait_elf_image *image)
{
	size_t count = symbols->all.count;
	if (count >= UINT32_MAX || !bound_unsized(symbols, image))
		return false;
	if (count)
		qsort(symbols->all.data, count, sizeof(*symbols->all.data), compare_precedence);
	struct plait_interval *ranges PLAIT_FREE = calloc(count + 1, sizeof(*ranges));
	if (!ranges)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct plait_elf_symbol *symbol = &symbols->all.data[i];
		ranges[i] = (struct plait_interval) { symbol->start, symbol->start + symbol->size, (uint32_t)i };
	}
	return plait_interval_index_build(ranges, count, &symbols->index);
}

const struct plait_elf_symbol *plait_elf_symbols_find(const struct plait_elf_symbols *symbols, uint64_t address)
{
	const struct plait_interval *piece = plait_interval_find(&symbols->index, address);
	return piece ? &symbols->all.data[piece->value] : NULL;
}

const struct plait_elf_symbol *plait_elf_symbols_alias(const struct plait_elf_symbols *symbols,
						       const struct plait_elf_symbol *symbol, const char *name)
{
	const struct plait_elf_symbol *end = symbols->all.data + symbols->all.count;
	size_t size = strlen(name);
	/* Equally good ones follow the best one directly: see compare_precedence(). */
	for (const struct plait_elf_symbol *other = symbol; other < end; other++) {
		if (other->start != symbol->start || other->sized != symbol->sized || other->rank != symbol->rank ||
		    leading_underscores(other) != leading_underscores(symbol))
			break;
		if (other->name_size == size && memcmp(other->name, name, size) == 0)
			return other;
	}
	return symbol;
}

size_t plait_elf_symbols_count(const struct plait_elf_symbols *symbols)
{
	return symbols->all.count;
}

const struct plait_elf_symbol *plait_elf_symbols_at(const struct plait_elf_symbols *symbols, size_t i)
{
	return &symbols->all.data[i];
}
