#include "common/memory.h"

#include <sys/uio.h>

static bool read_process(void *context, uint64_t address, void *ret, size_t size)
{
	pid_t pid = (pid_t)(intptr_t)context;
	struct iovec local = { .iov_base = ret, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };
	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

struct plait_memory plait_memory_of_process(pid_t pid)
{
	return (struct plait_memory) { .read = read_process, .context = (void *)(intptr_t)pid };
}
