#include "symbolize/symbolizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/map.h"
#include "common/strtab.h"
#include "common/vec.h"
#include "symbolize/kallsyms.h"
#include "symbolize/names.h"
#include "symbolize/perf_map.h"
#include "symbolize/symbol_file.h"

/* A file that was asked for, and the answers given. */
struct entry {
	struct plait_symbol_file *file; /* NULL: cannot be read */
	uint64_t tried;			/* hash of the open_path with which it was opened */
	struct plait_map answers;	/* address -> first symbol in `symbols` << 8 | count */
};

struct plait_symbolizer {
	struct plait_symbolizer_options options;
	char *debug_directory, *kallsyms_path;
	struct plait_names *names;
	struct plait_strtab *keys;	/* of files */
	struct plait_map file_of_key;	/* id in `keys` -> index into `entries` */
	struct plait_map file_of_image; /* caller's key -> index into `entries` */
	PLAIT_VEC(struct entry) entries;
	PLAIT_VEC(struct plait_symbol) symbols; /* of all answers */
	struct plait_kallsyms *kallsyms;	/* NULL: not read yet */
	struct plait_map perf_map_of_pid;	/* pid -> struct plait_perf_map */
};

/* Copies an optional text; false: no memory. */
static bool copy_text(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return !text || *ret;
}

struct plait_error *plait_symbolizer_create(const struct plait_symbolizer_options *options,
					    struct plait_symbolizer **ret)
{
	struct plait_symbolizer *symbolizer = calloc(1, sizeof(*symbolizer));
	if (!symbolizer)
		return plait_error_no_memory();
	if (options)
		symbolizer->options = *options;
	symbolizer->names = plait_names_create();
	symbolizer->keys = plait_strtab_create();
	if (!copy_text(symbolizer->options.debug_directory, &symbolizer->debug_directory) ||
	    !copy_text(symbolizer->options.kallsyms_path, &symbolizer->kallsyms_path) || !symbolizer->names ||
	    !symbolizer->keys) {
		plait_symbolizer_destroy(symbolizer);
		return plait_error_no_memory();
	}
	symbolizer->options.debug_directory = symbolizer->debug_directory;
	symbolizer->options.kallsyms_path = symbolizer->kallsyms_path;
	*ret = symbolizer;
	return NULL;
}

void plait_symbolizer_destroy(struct plait_symbolizer *symbolizer)
{
	if (!symbolizer)
		return;
	for (size_t i = 0; i < symbolizer->entries.count; i++) {
		plait_symbol_file_close(symbolizer->entries.data[i].file);
		plait_map_release(&symbolizer->entries.data[i].answers);
	}
	plait_vec_free(&symbolizer->entries);
	plait_vec_free(&symbolizer->symbols);
	for (size_t i = 0; i < symbolizer->perf_map_of_pid.capacity; i++) {
		const struct plait_map_slot *slot = &symbolizer->perf_map_of_pid.slots[i];
		if (slot->used)
			plait_perf_map_destroy((struct plait_perf_map *)(uintptr_t)slot->value);
	}
	plait_map_release(&symbolizer->perf_map_of_pid);
	plait_map_release(&symbolizer->file_of_key);
	plait_map_release(&symbolizer->file_of_image);
	plait_kallsyms_destroy(symbolizer->kallsyms);
	plait_strtab_destroy(symbolizer->keys);
	plait_names_destroy(symbolizer->names);
	free(symbolizer->debug_directory);
	free(symbolizer->kallsyms_path);
	free(symbolizer);
}

/* What identifies a file: its build-id if there is one (two copies of a file are one), else path, device and inode.
 * Returns the key's id; UINT32_MAX: no memory. */
