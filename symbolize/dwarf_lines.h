/*
 * Inlined functions and source lines from DWARF, through libdw. A compilation unit's tree is walked once, when the
 * first address in it is asked for, and indexed by address; asking again is a binary search.
 */
#ifndef PLAIT_SYMBOLIZE_DWARF_LINES_H
#define PLAIT_SYMBOLIZE_DWARF_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "symbolize/symbolizer.h"

struct plait_dwarf;

/* Opens the DWARF of the ELF file `fd` (which must stay open as long). `debug_directory` is where the common parts that
 * dwz put into a file of their own are looked for. NULL: it has none that can be read. */
struct plait_dwarf *plait_dwarf_open(int fd, const char *debug_directory);

/* NULL is allowed. */
void plait_dwarf_close(struct plait_dwarf *dwarf);

/* One function at an address. The strings are owned by `dwarf`. */
struct plait_dwarf_frame {
	const char *name;    /* linkage (mangled) name if there is one, else the plain name; NULL: none */
	const char *file;    /* NULL: not known */
	uint32_t line;	     /* of the address, or, in outer functions, of the call of the inlined one; 0: not known */
	uint64_t start, end; /* the piece of the function's code around the address */
};

/* The functions at ELF virtual address `address`, innermost first, at most PLAIT_SYMBOL_INLINE_MAX: of deeper nestings
 * the innermost ones and, last, the function itself. Returns how many; 0: no DWARF there. */
uint32_t plait_dwarf_find(struct plait_dwarf *dwarf, uint64_t address, struct plait_dwarf_frame *ret);

/* A row of the line table: the code from `address` on comes from here. */
struct plait_dwarf_row {
	uint64_t address;
	const char *file; /* owned by `dwarf`; NULL: not known */
	uint32_t line;	  /* 0: not known */
};

/* Calls `visit` for the rows of the code [start, end), in ascending order; the first one may begin before `start`. Ends
 * early when `visit` returns false, and returns false then. */
bool plait_dwarf_each_row(struct plait_dwarf *dwarf, uint64_t start, uint64_t end,
			  bool (*visit)(void *context, const struct plait_dwarf_row *row), void *context);

#endif
