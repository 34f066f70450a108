/*
 * A growing array. `PLAIT_VEC(struct thing) things = {0};` declares one; `.data` and `.count` are read directly.
 * Growth can fail: plait_vec_push() and plait_vec_reserve() return false when memory ran out (nothing changed then).
 */
#ifndef PLAIT_COMMON_VEC_H
#define PLAIT_COMMON_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define PLAIT_VEC(type)                                                                                                \
	struct {                                                                                                       \
		type *data;                                                                                            \
		size_t count;                                                                                          \
		size_t capacity;                                                                                       \
	}

/* Makes room for `wanted` elements of `size` bytes. Returns false when memory ran out. Used by the macros. */
bool plait_vec_grow(void **data, size_t *capacity, size_t wanted, size_t size);

/* Makes room for `n` more elements. */
#define plait_vec_reserve(vec, n)                                                                                      \
	((vec)->count + (n) <= (vec)->capacity ||                                                                      \
	 plait_vec_grow((void **)&(vec)->data, &(vec)->capacity, (vec)->count + (n), sizeof(*(vec)->data)))

/* Appends one element (an expression, possibly a compound literal). */
#define plait_vec_push(vec, ...)                                                                                       \
	(plait_vec_reserve(vec, 1) ? ((vec)->data[(vec)->count++] = (__VA_ARGS__), true) : false)

/* Frees the array and makes it empty. */
#define plait_vec_free(vec)                                                                                            \
	do {                                                                                                           \
		free((vec)->data);                                                                                     \
		(vec)->data = NULL;                                                                                    \
		(vec)->count = 0;                                                                                      \
		(vec)->capacity = 0;                                                                                   \
	} while (0)

#endif
