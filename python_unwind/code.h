/*
 * Code objects: names and positions. Fed by the sampler's first-sight copies; completed from the live process only
 * while it is provably still the same object.
 */
#ifndef PLAIT_PYTHON_UNWIND_CODE_H
#define PLAIT_PYTHON_UNWIND_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/memory.h"
#include "common/sample_wire.h"
#include "python_unwind/line_table.h"
#include "python_unwind/walk_plan.h"

/* Immutable; owned by the registry. Strings are UTF-8, "" when they could not be read at all. */
struct plait_code {
	uint32_t id; /* counts from 0; equal code (all fields) in several processes has one id */
	const char *name, *qualname, *filename; /* qualname is the name before 3.11 */
	int32_t first_line;
	bool complete; /* names and table were read whole */
};

struct plait_code_registry;

struct plait_error *plait_code_registry_create(struct plait_code_registry **ret);
/* Ends the registry and every plait_code in it; NULL is allowed. */
void plait_code_registry_destroy(struct plait_code_registry *registry);

/* Takes a first-sight copy (of `wire`, only the part of the table that it says is there is read). `plan` is the
 * process's: it says where things are and which line table format it has. `memory` (may be NULL) completes what was
 * cut or paged out, if the object still has the same fingerprint. A copy of what is already known whole changes
 * nothing; one of what was known in part takes its place. */
struct plait_error *plait_code_registry_add(struct plait_code_registry *registry, const struct plait_walk_plan *plan,
					    const struct plait_wire_code *wire, const struct plait_memory *memory);

/* The code object at `address` with `fingerprint` in process `pid`; NULL when it was never seen. */
const struct plait_code *plait_code_registry_find(const struct plait_code_registry *registry, uint32_t pid,
						  uint64_t address, uint64_t fingerprint);

/* Forgets process `pid` (exit, exec). The plait_code objects stay valid. */
void plait_code_registry_forget(struct plait_code_registry *registry, uint32_t pid);

/* The source position of the instruction at byte offset `lasti` (< 0: not started yet: the first line). Line 0 for
 * instructions that belong to no line, and for those that an incomplete table does not tell. */
struct plait_position plait_code_position(const struct plait_code *code, int32_t lasti);

#endif
