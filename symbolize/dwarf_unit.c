#include "symbolize/dwarf_unit.h"

#include <dwarf.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/vec.h"

/* Far beyond what compilers write: bounds for broken input. */
enum { DEPTH_MAX = 256, RANGES_MAX = 1 << 16, DIES_MAX = 1 << 25 };

struct range {
	uint64_t start, end;
	uint32_t node;
	uint32_t depth;
};

struct walk {
	PLAIT_VEC(struct plait_dwarf_node) nodes;
	PLAIT_VEC(struct range) ranges;
	Dwarf_Files *files;
	size_t file_count;
	uint32_t dies_left;
	bool no_memory;
};

static uint32_t read_number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;
	if (!dwarf_attr(die, name, &attribute) || dwarf_formudata(&attribute, &value) != 0 || value > UINT32_MAX)
		return 0;
	return (uint32_t)value;
}

static const char *file_name(const struct walk *walk, uint32_t index)
{
	if (!walk->files || index >= walk->file_count)
		return NULL;
	return dwarf_filesrc(walk->files, index, NULL, NULL);
}

/* Adds the address ranges of `die` for node `node`; returns how many. */
static size_t add_ranges(struct walk *walk, Dwarf_Die *die, uint32_t node, uint32_t depth)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t offset = 0;
	size_t count = 0;
	while (count < RANGES_MAX && (offset = dwarf_ranges(die, offset, &base, &start, &end)) > 0) {
		if (start >= end)
			continue;
		if (!plait_vec_push(&walk->ranges, (struct range) { start, end, node, depth })) {
			walk->no_memory = true;
			break;
		}
		count++;
	}
	return count;
}

/* Adds `die`, a function or an inlined call below node `parent`. Returns its node, or `parent` when it has no code. */
static uint32_t add_node(struct walk *walk, Dwarf_Die *die, uint32_t parent, uint32_t depth)
{
	uint32_t node = (uint32_t)walk->nodes.count;
	bool inlined = dwarf_tag(die) == DW_TAG_inlined_subroutine;
	if (!add_ranges(walk, die, node, depth))
		return parent;
	struct plait_dwarf_node new = { .die = *die, .parent = inlined ? parent : UINT32_MAX, .depth = depth };
	if (inlined) {
		new.call_line = read_number(die, DW_AT_call_line);
		new.call_file = file_name(walk, read_number(die, DW_AT_call_file));
	}
	if (!plait_vec_push(&walk->nodes, new))
		walk->no_memory = true;
	return node;
}

/* Whether functions can be found below a DIE with this tag. */
static bool has_functions(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_structure_type: /* Rust puts functions there */
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
		return true;
	default:
		return false;
	}
}

static void walk_children(struct walk *walk, Dwarf_Die *die, uint32_t parent, uint32_t depth)
{
	Dwarf_Die child;
	if (depth >= DEPTH_MAX || dwarf_child(die, &child) != 0)
		return;
	do {
		int tag = dwarf_tag(&child);
		if (walk->no_memory || walk->dies_left-- == 0) {
			walk->dies_left = 0;
			return;
		}
		if (!has_functions(tag))
			continue;
		uint32_t node = parent;
		if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine)
			node = add_node(walk, &child, parent, depth);
		walk_children(walk, &child, node, depth + 1);
	} while (dwarf_siblingof(&child, &child) == 0);
}

static int compare_depth(const void *left, const void *right)
{
	const struct range *a = left, *b = right;
	if (a->depth != b->depth)
		return a->depth > b->depth ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->node < b->node ? -1 : a->node > b->node;
}

/* The deepest range wins at an address. */
static bool build_index(struct walk *walk, struct plait_interval_index *ret)
{
	size_t count = walk->ranges.count;
	struct plait_interval *intervals PLAIT_FREE = calloc(count + 1, sizeof(*intervals));
	if (!intervals)
		return false;
	if (count)
		qsort(walk->ranges.data, count, sizeof(struct range), compare_depth);
	for (size_t i = 0; i < count; i++) {
		const struct range *range = &walk->ranges.data[i];
		intervals[i] = (struct plait_interval) { range->start, range->end, range->node };
	}
	return plait_interval_index_build(intervals, count, ret);
}

bool plait_dwarf_unit_read(Dwarf_Die *root, struct plait_dwarf_unit *ret)
{
	struct walk walk = { .dies_left = DIES_MAX };
	struct plait_interval_index index = { 0 };
	if (dwarf_getsrcfiles(root, &walk.files, &walk.file_count) != 0)
		walk.files = NULL;
	walk_children(&walk, root, UINT32_MAX, 0);
	bool ok = !walk.no_memory && build_index(&walk, &index);
	plait_vec_free(&walk.ranges);
	if (!ok) {
		plait_vec_free(&walk.nodes);
		return false;
	}
	*ret = (struct plait_dwarf_unit) { .nodes = walk.nodes.data, .count = walk.nodes.count, .index = index };
	return true;
}

void plait_dwarf_unit_release(struct plait_dwarf_unit *unit)
{
	free(unit->nodes);
	plait_interval_index_release(&unit->index);
	*unit = (struct plait_dwarf_unit) { 0 };
}

const char *plait_dwarf_node_name(struct plait_dwarf_node *node)
{
	Dwarf_Attribute attribute;
	if (node->named)
		return node->name;
	node->named = true;
	if (dwarf_attr_integrate(&node->die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(&node->die, DW_AT_MIPS_linkage_name, &attribute))
		node->name = dwarf_formstring(&attribute);
	if (!node->name)
		node->name = dwarf_diename(&node->die);
	return node->name;
}
