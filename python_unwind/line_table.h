/*
 * CPython's line tables: from an instruction's byte offset to its position in the source. The bytes may be hostile:
 * every lookup is bounded by the table's size and gives either a position or none.
 */
#ifndef PLAIT_PYTHON_UNWIND_LINE_TABLE_H
#define PLAIT_PYTHON_UNWIND_LINE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A position in source: lines from 1, columns from 0 in UTF-8 bytes, end exclusive. line 0: none; column -1: none. */
struct plait_position {
	int32_t line, end_line, column, end_column;
};

enum plait_line_format {
	PLAIT_LINES_LNOTAB,    /* 3.8, 3.9: co_lnotab (Objects/lnotab_notes.txt) */
	PLAIT_LINES_RANGES,    /* 3.10: co_linetable (PEP 626) */
	PLAIT_LINES_LOCATIONS, /* 3.11 and later: the location table with columns (PEP 657, Objects/locations.md) */
};

/* A place in a table: the next entry starts at byte `at` and covers instructions from `end` on. */
struct plait_line_cursor {
	size_t at;
	uint64_t start, end; /* byte offsets in the bytecode of the entry read last, half open */
	int64_t line;	     /* the running line number */
};

struct plait_line_table {
	const uint8_t *bytes; /* borrowed */
	size_t size;
	enum plait_line_format format;
	int32_t first_line;		 /* co_firstlineno */
	bool whole;			 /* `bytes` are all of it; else what lies after them has no position */
	struct plait_line_cursor *marks; /* places at even distances, for tables that are long; owned */
	size_t mark_count;
};

/* The format of CPython `version` (PY_VERSION_HEX). */
enum plait_line_format plait_line_format_of(uint32_t version);

/* Makes lookups in a long table fast, once the other fields are set. Without memory they only stay slow.
 * Ended with plait_line_table_release(). */
void plait_line_table_index(struct plait_line_table *table);

/* Frees the index; the bytes are the caller's. */
void plait_line_table_release(struct plait_line_table *table);

/* The position of the instruction at byte offset `lasti`; for one < 0, which has not started, the first line. */
struct plait_position plait_line_table_find(const struct plait_line_table *table, int32_t lasti);

#endif
