/* links: plait_recording */
#include "unit/recording_support.h"

#include "output/recording/crc32.h"
#include "output/recording/format.h"

static void checksum_is_that_of_zlib(void **state)
{
	(void)state;
	static struct plait_crc32 crc;
	plait_crc32_init(&crc);
	assert_int_equal(plait_crc32(&crc, "123456789", 9), 0xcbf43926);
	assert_int_equal(plait_crc32(&crc, "", 0), 0);
	assert_int_equal(plait_crc32(&crc, "The quick brown fox jumps over the lazy dog", 43), 0x414fa339);
}

/* Definitions by kind (they may be moved in front of other records), and all else in one sequence. */
struct expected {
	FILE *out[GENERATOR_KINDS];
	char *text[GENERATOR_KINDS];
	size_t size[GENERATOR_KINDS];
};

static void expected_start(struct expected *expected)
{
	for (int kind = 0; kind < GENERATOR_KINDS; kind++)
		expected->out[kind] = open_memstream(&expected->text[kind], &expected->size[kind]);
}

static void expected_add(struct expected *expected, const struct plait_record *record)
{
	plait_record_json(expected->out[kind_has_ids(record->kind) ? record->kind : 0], record);
}

static void expected_end(struct expected *expected)
{
	for (int kind = 0; kind < GENERATOR_KINDS; kind++)
		fclose(expected->out[kind]);
}

static void expected_free(struct expected *expected)
{
	for (int kind = 0; kind < GENERATOR_KINDS; kind++)
		free(expected->text[kind]);
}

static void write_random(const char *path, uint64_t seed, unsigned count, struct expected *expected)
{
	static struct generator generator;
	generator = (struct generator) { .state = seed };
	struct plait_record record = { .kind = PLAIT_RECORD_HEADER, .header = generate_header(&generator) };
	struct plait_recording_writer *writer;
	assert_ok(plait_recording_writer_create(path, &record.header, &writer));
	expected_add(expected, &record);
	for (unsigned i = 0; i < count; i++) {
		uint32_t id = 0;
		generate_record(&generator, &record);
		assert_ok(plait_recording_writer_add(writer, &record, &id));
		record.id = id;
		bool is_new = !kind_has_ids(record.kind) || id == generator.counts[record.kind];
		generator.counts[record.kind] += is_new;
		if (is_new)
			expected_add(expected, &record);
		if (generate(&generator) % 200 == 0)
			assert_ok(plait_recording_writer_flush(writer));
	}
	assert_ok(plait_recording_writer_finish(writer, 77));
	record = (struct plait_record) { .kind = PLAIT_RECORD_END, .end.time = 77 };
	expected_add(expected, &record);
}

static void read_all(const char *path, struct expected *got)
{
	struct plait_recording_reader *reader;
	struct plait_record record;
	bool more;
	assert_ok(plait_recording_reader_open(path, &reader));
	for (;;) {
		assert_ok(plait_recording_reader_next(reader, &record, &more));
		if (!more)
			break;
		expected_add(got, &record);
	}
	assert_false(plait_recording_reader_cut(reader));
	plait_recording_reader_destroy(reader);
}

static void what_goes_in_comes_out(void **state)
{
	struct scratch *scratch = *state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct expected expected, got;
		expected_start(&expected);
		expected_start(&got);
		write_random(scratch->path, seed * 0x9e3779b97f4a7c15, 4000, &expected);
		read_all(scratch->path, &got);
		expected_end(&expected);
		expected_end(&got);
		for (int kind = 0; kind < GENERATOR_KINDS; kind++) {
			if (strcmp(got.text[kind], expected.text[kind]))
				fail_msg("seed %d: records of kind %d differ", (int)seed, kind);
		}
		expected_free(&expected);
		expected_free(&got);
	}
}

