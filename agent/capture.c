/*
 * One sample: Python frames, code objects not seen before, registers, stack.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/arch.h"
#include "common/clock.h"
#include "common/stack_extent.h"

typedef struct agent_thread *plait_walk_memory;

enum {
	PAGE = 4096,
	SEEN_SIZE = 1 << 16, /* a power of two */
	SEEN_FULL = SEEN_SIZE / 4 * 3,
	SEEN_TRIES = 3,
};

/* ---- reading memory that may not be there ---- */

/* rt_sigprocmask(2) reads its set before it looks at `how`: EFAULT tells memory that cannot be read, EINVAL memory that
 * can, and nothing happens (kernel/signal.c). */
static bool page_is_readable(uint64_t page)
{
	return agent_arch_syscall(SYS_rt_sigprocmask, -1, (long)page, 0, 8) == -EINVAL;
}

/* Whether [address, address + size) can be read: as long as no other thread unmaps it. */
static bool is_readable(struct agent_thread *self, uint64_t address, uint64_t size)
{
	if (address >= self->stack_start && address + size <= self->stack_end)
		return true;
	if (address < PAGE || address + size < address || address + size > agent_arch_address_end)
		return false;
	for (uint64_t page = address & -(uint64_t)PAGE; page < address + size; page += PAGE) {
		uint64_t *slot = &self->pages[page / PAGE & (AGENT_PAGES - 1)];
		if (*slot == page)
			continue;
		if (!page_is_readable(page))
			return false;
		*slot = page;
	}
	return true;
}

/* Another thread's state may be freed and unmapped between a look and a load: the kernel copies it. */
static bool copy_foreign(void *to, uint64_t size, uint64_t address)
{
	struct iovec local = { .iov_base = to, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };
	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size;
}

static inline int plait_walk_read_some(struct agent_thread *self, void *to, uint64_t size, uint64_t mask,
				       uint64_t address)
{
	(void)mask;
	if (!is_readable(self, address, size))
		return 1;
	memcpy(to, (const void *)(uintptr_t)address, size);
	return 0;
}

#define PLAIT_TSTATE_READ 192 /* PLAIT_WALK_TSTATE_SIZE of walk/thread.h, which comes below */

/* Frames and code objects are the thread's own: they do not go away while it is here. Thread states need not be, nor
 * interpreters, which are read while searching. */
static inline int plait_walk_read(struct agent_thread *self, void *to, uint32_t size, uint64_t address)
{
	if (size > sizeof(self->walk.words) / 2)
		return 1;
	bool foreign = (size == PLAIT_TSTATE_READ && address != self->own_tstate) || self->walk.searching;
	if (foreign)
		return !copy_foreign(to, size, address);
	return plait_walk_read_some(self, to, size, 0, address);
}

#include "python_unwind/walk.h"
#include "python_unwind/walk/code_copy.h"

_Static_assert(PLAIT_TSTATE_READ == PLAIT_WALK_TSTATE_SIZE, "the size by which a thread state is known");
_Static_assert(sizeof(struct plait_walk_plan) <= PLAIT_AGENT_PLAN_SIZE, "a plan fits the page");

/* ---- code objects ---- */

static _Atomic uint64_t seen[SEEN_SIZE];
static _Atomic uint32_t seen_count;
static _Atomic uint64_t seen_salt;

static uint64_t seen_key(const struct plait_wire_frame *frame, uint64_t runtime, unsigned attempt)
{
	uint64_t key = plait_walk_mix(frame->code + atomic_load_explicit(&seen_salt, memory_order_relaxed));
	key = plait_walk_mix(key ^ frame->fingerprint ^ runtime) + attempt;
	return key | 1;
}

/* Whether `key` is in the set; with `add` it is afterwards. */
static bool seen_has(uint64_t key, bool add)
{
	uint64_t at = plait_walk_mix(key);
	for (unsigned i = 0; i < 64; i++, at++) {
		_Atomic uint64_t *slot = &seen[at & (SEEN_SIZE - 1)];
		uint64_t value = atomic_load_explicit(slot, memory_order_relaxed);
		if (value == key)
			return true;
		if (value)
			continue;
		if (!add)
			return false;
		if (atomic_compare_exchange_strong(slot, &value, key)) {
			atomic_fetch_add_explicit(&seen_count, 1, memory_order_relaxed);
			return false;
		}
		if (value == key)
			return true;
	}
	return false; /* crowded: it is sent again */
}

