/*
 * The CPython interpreters of this host, for tests, and children that run them.
 */
#ifndef PLAIT_TESTS_UNIT_TEST_RUNTIME_HOST_H
#define PLAIT_TESTS_UNIT_TEST_RUNTIME_HOST_H

#include <ctype.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "python_unwind/runtime.h"

struct host_interpreters {
	char *paths[64];
	size_t count;
};

/* "python3.N", "python3.Nt", "python3.Nd", "python3.Ntd"; not "python3.11-config". */
static inline bool host_is_interpreter(const char *path)
{
	const char *name = strrchr(path, '/');
	if (!name || strncmp(name, "/python3.", 9))
		return false;
	for (name += 9; isdigit((unsigned char)*name);)
		name++;
	name += *name == 't';
	name += *name == 'd';
	return *name == '\0';
}

static inline void host_add(struct host_interpreters *interpreters, const char *pattern)
{
	glob_t found;
	if (glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc && interpreters->count < 64; i++) {
		char *path = realpath(found.gl_pathv[i], NULL);
		for (size_t j = 0; path && j < interpreters->count; j++) {
			if (!strcmp(path, interpreters->paths[j])) {
				free(path);
				path = NULL;
			}
		}
		if (path && host_is_interpreter(path) && !access(path, X_OK))
			interpreters->paths[interpreters->count++] = path;
		else
			free(path);
	}
	globfree(&found);
}

/* Finds them in pyenv, /usr/bin, /usr/local/bin, where tests/fetch-interpreters puts them, and by $PLAIT_INTERPRETERS,
 * paths with ':' between them. */
static inline struct host_interpreters host_find_interpreters(void)
{
	struct host_interpreters result = { .count = 0 };
	char pattern[4096];
	const char *pyenv = getenv("PYENV_ROOT"), *home = getenv("HOME");
	if (pyenv)
		snprintf(pattern, sizeof(pattern), "%s/versions/*/bin/python3.*", pyenv);
	else
		snprintf(pattern, sizeof(pattern), "%s/.pyenv/versions/*/bin/python3.*", home ? home : "");
	host_add(&result, pattern);
	host_add(&result, "/usr/bin/python3.*");
	host_add(&result, "/usr/local/bin/python3.*");
	const char *fetched = getenv("PLAIT_TEST_INTERPRETERS"); /* the folder of tests/fetch-interpreters -o */
	if (fetched)
		snprintf(pattern, sizeof(pattern), "%s/*/usr/wrap/python3.*", fetched);
	else
		snprintf(pattern, sizeof(pattern), "%.*s../../build/interpreters/*/usr/wrap/python3.*",
			 (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__);
	host_add(&result, pattern);
	char *named PLAIT_FREE = strdup(getenv("PLAIT_INTERPRETERS") ? getenv("PLAIT_INTERPRETERS") : ""), *rest;
	for (char *path = named ? strtok_r(named, ":", &rest) : NULL; path; path = strtok_r(NULL, ":", &rest))
		host_add(&result, path);
	return result;
}

static inline void host_release_interpreters(struct host_interpreters *interpreters)
{
	while (interpreters->count)
		free(interpreters->paths[--interpreters->count]);
}

struct host_child {
	pid_t pid;
	int to, from; /* its stdin and stdout */
};

static inline bool host_start(struct host_child *child, const char *interpreter, const char *script)
{
	int in[2], out[2];
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return false;
	child->pid = fork();
	if (child->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(interpreter, interpreter, "-S", "-c", script, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	child->to = in[1];
	child->from = out[0];
	return child->pid > 0;
}

static inline void host_end(struct host_child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	close(child->to);
	close(child->from);
}

/* Reads what the child prints up to a line "." into `text`; false when it ends or says nothing for 20 s. */
static inline bool host_read(struct host_child *child, char *text, size_t size)
{
	size_t used = 0;
	while (used + 1 < size) {
		struct pollfd ready = { .fd = child->from, .events = POLLIN };
		if (poll(&ready, 1, 20000) <= 0)
			return false;
		ssize_t got = read(child->from, text + used, size - 1 - used);
		if (got <= 0)
			return false;
		used += (size_t)got;
		text[used] = '\0';
		if (used >= 2 && !strcmp(text + used - 2, ".\n"))
			return true;
	}
	return false;
}

/* The number behind "<key> " at the start of a line; 0 when it is not there. */
static inline uint64_t host_value(const char *text, const char *key)
{
	size_t length = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, length) && line[length] == ' ')
			return strtoull(line + length + 1, NULL, 0);
	}
	return 0;
}

struct host_file {
	uint8_t *bytes;
	size_t size;
};

static inline struct host_file host_map(const char *path)
{
	struct host_file file = { 0 };
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode) && status.st_size) {
		file.size = (size_t)status.st_size;
		file.bytes = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (file.bytes == MAP_FAILED)
			file.bytes = NULL;
	}
	if (fd >= 0)
		close(fd);
	return file;
}

static inline void host_unmap(struct host_file *file)
{
	if (file->bytes)
		munmap(file->bytes, file->size);
}

#endif
