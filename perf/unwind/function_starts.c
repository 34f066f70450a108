#include "perf/unwind/function_starts.h"

#include <stdlib.h>

#include "common/cleanup.h"

#define CODE_MAX (64u << 20)

/* A jump that goes further is taken for the last call of a function (a tail call), not for one inside of it. */
#define JUMP_BYTES 4096

struct scan {
	const struct plait_unwind_arch *arch;
	const struct plait_function_code *code;
	size_t count; /* instructions */
	bool *starts;
	int32_t *crossing; /* branches over an instruction's start, as differences to the instruction before */
};

static enum plait_flow flow_at(const struct scan *scan, size_t index, uint64_t *ret_target)
{
	const size_t at = index * scan->arch->instruction_bytes;
	return scan->arch->flow(scan->code->bytes + at, scan->code->start + at, ret_target);
}

/* The instruction at `target`; false when that is outside of the code. */
static bool index_of(const struct scan *scan, uint64_t target, size_t *ret)
{
	*ret = (target - scan->code->start) / scan->arch->instruction_bytes;
	return target >= scan->code->start && *ret < scan->count;
}

/* Data may look like a call; few such lead to where a function can begin. */
static bool may_be_start(const struct scan *scan, size_t index)
{
	uint64_t target;
	return !index || flow_at(scan, index - 1, &target) >= PLAIT_FLOW_PADDING;
}

static void note_calls(struct scan *scan)
{
	for (size_t i = 0; i < scan->count; i++) {
		uint64_t target;
		size_t index;
		if (flow_at(scan, i, &target) == PLAIT_FLOW_CALL && index_of(scan, target, &index) &&
		    may_be_start(scan, index))
			scan->starts[index] = true;
	}
}

/* A branch and where it leads are of one function, and so is what lies between. */
static void note_branches(struct scan *scan)
{
	for (size_t i = 0; i < scan->count; i++) {
		uint64_t target;
		size_t index;
		enum plait_flow flow = flow_at(scan, i, &target);
		if ((flow != PLAIT_FLOW_BRANCH && flow != PLAIT_FLOW_JUMP) || !index_of(scan, target, &index))
			continue;
		size_t first = index < i ? index : i, last = index < i ? i : index;
		if (flow == PLAIT_FLOW_JUMP &&
		    (scan->starts[index] || (last - first) * scan->arch->instruction_bytes > JUMP_BYTES))
			continue;
		scan->crossing[first + 1]++;
		scan->crossing[last + 1]--;
	}
}

static void note_unreached(struct scan *scan)
{
	int32_t crossing = 0;
	bool ended = true;
	for (size_t i = 0; i < scan->count; i++) {
		uint64_t target;
		enum plait_flow flow = flow_at(scan, i, &target);
		crossing += scan->crossing[i];
		if (flow == PLAIT_FLOW_PADDING)
			continue;
		scan->starts[i] |= ended && !crossing;
		ended = flow == PLAIT_FLOW_JUMP || flow == PLAIT_FLOW_LEAVE;
	}
}

bool plait_function_starts_find(const struct plait_unwind_arch *arch, const struct plait_function_code *code,
				struct plait_function_starts *ret)
{
	const uint64_t size = code->end - code->start;
	if (!arch->instruction_bytes || size > CODE_MAX)
		return true;
	struct scan scan = { .arch = arch, .code = code, .count = size / arch->instruction_bytes };
	bool *starts PLAIT_FREE = scan.starts = calloc(scan.count + 1, sizeof(*starts));
	int32_t *crossing PLAIT_FREE = scan.crossing = calloc(scan.count + 2, sizeof(*crossing));
	if (!starts || !crossing)
		return false;
	note_calls(&scan);
	note_branches(&scan);
	note_unreached(&scan);
	for (size_t i = 0; i < scan.count; i++) {
		if (starts[i] && !plait_vec_push(&ret->addresses, code->start + i * arch->instruction_bytes))
			return false;
	}
	return true;
}
