/*
 * What is known about CPython's structures, one table a version: the files 3.*.layout beside this one, made into C by
 * gen_layouts.py at build time. A field is a constant, or lies in the interpreter's own _Py_DebugOffsets (3.13+).
 */
#ifndef PLAIT_PYTHON_UNWIND_LAYOUTS_LAYOUT_H
#define PLAIT_PYTHON_UNWIND_LAYOUTS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Byte offsets from the start of the struct that the name begins with, unless a comment says otherwise. A field that a
 * version's file does not name is PLAIT_NO_OFFSET. gen_layouts.py reads this list. */
#define PLAIT_LAYOUT_FIELDS(X)                                                                                         \
	X(runtime_interpreters_head)                                                                                   \
	X(runtime_tstate_current)                                                                                      \
	X(runtime_autotsskey)                                                                                          \
	X(runtime_main_thread) /* where the thread pointer needs mending (walk_plan.h) */                              \
	X(interp_next)                                                                                                 \
	X(interp_threads_head)                                                                                         \
	X(tstate_next)                                                                                                 \
	X(tstate_interp)                                                                                               \
	X(tstate_thread_id)                                                                                            \
	X(tstate_frame) /* frame, cframe or current_frame, by shape */                                                 \
	X(tstate_cframe)                                                                                               \
	X(tstate_root_cframe)                                                                                          \
	X(tstate_base_frame)                                                                                           \
	X(cframe_current_frame)                                                                                        \
	X(cframe_previous)                                                                                             \
	X(frame_code) /* PyFrameObject until 3.10, _PyInterpreterFrame from 3.11 on */                                 \
	X(frame_previous)                                                                                              \
	X(frame_instr)                                                                                                 \
	X(frame_owner)                                                                                                 \
	X(frame_is_entry)                                                                                              \
	X(frame_tlbc_index)                                                                                            \
	X(instr_is_lasti) /* 0 or 1 */                                                                                 \
	X(lasti_unit)	  /* bytes */                                                                                  \
	X(code_tag_bits)  /* bits of a frame's code pointer that are not address */                                    \
	X(code_first_line)                                                                                             \
	X(code_filename)                                                                                               \
	X(code_name)                                                                                                   \
	X(code_qualname)                                                                                               \
	X(code_linetable)                                                                                              \
	X(code_adaptive)                                                                                               \
	X(code_version)                                                                                                \
	X(code_tlbc)                                                                                                   \
	X(object_type)                                                                                                 \
	X(type_name)                                                                                                   \
	X(unicode_length)                                                                                              \
	X(unicode_state)                                                                                               \
	X(unicode_ascii_data)                                                                                          \
	X(unicode_compact_data)                                                                                        \
	X(unicode_kind_shift) /* bit number in state */                                                                \
	X(unicode_compact_shift)                                                                                       \
	X(unicode_ascii_shift)                                                                                         \
	X(bytes_size)                                                                                                  \
	X(bytes_data)                                                                                                  \
	X(frame_localsplus)	/* these are for reading locals: outside of the ranges that a walk fetches */          \
	X(code_localsplusnames) /* until 3.10 co_varnames */                                                           \
	X(tuple_items)

enum plait_layout_field {
#define PLAIT_LAYOUT_ENUM(name) PLAIT_FIELD_##name,
	PLAIT_LAYOUT_FIELDS(PLAIT_LAYOUT_ENUM)
#undef PLAIT_LAYOUT_ENUM
		PLAIT_FIELD_COUNT
};

struct plait_layout {
	uint16_t machine; /* EM_X86_64 ... */
	uint16_t minor;	  /* of 3.minor */
	bool free_threaded;
	uint8_t shape;			   /* enum plait_walk_shape */
	uint16_t table_size;		   /* sizeof(_Py_DebugOffsets); 0 before 3.13 */
	uint32_t value[PLAIT_FIELD_COUNT]; /* the constant, or what to add to the debug offset */
	uint16_t slot[PLAIT_FIELD_COUNT];  /* where in _Py_DebugOffsets the offset is; 0: it is a constant */
};

/* The generated tables. */
extern const struct plait_layout plait_layouts[];
extern const size_t plait_layout_count;

#endif
