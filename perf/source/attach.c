/*
 * Attaching to processes whose threads start others meanwhile. A thread inherits the events that the one that starts it
 * has by then. Side-band is opened first, so whoever has a sampled event also writes a record of each thread it starts;
 * from the record's time follows which events were inherited, and only the others are opened. Sampled twice, a thread
 * would count double.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "perf/source/source_opening.h"

/* The record of a thread's start comes shortly after the thread can be seen in /proc. */
#define START_SEEN_NS 2000000

/* For each thread that has been dealt with: when it got the event of each place. */
struct attached {
	struct plait_map times; /* tid -> uint64_t[places], ns CLOCK_MONOTONIC; 0: from its start */
};

static void release_attached(struct attached *attached)
{
	for (size_t i = 0; i < attached->times.capacity; i++)
		if (attached->times.slots[i].used)
			free((void *)(uintptr_t)attached->times.slots[i].value);
	plait_map_release(&attached->times);
}

/* The start of a thread as a record in a side-band ring has it. */
struct start {
	uint64_t time;
	uint32_t parent_tid;
};

static bool find_start_in(const struct plait_bpf_source *source, const struct plait_ring *ring, pid_t tid,
			  struct start *ret)
{
	uint64_t head = plait_ring_head(ring);
	for (uint64_t position = plait_ring_tail(ring); position < head;) {
		const struct perf_event_header *header = plait_ring_record(ring, position, head);
		if (!header)
			return false;
		position += header->size;
		struct plait_record record;
		plait_record_decode(&source->formats, header, &record);
		if (record.kind == PLAIT_RECORD_FORK && record.tid == (uint32_t)tid) {
			*ret = (struct start) { .time = record.time, .parent_tid = record.fork.parent_tid };
			return true;
		}
	}
	return false;
}

static bool find_start(const struct plait_bpf_source *source, pid_t tid, struct start *ret)
{
	for (size_t i = 1; i < source->stream_count; i += 2)
		if (find_start_in(source, &source->streams[i].ring, tid, ret))
			return true;
	return false;
}

/* Fills `times`: 0 for each event that the thread has inherited, UINT64_MAX for the others. A parent that is not known
 * has itself inherited all. */
static void find_inherited(const struct plait_opening *opening, const struct attached *attached, pid_t tid,
			   uint64_t *times)
{
	struct start start;
	bool started = find_start(opening->source, tid, &start);
	const uint64_t *parent = started ? plait_map_get(&attached->times, start.parent_tid) : NULL;
	const uint64_t *parent_times = parent ? (const uint64_t *)(uintptr_t)*parent : NULL;
	for (size_t place = 0; place < plait_opening_places(opening); place++)
		times[place] = started && (!parent_times || parent_times[place] <= start.time) &&
					       plait_opening_is_inherited(opening, place)
				       ? 0
				       : UINT64_MAX;
}

/* Opens what the thread has not. `*ret_opened` says whether that was anything. */
static struct plait_error *open_places(const struct plait_opening *opening, pid_t tid, uint64_t *times,
				       bool *ret_opened)
{
	for (size_t place = 0; place < plait_opening_places(opening); place++) {
		if (times[place] == 0)
			continue;
		PLAIT_TRY(plait_opening_place(opening, tid, place, &times[place]));
		*ret_opened = true;
	}
	return NULL;
}

static struct plait_error *attach_thread(const struct plait_opening *opening, struct attached *attached, pid_t pid,
					 pid_t tid, bool *ret_opened)
{
	*ret_opened = false;
	if (plait_map_get(&attached->times, (uint64_t)tid))
		return NULL;
	uint64_t *times = calloc(plait_opening_places(opening), sizeof(*times));
	if (!times || !plait_map_put(&attached->times, (uint64_t)tid, (uint64_t)(uintptr_t)times)) {
		free(times);
		return plait_error_no_memory();
	}
	find_inherited(opening, attached, tid, times);
	struct plait_error *error = open_places(opening, tid, times, ret_opened);
	if (error && error->system_errno == ESRCH && tid != pid) { /* it has ended meanwhile */
		plait_error_free(error);
		error = NULL;
	}
	return error;
}

/* Deals with the threads that `pid` has now; says whether any had to be opened. */
static struct plait_error *attach_threads(const struct plait_opening *opening, struct attached *attached, pid_t pid,
					  bool *ret_opened)
{
	struct plait_number_list threads = { 0 };
	struct plait_error *error = plait_threads_of(pid, &threads);
	*ret_opened = false;
	if (attached->times.count)
		nanosleep(&(struct timespec) { .tv_nsec = START_SEEN_NS }, NULL);
	for (size_t i = 0; !error && i < threads.numbers.count; i++) {
		bool opened;
		error = attach_thread(opening, attached, pid, threads.numbers.data[i], &opened);
		*ret_opened |= opened;
	}
	plait_vec_free(&threads.numbers);
	return error;
}

struct plait_error *plait_opening_attach(const struct plait_opening *opening)
{
	struct attached attached = { 0 };
	struct plait_error *error = NULL;
	for (size_t i = 0; !error && i < opening->options.pid_count; i++) {
		bool opened = true;
		while (!error && opened)
			error = attach_threads(opening, &attached, opening->options.pids[i], &opened);
	}
	release_attached(&attached);
	return error;
}
