#include "perf/source/source_opening.h"
#include "common/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Between the moment that a record says and the moment that it can be read lie a few microseconds. What is younger than
 * this is left for the next time, so that an earlier record of another CPU can still come first. */
#define SLACK_NS 200000
#define MILLISECOND_NS 1000000
#define HUNG_UP_MS 5
#define BETWEEN_NS 250000 /* a quarter of the time between two samples, by default */
#define BETWEEN_LOOKS 3
#define SECOND_NS 1000000000

/* A ring that a run without its sample has filled would stay full for ever: give the run up. */
static void make_room(struct plait_stream *stream, uint64_t horizon)
{
	uint64_t most =
		stream->ring.size > 2 * PLAIT_RECORD_MAX ? stream->ring.size - PLAIT_RECORD_MAX : stream->ring.size / 2;
	uint64_t position = stream->scanned > most ? stream->scanned - most : 0;
	plait_assembler_expire(&stream->assembler, position, horizon > SECOND_NS ? horizon - SECOND_NS : 0);
}

static struct plait_error *scan(struct plait_bpf_source *source, struct plait_stream *stream, uint64_t horizon)
{
	uint64_t head = plait_ring_head(&stream->ring);
	while (stream->scanned < head) {
		const struct perf_event_header *header = plait_ring_record(&stream->ring, stream->scanned, head);
		if (!header) {
			stream->assembler.statistics->bad_records++;
			stream->scanned = head;
			break;
		}
		struct plait_record record;
		plait_record_decode(&source->formats, header, &record);
		uint64_t position = stream->scanned;
		stream->scanned += header->size;
		if (!plait_assembler_feed(&stream->assembler, &record, position, &source->sorter))
			return plait_error_no_memory();
	}
	make_room(stream, horizon);
	return NULL;
}

/* Gives back to the kernel what nothing needs any more. */
static void release_read(struct plait_bpf_source *source, uint32_t index)
{
	struct plait_stream *stream = &source->streams[index];
	uint64_t low = plait_assembler_low(&stream->assembler, stream->scanned);
	low = plait_sorter_low(&source->sorter, index, low);
	if (low != plait_ring_tail(&stream->ring))
		plait_ring_release_until(&stream->ring, low);
}

/* With events of whole CPUs, the side-band tells of every process. */
static bool is_tracked(struct plait_bpf_source *source, const struct plait_source_event *event)
{
	if (!source->keep_tracked)
		return true;
	switch (event->kind) {
	case PLAIT_SOURCE_FORK:
		if (!plait_map_get(&source->tracked, event->fork.parent_pid))
			return false;
		return plait_map_put(&source->tracked, event->pid, 1);
	case PLAIT_SOURCE_EXIT:
		if (event->pid == event->tid)
			return plait_map_remove(&source->tracked, event->pid);
		return plait_map_get(&source->tracked, event->pid) != NULL;
	case PLAIT_SOURCE_MAP:
	case PLAIT_SOURCE_EXEC:
	case PLAIT_SOURCE_NAME:
		return plait_map_get(&source->tracked, event->pid) != NULL;
	default:
		return true;
	}
}

static void count_delivered(struct plait_bpf_source *source, uint32_t event)
{
	enum plait_event_kind kind = source->opening.options.events[event].kind;
	bool probed = kind == PLAIT_EVENT_TRACEPOINT || kind == PLAIT_EVENT_PROBE;
	++*(probed ? &source->delivered.probed : &source->delivered.sampled);
}

/* Whether the event needs a counter of the processor, of which there are few. */
static bool shares_counters(const struct plait_bpf_source *source, uint32_t event)
{
	enum plait_event_kind kind = source->opening.options.events[event].kind;
	return kind == PLAIT_EVENT_HARDWARE || kind == PLAIT_EVENT_PMU;
}

/* How long the threads have run: as long as their side-band events, which need no counter. (What an event of a thread
 * and a CPU says of itself includes, more or less, the time that the thread runs on other CPUs.) */
static uint64_t time_run(const struct plait_bpf_source *source)
{
	uint64_t time = 0;
	for (size_t i = 0; i < source->opened.count; i++) {
		struct plait_source_count count;
		if (source->opened.data[i].event == PLAIT_NO_EVENT &&
		    plait_bpf_source_read(&source->opened.data[i], &count))
			time += count.running;
	}
	return time;
}

