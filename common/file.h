/*
 * Reading whole files whose names come from outside.
 */
#ifndef PLAIT_COMMON_FILE_H
#define PLAIT_COMMON_FILE_H

#include <stddef.h>

/* The bytes of the regular file `path` and a NUL byte behind them, free(3) them; their number in `*ret_size`. NULL:
 * there is no such file, it is larger than `max` bytes, it cannot be read, or memory ran out. Never waits: what is no
 * regular file (a pipe, a device) is not read. */
char *plait_file_read(const char *path, size_t max, size_t *ret_size);

#endif
