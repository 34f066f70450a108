/*
 * What the check rests on. The frames that are read when the sample arrives are of a later moment. They are those of
 * the sample too if the innermost one, F, is still the same call: as long as that has not returned, whatever called it
 * waits where it waited. Whether it is the same call cannot be seen from the frames: a function that was left and
 * entered again looks the same. But the evaluator writes the link from F to its caller whenever F is entered (or, being
 * a generator, resumed). So when frames were read, that word is put under a hardware watchpoint and they are read once
 * more. If they are the same then and after the next sample, and the word was not written meanwhile, F and all outer
 * frames stood through the whole time between, the instant of the sample included. A caller that outlasts what it calls
 * is watched as well: it may be the innermost frame next time.
 *
 * It remains whether F was the innermost frame at that instant, or had called a function that has returned since. None
 * had if the words that lead to the innermost frame were not written either (they are watched in the same way, unless
 * functions are too short for that). Else the sample itself must tell: an inner activation of the evaluator is a native
 * frame (plait_merge_is_proven()), and what the innermost activation runs is told by a word on the C stack (3.11,
 * 3.12), or by its variables: one points to F, one into its instructions, and none to where the frame of a function
 * that F calls would be (3.13 and later).
 */
#include "perf/source/read_after.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "perf/source/watch.h"

enum {
	EVALUATOR_BYTES = 512, /* of the evaluator's C frame, beyond its anchor */
	HEADS = 2,
	SHORT_MAX = 8, /* samples in a row that met another call each: then the heads are left alone */
};

/* A frame that was there, and whose link is watched since. */
struct standing {
	struct plait_watch watch;
	uint64_t since; /* ns CLOCK_MONOTONIC: the frame and all outer ones were these, and the word is watched; 0:
			   never */
	uint64_t hash;	/* of the frame and all outer ones */
};

/* What was read last of a thread. */
struct plait_thread_read {
	struct standing innermost;
	struct standing outer; /* one that calls shorter ones: it may be the innermost at the next sample */
	struct plait_watch heads[HEADS];
	uint64_t settled_since;	    /* ns: nothing but these frames was there, and the heads are watched; 0: never */
	PLAIT_VEC(uint64_t) hashes; /* of the frames, each with all outer ones; the outermost is first */
	uint32_t pid;
	unsigned shorts; /* samples in a row that met another innermost call each */
};

/* Whether a register, or a word of the stack copy below `end`, is in [low, high). */
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

/* Whether frames[0], which was there, was the innermost one of its activation at the sample. */
static bool was_innermost(const struct plait_sample *sample, const struct plait_python_chain *chain,
			  const struct plait_python_witness *witness)
{
	uint64_t frame = chain->frames[0].address, word, limit = 0;
	if (witness->per_frame) /* of as many evaluators as frames, which the merge looks at */
		return true;
	if (chain->heads[1])
		return plait_stack_u64(&sample->stack, chain->heads[1], &word) && word == frame;
	for (size_t i = 0; i < chain->count && !limit; i++)
		limit = chain->frames[i].anchor;
	limit += EVALUATOR_BYTES;
	return limit > EVALUATOR_BYTES && any_word(sample, limit, frame, frame + 1) &&
	       (!witness->instructions || any_word(sample, limit, witness->instructions, witness->instructions_end)) &&
	       witness->next && !any_word(sample, limit, witness->next, witness->next + 1);
}

/* All that must stay the same of a frame and its callers: not the place in itself, which moves on. `callers` is what
 * goes into the next inner one. */
static uint64_t hash_frame(const struct plait_python_frame *frame, uint64_t *callers)
{
	uint64_t hash = plait_hash_u64(*callers ^ frame->address);
	hash = plait_hash_u64(hash ^ frame->code);
	hash = plait_hash_u64(hash ^ frame->fingerprint);
	hash = plait_hash_u64(hash ^ frame->anchor);
	*callers = plait_hash_u64(hash ^ (uint32_t)frame->lasti);
	return hash;
}

/* That of the frame at `index` and its callers. */
static uint64_t hash_from(const struct plait_python_chain *chain, size_t index)
{
	uint64_t callers = chain->status, hash = 0;
	for (size_t i = chain->count; i-- > index;)
		hash = hash_frame(&chain->frames[i], &callers);
	return hash;
}

static void forget(struct plait_thread_read *thread)
{
	plait_watch_release(&thread->innermost.watch);
	plait_watch_release(&thread->outer.watch);
	plait_vec_free(&thread->hashes);
	for (size_t i = 0; i < HEADS; i++)
		plait_watch_release(&thread->heads[i]);
	free(thread);
}

void plait_reads_forget(struct plait_reads *reads, uint32_t tid)
{
	const uint64_t *value = plait_map_get(&reads->threads, tid);
	if (!value)
		return;
	forget((struct plait_thread_read *)(uintptr_t)*value);
	plait_map_remove(&reads->threads, tid);
}

