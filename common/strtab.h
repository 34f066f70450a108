/*
 * Interned strings: equal byte strings get one id, ids count from 0 without holes, id 0 is the empty string.
 */
#ifndef PLAIT_COMMON_STRTAB_H
#define PLAIT_COMMON_STRTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plait_strtab;

/* A new table that holds the empty string as id 0; NULL when memory ran out. */
struct plait_strtab *plait_strtab_create(void);

/* Ends the table and every string in it; NULL is allowed. */
void plait_strtab_destroy(struct plait_strtab *strtab);

/* The id of the `size` bytes at `text` (no NUL byte inside), added on first sight. Returns UINT32_MAX when memory ran
 * out. `*ret_added` (may be NULL) says whether it was new. */
uint32_t plait_strtab_add(struct plait_strtab *strtab, const char *text, size_t size, bool *ret_added);

/* The NUL-terminated text of `id`, owned by the table and valid as long as it; NULL for an id that it has not. */
const char *plait_strtab_get(const struct plait_strtab *strtab, uint32_t id);

/* The number of strings, the empty one included. */
uint32_t plait_strtab_count(const struct plait_strtab *strtab);

#endif
