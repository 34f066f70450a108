#include "perf/source/source_opening.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "perf/source/arch.h"

#define SAMPLE_RING_BYTES ((size_t)8 << 20)
#define SAMPLE_RINGS_BYTES ((size_t)512 << 20) /* of all CPUs together */
#define SAMPLE_RING_ALONE ((size_t)1 << 20)    /* of what an unprivileged user may lock */
#define SAMPLE_RING_LEAST ((size_t)128 << 10)
#define SIDE_RING_BYTES ((size_t)512 << 10)
#define SIDE_RING_LEAST ((size_t)64 << 10)
#define ENABLE_TIMES 3
#define ENABLE_AGAIN_NS 1000000
#define PLACES_MAX 4096 /* threads times CPUs: beyond, opening them takes longer than is good */

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

/* Whether samples of the event carry what the members of its group counted. */
static bool leads_counting(const struct plait_opening *opening, size_t event)
{
	const struct plait_source_options *options = &opening->options;
	return event + 1 < options->event_count && options->events[event].leader == event &&
	       options->events[event + 1].leader == event && options->events[event + 1].counting;
}

/* Whether the event is in a group with :S. */
static bool in_counting_group(const struct plait_opening *opening, size_t event)
{
	return opening->options.events[event].counting || leads_counting(opening, event);
}

static bool is_inherited(const struct plait_opening *opening, size_t event)
{
	return !opening->wide && !(opening->uninherited && in_counting_group(opening, event));
}

static bool is_hardware(const struct plait_event_spec *spec)
{
	return spec->kind == PLAIT_EVENT_HARDWARE || spec->kind == PLAIT_EVENT_PMU;
}

/* Whether there is no BPF program, nor the right to see whole CPUs. */
static bool is_alone(const struct plait_opening *opening)
{
	return opening->options.stack_size > 0;
}

static bool has_access(const struct plait_event_spec *spec)
{
	return spec->precise && is_hardware(spec);
}

bool plait_source_is_sole(const struct plait_event_spec *events, size_t count)
{
	return count == 1 && !events->counting && !plait_event_has_address(events) && !has_access(events);
}

/* What a sample of the event says. */
static void set_sampling(const struct plait_opening *opening, size_t event, struct perf_event_attr *attr)
{
	const struct plait_event_spec *spec = &opening->options.events[event];
	attr->sample_type |= PERF_SAMPLE_IP | PERF_SAMPLE_PERIOD | PERF_SAMPLE_REGS_USER;
	if (plait_event_has_address(spec))
		attr->sample_type |= PERF_SAMPLE_ADDR;
	if (has_access(spec))
		attr->sample_type |= PERF_SAMPLE_DATA_SRC | PERF_SAMPLE_WEIGHT_STRUCT;
	if (!spec->exclude_kernel)
		attr->sample_type |= PERF_SAMPLE_CALLCHAIN;
	/* The kernel puts a probe's breakpoint into a program only when an event asks for it that was made for its
	 * process. Exchanged with that of another process at a switch (context_equiv()) it would ask for the wrong one.
	 * Events with PERF_SAMPLE_READ are not exchanged. Where these are not inherited: anchor_place(). */
	bool kept = spec->kind == PLAIT_EVENT_PROBE && !opening->wide && !opening->refused;
	if (leads_counting(opening, event) || kept) {
		attr->sample_type |= PERF_SAMPLE_READ;
		attr->read_format = PLAIT_READ_GROUP;
	}
	if (opening->options.stack_size) {
		attr->sample_type |= PERF_SAMPLE_STACK_USER;
		attr->sample_stack_user = opening->options.stack_size & ~7u;
	}
	attr->exclude_callchain_user = 1;
	/* The BPF program sends the registers at once, which costs the kernel a tenth of sending one by one. */
	attr->sample_regs_user = is_alone(opening) ? plait_source_arch.register_mask : plait_source_arch.pair_mask;
}

static struct perf_event_attr sampling_attributes(const struct plait_opening *opening, size_t event)
{
	const struct plait_event_spec *spec = &opening->options.events[event];
	bool member = spec->leader != PLAIT_EVENT_ALONE && spec->leader != event;
	struct perf_event_attr attr;
	plait_event_attributes(spec, &attr);
	set_common(&attr);
	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	if (!spec->counting)
		set_sampling(opening, event, &attr);
	attr.disabled = !member; /* a member follows its leader */
	attr.inherit = is_inherited(opening, event);
	attr.enable_on_exec = opening->on_exec && !member;
	attr.exclude_idle = opening->wide && spec->type == PERF_TYPE_SOFTWARE;
	return attr;
}

