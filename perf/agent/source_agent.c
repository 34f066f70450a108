/*
 * Processes come to the socket, hand over their rings, and write on by themselves. What the kernel's side-band tells
 * engine bpf is put together here: a new process is a FORK or an EXEC and its mappings; a thread's first sample and its
 * name come with the sample.
 */
#include "perf/agent/source_agent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/vec.h"
#include "perf/process/proc.h"
#include "perf/agent/agent_ring.h"
#include "perf/agent/unsampled.h"
#include "perf/source/sorter.h"

enum {
	STACK_SIZE = 512 * 1024,
	LOOK_MS = 10,				  /* between two looks at the rings, at most */
	LOOK_BYTES = PLAIT_AGENT_DATA_SIZE / 32,  /* that a ring should get between two */
	RETURN_BYTES = PLAIT_AGENT_DATA_SIZE / 8, /* that are read before they are given back */
	HELLO_MS = 500,				  /* that a process which has connected may take to say who it is */
	UNSAMPLED_NS = 300000000,
	SETTLE_NS = 1000000, /* a sample is written by then */
	BACKLOG = 128,
};

struct agent_source {
	char folder[64];
	char socket_path[80];
	char *environment[3];
	int listener;
	bool stopped;
	PLAIT_VEC(struct plait_agent_ring) rings;
	PLAIT_VEC(struct pollfd) polled;
	struct plait_sorter sorter;
	struct plait_map sampled; /* pid -> ns of CPU time that its samples stand for */
	struct plait_unsampled unsampled;
	uint64_t next_look;   /* for them, ns CLOCK_MONOTONIC */
	uint64_t last_drain;  /* ns CLOCK_MONOTONIC */
	uint64_t look_within; /* ns: the rings fill so fast */
	struct plait_python_frame *frames;
	size_t frame_capacity;
	struct plait_wire_code code;
	uint64_t weight;	      /* ns of CPU time that the samples stand for */
	plait_source_handler handler; /* of the poll at hand */
	void *context;
};

static struct plait_error *deliver(struct agent_source *source, const struct plait_source_event *event)
{
	return source->handler(source->context, event);
}

/* ---- what a process is ---- */

/* The mappings as the process itself wrote them. */
static struct plait_error *deliver_own_maps(struct agent_source *source, uint32_t pid, const uint8_t *body, size_t size)
{
	char *text PLAIT_FREE = strndup((const char *)body, size);
	if (!text)
		return plait_error_no_memory();
	return plait_proc_deliver_maps_text(pid, text, source->handler, source->context);
}

static const struct plait_agent_ring *find_parent(const struct agent_source *source,
						  const struct plait_agent_hello *hello,
						  const struct plait_agent_ring *child)
{
	bool nested = child->pid != child->own_pid;
	for (size_t i = source->rings.count; i-- > 0;) {
		const struct plait_agent_ring *ring = &source->rings.data[i];
		if (ring->pid && ring != child && ring->own_pid == hello->parent &&
		    nested == (ring->pid != ring->own_pid))
			return ring;
	}
	return NULL;
}

static struct plait_error *deliver_process(struct agent_source *source, const struct plait_agent_ring *ring,
					   const struct plait_agent_hello *hello)
{
	struct plait_source_event event = { .time = plait_clock_ns(CLOCK_MONOTONIC),
					    .pid = ring->pid,
					    .tid = ring->pid };
	const struct plait_agent_ring *parent =
		hello->flags & PLAIT_AGENT_HELLO_FORKED ? find_parent(source, hello, ring) : NULL;
	char path[64], name[64];
	snprintf(path, sizeof(path), "/proc/%u/comm", ring->pid);
	plait_proc_read_name(path, name, sizeof(name));
	if (parent) {
		event.kind = PLAIT_SOURCE_FORK;
		event.fork.parent_pid = event.fork.parent_tid = parent->pid;
	} else {
		event.kind = PLAIT_SOURCE_EXEC;
		event.name = name;
	}
	PLAIT_TRY(deliver(source, &event));
	return plait_proc_deliver_maps(ring->pid, source->handler, source->context);
}

