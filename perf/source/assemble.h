/*
 * Finds which records of one ring belong together: what the BPF program wrote in one run, and the kernel's sample that
 * follows it, unless the run's own head is that. Interrupts nest, so between a run and its sample another run and its
 * sample may lie.
 */
#ifndef PLAIT_PERF_SOURCE_ASSEMBLE_H
#define PLAIT_PERF_SOURCE_ASSEMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perf/source/decode.h"
#include "perf/source/sorter.h"

/* Task, softirq, interrupt, NMI: no deeper do events nest; and threads that were preempted at a probe. */
#define PLAIT_RUN_MAX 8

/* A run of the program whose sample has not come yet. */
struct plait_run {
	uint64_t sequence;
	uint64_t start; /* position of its first record */
	uint64_t time;	/* of its latest record */
	uint32_t pid, tid;
	uint64_t ip, sp; /* from its HEAD */
	bool has_head, damaged;
	bool doubtful; /* records were lost since its HEAD: its sample may be one of them */
};

/* Summed over all rings. */
struct plait_assembler_statistics {
	uint64_t unpaired_runs;	   /* runs of the program whose sample did not come */
	uint64_t unpaired_samples; /* samples without a run */
	uint64_t lost_records;	   /* as the kernel counted them */
	uint64_t bad_records;
};

struct plait_assembler {
	uint32_t ring;
	bool lost; /* records were lost since the last run began */
	size_t run_count;
	struct plait_run runs[PLAIT_RUN_MAX]; /* outer ones first */
	struct plait_assembler_statistics *statistics;
};

/* Takes the record at `position`; adds to `sorter` what it completes. Returns false when memory ran out. */
bool plait_assembler_feed(struct plait_assembler *assembler, const struct plait_record *record, uint64_t position,
			  struct plait_sorter *sorter);

/* Gives up the runs that started before `position` or were last heard of before `time`. */
void plait_assembler_expire(struct plait_assembler *assembler, uint64_t position, uint64_t time);

/* The lowest position that a waiting run needs; `otherwise` when there is none. */
uint64_t plait_assembler_low(const struct plait_assembler *assembler, uint64_t otherwise);

#endif