/* Side-band is on from the start: what happens between opening and exec must not be missed. */
static struct perf_event_attr side_band_attributes(const struct plait_opening *opening)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY };
	set_common(&attr);
	attr.mmap = 1;
	attr.mmap2 = 1;
	attr.comm = 1;
	attr.comm_exec = 1;
	attr.task = 1;
	attr.exclude_kernel = 1; /* a dummy counts nothing; records about the kernel are not wanted */
	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	attr.inherit = !opening->wide;
	return attr;
}

static const struct plait_event_spec side_band_spec = { .name = "dummy (side-band)" };
static const struct plait_event_spec output_spec = { .name = "bpf-output" };

/* The events that own the rings. They are of the CPU, never of a thread, so that they live as long as the source;
 * without the right to that, of the first thread: its end ends no ring, but its rings wake nobody any more. */
static struct perf_event_attr ring_attributes(const struct plait_opening *opening, size_t index, size_t ring_bytes)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE };
	bool output = index % 2 == 0 && !is_alone(opening);
	attr.config = output ? PERF_COUNT_SW_BPF_OUTPUT : PERF_COUNT_SW_DUMMY;
	attr.exclude_kernel = is_alone(opening);
	set_common(&attr);
	if (output) {
		attr.sample_type = PLAIT_SAMPLE_LEAST | PERF_SAMPLE_RAW;
		attr.sample_period = 1;
		attr.wakeup_watermark = (uint32_t)(ring_bytes / 4);
	}
	return attr;
}

static struct plait_error *add_format(struct plait_bpf_source *source, int fd, size_t format)
{
	uint64_t id;
	if (ioctl(fd, PERF_EVENT_IOC_ID, &id) < 0)
		return plait_error_system(errno, "asking for the id of an event");
	return plait_map_put(&source->formats.of_id, id, format) ? NULL : plait_error_no_memory();
}

static size_t ring_pages(const struct plait_opening *opening, size_t index)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (index % 2)
		return SIDE_RING_BYTES / page;
	if (opening->options.ring_pages)
		return opening->options.ring_pages;
	size_t bytes = is_alone(opening) ? SAMPLE_RING_ALONE : SAMPLE_RING_BYTES;
	while (bytes > SAMPLE_RING_LEAST && bytes * opening->source->cpus.numbers.count > SAMPLE_RINGS_BYTES)
		bytes /= 2;
	return bytes / page;
}

static struct plait_error *open_ring(const struct plait_opening *opening, size_t index)
{
	struct plait_bpf_source *source = opening->source;
	struct plait_stream *stream = &source->streams[index];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = ring_pages(opening, index);
	size_t least = (index % 2 ? SIDE_RING_LEAST : SAMPLE_RING_LEAST) / page;
	int cpu = source->cpus.numbers.data[index / 2];
	struct perf_event_attr attr = ring_attributes(opening, index, pages * page);
	pid_t owner = !is_alone(opening)	? -1
		      : opening->options.launch ? opening->options.launch
						: opening->options.pids[0];
	int *fd = &source->polls[index].fd;
	PLAIT_TRY(plait_event_open(index % 2 ? &side_band_spec : &output_spec, &attr, owner, cpu, -1, fd));
	source->polls[index].events = POLLIN;
	PLAIT_TRY(plait_ring_map(*fd, pages, pages < least ? pages : least, &stream->ring));
	stream->assembler.ring = (uint32_t)index;
	stream->assembler.statistics = &source->statistics[index % 2];
	if (index % 2 || is_alone(opening))
		return NULL;
	PLAIT_TRY(add_format(source, *fd, opening->options.event_count));
	if (opening->options.program.output_map_fd < 0)
		return NULL;
	int err = -bpf_map_update_elem(opening->options.program.output_map_fd, &cpu, fd, BPF_ANY);
	return err > 0 ? plait_error_system(err, "giving the BPF program its ring on CPU %d", cpu) : NULL;
}

static struct plait_error *open_rings(const struct plait_opening *opening)
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

/* Attaches the program to an event of a thread. A thread that starts before that would inherit the event without it: it
 * comes first. Tracepoints and probes have one list of programs for all: attach_shared(). */
static struct plait_error *attach_program(const struct plait_opening *opening, const struct plait_event_spec *spec,
					  int fd)
{
	if (spec->kind == PLAIT_EVENT_TRACEPOINT || spec->kind == PLAIT_EVENT_PROBE || spec->counting ||
	    is_alone(opening))
		return NULL;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, opening->options.program.program_fd) < 0)
		return plait_error_system(errno, "attaching the BPF program to event %s", spec->name);
	return NULL;
}

