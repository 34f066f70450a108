/*
 * What the C library of a running process says of its thread blocks (plait_python_thread_block()).
 */
#ifndef PLAIT_TESTS_UNIT_THREAD_BLOCK_OF_H
#define PLAIT_TESTS_UNIT_THREAD_BLOCK_OF_H

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "python_unwind/runtime.h"

static inline uint32_t thread_block_in(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	uint8_t *image = MAP_FAILED;
	if (!fstat(fd, &status))
		image = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (image == MAP_FAILED)
		return 0;
	uint32_t found = plait_python_thread_block(image, (size_t)status.st_size);
	munmap(image, (size_t)status.st_size);
	return found;
}

static inline uint32_t thread_block_of(pid_t pid)
{
	char path[64], line[PATH_MAX + 128], file[PATH_MAX];
	uint32_t found = 0;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	FILE *maps = plait_python_needs_thread_block() ? fopen(path, "re") : NULL;
	while (maps && !found && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%*x-%*x %*s %*x %*s %*s %s", file) == 1 && strstr(file, "/lib"))
			found = thread_block_in(file);
	}
	if (maps)
		fclose(maps);
	return found;
}

#endif
