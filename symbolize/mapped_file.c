#include "symbolize/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/cleanup.h"

bool plait_mapped_file_open(const char *path, struct plait_mapped_file *ret)
{
	int fd PLAIT_CLOSE = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0)
		return false;
	void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return false;
	*ret = (struct plait_mapped_file) { .data = data, .size = (size_t)status.st_size, .fd = PLAIT_TAKE_FD(fd) };
	return true;
}

void plait_mapped_file_close(struct plait_mapped_file *file)
{
	if (!file->data)
		return;
	munmap((void *)file->data, file->size);
	close(file->fd);
	*file = (struct plait_mapped_file) { .fd = -1 };
}