/* Opens one event on a thread (or every process, -1) and one CPU, redirected into the CPU's ring. `*ret_time` is when
 * it was open. */
static struct plait_error *open_event(const struct plait_opening *opening, const struct plait_event_spec *spec,
				      struct perf_event_attr *attr, struct plait_opened *opened, size_t ring,
				      int group_fd, uint64_t *ret_time)
{
	struct plait_bpf_source *source = opening->source;
	int fd PLAIT_CLOSE = -1;
	PLAIT_TRY(plait_event_open(spec, attr, opened->tid, source->cpus.numbers.data[ring / 2], group_fd, &fd));
	*ret_time = plait_clock_ns(CLOCK_MONOTONIC);
	if (ring % 2 == 0)
		PLAIT_TRY(attach_program(opening, spec, fd));
	if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, plait_bpf_source_ring_fd(source, ring)) < 0)
		return plait_error_system(errno, "redirecting event %s into the ring of its CPU", spec->name);
	opened->fd = fd;
	if (!plait_vec_push(&source->opened, *opened))
		return plait_error_no_memory();
	opened->fd = PLAIT_TAKE_FD(fd);
	return NULL;
}

/* The leader's event on the same thread and CPU: opened just before, or inherited (-1). */
static int leader_of(const struct plait_bpf_source *source, uint32_t leader, pid_t tid, size_t before)
{
	if (source->opened.count < before)
		return -1;
	const struct plait_opened *opened = &source->opened.data[source->opened.count - before];
	return opened->event == leader && opened->tid == tid ? opened->fd : -1;
}

static struct plait_error *open_sampling(const struct plait_opening *opening, size_t event, pid_t tid, size_t ring,
					 uint64_t *ret_time)
{
	const struct plait_event_spec *spec = &opening->options.events[event];
	struct perf_event_attr attr = sampling_attributes(opening, event);
	struct plait_opened opened = { .fd = -1, .event = (uint32_t)event, .tid = tid };
	bool member = spec->leader != PLAIT_EVENT_ALONE && spec->leader != event;
	int leader = member ? leader_of(opening->source, spec->leader, tid, event - spec->leader) : -1;
	*ret_time = plait_clock_ns(CLOCK_MONOTONIC);
	if (member && leader < 0)
		return NULL; /* the thread was started between both: it has inherited a group without this one */
	struct plait_error *error = open_event(opening, spec, &attr, &opened, ring, leader, ret_time);
	if (error && error->system_errno == EINVAL && attr.sample_type & PERF_SAMPLE_WEIGHT_STRUCT) { /* before 5.12 */
		plait_error_free(error);
		attr.sample_type ^= PERF_SAMPLE_WEIGHT_STRUCT | PERF_SAMPLE_WEIGHT;
		error = open_event(opening, spec, &attr, &opened, ring, leader, ret_time);
	}
	PLAIT_TRY(error);
	opening->source->formats_of_events[event] =
		(struct plait_record_format) { .sample_type = attr.sample_type,
					       .registers = attr.sample_regs_user,
					       .event = (uint32_t)event,
					       .group = leads_counting(opening, event) };
	return add_format(opening->source, opened.fd, event);
}

struct plait_error *plait_opening_place(const struct plait_opening *opening, pid_t tid, size_t place,
					uint64_t *ret_time)
{
	size_t cpus = opening->source->cpus.numbers.count;
	if (place >= cpus)
		return open_sampling(opening, (place - cpus) % opening->options.event_count, tid,
				     2 * ((place - cpus) / opening->options.event_count), ret_time);
	struct perf_event_attr side_band = side_band_attributes(opening);
	struct plait_opened opened = { .fd = -1, .event = PLAIT_NO_EVENT, .tid = tid };
	return open_event(opening, &side_band_spec, &side_band, &opened, 2 * place + 1, -1, ret_time);
}

bool plait_opening_event_is_inherited(const struct plait_opening *opening, uint32_t event)
{
	return is_inherited(opening, event);
}

bool plait_opening_is_inherited(const struct plait_opening *opening, size_t place)
{
	size_t cpus = opening->source->cpus.numbers.count;
	return place < cpus || is_inherited(opening, (place - cpus) % opening->options.event_count);
}

