/* links: plait_recording */
#include "unit/recording_support.h"

#include "output/recording/combine.h"

/* A recording with `count` samples, one a ms, that began at `started_unix_ns`. */
static void make_input(const char *path, const char *architecture, uint64_t started_unix_ns, int count, bool counting,
		       bool end)
{
	struct plait_record_header header = test_header();
	header.architecture = architecture;
	header.started_unix_ns = started_unix_ns;
	struct plait_recording_writer *writer;
	assert_ok(plait_recording_writer_create(path, &header, &writer));
	struct plait_record event = { .kind = PLAIT_RECORD_EVENT, .event = { "cpu-clock", true, 999, 0, "" } };
	struct plait_record traits = { .kind = PLAIT_RECORD_EVENT_TRAITS,
				       .event_traits = { .event = 0, .leader = 0, .counting = counting } };
	struct plait_record counted = { .kind = PLAIT_RECORD_COUNT, .count = { 0, 100, 50, 40 } };
	struct plait_record process = { .kind = PLAIT_RECORD_PROCESS,
					.process = { 42, PLAIT_NONE, 0, "python3", "", "" } };
	struct plait_record thread = { .kind = PLAIT_RECORD_THREAD, .thread = { 0, 42, "python3" } };
	struct plait_record *const records[] = { &event, &traits, &counted, &process, &thread };
	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++)
		assert_ok(plait_recording_writer_add(writer, records[i], NULL));
	for (int i = 0; i < count; i++)
		assert_ok(add_sample(writer, (uint64_t)i * 1000000));
	assert_ok(plait_recording_writer_flush(writer));
	if (end)
		assert_ok(plait_recording_writer_finish(writer, (uint64_t)count * 1000000));
	else
		plait_recording_writer_abandon(writer);
}

struct inputs {
	char a[300], b[300], c[300];
};

static struct inputs paths_in(const struct scratch *scratch)
{
	struct inputs inputs;
	snprintf(inputs.a, sizeof(inputs.a), "%s/a.plait", scratch->folder);
	snprintf(inputs.b, sizeof(inputs.b), "%s/b.plait", scratch->folder);
	snprintf(inputs.c, sizeof(inputs.c), "%s/c.plait", scratch->folder);
	return inputs;
}

/* What is in a recording, by kind, and whether times rise. */
struct content {
	uint32_t of[PLAIT_RECORD_FUNCTION + 1];
	uint64_t last, counted;
	bool rising;
};

static struct content content_of(const char *path)
{
	struct content content = { .rising = true };
	struct plait_recording_reader *reader;
	assert_ok(plait_recording_reader_open(path, &reader));
	for (bool more = true;;) {
		struct plait_record record;
		assert_ok(plait_recording_reader_next(reader, &record, &more));
		if (!more)
			break;
		content.of[record.kind]++;
		if (record.kind == PLAIT_RECORD_COUNT)
			content.counted += record.count.value;
		if (record.kind != PLAIT_RECORD_SAMPLE)
			continue;
		content.rising = content.rising && record.sample.time >= content.last;
		content.last = record.sample.time;
	}
	plait_recording_reader_destroy(reader);
	return content;
}

static void test_times_are_those_of_the_day(void **state)
{
	struct inputs paths = paths_in(*state);
	make_input(paths.a, "x86_64", 1005000000, 10, false, true); /* 5 ms after b */
	make_input(paths.b, "x86_64", 1000000000, 10, false, true);
	struct plait_combined combined;
	assert_ok(plait_recordings_combine((const char *[]) { paths.a, paths.b }, 2, paths.c, &combined));
	assert_int_equal(combined.samples, 20);
	assert_int_equal(combined.cut + combined.damaged, 0);
	struct content content = content_of(paths.c);
	assert_int_equal(content.of[PLAIT_RECORD_SAMPLE], 20);
	assert_true(content.rising);
	assert_int_equal(content.last, 14000000);
	assert_int_equal(content.of[PLAIT_RECORD_EVENT], 1);
	assert_int_equal(content.of[PLAIT_RECORD_PROCESS], 2);
	assert_int_equal(content.of[PLAIT_RECORD_THREAD], 2);
	assert_int_equal(content.of[PLAIT_RECORD_COUNT], 1);
	assert_int_equal(content.counted, 200);
	assert_int_equal(content.of[PLAIT_RECORD_END], 1);
}

/* Names are written at the end: a result with such an input must not say that it has them all. */
static void test_without_an_end_there_is_none(void **state)
{
	struct inputs paths = paths_in(*state);
	make_input(paths.a, "x86_64", 1000000000, 10, false, false);
	make_input(paths.b, "x86_64", 1000000000, 10, false, true);
	struct plait_combined combined;
	assert_ok(plait_recordings_combine((const char *[]) { paths.a, paths.b }, 2, paths.c, &combined));
	assert_int_equal(combined.cut, 1);
	struct content content = content_of(paths.c);
	assert_int_equal(content.of[PLAIT_RECORD_SAMPLE], 20);
	assert_int_equal(content.of[PLAIT_RECORD_COUNT], 1);
	assert_int_equal(content.of[PLAIT_RECORD_END], 0);
}

static void test_what_does_not_fit_is_refused(void **state)
{
	struct inputs paths = paths_in(*state);
	struct plait_combined combined;
	make_input(paths.a, "x86_64", 1000000000, 1, false, true);
	make_input(paths.b, "aarch64", 1000000000, 1, false, true);
	assert_refused(plait_recordings_combine((const char *[]) { paths.a, paths.b }, 2, paths.c, &combined),
		       PLAIT_ERROR_UNSUPPORTED, "is of an x86_64 machine");
	make_input(paths.b, "x86_64", 1000000000, 1, true, true);
	assert_refused(plait_recordings_combine((const char *[]) { paths.a, paths.b }, 2, paths.c, &combined),
		       PLAIT_ERROR_INVALID, "in another group");
	write_file(paths.b, "", 0);
	assert_refused(plait_recordings_combine((const char *[]) { paths.a, paths.b }, 2, paths.c, &combined),
		       PLAIT_ERROR_INVALID, "b.plait");
}

/* Every byte may be wrong: an error or a result that can be read, never a crash. */
static void test_damaged_inputs(void **state)
{
	struct inputs paths = paths_in(*state);
	make_input(paths.a, "x86_64", 1000000000, 50, false, true);
	size_t size;
	uint8_t *whole = read_file(paths.a, &size);
	uint32_t damaged = 0, refused = 0;
	for (size_t i = 0; i < size; i++) {
		uint8_t kept = whole[i];
		whole[i] ^= (uint8_t)(1 + i * 37 % 255);
		write_file(paths.b, whole, size);
		whole[i] = kept;
		struct plait_combined combined;
		struct plait_error *error =
			plait_recordings_combine((const char *[]) { paths.a, paths.b }, 2, paths.c, &combined);
		refused += error != NULL;
		if (!error) {
			damaged += combined.damaged;
			assert_true(content_of(paths.c).of[PLAIT_RECORD_SAMPLE] >= 50);
		}
		plait_error_free(error);
	}
	free(whole);
	assert_true(damaged > 0);
	assert_true(refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_times_are_those_of_the_day),
		scratch_test(test_without_an_end_there_is_none),
		scratch_test(test_what_does_not_fit_is_refused),
		scratch_test(test_damaged_inputs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