/* ---- delivering ---- */

static uint32_t hash_name(const char name[16])
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (unsigned i = 0; i < 16 && name[i]; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash;
}

/* Tells about a thread that is new, or has another name. */
static struct plait_error *deliver_thread(struct agent_source *source, struct plait_agent_ring *ring, uint32_t tid,
					  const struct plait_agent_sample *sample)
{
	char name[17] = "";
	memcpy(name, sample->name, 16);
	uint32_t hash = hash_name(name);
	const uint64_t *known = plait_map_get(&ring->names, tid);
	if (known && *known == hash)
		return NULL;
	struct plait_source_event event = { .time = sample->time, .pid = ring->pid, .tid = tid };
	if (!known && tid != ring->pid) {
		event.kind = PLAIT_SOURCE_FORK;
		event.fork.parent_pid = event.fork.parent_tid = ring->pid;
		PLAIT_TRY(deliver(source, &event));
	}
	if (!plait_map_put(&ring->names, tid, hash))
		return plait_error_no_memory();
	event.kind = PLAIT_SOURCE_NAME;
	event.name = name;
	return deliver(source, &event);
}

/* The frames, aligned. False when they are more than the body holds, or memory ran out. */
static bool take_frames(struct agent_source *source, const uint8_t *body, uint32_t count)
{
	if (count > source->frame_capacity) {
		struct plait_python_frame *grown = realloc(source->frames, count * sizeof(*grown));
		if (!grown)
			return false;
		source->frames = grown;
		source->frame_capacity = count;
	}
	if (count)
		memcpy(source->frames, body, count * sizeof(*source->frames));
	return true;
}

/* What a record says must be inside of it; that it makes sense is for those who use it. */
static bool sample_is_sound(const struct plait_agent_sample *sample, size_t size)
{
	uint64_t need = sizeof(*sample) + (uint64_t)sample->frame_count * sizeof(struct plait_wire_frame) +
			(uint64_t)sample->stack_size;
	return need <= size && sample->walk <= PLAIT_WALK_LOST;
}

static struct plait_error *deliver_sample(struct agent_source *source, struct plait_agent_ring *ring,
					  const uint8_t *body, size_t size)
{
	struct plait_agent_sample sample;
	if (size < sizeof(sample))
		return NULL;
	memcpy(&sample, body, sizeof(sample));
	if (!sample_is_sound(&sample, size))
		return NULL;
	const uint8_t *frames = body + sizeof(sample);
	if (!take_frames(source, frames, sample.frame_count))
		return plait_error_no_memory();
	uint32_t tid = plait_agent_ring_tid(ring, sample.tid);
	PLAIT_TRY(deliver_thread(source, ring, tid, &sample));
	struct plait_stack_piece piece = {
		.address = sample.stack_address,
		.data = frames + sample.frame_count * sizeof(struct plait_wire_frame),
		.size = sample.stack_size,
	};
	struct plait_source_event event = {
		.kind = PLAIT_SOURCE_SAMPLE,
		.time = sample.time,
		.pid = ring->pid,
		.tid = tid,
		.sample = {
			.time = sample.time,
			.pid = ring->pid,
			.tid = tid,
			.period = sample.weight,
			.registers.valid = sample.valid,
			.stack = { .pieces = &piece, .count = 1, .whole = sample.stack_whole },
			.python = {
				.frames = source->frames,
				.count = sample.frame_count,
				.status = (enum plait_walk_status)sample.walk,
				.per_frame = sample.per_frame,
			},
		},
	};
	memcpy(event.sample.registers.value, sample.registers, sizeof(sample.registers));
	source->weight += sample.weight;
	const uint64_t *sampled = plait_map_get(&source->sampled, ring->pid);
	if (!plait_map_put(&source->sampled, ring->pid, (sampled ? *sampled : 0) + sample.weight))
		return plait_error_no_memory();
	return deliver(source, &event);
}

