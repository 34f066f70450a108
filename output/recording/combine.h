/*
 * Several recordings into one: the ranks of a job, the workers of a pool.
 */
#ifndef PLAIT_OUTPUT_RECORDING_COMBINE_H
#define PLAIT_OUTPUT_RECORDING_COMBINE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct plait_combined {
	uint64_t samples;
	uint64_t size;	  /* bytes of the result */
	uint32_t cut;	  /* inputs without an END record */
	uint32_t damaged; /* inputs of which only what came before the damage was taken */
};

/* Merges the recordings at `paths` (at least one) into a new one at `output`. Samples are in the order of the time of
 * day; times count from the start of the earliest input. Processes and threads stay apart, even with equal numbers;
 * events, files, code objects and stacks that are equal become one. An event that took samples in one input and was
 * only counted in another is PLAIT_ERROR_INVALID, inputs of different architectures are PLAIT_ERROR_UNSUPPORTED. With
 * an input that was cut off or is damaged the result is a recording that was cut off, too (it has no END record). After
 * an error there may be a part of `output`. */
struct plait_error *plait_recordings_combine(const char *const *paths, size_t count, const char *output,
					     struct plait_combined *ret);

#endif
