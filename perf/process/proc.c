#include "perf/process/proc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "perf/process/process_map.h"

enum {
	FIELD_STATE = 3,
	FIELD_PARENT = 4,
	FIELD_USER_TIME = 14,
	FIELD_KERNEL_TIME = 15,
	FIELD_MEMORY_SIZE = 23,
	FIELD_START_CODE = 26,
	FIELD_START_STACK = 28
}; /* proc(5), /proc/PID/stat */

/* An exec is done with a process's memory within some hundred microseconds, unless it waits for a disk. */
enum { EXEC_WAITS = 20, EXEC_WAIT_NS = 200000 };

bool plait_proc_parse_maps_line(char *line, struct plait_source_map *ret)
{
	struct plait_source_map map = { 0 };
	uint64_t end;
	unsigned major_number, minor_number;
	char permissions[8];
	int path = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64 " %n", &map.start, &end, permissions,
		   &map.offset, &major_number, &minor_number, &map.inode, &path) < 7 ||
	    end <= map.start)
		return false;
	line[strcspn(line, "\n")] = '\0';
	map.size = end - map.start;
	map.device = makedev(major_number, minor_number);
	map.protection = (strchr(permissions, 'r') ? PROT_READ : 0) | (strchr(permissions, 'w') ? PROT_WRITE : 0) |
			 (strchr(permissions, 'x') ? PROT_EXEC : 0);
	map.path = path ? line + path : "";
	*ret = map;
	return true;
}

bool plait_proc_parse_stat(const char *text, struct plait_proc_stat *ret)
{
	/* The name may hold blanks and parentheses: fields are counted from behind its last one. */
	const char *at = strrchr(text, ')');
	uint64_t fields[FIELD_START_STACK + 1] = { 0 };
	if (!at++)
		return false;
	for (int field = FIELD_STATE; field <= FIELD_START_STACK; field++) {
		if (*at++ != ' ')
			return false;
		fields[field] = strtoull(at, NULL, 10);
		at += strcspn(at, " \n");
	}
	*ret = (struct plait_proc_stat) { .parent = (uint32_t)fields[FIELD_PARENT],
					  .cpu_ticks = fields[FIELD_USER_TIME] + fields[FIELD_KERNEL_TIME],
					  .memory_size = fields[FIELD_MEMORY_SIZE],
					  .start_code = fields[FIELD_START_CODE],
					  .start_stack = fields[FIELD_START_STACK] };
	return true;
}

struct plait_error *plait_proc_parents(struct plait_map *ret)
{
	DIR *proc = opendir("/proc");
	bool enough = true;
	for (struct dirent *entry; proc && enough && (entry = readdir(proc));) {
		char *end;
		uint32_t pid = (uint32_t)strtoul(entry->d_name, &end, 10);
		struct plait_proc_stat stat;
		if (*end || !pid || !plait_proc_read_stat(pid, &stat) || !stat.memory_size)
			continue;
		enough = plait_map_put(ret, pid, stat.parent);
	}
	if (proc)
		closedir(proc);
	return enough ? NULL : plait_error_no_memory();
}

/* Takes a line of a maps file apart, and hands it on if it is executable. */
static struct plait_error *deliver_map_line(uint32_t pid, char *line, plait_source_handler handler, void *context)
{
	struct plait_source_event event = {
		.kind = PLAIT_SOURCE_MAP,
		.time = plait_clock_ns(CLOCK_MONOTONIC),
		.pid = pid,
		.tid = pid,
	};
	if (!plait_proc_parse_maps_line(line, &event.map) || !(event.map.protection & PROT_EXEC))
		return NULL;
	return handler(context, &event);
}

struct plait_error *plait_proc_deliver_maps(uint32_t pid, plait_source_handler handler, void *context)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	FILE *maps PLAIT_FCLOSE = fopen(path, "re");
	char *line PLAIT_FREE = NULL;
	size_t size = 0;
	while (maps && getline(&line, &size, maps) > 0)
		PLAIT_TRY(deliver_map_line(pid, line, handler, context));
	return NULL;
}

struct plait_error *plait_proc_deliver_maps_text(uint32_t pid, char *text, plait_source_handler handler, void *context)
{
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n"));)
		PLAIT_TRY(deliver_map_line(pid, line, handler, context));
	return NULL;
}

void plait_proc_read_name(const char *path, char *ret, size_t size)
{
	FILE *file PLAIT_FCLOSE = fopen(path, "re");
	size_t got = file ? fread(ret, 1, size - 1, file) : 0;
	ret[got] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

bool plait_proc_read_stat(uint32_t pid, struct plait_proc_stat *ret)
{
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	FILE *file PLAIT_FCLOSE = fopen(path, "re");
	size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	text[size] = '\0';
	return plait_proc_parse_stat(text, ret);
}

uint64_t plait_process_start_stack(uint32_t pid)
{
	struct plait_proc_stat stat;
	for (int wait = 0; plait_proc_read_stat(pid, &stat) && stat.memory_size; wait++) {
		/* The kernel enters a first value early, and the final one together with the code's start
		 * (load_elf_binary() in fs/binfmt_elf.c), after it has reported the mappings. */
		if (stat.start_code)
			return stat.start_stack;
		if (wait == EXEC_WAITS)
			break;
		nanosleep(&(struct timespec) { .tv_nsec = EXEC_WAIT_NS }, NULL);
	}
	return 0;
}
