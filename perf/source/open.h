/*
 * Opening the source of perf events: that of engine bpf, and without a BPF program that of engine perf.
 */
#ifndef PLAIT_PERF_SOURCE_OPEN_H
#define PLAIT_PERF_SOURCE_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/python_reader.h"
#include "perf/source/source.h"

struct plait_event_spec; /* perf/event/event.h */

/* Runs of the program since start, over all CPUs: each is to become a sample. */
struct plait_source_runs {
	uint64_t sampled; /* on perf events */
	uint64_t probed;  /* on tracepoints and probes */
};

/* A BPF program that the source attaches to its sampling events (owned by the caller, outlives the source). */
struct plait_source_program {
	int program_fd;	   /* BPF_PROG_TYPE_PERF_EVENT */
	int tracepoint_fd; /* the same as BPF_PROG_TYPE_TRACEPOINT; -1: no event is one */
	int probe_fd;	   /* the same as BPF_PROG_TYPE_KPROBE; -1: no event is one */
	int output_map_fd; /* BPF_MAP_TYPE_PERF_EVENT_ARRAY, max_entries >= number of possible CPUs */
	struct plait_error *(*count)(void *context, struct plait_source_runs *ret);
	void *context;
};

struct plait_source_options {
	const struct plait_event_spec *events;
	size_t event_count;
	const pid_t *pids; /* attach to these (and what they start); NULL with `launch` or `system_wide` */
	size_t pid_count;
	pid_t launch; /* a stopped child that will exec: its events are enabled by the exec; 0: none */
	bool system_wide;
	/* The program hands on only samples of `pids` and what they start: where threads are too many for an event each
	 * on each CPU, the source may then open one event a CPU for everything. */
	bool filtered;
	bool uninherited_groups; /* open groups with :S for each thread as before Linux 6.12, whatever this kernel can
				  */
	size_t ring_pages;	 /* data pages a CPU, a power of two; 0: default */
	/* Without a BPF program (its program_fd is -1): the kernel copies this many bytes of the stack, at most 65,528,
	 * and Python frames are read by `reader` when the sample arrives, and checked against it. No event is of a
	 * whole CPU, and nothing in the kernel is looked at: for own processes that needs perf_event_paranoid 2 or
	 * less. */
	uint32_t stack_size;
	struct plait_python_reader reader;
	struct plait_source_program program;
};

/* Whether the events are one, whose samples tell nothing but a period: a program may then put that into its head
 * (struct plait_wire_head) and have the kernel write no sample. */
bool plait_source_is_sole(const struct plait_event_spec *events, size_t count);

/* Opens the events and rings of engine bpf. On failure the error explains. Ends with plait_source_destroy(). */
struct plait_error *plait_source_bpf_open(const struct plait_source_options *options, struct plait_source *ret);

/* What did not go as it should inside engine bpf, since it was opened. */
struct plait_source_statistics {
	uint64_t lost_side_band;   /* MAP, FORK, ... records that found no room: the process map may have holes */
	uint64_t unpaired_samples; /* delivered with PLAIT_WALK_LOST */
	uint64_t unpaired_runs;	   /* of the BPF program, without a sample of the kernel */
	uint64_t bad_records;
	uint64_t joined_late; /* threads whose groups were opened after they had started (before Linux 6.12) */
};

/* `source` is one of plait_source_bpf_open(). */
void plait_source_bpf_statistics(const struct plait_source *source, struct plait_source_statistics *ret);

#endif