/* Everything is sent again. */
static void seen_clear(void)
{
	atomic_fetch_add(&seen_salt, 0x9e3779b97f4a7c15ULL);
	for (unsigned i = 0; i < SEEN_SIZE; i++)
		atomic_store_explicit(&seen[i], 0, memory_order_relaxed);
	atomic_store(&seen_count, 0);
}

/* Sends the code object of a frame, unless it was sent. False when there is no room. */
static bool send_code(struct agent_thread *self, const struct plait_wire_frame *frame)
{
	uint64_t runtime = self->walk.plan.runtime;
	unsigned attempt = 0;
	if (seen_has(seen_key(frame, runtime, 0), false))
		return true;
	for (attempt = 1; attempt < SEEN_TRIES && seen_has(seen_key(frame, runtime, 2 * attempt), false); attempt++)
		;
	bool whole = plait_walk_copy_code(self, &self->walk, frame, &self->code) || attempt == SEEN_TRIES;
	size_t size = offsetof(struct plait_wire_code, table) + self->code.table_size;
	uint64_t position;
	struct plait_agent_record *record = agent_ring_reserve(PLAIT_AGENT_CODE, size, &position);
	if (!record)
		return false;
	memcpy(record + 1, &self->code, size);
	agent_ring_commit(record, position);
	seen_has(seen_key(frame, runtime, whole ? 0 : 2 * attempt), true);
	return true;
}

static bool send_codes(struct agent_thread *self, uint32_t from, uint32_t to)
{
	if (atomic_load_explicit(&seen_count, memory_order_relaxed) > SEEN_FULL)
		seen_clear();
	for (uint32_t i = from; i < to; i++) {
		if (self->frames[i].kind == PLAIT_PYTHON_FRAME && !send_code(self, &self->frames[i]))
			return false;
	}
	return true;
}

/* ---- the walk ---- */

/* Walks the frames of one runtime into self->frames from `from` on; returns how many there are then. */
static uint32_t walk_runtime(struct agent_thread *self, const struct plait_walk_plan *plan, uint32_t from,
			     uint32_t *ret_status)
{
	struct plait_walk *walk = &self->walk;
	walk->plan = *plan;
	walk->tp = self->tp;
	walk->first_tid = 0; /* that thread pointer is right */
	walk->searching = 0;
	struct plait_walk_gilstate gilstate;
	plait_walk_read_gilstate(self, walk, &gilstate);
	gilstate.tstate_current = 0; /* up to 3.11 it may be another thread's */
	self->own_tstate = plait_walk_active_tstate(self, walk, &gilstate);
	if (!self->own_tstate)
		self->own_tstate = plait_walk_bound_tstate(self, walk, &gilstate);
	struct plait_wire_frame *frames = self->frames + from;
	uint32_t room = AGENT_FRAMES_MAX - from;
	if (plait_walk_begin(self, walk)) {
		for (;;) {
			if (walk->count >= room) {
				walk->status = PLAIT_WALK_TOO_DEEP;
				break;
			}
			if (plait_walk_step(self, walk, &frames[walk->count]) == PLAIT_STEP_END)
				break;
		}
		plait_walk_finish(walk, frames, room);
	}
	*ret_status = walk->status;
	return from + walk->count;
}

/* The status of a thread in several runtimes: the worst, but one in which it has no frames counts for nothing. */
static uint32_t worse_status(uint32_t a, uint32_t b)
{
	if (a == PLAIT_WALK_NO_RUNTIME || a == PLAIT_WALK_NO_THREAD)
		return b == PLAIT_WALK_NO_RUNTIME ? a : b;
	if (b == PLAIT_WALK_NO_RUNTIME || b == PLAIT_WALK_NO_THREAD)
		return a;
	return a > b ? a : b;
}

/* Walks all runtimes and sends their code objects. False when there is no room. */
static bool walk_python(struct agent_thread *self, struct plait_agent_sample *sample)
{
	agent_ring_plans(self);
	for (uint32_t i = 0; i < self->plan_count; i++) {
		uint32_t status, from = sample->frame_count;
		sample->frame_count = walk_runtime(self, &self->plans[i], from, &status);
		sample->walk = worse_status(sample->walk, status);
		if (sample->frame_count > from)
			sample->per_frame = self->plans[i].shape <= PLAIT_SHAPE_FRAME_OBJECT_CFRAME;
		if (!send_codes(self, from, sample->frame_count))
			return false;
	}
	return true;
}

/* ---- the stack ---- */

extern void *__libc_stack_end; /* of the first thread: ld.so's, GLIBC_2.2.5 */

