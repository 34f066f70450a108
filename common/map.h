/*
 * A hash map from a 64 bit key to a 64 bit value (ids, indexes, pointers cast to uintptr_t). Open addressing, any key
 * is allowed. `struct plait_map map = {0};` is an empty map.
 */
#ifndef PLAIT_COMMON_MAP_H
#define PLAIT_COMMON_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plait_map_slot {
	uint64_t key;
	uint64_t value;
	bool used;
};

struct plait_map {
	struct plait_map_slot *slots; /* `capacity` of them: a power of two, or 0; iterate over those that are `used` */
	size_t capacity;
	size_t count;
};

/* The value of `key`, for reading and writing, or NULL. Valid until the next put or remove. */
uint64_t *plait_map_get(const struct plait_map *map, uint64_t key);

/* Sets `key` to `value`, replacing an earlier one. Returns false when memory ran out. */
bool plait_map_put(struct plait_map *map, uint64_t key, uint64_t value);

/* Removes `key`; returns whether it was there. */
bool plait_map_remove(struct plait_map *map, uint64_t key);

/* Frees the slots and makes the map empty. */
void plait_map_release(struct plait_map *map);

/* A good 64 bit mix of one value (the finalizer of MurmurHash3, public domain). */
static inline uint64_t plait_hash_u64(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ (x >> 33);
}

/* A 64 bit hash of `size` bytes (FNV-1a, mixed). */
uint64_t plait_hash_bytes(const void *data, size_t size);

#endif
