/*
 * The functions that an ELF file's symbol tables name, merged from several tables and images of one file (the file, its
 * debug file, its mini debug info), and looked up by address. Names are those of the tables: not demangled.
 */
#ifndef PLAIT_SYMBOLIZE_ELF_SYMBOLS_H
#define PLAIT_SYMBOLIZE_ELF_SYMBOLS_H

#include "symbolize/elf_image.h"

struct plait_elf_symbol {
	const char *name;   /* points into the image it came from */
	uint32_t name_size; /* without "@VERSION" */
	uint64_t start, size;
	bool sized;	/* size is the symbol's own; false: up to where the next symbol or unwind entry starts */
	bool is_plt;	/* the entry of the procedure linkage table for `name` */
	uint8_t rank;	/* of binding and type; lower is better. Internal. */
	uint8_t source; /* which add call it came from; lower is better. Internal. */
	uint64_t limit; /* end of its section. Internal. */
};

struct plait_elf_symbols;

/* A new, empty table; NULL when memory ran out. */
struct plait_elf_symbols *plait_elf_symbols_create(void);

/* NULL is allowed. */
void plait_elf_symbols_destroy(struct plait_elf_symbols *symbols);

/* Adds the functions of the table of type `type` (SHT_SYMTAB or SHT_DYNSYM). The image must outlive the table. At equal
 * addresses what was added first wins. Returns false when memory ran out; a missing or broken table adds nothing. */
bool plait_elf_symbols_add(struct plait_elf_symbols *symbols, const struct plait_elf_image *image, uint32_t type);

/* Adds the entries of the procedure linkage tables (sections .plt*), named after the function that they jump to. Call
 * it after the symbol tables were added: indirect functions are named by address. */
bool plait_elf_symbols_add_plt(struct plait_elf_symbols *symbols, const struct plait_elf_image *image);

/* Appends one symbol as it is. Returns false when memory ran out. Used by the adding functions. */
bool plait_elf_symbols_push(struct plait_elf_symbols *symbols, const struct plait_elf_symbol *symbol);

/* Whether `a` is the better of two names for the same address. */
bool plait_elf_symbol_better(const struct plait_elf_symbol *a, const struct plait_elf_symbol *b);

/* Sorts what was added. Symbols without a size end where the next symbol, their section, or (when `image` is not NULL)
 * an unwind entry of `image` says that other code begins. Returns false when memory ran out. */
bool plait_elf_symbols_finish(struct plait_elf_symbols *symbols, const struct plait_elf_image *image);

/* The function at `address`, or NULL: an address outside every symbol has no name. After finish. */
const struct plait_elf_symbol *plait_elf_symbols_find(const struct plait_elf_symbols *symbols, uint64_t address);

/* Of the symbols at the start of `symbol` that are as good as it, the one called `name` (a function that the compiler
 * folded with equal ones has many names, and DWARF knows which one its lines are of); `symbol` itself if there is none.
 */
const struct plait_elf_symbol *plait_elf_symbols_alias(const struct plait_elf_symbols *symbols,
						       const struct plait_elf_symbol *symbol, const char *name);

/* The number of symbols, for tests and benchmarks; and number `i` of them. */
size_t plait_elf_symbols_count(const struct plait_elf_symbols *symbols);
const struct plait_elf_symbol *plait_elf_symbols_at(const struct plait_elf_symbols *symbols, size_t i);

#endif