/* The only record of `kind`, or the last one. */
static struct plait_record last_of(struct plait_recording_reader *reader, enum plait_record_kind kind)
{
	struct plait_record record, last = { 0 };
	bool more = true;
	while (more) {
		assert_ok(plait_recording_reader_next(reader, &record, &more));
		if (more && record.kind == kind)
			last = record;
	}
	assert_int_equal(last.kind, kind);
	return last;
}

static void frames_and_nodes_are_interned(void **state)
{
	struct scratch *scratch = *state;
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	/* `line` and `code` mean nothing to a kernel frame: these two are the same. */
	struct plait_record frame = { .kind = PLAIT_RECORD_FRAME,
				      .frame = {
					      .kind = PLAIT_FRAME_KERNEL, .address = 0xffffffff81000000, .line = 7 } };
	uint32_t first, second, other, node, again, leaf;
	assert_ok(plait_recording_writer_add(writer, &frame, &first));
	frame.frame.code = 5;
	frame.frame.line = 0;
	assert_ok(plait_recording_writer_add(writer, &frame, &second));
	frame.frame.address++;
	assert_ok(plait_recording_writer_add(writer, &frame, &other));
	assert_int_equal(first, 0);
	assert_int_equal(second, 0);
	assert_int_equal(other, 1);

	assert_ok(plait_recording_writer_add_stack(writer, (uint32_t[]) { 1, 0, 0 }, 3, &leaf));
	assert_int_equal(leaf, 2);
	assert_ok(plait_recording_writer_add_stack(writer, (uint32_t[]) { 0, 0 }, 2, &node));
	assert_int_equal(node, 1);
	assert_ok(plait_recording_writer_add_stack(writer, (uint32_t[]) { 1, 0, 0 }, 3, &again));
	assert_int_equal(again, leaf);
	assert_ok(plait_recording_writer_add_stack(writer, NULL, 0, &node));
	assert_int_equal(node, PLAIT_NONE);
	struct plait_record by_hand = { .kind = PLAIT_RECORD_NODE, .node = { 1, 1 } };
	assert_ok(plait_recording_writer_add(writer, &by_hand, &node));
	assert_int_equal(node, leaf);
	assert_ok(plait_recording_writer_finish(writer, 0));

	struct plait_recording_reader *reader;
	assert_ok(plait_recording_reader_open(scratch->path, &reader));
	struct plait_record last = last_of(reader, PLAIT_RECORD_NODE);
	assert_int_equal(last.id, leaf);
	assert_int_equal(last.node.parent, 1);
	assert_int_equal(last.node.frame, 1);
	plait_recording_reader_destroy(reader);
}

/* Stacks in any order give the trie that a plain search would build. */
static void stacks_are_paths_of_the_trie(void **state)
{
	struct scratch *scratch = *state;
	static struct generator generator = { .state = 42 };
	static struct plait_record_node nodes[20000];
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	for (uint64_t i = 0; i < 40; i++) {
		struct plait_record frame = { .kind = PLAIT_RECORD_FRAME,
					      .frame = { .kind = PLAIT_FRAME_KERNEL, .address = i } };
		assert_ok(plait_recording_writer_add(writer, &frame, NULL));
	}
	uint32_t count = 0;
	for (int i = 0; i < 3000; i++) {
		uint32_t stack[12], node, expected = PLAIT_NONE;
		size_t depth = generate(&generator) % 13;
		for (size_t j = 0; j < depth; j++)
			stack[j] = (uint32_t)(generate(&generator) % (depth - j < 4 ? 2 : 40));
		assert_ok(plait_recording_writer_add_stack(writer, stack, depth, &node));
		for (size_t j = depth; j-- > 0;) {
			uint32_t known = 0;
			while (known < count && (nodes[known].parent != expected || nodes[known].frame != stack[j]))
				known++;
			if (known == count) {
				assert_in_range(count, 0, 19999);
				nodes[count++] = (struct plait_record_node) { expected, stack[j] };
			}
			expected = known;
		}
		assert_int_equal(node, expected);
	}
	plait_recording_writer_abandon(writer);
}

