#include "perf/unwind/function_starts.h"

#include <stdlib.h>

#include "common/cleanup.h"

#define CODE_MAX (64u << 20)

/* A jump that goes further is taken for the last call of a function (a tail call), not for one inside of it. */
#define JUMP_BYTES 4096

struct scan {
	const struct plait_unwind_arch *arch;
	const struct plait_function_code *code;
	size_t count;	/* instructions */
	uint8_t *flows; /* enum plait_flow */
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

/* A branch and where it leads are of one function, and so is what lies between. */
static void note_branch(struct scan *scan, size_t from, size_t to)
{
	size_t first = to < from ? to : from, last = to < from ? from : to;
	scan->crossing[first + 1]++;
	scan->crossing[last + 1]--;
}

static void read_flows(struct scan *scan)
{
	for (size_t i = 0; i < scan->count; i++) {
		uint64_t target;
		size_t index;
		enum plait_flow flow = flow_at(scan, i, &target);
		scan->flows[i] = (uint8_t)flow;
		if (flow == PLAIT_FLOW_BRANCH && index_of(scan, target, &index))
			note_branch(scan, i, index);
	}
}

/* Whether instruction `index` is a `flow` that leads to another one of this code. */
static bool leads_to(const struct scan *scan, size_t index, enum plait_flow flow, size_t *ret)
{
	uint64_t target;
	if (scan->flows[index] != flow)
		return false;
	flow_at(scan, index, &target);
	return index_of(scan, target, ret);
}

static void note_calls(struct scan *scan)
{
	size_t index;
	for (size_t i = 0; i < scan->count; i++) {
		/* Data may look like a call; few such lead to where a function can begin. */
		if (leads_to(scan, i, PLAIT_FLOW_CALL, &index) &&
		    (!index || scan->flows[index - 1] >= PLAIT_FLOW_PADDING))
			scan->starts[index] = true;
	}
}

static void note_jumps(struct scan *scan)
{
	size_t index;
	for (size_t i = 0; i < scan->count; i++) {
		if (!leads_to(scan, i, PLAIT_FLOW_JUMP, &index) || scan->starts[index])
			continue;
		size_t distance = (index < i ? i - index : index - i) * scan->arch->instruction_bytes;
		if (distance <= JUMP_BYTES)
			note_branch(scan, i, index);
	}
}

static void note_unreached(struct scan *scan)
{
	int32_t crossing = 0;
	bool ended = true;
	for (size_t i = 0; i < scan->count; i++) {
		crossing += scan->crossing[i];
		if (scan->flows[i] == PLAIT_FLOW_PADDING)
			continue;
		scan->starts[i] |= ended && !crossing;
		ended = scan->flows[i] == PLAIT_FLOW_JUMP || scan->flows[i] == PLAIT_FLOW_LEAVE;
	}
}

bool plait_function_starts_find(const struct plait_unwind_arch *arch, const struct plait_function_code *code,
				struct plait_function_starts *ret)
{
	const uint64_t size = code->end - code->start;
	if (!arch->instruction_bytes || size > CODE_MAX)
		return true;
	struct scan scan = { .arch = arch, .code = code, .count = size / arch->instruction_bytes };
	uint8_t *flows PLAIT_FREE = scan.flows = malloc(scan.count + 1);
	bool *starts PLAIT_FREE = scan.starts = calloc(scan.count + 1, sizeof(*starts));
	int32_t *crossing PLAIT_FREE = scan.crossing = calloc(scan.count + 2, sizeof(*crossing));
	if (!flows || !starts || !crossing)
		return false;
	read_flows(&scan);
	note_calls(&scan);
	note_jumps(&scan);
	note_unreached(&scan);
	for (size_t i = 0; i < scan.count; i++) {
		if (starts[i] && !plait_vec_push(&ret->addresses, code->start + i * arch->instruction_bytes))
			return false;
	}
	return true;
}
