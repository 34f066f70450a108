/*
 * What /proc says of a process.
 */
#ifndef PLAIT_PERF_PROCESS_PROC_H
#define PLAIT_PERF_PROCESS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/map.h"
#include "perf/source/source.h"

/* Parses a line of /proc/PID/maps: "start-end perms offset major:minor inode path". The line is changed and the path
 * points into it. Returns false for what is no mapping. */
bool plait_proc_parse_maps_line(char *line, struct plait_source_map *ret);

/* Of /proc/PID/stat. */
struct plait_proc_stat {
	uint32_t parent;      /* field 4 */
	uint64_t cpu_ticks;   /* fields 14 and 15: user and kernel time, in sysconf(_SC_CLK_TCK) a second */
	uint64_t memory_size; /* field 23; 0: a kernel thread, or a process that has ended */
	uint64_t start_code;  /* field 26; 0 while an exec is under way, 1 when we may not know */
	uint64_t start_stack; /* field 28; 0 when we may not know */
};

/* Parses the text of /proc/PID/stat. Returns false for what is no such text. */
bool plait_proc_parse_stat(const char *text, struct plait_proc_stat *ret);

/* Reads what /proc says of process `pid`; false when it is gone. */
bool plait_proc_read_stat(uint32_t pid, struct plait_proc_stat *ret);

/* Adds pid -> parent's pid of every process there is now (proc(5)); what has ended is left out. */
struct plait_error *plait_proc_parents(struct plait_map *ret);

/* Hands the executable mappings that process `pid` has now on as MAP events. A process that is gone has none. */
struct plait_error *plait_proc_deliver_maps(uint32_t pid, plait_source_handler handler, void *context);

/* The same of a copy of such a file, which is changed. */
struct plait_error *plait_proc_deliver_maps_text(uint32_t pid, char *text, plait_source_handler handler, void *context);

/* The name in `path`, a comm file, or "" when it cannot be read. */
void plait_proc_read_name(const char *path, char *ret, size_t size);

#endif
