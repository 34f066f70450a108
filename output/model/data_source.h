/*
 * Where precise samples found their data: union perf_mem_data_src of <linux/perf_event.h>.
 */
#ifndef PLAIT_OUTPUT_MODEL_DATA_SOURCE_H
#define PLAIT_OUTPUT_MODEL_DATA_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

enum plait_memory_level {
	PLAIT_MEMORY_L1,
	PLAIT_MEMORY_LFB, /* line fill buffer: asked for already, not yet there */
	PLAIT_MEMORY_L2,
	PLAIT_MEMORY_L3,
	PLAIT_MEMORY_DRAM,
	PLAIT_MEMORY_REMOTE_CACHE,
	PLAIT_MEMORY_REMOTE_DRAM,
	PLAIT_MEMORY_OTHER, /* I/O, uncached, not known */
	PLAIT_MEMORY_LEVELS,
};

/* Sums over samples, so that sets can be added. */
struct plait_data_sources {
	uint64_t samples;
	uint64_t levels[PLAIT_MEMORY_LEVELS]; /* samples */
	uint64_t tlb_misses;		      /* samples whose address needed a walk of the page tables */
	uint64_t timed, latency, latency_max; /* samples with a latency; sum and maximum of these, cycles */
};

/* A short name: "L1", "DRAM", "remote DRAM". */
const char *plait_memory_level_name(enum plait_memory_level level);

/* Where the data came from. */
enum plait_memory_level plait_memory_level_of(uint64_t data_source);

/* Adds a sample. `latency` 0: not known. */
void plait_data_sources_add(struct plait_data_sources *memory, uint64_t data_source, uint64_t latency);

/* Adds the samples of `more`. */
void plait_data_sources_merge(struct plait_data_sources *memory, const struct plait_data_sources *more);

#endif
