/*
 * A growing byte buffer to encode into. When memory runs out, `failed` is set and what was being put is incomplete:
 * the caller goes back to a mark with plait_buffer_rewind().
 */
#ifndef PLAIT_OUTPUT_RECORDING_BUFFER_H
#define PLAIT_OUTPUT_RECORDING_BUFFER_H

#include <stdint.h>
#include <string.h>

#include "common/vec.h"

#define PLAIT_ULEB_MAX 10 /* bytes of the longest 64 bit number */

struct plait_buffer {
	uint8_t *data;
	size_t count;
	size_t capacity;
	bool failed;
};

/* Makes room for `size` more bytes; false (and failed) when memory ran out. */
static inline bool plait_buffer_reserve(struct plait_buffer *buffer, size_t size)
{
	if (!plait_vec_reserve(buffer, size))
		buffer->failed = true;
	return !buffer->failed;
}

static inline void plait_buffer_put(struct plait_buffer *buffer, const void *data, size_t size)
{
	if (!size || !plait_buffer_reserve(buffer, size))
		return;
	memcpy(buffer->data + buffer->count, data, size);
	buffer->count += size;
}

static inline void plait_buffer_u8(struct plait_buffer *buffer, uint8_t value)
{
	plait_buffer_put(buffer, &value, 1);
}

/* Unsigned LEB128. */
static inline void plait_buffer_uleb(struct plait_buffer *buffer, uint64_t value)
{
	if (!plait_buffer_reserve(buffer, PLAIT_ULEB_MAX))
		return;
	for (; value >= 0x80; value >>= 7)
		buffer->data[buffer->count++] = (uint8_t)(value | 0x80);
	buffer->data[buffer->count++] = (uint8_t)value;
}

/* The difference of two numbers modulo 2^64, as a signed number: 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */
static inline void plait_buffer_zigzag(struct plait_buffer *buffer, uint64_t difference)
{
	plait_buffer_uleb(buffer, difference << 1 ^ (uint64_t)((int64_t)difference >> 63));
}

/* Back to `mark` bytes, and no longer failed. Returns whether everything since had been put. */
static inline bool plait_buffer_rewind(struct plait_buffer *buffer, size_t mark)
{
	bool good = !buffer->failed;
	buffer->failed = false;
	buffer->count = mark;
	return good;
}

static inline void plait_buffer_free(struct plait_buffer *buffer)
{
	plait_vec_free(buffer);
	buffer->failed = false;
}

#endif
