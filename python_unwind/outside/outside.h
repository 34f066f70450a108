/*
 * Reading Python frames of other processes from outside: the plans of their CPythons, and which code objects were seen.
 */
#ifndef PLAIT_PYTHON_UNWIND_OUTSIDE_OUTSIDE_H
#define PLAIT_PYTHON_UNWIND_OUTSIDE_OUTSIDE_H

#include "common/error.h"
#include "common/map.h"
#include "common/python_reader.h"
#include "python_unwind/outside/locals.h"
#include "python_unwind/runtime.h"

struct plait_python_outside;

struct plait_error *plait_python_outside_create(struct plait_python_outside **ret);
/* NULL is allowed. */
void plait_python_outside_destroy(struct plait_python_outside *outside);

/* The process runs this CPython too. */
struct plait_error *plait_python_outside_add(struct plait_python_outside *outside,
					     const struct plait_python_runtime *runtime);
/* The process is gone, or runs another program. */
void plait_python_outside_forget(struct plait_python_outside *outside, uint32_t pid);

/* The reader; valid as long as `outside`. */
struct plait_python_reader plait_python_outside_reader(struct plait_python_outside *outside);

/* Whether the thread whose thread pointer is `tp` has a thread state attached: it holds the GIL (or, in a free-threaded
 * build, may run Python code). */
bool plait_python_outside_is_attached(struct plait_python_outside *outside, uint32_t pid, uint64_t tp,
				      const struct plait_memory *memory);

/* Adds the threads that have thread states: what the thread calls itself (gettid(2) in its own pid namespace) -> its
 * thread pointer. */
struct plait_error *plait_python_outside_threads(const struct plait_python_outside *outside, uint32_t pid,
						 const struct plait_memory *memory, struct plait_map *ret);

/* The locals of frame `index` of the read before; returns their number. */
uint32_t plait_python_outside_locals(struct plait_python_outside *outside, size_t index,
				     struct plait_python_local *ret);

/* Whether the process has a CPython that is known. */
bool plait_python_outside_has(const struct plait_python_outside *outside, uint32_t pid);

#endif
