/*
 * Reading files: whole ones whose names come from outside, and what the kernel says of this process and host.
 */
#ifndef PLAIT_COMMON_FILE_H
#define PLAIT_COMMON_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of the regular file `path` and a NUL byte behind them, free(3) them; their number in `*ret_size`. NULL:
 * there is no such file, it is larger than `max` bytes, it cannot be read, or memory ran out. Never waits: what is no
 * regular file (a pipe, a device) is not read. */
char *plait_file_read(const char *path, size_t max, size_t *ret_size);

/* Copies the first line of `path` without its end, cut to `size` bytes; for the small files of /proc and /sys. False:
 * it cannot be read. */
bool plait_file_first_line(const char *path, char *ret, size_t size);

/* The value of "KEY:<tab>VALUE" in /proc/self/status (proc(5)), cut to `size` bytes. False: it is not there. */
bool plait_file_own_status(const char *key, char *ret, size_t size);

/* The effective capabilities of this process, a bit each (capabilities(7)). False: they cannot be read. */
bool plait_file_own_capabilities(uint64_t *ret);

#endif
