/* links: plait_python_unwind */
/* Stacks for the merge. 4 bytes: native count, end, walk status, one activation a frame; then 4 bytes a native frame
 * (sp, size, flags, module), and 2 bytes a Python frame (anchor, kind) for the rest. What holds of every merged stack
 * must hold of this one. */
#include <stdlib.h>

#include "tests/unit/merge_invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void merge(const struct plait_native_stack *native, const struct plait_python_chain *python)
{
	struct plait_hybrid_stack merged = { 0 };
	struct plait_error *error = plait_merge(native, python, &merged);

	if (error || check_invariants(native, python, &merged))
		abort();
	plait_hybrid_stack_release(&merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4)
		return 0;
	size_t native_count = data[0] < (size - 4) / 4 ? data[0] : (size - 4) / 4;
	size_t python_count = (size - 4 - 4 * native_count) / 2;
	struct plait_native_frame *natives = calloc(native_count + 1, sizeof(*natives));
	struct plait_python_frame *pythons = calloc(python_count + 1, sizeof(*pythons));
	const uint8_t *at = data + 4;

	if (!natives || !pythons)
		abort();
	for (size_t i = 0; i < native_count; i++, at += 4) {
		uint64_t sp = at[0] & 128 ? 4 * i : at[0];
		natives[i] = (struct plait_native_frame) {
			.pc = i,
			.sp = sp,
			.cfa = at[1] == 255 ? 0 : sp + (at[1] & 15),
			.flags = at[2],
			.module = at[3] & 1,
		};
	}
	for (size_t i = 0; i < python_count; i++, at += 2)
		pythons[i] = (struct plait_python_frame) { .code = i, .anchor = at[0], .kind = at[1] & 1 };
	struct plait_native_stack native = {
		.frames = natives,
		.count = native_count,
		.end = (enum plait_unwind_end)(data[1] % 5),
	};
	struct plait_python_chain python = {
		.frames = pythons,
		.count = python_count,
		.status = (enum plait_walk_status)(data[2] % 7),
		.per_frame = data[3] & 1,
	};
	merge(&native, &python);
	free(natives);
	free(pythons);
	return 0;
}
