/*
 * Everything that one ELF file and its debug files tell about its addresses.
 */
#ifndef PLAIT_SYMBOLIZE_SYMBOL_FILE_H
#define PLAIT_SYMBOLIZE_SYMBOL_FILE_H

#include "symbolize/function.h"
#include "symbolize/names.h"
#include "symbolize/symbolizer.h"

struct plait_symbol_file;

/* Opens the file of `reference` (see plait_symbolize_file()) and its debug files. `*ret` is NULL when neither can be
 * used. The only error is no memory. */
struct plait_error *plait_symbol_file_open(const struct plait_file_reference *reference,
					   const struct plait_symbolizer_options *options,
					   struct plait_symbol_file **ret);

/* The same for an ELF image in memory, of which a copy is kept. Its DWARF is read only from a debug file. */
struct plait_error *plait_symbol_file_open_image(const void *image, size_t size,
						 const struct plait_symbolizer_options *options,
						 struct plait_symbol_file **ret);

/* NULL is allowed. */
void plait_symbol_file_close(struct plait_symbol_file *file);

/* The functions at ELF virtual address `address`; their texts are kept in `names`. The only error is no memory. */
struct plait_error *plait_symbol_file_find(struct plait_symbol_file *file, uint64_t address, struct plait_names *names,
					   struct plait_symbols *ret);

/* See plait_symbolize_function(). */
struct plait_error *plait_symbol_file_function(struct plait_symbol_file *file, uint64_t address,
					       struct plait_names *names, struct plait_function_code *ret);

#endif
