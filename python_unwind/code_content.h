/*
 * What a code object says, read from the sampler's first-sight copy and, where that is cut, from the live process.
 * Private to code.c.
 */
#ifndef PLAIT_PYTHON_UNWIND_CODE_CONTENT_H
#define PLAIT_PYTHON_UNWIND_CODE_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/memory.h"
#include "common/sample_wire.h"
#include "python_unwind/walk_plan.h"

struct plait_code_text {
	char *utf8; /* owned, NUL-terminated; "" when nothing could be read */
	size_t size;
	bool whole;
};

enum plait_code_text_index { PLAIT_CODE_NAME, PLAIT_CODE_QUALNAME, PLAIT_CODE_FILENAME, PLAIT_CODE_TEXTS };

struct plait_code_content {
	struct plait_code_text texts[PLAIT_CODE_TEXTS];
	uint8_t *table; /* owned */
	size_t table_size;
	bool table_whole;
	int32_t first_line;
};

/* Reads the content. `memory` may be NULL. Ended with plait_code_content_release(), also after an error, which can
 * only be a lack of memory: what cannot be read is left out, and marked as not whole. */
struct plait_error *plait_code_content_read(const struct plait_walk_plan *plan, const struct plait_wire_code *wire,
					    const struct plait_memory *memory, struct plait_code_content *ret);
void plait_code_content_release(struct plait_code_content *content);

/* Whether everything was read whole. */
bool plait_code_content_is_whole(const struct plait_code_content *content);

#endif