static struct plait_error *deliver_code(struct agent_source *source, const struct plait_agent_ring *ring,
					const uint8_t *body, size_t size)
{
	size_t fixed = offsetof(struct plait_wire_code, table);
	if (size < fixed || size > sizeof(source->code))
		return NULL;
	memcpy(&source->code, body, size);
	source->code.pid = ring->pid;
	if (source->code.table_size > size - fixed)
		return NULL;
	struct plait_source_event event = { .kind = PLAIT_SOURCE_CODE,
					    .time = plait_clock_ns(CLOCK_MONOTONIC),
					    .pid = ring->pid,
					    .tid = ring->pid,
					    .code = &source->code };
	return deliver(source, &event);
}

static struct plait_error *deliver_lost(struct agent_source *source, struct plait_agent_ring *ring)
{
	uint64_t lost = atomic_load(&ring->page->lost);
	if (lost <= ring->lost)
		return NULL;
	struct plait_source_event event = {
		.kind = PLAIT_SOURCE_LOST,
		.time = plait_clock_ns(CLOCK_MONOTONIC),
		.pid = ring->pid,
		.tid = ring->pid,
		.count = lost - ring->lost,
	};
	ring->lost = lost;
	return deliver(source, &event);
}

/* ---- reading rings ---- */

/* Looks at what was written since: mappings and code objects are handed on at once, samples go to the sorter. */
static struct plait_error *scan_ring(struct agent_source *source, uint32_t index)
{
	struct plait_agent_ring *ring = &source->rings.data[index];
	for (;;) {
		struct plait_agent_record record;
		bool bad;
		const uint8_t *body = plait_agent_ring_record(ring, ring->scanned, &record, &bad);
		if (bad)
			return plait_error_new(PLAIT_ERROR_INVALID, "process %u has damaged its ring of samples",
					       ring->pid);
		if (!body)
			return NULL;
		struct plait_unit unit = { .ring = index, .start = ring->scanned, .last = ring->scanned };
		if (record.kind == PLAIT_AGENT_CODE)
			PLAIT_TRY(deliver_code(source, ring, body, record.body));
		else if (record.kind == PLAIT_AGENT_MAPS)
			PLAIT_TRY(deliver_own_maps(source, ring->pid, body, record.body));
		else if (record.body >= sizeof(struct plait_agent_sample)) {
			memcpy(&unit.time, body, sizeof(unit.time));
			if (!plait_sorter_push(&source->sorter, &unit))
				return plait_error_no_memory();
		}
		ring->scanned += record.size;
	}
}

/* What is not needed any more may be written over. */
static void give_back(struct agent_source *source)
{
	for (uint32_t i = 0; i < source->rings.count; i++) {
		struct plait_agent_ring *ring = &source->rings.data[i];
		if (ring->pid)
			plait_agent_ring_give_back(ring, plait_sorter_low(&source->sorter, i, ring->scanned));
	}
}

/* Hands on the samples until `horizon`, in the order of time. Room is given back on the way: unwinding a batch of deep
 * stacks takes longer than they took to come. */
static struct plait_error *deliver_until(struct agent_source *source, uint64_t horizon)
{
	struct plait_unit unit;
	uint64_t read = 0;
	while (plait_sorter_pop(&source->sorter, horizon, &unit)) {
		struct plait_agent_ring *ring = &source->rings.data[unit.ring];
		struct plait_agent_record record;
		bool bad;
		const uint8_t *body = plait_agent_ring_record(ring, unit.start, &record, &bad);
		if (!body)
			continue;
		PLAIT_TRY(deliver_sample(source, ring, body, record.body));
		read += record.size;
		if (read >= RETURN_BYTES) {
			give_back(source);
			read = 0;
		}
	}
	give_back(source);
	for (uint32_t i = 0; i < source->rings.count; i++) {
		if (source->rings.data[i].pid)
			PLAIT_TRY(deliver_lost(source, &source->rings.data[i]));
	}
	return NULL;
}

