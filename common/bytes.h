/*
 * A bounds-checked cursor over bytes that came from outside. Once a read runs past the end, `failed` is set, and this
 * and every later read give zeros: check `failed` once at the end. Numbers are little-endian.
 */
#ifndef PLAIT_COMMON_BYTES_H
#define PLAIT_COMMON_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct plait_bytes {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static inline struct plait_bytes plait_bytes(const void *data, size_t size)
{
	return (struct plait_bytes) { .at = data, .end = (const uint8_t *)data + size };
}

/* Bytes left to read; 0 after a failure. */
static inline size_t plait_bytes_left(const struct plait_bytes *bytes)
{
	return bytes->failed ? 0 : (size_t)(bytes->end - bytes->at);
}

/* The next `size` bytes in place, or NULL (and failed) when there are fewer. */
static inline const void *plait_bytes_take(struct plait_bytes *bytes, size_t size)
{
	if (plait_bytes_left(bytes) < size || bytes->failed) {
		bytes->failed = true;
		return NULL;
	}
	const void *taken = bytes->at;
	bytes->at += size;
	return taken;
}

/* Copies the next `size` bytes to `ret`; zeros when there are fewer. */
static inline void plait_bytes_read(struct plait_bytes *bytes, void *ret, size_t size)
{
	const void *from = plait_bytes_take(bytes, size);
	if (from)
		memcpy(ret, from, size);
	else
		memset(ret, 0, size);
}

static inline uint8_t plait_bytes_u8(struct plait_bytes *bytes)
{
	uint8_t value;
	plait_bytes_read(bytes, &value, sizeof(value));
	return value;
}

static inline uint16_t plait_bytes_u16(struct plait_bytes *bytes)
{
	uint16_t value;
	plait_bytes_read(bytes, &value, sizeof(value));
	return value;
}

static inline uint32_t plait_bytes_u32(struct plait_bytes *bytes)
{
	uint32_t value;
	plait_bytes_read(bytes, &value, sizeof(value));
	return value;
}

static inline uint64_t plait_bytes_u64(struct plait_bytes *bytes)
{
	uint64_t value;
	plait_bytes_read(bytes, &value, sizeof(value));
	return value;
}

/* Unsigned LEB128; more than 64 bits is a failure. */
uint64_t plait_bytes_uleb(struct plait_bytes *bytes);

/* Zigzag-coded signed number in unsigned LEB128. */
static inline int64_t plait_bytes_zigzag(struct plait_bytes *bytes)
{
	uint64_t value = plait_bytes_uleb(bytes);
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

#endif
