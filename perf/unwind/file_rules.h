/*
 * The first layer: which rule holds at an address of a file? Its tables know, or the prologue of the function does.
 */
#ifndef PLAIT_PERF_UNWIND_FILE_RULES_H
#define PLAIT_PERF_UNWIND_FILE_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "perf/unwind/image.h"
#include "perf/unwind/rule.h"

struct plait_file_rules;

/* For the ELF file at `bytes` (borrowed, used until destroy). NULL when memory ran out. */
struct plait_file_rules *plait_file_rules_create(const struct plait_unwind_arch *arch, const uint8_t *bytes,
						 size_t size);
/* NULL is allowed. */
void plait_file_rules_destroy(struct plait_file_rules *rules);

/* The id, in `pool`, of the rule at ELF virtual address `address` (for a caller's frame: of the call instruction), or
 * PLAIT_RULE_NONE. A rule that did not come from a table has PLAIT_RULE_DERIVED. Not cached here, but a function's
 * prologue is decoded once. */
uint32_t plait_file_rules_find(struct plait_file_rules *rules, struct plait_rule_pool *pool, uint64_t address);

/* The file's code. */
const struct plait_image *plait_file_rules_image(const struct plait_file_rules *rules);

#endif
