#include "perf/ptrace/source_ptrace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/map.h"
#include "common/vec.h"
#include "perf/process/proc.h"
#include "perf/process/process_map.h"
#include "perf/ptrace/capture.h"
#include "perf/source/cpus.h"

enum {
	REFRESH_NS = 100000000, /* between two looks for new threads and processes */
	REST_MAX = 8,		/* ticks that a thread which sleeps is left alone at most */
	NAME_SIZE = 64,
};

struct followed_thread {
	uint32_t pid, tid;
	uint64_t cpu_ns;       /* at its sample before */
	uint64_t not_before;   /* ns CLOCK_MONOTONIC: it has been stopped enough until then */
	uint32_t rest, rested; /* ticks to leave it alone, and how many of them have passed */
	bool present;	       /* seen in the latest look */
	char name[NAME_SIZE];
};

struct followed_process {
	uint32_t pid;
	uint64_t start_stack;
	bool present;
};

struct ptrace_source {
	struct plait_ptrace_options options;
	PLAIT_VEC(struct followed_process) processes;
	PLAIT_VEC(struct followed_thread) threads;
	struct plait_capture capture;
	struct plait_python_chain chain; /* of the capture at hand */
	uint32_t chain_pid;		 /* and its process, as it was before */
	uint64_t chain_start_stack;
	bool is_same; /* the process has not called exec meanwhile */
	uint64_t next_refresh, next_tick;
	uint64_t random;
	bool stopped;
	struct plait_ptrace_statistics statistics;
	struct plait_error *failure; /* in a callback that cannot return it */
	plait_source_handler handler;
	void *context;
};

static struct plait_error *deliver(struct ptrace_source *source, const struct plait_source_event *event)
{
	return source->handler(source->context, event);
}

/* ---- who there is ---- */

static struct plait_error *deliver_image(struct ptrace_source *source, struct followed_process *process)
{
	char path[64], name[NAME_SIZE];
	process->start_stack = plait_process_start_stack(process->pid);
	snprintf(path, sizeof(path), "/proc/%u/comm", process->pid);
	plait_proc_read_name(path, name, sizeof(name));
	struct plait_source_event event = { .kind = PLAIT_SOURCE_EXEC,
					    .time = plait_clock_ns(CLOCK_MONOTONIC),
					    .pid = process->pid,
					    .tid = process->pid,
					    .name = name };
	PLAIT_TRY(deliver(source, &event));
	return plait_proc_deliver_maps(process->pid, source->handler, source->context);
}

static struct followed_process *find_process(struct ptrace_source *source, uint32_t pid)
{
	for (size_t i = 0; i < source->processes.count; i++) {
		if (source->processes.data[i].pid == pid)
			return &source->processes.data[i];
	}
	return NULL;
}

/* Follows `pid` from now on, or notices that it runs another program. */
static struct plait_error *follow_process(struct ptrace_source *source, uint32_t pid)
{
	struct followed_process *process = find_process(source, pid);
	if (process) {
		process->present = true;
		if (plait_process_start_stack(pid) != process->start_stack)
			return deliver_image(source, process);
		return NULL;
	}
	struct followed_process fresh = { .pid = pid, .present = true };
	if (!plait_vec_push(&source->processes, fresh))
		return plait_error_no_memory();
	return deliver_image(source, &source->processes.data[source->processes.count - 1]);
}

static struct followed_thread *find_thread(struct ptrace_source *source, uint32_t tid)
{
	for (size_t i = 0; i < source->threads.count; i++) {
		if (source->threads.data[i].tid == tid)
			return &source->threads.data[i];
	}
	return NULL;
}

static struct plait_error *name_thread(struct ptrace_source *source, struct followed_thread *thread)
{
	char path[96], name[NAME_SIZE];
	snprintf(path, sizeof(path), "/proc/%u/task/%u/comm", thread->pid, thread->tid);
	plait_proc_read_name(path, name, sizeof(name));
	if (!*name || !strcmp(name, thread->name))
		return NULL;
	strcpy(thread->name, name);
	struct plait_source_event event = { .kind = PLAIT_SOURCE_NAME,
					    .time = plait_clock_ns(CLOCK_MONOTONIC),
					    .pid = thread->pid,
					    .tid = thread->tid,
					    .name = name };
	return deliver(source, &event);
}

