#include "python_unwind/code.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/map.h"
#include "common/vec.h"
#include "python_unwind/code_content.h"

#define NONE UINT32_MAX

/* Tables of more bytes get an index: most have fewer, and a look at so few is fast. */
#define INDEX_FROM 512

/* One interned code object. */
struct entry {
	struct plait_code code; /* first: plait_code_position() gets from it to the entry */
	struct plait_code_content content;
	struct plait_line_table lines; /* over content.table */
	uint32_t next_same_hash;       /* id or NONE */
};

/* One object in one process. Freed addresses are used again at once, so the address alone does not name it. */
struct instance {
	uint64_t address, fingerprint;
	uint32_t id;
	uint32_t next_same_hash; /* index or NONE */
};

struct process {
	PLAIT_VEC(struct instance) instances;
	struct plait_map by_key; /* hash of address and fingerprint -> newest instance */
};

struct plait_code_registry {
	PLAIT_VEC(struct entry *) entries; /* by id */
	struct plait_map by_content;	   /* hash -> id of the newest entry */
	struct plait_map processes;	   /* pid -> struct process * */
};

struct plait_error *plait_code_registry_create(struct plait_code_registry **ret)
{
	struct plait_code_registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return plait_error_no_memory();
	*ret = registry;
	return NULL;
}

static void entry_destroy(struct entry *entry)
{
	if (!entry)
		return;
	plait_line_table_release(&entry->lines);
	plait_code_content_release(&entry->content);
	free(entry);
}

static void process_destroy(struct process *process)
{
	plait_vec_free(&process->instances);
	plait_map_release(&process->by_key);
	free(process);
}

void plait_code_registry_destroy(struct plait_code_registry *registry)
{
	if (!registry)
		return;
	for (size_t i = 0; i < registry->entries.count; i++)
		entry_destroy(registry->entries.data[i]);
	for (size_t i = 0; i < registry->processes.capacity; i++)
		if (registry->processes.slots[i].used)
			process_destroy((struct process *)(uintptr_t)registry->processes.slots[i].value);
	plait_vec_free(&registry->entries);
	plait_map_release(&registry->by_content);
	plait_map_release(&registry->processes);
	free(registry);
}

/* ---- interning ---- */

static uint64_t content_hash(const struct plait_code_content *content, enum plait_line_format format)
{
	uint64_t hash = plait_hash_u64((uint64_t)(uint32_t)content->first_line << 8 | (uint64_t)format << 1 |
				       plait_code_content_is_whole(content));

	for (int i = 0; i < PLAIT_CODE_TEXTS; i++)
		hash = plait_hash_u64(hash ^ plait_hash_bytes(content->texts[i].utf8, content->texts[i].size));
	return plait_hash_u64(hash ^ plait_hash_bytes(content->table, content->table_size));
}

static bool content_equal(const struct entry *entry, const struct plait_code_content *content,
			  enum plait_line_format format)
{
	if (entry->lines.format != format || entry->content.first_line != content->first_line ||
	    entry->code.complete != plait_code_content_is_whole(content) ||
	    entry->content.table_whole != content->table_whole || entry->content.table_size != content->table_size ||
	    memcmp(entry->content.table, content->table, content->table_size) != 0)
		return false;
	for (int i = 0; i < PLAIT_CODE_TEXTS; i++)
		if (strcmp(entry->content.texts[i].utf8, content->texts[i].utf8) != 0)
			return false;
	return true;
}

/* A new entry that takes over `content`, which is empty afterwards; NULL when memory ran out. */
static struct entry *entry_create(struct plait_code_content *content, enum plait_line_format format, uint32_t id)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->content = *content;
	*content = (struct plait_code_content) { 0 };
	entry->code = (struct plait_code) {
		.id = id,
		.name = entry->content.texts[PLAIT_CODE_NAME].utf8,
		.qualname = entry->content.texts[PLAIT_CODE_QUALNAME].utf8,
		.filename = entry->content.texts[PLAIT_CODE_FILENAME].utf8,
		.first_line = entry->content.first_line,
		.complete = plait_code_content_is_whole(&entry->content),
	};
	entry->lines = (struct plait_line_table) {
		.bytes = entry->content.table,
		.size = entry->content.table_size,
		.format = format,
		.first_line = entry->content.first_line,
		.whole = entry->content.table_whole,
	};
	if (entry->lines.size > INDEX_FROM)
		plait_line_table_index(&entry->lines);
	return entry;
}

