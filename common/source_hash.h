/*
 * The hash by which a recording knows a source file again.
 */
#ifndef PLAIT_COMMON_SOURCE_HASH_H
#define PLAIT_COMMON_SOURCE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a, 64 bit (IETF draft-eastlake-fnv, offset basis and prime of section 5). */
static inline uint64_t plait_source_hash(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint64_t hash = 0xcbf29ce484222325ULL;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * 0x100000001b3ULL;
	return hash;
}

#endif
