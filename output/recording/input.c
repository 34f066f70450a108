#include "output/recording/input.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/cleanup.h"

#define STEP                                                                                                           \
	((size_t)1 << 20) /* bytes asked for at once: a length in a damaged file costs no more memory than that        \
			   */

struct plait_error *plait_input_open(const char *path, struct plait_input *ret)
{
	int fd PLAIT_CLOSE = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		int err = errno;
		struct plait_error *error = plait_error_system(err, "cannot open the recording %s", path);
		return err == ENOENT ? plait_error_advise(error, "make one with: plait record -o %s -- COMMAND", path)
				     : error;
	}
	struct stat status;
	if (fstat(fd, &status) < 0)
		return plait_error_system(errno, "cannot examine %s", path);
	if (S_ISDIR(status.st_mode))
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_INVALID, "%s is a directory, not a recording", path),
			"name the file that plait record wrote");
	*ret = (struct plait_input) { .fd = PLAIT_TAKE_FD(fd) };
	return NULL;
}

static int take_from_file(struct plait_input *input, size_t size)
{
	struct plait_buffer *bytes = &input->bytes;
	bytes->count = 0;
	while (bytes->count < size) {
		size_t step = size - bytes->count < STEP ? size - bytes->count : STEP;
		if (!plait_buffer_reserve(bytes, step))
			return ENOMEM;
		ssize_t got = read(input->fd, bytes->data + bytes->count, step);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (got == 0)
			break;
		bytes->count += (size_t)got;
	}
	return 0;
}

int plait_input_take(struct plait_input *input, size_t size, const uint8_t **ret_data, size_t *ret_size)
{
	if (input->fd >= 0) {
		int err = take_from_file(input, size);
		if (err)
			return err;
		*ret_data = input->bytes.data;
		*ret_size = input->bytes.count;
	} else {
		size_t left = input->size - input->offset;
		*ret_data = input->data + input->offset;
		*ret_size = size < left ? size : left;
	}
	input->offset += *ret_size;
	return 0;
}

void plait_input_close(struct plait_input *input)
{
	if (input->fd >= 0)
		close(input->fd);
	input->fd = -1;
	plait_buffer_free(&input->bytes);
}
