#include "cli/dump/collect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/record/engine.h"
#include "cli/record/pipeline.h"
#include "cli/record/session.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/map.h"
#include "perf/process/process_map.h"
#include "perf/ptrace/capture.h"
#include "perf/source/cpus.h"
#include "python_unwind/outside/outside.h"

enum {
	SAMPLE_HZ = 2000,
	SAMPLE_NS = 40000000, /* for which running threads are sampled */
	TRIES = 3,	      /* to catch a thread asleep */
	LOCALS_FRAMES = 200,  /* innermost frames of a thread whose locals are read */
};

struct collection {
	const struct plait_dump_options *options;
	struct plait_dump_list *list;
	struct plait_recording_writer *writer;
	struct plait_pipeline *pipeline;
	struct plait_python_outside *outside;
	struct plait_engine_run bpf; /* engine NULL: not used */
	uint64_t started_ns;
	struct plait_capture capture;
	struct plait_map pointers; /* of the process at hand: what a thread calls itself -> its thread pointer */
	uint32_t pid;		   /* of the capture at hand */
	struct plait_python_chain chain;
	bool attached;
	PLAIT_VEC(struct plait_dump_local) locals;
	struct plait_error *failure; /* in a callback that cannot return it */
};

/* ---- who walks: both, when there is a BPF sampler ---- */

static struct plait_error *add_runtime(void *context, const struct plait_python_runtime *runtime)
{
	struct collection *collection = context;
	if (collection->bpf.engine)
		PLAIT_TRY(collection->bpf.walker.add_runtime(collection->bpf.walker.context, runtime));
	return plait_python_outside_add(collection->outside, runtime);
}

static void forget(void *context, uint32_t pid)
{
	struct collection *collection = context;
	if (collection->bpf.engine)
		collection->bpf.walker.forget(collection->bpf.walker.context, pid);
	plait_python_outside_forget(collection->outside, pid);
}

static void unwatch(void *context, uint32_t pid)
{
	(void)context; /* it is over before a number is used again */
	(void)pid;
}

/* ---- one thread ---- */

static void free_locals(const struct plait_dump_local *locals, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(locals[i].name);
		free(locals[i].value);
	}
	free((void *)(uintptr_t)locals);
}

void plait_dump_list_release(struct plait_dump_list *list)
{
	for (size_t i = 0; i < list->threads.count; i++)
		free_locals(list->threads.data[i].locals, list->threads.data[i].local_count);
	plait_vec_free(&list->threads);
}

/* The locals of the frame at `index` of the chain, which is the thread's Python frame `number`. */
static bool read_locals(struct collection *collection, size_t index, uint32_t number)
{
	struct plait_python_local locals[PLAIT_LOCALS_MAX];
	uint32_t count = plait_python_outside_locals(collection->outside, index, locals);
	for (uint32_t i = 0; i < count; i++) {
		struct plait_dump_local local = { .frame = number,
						  .name = strdup(locals[i].name),
						  .value = strdup(locals[i].value) };
		if (local.name && local.value && plait_vec_push(&collection->locals, local))
			continue;
		free(local.name);
		free(local.value);
		return false;
	}
	return true;
}

static bool read_all_locals(struct collection *collection)
{
	uint32_t number = 0;
	free_locals(collection->locals.data, collection->locals.count);
	collection->locals.data = NULL;
	plait_vec_free(&collection->locals);
	for (size_t i = 0; i < collection->chain.count && number < LOCALS_FRAMES; i++) {
		if (collection->chain.frames[i].kind == PLAIT_PYTHON_FRAME && !read_locals(collection, i, number++))
			return false;
	}
	return true;
}

