/* links: plait_recording */
#include "unit/recording_support.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "output/recording/format.h"

static struct plait_error *try_create(const char *path)
{
	struct plait_record_header header = test_header();
	struct plait_recording_writer *writer;
	struct plait_error *error = plait_recording_writer_create(path, &header, &writer);
	if (!error)
		plait_recording_writer_abandon(writer);
	return error;
}

static struct plait_error *try_open(const char *path)
{
	struct plait_recording_reader *reader;
	struct plait_error *error = plait_recording_reader_open(path, &reader);
	if (!error)
		plait_recording_reader_destroy(reader);
	return error;
}

/* --- what may be written to --- */

static void refuses_what_is_no_recording(void **state)
{
	struct scratch *scratch = *state;
	char path[512];
	assert_refused(try_create("-"), PLAIT_ERROR_USAGE, "standard output");
	assert_refused(try_create(""), PLAIT_ERROR_USAGE, "");
	assert_refused(try_create(scratch->folder), PLAIT_ERROR_INVALID, "a directory");
	snprintf(path, sizeof(path), "%s/missing/a.plait", scratch->folder);
	assert_refused(try_create(path), PLAIT_ERROR_NOT_FOUND, path);

	write_file(scratch->path, "precious\n", 9);
	struct plait_error *error = try_create(scratch->path);
	assert_non_null(error);
	assert_int_equal(error->code, PLAIT_ERROR_INVALID);
	assert_non_null(strstr(error->message, "not a plait recording"));
	assert_non_null(strstr(error->advice, "another"));
	plait_error_free(error);
	size_t size;
	char *text = (char *)read_file(scratch->path, &size);
	assert_int_equal(size, 9);
	assert_memory_equal(text, "precious\n", 9);
	free(text);

	snprintf(path, sizeof(path), "%s/link", scratch->folder);
	assert_int_equal(symlink(scratch->path, path), 0);
	assert_refused(try_create(path), PLAIT_ERROR_INVALID, "not a plait recording");
	snprintf(path, sizeof(path), "%s/pipe", scratch->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(try_create(path), PLAIT_ERROR_INVALID, "a pipe");
}

static void replaces_recordings_and_what_is_empty(void **state)
{
	struct scratch *scratch = *state;
	char path[512];
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	for (uint64_t i = 0; i < 5000; i++)
		assert_ok(add_sample(writer, i * i * 1000));
	assert_ok(plait_recording_writer_finish(writer, 0));
	size_t before, after;
	free(read_file(scratch->path, &before));

	snprintf(path, sizeof(path), "%s/link", scratch->folder);
	assert_int_equal(symlink("a.plait", path), 0);
	assert_ok(plait_recording_writer_finish(simple_writer(path), 0));
	uint8_t *data = read_file(scratch->path, &after);
	assert_true(after < before);
	struct reading reading = read_bytes(data, after);
	assert_null(reading.error);
	assert_int_equal(reading.records, 5);
	assert_false(reading.cut);
	reading_release(&reading);
	free(data);

	/* Nothing, or what a full disk left of the magic. */
	for (size_t size = 0; size <= PLAIT_RECORDING_MAGIC_SIZE; size += 4) {
		write_file(scratch->path, PLAIT_RECORDING_MAGIC, size);
		assert_ok(try_create(scratch->path));
	}
	write_file(scratch->path, PLAIT_RECORDING_MAGIC "and more", 16);
	assert_ok(try_create(scratch->path));
}

static void a_file_has_one_writer(void **state)
{
	struct scratch *scratch = *state;
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	assert_refused(try_create(scratch->path), PLAIT_ERROR_INVALID, "being written by another plait");
	assert_ok(plait_recording_writer_finish(writer, 0));
	assert_ok(try_open(scratch->path));
	assert_ok(try_create(scratch->path));
}

static void file_is_private_to_the_process_and_honours_umask(void **state)
{
	struct scratch *scratch = *state;
	mode_t old = umask(027);
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	umask(old);
	struct stat status;
	assert_int_equal(stat(scratch->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	bool found = false;
	for (int fd = 0; fd < 256; fd++) {
		struct stat open_file;
		if (fstat(fd, &open_file) || open_file.st_ino != status.st_ino || open_file.st_dev != status.st_dev)
			continue;
		found = true;
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	assert_true(found);
	plait_recording_writer_abandon(writer);
}

static void null_device_takes_everything(void **state)
{
	(void)state;
	struct plait_recording_writer *writer = simple_writer("/dev/null");
	for (uint64_t i = 0; i < 1000; i++)
		assert_ok(add_sample(writer, i * 1000));
	assert_ok(plait_recording_writer_flush(writer));
	assert_true(plait_recording_writer_size(writer) > 100);
	assert_ok(plait_recording_writer_finish(writer, 0));
	struct stat status;
	assert_int_equal(stat("/dev/null", &status), 0);
	assert_true(S_ISCHR(status.st_mode));
}

/* --- what may be read --- */

static void reader_says_what_a_file_is(void **state)
{
	struct scratch *scratch = *state;
	assert_refused(try_open(scratch->path), PLAIT_ERROR_NOT_FOUND, scratch->path);
	assert_refused(try_open(scratch->folder), PLAIT_ERROR_INVALID, "a directory");
	write_file(scratch->path, "", 0);
	assert_refused(try_open(scratch->path), PLAIT_ERROR_INVALID, "is empty");
	write_file(scratch->path, "Dear diary, this is a text", 26);
	assert_refused(try_open(scratch->path), PLAIT_ERROR_INVALID, "is not a plait recording");
	write_file(scratch->path, "PERFILE2xxxxxxxxx", 16);
	assert_refused(try_open(scratch->path), PLAIT_ERROR_INVALID, "of perf");
	write_file(scratch->path, PLAIT_RECORDING_MAGIC, 5);
	assert_refused(try_open(scratch->path), PLAIT_ERROR_INVALID, "nothing was recorded");
}

/* Also from what has no size and cannot be sought in. */
static void reads_from_a_pipe(void **state)
{
	struct scratch *scratch = *state;
	char path[512];
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	for (uint64_t i = 0; i < 1000; i++)
		assert_ok(add_sample(writer, i * 1000));
	assert_ok(plait_recording_writer_finish(writer, 0));
	snprintf(path, sizeof(path), "%s/pipe", scratch->folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	pid_t child = fork();
	if (child == 0) {
		int fd = open(path, O_WRONLY);
		dup2(fd, 1);
		execlp("cat", "cat", scratch->path, NULL);
		_exit(127);
	}
	struct plait_recording_reader *reader;
	size_t records;
	FILE *out = fopen("/dev/null", "w");
	assert_ok(plait_recording_reader_open(path, &reader));
	assert_ok(walk(reader, out, &records));
	assert_int_equal(records, 1005);
	assert_false(plait_recording_reader_cut(reader));
	plait_recording_reader_destroy(reader);
	fclose(out);
	waitpid(child, NULL, 0);
}

/* --- what goes wrong while writing --- */

/* The number of samples in the file, which must be readable. */
static size_t count_samples(const char *path, bool *ret_cut)
{
	struct plait_recording_reader *reader;
	struct plait_record record;
	bool more = true;
	size_t samples = 0;
	assert_ok(plait_recording_reader_open(path, &reader));
	while (more) {
		assert_ok(plait_recording_reader_next(reader, &record, &more));
		if (more && record.kind == PLAIT_RECORD_SAMPLE)
			assert_true(record.sample.time == 1000 * samples++);
	}
	*ret_cut = plait_recording_reader_cut(reader);
	plait_recording_reader_destroy(reader);
	return samples;
}

static void killed_writer_loses_only_what_was_not_flushed(void **state)
{
	struct scratch *scratch = *state;
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		struct plait_recording_writer *writer = simple_writer(scratch->path);
		for (uint64_t i = 0; i < 2500; i++) {
			if (add_sample(writer, i * 1000) || (i == 1999 && plait_recording_writer_flush(writer)))
				_exit(1);
		}
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	char byte;
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	kill(child, SIGKILL);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	bool cut;
	assert_int_equal(count_samples(scratch->path, &cut), 2000);
	assert_true(cut);
}

static void full_device_is_reported(void **state)
{
	(void)state;
	if (access("/dev/full", W_OK)) {
		print_message("skipped: no /dev/full\n");
		skip();
	}
	struct plait_error *error = try_create("/dev/full");
	assert_non_null(error);
	assert_int_equal(error->code, PLAIT_ERROR_SYSTEM);
	assert_int_equal(error->system_errno, ENOSPC);
	assert_non_null(strstr(error->advice, "free some space"));
	plait_error_free(error);
}

/* Samples whose periods do not compress, from number `first` on, until `count` or an error. */
static struct plait_error *add_noise(struct plait_recording_writer *writer, uint64_t first, uint64_t count)
{
	static struct generator generator = { .state = 99 };
	for (uint64_t i = first; i < first + count; i++) {
		struct plait_record sample = { .kind = PLAIT_RECORD_SAMPLE,
					       .sample = { i * 1000, 0, 0, generate(&generator), PLAIT_NONE, 0 } };
		PLAIT_TRY(plait_recording_writer_add(writer, &sample, NULL));
	}
	return NULL;
}

/* A limit that ends in the middle of a block: part of it gets written, and must go again. */
static void half_written_block_is_taken_back(void **state)
{
	struct scratch *scratch = *state;
	struct rlimit old, low;
	bool cut;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	struct plait_recording_writer *writer = simple_writer(scratch->path);
	assert_ok(add_noise(writer, 0, 1000));
	assert_ok(plait_recording_writer_flush(writer));
	uint64_t size = plait_recording_writer_size(writer);
	assert_ok(add_noise(writer, 1000, 1000));
	low = (struct rlimit) { .rlim_cur = size + 3000, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	for (int attempt = 0; attempt < 2; attempt++) {
		struct plait_error *error = plait_recording_writer_flush(writer);
		assert_non_null(error);
		assert_int_equal(error->system_errno, EFBIG);
		assert_non_null(error->advice);
		plait_error_free(error);
		struct stat status;
		assert_int_equal(stat(scratch->path, &status), 0);
		assert_int_equal(status.st_size, size);
		assert_true(plait_recording_writer_size(writer) == size);
	}
	assert_int_equal(count_samples(scratch->path, &cut), 1000);
	assert_true(cut);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_ok(add_noise(writer, 2000, 1000));
	assert_ok(plait_recording_writer_finish(writer, 0));
	assert_int_equal(count_samples(scratch->path, &cut), 3000);
	assert_false(cut);
}

/* Runs in a child with its own mounts: a file system of 128 KiB. Exit status 0, or the line that failed. */
static int fill_file_system(const char *folder)
{
#define need(condition)                                                                                                \
	if (!(condition))                                                                                              \
		return __LINE__ % 200 + 10;
	char filler[300], path[300];
	snprintf(filler, sizeof(filler), "%s/filler", folder);
	snprintf(path, sizeof(path), "%s/b.plait", folder);
	int fd = open(filler, O_CREAT | O_WRONLY, 0600);
	need(fd >= 0 && posix_fallocate(fd, 0, 64 << 10) == 0);
	struct plait_recording_writer *writer = simple_writer(path);
	struct plait_error *error = NULL;
	uint64_t added = 0;
	for (; !error && added < 100000; added += 500)
		error = add_noise(writer, added, 500) ?: plait_recording_writer_flush(writer);
	need(error && error->system_errno == ENOSPC && strstr(error->advice, "readable"));
	plait_error_free(error);
	bool cut;
	size_t readable = count_samples(path, &cut);
	need(cut && readable + 500 == added);
	need(unlink(filler) == 0 && close(fd) == 0);
	need(!plait_recording_writer_flush(writer));
	need(!plait_recording_writer_finish(writer, 0));
	need(count_samples(path, &cut) == added && !cut);
	return 0;
#undef need
}

static void full_disk_can_be_survived(void **state)
{
	struct scratch *scratch = *state;
	pid_t child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("plait", scratch->folder, "tmpfs", 0, "size=128k"))
			_exit(1);
		_exit(fill_file_system(scratch->folder));
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 1) {
		print_message("skipped: no right to mount a small file system\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void failed_creation_leaves_no_file(void **state)
{
	struct scratch *scratch = *state;
	struct rlimit old, none;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	for (rlim_t bytes = 0; bytes < 40; bytes += 20) {
		none = (struct rlimit) { .rlim_cur = bytes, .rlim_max = old.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
		struct plait_error *error = try_create(scratch->path);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_non_null(error);
		plait_error_free(error);
		assert_int_equal(access(scratch->path, F_OK), -1);
	}
	plait_recording_writer_abandon(NULL);
	plait_recording_reader_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(refuses_what_is_no_recording),
		scratch_test(replaces_recordings_and_what_is_empty),
		scratch_test(a_file_has_one_writer),
		scratch_test(file_is_private_to_the_process_and_honours_umask),
		cmocka_unit_test(null_device_takes_everything),
		scratch_test(reader_says_what_a_file_is),
		scratch_test(reads_from_a_pipe),
		scratch_test(killed_writer_loses_only_what_was_not_flushed),
		cmocka_unit_test(full_device_is_reported),
		scratch_test(half_written_block_is_taken_back),
		scratch_test(full_disk_can_be_survived),
		scratch_test(failed_creation_leaves_no_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
