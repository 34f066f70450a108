/*
 * The texts that the symbolizer hands out: kept once each, for as long as it lives, and made fit to be printed.
 */
#ifndef PLAIT_SYMBOLIZE_NAMES_H
#define PLAIT_SYMBOLIZE_NAMES_H

#include <stddef.h>

struct plait_names;

/* NULL when memory ran out. */
struct plait_names *plait_names_create(void);

/* NULL is allowed. */
void plait_names_destroy(struct plait_names *names);

/* Keeps `size` bytes of text. Control characters (they could drive a terminal) become '?', and what is longer than
 * 4 KiB is cut. The result is owned by `names`; NULL when memory ran out. */
const char *plait_names_add(struct plait_names *names, const char *text, size_t size);

/* Keeps a function's name, demangled if it is mangled, with `suffix` behind it. Else like plait_names_add(). */
const char *plait_names_add_function(struct plait_names *names, const char *text, size_t size, const char *suffix);

#endif