static struct plait_error *follow_thread(struct ptrace_source *source, uint32_t pid, uint32_t tid)
{
	struct followed_thread *thread = find_thread(source, tid);
	if (!thread) {
		struct followed_thread fresh = { .pid = pid, .tid = tid };
		plait_thread_cpu_ns(pid, (pid_t)tid, &fresh.cpu_ns);
		if (!plait_vec_push(&source->threads, fresh))
			return plait_error_no_memory();
		thread = &source->threads.data[source->threads.count - 1];
		struct plait_source_event event = {
			.kind = PLAIT_SOURCE_FORK, .time = plait_clock_ns(CLOCK_MONOTONIC), .pid = pid, .tid = tid
		};
		event.fork.parent_pid = event.fork.parent_tid = pid;
		if (tid != pid)
			PLAIT_TRY(deliver(source, &event));
	}
	thread->present = true;
	return name_thread(source, thread);
}

static struct plait_error *follow_threads(struct ptrace_source *source)
{
	for (size_t i = 0; i < source->processes.count; i++) {
		uint32_t pid = source->processes.data[i].pid;
		struct plait_number_list tids = { 0 };
		struct plait_error *error = NULL;
		if (source->processes.data[i].present)
			error = plait_threads_of((pid_t)pid, &tids);
		if (error && error->code == PLAIT_ERROR_NOT_FOUND) {
			plait_error_free(error);
			error = NULL;
		}
		for (size_t k = 0; !error && k < tids.numbers.count; k++)
			error = follow_thread(source, pid, (uint32_t)tids.numbers.data[k]);
		plait_vec_free(&tids.numbers);
		PLAIT_TRY(error);
	}
	return NULL;
}

/* The processes that were named, and their descendants. */
static struct plait_error *follow_processes(struct ptrace_source *source)
{
	struct plait_map parents PLAIT_CLEANUP(plait_map_release) = { 0 };
	PLAIT_TRY(plait_proc_parents(&parents));
	for (size_t i = 0; i < source->options.pid_count; i++) {
		if (plait_map_get(&parents, (uint64_t)source->options.pids[i]))
			PLAIT_TRY(follow_process(source, (uint32_t)source->options.pids[i]));
	}
	for (bool grown = true; grown;) {
		grown = false;
		for (size_t i = 0; i < parents.capacity; i++) {
			uint32_t pid = (uint32_t)parents.slots[i].key;
			const struct followed_process *parent, *known;
			if (!parents.slots[i].used ||
			    (parent = find_process(source, (uint32_t)parents.slots[i].value)) == NULL ||
			    !parent->present || pid == (uint32_t)getpid())
				continue;
			if ((known = find_process(source, pid)) && known->present)
				continue;
			PLAIT_TRY(follow_process(source, pid));
			grown = true;
		}
	}
	return NULL;
}

/* What was not seen any more has ended. A child lives on when its parent has ended. */
static struct plait_error *drop_ended(struct ptrace_source *source)
{
	for (size_t i = source->threads.count; i-- > 0;) {
		struct followed_thread thread = source->threads.data[i];
		if (thread.present)
			continue;
		source->threads.data[i] = source->threads.data[--source->threads.count];
		struct plait_source_event event = { .kind = PLAIT_SOURCE_EXIT,
						    .time = plait_clock_ns(CLOCK_MONOTONIC),
						    .pid = thread.pid,
						    .tid = thread.tid };
		PLAIT_TRY(deliver(source, &event));
	}
	for (size_t i = source->processes.count; i-- > 0;) {
		if (!source->processes.data[i].present)
			source->processes.data[i] = source->processes.data[--source->processes.count];
	}
	return NULL;
}

