/*
 * "Read memory", the one primitive on which walking and unwinding rest. A live process, a stack copy, a core file and
 * a test's byte array all come as one of these.
 */
#ifndef PLAIT_COMMON_MEMORY_H
#define PLAIT_COMMON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct plait_memory {
	/* Copies `size` bytes at `address` to `ret`; false when not all of them could be read (ret is undefined). */
	bool (*read)(void *context, uint64_t address, void *ret, size_t size);
	void *context;
};

static inline bool plait_memory_read(const struct plait_memory *memory, uint64_t address, void *ret, size_t size)
{
	return memory->read(memory->context, address, ret, size);
}

static inline bool plait_memory_u64(const struct plait_memory *memory, uint64_t address, uint64_t *ret)
{
	return plait_memory_read(memory, address, ret, sizeof(*ret));
}

/* The memory of the live process `pid` by process_vm_readv(2), or where that is refused by /proc/PID/mem. The pid is
 * kept in the struct itself: no release. */
struct plait_memory plait_memory_of_process(pid_t pid);

#endif
