/* links: plait_recording */
#include "unit/recording_support.h"

#include <zstd.h>

#include "output/recording/block.h"
#include "output/recording/format.h"

/* --- recordings made by hand: any content, good checksums --- */

struct forge {
	struct plait_buffer file;
	struct plait_buffer content; /* of the block that is being made */
	uint32_t sequence;
};

static struct plait_crc32 crc;

static void forge_start(struct forge *forge)
{
	uint8_t start[PLAIT_RECORDING_HEADER_SIZE];
	*forge = (struct forge) { 0 };
	plait_crc32_init(&crc);
	plait_file_header_put(start);
	plait_buffer_put(&forge->file, start, sizeof(start));
}

static void forge_section(struct forge *forge, uint64_t kind, const void *payload, size_t size)
{
	plait_buffer_uleb(&forge->content, kind);
	plait_buffer_uleb(&forge->content, size);
	plait_buffer_put(&forge->content, payload, size);
}

static void forge_block(struct forge *forge)
{
	struct plait_buffer block = { 0 };
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	assert_true(plait_block_seal(zstd, &crc, forge->sequence++, &forge->content, NULL, 0, &block));
	plait_buffer_put(&forge->file, block.data, block.count);
	plait_buffer_free(&block);
	plait_buffer_rewind(&forge->content, 0);
	ZSTD_freeCCtx(zstd);
}

static void forge_release(struct forge *forge)
{
	plait_buffer_free(&forge->file);
	plait_buffer_free(&forge->content);
}

/* A HEADER record whose texts are all "". */
static void forge_header(struct forge *forge)
{
	forge_section(forge, PLAIT_RECORD_HEADER, (uint8_t[9]) { 0 }, 9);
}

/* Reads what was forged, and frees it. */
static struct reading forge_read(struct forge *forge)
{
	if (forge->content.count)
		forge_block(forge);
	struct reading reading = read_bytes(forge->file.data, forge->file.count);
	forge_release(forge);
	return reading;
}

static void expect_invalid(struct reading reading, const char *part)
{
	assert_non_null(reading.error);
	if (reading.error->code != PLAIT_ERROR_INVALID || !strstr(reading.error->message, part))
		fail_msg("%s", reading.error->message);
	assert_true(reading.cut);
	reading_release(&reading);
}

static void expect_records(struct reading reading, size_t records, bool cut)
{
	if (reading.error)
		fail_msg("%s", reading.error->message);
	assert_int_equal(reading.records, records);
	assert_int_equal(reading.cut, cut);
	reading_release(&reading);
}

/* One section behind a HEADER is refused. */
static void refused_section(uint64_t kind, const void *payload, size_t size, const char *part)
{
	struct forge forge;
	forge_start(&forge);
	forge_header(&forge);
	forge_section(&forge, kind, payload, size);
	expect_invalid(forge_read(&forge), part);
}

#define REFUSED(kind, part, ...)                                                                                       \
	refused_section(kind, (const uint8_t[]) { __VA_ARGS__ }, sizeof((const uint8_t[]) { __VA_ARGS__ }), part)

/* --- recordings made by the writer --- */

/* A recording with a little of everything, in some blocks. The caller frees it. */
static uint8_t *small_recording(const char *path, unsigned count, size_t *ret_size)
{
	static struct generator generator;
	generator = (struct generator) { .state = 0xfeedface };
	struct plait_record_header header = test_header();
	struct plait_recording_writer *writer;
	assert_ok(plait_recording_writer_create(path, &header, &writer));
	for (unsigned i = 0; i < count; i++) {
		struct plait_record record;
		uint32_t id;
		generate_record(&generator, &record);
		assert_ok(plait_recording_writer_add(writer, &record, &id));
		if (kind_has_ids(record.kind))
			generator.counts[record.kind] += id == generator.counts[record.kind];
		if (i % 30 == 29)
			assert_ok(plait_recording_writer_flush(writer));
	}
	assert_ok(plait_recording_writer_finish(writer, 1));
	return read_file(path, ret_size);
}