/* The thread stands still. */
static void visit(void *context, struct plait_capture *capture, const struct plait_memory *memory)
{
	struct collection *collection = context;
	struct plait_python_reader reader = plait_python_outside_reader(collection->outside);
	const struct plait_wire_code *code;
	reader.read(reader.context, collection->pid, capture->tp, memory, &collection->chain);
	collection->attached =
		plait_python_outside_is_attached(collection->outside, collection->pid, capture->tp, memory);
	if (collection->options->locals && !read_all_locals(collection))
		collection->failure = plait_error_no_memory();
	while (!collection->failure && (code = reader.next_code(reader.context))) {
		struct plait_source_event event = {
			.kind = PLAIT_SOURCE_CODE,
			.time = plait_clock_ns(CLOCK_MONOTONIC),
			.pid = collection->pid,
			.tid = collection->pid,
			.code = code,
		};
		collection->failure = plait_pipeline_handle(collection->pipeline, &event);
	}
}

/* Adds the capture as a sample; says whether its stack is whole. */
static struct plait_error *add_sample(struct collection *collection, const struct plait_dump_thread *thread,
				      bool *ret_whole)
{
	struct plait_source_event event = {
		.kind = PLAIT_SOURCE_SAMPLE,
		.time = plait_clock_ns(CLOCK_MONOTONIC),
		.pid = thread->pid,
		.tid = thread->tid,
		.sample = {
			.time = plait_clock_ns(CLOCK_MONOTONIC),
			.pid = thread->pid,
			.tid = thread->tid,
			.period = 1,
			.registers = collection->capture.registers,
			.stack = collection->capture.stack,
			.python = collection->chain,
		},
	};
	uint64_t before = plait_pipeline_statistics(collection->pipeline).incomplete;
	PLAIT_TRY(plait_pipeline_handle(collection->pipeline, &event));
	*ret_whole = plait_pipeline_statistics(collection->pipeline).incomplete == before;
	return NULL;
}

/* 0: a thread without Python. */
static uint64_t thread_pointer(const struct collection *collection, const struct plait_dump_thread *thread)
{
	const uint64_t *tp =
		plait_map_get(&collection->pointers, plait_thread_own_tid(thread->pid, (pid_t)thread->tid));
	return tp ? *tp : 0;
}

/* One try, stopped or asleep. `*ret_whole` is false when no stack was taken, or one that lacks something. */
static struct plait_error *try_thread(struct collection *collection, struct plait_dump_thread *thread,
				      const struct plait_capture_options *options, bool stop, bool *ret_whole)
{
	enum plait_capture_result result;
	*ret_whole = false;
	if (stop)
		result = plait_capture_stopped(&collection->capture, options, (pid_t)thread->tid);
	else
		result = plait_capture_sleeping(&collection->capture, options, (pid_t)thread->tid,
						thread_pointer(collection, thread));
	if (collection->failure)
		return PLAIT_TAKE(collection->failure);
	if (result == PLAIT_CAPTURE_NO_MEMORY)
		return plait_error_no_memory();
	if (result != PLAIT_CAPTURE_DONE) {
		if (thread->how == PLAIT_DUMP_NOT)
			thread->reason = result == PLAIT_CAPTURE_GONE	   ? "it has ended"
					 : result == PLAIT_CAPTURE_REFUSED ? "it may not be stopped"
									   : "it runs, and must not be stopped";
		return NULL;
	}
	thread->how = stop ? PLAIT_DUMP_STOPPED : PLAIT_DUMP_SLEPT;
	thread->stopped_ns = collection->capture.stopped_ns;
	thread->attached = collection->attached;
	free_locals(thread->locals, thread->local_count);
	thread->locals = collection->locals.data;
	thread->local_count = collection->locals.count;
	collection->locals.data = NULL;
	plait_vec_free(&collection->locals);
	return add_sample(collection, thread, ret_whole);
}