/* The id of `content`, which is taken over. */
static struct plait_error *intern(struct plait_code_registry *registry, struct plait_code_content *content,
				  enum plait_line_format format, uint32_t *ret_id)
{
	uint64_t hash = content_hash(content, format);
	const uint64_t *head = plait_map_get(&registry->by_content, hash);
	uint32_t newest = head ? (uint32_t)*head : NONE;

	for (uint32_t id = newest; id != NONE; id = registry->entries.data[id]->next_same_hash) {
		if (content_equal(registry->entries.data[id], content, format)) {
			*ret_id = id;
			return NULL;
		}
	}
	uint32_t id = (uint32_t)registry->entries.count;
	struct entry *entry = entry_create(content, format, id);
	if (!entry || !plait_vec_reserve(&registry->entries, 1) || !plait_map_put(&registry->by_content, hash, id)) {
		entry_destroy(entry);
		return plait_error_no_memory();
	}
	entry->next_same_hash = newest;
	registry->entries.data[registry->entries.count++] = entry;
	*ret_id = id;
	return NULL;
}

/* ---- processes ---- */

static struct process *find_process(const struct plait_code_registry *registry, uint32_t pid)
{
	const uint64_t *found = plait_map_get(&registry->processes, pid);

	return found ? (struct process *)(uintptr_t)*found : NULL;
}

static struct process *get_process(struct plait_code_registry *registry, uint32_t pid)
{
	struct process *process = find_process(registry, pid);

	if (process)
		return process;
	process = calloc(1, sizeof(*process));
	if (process && !plait_map_put(&registry->processes, pid, (uintptr_t)process)) {
		free(process);
		return NULL;
	}
	return process;
}

static uint64_t instance_hash(uint64_t address, uint64_t fingerprint)
{
	return plait_hash_u64(plait_hash_u64(address) ^ fingerprint);
}

static struct instance *find_instance(const struct process *process, uint64_t address, uint64_t fingerprint)
{
	const uint64_t *head = plait_map_get(&process->by_key, instance_hash(address, fingerprint));

	for (uint32_t i = head ? (uint32_t)*head : NONE; i != NONE; i = process->instances.data[i].next_same_hash) {
		struct instance *instance = &process->instances.data[i];
		if (instance->address == address && instance->fingerprint == fingerprint)
			return instance;
	}
	return NULL;
}

static struct plait_error *add_instance(struct process *process, uint64_t address, uint64_t fingerprint, uint32_t id)
{
	uint64_t hash = instance_hash(address, fingerprint);
	const uint64_t *head = plait_map_get(&process->by_key, hash);
	struct instance instance = {
		.address = address,
		.fingerprint = fingerprint,
		.id = id,
		.next_same_hash = head ? (uint32_t)*head : NONE,
	};

	if (!plait_vec_reserve(&process->instances, 1) ||
	    !plait_map_put(&process->by_key, hash, process->instances.count))
		return plait_error_no_memory();
	process->instances.data[process->instances.count++] = instance;
	return NULL;
}

struct plait_error *plait_code_registry_add(struct plait_code_registry *registry, const struct plait_walk_plan *plan,
					    const struct plait_wire_code *wire, const struct plait_memory *memory)
{
	struct process *process = get_process(registry, wire->pid);
	struct plait_code_content content PLAIT_CLEANUP(plait_code_content_release) = { 0 };
	uint32_t id = NONE;

	if (!process)
		return plait_error_no_memory();
	struct instance *known = find_instance(process, wire->code, wire->fingerprint);
	if (known && registry->entries.data[known->id]->code.complete)
		return NULL;
	PLAIT_TRY(plait_code_content_read(plan, wire, memory, &content));
	PLAIT_TRY(intern(registry, &content, plait_line_format_of(plan->version), &id));
	if (!known)
		return add_instance(process, wire->code, wire->fingerprint, id);
	known->id = id;
	return NULL;
}

const struct plait_code *plait_code_registry_find(const struct plait_code_registry *registry, uint32_t pid,
						  uint64_t address, uint64_t fingerprint)
{
	const struct process *process = find_process(registry, pid);
	const struct instance *instance = process ? find_instance(process, address, fingerprint) : NULL;

	return instance ? &registry->entries.data[instance->id]->code : NULL;
}

void plait_code_registry_forget(struct plait_code_registry *registry, uint32_t pid)
{
	struct process *process = find_process(registry, pid);

	if (!process)
		return;
	process_destroy(process);
	plait_map_remove(&registry->processes, pid);
}

struct plait_position plait_code_position(const struct plait_code *code, int32_t lasti)
{
	const struct entry *entry = (const struct entry *)(const void *)code;

	return plait_line_table_find(&entry->lines, lasti);
}