static struct plait_error *drain(struct agent_source *source, bool everything)
{
	uint64_t now = plait_clock_ns(CLOCK_MONOTONIC), most = 1;
	for (uint32_t i = 0; i < source->rings.count; i++) {
		uint64_t before = source->rings.data[i].scanned;
		if (!source->rings.data[i].pid)
			continue;
		PLAIT_TRY(scan_ring(source, i));
		uint64_t came = source->rings.data[i].scanned - before;
		most = came > most ? came : most;
	}
	source->look_within = (now - source->last_drain) * LOOK_BYTES / most;
	source->last_drain = now;
	return deliver_until(source, everything ? UINT64_MAX : now - SETTLE_NS);
}

/* ---- processes that come and go ---- */

static bool has_ended(const struct plait_agent_ring *ring)
{
	struct pollfd look = { .fd = ring->pid_fd, .events = POLLIN };
	if (ring->pid_fd >= 0)
		return poll(&look, 1, 0) > 0;
	return kill((pid_t)ring->pid, 0) != 0 && errno == ESRCH;
}

/* Ends those whose process is gone: all that they wrote is taken first. */
static struct plait_error *end_processes(struct agent_source *source)
{
	bool any = false;
	for (size_t i = 0; i < source->rings.count; i++) {
		struct plait_agent_ring *ring = &source->rings.data[i];
		if (ring->pid && !ring->ended && has_ended(ring))
			any = ring->ended = true;
	}
	if (!any)
		return NULL;
	PLAIT_TRY(drain(source, true));
	for (size_t i = 0; i < source->rings.count; i++) {
		struct plait_agent_ring *ring = &source->rings.data[i];
		if (!ring->pid || !ring->ended)
			continue;
		struct plait_source_event event = { .kind = PLAIT_SOURCE_EXIT,
						    .time = plait_clock_ns(CLOCK_MONOTONIC),
						    .pid = ring->pid,
						    .tid = ring->pid };
		plait_agent_ring_release(ring);
		PLAIT_TRY(deliver(source, &event));
	}
	return NULL;
}

/* Receives the hello and the descriptor that comes with it; false when it is none. */
static bool receive_hello(int connection, struct plait_agent_hello *ret, int *ret_fd)
{
	struct iovec part = { .iov_base = ret, .iov_len = sizeof(*ret) };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct timeval patience = { .tv_usec = HELLO_MS * 1000 };
	setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ssize_t got = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(header), sizeof(int));
	return got == (ssize_t)sizeof(*ret) && ret->magic == PLAIT_AGENT_MAGIC && *ret_fd >= 0;
}

/* A free slot, or -1 when memory ran out. */
static ssize_t new_slot(struct agent_source *source)
{
	for (size_t i = 0; i < source->rings.count; i++) {
		if (!source->rings.data[i].pid)
			return (ssize_t)i;
	}
	struct plait_agent_ring none = { .pid_fd = -1 };
	return plait_vec_push(&source->rings, none) ? (ssize_t)source->rings.count - 1 : -1;
}

/* The same process with a ring already: it has called exec. */
static struct plait_error *end_image(struct agent_source *source, uint32_t pid)
{
	for (size_t i = 0; i < source->rings.count; i++) {
		if (source->rings.data[i].pid != pid)
			continue;
		PLAIT_TRY(drain(source, true));
		plait_agent_ring_release(&source->rings.data[i]);
	}
	return NULL;
}

static struct plait_error *admit(struct agent_source *source, const struct plait_agent_hello *hello, uint32_t pid,
				 int fd)
{
	PLAIT_TRY(end_image(source, pid));
	ssize_t slot = new_slot(source);
	if (slot < 0)
		return plait_error_no_memory();
	struct plait_agent_ring *ring = &source->rings.data[slot];
	struct plait_error *error = plait_agent_ring_map(fd, ring);
	if (error) {
		plait_error_free(error); /* whoever this is, it is no program of ours */
		return NULL;
	}
	ring->pid = pid;
	ring->own_pid = hello->pid;
	ring->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	return deliver_process(source, ring, hello);
}

