/*
 * Live Python programs for the tests: finding interpreters, starting a program that sits at a known place, finding its
 * runtime. No interpreter is named: what the host has is used.
 */
#ifndef PLAIT_TESTS_PYTHON_TARGET_H
#define PLAIT_TESTS_PYTHON_TARGET_H

#include <elf.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/memory.h"
#include "python_unwind/runtime.h"
#include "unit/thread_block_of.h"

#define PYTHONS_MAX 32

/* Paths of the interpreters found, and of those that $PLAIT_INTERPRETERS lists (with ':' between them), each once.
 * Freed by pythons_free(). */
struct pythons {
	char *path[PYTHONS_MAX];
	size_t count;
};

/* A running program. */
struct python_target {
	pid_t pid;
	int to, from; /* its stdin and stdout */
	struct plait_python_binary *binary;
	struct plait_python_runtime runtime;
	struct plait_walk_plan plan;
	struct plait_memory memory;
};

static inline void pythons_add(struct pythons *pythons, const char *pattern)
{
	glob_t found;
	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *tail = strstr(found.gl_pathv[i], "/python3.");
		char *real = tail && !strchr(tail, '-') ? realpath(found.gl_pathv[i], NULL) : NULL;
		bool known = !real || pythons->count == PYTHONS_MAX || access(real, X_OK) != 0;
		for (size_t k = 0; k < pythons->count && !known; k++)
			known = strcmp(pythons->path[k], real) == 0;
		if (known)
			free(real);
		else
			pythons->path[pythons->count++] = real;
	}
	globfree(&found);
}

static inline struct pythons pythons_find(void)
{
	struct pythons pythons = { .count = 0 };
	char pattern[PATH_MAX];
	const char *pyenv = getenv("PYENV_ROOT"), *home = getenv("HOME");
	if (pyenv)
		snprintf(pattern, sizeof(pattern), "%s/versions/*/bin/python3.[0-9]*", pyenv);
	else
		snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/*/bin/python3.[0-9]*", home ? home : "");
	pythons_add(&pythons, pattern);
	pythons_add(&pythons, "/usr/bin/python3.[0-9]*");
	pythons_add(&pythons, "/usr/local/bin/python3.[0-9]*");
	char *named PLAIT_FREE = strdup(getenv("PLAIT_INTERPRETERS") ? getenv("PLAIT_INTERPRETERS") : ""), *rest;
	for (char *path = named ? strtok_r(named, ":", &rest) : NULL; path; path = strtok_r(NULL, ":", &rest))
		pythons_add(&pythons, path);
	return pythons;
}

static inline void pythons_free(struct pythons *pythons)
{
	for (size_t i = 0; i < pythons->count; i++)
		free(pythons->path[i]);
	pythons->count = 0;
}

/* Field 28 of /proc/PID/stat: mm->start_stack. */
static inline uint64_t target_start_stack(pid_t pid)
{
	char path[64], line[4096];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	char *at = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	if (file)
		fclose(file);
	for (int field = 2; at && field < 28; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

/* The virtual address of the file's first PT_LOAD. */
static inline uint64_t first_load(const uint8_t *image)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
	const Elf64_Phdr *segments = (const Elf64_Phdr *)(image + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++) {
		if (segments[i].p_type == PT_LOAD)
			return segments[i].p_vaddr & ~0xfffULL;
	}
	return 0;
}

/* The CPython in the file mapped at `start`, if it is one whose layout is known. */
static inline struct plait_python_binary *inspect_file(const char *path, uint64_t *ret_first_load)
{
	struct plait_python_binary *binary = NULL;
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0 || status.st_size < (off_t)sizeof(Elf64_Ehdr))
		return fd < 0 ? NULL : (close(fd), NULL);
	uint8_t *image = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (image == MAP_FAILED)
		return NULL;
	if (memcmp(image, ELFMAG, SELFMAG) == 0) {
		plait_error_free(plait_python_binary_inspect(image, (size_t)status.st_size, path, &binary));
		*ret_first_load = first_load(image);
	}
	munmap(image, (size_t)status.st_size);
	return binary;
}

/* Finds the runtime of the running `target`. False when none of its files is a known CPython. */
static inline bool target_find_runtime(struct python_target *target)
{
	char path[64], line[PATH_MAX + 128], file[PATH_MAX], last[PATH_MAX] = "";
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)target->pid);
	FILE *maps = fopen(path, "re");
	while (maps && !target->binary && fgets(line, sizeof(line), maps)) {
		unsigned long start, offset;
		uint64_t first = 0;
		if (sscanf(line, "%lx-%*x %*s %lx %*s %*s %s", &start, &offset, file) != 3 || file[0] != '/' ||
		    offset || strcmp(file, last) == 0)
			continue;
		strcpy(last, file);
		target->binary = inspect_file(file, &first);
		target->runtime.bias = start - first;
	}
	if (maps)
		fclose(maps);
	if (!target->binary)
		return false;
	target->runtime.binary = target->binary;
	target->runtime.pid = (uint32_t)target->pid;
	target->runtime.start_stack = target_start_stack(target->pid);
	target->runtime.thread_block = thread_block_of(target->pid);
	target->memory = plait_memory_of_process(target->pid);
	plait_python_runtime_plan(&target->runtime, &target->plan);
	return true;
}

