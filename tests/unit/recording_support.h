/*
 * What the tests of the recording share: temporary files, bytes in memory, walking a recording to its end.
 */
#ifndef PLAIT_TESTS_UNIT_RECORDING_SUPPORT_H
#define PLAIT_TESTS_UNIT_RECORDING_SUPPORT_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/error.h"
#include "fixtures/recording_dump.h"
#include "fixtures/recording_records.h"
#include "output/recording/reader.h"
#include "output/recording/writer.h"

/* Fails the test when the call gave an error, and shows it. */
#define assert_ok(call)                                                                                                \
	do {                                                                                                           \
		struct plait_error *error_ = (call);                                                                   \
		if (error_)                                                                                            \
			fail_msg("%s: %s", #call, error_->message);                                                    \
	} while (0)

/* Fails the test unless the call gave an error of this code whose message holds `part`, with advice or not. */
#define assert_refused(call, wanted, part) assert_refused_(call, wanted, part, #call)

static inline void assert_refused_(struct plait_error *error, enum plait_error_code code, const char *part,
				   const char *call)
{
	if (!error)
		fail_msg("%s: no error", call);
	if (error->code != code || !strstr(error->message, part))
		fail_msg("%s: error %d: %s", call, (int)error->code, error->message);
	plait_error_free(error);
}

/* A new folder under $TMPDIR, and a path in it. */
struct scratch {
	char folder[200];
	char path[256];
};

static inline int scratch_setup(void **state)
{
	const char *root = getenv("TMPDIR");
	struct scratch *scratch = calloc(1, sizeof(*scratch));
	snprintf(scratch->folder, sizeof(scratch->folder), "%s/plait-recording-XXXXXX", root && *root ? root : "/tmp");
	if (!mkdtemp(scratch->folder))
		return -1;
	snprintf(scratch->path, sizeof(scratch->path), "%s/a.plait", scratch->folder);
	*state = scratch;
	return 0;
}

static inline int scratch_teardown(void **state)
{
	struct scratch *scratch = *state;
	char command[256];
	snprintf(command, sizeof(command), "rm -rf '%s'", scratch->folder);
	int status = system(command);
	free(scratch);
	return status;
}

#define scratch_test(function) cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

static inline void write_file(const char *path, const void *data, size_t size)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
}

/* The content of a file; the caller frees it. */
static inline uint8_t *read_file(const char *path, size_t *ret_size)
{
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	uint8_t *data = malloc((size_t)status.st_size + 1);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	*ret_size = fread(data, 1, (size_t)status.st_size, file);
	assert_int_equal(*ret_size, status.st_size);
	fclose(file);
	return data;
}

static inline struct plait_record_header test_header(void)
{
	return (struct plait_record_header) { "python3 a.py", "box", "6.1.0", "x86_64", "0.1.0", "bpf", 1, 2, 3 };
}

/* A writer with one event, one process, one thread. */
static inline struct plait_recording_writer *simple_writer(const char *path)
{
	struct plait_record_header header = test_header();
	struct plait_recording_writer *writer;
	assert_ok(plait_recording_writer_create(path, &header, &writer));
	struct plait_record event = { .kind = PLAIT_RECORD_EVENT, .event = { "cpu-clock", true, 999, 0, "" } };
	struct plait_record process = { .kind = PLAIT_RECORD_PROCESS,
					.process = { 42, PLAIT_NONE, 0, "python3", "", "" } };
	struct plait_record thread = { .kind = PLAIT_RECORD_THREAD, .thread = { 0, 42, "python3" } };
	assert_ok(plait_recording_writer_add(writer, &event, NULL));
	assert_ok(plait_recording_writer_add(writer, &process, NULL));
	assert_ok(plait_recording_writer_add(writer, &thread, NULL));
	return writer;
}

static inline struct plait_error *add_sample(struct plait_recording_writer *writer, uint64_t time)
{
	struct plait_record sample = { .kind = PLAIT_RECORD_SAMPLE, .sample = { time, 0, 0, 1001001, PLAIT_NONE, 0 } };
	return plait_recording_writer_add(writer, &sample, NULL);
}

/* Reads to the end, printing the records to `out` as JSON, which reads every text. `*ret_records` counts those before
 * the error that is returned, or before the end. */
static inline struct plait_error *walk(struct plait_recording_reader *reader, FILE *out, size_t *ret_records)
{
	struct plait_record record;
	bool more;
	for (*ret_records = 0;; ++*ret_records) {
		struct plait_error *error = plait_recording_reader_next(reader, &record, &more);
		if (error || !more)
			return error;
		plait_record_json(out, &record);
	}
}

/* What a recording in memory holds. */
struct reading {
	char *json; /* a line a record */
	size_t records;
	bool cut;
	struct plait_error *error;
};

static inline struct reading read_bytes(const void *data, size_t size)
{
	struct reading reading = { 0 };
	struct plait_recording_reader *reader;
	size_t length;
	FILE *out = open_memstream(&reading.json, &length);
	reading.error = plait_recording_reader_open_memory(data, size, &reader);
	if (!reading.error) {
		reading.error = walk(reader, out, &reading.records);
		reading.cut = plait_recording_reader_cut(reader);
		plait_recording_reader_destroy(reader);
	}
	fclose(out);
	return reading;
}

static inline void reading_release(struct reading *reading)
{
	free(reading->json);
	plait_error_free(reading->error);
}

#endif
