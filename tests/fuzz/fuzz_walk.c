/* links: plait_python_unwind */
/*
 * The frame walk over arbitrary memory. Input: two bytes that choose the shape and the plan's odd fields, then the
 * process's memory, which repeats every 4 KiB so that most pointers lead somewhere.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "python_unwind/outside/walk_process.h"

#define TILE 4096

struct input {
	const uint8_t *data;
	size_t size;
};

static bool read_input(void *context, uint64_t address, void *ret, size_t size)
{
	const struct input *input = context;
	uint64_t at = address % TILE;
	if (address >> 47 || at >= input->size || size > input->size - at)
		return false;
	memcpy(ret, input->data + at, size);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct input input = { .data = data + 2, .size = size - 2 };
	struct plait_memory memory = { .read = read_input, .context = &input };
	uint8_t odd = data[1];
	struct plait_walk_plan plan = {
		.runtime = 0x10000,
		.shape = 1 + data[0] % 5,
		.tls_current = { .kind = odd & 1 ? PLAIT_TLS_STATIC : PLAIT_TLS_DYNAMIC, .module_address = 64 },
		.runtime_autotsskey = odd & 2 ? 16 : 0,
		.tsd_offset = 0x310,
		.runtime_interpreters_head = odd & 4 ? 24 : 0,
		.interp_next = 0,
		.interp_threads_head = 8,
		.tstate_next = 8,
		.tstate_interp = 16,
		.tstate_thread_id = 24,
		.tstate_frame = 32,
		.tstate_root_cframe = odd & 8 ? 40 : PLAIT_NO_OFFSET,
		.tstate_base_frame = odd & 16 ? 48 : PLAIT_NO_OFFSET,
		.tstate_cframe = 56,
		.cframe_current_frame = 0,
		.cframe_previous = 8,
		.frame_size = 80,
		.frame_previous = 8,
		.frame_instr = 56,
		.frame_owner = 70,
		.frame_is_entry = 68,
		.frame_tlbc_index = 72,
		.instr_is_lasti = odd >> 5 & 1,
		.lasti_unit = 2,
		.code_mask = odd & 64 ? ~7ULL : ~0ULL,
		.code_size = 232,
		.code_first_line = 68,
		.code_filename = 112,
		.code_name = 120,
		.code_linetable = 136,
		.code_adaptive = 200,
		.code_version = odd & 128 ? 92 : PLAIT_NO_OFFSET,
		.code_tlbc = odd & 64 ? 224 : PLAIT_NO_OFFSET,
	};
	struct plait_python_frame frames[64];
	struct plait_python_chain chain;
	uint64_t tp = 0;
	if (input.size >= 32)
		memcpy(&tp, input.data + 24, 8);
	plait_python_walk(&plan, &memory, tp, frames, 64, &chain);
	if (chain.count > 64 || chain.status > PLAIT_WALK_LOST)
		__builtin_trap();
	return 0;
}