void plait_reads_release(struct plait_reads *reads)
{
	for (size_t i = 0; i < reads->threads.capacity; i++)
		if (reads->threads.slots[i].used)
			forget((struct plait_thread_read *)(uintptr_t)reads->threads.slots[i].value);
	plait_map_release(&reads->threads);
	plait_vec_free(&reads->kept);
}

static struct plait_thread_read *thread_of(struct plait_reads *reads, uint32_t tid)
{
	const uint64_t *value = plait_map_get(&reads->threads, tid);
	if (value)
		return (struct plait_thread_read *)(uintptr_t)*value;
	struct plait_thread_read *thread = calloc(1, sizeof(*thread));
	if (thread && !plait_map_put(&reads->threads, tid, (uint64_t)(uintptr_t)thread)) {
		free(thread);
		return NULL;
	}
	if (!thread)
		return NULL;
	thread->innermost.watch = thread->outer.watch = PLAIT_WATCH_NONE;
	for (size_t i = 0; i < HEADS; i++)
		thread->heads[i] = PLAIT_WATCH_NONE;
	return thread;
}

static bool is_whole(const struct plait_python_chain *chain)
{
	return chain->count && (chain->status == PLAIT_WALK_COMPLETE || chain->status == PLAIT_WALK_TOO_DEEP);
}

static bool heads_are_untouched(const struct plait_thread_read *thread, const struct plait_python_chain *chain)
{
	for (size_t i = 0; i < HEADS; i++)
		if (chain->heads[i] && !plait_watch_is_untouched(&thread->heads[i]))
			return false;
	return chain->heads[0] != 0;
}

static bool watch_heads(struct plait_thread_read *thread, uint32_t tid, const struct plait_python_chain *chain)
{
	for (size_t i = 0; i < HEADS; i++)
		if (chain->heads[i] && !plait_watch_set(&thread->heads[i], (pid_t)tid, chain->heads[i]))
			return false;
	return chain->heads[0] != 0;
}

/* A read of a thread's frames, and what is needed to repeat it. */
struct reading {
	const struct plait_python_reader *reader;
	uint32_t pid, tid;
	uint64_t tp;
	struct plait_memory memory;
	struct plait_python_chain chain;
	struct plait_python_witness witness;
	uint64_t hash; /* of the innermost frame */
};

static void read_now(struct reading *reading)
{
	const struct plait_python_reader *reader = reading->reader;
	reader->read(reader->context, reading->pid, reading->tp, &reading->memory, &reading->chain);
	reading->hash = hash_from(&reading->chain, 0);
}

static bool stands(const struct standing *standing, uint64_t hash)
{
	return standing->since && standing->hash == hash && plait_watch_is_untouched(&standing->watch);
}

static void swap(struct plait_thread_read *thread)
{
	struct standing innermost = thread->innermost;
	thread->innermost = thread->outer;
	thread->outer = innermost;
}

/* The innermost frame, other than the first, that was there at the read before; chain->count: none. Notes this read. */
static size_t find_outer(struct plait_thread_read *thread, const struct plait_python_chain *chain)
{
	size_t found = chain->count;
	uint64_t callers = chain->status;
	bool same = true;
	if (!plait_vec_reserve(&thread->hashes, chain->count))
		return found;
	for (size_t outside = 0; outside < chain->count; outside++) {
		size_t i = chain->count - 1 - outside;
		uint64_t hash = hash_frame(&chain->frames[i], &callers);
		same = same && outside < thread->hashes.count && thread->hashes.data[outside] == hash;
		if (same && i > 0 && chain->frames[i].kind == PLAIT_PYTHON_FRAME)
			found = i;
		thread->hashes.data[outside] = hash;
	}
	thread->hashes.count = chain->count;
	return found;
}

/* Watches the frame at `index` from now on; plait_thread_read.since is set when it was seen to be there still. */
static void watch_frame(struct standing *standing, const struct reading *reading, size_t index)
{
	const struct plait_python_frame *frames = reading->chain.frames;
	uint64_t link = reading->witness.link - frames[0].address; /* one place in all frames */
	standing->since = 0;
	standing->hash = hash_from(&reading->chain, index);
	plait_watch_set(&standing->watch, (pid_t)reading->tid, frames[index].address + link);
}

static void confirm(struct standing *standing, const struct plait_python_chain *chain, size_t index, uint64_t now)
{
	if (!standing->since && index < chain->count && hash_from(chain, index) == standing->hash &&
	    plait_watch_is_untouched(&standing->watch))
		standing->since = now;
}

/* Puts under watch what is not yet, and reads once more: it was the same after the watch had begun, or nothing is
 * known. */
