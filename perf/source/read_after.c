/*
 * What the check rests on. First, the frames must be the same before and after the sample: as they were read after the
 * thread's sample before (all that is compared but the line of the innermost one, which moves on). Second, they must
 * fit what the sample has of its own instant. The copy of the stack is of the sample's instant. Whatever lies at a
 * frame's anchor, on the C stack, must be the same there and in the process now: else that activation of the evaluator
 * has ended. Between two anchors, Python functions can call each other without a change of the C stack; but while the
 * evaluator runs a frame, a register or a slot of its C frame points to the frame, and another one into the frame's
 * instructions. So the innermost frame that is read now must be pointed to from the sample's registers or from the part
 * of its stack up to the innermost anchor, and so must its instructions. What runs for less than the time between two
 * samples does not pass. A coincidence is possible (a function that was left and entered again in the same way), so the
 * frames are called checked, not exact.
 */
#include "perf/source/read_after.h"

#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "perf/process/proc.h"
#include "perf/source/arch.h"

enum {
	ANCHOR_BYTES = 64,
	EVALUATOR_BYTES = 512, /* of the evaluator's C frame, beyond its anchor */
	NO_ANCHOR_BYTES = 65536,
};

/* Calls `fits` for the registers and the words of the stack copy below `end`, until it says yes. */
static bool any_word(const struct plait_sample *sample, uint64_t end, uint64_t low, uint64_t high)
{
	for (unsigned i = 0; i < PLAIT_REGISTER_COUNT; i++) {
		uint64_t value = sample->registers.value[i];
		if (sample->registers.valid >> i & 1 && value >= low && value < high)
			return true;
	}
	for (size_t p = 0; p < sample->stack.count; p++) {
		const struct plait_stack_piece *piece = &sample->stack.pieces[p];
		for (size_t at = 0; at + 8 <= piece->size && piece->address + at < end; at += 8) {
			uint64_t value;
			memcpy(&value, piece->data + at, 8);
			if (value >= low && value < high)
				return true;
		}
	}
	return false;
}

/* Whether the bytes at `address` are now what they were in the sample. Those that were not copied say nothing. */
static bool is_unchanged(const struct plait_sample *sample, const struct plait_memory *memory, uint64_t address)
{
	for (uint64_t at = address; at < address + ANCHOR_BYTES; at += 8) {
		uint64_t then, now;
		if (plait_stack_u64(&sample->stack, at, &then) && (!plait_memory_u64(memory, at, &now) || then != now))
			return false;
	}
	return true;
}

/* Every frame is an activation of its own, and has no anchor (3.8, 3.9): its C frame points to it. */
static bool all_are_pointed_to(const struct plait_sample *sample, const struct plait_python_chain *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		uint64_t frame = chain->frames[i].address;
		if (!any_word(sample, UINT64_MAX, frame, frame + 1))
			return false;
	}
	return true;
}

static bool passes(const struct plait_python_reader *reader, const struct plait_sample *sample,
		   const struct plait_python_chain *chain, const struct plait_memory *memory)
{
	uint64_t innermost = 0, start, end;
	for (size_t i = 0; i < chain->count; i++) {
		uint64_t anchor = chain->frames[i].anchor;
		if (!anchor)
			continue;
		if (!innermost)
			innermost = anchor;
		if (!is_unchanged(sample, memory, anchor))
			return false;
	}
	if (!chain->count)
		return true;
	if (!innermost)
		return all_are_pointed_to(sample, chain);
	uint64_t limit = innermost + EVALUATOR_BYTES, frame = chain->frames[0].address;
	if (chain->frames[0].kind != PLAIT_PYTHON_FRAME)
		return true;
	if (!any_word(sample, limit, frame, frame + 1))
		return false;
	return !reader->instructions(reader->context, 0, &start, &end) || any_word(sample, limit, start, end);
}

static uint64_t hash_frames(const struct plait_python_chain *chain)
{
	uint64_t hash = chain->count;
	for (size_t i = 0; i < chain->count; i++) {
		const struct plait_python_frame *frame = &chain->frames[i];
		hash = plait_hash_u64(hash ^ frame->address);
		hash = plait_hash_u64(hash ^ frame->code ^ frame->fingerprint);
		hash = plait_hash_u64(hash ^ (i ? (uint32_t)frame->lasti : 0));
	}
	return hash;
}

/* Whether the frames were the same when they were read last, and that was before the sample. */
static bool were_the_same(struct plait_reads *reads, const struct plait_sample *sample,
			  const struct plait_python_chain *chain)
{
	uint64_t hash = hash_frames(chain);
	const uint64_t *time = plait_map_get(&reads->times, sample->tid);
	const uint64_t *before = plait_map_get(&reads->hashes, sample->tid);
	bool same = time && before && *time < sample->time && *before == hash;
	if (!plait_map_put(&reads->times, sample->tid, plait_clock_ns(CLOCK_MONOTONIC)) ||
	    !plait_map_put(&reads->hashes, sample->tid, hash))
		return false;
	return same;
}

void plait_reads_release(struct plait_reads *reads)
{
	plait_map_release(&reads->times);
	plait_map_release(&reads->hashes);
}

struct plait_error *plait_read_after(struct plait_reads *reads, const struct plait_python_reader *reader,
				     struct plait_sample *sample, plait_source_handler handler, void *context)
{
	struct plait_memory memory = plait_memory_of_process((pid_t)sample->pid);
	struct plait_python_chain chain;
	const struct plait_wire_code *code;
	uint64_t tp = reader->thread_pointer(reader->context, sample->pid, sample->tid);
	reader->read(reader->context, sample->pid, tp, &memory, &chain);
	while ((code = reader->next_code(reader->context))) {
		struct plait_source_event event = {
			.kind = PLAIT_SOURCE_CODE,
			.time = sample->time,
			.pid = sample->pid,
			.tid = sample->tid,
			.code = code,
		};
		struct plait_error *error = handler(context, &event);
		if (error)
			return error;
	}
	chain.checked = chain.count > 0;
	bool same = were_the_same(reads, sample, &chain);
	if (chain.count && (!same || !passes(reader, sample, &chain, &memory))) {
		chain.count = 0;
		chain.checked = false;
		chain.status = PLAIT_WALK_LOST;
	}
	sample->python = chain;
	return NULL;
}
