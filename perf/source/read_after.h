/*
 * Python frames of a sample that was taken without a BPF program: read from the process when the sample arrives, and
 * checked against what the sample has of that instant.
 */
#ifndef PLAIT_PERF_SOURCE_READ_AFTER_H
#define PLAIT_PERF_SOURCE_READ_AFTER_H

#include "common/map.h"
#include "common/python_reader.h"
#include "perf/source/source.h"

/* What was read last of each thread. Zeroed is empty. */
struct plait_reads {
	struct plait_map times;	 /* tid -> when, ns CLOCK_MONOTONIC */
	struct plait_map hashes; /* tid -> hash of the frames */
};

/* Fills in sample->python; hands the code objects that are new to `handler` first. Frames that do not pass the check
 * get the status PLAIT_WALK_LOST. */
struct plait_error *plait_read_after(struct plait_reads *reads, const struct plait_python_reader *reader,
				     struct plait_sample *sample, plait_source_handler handler, void *context);

/* Frees; empty afterwards. */
void plait_reads_release(struct plait_reads *reads);

#endif
