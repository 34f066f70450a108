#include "python_unwind/debug_offsets.h"

#include "python_unwind/walk_plan.h"

enum {
	FRAME_MOST = 128, /* what the walk reads of a frame and of a code object, at most (walk_plan.h) */
	CODE_MOST = 256,
	TSTATE_MOST = 192, /* walk_thread.h */
	INTERPRETER_MOST = 1 << 24,
};

bool plait_debug_offsets_header(struct plait_bytes bytes, struct plait_debug_header *ret)
{
	const char *cookie = plait_bytes_take(&bytes, 8);
	uint64_t version = plait_bytes_u64(&bytes);
	uint64_t free_threaded = plait_bytes_u64(&bytes);
	if (bytes.failed || memcmp(cookie, "xdebugpy", 8))
		return false;
	*ret = (struct plait_debug_header) { .version = (uint32_t)version, .free_threaded = free_threaded };
	return true;
}

const struct plait_layout *plait_layout_find(uint16_t machine, uint16_t minor, bool free_threaded)
{
	for (size_t i = 0; i < plait_layout_count; i++) {
		const struct plait_layout *layout = &plait_layouts[i];
		if (layout->minor == minor && layout->free_threaded == free_threaded && layout->machine == machine)
			return layout;
	}
	return NULL;
}

/* Whether the field is absent, or `size` bytes at it lie below `most`. */
static bool below(const uint32_t *fields, enum plait_layout_field field, uint32_t size, uint32_t most)
{
	return fields[field] == PLAIT_NO_OFFSET || (fields[field] <= most && size <= most - fields[field]);
}

/* Fields [first, last] are pointers or smaller, and lie below `most`. */
static bool all_below(const uint32_t *fields, enum plait_layout_field first, enum plait_layout_field last,
		      uint32_t most)
{
	for (enum plait_layout_field field = first; field <= last; field++) {
		if (!below(fields, field, field == PLAIT_FIELD_frame_owner ? 1 : 8, most))
			return false;
	}
	return true;
}

/* What must hold between the fields of any version, as C lays structs out. */
static const char *find_contradiction(const uint32_t *fields)
{
	if (!below(fields, PLAIT_FIELD_runtime_interpreters_head, 8, INTERPRETER_MOST) ||
	    !below(fields, PLAIT_FIELD_interp_next, 8, INTERPRETER_MOST) ||
	    !below(fields, PLAIT_FIELD_interp_threads_head, 8, INTERPRETER_MOST))
		return "but its runtime or interpreter offsets are out of range";
	if (!all_below(fields, PLAIT_FIELD_tstate_next, PLAIT_FIELD_tstate_frame, TSTATE_MOST) ||
	    !below(fields, PLAIT_FIELD_tstate_base_frame, 8, TSTATE_MOST) ||
	    fields[PLAIT_FIELD_tstate_interp] == fields[PLAIT_FIELD_tstate_next] ||
	    fields[PLAIT_FIELD_tstate_frame] == fields[PLAIT_FIELD_tstate_thread_id])
		return "but its thread state offsets are out of range";
	if (!all_below(fields, PLAIT_FIELD_frame_code, PLAIT_FIELD_frame_tlbc_index, FRAME_MOST) ||
	    fields[PLAIT_FIELD_frame_code] == fields[PLAIT_FIELD_frame_previous] ||
	    fields[PLAIT_FIELD_frame_instr] == fields[PLAIT_FIELD_frame_previous])
		return "but its frame offsets are out of range";
	if (!all_below(fields, PLAIT_FIELD_code_first_line, PLAIT_FIELD_code_linetable, CODE_MOST) ||
	    !below(fields, PLAIT_FIELD_code_version, 4, CODE_MOST) ||
	    !below(fields, PLAIT_FIELD_code_tlbc, 8, CODE_MOST) ||
	    !below(fields, PLAIT_FIELD_code_adaptive, 0, CODE_MOST))
		return "but its code object offsets are out of range";
	/* PyObject_HEAD ends with ob_type; tp_name and ob_size follow it; ob_shash lies between ob_size and the bytes.
	 */
	uint32_t type = fields[PLAIT_FIELD_object_type];
	if ((type != 8 && type != 24 && type != 40) || fields[PLAIT_FIELD_type_name] != type + 16 ||
	    fields[PLAIT_FIELD_bytes_size] != type + 8 || fields[PLAIT_FIELD_bytes_data] != type + 24)
		return "but its object offsets contradict each other";
	if (fields[PLAIT_FIELD_unicode_length] != type + 8 || fields[PLAIT_FIELD_unicode_state] != type + 24 ||
	    fields[PLAIT_FIELD_unicode_ascii_data] < type + 28 || fields[PLAIT_FIELD_unicode_ascii_data] > 128 ||
	    fields[PLAIT_FIELD_unicode_compact_data] < fields[PLAIT_FIELD_unicode_ascii_data] ||
	    fields[PLAIT_FIELD_unicode_compact_data] > 128)
		return "but its string offsets contradict each other";
	return NULL;
}

bool plait_layout_fields(const struct plait_layout *layout, struct plait_bytes table, uint32_t *ret,
			 const char **ret_why)
{
	uint32_t fields[PLAIT_FIELD_COUNT];
	if (plait_bytes_left(&table) < layout->table_size) {
		*ret_why = "but its table of offsets is cut off";
		return false;
	}
	for (size_t i = 0; i < PLAIT_FIELD_COUNT; i++) {
		uint64_t value = layout->value[i];
		if (layout->slot[i]) {
			uint64_t offset;
			memcpy(&offset, table.at + layout->slot[i], sizeof(offset));
			value = offset < INTERPRETER_MOST ? value + offset : UINT32_MAX;
		}
		fields[i] = (uint32_t)value;
	}
	*ret_why = find_contradiction(fields);
	if (*ret_why)
		return false;
	memcpy(ret, fields, sizeof(fields));
	return true;
}
