#include "symbolize/dwarf_lines.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/vec.h"
#include "symbolize/dwarf_unit.h"

enum { RANGES_MAX = 1 << 16 };

struct unit {
	Dwarf_Die root;	 /* with the lines: the skeleton, where DWARF is split */
	Dwarf_Die inner; /* with the functions: of the .dwo file, where DWARF is split */
	bool read;
	struct plait_dwarf_unit functions;
};

struct plait_dwarf {
	Dwarf *dwarf;
	Dwarf *alternate; /* dwz's common file, if we opened it; its descriptor is below */
	int alternate_fd;
	PLAIT_VEC(struct unit) units;
	struct plait_interval_index index; /* value: index into `units` */
};

/* Opens dwz's common file by its build-id below `debug_directory`. libdw tries itself, but knows only the usual folder.
 * Without it, names that were moved there are missing, nothing else. */
static void open_alternate(struct plait_dwarf *dwarf, const char *debug_directory)
{
	const char *name;
	const void *bytes;
	ssize_t size = dwelf_dwarf_gnu_debugaltlink(dwarf->dwarf, &name, &bytes);
	if (size < 2 || size > 64)
		return;
	const uint8_t *id = bytes;
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/.build-id/%02x/", debug_directory, id[0]);
	for (ssize_t i = 1; i < size && length < PATH_MAX - 16; i++)
		length += snprintf(path + length, sizeof(path) - (size_t)length, "%02x", id[i]);
	if (length >= PATH_MAX - 16)
		return;
	snprintf(path + length, sizeof(path) - (size_t)length, ".debug");
	dwarf->alternate_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (dwarf->alternate_fd < 0)
		return;
	dwarf->alternate = dwarf_begin(dwarf->alternate_fd, DWARF_C_READ);
	if (dwarf->alternate)
		dwarf_setalt(dwarf->dwarf, dwarf->alternate);
}

struct interval_list {
	struct plait_interval *data;
	size_t count, capacity;
};

/* Adds the code of one unit to `ranges`. */
static bool add_unit_ranges(Dwarf_Die *root, uint32_t unit, struct interval_list *ranges)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t offset = 0;
	for (int i = 0; i < RANGES_MAX && (offset = dwarf_ranges(root, offset, &base, &start, &end)) > 0; i++) {
		if (start < end && !plait_vec_push(ranges, (struct plait_interval) { start, end, unit }))
			return false;
	}
	return true;
}

/* Lists the units that have code, and indexes them by their own ranges (.debug_aranges would do the same, but clang
 * does not write it). */
static bool index_units(struct plait_dwarf *dwarf)
{
	struct interval_list ranges = { 0 };
	Dwarf_CU *unit = NULL;
	Dwarf_Die root, inner;
	uint8_t type;
	bool ok = true;
	while (ok && dwarf_get_units(dwarf->dwarf, unit, &unit, NULL, &type, &root, &inner) == 0) {
		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		bool split = type == DW_UT_skeleton && dwarf_tag(&inner) == DW_TAG_compile_unit;
		ok = add_unit_ranges(&root, (uint32_t)dwarf->units.count, &ranges) &&
		     plait_vec_push(&dwarf->units, (struct unit) { .root = root, .inner = split ? inner : root });
	}
	ok = ok && plait_interval_index_build(ranges.data, ranges.count, &dwarf->index);
	plait_vec_free(&ranges);
	return ok;
}

struct plait_dwarf *plait_dwarf_open(int fd, const char *debug_directory)
{
	struct plait_dwarf *dwarf = calloc(1, sizeof(*dwarf));
	if (!dwarf)
		return NULL;
	dwarf->alternate_fd = -1;
	dwarf->dwarf = dwarf_begin(fd, DWARF_C_READ);
	if (dwarf->dwarf) {
		open_alternate(dwarf, debug_directory);
		if (index_units(dwarf))
			return dwarf;
	}
	plait_dwarf_close(dwarf);
	return NULL;
}

