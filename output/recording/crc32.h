/*
 * CRC-32 as in zlib, gzip and PNG (reflected polynomial 0xedb88320): what every language's standard library has, for
 * those who write another reader.
 */
#ifndef PLAIT_OUTPUT_RECORDING_CRC32_H
#define PLAIT_OUTPUT_RECORDING_CRC32_H

#include <stddef.h>
#include <stdint.h>

struct plait_crc32 {
	uint32_t table[8][256]; /* table[n][b]: the remainder of byte b with n zero bytes behind it */
};

/* Fills the tables. */
void plait_crc32_init(struct plait_crc32 *crc);

/* The checksum of `size` bytes. */
uint32_t plait_crc32(const struct plait_crc32 *crc, const void *data, size_t size);

#endif