/* Cut anywhere, what was whole comes out, then a clean end. */
static void truncation_at_every_byte(void **state)
{
	struct scratch *scratch = *state;
	size_t size;
	uint8_t *data = small_recording(scratch->path, 120, &size);
	struct reading whole = read_bytes(data, size);
	assert_false(whole.cut);
	size_t records = 0;
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *part = malloc(cut ? cut : 1); /* exactly as large, for AddressSanitizer */
		memcpy(part, data, cut);
		struct reading reading = read_bytes(part, cut);
		if (cut < PLAIT_RECORDING_HEADER_SIZE) {
			assert_int_equal(reading.error->code, PLAIT_ERROR_INVALID);
		} else {
			assert_null(reading.error);
			assert_true(reading.cut);
			assert_true(reading.records >= records);
			records = reading.records;
			assert_memory_equal(reading.json, whole.json, strlen(reading.json));
		}
		reading_release(&reading);
		free(part);
	}
	assert_true(records >= 90);
	assert_true(records < whole.records);
	reading_release(&whole);
	free(data);
}

static void check_flipped(const uint8_t *data, size_t size, size_t at, const char *whole)
{
	struct reading reading = read_bytes(data, size);
	bool ignored = at == 10 || at == 11; /* the minor version */
	if (ignored != !reading.error)
		fail_msg("byte %zu: %s", at, reading.error ? reading.error->message : "not noticed");
	if (reading.error) {
		bool version = at == 8 || at == 9 || (at >= 12 && at < 16);
		assert_int_equal(reading.error->code, version ? PLAIT_ERROR_UNSUPPORTED : PLAIT_ERROR_INVALID);
		if (at >= PLAIT_RECORDING_HEADER_SIZE)
			assert_non_null(strstr(reading.error->message, "at byte "));
	}
	/* What comes out is what was there up to the damage. */
	assert_memory_equal(reading.json, whole, strlen(reading.json));
	reading_release(&reading);
}

static void every_flipped_byte_is_noticed(void **state)
{
	struct scratch *scratch = *state;
	size_t size;
	uint8_t *data = small_recording(scratch->path, 100, &size);
	struct reading whole = read_bytes(data, size);
	for (size_t at = 0; at < size; at++) {
		for (unsigned bit = 0; bit < 8; bit += 3) {
			data[at] ^= 1u << bit;
			check_flipped(data, size, at, whole.json);
			data[at] ^= 1u << bit;
		}
	}
	reading_release(&whole);
	free(data);
}

/* The content of the block at `*at`, which moves behind it. */
static struct plait_buffer block_content(const uint8_t *data, size_t *at)
{
	struct plait_buffer content = { 0 };
	struct plait_block_header header;
	ZSTD_DCtx *zstd = ZSTD_createDCtx();
	assert_true(plait_block_header_get(&crc, data + *at, &header));
	*at += PLAIT_BLOCK_HEADER_SIZE;
	assert_int_equal(plait_block_open(zstd, &crc, &header, data + *at, &content), PLAIT_BLOCK_OK);
	*at += header.compressed_size;
	ZSTD_freeDCtx(zstd);
	return content;
}

/* Reads `first` unchanged and then `content`, as one recording; indexes and texts are checked by the generator of JSON
 * and by the reader's promise below. */
