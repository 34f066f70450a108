/*
 * Reading text files whole, /proc files (which tell no size) included.
 */
#ifndef PLAIT_SYMBOLIZE_TEXT_FILE_H
#define PLAIT_SYMBOLIZE_TEXT_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Reads `fd` from byte `offset` to its end, at most `limit` bytes. Returns 0 and the bytes with a NUL byte after them
 * (the caller frees), or an errno value. */
int plait_text_read(int fd, uint64_t offset, size_t limit, char **ret_text, size_t *ret_size);

/* Reads up to 16 hexadecimal digits (with or without 0x) at `*at` and moves behind them. Returns how many digits there
 * were; 0: none, or more than 16. */
unsigned plait_text_hex(const char **at, const char *end, uint64_t *ret);

#endif
