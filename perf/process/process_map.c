#include "perf/process/process_map.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "common/map.h"
#include "common/vec.h"
#include "perf/process/elf_notes.h"
#include "perf/process/module_files.h"
#include "perf/process/proc.h"
#include "perf/source/source.h"

/* How many ended processes are remembered: their last samples may still be on the way. */
enum { ENDED_MAX = 1024 };

struct process {
	struct plait_process seen;
	PLAIT_VEC(struct plait_mapping) mappings; /* ascending, without overlap */
	bool ended;				  /* its first thread has; others may live on */
};

struct thread_name {
	char text[64];
};

struct plait_process_map {
	struct plait_map processes; /* pid -> struct process * */
	struct plait_map threads;   /* tid -> struct thread_name * */
	struct plait_module_files files;
	PLAIT_VEC(uint32_t) ended; /* pids, oldest first */
	uint64_t generation;
	uint32_t serial;
};

struct plait_error *plait_process_map_create(struct plait_process_map **ret)
{
	struct plait_process_map *map = calloc(1, sizeof(*map));
	if (!map)
		return plait_error_no_memory();
	*ret = map;
	return NULL;
}

static void destroy_process(struct process *process)
{
	plait_vec_free(&process->mappings);
	free(process);
}

void plait_process_map_destroy(struct plait_process_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->processes.capacity; i++) {
		if (map->processes.slots[i].used)
			destroy_process((struct process *)(uintptr_t)map->processes.slots[i].value);
	}
	for (size_t i = 0; i < map->threads.capacity; i++) {
		if (map->threads.slots[i].used)
			free((void *)(uintptr_t)map->threads.slots[i].value);
	}
	plait_map_release(&map->processes);
	plait_map_release(&map->threads);
	plait_vec_free(&map->ended);
	plait_module_files_release(&map->files);
	free(map);
}

static struct process *find_process(const struct plait_process_map *map, uint32_t pid)
{
	const uint64_t *value = plait_map_get(&map->processes, pid);
	return value ? (struct process *)(uintptr_t)*value : NULL;
}

/* The process with this pid, made when it is not there. NULL when memory ran out. */
static struct process *get_process(struct plait_process_map *map, uint32_t pid)
{
	struct process *process = find_process(map, pid);
	if (process)
		return process;
	process = calloc(1, sizeof(*process));
	if (process && !plait_map_put(&map->processes, pid, (uint64_t)(uintptr_t)process)) {
		free(process);
		return NULL;
	}
	if (process)
		process->seen = (struct plait_process) { .pid = pid, .serial = map->serial++ };
	return process;
}

static void remove_process(struct plait_process_map *map, uint32_t pid)
{
	struct process *process = find_process(map, pid);
	if (!process)
		return;
	destroy_process(process);
	plait_map_remove(&map->processes, pid);
}

/* ---- names ---- */

static bool name_thread(struct plait_process_map *map, uint32_t tid, const char *name)
{
	const uint64_t *value = plait_map_get(&map->threads, tid);
	struct thread_name *known = value ? (struct thread_name *)(uintptr_t)*value : calloc(1, sizeof(*known));
	if (!known)
		return false;
	snprintf(known->text, sizeof(known->text), "%s", name);
	if (!value && !plait_map_put(&map->threads, tid, (uint64_t)(uintptr_t)known)) {
		free(known);
		return false;
	}
	return true;
}

static void forget_thread(struct plait_process_map *map, uint32_t tid)
{
	const uint64_t *value = plait_map_get(&map->threads, tid);
	if (!value)
		return;
	free((void *)(uintptr_t)*value);
	plait_map_remove(&map->threads, tid);
}

const char *plait_process_map_thread_name(const struct plait_process_map *map, uint32_t tid)
{
	const uint64_t *value = plait_map_get(&map->threads, tid);
	return value ? ((const struct thread_name *)(uintptr_t)*value)->text : NULL;
}

/* ---- mappings ---- */

