#include "common/map.h"

#include <stdlib.h>
#include <string.h>

/* The slot of `key`, or the free one where it belongs. The table has at least one free slot. */
static struct plait_map_slot *find_slot(const struct plait_map *map, uint64_t key)
{
	size_t mask = map->capacity - 1;
	size_t i = plait_hash_u64(key) & mask;
	while (map->slots[i].used && map->slots[i].key != key)
		i = (i + 1) & mask;
	return &map->slots[i];
}

uint64_t *plait_map_get(const struct plait_map *map, uint64_t key)
{
	if (!map->capacity)
		return NULL;
	struct plait_map_slot *slot = find_slot(map, key);
	return slot->used ? &slot->value : NULL;
}

static bool grow(struct plait_map *map)
{
	struct plait_map grown = { .capacity = map->capacity ? map->capacity * 2 : 16 };
	grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (size_t i = 0; i < map->capacity; i++) {
		if (map->slots[i].used)
			*find_slot(&grown, map->slots[i].key) = map->slots[i];
	}
	grown.count = map->count;
	free(map->slots);
	*map = grown;
	return true;
}

bool plait_map_put(struct plait_map *map, uint64_t key, uint64_t value)
{
	if ((map->count + 1) * 4 > map->capacity * 3 && !grow(map))
		return false;
	struct plait_map_slot *slot = find_slot(map, key);
	map->count += !slot->used;
	*slot = (struct plait_map_slot) { .key = key, .value = value, .used = true };
	return true;
}

bool plait_map_remove(struct plait_map *map, uint64_t key)
{
	if (!map->capacity)
		return false;
	struct plait_map_slot *slot = find_slot(map, key);
	if (!slot->used)
		return false;
	slot->used = false;
	map->count--;
	/* Close the hole: whatever follows in the run may belong before it. */
	size_t mask = map->capacity - 1;
	for (size_t i = (size_t)(slot - map->slots + 1) & mask; map->slots[i].used; i = (i + 1) & mask) {
		struct plait_map_slot moved = map->slots[i];
		map->slots[i].used = false;
		*find_slot(map, moved.key) = moved;
	}
	return true;
}

void plait_map_release(struct plait_map *map)
{
	free(map->slots);
	*map = (struct plait_map) { 0 };
}

uint64_t plait_hash_bytes(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint64_t hash = 0xcbf29ce484222325ULL;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
	return plait_hash_u64(hash);
}
