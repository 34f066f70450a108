/*
 * The second layer: (file, address) -> rule id. One open-addressing table of 16 byte slots for all files, so that a hit
 * costs one cache line.
 */
#ifndef PLAIT_PERF_UNWIND_RULE_CACHE_H
#define PLAIT_PERF_UNWIND_RULE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/map.h"

struct plait_rule_cache_slot {
	uint64_t address; /* ELF virtual address */
	uint32_t module;
	uint32_t rule; /* id + 1; 0: the slot is free */
};

struct plait_rule_cache {
	struct plait_rule_cache_slot *slots; /* `capacity` of them: a power of two, or 0 */
	size_t capacity;
	size_t count;
};

/* Remembers a rule, "no rule" included. At PLAIT_RULE_CACHE_MAX entries the cache is emptied and starts anew; without
 * memory nothing is remembered. The key must not be there yet. */
void plait_rule_cache_put(struct plait_rule_cache *cache, uint32_t module, uint64_t address, uint32_t rule);

/* Frees the slots and makes the cache empty. */
void plait_rule_cache_release(struct plait_rule_cache *cache);

#define PLAIT_RULE_CACHE_MAX ((size_t)3 << 20) /* 64 MiB of slots */

static inline size_t plait_rule_cache_home(const struct plait_rule_cache *cache, uint32_t module, uint64_t address)
{
	return plait_hash_u64(address ^ (uint64_t)module << 44) & (cache->capacity - 1);
}

/* The id remembered for (module, address); false when there is none. */
static inline bool plait_rule_cache_get(const struct plait_rule_cache *cache, uint32_t module, uint64_t address,
					uint32_t *ret)
{
	if (!cache->capacity)
		return false;
	for (size_t i = plait_rule_cache_home(cache, module, address);; i = (i + 1) & (cache->capacity - 1)) {
		const struct plait_rule_cache_slot *slot = &cache->slots[i];
		if (!slot->rule)
			return false;
		if (slot->address == address && slot->module == module) {
			*ret = slot->rule - 1;
			return true;
		}
	}
}

#endif
