#include "common/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"

/* Slower, but not a system call that a seccomp filter may refuse. */
static bool read_by_file(pid_t pid, uint64_t address, void *ret, size_t size)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	int fd PLAIT_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && pread(fd, ret, size, (off_t)address) == (ssize_t)size;
}

static bool read_process(void *context, uint64_t address, void *ret, size_t size)
{
	pid_t pid = (pid_t)(intptr_t)context;
	struct iovec local = { .iov_base = ret, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };
	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)size)
		return true;
	return (errno == EPERM || errno == ENOSYS) && read_by_file(pid, address, ret, size);
}

struct plait_memory plait_memory_of_process(pid_t pid)
{
	return (struct plait_memory) { .read = read_process, .context = (void *)(intptr_t)pid };
}
