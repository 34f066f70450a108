/*
 * "Read the Python frames of a thread of another process, now": what a sample source that looks from outside asks for.
 */
#ifndef PLAIT_COMMON_PYTHON_READER_H
#define PLAIT_COMMON_PYTHON_READER_H

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
	void *context;
};

#endif
