/*
 * The machine code of one function, and the source lines that it comes from.
 */
#ifndef PLAIT_SYMBOLIZE_FUNCTION_H
#define PLAIT_SYMBOLIZE_FUNCTION_H

#include <stdint.h>

#include "common/vec.h"
#include "symbolize/symbolizer.h"

enum { PLAIT_FUNCTION_CODE_MAX = 1 << 20 }; /* bytes; larger "functions" are none */

/* From this offset on, the code comes from this line. */
struct plait_function_line {
	uint32_t offset;  /* bytes from the function's start, ascending */
	uint32_t line;	  /* 0: not known */
	const char *file; /* owned by the symbolizer; NULL: not known */
};

struct plait_function_code {
	const char *name;    /* demangled, owned by the symbolizer; NULL: not known */
	uint64_t start;	     /* ELF virtual address */
	const uint8_t *code; /* `size` bytes, owned by the symbolizer; NULL: not known */
	uint32_t size;
	PLAIT_VEC(struct plait_function_line) lines; /* empty without DWARF */
};

/* The function at ELF virtual address `address` of a file, found as plait_symbolize_file() finds names. `ret->code` is
 * NULL when the file cannot be read, or neither a symbol nor an unwind table tells the function's bounds. The only
 * error is no memory. Release `ret` in any case. */
struct plait_error *plait_symbolize_function(struct plait_symbolizer *symbolizer,
					     const struct plait_file_reference *file, uint64_t address,
					     struct plait_function_code *ret);
void plait_function_code_release(struct plait_function_code *code);

#endif