static void read_content(const struct plait_buffer *first, const struct plait_buffer *content)
{
	struct forge forge;
	forge_start(&forge);
	plait_buffer_put(&forge.content, first->data, first->count);
	forge_block(&forge);
	plait_buffer_put(&forge.content, content->data, content->count);
	forge_block(&forge);
	struct plait_recording_reader *reader;
	struct plait_record record;
	uint32_t counts[PLAIT_RECORD_END + 1] = { 0 };
	bool more = true;
	assert_ok(plait_recording_reader_open_memory(forge.file.data, forge.file.count, &reader));
	while (more) {
		struct plait_error *error = plait_recording_reader_next(reader, &record, &more);
		if (error)
			assert_int_equal(error->code, PLAIT_ERROR_INVALID);
		plait_error_free(error);
		if (error || !more)
			break;
		if (record.kind == PLAIT_RECORD_SAMPLE) {
			assert_true(record.sample.thread < counts[PLAIT_RECORD_THREAD]);
			assert_true(record.sample.event < counts[PLAIT_RECORD_EVENT]);
			assert_true(record.sample.node == PLAIT_NONE || record.sample.node < counts[PLAIT_RECORD_NODE]);
		}
		if (record.kind == PLAIT_RECORD_NODE) {
			assert_true(record.node.frame < counts[PLAIT_RECORD_FRAME]);
			assert_true(record.node.parent == PLAIT_NONE || record.node.parent < record.id);
		}
		if (record.kind == PLAIT_RECORD_SYMBOL)
			assert_true(record.symbol.frame < counts[PLAIT_RECORD_FRAME]);
		if (kind_has_ids(record.kind))
			assert_int_equal(record.id, counts[record.kind]++);
	}
	plait_recording_reader_destroy(reader);
	forge_release(&forge);
}

/* Behind the checksum: every byte of the content takes every one of some values. */
static void content_with_any_byte_changed(void **state)
{
	struct scratch *scratch = *state;
	size_t size, at = PLAIT_RECORDING_HEADER_SIZE;
	plait_crc32_init(&crc);
	uint8_t *data = small_recording(scratch->path, 60, &size);
	struct plait_buffer header = block_content(data, &at);
	struct plait_buffer first = block_content(data, &at);
	for (size_t i = 0; i < first.count; i++) {
		const uint8_t good = first.data[i],
			      values[] = { 0, 1, 0x7f, 0x80, 0xff, good + 1, good - 1, good ^ 0x80 };
		for (size_t j = 0; j < sizeof(values); j++) {
			first.data[i] = values[j];
			read_content(&header, &first);
		}
		first.data[i] = good;
	}
	plait_buffer_free(&header);
	plait_buffer_free(&first);
	free(data);
}

/* --- damage between blocks --- */

/* A forged recording of a HEADER block, a block with a note, and one with END; offsets of the blocks. */
static void three_blocks(struct forge *forge, size_t ret_offsets[4])
{
	forge_start(forge);
	ret_offsets[0] = forge->file.count;
	forge_header(forge);
	forge_block(forge);
	ret_offsets[1] = forge->file.count;
	forge_section(forge, PLAIT_RECORD_NOTE, "", 1);
	forge_block(forge);
	ret_offsets[2] = forge->file.count;
	forge_section(forge, PLAIT_RECORD_END, "", 1);
	forge_block(forge);
	ret_offsets[3] = forge->file.count;
}

static void missing_block_is_noticed(void **state)
{
	(void)state;
	struct forge forge;
	size_t at[4];
	three_blocks(&forge, at);
	memmove(forge.file.data + at[1], forge.file.data + at[2], at[3] - at[2]);
	forge.file.count -= at[2] - at[1];
	char offset[32];
	snprintf(offset, sizeof(offset), "byte %zu is not", at[1]);
	struct reading reading = forge_read(&forge);
	assert_int_equal(reading.records, 1);
	expect_invalid(reading, offset);
}

static void damage_in_the_middle_names_the_byte(void **state)
{
	(void)state;
	struct forge forge;
	size_t at[4];
	char offset[64];
	three_blocks(&forge, at);
	forge.file.data[at[2] - 1] ^= 1;
	snprintf(offset, sizeof(offset), "byte %zu does not match its checksum", at[1]);
	expect_invalid(forge_read(&forge), offset);
	/* A length that reaches past the end is not mistaken for a cut file. */
	three_blocks(&forge, at);
	forge.file.data[at[1] + 10] ^= 1;
	snprintf(offset, sizeof(offset), "byte %zu does not begin", at[1]);
	expect_invalid(forge_read(&forge), offset);
}