void plait_dwarf_close(struct plait_dwarf *dwarf)
{
	if (!dwarf)
		return;
	for (size_t i = 0; i < dwarf->units.count; i++)
		plait_dwarf_unit_release(&dwarf->units.data[i].functions);
	plait_vec_free(&dwarf->units);
	plait_interval_index_release(&dwarf->index);
	if (dwarf->dwarf)
		dwarf_end(dwarf->dwarf);
	if (dwarf->alternate)
		dwarf_end(dwarf->alternate);
	if (dwarf->alternate_fd >= 0)
		close(dwarf->alternate_fd);
	free(dwarf);
}

/* The unit that has code at `address`, with its functions read; NULL: none. */
static struct unit *find_unit(struct plait_dwarf *dwarf, uint64_t address)
{
	const struct plait_interval *piece = plait_interval_find(&dwarf->index, address);
	if (!piece)
		return NULL;
	struct unit *unit = &dwarf->units.data[piece->value];
	if (!unit->read) {
		unit->read = true;
		plait_dwarf_unit_read(&unit->inner, &unit->functions);
	}
	return unit;
}

/* The line table's row for `address`. */
static void find_line(struct unit *unit, uint64_t address, const char **ret_file, uint32_t *ret_line)
{
	Dwarf_Line *row = dwarf_getsrc_die(&unit->root, address);
	int line;
	if (!row || dwarf_lineno(row, &line) != 0)
		return;
	*ret_file = dwarf_linesrc(row, NULL, NULL);
	*ret_line = line > 0 ? (uint32_t)line : 0;
}

/* The range of `die` that has `address`. */
static void find_range(Dwarf_Die *die, uint64_t address, struct plait_dwarf_frame *ret)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t offset = 0;
	for (int i = 0; i < RANGES_MAX && (offset = dwarf_ranges(die, offset, &base, &start, &end)) > 0; i++) {
		if (address >= start && address < end) {
			ret->start = start;
			ret->end = end;
			return;
		}
	}
}

uint32_t plait_dwarf_find(struct plait_dwarf *dwarf, uint64_t address, struct plait_dwarf_frame *ret)
{
	struct unit *unit = find_unit(dwarf, address);
	if (!unit)
		return 0;
	const char *file = NULL;
	uint32_t line = 0, count = 0;
	find_line(unit, address, &file, &line);
	const struct plait_interval *piece = plait_interval_find(&unit->functions.index, address);
	if (!piece) {
		ret[0] = (struct plait_dwarf_frame) { .file = file, .line = line };
		return file != NULL;
	}
	for (uint32_t i = piece->value; i != UINT32_MAX;) {
		struct plait_dwarf_node *node = &unit->functions.nodes[i];
		uint32_t at = count < PLAIT_SYMBOL_INLINE_MAX ? count++ : PLAIT_SYMBOL_INLINE_MAX - 1;
		ret[at] = (struct plait_dwarf_frame) { plait_dwarf_node_name(node), file, line, 0, 0 };
		find_range(&node->die, address, &ret[at]);
		file = node->call_file;
		line = node->call_line;
		i = node->parent;
	}
	return count;
}

/* The last row at or before `address`; 0 when the first one is behind it. */
static size_t row_at(Dwarf_Lines *rows, size_t count, uint64_t address)
{
	size_t low = 0, high = count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		Dwarf_Addr at = UINT64_MAX;
		dwarf_lineaddr(dwarf_onesrcline(rows, middle), &at);
		if (at <= address)
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool plait_dwarf_each_row(struct plait_dwarf *dwarf, uint64_t start, uint64_t end,
			  bool (*visit)(void *context, const struct plait_dwarf_row *row), void *context)
{
	struct unit *unit = find_unit(dwarf, start);
	Dwarf_Lines *rows;
	size_t count;
	if (!unit || dwarf_getsrclines(&unit->root, &rows, &count) != 0 || !count)
		return true;
	for (size_t i = row_at(rows, count, start); i < count; i++) {
		Dwarf_Line *line = dwarf_onesrcline(rows, i);
		Dwarf_Addr address;
		int number = 0;
		bool ends = false;
		if (dwarf_lineaddr(line, &address) != 0 || address >= end)
			break;
		if (dwarf_lineendsequence(line, &ends) != 0 || ends)
			continue;
		if (dwarf_lineno(line, &number) != 0 || number < 0)
			number = 0;
		struct plait_dwarf_row row = { address, dwarf_linesrc(line, NULL, NULL), (uint32_t)number };
		if (!visit(context, &row))
			return false;
	}
	return true;
}
