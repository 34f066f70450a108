#include "python_unwind/outside/outside.h"

#include <stdlib.h>
#include <string.h>

#include "common/map.h"
#include "common/vec.h"
#include "python_unwind/binary.h"
#include "python_unwind/outside/walk_process.h"
#include "python_unwind/walk_state.h"

enum {
	FRAMES_MAX = 16384,
	RUNTIMES_MAX = 2,
	SEEN_MAX = 1 << 20,
	THREADS_MAX = 100000,
	OB_SIZE = 16,
	INSTRUCTIONS_MAX = 1 << 24
};

struct process {
	uint32_t count;
	struct plait_map pointers; /* what a thread calls itself -> its thread pointer, as of the latest look */
	struct plait_python_runtime runtimes[RUNTIMES_MAX];
	struct plait_walk_plan plans[RUNTIMES_MAX];
};

struct plait_python_outside {
	struct plait_map processes; /* pid -> struct process * */
	struct plait_map seen;	    /* mixes of what identifies a code object of a process image */
	uint64_t salt;		    /* of the mixes: another one forgets all */
	struct plait_wire_code code;

	/* Of the read at hand. */
	uint32_t pid;
	struct plait_memory memory;
	size_t count, next;
	uint32_t ends[RUNTIMES_MAX]; /* where the frames of each runtime end */
	struct plait_python_frame frames[FRAMES_MAX];
};

struct plait_error *plait_python_outside_create(struct plait_python_outside **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? NULL : plait_error_no_memory();
}

static void free_process(struct process *process)
{
	if (process)
		plait_map_release(&process->pointers);
	free(process);
}

void plait_python_outside_destroy(struct plait_python_outside *outside)
{
	if (!outside)
		return;
	for (size_t i = 0; i < outside->processes.capacity; i++) {
		if (outside->processes.slots[i].used)
			free_process((struct process *)(uintptr_t)outside->processes.slots[i].value);
	}
	plait_map_release(&outside->processes);
	plait_map_release(&outside->seen);
	free(outside);
}

static struct process *process_of(const struct plait_python_outside *outside, uint32_t pid)
{
	const uint64_t *value = plait_map_get(&outside->processes, pid);
	return value ? (struct process *)(uintptr_t)*value : NULL;
}

bool plait_python_outside_has(const struct plait_python_outside *outside, uint32_t pid)
{
	return process_of(outside, pid) != NULL;
}

struct plait_error *plait_python_outside_add(struct plait_python_outside *outside,
					     const struct plait_python_runtime *runtime)
{
	struct process *process = process_of(outside, runtime->pid);
	if (!process) {
		process = calloc(1, sizeof(*process));
		if (!process || !plait_map_put(&outside->processes, runtime->pid, (uint64_t)(uintptr_t)process)) {
			free(process);
			return plait_error_no_memory();
		}
	}
	if (process->count == RUNTIMES_MAX)
		return NULL;
	process->runtimes[process->count] = *runtime;
	plait_python_runtime_plan(runtime, &process->plans[process->count++]);
	return NULL;
}

void plait_python_outside_forget(struct plait_python_outside *outside, uint32_t pid)
{
	free_process(process_of(outside, pid));
	plait_map_remove(&outside->processes, pid);
	outside->salt++; /* another process may get the number */
}

static void read_frames(void *context, uint32_t pid, uint64_t tp, const struct plait_memory *memory,
			struct plait_python_chain *ret)
{
	struct plait_python_outside *outside = context;
	const struct process *process = process_of(outside, pid);
	outside->pid = pid;
	outside->memory = *memory;
	outside->count = outside->next = 0;
	*ret = (struct plait_python_chain) { .frames = outside->frames };
	for (uint32_t i = 0; process && i < process->count; i++) {
		struct plait_python_chain chain;
		plait_python_walk(&process->plans[i], memory, tp, outside->frames + outside->count,
				  FRAMES_MAX - outside->count, &chain);
		if (!outside->count)
			memcpy(ret->heads, chain.heads, sizeof(ret->heads));
		outside->count += chain.count;
		outside->ends[i] = (uint32_t)outside->count;
		if (chain.status > ret->status) /* having no frames counts least, what is missing most */
			ret->status = chain.status;
		if (chain.count)
			ret->per_frame = chain.per_frame;
	}
	ret->count = outside->count;
}

static const struct plait_walk_plan *plan_at(const struct plait_python_outside *outside, size_t frame)
{
	const struct process *process = process_of(outside, outside->pid);
	return &process->plans[process->count > 1 && frame >= outside->ends[0]];
}

static uint64_t code_key(const struct plait_python_outside *outside, const struct plait_python_frame *frame)
{
	uint64_t key = plait_walk_mix(frame->code + outside->salt);
	return plait_walk_mix(key ^ frame->fingerprint ^ (uint64_t)outside->pid << 32);
}

static const struct plait_wire_code *next_code(void *context)
{
	struct plait_python_outside *outside = context;
	while (outside->next < outside->count) {
		size_t at = outside->next++;
		const struct plait_python_frame *frame = &outside->frames[at];
		uint64_t key = code_key(outside, frame);
		if (frame->kind != PLAIT_PYTHON_FRAME || plait_map_get(&outside->seen, key))
			continue;
		if (outside->seen.count > SEEN_MAX)
			plait_map_release(&outside->seen);
		bool whole = plait_python_copy_code(plan_at(outside, at), &outside->memory, frame, &outside->code);
		if (whole)
			plait_map_put(&outside->seen, key, 1);
		outside->code.pid = outside->pid;
		return &outside->code;
	}
	return NULL;
}

