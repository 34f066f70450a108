#include "perf/source/source_bpf.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "perf/source/arch.h"

#define SAMPLE_RING_BYTES ((size_t)8 << 20)
#define SAMPLE_RINGS_BYTES ((size_t)512 << 20) /* of all CPUs together */
#define SAMPLE_RING_LEAST ((size_t)128 << 10)
#define SIDE_RING_BYTES ((size_t)512 << 10)
#define SIDE_RING_LEAST ((size_t)64 << 10)
#define EVENTS_MAX 4096 /* threads times CPUs: beyond, opening them takes longer than is good */

/* What is being opened. */
struct opening {
	struct plait_bpf_source *source;
	const struct plait_source_options *options;
	bool wide;    /* one event a CPU, for every process */
	bool on_exec; /* the events start with the child's exec */
};

/* What all events share: one ring takes only events of one clock, and one layout of what follows a record. */
static void set_common(struct perf_event_attr *attr)
{
	attr->size = sizeof(*attr);
	attr->sample_type |= PLAIT_SAMPLE_COMMON;
	attr->sample_id_all = 1;
	attr->use_clockid = 1;
	attr->clockid = CLOCK_MONOTONIC;
	attr->watermark = 1;
	attr->wakeup_watermark = 1;
}

static struct perf_event_attr sampling_attributes(const struct opening *opening, const struct plait_event_spec *spec)
{
	struct perf_event_attr attr;
	plait_event_attributes(spec, &attr);
	set_common(&attr);
	attr.sample_type |= PERF_SAMPLE_IP | PERF_SAMPLE_PERIOD | PERF_SAMPLE_REGS_USER;
	if (plait_event_has_address(spec))
		attr.sample_type |= PERF_SAMPLE_ADDR;
	if (!spec->exclude_kernel)
		attr.sample_type |= PERF_SAMPLE_CALLCHAIN;
	attr.exclude_callchain_user = 1;
	attr.sample_regs_user = plait_source_arch.register_mask;
	attr.disabled = 1;
	attr.inherit = !opening->wide;
	attr.enable_on_exec = opening->on_exec;
	attr.exclude_idle = opening->wide && spec->type == PERF_TYPE_SOFTWARE;
	return attr;
}

/* Side-band is on from the start: what happens between opening and exec must not be missed. */
static struct perf_event_attr side_band_attributes(const struct opening *opening)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY };
	set_common(&attr);
	attr.mmap = 1;
	attr.mmap2 = 1;
	attr.comm = 1;
	attr.comm_exec = 1;
	attr.task = 1;
	attr.exclude_kernel = 1; /* a dummy counts nothing; records about the kernel are not wanted */
	attr.inherit = !opening->wide;
	return attr;
}

static const struct plait_event_spec side_band_spec = { .name = "dummy (side-band)" };
static const struct plait_event_spec output_spec = { .name = "bpf-output" };

/* The events that own the rings: of the CPU, never of a thread, so that they live as long as the source. */
static struct perf_event_attr ring_attributes(size_t index, size_t ring_bytes)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE };
	attr.config = index % 2 ? PERF_COUNT_SW_DUMMY : PERF_COUNT_SW_BPF_OUTPUT;
	if (index % 2 == 0) {
		attr.sample_type = PERF_SAMPLE_RAW;
		attr.sample_period = 1;
	}
	set_common(&attr);
	if (index % 2 == 0)
		attr.wakeup_watermark = (uint32_t)(ring_bytes / 4);
	return attr;
}

static struct plait_error *add_format(struct plait_bpf_source *source, int fd, size_t format)
{
	uint64_t id;
	if (ioctl(fd, PERF_EVENT_IOC_ID, &id) < 0)
		return plait_error_system(errno, "asking for the id of an event");
	return plait_map_put(&source->formats.of_id, id, format) ? NULL : plait_error_no_memory();
}

static size_t ring_pages(const struct opening *opening, size_t index)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (index % 2)
		return SIDE_RING_BYTES / page;
	if (opening->options->ring_pages)
		return opening->options->ring_pages;
	size_t bytes = SAMPLE_RING_BYTES;
	while (bytes > SAMPLE_RING_LEAST && bytes * opening->source->cpus.numbers.count > SAMPLE_RINGS_BYTES)
		bytes /= 2;
	return bytes / page;
}

