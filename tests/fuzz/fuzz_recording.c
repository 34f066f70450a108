/* links: plait_recording */
/*
 * Any bytes as a recording: once as they are, and, since checksums stop nearly all of those early, once more as the
 * content of one block of a recording that is good otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "fixtures/recording_dump.h"
#include "output/recording/block.h"
#include "output/recording/format.h"
#include "output/recording/reader.h"

static void walk(const uint8_t *data, size_t size, FILE *out)
{
	struct plait_recording_reader *reader;
	struct plait_record record;
	struct plait_error *error = plait_recording_reader_open_memory(data, size, &reader);
	if (error) {
		plait_error_free(error);
		return;
	}
	bool more = true;
	while (more && !(error = plait_recording_reader_next(reader, &record, &more))) {
		if (more)
			plait_record_json(out, &record); /* reads every text */
	}
	plait_error_free(error);
	plait_recording_reader_cut(reader);
	plait_recording_reader_destroy(reader);
}

static void walk_as_content(const uint8_t *data, size_t size, FILE *out)
{
	struct plait_crc32 crc;
	struct plait_buffer content = { .data = (uint8_t *)data, .count = size }, block = { 0 }, file = { 0 };
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	uint8_t start[PLAIT_RECORDING_HEADER_SIZE];
	plait_crc32_init(&crc);
	plait_file_header_put(start);
	plait_buffer_put(&file, start, sizeof(start));
	if (zstd && plait_block_seal(zstd, &crc, 0, &content, NULL, 0, &block))
		plait_buffer_put(&file, block.data, block.count);
	walk(file.data, file.count, out);
	ZSTD_freeCCtx(zstd);
	plait_buffer_free(&block);
	plait_buffer_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *out = fopen("/dev/null", "w");
	if (!out)
		return 0;
	walk(data, size, out);
	walk_as_content(data, size, out);
	fclose(out);
	return 0;
}