static uint32_t key_of(struct plait_symbolizer *symbolizer, const struct plait_file_reference *file)
{
	char *text = NULL;
	if (file->build_id.size && file->build_id.size <= PLAIT_BUILD_ID_MAX) {
		uint8_t key[1 + PLAIT_BUILD_ID_MAX] = { 'b' };
		memcpy(key + 1, file->build_id.bytes, file->build_id.size);
		return plait_strtab_add(symbolizer->keys, (const char *)key, 1 + (size_t)file->build_id.size, NULL);
	}
	int size = asprintf(&text, "f%llx:%llx:%s", (unsigned long long)file->device, (unsigned long long)file->inode,
			    file->path ? file->path : "");
	if (size < 0)
		return UINT32_MAX;
	uint32_t id = plait_strtab_add(symbolizer->keys, text, (size_t)size, NULL);
	free(text);
	return id;
}

/* The entry with `key` in `map`, added when it is new (`*ret_new`); NULL: no memory. Valid until the next call. */
static struct entry *find_entry(struct plait_symbolizer *symbolizer, struct plait_map *map, uint64_t key, bool *ret_new)
{
	const uint64_t *index = plait_map_get(map, key);
	*ret_new = index == NULL;
	if (index)
		return &symbolizer->entries.data[*index];
	if (!plait_vec_push(&symbolizer->entries, (struct entry) { 0 }))
		return NULL;
	if (!plait_map_put(map, key, symbolizer->entries.count - 1)) {
		symbolizer->entries.count--;
		return NULL;
	}
	return &symbolizer->entries.data[symbolizer->entries.count - 1];
}

/* The answer given before for `address`; false: none. */
static bool find_answer(const struct plait_symbolizer *symbolizer, const struct entry *entry, uint64_t address,
			struct plait_symbols *ret)
{
	const uint64_t *answer = plait_map_get(&entry->answers, address);
	if (!answer)
		return false;
	ret->count = (uint32_t)(*answer & 0xff);
	if (ret->count)
		memcpy(ret->at, symbolizer->symbols.data + (*answer >> 8), ret->count * sizeof(ret->at[0]));
	return true;
}

static bool keep_answer(struct plait_symbolizer *symbolizer, struct entry *entry, uint64_t address,
			const struct plait_symbols *answer)
{
	uint64_t first = symbolizer->symbols.count;
	for (uint32_t i = 0; i < answer->count; i++) {
		if (!plait_vec_push(&symbolizer->symbols, answer->at[i]))
			return false;
	}
	return plait_map_put(&entry->answers, address, first << 8 | answer->count);
}

static struct plait_error *find_in_entry(struct plait_symbolizer *symbolizer, struct entry *entry, uint64_t address,
					 struct plait_symbols *ret)
{
	ret->count = 0;
	if (!entry->file || find_answer(symbolizer, entry, address, ret))
		return NULL;
	struct plait_error *error = plait_symbol_file_find(entry->file, address, symbolizer->names, ret);
	if (!error && !keep_answer(symbolizer, entry, address, ret))
		error = plait_error_no_memory();
	return error;
}

/* The entry of a file, opened when it is asked for first; valid until the next call. */
static struct plait_error *entry_of(struct plait_symbolizer *symbolizer, const struct plait_file_reference *file,
				    struct entry **ret)
{
	uint32_t key = key_of(symbolizer, file);
	bool is_new;
	struct entry *entry = key == UINT32_MAX ? NULL : find_entry(symbolizer, &symbolizer->file_of_key, key, &is_new);
	if (!entry)
		return plait_error_no_memory();
	*ret = entry;
	/* A file that could not be read may be reachable through another process. */
	const char *open_path = file->open_path ? file->open_path : "";
	uint64_t tried = plait_hash_bytes(open_path, strlen(open_path));
	if (!is_new && (entry->file || entry->tried == tried))
		return NULL;
	entry->tried = tried;
	return plait_symbol_file_open(file, &symbolizer->options, &entry->file);
}

struct plait_error *plait_symbolize_file(struct plait_symbolizer *symbolizer, const struct plait_file_reference *file,
					 uint64_t address, struct plait_symbols *ret)
{
	struct entry *entry;
	PLAIT_TRY(entry_of(symbolizer, file, &entry));
	return find_in_entry(symbolizer, entry, address, ret);
}

