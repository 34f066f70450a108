#include "python_unwind/runtime.h"

#include <string.h>
#include <time.h>

#include "python_unwind/arch/arch.h"
#include "python_unwind/binary.h"

enum {
	CHECK_THREADS = 16, /* thread states looked at, and frames of each */
	CHECK_FRAMES = 8,
	CHECK_ATTEMPTS = 20, /* a running process changes while it is looked at */
	CHECK_PAUSE_NS = 500 * 1000,
	OWNER_SHIM = 3, /* _PyInterpreterFrame.owner from here on: not a Python frame (3.12+) */
};

/* What one look at the process found, and how much of it fitted. */
struct look {
	unsigned threads, threads_fit;
	unsigned frames, frames_fit;
};

static bool read_pointer(const struct plait_memory *memory, uint64_t address, uint32_t offset, uint64_t *ret)
{
	return offset != PLAIT_NO_OFFSET && plait_memory_u64(memory, address + offset, ret);
}

/* Whether `code` is an object whose type is named "code". */
static bool is_code(const uint32_t *fields, const struct plait_memory *memory, uint64_t code)
{
	uint64_t type, name;
	char text[5];
	return read_pointer(memory, code, fields[PLAIT_FIELD_object_type], &type) &&
	       read_pointer(memory, type, fields[PLAIT_FIELD_type_name], &name) &&
	       plait_memory_read(memory, name, text, sizeof(text)) && !memcmp(text, "code", sizeof(text));
}

/* The innermost frame of a thread state; 0 when there is none. */
static uint64_t first_frame(const struct plait_python_binary *binary, const struct plait_memory *memory,
			    uint64_t tstate)
{
	const uint32_t *fields = binary->fields;
	uint64_t frame = 0, cframe = 0;
	switch (binary->layout->shape) {
	case PLAIT_SHAPE_CFRAME:
	case PLAIT_SHAPE_CFRAME_SHIM:
		if (!read_pointer(memory, tstate, fields[PLAIT_FIELD_tstate_frame], &cframe) || !cframe ||
		    !read_pointer(memory, cframe, fields[PLAIT_FIELD_cframe_current_frame], &frame))
			return 0;
		return frame;
	default:
		return read_pointer(memory, tstate, fields[PLAIT_FIELD_tstate_frame], &frame) ? frame : 0;
	}
}

static void look_at_frames(const struct plait_python_binary *binary, const struct plait_memory *memory, uint64_t tstate,
			   struct look *look)
{
	const uint32_t *fields = binary->fields;
	uint64_t frame = first_frame(binary, memory, tstate);
	for (unsigned i = 0; frame && i < CHECK_FRAMES; i++) {
		uint8_t owner = 0;
		uint64_t code;
		if (fields[PLAIT_FIELD_frame_owner] != PLAIT_NO_OFFSET &&
		    !plait_memory_read(memory, frame + fields[PLAIT_FIELD_frame_owner], &owner, 1))
			owner = 0;
		if (owner < OWNER_SHIM) {
			look->frames++;
			if (read_pointer(memory, frame, fields[PLAIT_FIELD_frame_code], &code) &&
			    is_code(fields, memory, code & ~(uint64_t)fields[PLAIT_FIELD_code_tag_bits]))
				look->frames_fit++;
			return;
		}
		if (!read_pointer(memory, frame, fields[PLAIT_FIELD_frame_previous], &frame))
			return;
	}
}

static void look_at_threads(const struct plait_python_binary *binary, const struct plait_memory *memory,
			    uint64_t interpreter, struct look *look)
{
	const uint32_t *fields = binary->fields;
	uint64_t tstate = 0, owner, thread_id;
	if (!read_pointer(memory, interpreter, fields[PLAIT_FIELD_interp_threads_head], &tstate)) {
		look->threads++;
		return;
	}
	for (unsigned i = 0; tstate && i < CHECK_THREADS; i++) {
		look->threads++;
		if (!read_pointer(memory, tstate, fields[PLAIT_FIELD_tstate_interp], &owner) ||
		    !read_pointer(memory, tstate, fields[PLAIT_FIELD_tstate_thread_id], &thread_id))
			return;
		if (!thread_id) { /* made, but not yet bound to its thread */
			look->threads--;
		} else if (owner == interpreter &&
			   plait_python_arch_of(binary->layout->machine)->thread_lives(memory, thread_id)) {
			look->threads_fit++;
			look_at_frames(binary, memory, tstate, look);
		}
		if (!read_pointer(memory, tstate, fields[PLAIT_FIELD_tstate_next], &tstate))
			return;
	}
}

/* What does not fit, as of one look; NULL when all does. */
static const char *find_misfit(const struct plait_python_runtime *runtime, const struct plait_memory *memory)
{
	const struct plait_python_binary *binary = runtime->binary;
	uint64_t address = runtime->bias + binary->runtime, interpreter;
	if (binary->layout->table_size) {
		uint8_t bytes[PLAIT_DEBUG_OFFSETS_HEADER];
		struct plait_debug_header header;
		if (!plait_memory_read(memory, address, bytes, sizeof(bytes)))
			return "its _PyRuntime cannot be read";
		if (!plait_debug_offsets_header(plait_bytes(bytes, sizeof(bytes)), &header))
			return "its _PyRuntime does not begin with the table of offsets";
		if (header.version != binary->version || header.free_threaded != binary->free_threaded)
			return "it runs another version than the file says";
	}
	if (!read_pointer(memory, address, binary->fields[PLAIT_FIELD_runtime_interpreters_head], &interpreter))
		return "its _PyRuntime cannot be read";
	if (!interpreter)
		return NULL;
	struct look look = { 0 };
	look_at_threads(binary, memory, interpreter, &look);
	if (look.threads && !look.threads_fit)
		return "none of its thread states belongs to its interpreter and to a live thread";
	if (look.frames && !look.frames_fit)
		return "none of its frames leads to a code object";
	return NULL;
}

