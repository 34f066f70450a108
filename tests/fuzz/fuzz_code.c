/* links: plait_common plait_perf plait_python_unwind */
/*
 * Any bytes as machine code of each architecture: decoded without a crash. The rows of a prologue ascend, and name
 * rules of the pool; whatever a pattern or a call looks like, nothing is read beyond what was given.
 */
#include <stdlib.h>
#include <string.h>

#include "perf/unwind/rule.h"
#include "python_unwind/arch/arch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const struct plait_unwind_arch *arch, const uint8_t *data, size_t size, bool one_function)
{
	struct plait_function_code code = {
		.bytes = data, .start = 0x1000, .end = 0x1000 + size, .one_function = one_function
	};
	struct plait_rule_pool pool;
	struct plait_rule_rows rows = { 0 };
	if (!plait_rule_pool_init(&pool))
		return;
	arch->decode(&code, &pool, &rows);
	for (size_t i = 0; i < rows.rows.count; i++) {
		const struct plait_rule_row *row = &rows.rows.data[i];
		if (row->rule >= pool.rules.count || row->address < code.start || row->address >= code.end ||
		    (i && row->address <= row[-1].address))
			abort();
	}
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
}

static void look_around(const struct plait_unwind_arch *arch, const uint8_t *data, size_t size)
{
	size_t before = arch->pattern_bytes_before, window = before + arch->pattern_bytes;
	for (size_t at = 0; at + window <= size; at += 4) {
		struct plait_rule rule;
		uint8_t *code = malloc(window); /* so that AddressSanitizer sees every read past the end */
		if (!code)
			return;
		memcpy(code, data + at, window);
		arch->pattern_rule(code, &rule);
		free(code);
	}
	struct plait_call_site call;
	for (size_t i = 0; i <= size && i <= 64; i++)
		arch->call_before(data, i, 0x401000, &call);
}

static bool count_jump(void *context, uint64_t target)
{
	(void)target;
	return ++*(size_t *)context < 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct plait_unwind_arch *const unwind[] = { &plait_unwind_arch_x86_64,
								  &plait_unwind_arch_aarch64 };
	static const struct plait_python_arch *const python[] = { &plait_python_arch_x86_64,
								  &plait_python_arch_aarch64 };
	if (size > 1 << 16)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		struct plait_access access;
		size_t jumps = 0;
		decode(unwind[i], data, size, false);
		decode(unwind[i], data, size, true);
		look_around(unwind[i], data, size);
		python[i]->decode_access(data, size, 0x1000, &access);
		python[i]->visit_jumps(data, size, 0x1000, count_jump, &jumps);
		if (jumps > size)
			abort();
	}
	return 0;
}
