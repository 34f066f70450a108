/*
 * The files that processes have mapped, each opened and read-mapped once.
 */
#ifndef PLAIT_PERF_PROCESS_MODULE_FILES_H
#define PLAIT_PERF_PROCESS_MODULE_FILES_H

#include "common/error.h"
#include "common/map.h"
#include "common/vec.h"
#include "perf/process/process_map.h"

struct plait_module_files {
	PLAIT_VEC(struct plait_module_file *) all; /* by id */
	struct plait_map by_inode;		   /* hash of device and inode -> id */
	struct plait_map vdsos;			   /* hash of the content -> id */
};

/* A mapping as its owner process has it. */
struct plait_module_mapping {
	uint32_t pid;
	uint64_t start, size, device, inode;
	const char *path;
};

/* The file behind a mapping, opened on first sight; `*ret` is NULL for anonymous memory. */
struct plait_error *plait_module_files_get(struct plait_module_files *files, const struct plait_module_mapping *mapping,
					   const struct plait_module_file **ret);

/* Closes and unmaps all. */
void plait_module_files_release(struct plait_module_files *files);

#endif