/* The child's events start with its exec, its side-band has been on before. */
static void note_exec(struct plait_bpf_source *source, const struct plait_source_event *event)
{
	if (source->opening.on_exec && !source->run_before_exec && (pid_t)event->pid == source->opening.options.launch)
		source->run_before_exec = time_run(source);
}

static struct plait_error *deliver(struct plait_bpf_source *source, const struct plait_unit *unit,
				   plait_source_handler handler, void *context)
{
	struct plait_source_event event = { 0 };
	const struct plait_ring *ring = &source->streams[unit->ring].ring;
	switch (plait_delivery_build(&source->delivery, &source->formats, ring, unit, &event)) {
	case PLAIT_DELIVER_NOTHING:
		source->statistics[unit->ring % 2].bad_records++;
		return NULL;
	case PLAIT_DELIVER_NO_MEMORY:
		return plait_error_no_memory();
	case PLAIT_DELIVER_EVENT:
		break;
	}
	if (event.kind == PLAIT_SOURCE_SAMPLE)
		count_delivered(source, event.sample.event);
	if (!is_tracked(source, &event))
		return NULL;
	if (event.kind == PLAIT_SOURCE_EXEC)
		note_exec(source, &event);
	if (event.kind == PLAIT_SOURCE_FORK)
		PLAIT_TRY(plait_bpf_source_join(source, (pid_t)event.tid));
	if (event.kind == PLAIT_SOURCE_EXIT) {
		plait_bpf_source_part(source, (pid_t)event.tid);
		plait_reads_forget(&source->reads, event.tid);
	}
	uint64_t taken = event.time;
	/* A record that became readable later than SLACK_NS (a stalled virtual CPU) comes out of order: time stands
	 * still for it, for those who rely on it never to go back. */
	if (event.time < source->latest)
		event.time = source->latest;
	source->latest = event.time;
	if (event.kind == PLAIT_SOURCE_SAMPLE)
		event.sample.time = event.time;
	if (event.kind == PLAIT_SOURCE_SAMPLE && source->opening.options.reader.read)
		PLAIT_TRY(plait_read_after(&source->reads, &source->opening.options.reader, taken, &event.sample,
					   handler, context));
	return handler(context, &event);
}

/* Delivers what is older than `horizon`. Rings are given back as this goes on, an eighth at a time. */
static struct plait_error *read_until(struct plait_bpf_source *source, uint64_t horizon, plait_source_handler handler,
				      void *context)
{
	for (size_t i = 0; i < source->stream_count; i++)
		PLAIT_TRY(scan(source, &source->streams[i], horizon));
	struct plait_error *error = NULL;
	struct plait_unit unit;
	while (!error && plait_sorter_pop(&source->sorter, horizon, &unit)) {
		error = deliver(source, &unit, handler, context);
		const struct plait_ring *ring = &source->streams[unit.ring].ring;
		if (unit.last - plait_ring_tail(ring) > ring->size / 8)
			release_read(source, unit.ring);
	}
	for (uint32_t i = 0; i < source->stream_count; i++)
		release_read(source, i);
	return error;
}

static uint64_t missing(uint64_t runs, uint64_t delivered)
{
	return runs > delivered ? runs - delivered : 0;
}

/* After the events were stopped: samples that the program was run for and that never came. */
static struct plait_error *report_lost(struct plait_bpf_source *source, plait_source_handler handler, void *context)
{
	uint64_t lost = source->statistics[0].lost_records;
	if (source->program.count) {
		struct plait_source_runs runs;
		PLAIT_TRY(source->program.count(source->program.context, &runs));
		runs.probed = source->runs_after.probed;
		lost = missing(runs.sampled - source->runs_before.sampled, source->delivered.sampled) +
		       missing(runs.probed - source->runs_before.probed, source->delivered.probed);
	}
	if (lost <= source->reported)
		return NULL;
	struct plait_source_event event = { .kind = PLAIT_SOURCE_LOST,
					    .time = source->latest,
					    .count = lost - source->reported };
	source->reported = lost;
	return handler(context, &event);
}

static struct plait_error *drain(struct plait_bpf_source *source, plait_source_handler handler, void *context)
{
	PLAIT_TRY(read_until(source, UINT64_MAX, handler, context));
	for (size_t i = 0; i < source->stream_count; i++)
		plait_assembler_expire(&source->streams[i].assembler, UINT64_MAX, UINT64_MAX);
	return report_lost(source, handler, context);
}

