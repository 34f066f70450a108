/*
 * The bytes of a recording, from a file (or pipe) or from memory, in order.
 */
#ifndef PLAIT_OUTPUT_RECORDING_INPUT_H
#define PLAIT_OUTPUT_RECORDING_INPUT_H

#include <stdint.h>

#include "common/error.h"
#include "output/recording/buffer.h"

struct plait_input {
	int fd;		     /* -1: memory */
	const uint8_t *data; /* memory */
	size_t size;
	uint64_t offset;	   /* bytes taken so far */
	struct plait_buffer bytes; /* what was taken last, of a file */
};

/* Opens a file for reading. A directory is PLAIT_ERROR_INVALID. */
struct plait_error *plait_input_open(const char *path, struct plait_input *ret);

/* Takes the next `size` bytes, fewer only at the end. `*ret_data` is valid until the next call. Memory is used for
 * bytes that are there, whatever `size` asks for. Returns 0 or an errno. */
int plait_input_take(struct plait_input *input, size_t size, const uint8_t **ret_data, size_t *ret_size);

void plait_input_close(struct plait_input *input);

#endif
