/*
 * A code object's copy at first sight: short-lived ones (exec, templates, bodies of imported modules) are freed before
 * anyone could look later. Part of the walk, for those who take such copies: needs what walk.h says.
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_CODE_COPY_H
#define PLAIT_PYTHON_UNWIND_WALK_CODE_COPY_H

#include "python_unwind/walk_state.h"

#define PLAIT_WALK_SANE_LENGTH (1 << 30) /* of a string or bytes object */

/* Copies the str object whose address is at `offset` of the code object. False when some of it could not be read. */
static inline bool plait_walk_copy_string(plait_walk_memory memory, struct plait_walk *walk, plait_u32 offset,
					  struct plait_wire_string *to)
{
	const struct plait_walk_plan *plan = &walk->plan;
	to->kind = to->ascii = 0;
	to->size = 0;
	to->length = 0;
	to->object = 0;
	if (offset == PLAIT_NO_OFFSET)
		return true;
	to->object = plait_walk_u64(walk->code_words, offset);
	if (plait_walk_read(memory, walk->words, plan->unicode_ascii_data, to->object))
		return false;
	plait_u64 length = plait_walk_u64(walk->words, plan->unicode_length);
	plait_u32 state = plait_walk_u32(walk->words, plan->unicode_state);
	plait_u32 kind = state >> (plan->unicode_kind_shift & 31) & 7;
	bool ascii = state >> (plan->unicode_ascii_shift & 31) & 1;
	if (!(state >> (plan->unicode_compact_shift & 31) & 1) || length > PLAIT_WALK_SANE_LENGTH ||
	    (kind != 1 && kind != 2 && kind != 4))
		return false;
	plait_u64 size = length * kind;
	if (size > PLAIT_WIRE_STRING_MAX)
		size = PLAIT_WIRE_STRING_MAX;
	plait_u64 data = to->object + (ascii ? plan->unicode_ascii_data : plan->unicode_compact_data);
	if (plait_walk_read_some(memory, to->text, size, 2 * PLAIT_WIRE_STRING_MAX - 1, data))
		return false;
	to->length = length;
	to->kind = kind;
	to->ascii = ascii;
	to->size = size;
	return true;
}

/* Copies the line table. False when it could not be read. */
static inline bool plait_walk_copy_table(plait_walk_memory memory, struct plait_walk *walk, struct plait_wire_code *to)
{
	const struct plait_walk_plan *plan = &walk->plan;
	plait_u64 total = 0;
	to->table_object = plait_walk_u64(walk->code_words, plan->code_linetable);
	to->table_total = PLAIT_WIRE_TABLE_UNKNOWN;
	to->table_size = 0;
	if (plait_walk_read(memory, &total, sizeof(total), to->table_object + plan->bytes_size) ||
	    total > PLAIT_WALK_SANE_LENGTH)
		return false;
	to->table_total = total;
	plait_u64 size = total < PLAIT_WIRE_TABLE_MAX ? total : PLAIT_WIRE_TABLE_MAX;
	if (plait_walk_read_some(memory, to->table, size, 2 * PLAIT_WIRE_TABLE_MAX - 1,
				 to->table_object + plan->bytes_data))
		return false;
	to->table_size = size;
	return true;
}

/* Fills `to` with the code object of `frame`, all but `pid`. False when something of it could not be read.
 * What the walk had fetched is overwritten: it fetches anew. */
static inline bool plait_walk_copy_code(plait_walk_memory memory, struct plait_walk *walk,
					const struct plait_wire_frame *frame, struct plait_wire_code *to)
{
	const struct plait_walk_plan *plan = &walk->plan;
	to->code = frame->code;
	to->fingerprint = frame->fingerprint;
	to->runtime = plan->runtime;
	walk->code = 0;
	if (plait_walk_read(memory, walk->code_words, plan->code_size, frame->code))
		__builtin_memset(walk->code_words, 0, sizeof(walk->code_words));
	to->first_line = plait_walk_u32(walk->code_words, plan->code_first_line);
	bool whole = plait_walk_copy_string(memory, walk, plan->code_filename, &to->filename);
	whole &= plait_walk_copy_string(memory, walk, plan->code_name, &to->name);
	whole &= plait_walk_copy_string(memory, walk, plan->code_qualname, &to->qualname);
	whole &= plait_walk_copy_table(memory, walk, to);
	return whole;
}

#endif
