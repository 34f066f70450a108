/*
 * _Py_DebugOffsets, the table of its own offsets that CPython 3.13 and later keeps at the start of _PyRuntime, and the
 * layouts that say where in it each offset is.
 */
#ifndef PLAIT_PYTHON_UNWIND_DEBUG_OFFSETS_H
#define PLAIT_PYTHON_UNWIND_DEBUG_OFFSETS_H

#include "common/bytes.h"
#include "python_unwind/layouts/layout.h"

#define PLAIT_DEBUG_OFFSETS_HEADER 24 /* bytes: cookie, version, free-threaded flag */

struct plait_debug_header {
	uint32_t version; /* PY_VERSION_HEX */
	bool free_threaded;
};

/* Reads the header; false when the bytes do not begin with the cookie, or are too few. */
bool plait_debug_offsets_header(struct plait_bytes bytes, struct plait_debug_header *ret);

/* The layout of 3.`minor` for the machine that is built for; NULL when it is not known. */
const struct plait_layout *plait_layout_find(uint16_t machine, uint16_t minor, bool free_threaded);

/* Puts the layout's fields into `ret` (PLAIT_FIELD_COUNT of them), taking from `table` (the bytes at _PyRuntime; unused
 * before 3.13) what lies there. False, with the reason in `*ret_why` (static text that begins with "but"), when the
 * table is too short or its values cannot be those of this layout: a pre-release that differs, or a damaged file. */
bool plait_layout_fields(const struct plait_layout *layout, struct plait_bytes table, uint32_t *ret,
			 const char **ret_why);

#endif
