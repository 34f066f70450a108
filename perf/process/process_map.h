/*
 * Which process has which file mapped where, over time. Fed with the source's MAP, FORK, EXEC, NAME, EXIT events and
 * with /proc for what was there before; asked for the module at an address.
 *
 * A module is a file mapped into a process with one load bias; two processes that map the same file (same device,
 * inode and build-id) share the file's plait_module_file. Ids count from 0 and are never used again.
 */
#ifndef PLAIT_PERF_PROCESS_PROCESS_MAP_H
#define PLAIT_PERF_PROCESS_PROCESS_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/module.h"

/* A mapped ELF file (or the vdso, whose bytes come from memory; or memory without a file). Owned by the process map
 * and valid until it is destroyed. */
struct plait_module_file {
	uint32_t id;
	struct plait_file_reference reference; /* open_path is valid while the map lives, if fd >= 0 */
	bool is_elf;			       /* false: anonymous executable memory, a data file */
	bool is_vdso;
	bool is_deleted;      /* the path's file is gone or another one; open_path still reaches the mapped one */
	int fd;		      /* open for reading; -1 when it could not be opened, or descriptors are short */
	const uint8_t *image; /* the file's bytes (mmap of fd, or a copy of the vdso); NULL when not readable */
	size_t image_size;
};

/* One contiguous executable mapping of a process (others are not kept). address - start + offset is the file offset;
 * address - bias is the ELF virtual address. */
struct plait_mapping {
	uint64_t start, end, offset;
	uint64_t bias; /* valid when file->is_elf */
	uint32_t protection;
	uint64_t generation; /* unique for each (process image, mapping): a cache key, never used again */
	const struct plait_module_file *file; /* NULL: anonymous */
};

struct plait_process {
	uint32_t pid;
	uint32_t serial;      /* tells a later process with the same pid, or the same pid after exec, apart */
	uint64_t start_time;  /* ns CLOCK_MONOTONIC of the fork or exec record; 0: it was there before */
	uint64_t start_stack; /* stat field 28: identifies the process image (ASLR); 0 when not readable */
	char name[64];	      /* of its first thread */
};

/* struct plait_process's start_stack, read now; waits some milliseconds at most for an exec that is under way. 0 when
 * the process is gone, or not ours to ask. */
uint64_t plait_process_start_stack(uint32_t pid);

struct plait_process_map;

struct plait_error *plait_process_map_create(struct plait_process_map **ret);
/* Ends the map and all its files; NULL is allowed. */
void plait_process_map_destroy(struct plait_process_map *map);

/* Reads a live process (mappings, threads, names) from /proc; what the map has of it already stays. A process that is
 * gone is PLAIT_ERROR_NOT_FOUND. */
struct plait_error *plait_process_map_scan(struct plait_process_map *map, uint32_t pid);

struct plait_source_event;
/* Applies one event of kind MAP, FORK, EXEC, NAME or EXIT; others are ignored. */
struct plait_error *plait_process_map_apply(struct plait_process_map *map, const struct plait_source_event *event);

/* The process, or NULL. Valid until the next apply. */
const struct plait_process *plait_process_map_process(const struct plait_process_map *map, uint32_t pid);

/* The mapping that holds `address` in process `pid`, or NULL. Valid until the next apply. O(log n). */
const struct plait_mapping *plait_process_map_find(const struct plait_process_map *map, uint32_t pid, uint64_t address);

/* Calls `visit` for every (executable) mapping of `pid` in ascending order; stops when it returns false. */
void plait_process_map_each(const struct plait_process_map *map, uint32_t pid,
			    bool (*visit)(void *context, const struct plait_mapping *mapping), void *context);

/* The name of thread `tid` (comm), or NULL when it is not known. Valid until the next apply. */
const char *plait_process_map_thread_name(const struct plait_process_map *map, uint32_t tid);

/* The file with this id, or NULL. */
const struct plait_module_file *plait_process_map_file(const struct plait_process_map *map, uint32_t id);
uint32_t plait_process_map_file_count(const struct plait_process_map *map);

#endif
