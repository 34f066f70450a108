/*
 * Processes of the recorded program that use CPU time and take no samples: nothing is dropped silently.
 */
#ifndef PLAIT_PERF_AGENT_UNSAMPLED_H
#define PLAIT_PERF_AGENT_UNSAMPLED_H

#include <stdint.h>

#include "common/error.h"
#include "common/vec.h"

struct plait_unsampled_process {
	uint32_t pid;
	uint64_t ticks;		  /* of CPU time at the look before */
	uint64_t sampled_ns;	  /* of which samples told, at the look before */
	uint64_t unsampled_ticks; /* in which no sample came */
	char name[32];
};

/* Zeroed is empty. */
struct plait_unsampled {
	PLAIT_VEC(struct plait_unsampled_process) processes;
};

/* Looks at the descendants of this process. `sampled_ns` says what CPU time the samples of one stand for. */
struct plait_error *plait_unsampled_look(struct plait_unsampled *unsampled,
					 uint64_t (*sampled_ns)(void *context, uint32_t pid), void *context);

/* The sentence for the user, or "" when there is nothing to say. */
void plait_unsampled_describe(const struct plait_unsampled *unsampled, char *text, size_t size);

/* Frees; empty afterwards. */
void plait_unsampled_release(struct plait_unsampled *unsampled);

#endif