/* When side-band is younger than the slack: how long until it may be delivered, in ns; 0: none waits. */
static uint64_t side_band_delay(const struct plait_bpf_source *source, uint64_t time)
{
	for (size_t i = 0; i < source->sorter.heap.count; i++) {
		const struct plait_unit *unit = &source->sorter.heap.data[i];
		if (unit->ring % 2 == 1)
			return unit->time + SLACK_NS > time ? unit->time + SLACK_NS - time + 1 : 1;
	}
	return 0;
}

/* Whoever maps code or starts a program is about to be sampled: do not leave it for the next call. */
static struct plait_error *read_side_band(struct plait_bpf_source *source, plait_source_handler handler, void *context)
{
	for (int again = 0; again < 4; again++) {
		uint64_t delay = side_band_delay(source, plait_clock_ns(CLOCK_MONOTONIC));
		if (delay == 0)
			return NULL;
		if (delay > SLACK_NS)
			delay = SLACK_NS;
		struct timespec time = { .tv_nsec = (long)delay };
		nanosleep(&time, NULL);
		PLAIT_TRY(read_until(source, plait_clock_ns(CLOCK_MONOTONIC) - SLACK_NS, handler, context));
	}
	return NULL;
}

/* Until the next samples come, but not for long. */
static void look_between(struct plait_bpf_source *source)
{
	const struct timespec between = { .tv_nsec = BETWEEN_NS };
	for (int i = 0; i < BETWEEN_LOOKS && ppoll(source->polls, source->stream_count, &between, NULL) == 0; i++)
		plait_reads_again(&source->reads, &source->opening.options.reader);
	source->reads.again_count = 0;
}

/* The rings of a thread that has ended (without the right to rings of CPUs) report that at once, for ever, and wake
 * nobody: then they are looked at now and then. */
static struct plait_error *wait_for_samples(struct plait_bpf_source *source, int timeout_ms)
{
	if (source->reads.again_count)
		look_between(source);
	if (source->hung_up && timeout_ms > HUNG_UP_MS)
		timeout_ms = HUNG_UP_MS;
	if (poll(source->polls, source->stream_count, timeout_ms) < 0 && errno != EINTR)
		return plait_error_system(errno, "waiting for samples");
	for (size_t i = 0; i < source->stream_count; i++) {
		if (source->polls[i].fd < 0 || !(source->polls[i].revents & POLLHUP))
			continue;
		source->polls[i].fd = ~source->polls[i].fd;
		source->hung_up = true;
	}
	return NULL;
}

/* Python frames that are read after the sample must be read soon: the order is then less strict. */
static uint64_t slack(const struct plait_bpf_source *source)
{
	return source->opening.options.reader.read ? 0 : SLACK_NS;
}

static struct plait_error *bpf_poll(void *self, int timeout_ms, plait_source_handler handler, void *context)
{
	struct plait_bpf_source *source = self;
	if (timeout_ms < 0)
		return drain(source, handler, context);
	if (timeout_ms > 0)
		PLAIT_TRY(wait_for_samples(source, timeout_ms));
	PLAIT_TRY(read_until(source, plait_clock_ns(CLOCK_MONOTONIC) - slack(source), handler, context));
	return timeout_ms > 0 ? read_side_band(source, handler, context) : NULL;
}

static struct plait_error *bpf_stop(void *self)
{
	struct plait_bpf_source *source = self;
	/* Programs of tracepoints and probes go on running when the events are off: what counts is until now. */
	if (source->program.count)
		PLAIT_TRY(source->program.count(source->program.context, &source->runs_after));
	for (size_t i = 0; i < source->opened.count; i++)
		if (ioctl(source->opened.data[i].fd, PERF_EVENT_IOC_DISABLE, 0) < 0)
			return plait_error_system(errno, "stopping an event");
	return NULL;
}

