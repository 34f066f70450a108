/*
 * Unwind tables of one ELF file, read through libdw: .eh_frame first, .debug_frame where that has nothing.
 */
#ifndef PLAIT_PERF_UNWIND_TABLE_H
#define PLAIT_PERF_UNWIND_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perf/unwind/rule.h"

struct plait_table;

/* The tables of the file at `bytes` (borrowed, used until destroy). NULL when memory ran out; a file without tables
 * gives one that finds nothing. */
struct plait_table *plait_table_create(const uint8_t *bytes, size_t size);
/* NULL is allowed. */
void plait_table_destroy(struct plait_table *table);

/* Converts what the tables say about ELF virtual address `address` into `ret`; its expressions go to `pool`. False:
 * no entry covers the address, or it says what a rule cannot hold. */
bool plait_table_rule(struct plait_table *table, const struct plait_unwind_arch *arch, struct plait_rule_pool *pool,
		      uint64_t address, struct plait_rule *ret);

#endif
