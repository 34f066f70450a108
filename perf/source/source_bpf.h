/*
 * The inside of engine bpf's source: source_open.c fills it, source_bpf.c runs it.
 */
#ifndef PLAIT_PERF_SOURCE_SOURCE_BPF_H
#define PLAIT_PERF_SOURCE_SOURCE_BPF_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/map.h"
#include "perf/event/event.h"
#include "perf/source/assemble.h"
#include "perf/source/cpus.h"
#include "perf/source/decode.h"
#include "perf/source/deliver.h"
#include "perf/source/read_after.h"
#include "perf/source/ring.h"
#include "perf/source/sorter.h"
#include "perf/source/open.h"
#include "perf/source/source.h"

/* One ring and how far it has been read. */
struct plait_stream {
	struct plait_ring ring;
	struct plait_assembler assembler;
	uint64_t scanned; /* what is before this is in the sorter, or of no interest */
};

#define PLAIT_NO_EVENT UINT32_MAX

/* A perf event that is no ring's: owned. */
struct plait_opened {
	int fd;
	uint32_t event; /* index of the source's events; PLAIT_NO_EVENT: side-band */
	pid_t tid;	/* that it was opened on; -1: every process */
};

/*
 * Each CPU has two rings. Samples and what the BPF program writes go into one, which wakes the reader when a quarter
 * is full; side-band (MAP, FORK, EXEC, ...) goes into the other, which wakes it at once, so that a new process is known
 * before it gets far. Each ring belongs to an event of the CPU, which outlives every thread, and all other events are
 * redirected into it.
 */
struct plait_bpf_source;

/* What is being opened, and by which rules. */
struct plait_opening {
	struct plait_bpf_source *source;
	struct plait_source_options options; /* arrays are borrowed: events for the life of the source */
	bool wide;			     /* one event a CPU, for every process */
	bool on_exec;			     /* the events start with the child's exec */
	bool refused;			     /* this kernel does not inherit events with PERF_SAMPLE_READ */
	bool uninherited;		     /* and there are groups with :S */
};

struct plait_bpf_source {
	struct plait_number_list cpus;
	size_t stream_count; /* 2 a CPU: 2n samples, 2n + 1 side-band */
	struct plait_stream *streams;
	struct pollfd *polls; /* of the rings' events: owns their descriptors; ~fd once their thread has ended */
	bool hung_up;	      /* there is one such */
	PLAIT_VEC(struct plait_opened) opened;
	PLAIT_VEC(int) anchors;		  /* events that hold the programs of tracepoints and probes: owned */
	struct plait_source_count *ended; /* by event: what was counted by events that are closed */
	struct plait_record_format *formats_of_events;
	struct plait_record_formats formats;
	struct plait_sorter sorter;
	struct plait_delivery delivery;
	struct plait_reads reads;			 /* without a BPF program */
	struct plait_assembler_statistics statistics[2]; /* of the sample rings, of the side-band rings */
	struct plait_source_program program;
	struct plait_source_runs runs_before; /* the program's counts when the source was opened, */
	struct plait_source_runs runs_after;  /* and of tracepoints and probes when it was stopped */
	struct plait_source_runs delivered;   /* samples */
	uint64_t reported;		      /* samples, as lost */
	uint64_t latest;		      /* time of the last event delivered */
	bool keep_tracked; /* events are of whole CPUs: of the side-band, keep only `tracked` processes */
	struct plait_map tracked;
	struct plait_opening opening;
	uint64_t run_before_exec; /* ns of CPU time, of the launched child; 0: it has not called exec */
	struct plait_map joined;  /* threads whose groups were opened one by one; with opening.uninherited */
	uint64_t joined_late;	  /* of them, those that had to be noticed first */
};

/* Opens events and rings into a zeroed `source`. On failure the caller releases what is there already. */
struct plait_error *plait_bpf_source_open_events(struct plait_bpf_source *source,
						 const struct plait_source_options *options);

/* A thread has started: opens what it did not inherit. */
struct plait_error *plait_bpf_source_join(struct plait_bpf_source *source, pid_t tid);

/* A thread has ended: closes what was opened for it alone. */
void plait_bpf_source_part(struct plait_bpf_source *source, pid_t tid);

/* The descriptor of a ring's event. */
static inline int plait_bpf_source_ring_fd(const struct plait_bpf_source *source, size_t ring)
{
	return source->polls[ring].fd < 0 ? ~source->polls[ring].fd : source->polls[ring].fd;
}

/* What one perf event counted. False when it cannot be read. */
bool plait_bpf_source_read(const struct plait_opened *opened, struct plait_source_count *ret);

/* Closes and frees everything inside. */
void plait_bpf_source_release(struct plait_bpf_source *source);

#endif