static struct plait_error *refresh(struct ptrace_source *source)
{
	for (size_t i = 0; i < source->threads.count; i++)
		source->threads.data[i].present = false;
	for (size_t i = 0; i < source->processes.count; i++) {
		struct plait_proc_stat stat;
		struct followed_process *process = &source->processes.data[i];
		process->present = plait_proc_read_stat(process->pid, &stat) && stat.memory_size;
		if (process->present)
			PLAIT_TRY(follow_process(source, process->pid));
	}
	PLAIT_TRY(follow_processes(source));
	PLAIT_TRY(follow_threads(source));
	return drop_ended(source);
}

/* ---- one sample ---- */

/* The thread stands still: its Python frames, and the code objects that were not seen before. */
static void visit(void *context, struct plait_capture *capture, const struct plait_memory *memory)
{
	struct ptrace_source *source = context;
	const struct plait_python_reader *reader = &source->options.reader;
	const struct plait_wire_code *code;
	reader->read(reader->context, source->chain_pid, capture->tp, memory, &source->chain);
	while (!source->failure && (code = reader->next_code(reader->context))) {
		struct plait_source_event event = {
			.kind = PLAIT_SOURCE_CODE,
			.time = plait_clock_ns(CLOCK_MONOTONIC),
			.pid = source->chain_pid,
			.tid = source->chain_pid,
			.code = code,
		};
		source->failure = deliver(source, &event);
	}
	source->is_same = plait_process_start_stack(source->chain_pid) == source->chain_start_stack;
}

static struct plait_error *deliver_sample(struct ptrace_source *source, struct followed_thread *thread)
{
	const struct plait_capture *capture = &source->capture;
	uint64_t weight = capture->cpu_ns ? capture->cpu_ns - thread->cpu_ns : source->options.interval_ns;
	thread->cpu_ns = capture->cpu_ns;
	source->statistics.cpu_ns += weight;
	struct plait_source_event event = {
		.kind = PLAIT_SOURCE_SAMPLE,
		.time = plait_clock_ns(CLOCK_MONOTONIC),
		.pid = thread->pid,
		.tid = thread->tid,
		.sample = {
			.pid = thread->pid,
			.tid = thread->tid,
			.period = weight,
			.registers = capture->registers,
			.stack = capture->stack,
			.python = source->chain,
		},
	};
	event.sample.time = event.time;
	return deliver(source, &event);
}

static struct plait_error *sample_thread(struct ptrace_source *source, struct followed_thread *thread)
{
	const struct followed_process *process = find_process(source, thread->pid);
	if (!process)
		return NULL;
	struct plait_capture_options options = {
		.pid = thread->pid,
		.start_stack = process->start_stack,
		.stack_size = source->options.stack_size,
		.visit = visit,
		.context = source,
	};
	source->chain_pid = thread->pid;
	source->chain_start_stack = process->start_stack;
	enum plait_capture_result result = plait_capture_stopped(&source->capture, &options, (pid_t)thread->tid);
	if (source->failure)
		return PLAIT_TAKE(source->failure);
	if (result == PLAIT_CAPTURE_NO_MEMORY)
		return plait_error_no_memory();
	if (result != PLAIT_CAPTURE_DONE)
		return NULL;
	source->statistics.stops++;
	source->statistics.stopped_ns += source->capture.stopped_ns;
	if (source->capture.stopped_ns > source->statistics.longest_ns)
		source->statistics.longest_ns = source->capture.stopped_ns;
	thread->not_before = plait_clock_ns(CLOCK_MONOTONIC) +
			     (uint64_t)((double)source->capture.stopped_ns / source->options.slowdown);
	if (!source->is_same)
		source->next_refresh = 0;
	return source->is_same ? deliver_sample(source, thread) : NULL;
}

/* ---- the clock ---- */