/* The first mapping that ends after `address`: its index, or count. */
static size_t lower_bound(const struct process *process, uint64_t address)
{
	size_t low = 0, high = process->mappings.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (process->mappings.data[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Puts `mapping` at `index`, moving the rest up. */
static bool insert_at(struct process *process, size_t index, const struct plait_mapping *mapping)
{
	if (!plait_vec_push(&process->mappings, *mapping))
		return false;
	memmove(&process->mappings.data[index + 1], &process->mappings.data[index],
		(process->mappings.count - 1 - index) * sizeof(*mapping));
	process->mappings.data[index] = *mapping;
	return true;
}

/* Takes [start, end) out of the mappings: whole ones, ends, or a middle. */
static bool cut_out(struct plait_process_map *map, struct process *process, uint64_t start, uint64_t end)
{
	size_t index = lower_bound(process, start);
	while (index < process->mappings.count && process->mappings.data[index].start < end) {
		struct plait_mapping *mapping = &process->mappings.data[index];
		struct plait_mapping upper = *mapping;
		upper.offset += end - upper.start;
		upper.start = end;
		upper.generation = ++map->generation;
		bool has_upper = mapping->end > end;
		if (mapping->start < start) {
			mapping->end = start;
			index++;
			if (has_upper)
				return insert_at(process, index, &upper);
		} else if (has_upper) {
			*mapping = upper;
			return true;
		} else {
			memmove(mapping, mapping + 1, (process->mappings.count - index - 1) * sizeof(*mapping));
			process->mappings.count--;
		}
	}
	return true;
}

/* Memory of an ELF file that no PT_LOAD covers counts as if it were mapped as it lies in the file. */
static uint64_t bias_of(const struct plait_mapping *mapping)
{
	uint64_t bias = mapping->start - mapping->offset;
	if (mapping->file && mapping->file->is_elf)
		plait_elf_bias(mapping->file->image, mapping->start, mapping->offset, mapping->protection & PROT_EXEC,
			       &bias);
	return bias;
}

/* A mapping as a record or a line of /proc/PID/maps has it. */
static struct plait_error *add_mapping(struct plait_process_map *map, struct process *process,
				       const struct plait_source_map *seen)
{
	if (!seen->size || seen->start + seen->size < seen->start)
		return NULL;
	struct plait_module_mapping wanted = {
		.pid = process->seen.pid,
		.start = seen->start,
		.size = seen->size,
		.device = seen->device,
		.inode = seen->inode,
		.path = seen->path,
	};
	struct plait_mapping mapping = {
		.start = seen->start,
		.end = seen->start + seen->size,
		.offset = seen->offset,
		.protection = seen->protection,
		.generation = ++map->generation,
	};
	PLAIT_TRY(plait_module_files_get(&map->files, &wanted, &mapping.file));
	if (mapping.file && mapping.file->is_vdso)
		mapping.offset = 0; /* records have the page's number */
	mapping.bias = bias_of(&mapping);
	if (!cut_out(map, process, mapping.start, mapping.end) ||
	    !insert_at(process, lower_bound(process, mapping.start), &mapping))
		return plait_error_no_memory();
	return NULL;
}

const struct plait_mapping *plait_process_map_find(const struct plait_process_map *map, uint32_t pid, uint64_t address)
{
	const struct process *process = find_process(map, pid);
	if (!process)
		return NULL;
	size_t index = lower_bound(process, address);
	if (index == process->mappings.count || process->mappings.data[index].start > address)
		return NULL;
	return &process->mappings.data[index];
}

void plait_process_map_each(const struct plait_process_map *map, uint32_t pid,
			    bool (*visit)(void *context, const struct plait_mapping *mapping), void *context)
{
	const struct process *process = find_process(map, pid);
	for (size_t i = 0; process && i < process->mappings.count; i++) {
		if (!visit(context, &process->mappings.data[i]))
			return;
	}
}

/* ---- /proc ---- */

static struct plait_error *scan_threads(struct plait_process_map *map, struct process *process)
{
	char path[320], name[64];
	snprintf(path, sizeof(path), "/proc/%u/task", process->seen.pid);
	DIR *task = opendir(path);
	if (!task)
		return NULL; /* it has ended since */
	bool enough = true;
	for (struct dirent *entry; enough && (entry = readdir(task));) {
		uint32_t tid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		if (!tid)
			continue;
		snprintf(path, sizeof(path), "/proc/%u/task/%s/comm", process->seen.pid, entry->d_name);
		plait_proc_read_name(path, name, sizeof(name));
		enough = name_thread(map, tid, name);
		if (tid == process->seen.pid)
			snprintf(process->seen.name, sizeof(process->seen.name), "%s", name);
	}
	closedir(task);
	return enough ? NULL : plait_error_no_memory();
}

/* Adds what the map does not have yet: what records said is newer than what /proc says now. */
static struct plait_error *scan_maps(struct plait_process_map *map, struct process *process, FILE *maps)
{
	char *line PLAIT_FREE = NULL;
	size_t size = 0;
	while (getline(&line, &size, maps) > 0) {
		struct plait_source_map seen;
		if (!plait_proc_parse_maps_line(line, &seen) || !(seen.protection & PROT_EXEC))
			continue;
		const struct plait_mapping *known = plait_process_map_find(map, process->seen.pid, seen.start);
		if (!known || known->start != seen.start || known->end != seen.start + seen.size)
			PLAIT_TRY(add_mapping(map, process, &seen));
	}
	return NULL;
}

struct plait_error *plait_process_map_scan(struct plait_process_map *map, uint32_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	FILE *maps PLAIT_FCLOSE = fopen(path, "re");
	if (!maps)
		return plait_error_system(errno == ENOENT ? ESRCH : errno, "cannot read the mappings of process %u",
					  pid);
	struct process *process = get_process(map, pid);
	if (!process)
		return plait_error_no_memory();
	process->seen.start_stack = plait_process_start_stack(pid);
	PLAIT_TRY(scan_threads(map, process));
	return scan_maps(map, process, maps);
}

/* ---- events ---- */

/* Enters the process that was forked, with the name of the thread that forked it. */
static struct plait_error *copy_process(struct plait_process_map *map, const struct plait_source_event *event,
					const char name[static 64])
{
	remove_process(map, event->pid); /* an earlier one with this pid */
	struct process *child = get_process(map, event->pid);
	const struct process *parent = find_process(map, event->fork.parent_pid);
	if (!child)
		return plait_error_no_memory();
	child->seen.start_time = event->time;
	memcpy(child->seen.name, name, sizeof(child->seen.name));
	if (!parent)
		return plait_process_map_scan(map, event->pid); /* unknown parent; gone already is no error */
	child->seen.start_stack = parent->seen.start_stack;
	if (!plait_vec_reserve(&child->mappings, parent->mappings.count))
		return plait_error_no_memory();
	for (size_t i = 0; i < parent->mappings.count; i++) {
		child->mappings.data[i] = parent->mappings.data[i];
		child->mappings.data[i].generation = ++map->generation;
	}
	child->mappings.count = parent->mappings.count;
	return NULL;
}

static struct plait_error *apply_map(struct plait_process_map *map, const struct plait_source_event *event)
{
	struct process *process = get_process(map, event->pid);
	if (!process)
		return plait_error_no_memory();
	if (!(event->map.protection & PROT_EXEC))
		return NULL;
	if (!process->seen.start_stack) /* its exec was still under way */
		process->seen.start_stack = plait_process_start_stack(event->pid);
	return add_mapping(map, process, &event->map);
}

static struct plait_error *apply_fork(struct plait_process_map *map, const struct plait_source_event *event)
{
	const char *name = plait_process_map_thread_name(map, event->fork.parent_tid);
	char copy[sizeof(struct thread_name)] = "";
	if (name)
		snprintf(copy, sizeof(copy), "%s", name);
	if (!name_thread(map, event->tid, copy))
		return plait_error_no_memory();
	if (event->pid == event->fork.parent_pid)
		return NULL;
	struct plait_error *error = copy_process(map, event, copy);
	if (error && error->code == PLAIT_ERROR_NOT_FOUND) {
		plait_error_free(error);
		return NULL;
	}
	return error;
}

static struct plait_error *apply_name(struct plait_process_map *map, const struct plait_source_event *event)
{
	struct process *process = find_process(map, event->pid);
	if (process && event->pid == event->tid)
		snprintf(process->seen.name, sizeof(process->seen.name), "%s", event->name);
	return name_thread(map, event->tid, event->name) ? NULL : plait_error_no_memory();
}

static struct plait_error *apply_exec(struct plait_process_map *map, const struct plait_source_event *event)
{
	struct process *process = get_process(map, event->pid);
	if (!process)
		return plait_error_no_memory();
	process->mappings.count = 0;
	process->seen.serial = map->serial++;
	process->seen.start_time = event->time;
	process->seen.start_stack = plait_process_start_stack(event->pid);
	return apply_name(map, event);
}

/* An ended process is kept for a while: records of other CPUs and its last samples may follow. */
static struct plait_error *apply_exit(struct plait_process_map *map, const struct plait_source_event *event)
{
	struct process *process = find_process(map, event->pid);
	if (event->pid != event->tid) {
		forget_thread(map, event->tid);
		return NULL;
	}
	if (!process || process->ended)
		return NULL;
	process->ended = true;
	if (!plait_vec_push(&map->ended, event->pid))
		return plait_error_no_memory();
	if (map->ended.count <= ENDED_MAX)
		return NULL;
	size_t half = map->ended.count / 2;
	for (size_t i = 0; i < half; i++) {
		struct process *old = find_process(map, map->ended.data[i]);
		char path[64];
		snprintf(path, sizeof(path), "/proc/%u", map->ended.data[i]);
		DIR *alive = old && old->ended ? opendir(path) : NULL; /* its other threads may live on */
		if (alive)
			closedir(alive);
		else if (old && old->ended) {
			forget_thread(map, map->ended.data[i]);
			remove_process(map, map->ended.data[i]);
		}
	}
	memmove(map->ended.data, map->ended.data + half, (map->ended.count - half) * sizeof(*map->ended.data));
	map->ended.count -= half;
	return NULL;
}

struct plait_error *plait_process_map_apply(struct plait_process_map *map, const struct plait_source_event *event)
{
	switch (event->kind) {
	case PLAIT_SOURCE_MAP:
		return apply_map(map, event);
	case PLAIT_SOURCE_FORK:
		return apply_fork(map, event);
	case PLAIT_SOURCE_EXEC:
		return apply_exec(map, event);
	case PLAIT_SOURCE_NAME:
		return apply_name(map, event);
	case PLAIT_SOURCE_EXIT:
		return apply_exit(map, event);
	default:
		return NULL;
	}
}

const struct plait_process *plait_process_map_process(const struct plait_process_map *map, uint32_t pid)
{
	const struct process *process = find_process(map, pid);
	return process ? &process->seen : NULL;
}

const struct plait_module_file *plait_process_map_file(const struct plait_process_map *map, uint32_t id)
{
	return id < map->files.all.count ? &map->files.all.data[id]->file : NULL;
}

uint32_t plait_process_map_file_count(const struct plait_process_map *map)
{
	return (uint32_t)map->files.all.count;
}
