/*
 * The nearest right names to a wrong one, collected from tables of any size.
 */
#ifndef PLAIT_PERF_EVENT_NEAREST_H
#define PLAIT_PERF_EVENT_NEAREST_H

#include <stddef.h>

#include "common/error.h"

enum { PLAIT_NEAREST_NAMES = 3, PLAIT_NEAREST_NAME_SIZE = 64 };

/* The best names so far, the nearest first; of equally near ones the first that was offered. Zeroed is empty, then set
 * the name. */
struct plait_nearest {
	const char *name; /* what was written; borrowed */
	size_t length;	  /* of it */
	char names[PLAIT_NEAREST_NAMES][PLAIT_NEAREST_NAME_SIZE];
	unsigned distances[PLAIT_NEAREST_NAMES];
	size_t count;
};

/* Considers one right name. Names of PLAIT_NEAREST_NAME_SIZE bytes and more are never near. */
void plait_nearest_offer(struct plait_nearest *nearest, const char *known);

/* Adds "did you mean a, b or c?" to `error`, or `otherwise` when nothing came near. Returns `error`. */
struct plait_error *plait_nearest_advise(const struct plait_nearest *nearest, struct plait_error *error,
					 const char *otherwise);

#endif