struct plait_error *plait_symbolize_function(struct plait_symbolizer *symbolizer,
					     const struct plait_file_reference *file, uint64_t address,
					     struct plait_function_code *ret)
{
	struct entry *entry;
	*ret = (struct plait_function_code) { 0 };
	PLAIT_TRY(entry_of(symbolizer, file, &entry));
	return entry->file ? plait_symbol_file_function(entry->file, address, symbolizer->names, ret) : NULL;
}

struct plait_error *plait_symbolize_image(struct plait_symbolizer *symbolizer, uint64_t key, const void *image,
					  size_t size, uint64_t address, struct plait_symbols *ret)
{
	bool is_new;
	struct entry *entry = find_entry(symbolizer, &symbolizer->file_of_image, key, &is_new);
	if (!entry)
		return plait_error_no_memory();
	if (is_new) {
		struct plait_error *error =
			plait_symbol_file_open_image(image, size, &symbolizer->options, &entry->file);
		if (error)
			return error;
	}
	return find_in_entry(symbolizer, entry, address, ret);
}

static struct plait_error *load_kallsyms(struct plait_symbolizer *symbolizer)
{
	const char *path = symbolizer->options.kallsyms_path;
	if (symbolizer->kallsyms)
		return NULL;
	return plait_kallsyms_load(path ? path : "/proc/kallsyms", &symbolizer->kallsyms);
}

struct plait_error *plait_symbolize_kernel(struct plait_symbolizer *symbolizer, uint64_t address,
					   struct plait_symbols *ret)
{
	struct plait_error *error = load_kallsyms(symbolizer);
	struct plait_kernel_symbol symbol;
	ret->count = 0;
	if (error || !plait_kallsyms_find(symbolizer->kallsyms, address, &symbol))
		return error;
	char text[1024];
	int size = symbol.module ? snprintf(text, sizeof(text), "%s [%s]", symbol.name, symbol.module)
				 : snprintf(text, sizeof(text), "%s", symbol.name);
	const char *name =
		plait_names_add(symbolizer->names, text, size < (int)sizeof(text) ? (size_t)size : sizeof(text) - 1);
	if (!name)
		return plait_error_no_memory();
	ret->at[ret->count++] = (struct plait_symbol) { .name = name, .start = symbol.start, .size = symbol.size };
	return NULL;
}

const char *plait_symbolizer_kernel_reason(struct plait_symbolizer *symbolizer)
{
	struct plait_error *error = load_kallsyms(symbolizer);
	if (!error)
		return plait_kallsyms_reason(symbolizer->kallsyms);
	plait_error_free(error);
	return "out of memory";
}

struct plait_error *plait_symbolize_perf_map(struct plait_symbolizer *symbolizer, uint32_t pid, uint64_t address,
					     struct plait_symbols *ret)
{
	const uint64_t *known = plait_map_get(&symbolizer->perf_map_of_pid, pid);
	struct plait_perf_map *map = known ? (struct plait_perf_map *)(uintptr_t)*known : NULL;
	struct plait_perf_map_symbol symbol;
	struct plait_error *error = map ? NULL : plait_perf_map_create(pid, &map);
	bool found;
	ret->count = 0;
	if (error)
		return error;
	if (!known && !plait_map_put(&symbolizer->perf_map_of_pid, pid, (uint64_t)(uintptr_t)map)) {
		plait_perf_map_destroy(map);
		return plait_error_no_memory();
	}
	error = plait_perf_map_find(map, address, &symbol, &found);
	if (error || !found)
		return error;
	const char *name = plait_names_add(symbolizer->names, symbol.name, symbol.name_size);
	if (!name)
		return plait_error_no_memory();
	ret->at[ret->count++] = (struct plait_symbol) { .name = name, .start = symbol.start, .size = symbol.size };
	return NULL;
}
