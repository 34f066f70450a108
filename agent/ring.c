/*
 * The ring: made at the first sample, in a handler or in the constructor, and told to the recorder over its socket. No
 * descriptor stays open.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/arch.h"
#include "common/clock.h"

enum {
	ANSWER_MS = 3000,
	LOST_MAX = 5000, /* in a row: nobody reads any more */
};

enum ring_state { RING_NONE, RING_MAKING, RING_READY, RING_REFUSED };

static _Atomic int state;
static _Atomic uint32_t lost_in_row;
static bool forked;
static uint32_t parent_pid, own_pid;
static struct plait_agent_page *page;
static struct plait_agent_page inherited; /* the plans of the process that was forked */
static uint8_t *data;			  /* data_size bytes, mapped twice in a row */

/* The first page and the data twice, so that a record never wraps. NULL when it cannot be mapped. */
static struct plait_agent_page *map_ring(int fd)
{
	size_t size = PLAIT_AGENT_DATA_SIZE;
	uint8_t *at =
		mmap(NULL, PLAIT_AGENT_PAGE + 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	int protection = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_FIXED;
	if (mmap(at, PLAIT_AGENT_PAGE + size, protection, flags, fd, 0) == MAP_FAILED ||
	    mmap(at + PLAIT_AGENT_PAGE + size, size, protection, flags, fd, PLAIT_AGENT_PAGE) == MAP_FAILED) {
		munmap(at, PLAIT_AGENT_PAGE + 2 * size);
		return NULL;
	}
	return (struct plait_agent_page *)at;
}

static bool send_hello(int socket, int fd, bool wait)
{
	struct plait_agent_hello hello = {
		.magic = PLAIT_AGENT_MAGIC,
		.flags = (wait ? PLAIT_AGENT_HELLO_WAIT : 0) | (forked ? PLAIT_AGENT_HELLO_FORKED : 0),
		.pid = own_pid,
		.parent = parent_pid,
		.time = plait_clock_ns(CLOCK_MONOTONIC),
	};
	struct iovec part = { .iov_base = &hello, .iov_len = sizeof(hello) };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(hello);
}

/* Tells the recorder about the ring. In a handler nothing is waited for: with `*ret_later` the recorder is there, but
 * has too much to do. False when it was not told. */
static bool introduce(int fd, bool wait, bool *ret_later)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, agent_settings.socket, sizeof(agent_settings.socket));
	int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK), 0);
	if (connection < 0)
		return false;
	bool connected = connect(connection, (struct sockaddr *)&address, sizeof(address)) == 0;
	*ret_later = !connected && errno == EAGAIN;
	bool told = connected && send_hello(connection, fd, wait);
	if (told && wait) {
		struct pollfd answer = { .fd = connection, .events = POLLIN };
		poll(&answer, 1, ANSWER_MS);
	}
	close(connection);
	return told;
}

static bool make_ring(bool wait, bool *ret_later)
{
	int fd = (int)syscall(SYS_memfd_create, "plait", 1u /* MFD_CLOEXEC */);
	if (fd < 0)
		return false;
	bool made = ftruncate(fd, PLAIT_AGENT_PAGE + PLAIT_AGENT_DATA_SIZE) == 0 && (page = map_ring(fd));
	if (made) {
		page->magic = PLAIT_AGENT_MAGIC;
		page->data_size = PLAIT_AGENT_DATA_SIZE;
		page->plan_count = inherited.plan_count;
		memcpy(page->plan, inherited.plan, sizeof(page->plan));
		atomic_store(&page->plans, inherited.plan_count ? 2 : 0);
		data = (uint8_t *)page + PLAIT_AGENT_PAGE;
		made = introduce(fd, wait, ret_later);
	}
	close(fd);
	return made;
}

