/*
 * The local variables of a Python frame of another process, as short text. Nothing that is read is trusted: an object
 * that is broken, or not where it should be, is "?".
 */
#ifndef PLAIT_PYTHON_UNWIND_OUTSIDE_LOCALS_H
#define PLAIT_PYTHON_UNWIND_OUTSIDE_LOCALS_H

#include <stdint.h>

#include "common/memory.h"
#include "common/sample.h"

struct plait_python_binary;

enum {
	PLAIT_LOCALS_MAX = 64,	     /* of a frame */
	PLAIT_LOCAL_NAME_SIZE = 64,  /* bytes of a name, its NUL included; longer ones are cut */
	PLAIT_LOCAL_VALUE_SIZE = 96, /* the same of a value */
};

struct plait_python_local {
	char name[PLAIT_LOCAL_NAME_SIZE];   /* UTF-8 */
	char value[PLAIT_LOCAL_VALUE_SIZE]; /* as repr() would begin; for what is no number, text or constant the type,
					     * and its length where it has one: "<list of 3>" */
};

/* Reads the locals of `frame` that have a value into `ret` (room for PLAIT_LOCALS_MAX); returns their number. */
uint32_t plait_python_locals(const struct plait_python_binary *binary, const struct plait_memory *memory,
			     const struct plait_python_frame *frame, struct plait_python_local *ret);

#endif
