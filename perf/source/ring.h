/*
 * Reading a perf ring: records in place between two positions, positions count bytes since the ring was made.
 */
#ifndef PLAIT_PERF_SOURCE_RING_H
#define PLAIT_PERF_SOURCE_RING_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define PLAIT_RECORD_MAX 65536 /* perf_event_header.size has 16 bits */

struct plait_ring {
	struct perf_event_mmap_page *page; /* NULL: not mapped */
	const uint8_t *data;
	uint64_t size;	   /* of the data, a power of two */
	size_t map_size;   /* page and data, for munmap */
	uint64_t *scratch; /* PLAIT_RECORD_MAX bytes for the one record that wraps */
};

/* Maps the ring of perf event `fd` with `pages` data pages, a power of two; where memory is refused, with fewer, but at
 * least `least`. The error explains what to do. */
struct plait_error *plait_ring_map(int fd, size_t pages, size_t least, struct plait_ring *ret);

/* Makes a ring over memory of the caller's, as plait_ring_map() does over the kernel's: for tests and fuzzing.
 * `page->data_size` is the size of the data behind `data`. Returns false when memory ran out. */
bool plait_ring_wrap(struct perf_event_mmap_page *page, const uint8_t *data, struct plait_ring *ret);

/* Unmaps (what plait_ring_map() mapped) and frees. A zeroed ring is allowed. */
void plait_ring_release(struct plait_ring *ring);

/* Where the kernel's written records end. Everything before it may be read. */
uint64_t plait_ring_head(const struct plait_ring *ring);

/* Where the records that the kernel must not overwrite yet begin. */
uint64_t plait_ring_tail(const struct plait_ring *ring);

/* Gives everything before `tail` back to the kernel: pointers to it are invalid from now on. */
void plait_ring_release_until(struct plait_ring *ring, uint64_t tail);

/* The record at `position`, aligned to 8 bytes: in place, or, if it wraps, in the ring's scratch, where it stays until
 * the next one that wraps. NULL when it is no whole record before `head`. */
const struct perf_event_header *plait_ring_record(const struct plait_ring *ring, uint64_t position, uint64_t head);

#endif
