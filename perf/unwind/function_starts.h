/*
 * Where functions begin in code without symbols and tables, read from its branches. Only for architectures whose
 * instructions all have one length: elsewhere code cannot be told from what lies between.
 */
#ifndef PLAIT_PERF_UNWIND_FUNCTION_STARTS_H
#define PLAIT_PERF_UNWIND_FUNCTION_STARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "perf/unwind/arch.h"

/* Of one piece of code: a bit for each instruction, so that no code makes it large. */
struct plait_function_starts {
	uint64_t start, end; /* ELF virtual addresses */
	size_t instruction_bytes;
	uint64_t *bits; /* owned; NULL: nothing is known */
};

/* Finds the starts in `code`: where direct calls lead, and where control comes neither from the instruction before nor
 * by a branch from there. What is missed is taken for a part of the function before it. Nothing is found where
 * instructions differ in length, or in more than 64 MiB. While it works it takes memory: for compiled code half of the
 * code's size, at most twice of it. False when that ran out. */
bool plait_function_starts_find(const struct plait_unwind_arch *arch, const struct plait_function_code *code,
				struct plait_function_starts *ret);
void plait_function_starts_release(struct plait_function_starts *starts);

/* The last start at or below `address`, which is in the code. False when there is none. */
bool plait_function_starts_before(const struct plait_function_starts *starts, uint64_t address, uint64_t *ret);

/* The first start above `address`, else the end of the code. */
uint64_t plait_function_starts_after(const struct plait_function_starts *starts, uint64_t address);

#endif