static struct plait_error *take_thread(struct collection *collection, struct plait_dump_thread *thread,
				       uint64_t start_stack)
{
	struct plait_capture_options options = {
		.pid = thread->pid, .start_stack = start_stack, .visit = visit, .context = collection
	};
	bool whole = false;
	collection->pid = thread->pid;
	thread->state = plait_thread_state(thread->pid, (pid_t)thread->tid);
	for (int i = 0; i < TRIES && !whole && thread->state != 'R'; i++)
		PLAIT_TRY(try_thread(collection, thread, &options, false, &whole));
	if (whole)
		return NULL;
	if (!collection->options->no_stop)
		return try_thread(collection, thread, &options, true, &whole);
	if (thread->how == PLAIT_DUMP_NOT && !thread->reason)
		thread->reason = "it runs, and must not be stopped";
	return NULL;
}

/* ---- running threads, by perf events ---- */

/* What the sampled threads are: the pipeline has the stacks. */
static struct plait_error *note_sample(void *context, const struct plait_source_event *event)
{
	struct collection *collection = context;
	for (size_t i = 0; event->kind == PLAIT_SOURCE_SAMPLE && i < collection->list->threads.count; i++) {
		struct plait_dump_thread *thread = &collection->list->threads.data[i];
		if (thread->pid != event->pid || thread->tid != event->tid)
			continue;
		thread->how = PLAIT_DUMP_SAMPLED;
		thread->state = 'R';
	}
	return plait_pipeline_handle(collection->pipeline, event);
}

static struct plait_error *sample_running(struct collection *collection)
{
	struct plait_engine_run *bpf = &collection->bpf;
	PLAIT_TRY(bpf->engine->open(bpf));
	uint64_t now = plait_clock_ns(CLOCK_MONOTONIC), end = now + SAMPLE_NS;
	for (; now < end; now = plait_clock_ns(CLOCK_MONOTONIC))
		PLAIT_TRY(plait_source_poll(&bpf->source, (int)((end - now) / 1000000u) + 1, note_sample, collection));
	PLAIT_TRY(plait_source_stop(&bpf->source));
	return plait_source_poll(&bpf->source, -1, note_sample, collection);
}

/* ---- all ---- */

static struct plait_error *list_threads(struct collection *collection, bool *ret_running)
{
	for (size_t i = 0; i < collection->options->pid_count; i++) {
		int pid = collection->options->pids[i];
		struct plait_number_list tids = { 0 };
		struct plait_error *error = plait_threads_of(pid, &tids);
		for (size_t k = 0; !error && k < tids.numbers.count; k++) {
			struct plait_dump_thread thread = { .pid = (uint32_t)pid,
							    .tid = (uint32_t)tids.numbers.data[k] };
			thread.state = plait_thread_state(thread.pid, (pid_t)thread.tid);
			*ret_running |= thread.state == 'R';
			if (!plait_vec_push(&collection->list->threads, thread))
				error = plait_error_no_memory();
		}
		plait_vec_free(&tids.numbers);
		PLAIT_TRY(error);
	}
	return NULL;
}

/* The clock event that the recording names, and by which running threads are sampled. */
static struct plait_error *make_events(struct plait_session_options *session)
{
	struct plait_event_spec clock;
	PLAIT_TRY(plait_event_parse("cpu-clock", &clock));
	plait_event_set_rate(&clock, SAMPLE_HZ, 0);
	return plait_vec_push(&session->events.specs, clock) ? NULL : plait_error_no_memory();
}

static struct plait_error *open_recording(struct collection *collection, const char *output)
{
	collection->started_ns = plait_clock_ns(CLOCK_MONOTONIC);
	struct plait_record_header header = {
		.command = "plait dump",
		.host = "",
		.kernel = "",
		.architecture = "",
		.plait_version = PLAIT_VERSION,
		.engine = "dump",
		.started_unix_ns = plait_clock_ns(CLOCK_REALTIME),
		.started_ns = collection->started_ns,
		.cpu_count = 1,
	};
	struct plait_record event = { .kind = PLAIT_RECORD_EVENT,
				      .event = { .name = "stack", .period = 1, .note = "" } };
	PLAIT_TRY(plait_recording_writer_create(output, &header, &collection->writer));
	PLAIT_TRY(plait_recording_writer_add(collection->writer, &event, NULL));
	struct plait_pipeline_options pipeline = {
		.writer = collection->writer,
		.walker = { .add_runtime = add_runtime, .forget = forget, .unwatch = unwatch, .context = collection },
		.reads_mappings = true,
		.started_ns = collection->started_ns,
	};
	return plait_pipeline_create(&pipeline, &collection->pipeline);
}