/* read(2) of an event that leads a group gives the group, else one value (perf_event_open(2), read_format). */
bool plait_bpf_source_read(const struct plait_opened *opened, struct plait_source_count *ret)
{
	uint64_t words[3 + 2 * 64]; /* nr, enabled, running, (value, id)...; or value, enabled, running */
	ssize_t size = read(opened->fd, words, sizeof(words));
	if (size < (ssize_t)(3 * sizeof(words[0])))
		return false;
	bool group = size > (ssize_t)(3 * sizeof(words[0]));
	*ret = (struct plait_source_count) { .value = words[group ? 3 : 0], .enabled = words[1], .running = words[2] };
	return true;
}

static void add_count(struct plait_source_count *sum, const struct plait_source_count *count)
{
	sum->value += count->value;
	sum->enabled += count->enabled;
	sum->running += count->running;
}

void plait_bpf_source_part(struct plait_bpf_source *source, pid_t tid)
{
	if (!source->opening.uninherited || !plait_map_remove(&source->joined, (uint64_t)tid))
		return;
	size_t kept = 0;
	for (size_t i = 0; i < source->opened.count; i++) {
		const struct plait_opened *opened = &source->opened.data[i];
		struct plait_source_count count;
		/* What a thread inherits from is read to the end: it holds what those that are gone have counted. */
		bool own = opened->tid == tid && opened->event != PLAIT_NO_EVENT &&
			   !plait_opening_event_is_inherited(&source->opening, opened->event);
		if (!own) {
			source->opened.data[kept++] = *opened;
			continue;
		}
		if (plait_bpf_source_read(opened, &count))
			add_count(&source->ended[opened->event], &count);
		close(opened->fd);
	}
	source->opened.count = kept;
}

static struct plait_error *bpf_count(void *self, uint32_t event, struct plait_source_count *ret)
{
	struct plait_bpf_source *source = self;
	*ret = source->ended[event];
	for (size_t i = 0; i < source->opened.count; i++) {
		struct plait_source_count count;
		if (source->opened.data[i].event == event && plait_bpf_source_read(&source->opened.data[i], &count))
			add_count(ret, &count);
	}
	uint64_t run = shares_counters(source, event) ? time_run(source) - source->run_before_exec : 0;
	ret->enabled = run > ret->running ? run : ret->running;
	return NULL;
}

void plait_bpf_source_release(struct plait_bpf_source *source)
{
	for (size_t i = 0; i < source->opened.count; i++)
		close(source->opened.data[i].fd);
	for (size_t i = 0; i < source->stream_count; i++) {
		plait_ring_release(&source->streams[i].ring);
		if (source->polls[i].fd != -1)
			close(plait_bpf_source_ring_fd(source, i));
	}
	for (size_t i = 0; i < source->anchors.count; i++)
		close(source->anchors.data[i]);
	plait_vec_free(&source->anchors);
	plait_vec_free(&source->opened);
	plait_map_release(&source->joined);
	free(source->ended);
	plait_vec_free(&source->cpus.numbers);
	plait_sorter_release(&source->sorter);
	plait_delivery_release(&source->delivery);
	plait_reads_release(&source->reads);
	plait_map_release(&source->formats.of_id);
	plait_map_release(&source->tracked);
	free(source->streams);
	free(source->polls);
	free(source->formats_of_events);
}

static void bpf_destroy(void *self)
{
	plait_bpf_source_release(self);
	free(self);
}

static const struct plait_source_ops bpf_ops = {
	.name = "bpf", .count = bpf_count, .poll = bpf_poll, .stop = bpf_stop, .destroy = bpf_destroy
};

void plait_source_bpf_statistics(const struct plait_source *source, struct plait_source_statistics *ret)
{
	const struct plait_bpf_source *self = source->self;
	*ret = (struct plait_source_statistics) {
		.lost_side_band = self->statistics[1].lost_records,
		.unpaired_samples = self->statistics[0].unpaired_samples,
		.unpaired_runs = self->statistics[0].unpaired_runs,
		.joined_late = self->joined_late,
		.bad_records = self->statistics[0].bad_records + self->statistics[1].bad_records,
	};
}

struct plait_error *plait_source_bpf_open(const struct plait_source_options *options, struct plait_source *ret)
{
	struct plait_bpf_source *source = calloc(1, sizeof(*source));
	if (!source)
		return plait_error_no_memory();
	struct plait_error *error = plait_bpf_source_open_events(source, options);
	if (error) {
		bpf_destroy(source);
		return error;
	}
	*ret = (struct plait_source) { .ops = &bpf_ops, .self = source };
	return NULL;
}
