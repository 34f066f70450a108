/*
 * Python frames of a sample that was taken without a BPF program: read from the process when the sample arrives, and
 * checked against what the sample has of that instant.
 */
#ifndef PLAIT_PERF_SOURCE_READ_AFTER_H
#define PLAIT_PERF_SOURCE_READ_AFTER_H

#include "common/map.h"
#include "common/python_reader.h"
#include "common/vec.h"
#include "perf/source/source.h"

enum { PLAIT_AGAIN_MAX = 4 };

/* What was read last of each thread. Zeroed is empty. */
struct plait_reads {
	struct plait_map threads;		   /* tid -> struct plait_thread_read * */
	PLAIT_VEC(struct plait_python_frame) kept; /* of the sample at hand, when frames were read again since */
	uint32_t again[PLAIT_AGAIN_MAX];	   /* threads that were found in another call than before; 0: none */
	unsigned again_count;			   /* the caller sets it to 0 when it has looked often enough */
};

/* Fills in sample->python; hands the code objects that are new to `handler` first. `taken` is when the sample was
 * taken, by the kernel's word. Frames that do not pass the check get the status PLAIT_WALK_LOST; those that pass are
 * `checked`: plait_merge_is_proven() has the last word. */
struct plait_error *plait_read_after(struct plait_reads *reads, const struct plait_python_reader *reader,
				     uint64_t taken, struct plait_sample *sample, plait_source_handler handler,
				     void *context);

/* Between two samples: looks where the threads are that were found in another call than before. So a call that lasts
 * for less than the time between two samples may still be known when it is sampled. */
void plait_reads_again(struct plait_reads *reads, const struct plait_python_reader *reader);

/* The thread has ended. */
void plait_reads_forget(struct plait_reads *reads, uint32_t tid);

/* Frees; empty afterwards. */
void plait_reads_release(struct plait_reads *reads);

#endif
