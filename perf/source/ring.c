#include "perf/source/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct plait_error *map_error(int err, size_t least)
{
	struct plait_error *error = plait_error_system(err, "mapping a ring of %zu KiB for samples",
						       least * (size_t)sysconf(_SC_PAGESIZE) / 1024);
	if (err == EPERM)
		return plait_error_advise(error, "memory that may be locked has run out: raise sysctl "
						 "kernel.perf_event_mlock_kb or ulimit -l, or run with CAP_IPC_LOCK");
	if (err == ENOMEM)
		return plait_error_advise(error, "the machine or the memory cgroup has no memory left");
	return error;
}

struct plait_error *plait_ring_map(int fd, size_t pages, size_t least, struct plait_ring *ret)
{
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t *scratch = malloc(PLAIT_RECORD_MAX);
	if (!scratch)
		return plait_error_no_memory();
	for (;; pages /= 2) {
		size_t map_size = (pages + 1) * page_size;
		void *map = mmap(NULL, map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map != MAP_FAILED) {
			*ret = (struct plait_ring) { .page = map,
						     .data = (const uint8_t *)map + page_size,
						     .size = pages * page_size,
						     .map_size = map_size,
						     .scratch = scratch };
			return NULL;
		}
		int err = errno;
		if ((err != EPERM && err != ENOMEM) || pages / 2 < least || pages < 2) {
			free(scratch);
			return map_error(err, pages);
		}
	}
}

bool plait_ring_wrap(struct perf_event_mmap_page *page, const uint8_t *data, struct plait_ring *ret)
{
	uint64_t *scratch = malloc(PLAIT_RECORD_MAX);
	if (!scratch)
		return false;
	*ret = (struct plait_ring) { .page = page, .data = data, .size = page->data_size, .scratch = scratch };
	return true;
}

void plait_ring_release(struct plait_ring *ring)
{
	if (ring->map_size)
		munmap(ring->page, ring->map_size);
	free(ring->scratch);
	*ring = (struct plait_ring) { 0 };
}

uint64_t plait_ring_head(const struct plait_ring *ring)
{
	return __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
}

uint64_t plait_ring_tail(const struct plait_ring *ring)
{
	return ring->page->data_tail; /* only we write it */
}

void plait_ring_release_until(struct plait_ring *ring, uint64_t tail)
{
	__atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
}

const struct perf_event_header *plait_ring_record(const struct plait_ring *ring, uint64_t position, uint64_t head)
{
	uint64_t left = head - position;
	uint64_t offset = position & (ring->size - 1);
	if (position % 8 || left > ring->size || left < sizeof(struct perf_event_header))
		return NULL;
	/* A header never wraps: it is 8 bytes at a multiple of 8. */
	const struct perf_event_header *header = (const void *)(ring->data + offset);
	uint16_t size = header->size;
	if (size < sizeof(*header) || size % 8 || size > left)
		return NULL;
	uint64_t here = ring->size - offset;
	if (size <= here)
		return header;
	memcpy(ring->scratch, ring->data + offset, here);
	memcpy((uint8_t *)ring->scratch + here, ring->data, size - here);
	return (const void *)ring->scratch;
}
