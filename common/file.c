#include "common/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

char *plait_file_read(const char *path, size_t max, size_t *ret_size)
{
	/* O_NONBLOCK: opening a pipe must not wait for its writer */
	int fd PLAIT_CLOSE = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > (off_t)max)
		return NULL;
	size_t size = (size_t)status.st_size, done = 0;
	char *text PLAIT_FREE = malloc(size + 1);
	while (text && done < size) {
		ssize_t got = read(fd, text + done, size - done);
		if (got < 0)
			return NULL;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	if (text)
		text[done] = '\0';
	*ret_size = done;
	return PLAIT_TAKE(text);
}
