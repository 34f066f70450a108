/*
 * "Read the Python frames of a thread of another process, now": what a sample source that looks from outside asks for.
 */
#ifndef PLAIT_COMMON_PYTHON_READER_H
#define PLAIT_COMMON_PYTHON_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/memory.h"
#include "common/sample.h"

struct plait_python_reader {
	/* Reads the frames of the thread of process `pid` whose thread pointer is `tp`. `ret` points into the reader
	 * until the next call. Cannot fail: ret->status says what was found. */
	void (*read)(void *context, uint32_t pid, uint64_t tp, const struct plait_memory *memory,
		     struct plait_python_chain *ret);
	/* The next code object of those frames that was not handed out before; NULL: none is left. Valid until the next
	 * call; read from the same memory. */
	const struct plait_wire_code *(*next_code)(void *context);
	/* The thread pointer of the thread that calls itself `own_tid`; 0: it has no thread state. */
	uint64_t (*thread_pointer)(void *context, uint32_t pid, uint32_t own_tid);
	/* Where the instructions of frame `index` of the read before lie; false when that is not known. */
	bool (*instructions)(void *context, size_t index, uint64_t *ret_start, uint64_t *ret_end);
	void *context;
};

#endif