static struct plait_error *open_ring(const struct opening *opening, size_t index)
{
	struct plait_bpf_source *source = opening->source;
	struct plait_stream *stream = &source->streams[index];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = ring_pages(opening, index);
	size_t least = (index % 2 ? SIDE_RING_LEAST : SAMPLE_RING_LEAST) / page;
	int cpu = source->cpus.numbers.data[index / 2];
	struct perf_event_attr attr = ring_attributes(index, pages * page);
	int *fd = &source->polls[index].fd;
	PLAIT_TRY(plait_event_open(index % 2 ? &side_band_spec : &output_spec, &attr, -1, cpu, -1, fd));
	source->polls[index].events = POLLIN;
	PLAIT_TRY(plait_ring_map(*fd, pages, pages < least ? pages : least, &stream->ring));
	stream->assembler.ring = (uint32_t)index;
	stream->assembler.statistics = &source->statistics;
	if (index % 2)
		return NULL;
	PLAIT_TRY(add_format(source, *fd, opening->options->event_count));
	if (opening->options->program.output_map_fd < 0)
		return NULL;
	int err = -bpf_map_update_elem(opening->options->program.output_map_fd, &cpu, fd, BPF_ANY);
	return err > 0 ? plait_error_system(err, "giving the BPF program its ring on CPU %d", cpu) : NULL;
}

static struct plait_error *open_rings(const struct opening *opening)
{
	struct plait_bpf_source *source = opening->source;
	size_t count = 2 * source->cpus.numbers.count;
	source->streams = calloc(count, sizeof(*source->streams));
	source->polls = calloc(count, sizeof(*source->polls));
	if (!source->streams || !source->polls)
		return plait_error_no_memory();
	source->stream_count = count;
	for (size_t i = 0; i < count; i++)
		source->polls[i].fd = -1;
	for (size_t i = 0; i < count; i++)
		PLAIT_TRY(open_ring(opening, i));
	return NULL;
}

/* Opens one event on a thread (or every process, -1) and one CPU, redirected into the CPU's ring. */
static struct plait_error *open_event(const struct opening *opening, const struct plait_event_spec *spec,
				      struct perf_event_attr *attr, pid_t tid, size_t ring, int *ret_fd)
{
	struct plait_bpf_source *source = opening->source;
	int fd PLAIT_CLOSE = -1;
	PLAIT_TRY(plait_event_open(spec, attr, tid, source->cpus.numbers.data[ring / 2], -1, &fd));
	if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, source->polls[ring].fd) < 0)
		return plait_error_system(errno, "redirecting event %s into the ring of its CPU", spec->name);
	if (!plait_vec_push(&source->fds, fd))
		return plait_error_no_memory();
	*ret_fd = PLAIT_TAKE_FD(fd);
	return NULL;
}

static struct plait_error *open_sampling(const struct opening *opening, size_t event, pid_t tid, size_t ring)
{
	const struct plait_event_spec *spec = &opening->options->events[event];
	struct perf_event_attr attr = sampling_attributes(opening, spec);
	int fd;
	PLAIT_TRY(open_event(opening, spec, &attr, tid, ring, &fd));
	opening->source->formats_of_events[event] = (struct plait_record_format) { .sample_type = attr.sample_type,
										   .registers = attr.sample_regs_user,
										   .event = (uint32_t)event };
	PLAIT_TRY(add_format(opening->source, fd, event));
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, opening->options->program.program_fd) < 0)
		return plait_error_system(errno, "attaching the BPF program to event %s", spec->name);
	return NULL;
}

static struct plait_error *open_thread(const struct opening *opening, pid_t tid)
{
	struct perf_event_attr side_band = side_band_attributes(opening);
	for (size_t ring = 0; ring < opening->source->stream_count; ring += 2) {
		int fd;
		PLAIT_TRY(open_event(opening, &side_band_spec, &side_band, tid, ring + 1, &fd));
		for (size_t event = 0; event < opening->options->event_count; event++)
			PLAIT_TRY(open_sampling(opening, event, tid, ring));
	}
	return NULL;
}

/* Opens the threads of `pid` that `opened` has not yet, and says how many those were. */
static struct plait_error *open_new_threads(const struct opening *opening, pid_t pid, struct plait_map *opened,
					    size_t *ret_new)
{
	struct plait_number_list threads = { 0 };
	struct plait_error *error = plait_threads_of(pid, &threads);
	*ret_new = 0;
	for (size_t i = 0; !error && i < threads.numbers.count; i++) {
		pid_t tid = threads.numbers.data[i];
		if (plait_map_get(opened, (uint64_t)tid))
			continue;
		error = open_thread(opening, tid);
		if (error && error->system_errno == ESRCH && tid != pid) { /* it has ended meanwhile */
			plait_error_free(error);
			error = NULL;
		} else if (!error) {
			++*ret_new;
		}
		if (!error && !plait_map_put(opened, (uint64_t)tid, 1))
			error = plait_error_no_memory();
	}
	plait_vec_free(&threads.numbers);
	return error;
}

