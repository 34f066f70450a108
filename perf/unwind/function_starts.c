#include "perf/unwind/function_starts.h"

#include <stdlib.h>

#include "common/vec.h"

#define CODE_MAX (64u << 20)

/* A jump that goes further is taken for the last call of a function (a tail call), not for one inside of it. */
#define JUMP_BYTES 4096

enum { BLOCK = 4096 }; /* instructions that are looked at at a time */

#define NOWHERE UINT32_MAX /* of what leads out of the code, or does not say where */

/* An instruction that does not just go on to the next one, and is no call. */
struct turn {
	uint32_t index : 28;
	uint32_t flow : 3;    /* enum plait_flow */
	uint32_t crossed : 1; /* a branch from behind leads to before what follows */
	uint32_t to;
};

struct scan {
	const struct plait_unwind_arch *arch;
	const struct plait_function_code *code;
	uint32_t count; /* instructions */
	PLAIT_VEC(struct turn) turns;
	PLAIT_VEC(uint32_t) called;
	uint64_t *bits; /* of struct plait_function_starts */
};

static void set_bit(struct scan *scan, uint32_t index)
{
	scan->bits[index / 64] |= 1ULL << index % 64;
}

static bool get_bit(const struct scan *scan, uint32_t index)
{
	return scan->bits[index / 64] >> index % 64 & 1;
}

static const uint8_t *bytes_at(const struct scan *scan, uint32_t index)
{
	return scan->code->bytes + index * scan->arch->instruction_bytes;
}

static uint32_t leads_to(const struct scan *scan, uint32_t index, enum plait_flow flow)
{
	uint64_t to = index + (uint64_t)scan->arch->distance(bytes_at(scan, index));
	bool says = flow == PLAIT_FLOW_BRANCH || flow == PLAIT_FLOW_CALL || flow == PLAIT_FLOW_JUMP;
	return says && to < scan->count ? (uint32_t)to : NOWHERE;
}

/* Keeps what turns of a block. No processor foresees which instructions do, so it goes without branches. */
static bool keep_turns(struct scan *scan, uint32_t first, const uint8_t *flows, uint32_t count)
{
	uint16_t picked[BLOCK];
	size_t n = 0;
	for (uint32_t i = 0; i < count; i++) {
		picked[n] = (uint16_t)i;
		n += flows[i] != PLAIT_FLOW_ON;
	}
	/* One more of each: what is not kept is written, too. */
	if (!plait_vec_reserve(&scan->turns, n + 1) || !plait_vec_reserve(&scan->called, n + 1))
		return false;
	struct turn *turn = scan->turns.data + scan->turns.count;
	uint32_t *called = scan->called.data + scan->called.count;
	for (size_t i = 0; i < n; i++) {
		uint32_t index = first + picked[i];
		enum plait_flow flow = flows[picked[i]];
		uint32_t to = leads_to(scan, index, flow);
		*turn = (struct turn) { .index = index, .to = to, .flow = flow };
		*called = to;
		turn += flow != PLAIT_FLOW_CALL;
		called += flow == PLAIT_FLOW_CALL && to != NOWHERE;
	}
	scan->turns.count = (size_t)(turn - scan->turns.data);
	scan->called.count = (size_t)(called - scan->called.data);
	return true;
}

static bool find_turns(struct scan *scan)
{
	uint8_t flows[BLOCK];
	for (uint32_t first = 0; first < scan->count; first += BLOCK) {
		uint32_t count = scan->count - first < BLOCK ? scan->count - first : BLOCK;
		scan->arch->flows(bytes_at(scan, first), count, flows);
		if (!keep_turns(scan, first, flows, count))
			return false;
	}
	return true;
}

/* Data may look like a call; few such lead to where a function can begin. */
static bool may_begin(const struct scan *scan, uint32_t index)
{
	uint8_t before = PLAIT_FLOW_LEAVE;
	if (index)
		scan->arch->flows(bytes_at(scan, index - 1), 1, &before);
	return before >= PLAIT_FLOW_PADDING;
}

static void note_calls(struct scan *scan)
{
	for (size_t i = 0; i < scan->called.count; i++) {
		uint32_t to = scan->called.data[i];
		if (!get_bit(scan, to) && may_begin(scan, to))
			set_bit(scan, to);
	}
}

/* Does a jump leave its function: to one that is called, or far? */
static bool is_tail_call(const struct scan *scan, const struct turn *turn)
{
	uint32_t distance = turn->to < turn->index ? turn->index - turn->to : turn->to - turn->index;
	return turn->to != NOWHERE &&
	       (get_bit(scan, turn->to) || distance * scan->arch->instruction_bytes > JUMP_BYTES);
}

