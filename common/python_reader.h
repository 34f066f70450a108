/*
 * "Read the Python frames of a thread of another process, now": what a sample source that looks from outside asks for.
 */
#ifndef PLAIT_COMMON_PYTHON_READER_H
#define PLAIT_COMMON_PYTHON_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/memory.h"
#include "common/sample.h"

/* Words of the process that tell whether a frame that was read is still the same call, and the innermost one. */
struct plait_python_witness {
	uint64_t link; /* 8 bytes that the evaluator writes whenever the frame is entered, by a call or a resume */
	uint64_t instructions, instructions_end; /* of the frame; 0: not known */
	uint64_t next;	/* where the frame of a function that it calls would begin; 0: not known */
	bool per_frame; /* each frame is an activation of its own (3.8 to 3.10) */
};

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
	/* What tells of the innermost frame of the read before; false: it is no Python frame. */
	bool (*witness)(void *context, struct plait_python_witness *ret);
	void *context;
};

#endif
