#include "output/recording/block.h"

#include <zstd.h>

#include "common/bytes.h"
#include "output/recording/format.h"

/* On samples the level hardly matters (3 to 9: within 1 %), on names 6 is worth its time at a block a second. */
#define LEVEL 6
/* Bytes that are worth tables of their own (about 60 bytes). That makes sample blocks 4 to 7 % smaller. */
#define PIECE_MIN ((size_t)512)

static void put_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

void plait_file_header_put(uint8_t *ret)
{
	memcpy(ret, PLAIT_RECORDING_MAGIC, PLAIT_RECORDING_MAGIC_SIZE);
	put_u32(ret + 8, PLAIT_RECORDING_MAJOR | PLAIT_RECORDING_MINOR << 16);
	put_u32(ret + 12, PLAIT_RECORDING_FLAGS);
}

/* Compresses the content up to `end`; `mode` says whether the zstd block or the frame ends there. The output has room
 * for everything (ZSTD_compressBound), so one call does it all. */
static bool compress_piece(ZSTD_CCtx *zstd, ZSTD_inBuffer *in, size_t end, ZSTD_EndDirective mode, ZSTD_outBuffer *out)
{
	in->size = end;
	return ZSTD_compressStream2(zstd, out, in, mode) == 0 && in->pos == end;
}

static bool compress(ZSTD_CCtx *zstd, const struct plait_buffer *content, const size_t *cuts, size_t cut_count,
		     ZSTD_outBuffer *out)
{
	ZSTD_CCtx_reset(zstd, ZSTD_reset_session_and_parameters);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setPledgedSrcSize(zstd, content->count);
	ZSTD_inBuffer in = { .src = content->data };
	for (size_t i = 0; i < cut_count; i++) {
		size_t end = cuts[i];
		if (end >= in.pos + PIECE_MIN && content->count >= end + PIECE_MIN &&
		    !compress_piece(zstd, &in, end, ZSTD_e_flush, out))
			return false;
	}
	return compress_piece(zstd, &in, content->count, ZSTD_e_end, out);
}

bool plait_block_seal(ZSTD_CCtx *zstd, const struct plait_crc32 *crc, uint32_t sequence,
		      const struct plait_buffer *content, const size_t *cuts, size_t cut_count,
		      struct plait_buffer *ret)
{
	/* Each flush may cost a block header and a raw block more than the bound says. */
	size_t room = ZSTD_compressBound(content->count) + 16 * cut_count + 64;
	plait_buffer_rewind(ret, 0);
	if (!plait_buffer_reserve(ret, PLAIT_BLOCK_HEADER_SIZE + room))
		return false;
	uint8_t *header = ret->data;
	ZSTD_outBuffer out = { .dst = header + PLAIT_BLOCK_HEADER_SIZE, .size = room };
	if (!compress(zstd, content, cuts, cut_count, &out))
		return false;
	put_u32(header, PLAIT_BLOCK_MAGIC);
	put_u32(header + 4, sequence);
	put_u32(header + 8, (uint32_t)out.pos);
	put_u32(header + 12, (uint32_t)content->count);
	put_u32(header + 16, plait_crc32(crc, out.dst, out.pos));
	put_u32(header + 20, plait_crc32(crc, header, 20));
	ret->count = PLAIT_BLOCK_HEADER_SIZE + out.pos;
	return true;
}

bool plait_block_header_get(const struct plait_crc32 *crc, const uint8_t *data, struct plait_block_header *ret)
{
	struct plait_bytes bytes = plait_bytes(data, PLAIT_BLOCK_HEADER_SIZE);
	uint32_t magic = plait_bytes_u32(&bytes);
	ret->sequence = plait_bytes_u32(&bytes);
	ret->compressed_size = plait_bytes_u32(&bytes);
	ret->content_size = plait_bytes_u32(&bytes);
	ret->payload_crc = plait_bytes_u32(&bytes);
	return magic == PLAIT_BLOCK_MAGIC && plait_bytes_u32(&bytes) == plait_crc32(crc, data, 20) &&
	       ret->content_size && ret->content_size <= PLAIT_BLOCK_CONTENT_MAX &&
	       ret->compressed_size <= ZSTD_COMPRESSBOUND(PLAIT_BLOCK_CONTENT_MAX);
}

enum plait_block_status plait_block_open(ZSTD_DCtx *zstd, const struct plait_crc32 *crc,
					 const struct plait_block_header *header, const uint8_t *payload,
					 struct plait_buffer *ret)
{
	if (plait_crc32(crc, payload, header->compressed_size) != header->payload_crc)
		return PLAIT_BLOCK_BAD_CHECKSUM;
	/* The frame's own word on its size first: memory is only spent on what can come out right. */
	if (ZSTD_getFrameContentSize(payload, header->compressed_size) != header->content_size ||
	    ZSTD_findFrameCompressedSize(payload, header->compressed_size) != header->compressed_size)
		return PLAIT_BLOCK_BAD_FRAME;
	plait_buffer_rewind(ret, 0);
	if (!plait_buffer_reserve(ret, header->content_size))
		return PLAIT_BLOCK_NO_MEMORY;
	size_t got = ZSTD_decompressDCtx(zstd, ret->data, header->content_size, payload, header->compressed_size);
	if (got != header->content_size)
		return PLAIT_BLOCK_BAD_FRAME;
	ret->count = got;
	return PLAIT_BLOCK_OK;
}
