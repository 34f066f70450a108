/*
 * The files that processes have mapped, each opened and read-mapped once.
 */
#ifndef PLAIT_PERF_PROCESS_MODULE_FILES_H
#define PLAIT_PERF_PROCESS_MODULE_FILES_H

#include <time.h>

#include "common/error.h"
#include "common/map.h"
#include "common/vec.h"
#include "perf/process/process_map.h"

/* A file, and what tells whether its bytes have been changed since it was opened. */
struct plait_module_entry {
	struct plait_module_file file;
	struct timespec modified;
};

struct plait_module_files {
	PLAIT_VEC(struct plait_module_entry *) all; /* by id */
	struct plait_map by_inode;		    /* hash of device and inode -> id of the latest */
	struct plait_map vdsos;			    /* hash of the content -> id */
};

/* A mapping as its owner process has it. */
struct plait_module_mapping {
	uint32_t pid;
	uint64_t start, size, device, inode;
	const char *path;
};

/* The file behind a mapping, opened on first sight; `*ret` is NULL for anonymous memory. A file that cannot be opened
 * any more (its process was too short-lived) is one without image, and is tried again with the next process. */
struct plait_error *plait_module_files_get(struct plait_module_files *files, const struct plait_module_mapping *mapping,
					   const struct plait_module_file **ret);

/* Closes and unmaps all. */
void plait_module_files_release(struct plait_module_files *files);

#endif
