/*
 * Finding CPython: is this file an interpreter, which version, where are its structures, and what must a walk know.
 */
#ifndef PLAIT_PYTHON_UNWIND_RUNTIME_H
#define PLAIT_PYTHON_UNWIND_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/memory.h"
#include "python_unwind/walk_plan.h"

struct plait_python_binary; /* what one ELF file says; immutable, shared by processes */

/* Address range of evaluator code, as ELF virtual addresses. */
struct plait_python_range {
	uint64_t start, end;
};

/* Looks at an ELF file's bytes (not kept after the call). `*ret` is NULL when it is not a CPython;
 * PLAIT_ERROR_UNSUPPORTED when it is one whose layout is not known (the message says which version). `path` is for
 * messages and, with the SONAME, for versions <= 3.10. Ended with plait_python_binary_destroy(). */
struct plait_error *plait_python_binary_inspect(const uint8_t *image, size_t image_size, const char *path,
						struct plait_python_binary **ret);
void plait_python_binary_destroy(struct plait_python_binary *binary);

/* PY_VERSION_HEX, e.g. 0x030d12f0. */
uint32_t plait_python_binary_version(const struct plait_python_binary *binary);
/* "3.13.18", "3.14.0 free-threaded", "3.12 debug" ... */
const char *plait_python_binary_description(const struct plait_python_binary *binary);
/* Adds the parts of the evaluator that lie outside of its symbol. Takes milliseconds, which is why inspect does not do
 * it: `image` is the file that was inspected. */
void plait_python_binary_find_fragments(struct plait_python_binary *binary, const uint8_t *image, size_t image_size);
/* Ranges of the evaluator's code, for the versions that have no anchors. Owned by the binary. */
const struct plait_python_range *plait_python_binary_evaluator(const struct plait_python_binary *binary,
							       size_t *ret_count);

/* One CPython in one process. Plain data; `binary` is borrowed. */
struct plait_python_runtime {
	const struct plait_python_binary *binary;
	uint32_t pid;
	uint64_t bias;
	uint64_t start_stack; /* mm->start_stack: identifies the process image after fork and exec */
	/* From pthread_self() to the thread pointer: plait_python_thread_block() of the process's C library where
	 * plait_python_needs_thread_block(), else 0. */
	uint32_t thread_block;
};

/* Whether the thread pointer lies behind struct pthread, whose size differs between releases of glibc. */
bool plait_python_needs_thread_block(void);

/* sizeof(struct pthread), as a C library's file says it for debuggers (symbol _thread_db_sizeof_pthread: in libc.so.6,
 * before glibc 2.34 in libpthread.so.0). 0: it says nothing. */
uint32_t plait_python_thread_block(const uint8_t *image, size_t image_size);

/* Checks on the live process what can be checked (cookie, thread states). PLAIT_ERROR_INVALID when it does not fit:
 * then it must not be walked. A runtime that is not initialised yet passes. */
struct plait_error *plait_python_runtime_check(const struct plait_python_runtime *runtime,
					       const struct plait_memory *memory);

/* Fills in what the walk must know about this runtime. */
void plait_python_runtime_plan(const struct plait_python_runtime *runtime, struct plait_walk_plan *ret);

#endif