static bool is_end(const struct turn *turn)
{
	return turn->flow == PLAIT_FLOW_JUMP || turn->flow == PLAIT_FLOW_LEAVE;
}

/* The first instruction behind padding, from `index` on, which is the one in front of turn `next`. */
static uint32_t skip_padding(const struct scan *scan, uint32_t index, size_t next)
{
	const struct turn *turn = scan->turns.data + next, *end = scan->turns.data + scan->turns.count;
	for (; turn < end && turn->index == index && turn->flow == PLAIT_FLOW_PADDING; turn++)
		index++;
	return index;
}

/* A branch and where it leads are of one function, and so is what lies between. Backwards, for what crosses an
 * instruction from behind. */
static void note_crossed(struct scan *scan)
{
	uint32_t lowest = NOWHERE;
	for (size_t i = scan->turns.count; i-- > 0;) {
		struct turn *turn = &scan->turns.data[i];
		if (is_end(turn))
			turn->crossed = lowest < skip_padding(scan, turn->index + 1, i + 1);
		if (turn->flow == PLAIT_FLOW_JUMP && is_tail_call(scan, turn))
			turn->to = NOWHERE;
		if (turn->to < lowest)
			lowest = turn->to;
	}
}

static void note_unreached(struct scan *scan)
{
	uint32_t reached = 0; /* by branches from before: the instructions below this one */
	uint32_t follows = skip_padding(scan, 0, 0);
	if (follows < scan->count)
		set_bit(scan, follows);
	for (size_t i = 0; i < scan->turns.count; i++) {
		const struct turn *turn = &scan->turns.data[i];
		if (turn->to != NOWHERE && turn->to >= reached)
			reached = turn->to + 1;
		if (!is_end(turn))
			continue;
		follows = skip_padding(scan, turn->index + 1, i + 1);
		if (follows < scan->count && reached <= follows && !turn->crossed)
			set_bit(scan, follows);
	}
}

bool plait_function_starts_find(const struct plait_unwind_arch *arch, const struct plait_function_code *code,
				struct plait_function_starts *ret)
{
	const uint64_t size = code->end - code->start;
	*ret = (struct plait_function_starts) { 0 };
	if (!arch->instruction_bytes || size < arch->instruction_bytes || size > CODE_MAX)
		return true;
	struct scan scan = { .arch = arch, .code = code, .count = (uint32_t)(size / arch->instruction_bytes) };
	scan.bits = calloc((scan.count + 63ULL) / 64, sizeof(*scan.bits));
	bool found = scan.bits && find_turns(&scan);
	if (found) {
		note_calls(&scan);
		note_crossed(&scan);
		note_unreached(&scan);
	}
	plait_vec_free(&scan.turns);
	plait_vec_free(&scan.called);
	if (!found) {
		free(scan.bits);
		return false;
	}
	*ret = (struct plait_function_starts) {
		.start = code->start,
		.end = code->start + scan.count * arch->instruction_bytes,
		.instruction_bytes = arch->instruction_bytes,
		.bits = scan.bits,
	};
	return true;
}

void plait_function_starts_release(struct plait_function_starts *starts)
{
	free(starts->bits);
	*starts = (struct plait_function_starts) { 0 };
}

bool plait_function_starts_before(const struct plait_function_starts *starts, uint64_t address, uint64_t *ret)
{
	size_t index = (address - starts->start) / starts->instruction_bytes, word = index / 64;
	uint64_t bits = starts->bits[word] & (UINT64_MAX >> (63 - index % 64));
	while (!bits && word)
		bits = starts->bits[--word];
	if (bits)
		*ret = starts->start + (word * 64 + 63 - (size_t)__builtin_clzll(bits)) * starts->instruction_bytes;
	return bits;
}

uint64_t plait_function_starts_after(const struct plait_function_starts *starts, uint64_t address)
{
	size_t index = (address - starts->start) / starts->instruction_bytes + 1, word = index / 64;
	size_t words = ((starts->end - starts->start) / starts->instruction_bytes + 63) / 64;
	uint64_t bits = word < words ? starts->bits[word] & (UINT64_MAX << index % 64) : 0;
	while (!bits && ++word < words)
		bits = starts->bits[word];
	if (!bits)
		return starts->end;
	return starts->start + (word * 64 + (size_t)__builtin_ctzll(bits)) * starts->instruction_bytes;
}