struct plait_error *plait_python_runtime_check(const struct plait_python_runtime *runtime,
					       const struct plait_memory *memory)
{
	const char *misfit = NULL;
	for (unsigned attempt = 0; attempt < CHECK_ATTEMPTS; attempt++) {
		misfit = find_misfit(runtime, memory);
		if (!misfit)
			return NULL;
		nanosleep(&(struct timespec) { .tv_nsec = CHECK_PAUSE_NS }, NULL);
	}
	return plait_error_advise(
		plait_error_new(PLAIT_ERROR_INVALID, "process %u does not look like CPython %s: %s", runtime->pid,
				runtime->binary->description, misfit),
		"Its stacks will show native frames only; a patched or unusual build of CPython is the "
		"likely cause");
}

/* Bytes from the start of a struct to the end of the last of its fields [first, last], in whole words. */
static uint16_t extent(const uint32_t *fields, enum plait_layout_field first, enum plait_layout_field last)
{
	uint32_t end = 0;
	for (enum plait_layout_field field = first; field <= last; field++) {
		uint32_t size = field == PLAIT_FIELD_frame_owner ? 1 : 8;
		if (fields[field] != PLAIT_NO_OFFSET && fields[field] + size > end)
			end = fields[field] + size;
	}
	return (uint16_t)((end + 7) & ~7u);
}

static struct plait_tls_variable relocated(struct plait_tls_variable variable, uint64_t bias)
{
	if (variable.module_address)
		variable.module_address += bias;
	return variable;
}

/* Offsets in _PyRuntime, for which 0 stands for "none". */
static uint32_t or_zero(uint32_t offset)
{
	return offset == PLAIT_NO_OFFSET ? 0 : offset;
}

void plait_python_runtime_plan(const struct plait_python_runtime *runtime, struct plait_walk_plan *ret)
{
	const struct plait_python_binary *binary = runtime->binary;
	const struct plait_python_arch *arch = plait_python_arch_of(binary->layout->machine);
	const uint32_t *fields = binary->fields;
	struct plait_walk_plan plan = {
		.runtime = runtime->bias + binary->runtime,
		.start_stack = runtime->start_stack,
		.version = binary->version,
		.shape = binary->layout->shape,
		.free_threaded = binary->free_threaded,
		.tls_current = relocated(binary->tls_current, runtime->bias),
		.tls_gilstate = relocated(binary->tls_gilstate, runtime->bias),
		.runtime_tstate_current = or_zero(fields[PLAIT_FIELD_runtime_tstate_current]),
		.runtime_autotsskey = or_zero(fields[PLAIT_FIELD_runtime_autotsskey]),
		.thread_block = runtime->thread_block,
		.dtv_offset = arch->dtv_offset,
		.tls_static_limit = arch->tls_static_limit,
		.tsd_offset = arch->tsd_offset,
		.tid_offset = arch->tid_offset,
		.runtime_main_thread = or_zero(fields[PLAIT_FIELD_runtime_main_thread]),
		.frame_size = (uint8_t)extent(fields, PLAIT_FIELD_frame_code, PLAIT_FIELD_frame_tlbc_index),
		.code_mask = ~(uint64_t)fields[PLAIT_FIELD_code_tag_bits],
	};
#define COPY(name) plan.name = (uint16_t)fields[PLAIT_FIELD_##name]
#define COPY_BYTE(name) plan.name = (uint8_t)fields[PLAIT_FIELD_##name]
	/* 3.8 and 3.9 have no anchors: their chains are of use in the stack's order only, which the lists have not. */
	if (plan.shape != PLAIT_SHAPE_FRAME_OBJECT) {
		plan.runtime_interpreters_head = or_zero(fields[PLAIT_FIELD_runtime_interpreters_head]);
		COPY(interp_next);
		COPY(interp_threads_head);
		COPY(tstate_next);
	}
	COPY(tstate_interp);
	COPY(tstate_thread_id);
	COPY(tstate_frame);
	COPY(tstate_root_cframe);
	COPY(tstate_base_frame);
	COPY(tstate_cframe);
	COPY(cframe_current_frame);
	COPY(cframe_previous);
	COPY_BYTE(frame_code);
	COPY_BYTE(frame_previous);
	COPY_BYTE(frame_instr);
	COPY_BYTE(frame_owner);
	COPY_BYTE(frame_is_entry);
	COPY_BYTE(frame_tlbc_index);
	COPY(instr_is_lasti);
	COPY(lasti_unit);
	COPY(code_first_line);
	COPY(code_filename);
	COPY(code_name);
	COPY(code_qualname);
	COPY(code_linetable);
	COPY(code_adaptive);
	COPY(code_version);
	COPY(code_tlbc);
	COPY(unicode_length);
	COPY(unicode_state);
	COPY(unicode_ascii_data);
	COPY(unicode_compact_data);
	COPY(unicode_kind_shift);
	COPY(unicode_compact_shift);
	COPY(unicode_ascii_shift);
	COPY(bytes_size);
	COPY(bytes_data);
#undef COPY
#undef COPY_BYTE
	plan.code_size = extent(fields, PLAIT_FIELD_code_first_line, PLAIT_FIELD_code_linetable);
	uint16_t more = extent(fields, PLAIT_FIELD_code_version, PLAIT_FIELD_code_tlbc);
	if (more > plan.code_size)
		plan.code_size = more;
	*ret = plan;
}
