/*
 * The kernel's own symbol list, /proc/kallsyms: read once, looked up by address.
 */
#ifndef PLAIT_SYMBOLIZE_KALLSYMS_H
#define PLAIT_SYMBOLIZE_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct plait_kallsyms;

struct plait_kernel_symbol {
	const char *name;   /* without module; owned by the list */
	const char *module; /* NULL: the kernel itself */
	uint64_t start, size;
};

/* Reads the list at `path` ("/proc/kallsyms"). Never fails for what is in the file: an unreadable or empty list, and
 * one whose addresses are hidden, names nothing, and plait_kallsyms_reason() says why. The only error is no memory. */
struct plait_error *plait_kallsyms_load(const char *path, struct plait_kallsyms **ret);

/* NULL is allowed. */
void plait_kallsyms_destroy(struct plait_kallsyms *kallsyms);

/* The function at `address`; false: none. */
bool plait_kallsyms_find(const struct plait_kallsyms *kallsyms, uint64_t address, struct plait_kernel_symbol *ret);

/* Why there are no kernel symbols, a sentence with what to do; NULL: there are some. */
const char *plait_kallsyms_reason(const struct plait_kallsyms *kallsyms);

size_t plait_kallsyms_count(const struct plait_kallsyms *kallsyms);

#endif