/* A thread that is not known may have come since; a number may be another thread's by now, which the walk notices. */
static uint64_t thread_pointer(void *context, uint32_t pid, uint32_t own_tid)
{
	struct plait_python_outside *outside = context;
	struct process *process = process_of(outside, pid);
	const uint64_t *tp = process ? plait_map_get(&process->pointers, own_tid) : NULL;
	uint32_t tid = 0;
	if (!process || !process->count)
		return 0;
	struct plait_memory memory = plait_memory_of_process((pid_t)pid);
	const struct plait_walk_plan *plan = &process->plans[0];
	if (tp && plait_memory_read(&memory, *tp - plan->thread_block + plan->tid_offset, &tid, sizeof(tid)) &&
	    tid == own_tid)
		return *tp;
	plait_map_release(&process->pointers);
	plait_error_free(plait_python_outside_threads(outside, pid, &memory, &process->pointers));
	tp = plait_map_get(&process->pointers, own_tid);
	return tp ? *tp : 0;
}

/* PyVarObject.ob_size of a code object is the number of its instructions, two bytes each (3.11 and later). */
static void find_instructions(const struct plait_python_outside *outside, const struct plait_walk_plan *plan,
			      uint64_t code, struct plait_python_witness *ret)
{
	uint64_t count;
	if (plan->code_adaptive == PLAIT_NO_OFFSET || plan->free_threaded ||
	    !plait_memory_u64(&outside->memory, code + OB_SIZE, &count) || count > INSTRUCTIONS_MAX)
		return;
	ret->instructions = code + plan->code_adaptive;
	ret->instructions_end = ret->instructions + 2 * count;
}

static bool witness(void *context, struct plait_python_witness *ret)
{
	struct plait_python_outside *outside = context;
	if (!outside->count || outside->frames[0].kind != PLAIT_PYTHON_FRAME)
		return false;
	const struct plait_walk_plan *plan = plan_at(outside, 0);
	const struct plait_python_frame *frame = &outside->frames[0];
	uint32_t size; /* co_framesize, in words (3.12 and later: Include/cpython/code.h, two ints after the line) */
	*ret = (struct plait_python_witness) {
		.link = frame->address + plan->frame_previous,
		.per_frame = plan->shape <= PLAIT_SHAPE_FRAME_OBJECT_CFRAME,
	};
	find_instructions(outside, plan, frame->code, ret);
	if (plan->shape == PLAIT_SHAPE_CURRENT_FRAME &&
	    plait_memory_read(&outside->memory, frame->code + plan->code_first_line + 8, &size, sizeof(size)))
		ret->next = frame->address + 8 * (uint64_t)size;
	return true;
}

struct plait_python_reader plait_python_outside_reader(struct plait_python_outside *outside)
{
	return (struct plait_python_reader) {
		.read = read_frames,
		.next_code = next_code,
		.thread_pointer = thread_pointer,
		.witness = witness,
		.context = outside,
	};
}

bool plait_python_outside_is_attached(struct plait_python_outside *outside, uint32_t pid, uint64_t tp,
				      const struct plait_memory *memory)
{
	const struct process *process = process_of(outside, pid);
	for (uint32_t i = 0; process && i < process->count; i++) {
		if (plait_python_walk_is_attached(&process->plans[i], memory, tp))
			return true;
	}
	return false;
}

/* Those of one interpreter. PyThreadState.thread_id is pthread_self(). */
static struct plait_error *add_threads(const uint32_t *fields, const struct plait_walk_plan *plan, uint64_t interpreter,
				       const struct plait_memory *memory, uint32_t *left, struct plait_map *ret)
{
	uint64_t tstate = 0, thread;
	bool more = plait_memory_u64(memory, interpreter + fields[PLAIT_FIELD_interp_threads_head], &tstate);
	while (more && tstate && (*left)--) {
		uint32_t tid = 0;
		more = plait_memory_u64(memory, tstate + fields[PLAIT_FIELD_tstate_thread_id], &thread);
		if (more && thread && plait_memory_read(memory, thread + plan->tid_offset, &tid, sizeof(tid)) &&
		    !plait_map_put(ret, tid, thread + plan->thread_block))
			return plait_error_no_memory();
		more = more && plait_memory_u64(memory, tstate + fields[PLAIT_FIELD_tstate_next], &tstate);
	}
	return NULL;
}

struct plait_error *plait_python_outside_threads(const struct plait_python_outside *outside, uint32_t pid,
						 const struct plait_memory *memory, struct plait_map *ret)
{
	const struct process *process = process_of(outside, pid);
	uint32_t left = THREADS_MAX; /* the lists may change meanwhile: never without an end */
	for (uint32_t i = 0; process && i < process->count; i++) {
		const struct plait_python_runtime *runtime = &process->runtimes[i];
		const uint32_t *fields = runtime->binary->fields;
		uint64_t interpreter = 0;
		uint64_t head =
			runtime->bias + runtime->binary->runtime + fields[PLAIT_FIELD_runtime_interpreters_head];
		bool more = plait_memory_u64(memory, head, &interpreter);
		while (more && interpreter && left) {
			PLAIT_TRY(add_threads(fields, &process->plans[i], interpreter, memory, &left, ret));
			more = plait_memory_u64(memory, interpreter + fields[PLAIT_FIELD_interp_next], &interpreter);
		}
	}
	return NULL;
}

uint32_t plait_python_outside_locals(struct plait_python_outside *outside, size_t index, struct plait_python_local *ret)
{
	const struct process *process = process_of(outside, outside->pid);
	if (index >= outside->count || outside->frames[index].kind != PLAIT_PYTHON_FRAME)
		return 0;
	const struct plait_python_runtime *runtime =
		&process->runtimes[process->count > 1 && index >= outside->ends[0]];
	return plait_python_locals(runtime->binary, &outside->memory, &outside->frames[index], ret);
}