static void begin_watch(struct plait_thread_read *thread, const struct reading *before)
{
	struct reading reading = *before;
	size_t outer = find_outer(thread, &before->chain), count = before->chain.count;
	if (!stands(&thread->innermost, before->hash)) {
		if (outer < count && stands(&thread->innermost, hash_from(&before->chain, outer)))
			swap(thread);
		watch_frame(&thread->innermost, before, 0);
	}
	if (outer < count && !stands(&thread->outer, hash_from(&before->chain, outer)))
		watch_frame(&thread->outer, before, outer);
	bool heads = thread->shorts < SHORT_MAX && watch_heads(thread, before->tid, &before->chain);
	read_now(&reading);
	uint64_t now = plait_clock_ns(CLOCK_MONOTONIC);
	confirm(&thread->innermost, &reading.chain, 0, now);
	if (outer < count && reading.chain.count + outer >= count)
		confirm(&thread->outer, &reading.chain, reading.chain.count - (count - outer), now);
	bool same = reading.hash == before->hash && thread->innermost.since;
	thread->settled_since = heads && same && heads_are_untouched(thread, &before->chain) ? now : 0;
}

static struct plait_error *hand_out_codes(const struct plait_python_reader *reader, const struct plait_sample *sample,
					  plait_source_handler handler, void *context)
{
	const struct plait_wire_code *code;
	while ((code = reader->next_code(reader->context))) {
		struct plait_source_event event = {
			.kind = PLAIT_SOURCE_CODE,
			.time = sample->time,
			.pid = sample->pid,
			.tid = sample->tid,
			.code = code,
		};
		PLAIT_TRY(handler(context, &event));
	}
	return NULL;
}

/* Makes the frames outlast another read. */
static bool keep(struct plait_reads *reads, struct plait_python_chain *chain)
{
	reads->kept.count = 0;
	if (!plait_vec_reserve(&reads->kept, chain->count))
		return false;
	memcpy(reads->kept.data, chain->frames, chain->count * sizeof(*chain->frames));
	chain->frames = reads->kept.data;
	return true;
}

/* Whether the frames are those of the sample: sets chain->checked and chain->settled. Goes on watching for the next. */
static struct plait_error *check(struct plait_reads *reads, struct plait_thread_read *thread,
				 const struct plait_sample *sample, uint64_t taken, struct reading *reading)
{
	struct plait_python_chain *chain = &reading->chain;
	if (!stands(&thread->innermost, reading->hash) && stands(&thread->outer, reading->hash))
		swap(thread);
	bool stood = stands(&thread->innermost, reading->hash);
	bool settled = stood && thread->settled_since && heads_are_untouched(thread, chain);
	if (stood && thread->innermost.since < taken) {
		chain->settled = settled && thread->settled_since < taken;
		chain->checked = chain->settled || was_innermost(sample, chain, &reading->witness);
	}
	thread->shorts = stood ? 0 : thread->shorts + 1;
	thread->pid = sample->pid;
	if (!stood && thread->shorts < SHORT_MAX && reads->again_count < PLAIT_AGAIN_MAX)
		reads->again[reads->again_count++] = sample->tid;
	if (settled)
		return NULL;
	if (!keep(reads, chain))
		return plait_error_no_memory();
	begin_watch(thread, reading);
	return NULL;
}

static struct reading begin_reading(const struct plait_python_reader *reader, uint32_t pid, uint32_t tid)
{
	struct reading reading = {
		.reader = reader,
		.pid = pid,
		.tid = tid,
		.tp = reader->thread_pointer(reader->context, pid, tid),
		.memory = plait_memory_of_process((pid_t)pid),
	};
	read_now(&reading);
	return reading;
}

void plait_reads_again(struct plait_reads *reads, const struct plait_python_reader *reader)
{
	for (unsigned i = 0; i < reads->again_count; i++) {
		uint32_t tid = reads->again[i];
		if (!plait_map_get(&reads->threads, tid))
			continue;
		struct plait_thread_read *thread = thread_of(reads, tid);
		struct reading reading = begin_reading(reader, thread->pid, tid);
		if (is_whole(&reading.chain) && !stands(&thread->innermost, reading.hash) &&
		    reader->witness(reader->context, &reading.witness))
			begin_watch(thread, &reading);
	}
}

struct plait_error *plait_read_after(struct plait_reads *reads, const struct plait_python_reader *reader,
				     uint64_t taken, struct plait_sample *sample, plait_source_handler handler,
				     void *context)
{
	struct reading reading = begin_reading(reader, sample->pid, sample->tid);
	PLAIT_TRY(hand_out_codes(reader, sample, handler, context));
	sample->python = reading.chain;
	if (!reading.chain.count)
		return NULL;
	struct plait_thread_read *thread = thread_of(reads, sample->tid);
	if (!thread)
		return plait_error_no_memory();
	if (is_whole(&reading.chain) && reader->witness(reader->context, &reading.witness))
		PLAIT_TRY(check(reads, thread, sample, taken, &reading));
	sample->python =
		reading.chain.checked ? reading.chain : (struct plait_python_chain) { .status = PLAIT_WALK_LOST };
	return NULL;
}
