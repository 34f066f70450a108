#include "output/recording/strings.h"

#include <string.h>

#include "output/recording/format.h"

/* Copies one string of `size` bytes to `*to` and moves that behind its NUL. */
static bool copy(struct plait_bytes *bytes, uint64_t size, char **to)
{
	const char *from = plait_bytes_take(bytes, size);
	if (!from || memchr(from, 0, size))
		return false;
	memcpy(*to, from, size);
	*to += size;
	*(*to)++ = '\0';
	return true;
}

/* The sum of `count` sizes; false when one of them is not allowed. Leaves `bytes` behind them. */
static bool sum_sizes(struct plait_bytes *bytes, uint64_t count, uint64_t *ret_sum)
{
	uint64_t sum = 0;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t size = plait_bytes_uleb(bytes);
		if (bytes->failed || !size || size > PLAIT_STRING_MAX)
			return false;
		sum += size;
	}
	*ret_sum = sum;
	return sum == plait_bytes_left(bytes);
}

enum plait_strings_status plait_strings_add(struct plait_strings *strings, struct plait_bytes payload)
{
	if (!strings->texts.count && !plait_vec_push(&strings->texts, ""))
		return PLAIT_STRINGS_NO_MEMORY;
	uint64_t count = plait_bytes_uleb(&payload), sum;
	struct plait_bytes sizes = payload;
	if (!count || count > plait_bytes_left(&payload) || !sum_sizes(&payload, count, &sum))
		return PLAIT_STRINGS_INVALID;
	if (strings->memory + sum + 16 * count > PLAIT_STRINGS_MAX)
		return PLAIT_STRINGS_TOO_LARGE;
	char *piece = malloc(sum + count);
	if (!piece || !plait_vec_reserve(&strings->texts, count) || !plait_vec_push(&strings->pieces, piece)) {
		free(piece);
		return PLAIT_STRINGS_NO_MEMORY;
	}
	strings->memory += sum + 16 * count;
	for (uint64_t i = 0; i < count; i++) {
		plait_vec_push(&strings->texts, piece);
		if (!copy(&payload, plait_bytes_uleb(&sizes), &piece))
			return PLAIT_STRINGS_INVALID;
	}
	return PLAIT_STRINGS_OK;
}

void plait_strings_release(struct plait_strings *strings)
{
	for (size_t i = 0; i < strings->pieces.count; i++)
		free(strings->pieces.data[i]);
	plait_vec_free(&strings->pieces);
	plait_vec_free(&strings->texts);
}
