/* Whether a process can be attached to, and what runs in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor/finding.h"
#include "common/cleanup.h"
#include "perf/process/process_map.h"
#include "python_unwind/runtime.h"

/* Whether the process lives in another namespace of this kind ("pid", "mnt"). */
static bool in_other_namespace(pid_t pid, const char *kind)
{
	char path[64];
	struct stat own, other;
	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	bool known = stat(path, &own) == 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
	return known && stat(path, &other) == 0 && own.st_ino != other.st_ino;
}

/* Reading another process's memory needs the rights of ptrace (PTRACE_MODE_ATTACH of proc(5), /proc/PID/mem). */
static bool add_memory(struct plait_findings *findings, pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	int fd PLAIT_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return plait_findings_add(findings, "process", "memory", PLAIT_FINDING_WORKS, "can be read", NULL);
	char text[160];
	snprintf(text, sizeof(text), "cannot be read: %s", strerror(errno));
	return plait_findings_add(findings, "process", "memory", PLAIT_FINDING_FAILS, text,
				  "sudo plait ... (or CAP_SYS_PTRACE); of an own process: sudo sysctl "
				  "kernel.yama.ptrace_scope=0");
}

static bool add_namespaces(struct plait_findings *findings, pid_t pid)
{
	bool pids = in_other_namespace(pid, "pid"), mounts = in_other_namespace(pid, "mnt");
	if (!pids && !mounts)
		return true;
	return plait_findings_tell(findings, "process", "namespaces", PLAIT_FINDING_FACT,
				   "has its own %s%s%s: its files are read through /proc/%d/root", pids ? "pids" : "",
				   pids && mounts ? " and " : "", mounts ? "mounts" : "", (int)pid);
}

struct runtimes {
	struct plait_findings *findings;
	uint32_t last_file;
	unsigned int count;
	bool failed; /* no memory */
};

static bool inspect(void *context, const struct plait_mapping *mapping)
{
	struct runtimes *runtimes = context;
	const struct plait_module_file *file = mapping->file;
	struct plait_python_binary *binary = NULL;
	if (!file || !file->image || !file->is_elf || file->is_vdso || file->id == runtimes->last_file)
		return true;
	runtimes->last_file = file->id;
	struct plait_error *error =
		plait_python_binary_inspect(file->image, file->image_size, file->reference.path, &binary);
	if (error) {
		runtimes->count++;
		runtimes->failed = !plait_findings_fail(runtimes->findings, "process", "Python", error);
	} else if (binary) {
		runtimes->count++;
		runtimes->failed = !plait_findings_tell(runtimes->findings, "process", "Python", PLAIT_FINDING_WORKS,
							"CPython %s, %s", plait_python_binary_description(binary),
							file->reference.path);
	}
	plait_python_binary_destroy(binary);
	return !runtimes->failed;
}

static struct plait_error *add_runtimes(struct plait_findings *findings, pid_t pid)
{
	struct plait_process_map *map;
	PLAIT_TRY(plait_process_map_create(&map));
	struct plait_error *error = plait_process_map_scan(map, (uint32_t)pid);
	struct runtimes runtimes = { .findings = findings, .last_file = UINT32_MAX };
	bool added = true;
	if (error)
		added = plait_findings_fail(findings, "process", "mappings", error);
	else
		plait_process_map_each(map, (uint32_t)pid, inspect, &runtimes);
	if (!error && !runtimes.count)
		added = plait_findings_add(findings, "process", "Python", PLAIT_FINDING_FACT,
					   "no CPython is mapped: native stacks only", NULL);
	plait_process_map_destroy(map);
	return added && !runtimes.failed ? NULL : plait_error_no_memory();
}

struct plait_error *plait_doctor_process(struct plait_findings *findings, pid_t pid)
{
	char path[64], name[64] = "?";
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	FILE *file PLAIT_FCLOSE = fopen(path, "re");
	if (!file)
		return plait_findings_add(findings, "process", "found", PLAIT_FINDING_FAILS, "there is no such process",
					  NULL)
			       ? NULL
			       : plait_error_no_memory();
	if (fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	if (!plait_findings_tell(findings, "process", "found", PLAIT_FINDING_FACT, "%d is %s", (int)pid, name) ||
	    !add_memory(findings, pid) || !add_namespaces(findings, pid))
		return plait_error_no_memory();
	return add_runtimes(findings, pid);
}