size_t plait_opening_places(const struct plait_opening *opening)
{
	return opening->source->cpus.numbers.count * (1 + opening->options.event_count);
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
static struct plait_error *choose_width(struct plait_opening *opening)
{
	const struct plait_source_options *options = &opening->options;
	opening->wide = options->system_wide;
	opening->on_exec = options->launch > 0;
	if (options->system_wide || options->launch)
		return NULL;
	size_t threads;
	PLAIT_TRY(count_threads(options, &threads));
	size_t wanted = threads * plait_opening_places(opening);
	size_t budget = descriptor_budget();
	if (threads * opening->source->cpus.numbers.count <= PLACES_MAX && wanted <= budget)
		return NULL;
	for (size_t event = 0; event < options->event_count; event++) {
		if (!leads_counting(opening, event))
			continue;
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_UNSUPPORTED,
					"%zu threads are too many for a group with :S, which counts for each of them",
					threads),
			"sample the events one by one (without braces), or profile the whole system");
	}
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

/* Linux before 6.12 does not inherit events with PERF_SAMPLE_READ (commit 7e8b255650fc): asks this one. */
static bool refuses_to_inherit(void)
{
	const struct plait_event_spec clock = { .name = "cpu-clock", .type = PERF_TYPE_SOFTWARE, .period = 1000000000 };
	struct perf_event_attr attr;
	int fd PLAIT_CLOSE = -1;
	plait_event_attributes(&clock, &attr);
	set_common(&attr);
	attr.sample_type |= PERF_SAMPLE_READ;
	attr.read_format = PLAIT_READ_GROUP;
	attr.inherit = attr.disabled = attr.exclude_kernel = 1;
	struct plait_error *error = plait_event_open(&clock, &attr, 0, -1, -1, &fd);
	bool refused = error && error->system_errno == EINVAL;
	plait_error_free(error);
	return refused;
}

static bool has_counting_groups(const struct plait_opening *opening)
{
	for (size_t i = 0; i < opening->options.event_count; i++) {
		if (leads_counting(opening, i))
			return true;
	}
	return false;
}

static struct plait_error *open_targets(const struct plait_opening *opening)
{
	if (!opening->wide && !opening->options.launch)
		return plait_opening_attach(opening);
	uint64_t time;
	if (!opening->wide && !plait_map_put(&opening->source->joined, (uint64_t)opening->options.launch, 1))
		return plait_error_no_memory();
	for (size_t place = 0; place < plait_opening_places(opening); place++)
		PLAIT_TRY(plait_opening_place(opening, opening->wide ? -1 : opening->options.launch, place, &time));
	return NULL;
}

static struct plait_error *track(const struct plait_opening *opening)
{
	struct plait_bpf_source *source = opening->source;
	source->keep_tracked = opening->wide && !opening->options.system_wide;
	for (size_t i = 0; source->keep_tracked && i < opening->options.pid_count; i++)
		if (!plait_map_put(&source->tracked, (uint64_t)opening->options.pids[i], 1))
			return plait_error_no_memory();
	return NULL;
}

/* Of which thread and CPU the event is that has the program of a tracepoint or probe. Before Linux 6.12 events of a
 * probe that are inherited may be exchanged with those of another process, whose end then takes the breakpoint from a
 * program that was exec'd meanwhile: there one event is of all processes, so that the breakpoint is in every one. The
 * program passes over hits of others, and they have no sampled event. */
static void anchor_place(const struct plait_opening *opening, bool probe, pid_t *ret_pid, int *ret_cpu)
{
	bool everywhere = probe && opening->refused && !opening->wide;
	*ret_pid = everywhere ? -1 : 0;
	*ret_cpu = everywhere ? opening->source->cpus.numbers.data[0] : -1;
}

/* Tracepoints and probes run their programs for each hit in any process, once, whatever events there are. The kernel
 * takes a program from the list with the end of any event that has it, inherited ones included: it is attached to one
 * that no thread inherits. As late as can be: what hits before has no sample. */
static struct plait_error *attach_shared(const struct plait_opening *opening)
{
	for (size_t event = 0; event < opening->options.event_count && !is_alone(opening); event++) {
		const struct plait_event_spec *spec = &opening->options.events[event];
		bool probe = spec->kind == PLAIT_EVENT_PROBE;
		int program = probe ? opening->options.program.probe_fd : opening->options.program.tracepoint_fd;
		if ((!probe && spec->kind != PLAIT_EVENT_TRACEPOINT) || spec->counting)
			continue;
		struct perf_event_attr attr;
		int fd, cpu;
		pid_t pid;
		plait_event_attributes(spec, &attr);
		attr.disabled = 1;
		anchor_place(opening, probe, &pid, &cpu);
		PLAIT_TRY(plait_event_open(spec, &attr, pid, cpu, -1, &fd));
		if (!plait_vec_push(&opening->source->anchors, fd)) {
			close(fd);
			return plait_error_no_memory();
		}
		/* EEXIST: another event of the same name has it. */
		if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0 && errno != EEXIST)
			return plait_error_system(errno, "attaching the BPF program to event %s", spec->name);
	}
	return NULL;
}