/* A thread that is started by one that has events inherits them; one started by another is found by looking again. */
static struct plait_error *open_process(const struct opening *opening, pid_t pid)
{
	struct plait_map opened = { 0 };
	struct plait_error *error;
	size_t found;
	do
		error = open_new_threads(opening, pid, &opened, &found);
	while (!error && found);
	plait_map_release(&opened);
	return error;
}

static struct plait_error *count_threads(const struct plait_source_options *options, size_t *ret)
{
	struct plait_number_list threads = { 0 };
	struct plait_error *error = NULL;
	for (size_t i = 0; !error && i < options->pid_count; i++)
		error = plait_threads_of(options->pids[i], &threads);
	*ret = threads.numbers.count;
	plait_vec_free(&threads.numbers);
	return error;
}

/* Half of the descriptors that this process may have: files of the profiled processes need the rest. */
static size_t descriptor_budget(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 512;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 512 : limit.rlim_cur / 2;
}

/* Whether threads are too many for events of their own. */
static struct plait_error *choose_width(struct opening *opening)
{
	const struct plait_source_options *options = opening->options;
	opening->wide = options->system_wide;
	opening->on_exec = options->launch > 0;
	if (options->system_wide || options->launch)
		return NULL;
	size_t threads;
	PLAIT_TRY(count_threads(options, &threads));
	size_t places = threads * opening->source->cpus.numbers.count;
	size_t wanted = places * (options->event_count + 1);
	size_t budget = descriptor_budget();
	if (places <= EVENTS_MAX && wanted <= budget)
		return NULL;
	if (options->filtered)
		opening->wide = true;
	else if (wanted > budget)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_UNSUPPORTED,
					"%zu threads on %zu CPUs need %zu open files, and %zu are to be "
					"had",
					threads, opening->source->cpus.numbers.count, wanted, budget),
			"raise the limit (ulimit -Hn), or profile the whole system");
	return NULL;
}

static struct plait_error *open_targets(const struct opening *opening)
{
	const struct plait_source_options *options = opening->options;
	if (opening->wide)
		return open_thread(opening, -1);
	if (options->launch)
		return open_thread(opening, options->launch);
	for (size_t i = 0; i < options->pid_count; i++)
		PLAIT_TRY(open_process(opening, options->pids[i]));
	return NULL;
}

static struct plait_error *track(const struct opening *opening)
{
	struct plait_bpf_source *source = opening->source;
	source->keep_tracked = opening->wide && !opening->options->system_wide;
	for (size_t i = 0; source->keep_tracked && i < opening->options->pid_count; i++)
		if (!plait_map_put(&source->tracked, (uint64_t)opening->options->pids[i], 1))
			return plait_error_no_memory();
	return NULL;
}

static struct plait_error *enable(const struct plait_bpf_source *source)
{
	for (size_t i = 0; i < source->fds.count; i++)
		if (ioctl(source->fds.data[i], PERF_EVENT_IOC_ENABLE, 0) < 0)
			return plait_error_system(errno, "starting an event");
	return NULL;
}

struct plait_error *plait_bpf_source_open_events(struct plait_bpf_source *source,
						 const struct plait_source_options *options)
{
	struct opening opening = { .source = source, .options = options };
	source->program = options->program;
	source->formats_of_events = calloc(options->event_count + 1, sizeof(*source->formats_of_events));
	if (!source->formats_of_events)
		return plait_error_no_memory();
	source->formats.formats = source->formats_of_events;
	source->formats_of_events[options->event_count] =
		(struct plait_record_format) { .sample_type = PLAIT_SAMPLE_COMMON | PERF_SAMPLE_RAW };
	PLAIT_TRY(plait_cpus_online(&source->cpus));
	PLAIT_TRY(choose_width(&opening));
	PLAIT_TRY(track(&opening));
	PLAIT_TRY(open_rings(&opening));
	uint64_t dropped;
	if (source->program.count)
		PLAIT_TRY(source->program.count(source->program.context, &source->runs_before, &dropped));
	PLAIT_TRY(open_targets(&opening));
	return opening.on_exec ? NULL : enable(source);
}
