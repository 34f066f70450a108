/*
 * Blocks: content <-> compressed bytes with their header.
 */
#ifndef PLAIT_OUTPUT_RECORDING_BLOCK_H
#define PLAIT_OUTPUT_RECORDING_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/recording/buffer.h"
#include "output/recording/crc32.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

struct plait_block_header {
	uint32_t sequence;
	uint32_t compressed_size;
	uint32_t content_size;
	uint32_t payload_crc;
};

/* Writes the 16 bytes at the start of a file to `ret`. */
void plait_file_header_put(uint8_t *ret);

/*
 * Makes a block of `content` in `ret` (replacing what is there). `cuts` are ascending offsets in the content where data
 * of another nature begins: zstd gets to choose new tables there. False when memory ran out.
 */
bool plait_block_seal(struct ZSTD_CCtx_s *zstd, const struct plait_crc32 *crc, uint32_t sequence,
		      const struct plait_buffer *content, const size_t *cuts, size_t cut_count,
		      struct plait_buffer *ret);

/* Decodes the PLAIT_BLOCK_HEADER_SIZE bytes at `data`. False when they are not a block header, or damaged. */
bool plait_block_header_get(const struct plait_crc32 *crc, const uint8_t *data, struct plait_block_header *ret);

enum plait_block_status {
	PLAIT_BLOCK_OK,
	PLAIT_BLOCK_BAD_CHECKSUM,
	PLAIT_BLOCK_BAD_FRAME, /* not one zstd frame of the size that the header says */
	PLAIT_BLOCK_NO_MEMORY,
};

/* Decompresses header->compressed_size bytes at `payload` into `ret` (replacing what is there). */
enum plait_block_status plait_block_open(struct ZSTD_DCtx_s *zstd, const struct plait_crc32 *crc,
					 const struct plait_block_header *header, const uint8_t *payload,
					 struct plait_buffer *ret);

#endif
