#include "python_unwind/line_table.h"

#include <stdlib.h>

#include "common/bytes.h"
#include "common/vec.h"

static const struct plait_position nowhere = { .line = 0, .end_line = 0, .column = -1, .end_column = -1 };

enum plait_line_format plait_line_format_of(uint32_t version)
{
	if (version < 0x030a0000)
		return PLAIT_LINES_LNOTAB;
	return version < 0x030b0000 ? PLAIT_LINES_RANGES : PLAIT_LINES_LOCATIONS;
}

/* A position whose numbers fit; one that lies on no line has nothing else either. */
static struct plait_position position(int64_t line, int64_t end_line, int64_t column, int64_t end_column)
{
	if (line < 1 || line > INT32_MAX)
		return nowhere;
	return (struct plait_position) {
		.line = (int32_t)line,
		.end_line = end_line >= line && end_line <= INT32_MAX ? (int32_t)end_line : (int32_t)line,
		.column = column >= 0 && column <= INT32_MAX ? (int32_t)column : -1,
		.end_column = end_column >= 0 && end_column <= INT32_MAX ? (int32_t)end_column : -1,
	};
}

/* 3.8, 3.9: pairs of (bytes to the next line, its difference). The last line lasts to the end of the code: as
 * PyCode_Addr2Line(), Objects/codeobject.c of 3.9, reads it. */
static bool next_lnotab(const struct plait_line_table *table, struct plait_line_cursor *cursor,
			struct plait_position *ret)
{
	bool last = table->size - cursor->at < 2;

	if (last && (cursor->end == UINT64_MAX || !table->whole))
		return false;
	*ret = position(cursor->line, cursor->line, -1, -1);
	cursor->start = cursor->end;
	if (last) {
		cursor->end = UINT64_MAX;
		return true;
	}
	cursor->end += table->bytes[cursor->at];
	cursor->line += (int8_t)table->bytes[cursor->at + 1];
	cursor->at += 2;
	return true;
}

/* 3.10: pairs of (bytes of the range, difference of its line to the one before); -128 marks a range without a line
 * (advance(), Objects/codeobject.c of 3.10). */
static bool next_range(const struct plait_line_table *table, struct plait_line_cursor *cursor,
		       struct plait_position *ret)
{
	if (table->size - cursor->at < 2)
		return false;
	int8_t difference = (int8_t)table->bytes[cursor->at + 1];
	cursor->start = cursor->end;
	cursor->end += table->bytes[cursor->at];
	cursor->at += 2;
	*ret = nowhere;
	if (difference != -128) {
		cursor->line += difference;
		*ret = position(cursor->line, cursor->line, -1, -1);
	}
	return true;
}

/* Six bits a byte, lowest first; bit 6: more follow. Numbers beyond 30 bits are no numbers. */
static uint32_t read_varint(struct plait_bytes *bytes)
{
	uint32_t value = 0;

	for (unsigned shift = 0; shift < 30; shift += 6) {
		uint8_t byte = plait_bytes_u8(bytes);
		value |= (uint32_t)(byte & 63) << shift;
		if (!(byte & 64))
			return value;
	}
	bytes->failed = true;
	return 0;
}

/* The lowest bit is the sign. */
static int32_t read_signed_varint(struct plait_bytes *bytes)
{
	uint32_t value = read_varint(bytes);

	return value & 1 ? -(int32_t)(value >> 1) : (int32_t)(value >> 1);
}

/* The rest of an entry of `kind` after its first byte. */
static struct plait_position read_location(struct plait_bytes *bytes, unsigned kind, int64_t *line)
{
	if (kind == 15) /* no location */
		return nowhere;
	if (kind == 14) { /* everything written out; columns are one too high, 0: none */
		*line += read_signed_varint(bytes);
		int64_t end_line = *line + read_varint(bytes);
		int64_t column = (int64_t)read_varint(bytes) - 1;
		return position(*line, end_line, column, (int64_t)read_varint(bytes) - 1);
	}
	if (kind == 13) { /* no columns */
		*line += read_signed_varint(bytes);
		return position(*line, *line, -1, -1);
	}
	if (kind >= 10) { /* the same line or one of the next two */
		*line += kind - 10;
		uint8_t column = plait_bytes_u8(bytes);
		return position(*line, *line, column, plait_bytes_u8(bytes));
	}
	uint8_t columns = plait_bytes_u8(bytes); /* the same line, low columns */
	int64_t column = kind * 8 + (columns >> 4 & 7);
	return position(*line, *line, column, column + (columns & 15));
}

/* 3.11 and later (Objects/locations.md; the same up to 3.15). */
static bool next_location(const struct plait_line_table *table, struct plait_line_cursor *cursor,
			  struct plait_position *ret)
{
	struct plait_bytes bytes = plait_bytes(table->bytes + cursor->at, table->size - cursor->at);
	int64_t line = cursor->line;
	uint8_t first = plait_bytes_u8(&bytes);
	struct plait_position read = read_location(&bytes, first >> 3 & 15, &line);

	if (bytes.failed || !(first & 0x80))
		return false;
	*ret = read;
	cursor->start = cursor->end;
	cursor->end += ((first & 7) + 1) * 2;
	cursor->line = line;
	cursor->at = (size_t)(bytes.at - table->bytes);
	return true;
}

/* Reads the next entry; false at the end, and where the bytes make no sense. */
static bool next(const struct plait_line_table *table, struct plait_line_cursor *cursor, struct plait_position *ret)
{
	switch (table->format) {
	case PLAIT_LINES_LNOTAB:
		return next_lnotab(table, cursor, ret);
	case PLAIT_LINES_RANGES:
		return next_range(table, cursor, ret);
	case PLAIT_LINES_LOCATIONS:
		return next_location(table, cursor, ret);
	}
	return false;
}

#define ENTRIES_A_MARK 128

void plait_line_table_index(struct plait_line_table *table)
{
	struct plait_line_cursor cursor = { .line = table->first_line };
	struct plait_position ignored;
	PLAIT_VEC(struct plait_line_cursor) marks = { 0 };

	for (size_t i = 1; next(table, &cursor, &ignored); i++)
		if (i % ENTRIES_A_MARK == 0 && !plait_vec_push(&marks, cursor))
			break;
	table->marks = marks.data;
	table->mark_count = marks.count;
}

void plait_line_table_release(struct plait_line_table *table)
{
	free(table->marks);
	table->marks = NULL;
	table->mark_count = 0;
}

/* The last place known that is not behind `offset`. */
static struct plait_line_cursor nearest_mark(const struct plait_line_table *table, uint64_t offset)
{
	size_t low = 0, high = table->mark_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (table->marks[middle].end <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? table->marks[low - 1] : (struct plait_line_cursor) { .line = table->first_line };
}

struct plait_position plait_line_table_find(const struct plait_line_table *table, int32_t lasti)
{
	struct plait_position found;

	if (lasti < 0)
		return position(table->first_line, table->first_line, -1, -1);
	struct plait_line_cursor cursor = nearest_mark(table, (uint64_t)lasti);
	while (next(table, &cursor, &found))
		if (cursor.end > (uint64_t)lasti)
			return found;
	return nowhere;
}
