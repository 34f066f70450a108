/*
 * The functions of one DWARF compilation unit as a flat array, and which of them is innermost at an address.
 */
#ifndef PLAIT_SYMBOLIZE_DWARF_UNIT_H
#define PLAIT_SYMBOLIZE_DWARF_UNIT_H

#include <elfutils/libdw.h>

#include "symbolize/interval.h"

/* A function or an inlined call of one. */
struct plait_dwarf_node {
	Dwarf_Die die;
	uint32_t parent;       /* the node it is inlined into; UINT32_MAX: it is a function of its own */
	uint32_t depth;	       /* nesting of its DIE; inner ranges win */
	const char *name;      /* see plait_dwarf_node_name() */
	bool named;	       /* `name` was looked up */
	const char *call_file; /* of an inlined call; NULL: not known */
	uint32_t call_line;
};

struct plait_dwarf_unit {
	struct plait_dwarf_node *nodes;
	size_t count;
	struct plait_interval_index index; /* value: index into `nodes` */
};

/* Walks the tree below `root` (a compile unit's DIE). Returns false when memory ran out. What is broken or beyond the
 * limits is left out. */
bool plait_dwarf_unit_read(Dwarf_Die *root, struct plait_dwarf_unit *ret);

void plait_dwarf_unit_release(struct plait_dwarf_unit *unit);

/* The node's linkage name, or plain name, or NULL. */
const char *plait_dwarf_node_name(struct plait_dwarf_node *node);

#endif
