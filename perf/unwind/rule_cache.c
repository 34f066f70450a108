#include "perf/unwind/rule_cache.h"

#include <stdlib.h>
#include <string.h>

#define INITIAL_CAPACITY 4096

/* Puts a slot where its run has room. */
static void insert(struct plait_rule_cache *cache, struct plait_rule_cache_slot slot)
{
	size_t i = plait_rule_cache_home(cache, slot.module, slot.address);
	while (cache->slots[i].rule)
		i = (i + 1) & (cache->capacity - 1);
	cache->slots[i] = slot;
	cache->count++;
}

static bool grow(struct plait_rule_cache *cache)
{
	struct plait_rule_cache grown = { .capacity = cache->capacity ? cache->capacity * 2 : INITIAL_CAPACITY };
	grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (size_t i = 0; i < cache->capacity; i++) {
		if (cache->slots[i].rule)
			insert(&grown, cache->slots[i]);
	}
	free(cache->slots);
	*cache = grown;
	return true;
}

void plait_rule_cache_put(struct plait_rule_cache *cache, uint32_t module, uint64_t address, uint32_t rule)
{
	if (cache->count == PLAIT_RULE_CACHE_MAX) {
		memset(cache->slots, 0, cache->capacity * sizeof(*cache->slots));
		cache->count = 0;
	}
	if ((cache->count + 1) * 4 > cache->capacity * 3 && !grow(cache))
		return;
	insert(cache, (struct plait_rule_cache_slot) { .address = address, .module = module, .rule = rule + 1 });
}

void plait_rule_cache_release(struct plait_rule_cache *cache)
{
	free(cache->slots);
	*cache = (struct plait_rule_cache) { 0 };
}