/* Runs `python -c script` with `option` (may be NULL) and waits until it has written a line. */
static inline bool target_start(struct python_target *target, const char *python, const char *option,
				const char *script)
{
	int to[2], from[2];
	char line[16];
	memset(target, 0, sizeof(*target));
	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
		return false;
	target->pid = fork();
	if (target->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], 0);
		dup2(from[1], 1);
		dup2(open("/dev/null", O_WRONLY), 2); /* versions that the test is not for may complain */
		if (option)
			execl(python, python, "-I", "-X", option, "-c", script, (char *)NULL);
		else
			execl(python, python, "-I", "-c", script, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	target->to = to[1];
	target->from = from[0];
	return target->pid > 0 && read(target->from, line, sizeof(line)) > 0;
}

/* Waits until the main thread sleeps: a program that writes its line and then blocks may not be there yet. */
static inline void target_wait_asleep(const struct python_target *target)
{
	char path[64], line[256];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)target->pid);
	for (int tries = 0; tries < 5000; tries++) {
		FILE *file = fopen(path, "re");
		const char *at = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
		if (file)
			fclose(file);
		if (at && at[2] == 'S')
			return;
		usleep(1000);
	}
}

static inline void target_stop(struct python_target *target)
{
	if (target->pid > 0) {
		kill(target->pid, SIGKILL);
		waitpid(target->pid, NULL, 0);
	}
	close(target->to);
	close(target->from);
	plait_python_binary_destroy(target->binary);
}

/* Reads the str object at `address` of ASCII or latin-1 characters; "" when it is not one. */
static inline void target_string(const struct python_target *target, uint64_t address, char *ret, size_t size)
{
	const struct plait_walk_plan *plan = &target->plan;
	uint64_t length = 0;
	uint32_t state = 0;
	ret[0] = '\0';
	plait_memory_read(&target->memory, address + plan->unicode_length, &length, sizeof(length));
	plait_memory_read(&target->memory, address + plan->unicode_state, &state, sizeof(state));
	bool ascii = state >> plan->unicode_ascii_shift & 1;
	if (length >= size || (state >> plan->unicode_kind_shift & 7) != 1)
		return;
	plait_memory_read(&target->memory, address + (ascii ? plan->unicode_ascii_data : plan->unicode_compact_data),
			  ret, length);
	ret[length] = '\0';
}

/* The name of the code object at `code`. */
static inline void target_code_name(const struct python_target *target, uint64_t code, char *ret, size_t size)
{
	uint64_t name = 0;
	plait_memory_u64(&target->memory, code + target->plan.code_name, &name);
	target_string(target, name, ret, size);
}

#endif