static void refused_stack_leaves_the_writer_usable(void **state)
{
	struct scratch *scratch = *state;
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	struct plait_record gap = { .kind = PLAIT_RECORD_FRAME, .frame.kind = PLAIT_FRAME_GAP };
	uint32_t node;
	assert_ok(plait_recording_writer_add(writer, &gap, NULL));
	assert_refused(plait_recording_writer_add_stack(writer, (uint32_t[]) { 7, 0 }, 2, &node), PLAIT_ERROR_INVALID,
		       "frame 7");
	assert_ok(plait_recording_writer_add_stack(writer, (uint32_t[]) { 0, 0 }, 2, &node));
	assert_int_equal(node, 1);
	assert_ok(plait_recording_writer_finish(writer, 0));
}

static void writer_refuses_what_a_reader_would(void **state)
{
	struct scratch *scratch = *state;
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	const struct plait_record bad[] = {
		{ .kind = PLAIT_RECORD_HEADER, .header = test_header() },
		{ .kind = PLAIT_RECORD_END },
		{ .kind = 99 },
		{ .kind = PLAIT_RECORD_PROCESS, .process = { .parent = 1 } },
		{ .kind = PLAIT_RECORD_THREAD, .thread = { .process = 1 } },
		{ .kind = PLAIT_RECORD_THREAD_NAME, .thread_name = { .thread = 1 } },
		{ .kind = PLAIT_RECORD_MODULE, .module.build_id.size = PLAIT_BUILD_ID_MAX + 1 },
		{ .kind = PLAIT_RECORD_FRAME, .frame = { .kind = PLAIT_FRAME_NATIVE, .module = 0 } },
		{ .kind = PLAIT_RECORD_FRAME,
		  .frame = { .kind = PLAIT_FRAME_NATIVE, .module = PLAIT_NONE, .process = 1 } },
		{ .kind = PLAIT_RECORD_FRAME, .frame = { .kind = PLAIT_FRAME_PYTHON, .code = 0 } },
		{ .kind = PLAIT_RECORD_FRAME, .frame = { .kind = PLAIT_FRAME_UNMERGED + 1 } },
		{ .kind = PLAIT_RECORD_NODE, .node = { PLAIT_NONE, 0 } },
		{ .kind = PLAIT_RECORD_SAMPLE, .sample = { .thread = 1, .node = PLAIT_NONE } },
		{ .kind = PLAIT_RECORD_SAMPLE, .sample = { .event = 1, .node = PLAIT_NONE } },
		{ .kind = PLAIT_RECORD_SAMPLE, .sample = { .node = 0 } },
		{ .kind = PLAIT_RECORD_SYMBOL, .symbol = { .frame = 0 } },
		{ .kind = PLAIT_RECORD_SAMPLE,
		  .sample = { .node = PLAIT_NONE,
			      .reads = (struct plait_record_read[]) { { 1, 5 } },
			      .read_count = 1 } },
		{ .kind = PLAIT_RECORD_SAMPLE, .sample = { .node = PLAIT_NONE, .details = 16 } },
		{ .kind = PLAIT_RECORD_SAMPLE,
		  .sample = { .node = PLAIT_NONE,
			      .reads = (struct plait_record_read[PLAIT_READS_MAX + 1]) { { 0, 0 } },
			      .read_count = PLAIT_READS_MAX + 1 } },
		{ .kind = PLAIT_RECORD_EVENT_TRAITS, .event_traits = { .event = 1, .leader = PLAIT_NONE } },
		{ .kind = PLAIT_RECORD_EVENT_TRAITS, .event_traits = { .leader = 1 } },
		{ .kind = PLAIT_RECORD_EVENT_TRAITS, .event_traits = { .leader = PLAIT_NONE, .precise = 4 } },
		{ .kind = PLAIT_RECORD_COUNT, .count = { .event = 1 } },
		{ .kind = PLAIT_RECORD_SOURCE,
		  .source = { .path = "a.py", .size = PLAIT_SOURCE_MAX + 1, .content = (uint8_t[1]) { 0 } } },
		{ .kind = PLAIT_RECORD_FUNCTION, .function = { .module = 0 } },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(plait_recording_writer_add(writer, &bad[i], NULL), PLAIT_ERROR_INVALID, "kind");
	assert_ok(plait_recording_writer_finish(writer, 0));
	struct plait_recording_reader *reader;
	assert_ok(plait_recording_reader_open(scratch->path, &reader));
	last_of(reader, PLAIT_RECORD_END);
	plait_recording_reader_destroy(reader);
}

static void extreme_numbers_survive(void **state)
{
	struct scratch *scratch = *state;
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	const struct plait_record_sample samples[] = {
		{ UINT64_MAX, 0, 0, UINT64_MAX, PLAIT_NONE, UINT32_MAX },
		{ 0, 0, 0, 0, PLAIT_NONE, 0 },
		{ 999, 0, 0, 1, PLAIT_NONE, 1 },
		{ 1999, 0, 0, INT64_MAX, PLAIT_NONE, 0 },
		{ UINT64_MAX - 5000, 0, 0, (uint64_t)INT64_MIN, PLAIT_NONE, 2 },
	};
	const size_t count = sizeof(samples) / sizeof(samples[0]);
	for (size_t i = 0; i < count; i++) {
		struct plait_record record = { .kind = PLAIT_RECORD_SAMPLE, .sample = samples[i] };
		assert_ok(plait_recording_writer_add(writer, &record, NULL));
	}
	assert_ok(plait_recording_writer_finish(writer, UINT64_MAX));
	struct plait_recording_reader *reader;
	assert_ok(plait_recording_reader_open(scratch->path, &reader));
	struct plait_record record;
	bool more = true;
	for (size_t i = 0; i < count;) {
		assert_ok(plait_recording_reader_next(reader, &record, &more));
		assert_true(more);
		if (record.kind != PLAIT_RECORD_SAMPLE)
			continue;
		assert_true(record.sample.time == samples[i].time / 1000 * 1000);
		assert_true(record.sample.period == samples[i].period);
		assert_int_equal(record.sample.quality, samples[i].quality);
		assert_int_equal(record.sample.node, PLAIT_NONE);
		i++;
	}
	assert_true(last_of(reader, PLAIT_RECORD_END).end.time == UINT64_MAX);
	plait_recording_reader_destroy(reader);
}

/* What the writer has to say of `count` samples with `reads` members each, in bytes of file. */
static size_t size_with_details(const char *path, unsigned count, uint32_t reads)
{
	struct plait_recording_writer *writer = simple_writer(path);
	static struct generator generator;
	generator = (struct generator) { .state = 7 };
	struct plait_record_read group[2] = { { 0, 0 }, { 0, 0 } };
	for (unsigned i = 0; i < count; i++) {
		struct plait_record record = { .kind = PLAIT_RECORD_SAMPLE,
					       .sample = { i * 1000000, 0, 0, 1001001, PLAIT_NONE, 0 } };
		group[0].value = 1000000 + generate(&generator) % 2000;
		group[1].value = 1500000 + generate(&generator) % 2000;
		record.sample.reads = reads ? group : NULL;
		record.sample.read_count = reads;
		assert_ok(plait_recording_writer_add(writer, &record, NULL));
	}
	assert_ok(plait_recording_writer_finish(writer, 0));
	size_t size;
	free(read_file(path, &size));
	return size;
}

/* Two counters a sample that differ in 11 bits take some 4 bytes more, none take none. */
static void details_are_small(void **state)
{
	struct scratch *scratch = *state;
	size_t without = size_with_details(scratch->path, 20000, 0), with = size_with_details(scratch->path, 20000, 2);
	assert_in_range(with - without, 1, 20000 * 5);
}

/* The text of a note that was written as `text`; the caller frees it. */
static char *note_through_file(const char *path, const char *text)
{
	struct plait_recording_writer *writer = simple_writer(path);
	struct plait_record note = { .kind = PLAIT_RECORD_NOTE, .note.text = text };
	assert_ok(plait_recording_writer_add(writer, &note, NULL));
	assert_ok(plait_recording_writer_finish(writer, 0));
	struct plait_recording_reader *reader;
	assert_ok(plait_recording_reader_open(path, &reader));
	char *got = strdup(last_of(reader, PLAIT_RECORD_NOTE).note.text);
	plait_recording_reader_destroy(reader);
	return got;
}

static void long_texts_are_cut_visibly(void **state)
{
	struct scratch *scratch = *state;
	char *text = malloc(PLAIT_STRING_MAX + 2);
	memset(text, 'x', PLAIT_STRING_MAX + 1);
	text[PLAIT_STRING_MAX] = '\0';
	char *got = note_through_file(scratch->path, text);
	assert_string_equal(got, text); /* just fits */
	free(got);

	text[PLAIT_STRING_MAX] = 'x';
	text[PLAIT_STRING_MAX + 1] = '\0';
	memcpy(text + PLAIT_STRING_MAX - 4, "\xc3\xa4", 2); /* a character across the cut */
	got = note_through_file(scratch->path, text);
	assert_int_equal(strlen(got), PLAIT_STRING_MAX - 1);
	assert_string_equal(got + PLAIT_STRING_MAX - 6, "xx...");
	free(got);
	got = note_through_file(scratch->path, NULL);
	assert_string_equal(got, "");
	free(got);
	free(text);
}

/* A record with more text than a block may have is spread over blocks. */
static void symbol_with_megabytes_of_names(void **state)
{
	struct scratch *scratch = *state;
	enum { COUNT = 80 };
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	struct plait_record_symbol_function functions[COUNT];
	struct plait_record gap = { .kind = PLAIT_RECORD_FRAME, .frame.kind = PLAIT_FRAME_GAP };
	assert_ok(plait_recording_writer_add(writer, &gap, NULL));
	for (int i = 0; i < COUNT; i++) {
		char *name = malloc(PLAIT_STRING_MAX + 1);
		memset(name, 'a', PLAIT_STRING_MAX);
		name[PLAIT_STRING_MAX] = '\0';
		name[i] = 'b';
		functions[i] = (struct plait_record_symbol_function) { name, "", (uint32_t)i };
	}
	struct plait_record symbol = { .kind = PLAIT_RECORD_SYMBOL, .symbol = { 0, 1, 2, functions, COUNT } };
	assert_ok(plait_recording_writer_add(writer, &symbol, NULL));
	assert_ok(plait_recording_writer_finish(writer, 0));

	struct plait_recording_reader *reader;
	assert_ok(plait_recording_reader_open(scratch->path, &reader));
	struct plait_record record;
	bool more = true;
	do
		assert_ok(plait_recording_reader_next(reader, &record, &more));
	while (more && record.kind != PLAIT_RECORD_SYMBOL);
	assert_true(more);
	assert_int_equal(record.symbol.count, COUNT);
	for (int i = 0; i < COUNT; i++) {
		assert_string_equal(record.symbol.functions[i].name, functions[i].name);
		free((char *)functions[i].name);
	}
	plait_recording_reader_destroy(reader);
}

static void equal_texts_are_stored_once(void **state)
{
	struct scratch *scratch = *state;
	static struct generator generator = { .state = 7 };
	char text[2001] = { 0 };
	for (int i = 0; i < 2000; i++)
		text[i] = (char)(generate(&generator) % 255 + 1);
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	struct plait_record code = { .kind = PLAIT_RECORD_CODE, .code = { text, text, text, 1 } };
	assert_ok(plait_recording_writer_add(writer, &code, NULL));
	assert_ok(plait_recording_writer_flush(writer));
	uint64_t size = plait_recording_writer_size(writer);
	assert_in_range(size, 2000, 3000);
	for (int i = 0; i < 10; i++)
		assert_ok(plait_recording_writer_add(writer, &code, NULL));
	assert_ok(plait_recording_writer_flush(writer));
	assert_in_range(plait_recording_writer_size(writer), size + 1, size + 100);
	plait_recording_writer_abandon(writer);
}

static void blocks_end_by_themselves_and_empty_flushes_cost_nothing(void **state)
{
	struct scratch *scratch = *state;
	static struct generator generator = { .state = 3 };
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	assert_ok(plait_recording_writer_flush(writer));
	uint64_t size = plait_recording_writer_size(writer);
	assert_ok(plait_recording_writer_flush(writer));
	assert_true(plait_recording_writer_size(writer) == size);
	int added = 0;
	for (; plait_recording_writer_size(writer) == size && added < 300000; added++)
		assert_ok(add_sample(writer, generate(&generator)));
	assert_in_range(added, 10000, 299999); /* some 10 bytes each, 256 KiB */
	plait_recording_writer_abandon(writer);
}

/* Two busy threads at 999 Hz with jitter, 300 stacks of 40 frames in a skewed distribution, a flush a second. */
static double typical_bytes_per_sample(const char *path, unsigned count)
{
	static struct generator generator;
	generator = (struct generator) { .state = 0x1234567 };
	struct plait_recording_writer *writer = simple_writer(path);
	struct plait_record thread = { .kind = PLAIT_RECORD_THREAD, .thread = { 0, 43, "worker" } };
	assert_ok(plait_recording_writer_add(writer, &thread, NULL));
	uint64_t times[2] = { 0, 400000 }, next_flush = 1000000000;
	for (unsigned i = 0; i < count; i++) {
		unsigned which = times[1] < times[0];
		uint64_t rank = 300 >> generate(&generator) % 9, pick = generate(&generator) % rank * 7 % 300;
		uint32_t stack[40], node;
		for (uint64_t depth = 0; depth < 40; depth++) {
			uint64_t branch = depth < 10 ? pick : depth < 30 ? pick % 7 : 0;
			struct plait_record frame = { .kind = PLAIT_RECORD_FRAME,
						      .frame = { .kind = PLAIT_FRAME_NATIVE,
								 .module = PLAIT_NONE,
								 .process = 0,
								 .address = 0x401000 + (depth * 1000 + branch) * 37 } };
			assert_ok(plait_recording_writer_add(writer, &frame, &stack[depth]));
		}
		assert_ok(plait_recording_writer_add_stack(writer, stack, 40, &node));
		struct plait_record sample = { .kind = PLAIT_RECORD_SAMPLE,
					       .sample = { times[which], which, 0, 1001001, node, 0 } };
		assert_ok(plait_recording_writer_add(writer, &sample, NULL));
		times[which] += 1001001 + generate(&generator) % 40001 - 20000;
		if (times[which] > next_flush) {
			assert_ok(plait_recording_writer_flush(writer));
			next_flush += 1000000000;
		}
	}
	assert_ok(plait_recording_writer_finish(writer, times[0]));
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	return (double)status.st_size / count;
}

static void typical_samples_take_few_bytes(void **state)
{
	struct scratch *scratch = *state;
	double first = typical_bytes_per_sample(scratch->path, 2000);
	double ten = typical_bytes_per_sample(scratch->path, 20000);
	print_message("%.2f bytes a sample after one second, %.2f after ten\n", first, ten);
	assert_true(first <= 4);
	assert_true(ten <= 2.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum_is_that_of_zlib),
		scratch_test(what_goes_in_comes_out),
		scratch_test(frames_and_nodes_are_interned),
		scratch_test(stacks_are_paths_of_the_trie),
		scratch_test(refused_stack_leaves_the_writer_usable),
		scratch_test(writer_refuses_what_a_reader_would),
		scratch_test(extreme_numbers_survive),
		scratch_test(details_are_small),
		scratch_test(long_texts_are_cut_visibly),
		scratch_test(symbol_with_megabytes_of_names),
		scratch_test(equal_texts_are_stored_once),
		scratch_test(blocks_end_by_themselves_and_empty_flushes_cost_nothing),
		scratch_test(typical_samples_take_few_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
