/* links: plait_common plait_python_unwind */
/* Any bytes as an ELF file: inspected without a crash, and what is found makes a plan whose reads are bounded. */
#include <stdint.h>
#include <stdlib.h>

#include "python_unwind/runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plait_python_binary *binary = NULL;
	struct plait_error *error = plait_python_binary_inspect(data, size, "libpython3.9.so.1.0", &binary);
	if (error && binary)
		abort();
	if (binary) {
		struct plait_python_runtime runtime = { .binary = binary, .bias = 0x7f0000000000 };
		struct plait_walk_plan plan;
		plait_python_binary_find_fragments(binary, data, size);
		plait_python_runtime_plan(&runtime, &plan);
		if (plan.frame_size > 128 || plan.code_size > 256)
			abort();
	}
	plait_error_free(error);
	plait_python_binary_destroy(binary);
	return 0;
}