/* Looks at a thread, and samples it if it runs. One that sleeps is looked at less and less often. */
static struct plait_error *look_at(struct ptrace_source *source, struct followed_thread *thread, uint64_t now)
{
	if (thread->rested < thread->rest) {
		thread->rested++;
		return NULL;
	}
	thread->rested = 0;
	if (plait_thread_state(thread->pid, (pid_t)thread->tid) != 'R') {
		thread->rest = thread->rest >= REST_MAX / 2 ? REST_MAX : 2 * thread->rest + 1;
		return NULL;
	}
	thread->rest = 0;
	if (now < thread->not_before) {
		source->statistics.deferred++;
		return NULL;
	}
	return sample_thread(source, thread);
}

/* The next interval, random from a half to one and a half: a fixed one locks onto programs that are periodic. */
static uint64_t next_interval(struct ptrace_source *source)
{
	uint64_t x = source->random; /* xorshift64 (Marsaglia, "Xorshift RNGs", 2003) */
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	source->random = x;
	uint64_t interval = source->options.interval_ns;
	return interval / 2 + x % (interval + 1);
}

static struct plait_error *tick(struct ptrace_source *source, uint64_t now)
{
	for (size_t i = 0; i < source->threads.count; i++)
		PLAIT_TRY(look_at(source, &source->threads.data[i], now));
	source->next_tick = now + next_interval(source);
	return NULL;
}

static void sleep_until(uint64_t when)
{
	struct timespec time = { .tv_sec = (time_t)(when / 1000000000u), .tv_nsec = (long)(when % 1000000000u) };
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

static struct plait_error *ptrace_poll(void *self, int timeout_ms, plait_source_handler handler, void *context)
{
	struct ptrace_source *source = self;
	source->handler = handler;
	source->context = context;
	if (source->stopped || timeout_ms < 0)
		return NULL; /* nothing is ever left behind */
	uint64_t now = plait_clock_ns(CLOCK_MONOTONIC), end = now + (uint64_t)timeout_ms * 1000000u;
	for (;;) {
		if (now >= source->next_refresh) {
			PLAIT_TRY(refresh(source));
			source->next_refresh = plait_clock_ns(CLOCK_MONOTONIC) + REFRESH_NS;
		}
		if (now >= source->next_tick)
			PLAIT_TRY(tick(source, now));
		now = plait_clock_ns(CLOCK_MONOTONIC);
		if (now >= end)
			return NULL;
		uint64_t next = source->next_tick < end ? source->next_tick : end;
		if (next > now)
			sleep_until(next);
		now = plait_clock_ns(CLOCK_MONOTONIC);
	}
}

static struct plait_error *ptrace_stop(void *self)
{
	struct ptrace_source *source = self;
	source->stopped = true;
	return NULL;
}

static struct plait_error *ptrace_count(void *self, uint32_t event, struct plait_source_count *ret)
{
	struct ptrace_source *source = self;
	(void)event;
	uint64_t time = source->statistics.cpu_ns;
	*ret = (struct plait_source_count) { .value = time, .enabled = time, .running = time };
	return NULL;
}

static void ptrace_destroy(void *self)
{
	struct ptrace_source *source = self;
	plait_capture_release(&source->capture);
	plait_vec_free(&source->processes);
	plait_vec_free(&source->threads);
	plait_error_free(source->failure);
	free(source);
}

static const struct plait_source_ops ops = {
	.name = "ptrace",
	.count = ptrace_count,
	.poll = ptrace_poll,
	.stop = ptrace_stop,
	.destroy = ptrace_destroy,
};

struct plait_error *plait_source_ptrace_open(const struct plait_ptrace_options *options, struct plait_source *ret)
{
	struct ptrace_source *source = calloc(1, sizeof(*source));
	if (!source)
		return plait_error_no_memory();
	source->options = *options;
	source->random = plait_clock_ns(CLOCK_MONOTONIC) | 1;
	*ret = (struct plait_source) { .ops = &ops, .self = source };
	return NULL;
}

struct plait_ptrace_statistics plait_source_ptrace_statistics(const struct plait_source *source)
{
	const struct ptrace_source *self = source->self;
	return self->statistics;
}
