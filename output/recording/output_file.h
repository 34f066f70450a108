/*
 * The file a recording is written to: refuses what must not be overwritten, appends whole blocks or nothing.
 */
#ifndef PLAIT_OUTPUT_RECORDING_OUTPUT_FILE_H
#define PLAIT_OUTPUT_RECORDING_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct plait_output_file {
	int fd;
	char *path;
	uint64_t size; /* bytes that were appended and kept */
	bool regular;  /* else a character device (/dev/null) */
	bool created;  /* did not exist before */
};

/* Opens `path` for a new recording: creates it, or empties an earlier recording. Anything else that is there is left as
 * it is: a folder, a file with other content (PLAIT_ERROR_INVALID), a recording that is being written now. */
struct plait_error *plait_output_file_open(const char *path, struct plait_output_file *ret);

/* Appends all of `data`, or nothing: after an error the file ends where it ended before. */
struct plait_error *plait_output_file_append(struct plait_output_file *file, const void *data, size_t size);

/* Closes the file. An error means that the file system reported a late failure to write. */
struct plait_error *plait_output_file_close(struct plait_output_file *file);

/* Closes the file, and removes it when it was created and nothing was appended yet. */
void plait_output_file_abandon(struct plait_output_file *file);

#endif
