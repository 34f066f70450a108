/*
 * Where functions begin in code without symbols and tables, read from its branches. Only for architectures whose
 * instructions all have one length: elsewhere code cannot be told from what lies between.
 */
#ifndef PLAIT_PERF_UNWIND_FUNCTION_STARTS_H
#define PLAIT_PERF_UNWIND_FUNCTION_STARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/vec.h"
#include "perf/unwind/arch.h"

struct plait_function_starts {
	PLAIT_VEC(uint64_t) addresses; /* ascending */
};

/* Appends the starts in `code`: where direct calls lead, and where control comes neither from the instruction before
 * nor by a branch from there. What is missed is taken for a part of the function before it. Nothing is found where
 * instructions differ in length, or in more than 64 MiB. False when memory ran out. */
bool plait_function_starts_find(const struct plait_unwind_arch *arch, const struct plait_function_code *code,
				struct plait_function_starts *ret);

#endif