static struct plait_error *greet(struct agent_source *source, int connection)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	struct plait_agent_hello hello;
	int fd PLAIT_CLOSE = -1;
	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0 ||
	    !receive_hello(connection, &hello, &fd))
		return NULL;
	PLAIT_TRY(admit(source, &hello, (uint32_t)peer.pid, fd));
	if (hello.flags & PLAIT_AGENT_HELLO_WAIT && send(connection, "", 1, MSG_NOSIGNAL) != 1)
		return NULL; /* it has not waited */
	return NULL;
}

static struct plait_error *greet_all(struct agent_source *source)
{
	for (;;) {
		int connection PLAIT_CLOSE = accept4(source->listener, NULL, NULL, SOCK_CLOEXEC);
		if (connection < 0)
			return NULL; /* none is waiting; or it gave up, or descriptors are short: it is not covered */
		PLAIT_TRY(greet(source, connection));
	}
}

/* Waits until a process comes or goes, or it is time to look at the rings. */
static bool wait_for_something(struct agent_source *source, int timeout_ms)
{
	source->polled.count = 0;
	bool any = false;
	if (!plait_vec_push(&source->polled, ((struct pollfd) { .fd = source->listener, .events = POLLIN })))
		return false;
	for (size_t i = 0; i < source->rings.count; i++) {
		struct pollfd end = { .fd = source->rings.data[i].pid_fd, .events = POLLIN };
		if (!source->rings.data[i].pid)
			continue;
		any = true;
		if (end.fd >= 0 && !plait_vec_push(&source->polled, end))
			return false;
	}
	int look_ms = source->look_within < LOOK_MS * 1000000 ? (int)(source->look_within / 1000000) : LOOK_MS;
	if (any && timeout_ms > look_ms)
		timeout_ms = look_ms ? look_ms : 1;
	poll(source->polled.data, source->polled.count, timeout_ms);
	return true;
}

static uint64_t sampled_ns(void *context, uint32_t pid)
{
	struct agent_source *source = context;
	const uint64_t *sampled = plait_map_get(&source->sampled, pid);
	return sampled ? *sampled : 0;
}

/* Now and then, and at the end: who uses the CPU and is not sampled? */
static struct plait_error *look_for_unsampled(struct agent_source *source, bool now)
{
	uint64_t time = plait_clock_ns(CLOCK_MONOTONIC);
	if (!now && time < source->next_look)
		return NULL;
	source->next_look = time + UNSAMPLED_NS;
	return plait_unsampled_look(&source->unsampled, sampled_ns, source);
}

static struct plait_error *agent_poll(void *self, int timeout_ms, plait_source_handler handler, void *context)
{
	struct agent_source *source = self;
	source->handler = handler;
	source->context = context;
	if (timeout_ms > 0 && !wait_for_something(source, timeout_ms))
		return plait_error_no_memory();
	PLAIT_TRY(greet_all(source));
	PLAIT_TRY(end_processes(source));
	PLAIT_TRY(drain(source, timeout_ms < 0));
	return look_for_unsampled(source, timeout_ms < 0);
}

static struct plait_error *agent_stop(void *self)
{
	struct agent_source *source = self;
	for (size_t i = 0; i < source->rings.count; i++) {
		if (source->rings.data[i].pid)
			atomic_store(&source->rings.data[i].page->stop, 1);
	}
	source->stopped = true;
	nanosleep(&(struct timespec) { .tv_nsec = SETTLE_NS }, NULL);
	return NULL;
}

static struct plait_error *agent_count(void *self, uint32_t event, struct plait_source_count *ret)
{
	struct agent_source *source = self;
	(void)event;
	*ret = (struct plait_source_count) { .value = source->weight,
					     .enabled = source->weight,
					     .running = source->weight };
	return NULL;
}

