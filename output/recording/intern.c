#include "output/recording/intern.h"

#include <stdlib.h>
#include <string.h>

#include "common/map.h"

static uint64_t hash_frame(const struct plait_frame_key *key)
{
	uint64_t hash = plait_hash_u64(key->address + key->kind);
	hash = plait_hash_u64(hash ^ ((uint64_t)key->module << 32 | key->code) ^ key->process);
	hash ^= (uint64_t)(uint32_t)key->line << 32 | (uint32_t)key->column;
	return plait_hash_u64(hash + ((uint64_t)(uint32_t)key->end_column << 32 | (uint32_t)key->end_line));
}

/* The slot that holds `key`, or the free one where it belongs. */
static uint32_t *frame_slot(const struct plait_frame_table *table, const struct plait_frame_key *key)
{
	size_t mask = table->capacity - 1;
	size_t i = hash_frame(key) & mask;
	while (table->slots[i] != PLAIT_NONE && memcmp(&table->frames.data[table->slots[i]], key, sizeof(*key)))
		i = (i + 1) & mask;
	return &table->slots[i];
}

static bool grow_frames(struct plait_frame_table *table)
{
	size_t capacity = table->capacity ? table->capacity * 2 : 256;
	uint32_t *slots = malloc(capacity * sizeof(*slots));
	if (!slots)
		return false;
	memset(slots, 0xff, capacity * sizeof(*slots)); /* PLAIT_NONE */
	free(table->slots);
	table->slots = slots;
	table->capacity = capacity;
	for (size_t i = 0; i < table->frames.count; i++)
		*frame_slot(table, &table->frames.data[i]) = (uint32_t)i;
	return true;
}

uint32_t plait_frame_table_add(struct plait_frame_table *table, const struct plait_frame_key *key, bool *ret_added)
{
	*ret_added = false;
	if ((table->frames.count + 1) * 2 > table->capacity && !grow_frames(table))
		return PLAIT_NONE;
	uint32_t *slot = frame_slot(table, key);
	if (*slot != PLAIT_NONE)
		return *slot;
	if (table->frames.count >= PLAIT_NONE - 1 || !plait_vec_push(&table->frames, *key))
		return PLAIT_NONE;
	*ret_added = true;
	return *slot = (uint32_t)(table->frames.count - 1);
}

void plait_frame_table_release(struct plait_frame_table *table)
{
	plait_vec_free(&table->frames);
	free(table->slots);
	*table = (struct plait_frame_table) { 0 };
}

static struct plait_node_slot *node_slot(const struct plait_node_table *table, uint32_t parent, uint32_t frame)
{
	size_t mask = table->capacity - 1;
	size_t i = plait_hash_u64((uint64_t)parent << 32 | frame) & mask;
	for (;; i = (i + 1) & mask) {
		struct plait_node_slot *slot = &table->slots[i];
		if (slot->node == PLAIT_NONE || (slot->parent == parent && slot->frame == frame))
			return slot;
	}
}

uint32_t plait_node_table_find(const struct plait_node_table *table, uint32_t parent, uint32_t frame)
{
	return table->capacity ? node_slot(table, parent, frame)->node : PLAIT_NONE;
}

static bool grow_nodes(struct plait_node_table *table)
{
	struct plait_node_table grown = { .capacity = table->capacity ? table->capacity * 2 : 1024 };
	grown.slots = malloc(grown.capacity * sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	memset(grown.slots, 0xff, grown.capacity * sizeof(*grown.slots)); /* PLAIT_NONE */
	for (size_t i = 0; i < table->capacity; i++) {
		struct plait_node_slot *slot = &table->slots[i];
		if (slot->node != PLAIT_NONE)
			*node_slot(&grown, slot->parent, slot->frame) = *slot;
	}
	free(table->slots);
	table->slots = grown.slots;
	table->capacity = grown.capacity;
	return true;
}

uint32_t plait_node_table_add(struct plait_node_table *table, uint32_t parent, uint32_t frame)
{
	if (((size_t)table->count + 1) * 2 > table->capacity && !grow_nodes(table))
		return PLAIT_NONE;
	if (table->count >= PLAIT_NONE - 1)
		return PLAIT_NONE;
	*node_slot(table, parent, frame) = (struct plait_node_slot) { parent, frame, table->count };
	return table->count++;
}

void plait_node_table_release(struct plait_node_table *table)
{
	free(table->slots);
	*table = (struct plait_node_table) { 0 };
}
