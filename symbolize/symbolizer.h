/*
 * Names for native addresses. The one contract between whoever has addresses and whoever knows names.
 */
#ifndef PLAIT_SYMBOLIZE_SYMBOLIZER_H
#define PLAIT_SYMBOLIZE_SYMBOLIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/module.h"

enum { PLAIT_SYMBOL_INLINE_MAX = 16 };

/* One function at an address. Strings are owned by the symbolizer and valid as long as it. */
struct plait_symbol {
	const char *name;     /* demangled; NULL: not known */
	const char *file;     /* source file; NULL: not known */
	uint32_t line;	      /* 0: not known */
	uint64_t start, size; /* of the symbol (ELF virtual address, or kernel address); size 0: not known */
};

/* The functions at one address, innermost first: inlined ones, then the function itself. */
struct plait_symbols {
	struct plait_symbol at[PLAIT_SYMBOL_INLINE_MAX];
	uint32_t count; /* 0: nothing known */
};

struct plait_symbolizer;

struct plait_symbolizer_options {
	const char *debug_directory; /* NULL: /usr/lib/debug */
	bool no_inlines;	     /* symbol names only: no DWARF lines and inlines */
	const char *kallsyms_path;   /* NULL: /proc/kallsyms */
};

/* A new symbolizer; `options` (NULL: all defaults) is copied. The only error is no memory. */
struct plait_error *plait_symbolizer_create(const struct plait_symbolizer_options *options,
					    struct plait_symbolizer **ret);

/* Ends it and every string that it has handed out; NULL is allowed. */
void plait_symbolizer_destroy(struct plait_symbolizer *symbolizer);

/*
 * Each plait_symbolize_...() gives ret->count 0 when nothing is known; the only error is no memory. A function that has
 * bounds (from unwind tables) but no name comes as one symbol with name NULL.
 */

/* Names the ELF virtual address `address` of a file (its open_path if set, else its path; the build-id, when both
 * sides have one, must match, or the file is not used). Order: .symtab, separate debug file (build-id, debuglink),
 * .gnu_debugdata, .dynsym; DWARF for lines and inlines. A file that cannot be read gives count 0, not an error. */
struct plait_error *plait_symbolize_file(struct plait_symbolizer *symbolizer, const struct plait_file_reference *file,
					 uint64_t address, struct plait_symbols *ret);

/* The same for an ELF image in memory (the vdso). `key` identifies it among the images: its bytes are copied when the
 * key is seen first, and not looked at again. */
struct plait_error *plait_symbolize_image(struct plait_symbolizer *symbolizer, uint64_t key, const void *image,
					  size_t size, uint64_t address, struct plait_symbols *ret);

/* Names a kernel address by /proc/kallsyms (modules included: name is "symbol [module]"). */
struct plait_error *plait_symbolize_kernel(struct plait_symbolizer *symbolizer, uint64_t address,
					   struct plait_symbols *ret);

/* Why kernel addresses get no names: a sentence with what to do, owned by the symbolizer; NULL: they do get names. */
const char *plait_symbolizer_kernel_reason(struct plait_symbolizer *symbolizer);

/* Names an address of memory without a file by the perf map of process `pid` (/tmp/perf-PID.map, the target's own
 * name space first: /proc/PID/root/tmp/perf-NSPID.map). */
struct plait_error *plait_symbolize_perf_map(struct plait_symbolizer *symbolizer, uint32_t pid, uint64_t address,
					     struct plait_symbols *ret);

#endif