static void agent_destroy(void *self)
{
	struct agent_source *source = self;
	agent_stop(source);
	for (size_t i = 0; i < source->rings.count; i++)
		plait_agent_ring_release(&source->rings.data[i]);
	plait_vec_free(&source->rings);
	plait_vec_free(&source->polled);
	plait_sorter_release(&source->sorter);
	plait_map_release(&source->sampled);
	plait_unsampled_release(&source->unsampled);
	free(source->frames);
	for (size_t i = 0; source->environment[i]; i++)
		free(source->environment[i]);
	if (source->listener >= 0)
		close(source->listener);
	if (source->socket_path[0])
		unlink(source->socket_path);
	if (source->folder[0])
		rmdir(source->folder);
	free(source);
}

static const struct plait_source_ops ops = {
	.name = "agent",
	.count = agent_count,
	.poll = agent_poll,
	.stop = agent_stop,
	.destroy = agent_destroy,
};

/* ---- opening ---- */

/* A folder that only this user may enter, so that nobody else's samples come. */
static struct plait_error *make_socket(struct agent_source *source)
{
	strcpy(source->folder, "/tmp/plait-XXXXXX");
	if (!mkdtemp(source->folder)) {
		int err = errno;
		source->folder[0] = '\0';
		return plait_error_advise(plait_error_system(err, "cannot make a folder in /tmp"),
					  "engine agent needs one for its socket");
	}
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(source->socket_path, sizeof(source->socket_path), "%s/agent", source->folder);
	strcpy(address.sun_path, source->socket_path);
	source->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (source->listener < 0 || bind(source->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(source->listener, BACKLOG) != 0)
		return plait_error_system(errno, "cannot listen on %s", source->socket_path);
	return NULL;
}

static struct plait_error *make_environment(struct agent_source *source, const struct plait_agent_options *options)
{
	const char *before = getenv("LD_PRELOAD");
	if (asprintf(&source->environment[0], "LD_PRELOAD=%s%s%s", options->library, before && *before ? ":" : "",
		     before ? before : "") < 0)
		return plait_error_no_memory();
	if (asprintf(&source->environment[1], "%s=interval=%llu,timer=%u,stack=%u,socket=%s", PLAIT_AGENT_VARIABLE,
		     (unsigned long long)options->interval_ns, options->timer,
		     options->stack_size ? options->stack_size : STACK_SIZE, source->socket_path) < 0)
		return plait_error_no_memory();
	return NULL;
}

struct plait_error *plait_source_agent_open(const struct plait_agent_options *options, struct plait_source *ret)
{
	struct agent_source *source = calloc(1, sizeof(*source));
	if (!source)
		return plait_error_no_memory();
	source->listener = -1;
	source->last_drain = plait_clock_ns(CLOCK_MONOTONIC);
	struct plait_error *error = make_socket(source);
	if (!error)
		error = make_environment(source, options);
	if (error) {
		agent_destroy(source);
		return error;
	}
	*ret = (struct plait_source) { .ops = &ops, .self = source };
	return NULL;
}

char *const *plait_source_agent_environment(const struct plait_source *source)
{
	const struct agent_source *self = source->self;
	return self->environment;
}

static struct plait_agent_ring *ring_of(const struct plait_source *source, uint32_t pid)
{
	struct agent_source *self = source->self;
	for (size_t i = 0; i < self->rings.count; i++) {
		if (pid && self->rings.data[i].pid == pid)
			return &self->rings.data[i];
	}
	return NULL;
}

void plait_source_agent_add_plan(struct plait_source *source, uint32_t pid, const void *plan, size_t size)
{
	struct plait_agent_ring *ring = ring_of(source, pid);
	if (ring)
		plait_agent_ring_add_plan(ring, plan, size);
}

void plait_source_agent_forget_plans(struct plait_source *source, uint32_t pid)
{
	struct plait_agent_ring *ring = ring_of(source, pid);
	if (ring)
		plait_agent_ring_forget_plans(ring);
}

void plait_source_agent_describe_unsampled(const struct plait_source *source, char *text, size_t size)
{
	const struct agent_source *self = source->self;
	plait_unsampled_describe(&self->unsampled, text, size);
}
