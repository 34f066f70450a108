#include "common/strtab.h"

#include <stdlib.h>
#include <string.h>

#include "common/map.h"
#include "common/vec.h"

struct entry {
	char *text;
	size_t size;
	uint32_t next; /* another string with the same hash; UINT32_MAX: none */
};

struct plait_strtab {
	PLAIT_VEC(struct entry) entries;
	struct plait_map by_hash; /* hash -> first entry */
};

struct plait_strtab *plait_strtab_create(void)
{
	struct plait_strtab *strtab = calloc(1, sizeof(*strtab));
	if (strtab && plait_strtab_add(strtab, "", 0, NULL) == UINT32_MAX) {
		plait_strtab_destroy(strtab);
		return NULL;
	}
	return strtab;
}

void plait_strtab_destroy(struct plait_strtab *strtab)
{
	if (!strtab)
		return;
	for (size_t i = 0; i < strtab->entries.count; i++)
		free(strtab->entries.data[i].text);
	plait_vec_free(&strtab->entries);
	plait_map_release(&strtab->by_hash);
	free(strtab);
}

static uint32_t find(const struct plait_strtab *strtab, uint32_t first, const char *text, size_t size)
{
	for (uint32_t id = first; id != UINT32_MAX; id = strtab->entries.data[id].next) {
		const struct entry *entry = &strtab->entries.data[id];
		if (entry->size == size && memcmp(entry->text, text, size) == 0)
			return id;
	}
	return UINT32_MAX;
}

uint32_t plait_strtab_add(struct plait_strtab *strtab, const char *text, size_t size, bool *ret_added)
{
	uint64_t hash = plait_hash_bytes(text, size);
	uint64_t *head = plait_map_get(&strtab->by_hash, hash);
	uint32_t first = head ? (uint32_t)*head : UINT32_MAX;
	uint32_t id = find(strtab, first, text, size);
	if (ret_added)
		*ret_added = id == UINT32_MAX;
	if (id != UINT32_MAX)
		return id;
	char *copy = malloc(size + 1);
	if (!copy)
		return UINT32_MAX;
	if (size)
		memcpy(copy, text, size);
	copy[size] = '\0';
	id = (uint32_t)strtab->entries.count;
	if (!plait_map_put(&strtab->by_hash, hash, id) ||
	    !plait_vec_push(&strtab->entries, (struct entry) { .text = copy, .size = size, .next = first })) {
		free(copy);
		return UINT32_MAX;
	}
	return id;
}

const char *plait_strtab_get(const struct plait_strtab *strtab, uint32_t id)
{
	return id < strtab->entries.count ? strtab->entries.data[id].text : NULL;
}

uint32_t plait_strtab_count(const struct plait_strtab *strtab)
{
	return (uint32_t)strtab->entries.count;
}
