/*
 * A regular file mapped for reading. Opening never blocks (no FIFO, no device), whatever a path from outside names.
 */
#ifndef PLAIT_SYMBOLIZE_MAPPED_FILE_H
#define PLAIT_SYMBOLIZE_MAPPED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plait_mapped_file {
	const uint8_t *data; /* NULL: not open */
	size_t size;
	int fd; /* valid while `data` is not NULL */
};

/* Maps the regular, non-empty file `path`. Returns false, and leaves `ret` alone, when that cannot be done. */
bool plait_mapped_file_open(const char *path, struct plait_mapped_file *ret);

/* Unmaps and closes; a file that is not open is allowed. */
void plait_mapped_file_close(struct plait_mapped_file *file);

#endif