static void zeros_at_the_end_are_a_cut(void **state)
{
	(void)state;
	static const uint8_t zeros[100000];
	struct forge forge;
	size_t at[4];
	for (int garbage = 0; garbage < 2; garbage++) {
		three_blocks(&forge, at);
		forge.file.count = at[2];
		plait_buffer_put(&forge.file, zeros, sizeof(zeros));
		forge.file.data[forge.file.count - 1] = (uint8_t)garbage;
		if (garbage)
			expect_invalid(forge_read(&forge), "does not begin with a whole block header");
		else
			expect_records(forge_read(&forge), 2, true);
	}
}

static void nothing_may_follow_the_end(void **state)
{
	(void)state;
	struct forge forge;
	size_t at[4];
	three_blocks(&forge, at);
	expect_records(forge_read(&forge), 3, false);
	three_blocks(&forge, at);
	plait_buffer_u8(&forge.file, 'x');
	struct reading reading = forge_read(&forge);
	assert_non_null(strstr(reading.error->message, "after the end"));
	reading_release(&reading);
	three_blocks(&forge, at);
	forge.file.count = at[2];
	forge.sequence--;
	forge_section(&forge, PLAIT_RECORD_END, "", 1);
	forge_section(&forge, PLAIT_RECORD_NOTE, "", 1);
	reading = forge_read(&forge);
	assert_non_null(strstr(reading.error->message, "after the END"));
	reading_release(&reading);
}

static void after_an_error_the_reading_is_over(void **state)
{
	(void)state;
	struct forge forge;
	size_t at[4];
	three_blocks(&forge, at);
	forge.file.data[at[2] - 1] ^= 1;
	struct plait_recording_reader *reader;
	struct plait_record record;
	bool more;
	assert_ok(plait_recording_reader_open_memory(forge.file.data, forge.file.count, &reader));
	assert_ok(plait_recording_reader_next(reader, &record, &more));
	assert_refused(plait_recording_reader_next(reader, &record, &more), PLAIT_ERROR_INVALID, "checksum");
	assert_ok(plait_recording_reader_next(reader, &record, &more));
	assert_false(more);
	assert_true(plait_recording_reader_cut(reader));
	plait_recording_reader_destroy(reader);
	forge_release(&forge);
}

/* --- versions --- */

static void other_versions(void **state)
{
	(void)state;
	for (int at = 8; at < 16; at++) {
		struct forge forge;
		size_t offsets[4];
		three_blocks(&forge, offsets);
		forge.file.data[at] += 1;
		if (at == 10 || at == 11) { /* minor */
			expect_records(forge_read(&forge), 3, false);
			continue;
		}
		struct reading reading = forge_read(&forge);
		assert_int_equal(reading.error->code, PLAIT_ERROR_UNSUPPORTED);
		assert_non_null(strstr(reading.error->message, at == 8 ? "version 2." : "version"));
		assert_non_null(strstr(reading.error->advice, "newer"));
		reading_release(&reading);
	}
}

static void unknown_sections_are_skipped(void **state)
{
	(void)state;
	struct forge forge;
	forge_start(&forge);
	forge_header(&forge);
	forge_section(&forge, PLAIT_SECTION_KINDS, "anything", 8);
	forge_section(&forge, UINT64_MAX, "", 0);
	forge_section(&forge, PLAIT_RECORD_END, "", 1);
	expect_records(forge_read(&forge), 2, false);
}

/* --- content that lies about itself --- */