static bool is_member(const struct plait_opening *opening, uint32_t event)
{
	if (event == PLAIT_NO_EVENT)
		return false;
	uint32_t leader = opening->options.events[event].leader;
	return leader != PLAIT_EVENT_ALONE && leader != event;
}

static struct plait_error *enable_once(const struct plait_opening *opening, size_t first)
{
	for (size_t i = first; i < opening->source->opened.count; i++) {
		const struct plait_opened *opened = &opening->source->opened.data[i];
		if (!is_member(opening, opened->event) && ioctl(opened->fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
			return plait_error_system(errno, "starting an event");
	}
	return NULL;
}

/* Enabling an event enables those that were inherited from it, except for a thread that is being started at this very
 * moment: that one's stay off. And as the kernel exchanges the events of threads that have the same ones when it
 * switches between them (context_equiv() in kernel/events/core.c), the thread that starts the others may come to have
 * them, and all that it starts later: seen once in 40 attaches to a process that starts 600 threads a second. So it is
 * done again. */
static struct plait_error *enable(const struct plait_opening *opening)
{
	int times = opening->wide ? 1 : ENABLE_TIMES;
	for (int i = 0; i < times; i++) {
		if (i > 0)
			nanosleep(&(struct timespec) { .tv_nsec = ENABLE_AGAIN_NS }, NULL);
		PLAIT_TRY(enable_once(opening, 0));
	}
	return NULL;
}

/* Threads that the attaching has opened one by one. */
static struct plait_error *note_joined(struct plait_bpf_source *source)
{
	for (size_t i = 0; i < source->opened.count; i++)
		if (!plait_map_put(&source->joined, (uint64_t)source->opened.data[i].tid, 1))
			return plait_error_no_memory();
	return NULL;
}

struct plait_error *plait_bpf_source_join(struct plait_bpf_source *source, pid_t tid)
{
	const struct plait_opening *opening = &source->opening;
	if (!opening->uninherited || plait_map_get(&source->joined, (uint64_t)tid))
		return NULL;
	if (!plait_map_put(&source->joined, (uint64_t)tid, 1))
		return plait_error_no_memory();
	size_t first = source->opened.count;
	struct plait_opening running = *opening;
	running.on_exec = false;
	for (size_t place = 0; place < plait_opening_places(&running); place++) {
		uint64_t time;
		if (plait_opening_is_inherited(&running, place))
			continue;
		struct plait_error *error = plait_opening_place(&running, tid, place, &time);
		if (error && error->system_errno == ESRCH) { /* it has ended meanwhile */
			plait_error_free(error);
			return NULL;
		}
		PLAIT_TRY(error);
	}
	source->joined_late++;
	return enable_once(&running, first);
}

struct plait_error *plait_bpf_source_open_events(struct plait_bpf_source *source,
						 const struct plait_source_options *options)
{
	source->opening = (struct plait_opening) { .source = source, .options = *options };
	struct plait_opening *opening = &source->opening;
	source->program = options->program;
	source->formats_of_events = calloc(options->event_count + 1, sizeof(*source->formats_of_events));
	source->ended = calloc(options->event_count, sizeof(*source->ended));
	if (!source->formats_of_events || !source->ended)
		return plait_error_no_memory();
	source->formats.formats = source->formats_of_events;
	source->formats_of_events[options->event_count] =
		(struct plait_record_format) { .sample_type = PLAIT_SAMPLE_LEAST | PERF_SAMPLE_RAW };
	PLAIT_TRY(plait_cpus_online(&source->cpus));
	PLAIT_TRY(choose_width(opening));
	source->formats.wide = opening->wide;
	opening->refused = options->uninherited_groups || refuses_to_inherit();
	opening->uninherited = !opening->wide && opening->refused && has_counting_groups(opening);
	PLAIT_TRY(track(opening));
	PLAIT_TRY(open_rings(opening));
	if (source->program.count)
		PLAIT_TRY(source->program.count(source->program.context, &source->runs_before));
	PLAIT_TRY(open_targets(opening));
	PLAIT_TRY(attach_shared(opening));
	if (!opening->on_exec)
		PLAIT_TRY(enable(opening));
	if (opening->uninherited)
		PLAIT_TRY(note_joined(source));
	struct plait_source_runs runs = source->runs_before;
	if (source->program.count && !opening->on_exec) /* hits before the events were on have no sample */
		PLAIT_TRY(source->program.count(source->program.context, &runs));
	source->runs_before.probed = runs.probed;
	return NULL;
}
