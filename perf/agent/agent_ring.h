/*
 * One process that samples itself, as the recorder sees it: its ring, and its numbers in the recorder's pid namespace.
 */
#ifndef PLAIT_PERF_AGENT_AGENT_RING_H
#define PLAIT_PERF_AGENT_AGENT_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/agent_wire.h"
#include "common/error.h"
#include "common/map.h"

struct plait_agent_ring {
	uint32_t pid;	  /* recorder's pid namespace; 0: the slot is free */
	uint32_t own_pid; /* the process's own */
	int pid_fd;	  /* readable when the process has ended; -1: not to be had */
	bool ended;
	struct plait_agent_page *page; /* NULL: not mapped */
	const uint8_t *data;
	uint64_t scanned;	/* position up to which records were looked at */
	uint64_t lost;		/* of page->lost, told already */
	struct plait_map tids;	/* own tid -> tid here, where the namespaces differ */
	struct plait_map names; /* tid -> hash of the name that was told */
};

/* Maps the ring behind `fd` (not kept). Its size and magic are checked. */
struct plait_error *plait_agent_ring_map(int fd, struct plait_agent_ring *ret);
/* Unmaps and frees; the slot is free afterwards. */
void plait_agent_ring_release(struct plait_agent_ring *ring);

/* The whole record at `position`, or NULL: not written yet, or not what it should be (`*ret_bad`). Valid until
 * plait_agent_ring_give_back(). Its kind, size and body are in `ret`: the process could change its own. */
const uint8_t *plait_agent_ring_record(const struct plait_agent_ring *ring, uint64_t position,
				       struct plait_agent_record *ret, bool *ret_bad);

/* Everything before `position` may be written over. */
void plait_agent_ring_give_back(struct plait_agent_ring *ring, uint64_t position);

/* The thread's id in the recorder's pid namespace. */
uint32_t plait_agent_ring_tid(struct plait_agent_ring *ring, uint32_t own_tid);

/* Writes the plan behind those that are there; false when there is no room. */
bool plait_agent_ring_add_plan(struct plait_agent_ring *ring, const void *plan, size_t size);
void plait_agent_ring_forget_plans(struct plait_agent_ring *ring);

#endif