/* Sets what is to be copied. An unknown stack ends at the first page that is not there. */
static void measure_stack(struct agent_thread *self, uint64_t sp, struct plait_agent_sample *sample)
{
	uint64_t known = plait_stack_extent(sp, (uint64_t)(uintptr_t)__libc_stack_end, self->tp), end = known;
	self->stack_start = self->stack_end = 0;
	if (!known) {
		for (end = sp & -(uint64_t)PAGE; end < sp + PLAIT_STACK_UNKNOWN && is_readable(self, end, PAGE);
		     end += PAGE)
			;
		if (end < sp)
			end = sp;
	}
	if (end - sp > agent_settings.stack_limit)
		end = sp + agent_settings.stack_limit;
	sample->stack_address = sp;
	sample->stack_size = (uint32_t)(end - sp);
	sample->stack_whole = known && end == known;
	self->stack_start = sp;
	self->stack_end = end;
}

/* ---- all of it ---- */

static _Atomic bool maps_wanted;

static bool write_sample(struct agent_thread *self, const struct plait_agent_sample *sample)
{
	uint64_t position;
	size_t frames = sample->frame_count * sizeof(struct plait_wire_frame);
	struct plait_agent_record *record =
		agent_ring_reserve(PLAIT_AGENT_SAMPLE, sizeof(*sample) + frames + sample->stack_size, &position);
	if (!record)
		return false;
	uint8_t *to = (uint8_t *)(record + 1);
	memcpy(to, sample, sizeof(*sample));
	memcpy(to + sizeof(*sample), self->frames, frames);
	memcpy(to + sizeof(*sample) + frames, (const void *)(uintptr_t)sample->stack_address, sample->stack_size);
	agent_ring_commit(record, position);
	return true;
}

void agent_capture(struct agent_thread *self, const void *context, uint64_t weight)
{
	if (!agent_ring_ready(false))
		return;
	if (atomic_exchange(&maps_wanted, false))
		agent_capture_maps(self);
	struct plait_agent_sample sample = { .time = plait_clock_ns(CLOCK_MONOTONIC),
					     .weight = weight,
					     .tid = self->tid };
	memset(self->pages, 0xff, sizeof(self->pages));
	agent_arch_registers(context, &sample);
	measure_stack(self, agent_arch_stack_pointer(context), &sample);
	agent_arch_syscall(SYS_prctl, PR_GET_NAME, (long)(uintptr_t)sample.name, 0, 0);
	if (!walk_python(self, &sample) || !write_sample(self, &sample))
		agent_ring_count_lost();
}

bool agent_capture_slept(const void *context)
{
	uint64_t call = agent_arch_slept_at(context), last = call + agent_arch_call_size - 1;
	if (call < PAGE || last >= agent_arch_address_end || !page_is_readable(call & -(uint64_t)PAGE) ||
	    !page_is_readable(last & -(uint64_t)PAGE))
		return false;
	return !memcmp((const void *)(uintptr_t)call, agent_arch_call, agent_arch_call_size);
}

/* The set is not emptied: that would touch, and so copy, all of its pages. */
void agent_capture_forked(void)
{
	atomic_fetch_add(&seen_salt, 0x9e3779b97f4a7c15ULL);
}

/* ---- mappings ---- */

/* Keeps the lines of `text` that are executable, in place; returns their size. */
static size_t keep_executable(char *text, size_t size)
{
	size_t kept = 0;
	for (size_t at = 0; at < size;) {
		const char *newline = memchr(text + at, '\n', size - at);
		if (!newline)
			break;
		size_t length = (size_t)(newline - (text + at)) + 1;
		const char *space = memchr(text + at, ' ', length);
		if (space && space + 3 < newline && space[3] == 'x') {
			memmove(text + kept, text + at, length);
			kept += length;
		}
		at += length;
	}
	return kept;
}

void agent_capture_maps(struct agent_thread *self)
{
	char *text = (char *)self->frames; /* free between samples */
	size_t size = 0;
	ssize_t got = 1;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (size < sizeof(self->frames) && (got = read(fd, text + size, sizeof(self->frames) - size)) > 0)
		size += (size_t)got;
	close(fd);
	size = keep_executable(text, size);
	uint64_t position;
	struct plait_agent_record *record = agent_ring_reserve(PLAIT_AGENT_MAPS, size, &position);
	if (!record)
		return;
	memcpy(record + 1, text, size);
	agent_ring_commit(record, position);
}

void agent_capture_maps_soon(void)
{
	atomic_store(&maps_wanted, true);
}