bool agent_ring_ready(bool wait)
{
	int now = atomic_load_explicit(&state, memory_order_acquire);
	if (now == RING_READY)
		return true;
	int none = RING_NONE;
	if (now != RING_NONE || !atomic_compare_exchange_strong(&state, &none, RING_MAKING))
		return false;
	if (!own_pid)
		own_pid = (uint32_t)getpid();
	bool later = false, made = make_ring(wait, &later);
	if (!made && page) {
		munmap(page, PLAIT_AGENT_PAGE + 2 * (size_t)PLAIT_AGENT_DATA_SIZE);
		page = NULL;
	}
	atomic_store_explicit(&state, made ? RING_READY : later ? RING_NONE : RING_REFUSED, memory_order_release);
	return made;
}

/* In the child of a vfork the memory is the parent's, and so is the ring. */
bool agent_ring_exists(void)
{
	return own_pid == (uint32_t)getpid() && atomic_load_explicit(&state, memory_order_acquire) == RING_READY;
}

struct plait_agent_record *agent_ring_reserve(enum plait_agent_record_kind kind, size_t body, uint64_t *ret_position)
{
	uint64_t size = (sizeof(struct plait_agent_record) + body + 7) & ~7ULL;
	uint64_t head = atomic_load_explicit(&page->head, memory_order_relaxed);
	do {
		uint64_t tail = atomic_load_explicit(&page->tail, memory_order_acquire);
		if (head + size - tail > PLAIT_AGENT_DATA_SIZE)
			return NULL;
	} while (!atomic_compare_exchange_weak(&page->head, &head, head + size));
	struct plait_agent_record *record = (struct plait_agent_record *)(data + (head & (PLAIT_AGENT_DATA_SIZE - 1)));
	record->kind = kind;
	record->size = (uint32_t)size;
	record->body = (uint32_t)body;
	*ret_position = head;
	return record;
}

void agent_ring_commit(struct plait_agent_record *record, uint64_t position)
{
	atomic_store_explicit(&record->commit, plait_agent_commit(position), memory_order_release);
	atomic_store_explicit(&lost_in_row, 0, memory_order_relaxed);
}

void agent_ring_count_lost(void)
{
	atomic_fetch_add_explicit(&page->lost, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&lost_in_row, 1, memory_order_relaxed);
}

bool agent_ring_is_over(void)
{
	int now = atomic_load_explicit(&state, memory_order_acquire);
	if (now == RING_READY)
		return atomic_load_explicit(&page->stop, memory_order_relaxed) ||
		       atomic_load_explicit(&lost_in_row, memory_order_relaxed) > LOST_MAX;
	return now == RING_REFUSED;
}

void agent_ring_plans(struct agent_thread *thread)
{
	uint32_t before = atomic_load_explicit(&page->plans, memory_order_acquire);
	if (before == thread->plans_seen || (before & 1) || before == 0)
		return;
	uint32_t count = page->plan_count <= PLAIT_AGENT_PLANS ? page->plan_count : 0;
	for (uint32_t i = 0; i < count; i++)
		memcpy(&thread->plans[i], page->plan[i], sizeof(thread->plans[i]));
	atomic_thread_fence(memory_order_acquire);
	bool whole = atomic_load_explicit(&page->plans, memory_order_relaxed) == before;
	thread->plan_count = whole ? count : 0;
	if (whole)
		thread->plans_seen = before;
}

void agent_ring_forked(void)
{
	if (page && !(atomic_load(&page->plans) & 1)) {
		inherited.plan_count = page->plan_count;
		memcpy(inherited.plan, page->plan, sizeof(inherited.plan));
	}
	if (page)
		munmap(page, PLAIT_AGENT_PAGE + 2 * (size_t)PLAIT_AGENT_DATA_SIZE);
	page = NULL;
	parent_pid = own_pid ? own_pid : (uint32_t)getppid();
	own_pid = (uint32_t)getpid();
	forked = true;
	atomic_store(&lost_in_row, 0);
	if (atomic_load(&state) != RING_REFUSED)
		atomic_store(&state, RING_NONE);
}
