#include "perf/agent/agent_ring.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

enum { MAP_SIZE = PLAIT_AGENT_PAGE + 2 * PLAIT_AGENT_DATA_SIZE };

struct plait_error *plait_agent_ring_map(int fd, struct plait_agent_ring *ret)
{
	struct stat status;
	if (fstat(fd, &status) != 0 || status.st_size != PLAIT_AGENT_PAGE + PLAIT_AGENT_DATA_SIZE)
		return plait_error_new(PLAIT_ERROR_INVALID, "a program's ring of samples has not the size of one");
	uint8_t *at = mmap(NULL, MAP_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return plait_error_system(errno, "cannot map a program's ring of samples");
	int protection = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_FIXED;
	if (mmap(at, PLAIT_AGENT_PAGE + PLAIT_AGENT_DATA_SIZE, protection, flags, fd, 0) == MAP_FAILED ||
	    mmap(at + PLAIT_AGENT_PAGE + PLAIT_AGENT_DATA_SIZE, PLAIT_AGENT_DATA_SIZE, protection, flags, fd,
		 PLAIT_AGENT_PAGE) == MAP_FAILED) {
		int err = errno;
		munmap(at, MAP_SIZE);
		return plait_error_system(err, "cannot map a program's ring of samples");
	}
	ret->page = (struct plait_agent_page *)at;
	ret->data = at + PLAIT_AGENT_PAGE;
	if (ret->page->magic != PLAIT_AGENT_MAGIC || ret->page->data_size != PLAIT_AGENT_DATA_SIZE) {
		munmap(at, MAP_SIZE);
		ret->page = NULL;
		return plait_error_new(PLAIT_ERROR_INVALID, "a program's ring of samples is that of another version");
	}
	return NULL;
}

void plait_agent_ring_release(struct plait_agent_ring *ring)
{
	if (ring->page)
		munmap(ring->page, MAP_SIZE);
	if (ring->pid && ring->pid_fd >= 0)
		close(ring->pid_fd);
	plait_map_release(&ring->tids);
	plait_map_release(&ring->names);
	*ring = (struct plait_agent_ring) { .pid_fd = -1 };
}

const uint8_t *plait_agent_ring_record(const struct plait_agent_ring *ring, uint64_t position,
				       struct plait_agent_record *ret, bool *ret_bad)
{
	uint64_t head = atomic_load_explicit(&ring->page->head, memory_order_acquire);
	*ret_bad = false;
	if (position >= head)
		return NULL;
	uint64_t at = position & (PLAIT_AGENT_DATA_SIZE - 1);
	struct plait_agent_record *record = (struct plait_agent_record *)(uintptr_t)(ring->data + at);
	if (atomic_load_explicit(&record->commit, memory_order_acquire) != plait_agent_commit(position))
		return NULL;
	ret->kind = record->kind;
	ret->size = record->size;
	ret->body = record->body;
	*ret_bad = ret->size % 8 || ret->size < sizeof(*record) || ret->size > PLAIT_AGENT_DATA_SIZE ||
		   ret->body > ret->size - sizeof(*record) || ret->size > head - position;
	return *ret_bad ? NULL : (const uint8_t *)(record + 1);
}

void plait_agent_ring_give_back(struct plait_agent_ring *ring, uint64_t position)
{
	atomic_store_explicit(&ring->page->tail, position, memory_order_release);
}

/* ---- numbers ---- */

/* Notes what the thread `tid` of the recorder's namespace calls itself: the last number of its NSpid. */
static void note_tid(struct plait_agent_ring *ring, const char *tid)
{
	char path[96], line[256];
	snprintf(path, sizeof(path), "/proc/%u/task/%.16s/status", ring->pid, tid);
	FILE *status PLAIT_FCLOSE = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		const char *last = strrchr(line, '\t');
		if (strncmp(line, "NSpid:", 6) != 0 || !last)
			continue;
		plait_map_put(&ring->tids, strtoul(last + 1, NULL, 10), strtoul(tid, NULL, 10));
		return;
	}
}

uint32_t plait_agent_ring_tid(struct plait_agent_ring *ring, uint32_t own_tid)
{
	if (ring->pid == ring->own_pid)
		return own_tid;
	if (own_tid == ring->own_pid)
		return ring->pid;
	const uint64_t *known = plait_map_get(&ring->tids, own_tid);
	if (!known) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/%u/task", ring->pid);
		DIR *tasks = opendir(path);
		for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
			if (entry->d_name[0] != '.')
				note_tid(ring, entry->d_name);
		}
		if (tasks)
			closedir(tasks);
		known = plait_map_get(&ring->tids, own_tid);
	}
	return known ? (uint32_t)*known : own_tid;
}

/* ---- plans ---- */

bool plait_agent_ring_add_plan(struct plait_agent_ring *ring, const void *plan, size_t size)
{
	struct plait_agent_page *page = ring->page;
	uint32_t count = page->plan_count;
	for (uint32_t i = 0; i < count && i < PLAIT_AGENT_PLANS && size <= PLAIT_AGENT_PLAN_SIZE; i++) {
		if (!memcmp(page->plan[i], plan, size))
			return true; /* a forked child has its parent's */
	}
	if (count >= PLAIT_AGENT_PLANS || size > PLAIT_AGENT_PLAN_SIZE)
		return false;
	atomic_fetch_add(&page->plans, 1);
	memcpy(page->plan[count], plan, size);
	page->plan_count = count + 1;
	atomic_fetch_add(&page->plans, 1);
	return true;
}

void plait_agent_ring_forget_plans(struct plait_agent_ring *ring)
{
	atomic_fetch_add(&ring->page->plans, 1);
	ring->page->plan_count = 0;
	atomic_fetch_add(&ring->page->plans, 1);
}