static void lies_are_refused(void **state)
{
	(void)state;
	const char *part = "makes no sense";
	REFUSED(PLAIT_RECORD_HEADER, part, 0, 0, 0, 0, 0, 0, 0, 0, 0); /* a second one */
	REFUSED(PLAIT_RECORD_NOTE, part, 1);			       /* a string that is not there */
	REFUSED(PLAIT_RECORD_NOTE, part, 0x80);
	REFUSED(PLAIT_RECORD_EVENT, part, 0, 2, 0, 0, 0); /* an unknown flag */
	REFUSED(PLAIT_RECORD_PROCESS, part, 1, 1, 0, 0, 0, 0);
	REFUSED(PLAIT_RECORD_PROCESS, part, 0xff, 0xff, 0xff, 0xff, 0x1f, 0, 0, 0, 0, 0); /* 33 bits */
	REFUSED(PLAIT_RECORD_THREAD, part, 0, 0, 0);
	REFUSED(PLAIT_RECORD_THREAD_NAME, part, 0, 0);
	REFUSED(PLAIT_RECORD_MODULE, part, 0, 33, 0);
	REFUSED(PLAIT_RECORD_FRAME, part, 6);
	REFUSED(PLAIT_RECORD_FRAME, part, PLAIT_FRAME_NATIVE, 1, 0);
	REFUSED(PLAIT_RECORD_FRAME, part, PLAIT_FRAME_NATIVE, 0, 1, 0);
	REFUSED(PLAIT_RECORD_FRAME, part, PLAIT_FRAME_PYTHON, 0, 0, 0, 0, 0);
	REFUSED(PLAIT_RECORD_NODE, part, 0, 0);
	REFUSED(PLAIT_RECORD_LOST, part, 0, 0, 2);
	REFUSED(PLAIT_RECORD_SYMBOL, part, 0, 0, 0, 0);
	REFUSED(PLAIT_RECORD_EVENT_TRAITS, part, 0, 0, 0, 0, 0, 0, 0, 0); /* no such event */
	REFUSED(PLAIT_RECORD_COUNT, part, 0, 0, 0, 0);
	REFUSED(PLAIT_RECORD_SOURCE, part, 0, 0, 0, 2);		       /* an unknown flag */
	REFUSED(PLAIT_RECORD_SOURCE, part, 0, 4, 0, 1, 'a', 'b', 'c'); /* shorter than it says */
	REFUSED(PLAIT_RECORD_SOURCE, part, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 1, 'a');
	REFUSED(PLAIT_RECORD_FUNCTION, part, 0, 0, 0, 0, 0); /* no such module */
	/* counts that no bytes stand behind */
	REFUSED(PLAIT_SECTION_STRINGS, part, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
	REFUSED(PLAIT_SECTION_STRINGS, part, 0);
	REFUSED(PLAIT_SECTION_STRINGS, part, 1, 0);
	REFUSED(PLAIT_SECTION_STRINGS, part, 1, 2, 'a');
	REFUSED(PLAIT_SECTION_STRINGS, part, 1, 1, 'a', 'b');
	REFUSED(PLAIT_SECTION_STRINGS, part, 1, 1, 0); /* a NUL in a text */
	REFUSED(PLAIT_SECTION_STRINGS, part, 1, 0x81, 0x80, 0x40);
	REFUSED(PLAIT_RECORD_SAMPLE, part, 0, 0, 0, 0, 0, 0, 0, 0);
	REFUSED(PLAIT_RECORD_SAMPLE, part, 0xff, 0xff, 0x7f, 1, 0, 0, 0, 0, 0, 0, 0);
	REFUSED(PLAIT_RECORD_SAMPLE, part, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0); /* no thread, no event */
	REFUSED(PLAIT_RECORD_SAMPLE, part, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0);
}

static void section_longer_than_its_block(void **state)
{
	(void)state;
	struct forge forge;
	forge_start(&forge);
	forge_header(&forge);
	plait_buffer_put(&forge.content, (uint8_t[]) { PLAIT_RECORD_NOTE, 5, 0 }, 3);
	expect_invalid(forge_read(&forge), "longer than the block");
	forge_start(&forge);
	forge_section(&forge, PLAIT_RECORD_NOTE, "", 1);
	expect_invalid(forge_read(&forge), "before the HEADER");
}

/* A thread, an event, a frame and a node; then `details` as DETAIL section (size 0: none), `payload` as SAMPLE section.
 */
static struct reading read_detailed(const void *details, size_t detail_size, const void *payload, size_t size)
{
	struct forge forge;
	forge_start(&forge);
	forge_header(&forge);
	forge_section(&forge, PLAIT_RECORD_EVENT, (uint8_t[5]) { 0 }, 5);
	forge_section(&forge, PLAIT_RECORD_PROCESS, (uint8_t[6]) { 0 }, 6);
	forge_section(&forge, PLAIT_RECORD_THREAD, (uint8_t[3]) { 0 }, 3);
	forge_section(&forge, PLAIT_RECORD_FRAME, (uint8_t[]) { PLAIT_FRAME_GAP }, 1);
	forge_section(&forge, PLAIT_RECORD_NODE, (uint8_t[2]) { 0 }, 2);
	if (detail_size)
		forge_section(&forge, PLAIT_SECTION_DETAILS, details, detail_size);
	forge_section(&forge, PLAIT_RECORD_SAMPLE, payload, size);
	return forge_read(&forge);
}

static struct reading read_samples(const void *payload, size_t size)
{
	return read_detailed(NULL, 0, payload, size);
}

#define SAMPLES(...) read_samples((const uint8_t[]) { __VA_ARGS__ }, sizeof((const uint8_t[]) { __VA_ARGS__ }))

static void columns_that_lie(void **state)
{
	(void)state;
	const char *part = "SAMPLE record that makes no sense";
	/* count, sizes of LANE PAIR QUALITY PERIOD FIRST TIME NODE, then the columns */
	expect_records(SAMPLES(1, 1, 2, 0, 0, 0, 0, 0, /**/ 0, 0, 0), 7, true);
	expect_records(SAMPLES(2, 2, 2, 0, 0, 1, 0, 2, /**/ 0, 0, 0, 0, 2, 1, 2), 8, true);
	expect_invalid(SAMPLES(1, 1, 2, 0, 0, 0, 0, 0, /**/ 1, 0, 0), part);	   /* lane 1 without lane 0 */
	expect_invalid(SAMPLES(1, 1, 2, 0, 0, 0, 0, 0, /**/ 0, 1, 0), part);	   /* no thread 1 */
	expect_invalid(SAMPLES(1, 1, 2, 0, 0, 0, 0, 0, /**/ 0, 0, 1), part);	   /* no event 1 */
	expect_invalid(SAMPLES(1, 1, 3, 0, 0, 0, 0, 0, /**/ 0, 0, 0, 0), part);	   /* a column goes on */
	expect_invalid(SAMPLES(2, 2, 2, 0, 0, 0, 1, 0, /**/ 0, 0, 0, 0, 0), part); /* a column ends early */
	expect_invalid(SAMPLES(1, 1, 2, 0, 0, 1, 0, 1, /**/ 0, 0, 0, 4, 1), part); /* no node 1 */
	expect_invalid(SAMPLES(1, 1, 2, 0, 0, 1, 0, 1, /**/ 0, 0, 0, 1, 1), part); /* node -2 */
	expect_invalid(SAMPLES(1, 1, 2, 0, 0, 0, 0, 1, /**/ 0, 0, 0, 2), part);	   /* nothing in FIRST yet */
	expect_invalid(SAMPLES(1, 1, 2, 0, 0, 0, 1, 0, /**/ 0, 0, 0, 1), part);	   /* time -1 */
	expect_invalid(SAMPLES(1, 1, 2, 5, 0, 0, 0, 0, /**/ 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x10), part);
	expect_invalid(SAMPLES(2, 1, 2, 0, 0, 0, 0, 0, /**/ 0, 0, 0), part);	/* more samples than bytes */
	expect_invalid(SAMPLES(1, 1, 2, 0, 0, 0, 0, 0, /**/ 0, 0, 0, 9), part); /* bytes behind the columns */
	expect_invalid(SAMPLES(1, 1, 2, 0, 0, 0, 0, 9, /**/ 0, 0, 0), part);
}

/* --- blocks that lie about their size --- */

static void put_le32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

/* A recording whose only block has this payload and says it has `content_size` bytes inside. */
static struct reading read_block(const void *payload, size_t size, uint32_t compressed_size, uint32_t content_size)
{
	struct forge forge;
	uint8_t header[PLAIT_BLOCK_HEADER_SIZE] = { 0 };
	forge_start(&forge);
	put_le32(header, PLAIT_BLOCK_MAGIC);
	put_le32(header + 8, compressed_size);
	put_le32(header + 12, content_size);
	put_le32(header + 16, plait_crc32(&crc, payload, size));
	put_le32(header + 20, plait_crc32(&crc, header, 20));
	plait_buffer_put(&forge.file, header, sizeof(header));
	plait_buffer_put(&forge.file, payload, size);
	return forge_read(&forge);
}

/* Two samples, and the details of them. */
#define DETAILS(...)                                                                                                   \
	read_detailed((const uint8_t[]) { __VA_ARGS__ }, sizeof((const uint8_t[]) { __VA_ARGS__ }),                    \
		      (const uint8_t[]) { 2, 2, 2, 0, 0, 0, 0, 0, /**/ 0, 0, 0, 0 }, 12)

static void details_that_lie(void **state)
{
	(void)state;
	const char *part = "makes no sense";
	/* for each entry: samples skipped, shape; a new shape: details, count of reads, their events; the values */
	expect_records(DETAILS(0, 0, 1, 0, /**/ 8), 8, true);
	expect_records(DETAILS(1, 0, 0, 1, 0, /**/ 8), 8, true);
	expect_records(DETAILS(0, 0, 7, 1, 0, /**/ 8, 1, 4, 6, /**/ 0, 0, 8, 1, 4, 6), 8, true);
	expect_invalid(DETAILS(0), part);				/* ends early */
	expect_invalid(DETAILS(0, 0, 1, 0), part);			/* no value */
	expect_invalid(DETAILS(0, 1, 1, 0, 8), part);			/* a shape that is not there */
	expect_invalid(DETAILS(0, 0, 16, 0), part);			/* an unknown detail */
	expect_invalid(DETAILS(0, 0, 0, 0), part);			/* a shape of nothing */
	expect_invalid(DETAILS(0, 0, 0, 1, 1, 8), part);		/* an event that is not there */
	expect_invalid(DETAILS(0, 0, 0, 0x81, 2, 0, 8), part);		/* more reads than there may be */
	expect_invalid(DETAILS(2, 0, 1, 0, 8), part);			/* of a third sample */
	expect_invalid(DETAILS(0, 0, 1, 0, 8, 0, 0, 8, 0, 0, 8), part); /* the same, behind two good ones */
	expect_invalid(DETAILS(0, 0, 1, 0, 8, 0x80), part);		/* a number that ends early */
	expect_invalid(DETAILS(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 1, 0, 8), part);

	struct forge forge;
	forge_start(&forge);
	forge_header(&forge);
	forge_section(&forge, PLAIT_SECTION_DETAILS, (uint8_t[]) { 0, 0, 1, 0, 8 }, 5);
	expect_invalid(forge_read(&forge), "DETAIL section without samples");
	forge_start(&forge);
	forge_header(&forge);
	forge_section(&forge, PLAIT_SECTION_DETAILS, (uint8_t[]) { 0, 0, 1, 0, 8 }, 5);
	forge_section(&forge, PLAIT_RECORD_NOTE, (uint8_t[]) { 0 }, 1);
	expect_invalid(forge_read(&forge), "DETAIL section without samples");
	forge_start(&forge);
	forge_section(&forge, PLAIT_SECTION_DETAILS, (uint8_t[]) { 0, 0, 1, 0, 8 }, 5);
	expect_invalid(forge_read(&forge), "before the HEADER");
}

/* Every byte of a section of details may be anything: the reader says so, or gives records. */
static void any_details(void **state)
{
	(void)state;
	static struct generator generator = { .state = 99 };
	for (int i = 0; i < 3000; i++) {
		uint8_t details[24];
		size_t size = generate(&generator) % sizeof(details) + 1;
		for (size_t j = 0; j < size; j++)
			details[j] =
				(uint8_t)(generate(&generator) % 4 ? generate(&generator) % 4 : generate(&generator));
		struct reading reading =
			read_detailed(details, size, (const uint8_t[]) { 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 12);
		assert_true(reading.error ? reading.error->code == PLAIT_ERROR_INVALID : reading.records == 8);
		reading_release(&reading);
	}
}

static void block_sizes_are_bounded(void **state)
{
	(void)state;
	uint8_t content[1000] = { 0 }, frames[4096];
	size_t size = ZSTD_compress(frames, 2000, content, sizeof(content), 3);
	assert_false(ZSTD_isError(size));
	expect_invalid(read_block(frames, size, (uint32_t)size, PLAIT_BLOCK_CONTENT_MAX + 1), "block header");
	expect_invalid(read_block(frames, size, UINT32_MAX, 1000), "block header");
	expect_invalid(read_block(frames, size, (uint32_t)size, 0), "block header");
	expect_invalid(read_block(frames, size, (uint32_t)size, 999), "cannot be decompressed");
	expect_invalid(read_block(frames, size, (uint32_t)size, 1001), "cannot be decompressed");
	expect_invalid(read_block("not zstd", 8, 8, 8), "cannot be decompressed");
	expect_invalid(read_block("", 0, 0, 8), "cannot be decompressed");
	expect_records(read_block(frames, size, (uint32_t)size + 1, 1000), 0, true);
	/* Two frames in one block. */
	size_t more = ZSTD_compress(frames + size, 2000, content, sizeof(content), 3);
	expect_invalid(read_block(frames, size + more, (uint32_t)(size + more), 1000), "cannot be decompressed");
}

/* Strings that compress to nothing must not fill the memory. */
static void text_is_bounded(void **state)
{
	(void)state;
	struct forge forge;
	struct plait_buffer payload = { 0 };
	const size_t count = 8u << 20; /* of one byte and 16 of bookkeeping: 136 MiB, so two do not fit */
	plait_buffer_uleb(&payload, count);
	assert_true(plait_buffer_reserve(&payload, 2 * count));
	memset(payload.data + payload.count, 1, 2 * count);
	payload.count += 2 * count;
	forge_start(&forge);
	forge_header(&forge);
	forge_section(&forge, PLAIT_SECTION_STRINGS, payload.data, payload.count);
	forge_block(&forge);
	forge_section(&forge, PLAIT_SECTION_STRINGS, payload.data, payload.count);
	plait_buffer_free(&payload);
	forge_block(&forge);
	assert_in_range(forge.file.count, 0, 100000);
	expect_invalid(forge_read(&forge), "more text than a recording may hold");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(truncation_at_every_byte),
		scratch_test(every_flipped_byte_is_noticed),
		scratch_test(content_with_any_byte_changed),
		cmocka_unit_test(missing_block_is_noticed),
		cmocka_unit_test(damage_in_the_middle_names_the_byte),
		cmocka_unit_test(zeros_at_the_end_are_a_cut),
		cmocka_unit_test(nothing_may_follow_the_end),
		cmocka_unit_test(after_an_error_the_reading_is_over),
		cmocka_unit_test(other_versions),
		cmocka_unit_test(unknown_sections_are_skipped),
		cmocka_unit_test(lies_are_refused),
		cmocka_unit_test(section_longer_than_its_block),
		cmocka_unit_test(columns_that_lie),
		cmocka_unit_test(details_that_lie),
		cmocka_unit_test(any_details),
		cmocka_unit_test(block_sizes_are_bounded),
		cmocka_unit_test(text_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