/* What is asked for once a process. */
static struct plait_error *enter_process(struct collection *collection, uint32_t pid, uint64_t *ret_start_stack)
{
	struct plait_memory memory = plait_memory_of_process((pid_t)pid);
	*ret_start_stack = plait_process_start_stack(pid);
	plait_map_release(&collection->pointers);
	return plait_python_outside_threads(collection->outside, pid, &memory, &collection->pointers);
}

static struct plait_error *take_all(struct collection *collection)
{
	uint32_t pid = 0;
	uint64_t start_stack = 0;
	if (collection->bpf.engine)
		PLAIT_TRY(sample_running(collection));
	for (size_t i = 0; i < collection->list->threads.count; i++) {
		struct plait_dump_thread *thread = &collection->list->threads.data[i];
		if (thread->pid != pid)
			PLAIT_TRY(enter_process(collection, thread->pid, &start_stack));
		pid = thread->pid;
		if (thread->how == PLAIT_DUMP_NOT) {
			PLAIT_TRY(take_thread(collection, thread, start_stack));
			continue;
		}
		struct plait_memory memory = plait_memory_of_process((pid_t)pid);
		uint64_t tp = thread_pointer(collection, thread);
		thread->attached = tp && plait_python_outside_is_attached(collection->outside, pid, tp, &memory);
	}
	return NULL;
}

static struct plait_error *collect(struct collection *collection, struct plait_session_options *session,
				   const char *output)
{
	bool running = false;
	PLAIT_TRY(plait_python_outside_create(&collection->outside));
	PLAIT_TRY(list_threads(collection, &running));
	PLAIT_TRY(make_events(session));
	/* Locals are those of the stack's instant: a sample has none. */
	if (running && !collection->options->locals) {
		struct plait_error *refusal = plait_engine_choose("bpf", session, &collection->bpf);
		if (refusal)
			plait_engine_release(&collection->bpf);
		plait_error_free(refusal); /* then they are stopped, which is said */
	}
	PLAIT_TRY(open_recording(collection, output));
	if (collection->bpf.engine)
		PLAIT_TRY(collection->bpf.engine->watch(&collection->bpf));
	for (size_t i = 0; i < collection->options->pid_count; i++)
		PLAIT_TRY(plait_pipeline_scan(collection->pipeline, (uint32_t)collection->options->pids[i]));
	PLAIT_TRY(take_all(collection));
	for (const char *note; (note = plait_pipeline_next_note(collection->pipeline));)
		plait_say("%s", note);
	PLAIT_TRY(plait_pipeline_bundle_symbols(collection->pipeline));
	return plait_recording_writer_finish(PLAIT_TAKE(collection->writer),
					     plait_clock_ns(CLOCK_MONOTONIC) - collection->started_ns);
}

struct plait_error *plait_dump_collect(const struct plait_dump_options *options, const char *output,
				       struct plait_dump_list *ret)
{
	struct collection collection = { .options = options, .list = ret };
	struct plait_session_options session = { .pids = options->pids, .pid_count = options->pid_count };
	struct plait_error *error = collect(&collection, &session, output);
	plait_source_destroy(&collection.bpf.source);
	plait_pipeline_destroy(collection.pipeline);
	plait_recording_writer_abandon(collection.writer);
	plait_engine_release(&collection.bpf);
	plait_python_outside_destroy(collection.outside);
	free_locals(collection.locals.data, collection.locals.count);
	plait_capture_release(&collection.capture);
	plait_map_release(&collection.pointers);
	plait_event_list_release(&session.events);
	plait_error_free(collection.failure);
	return error;
}
