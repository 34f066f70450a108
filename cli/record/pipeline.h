/*
 * The whole chain of `record`, wired together: source events in, recording out. The only place that knows every stage.
 *
 *     event -> process map -> (sample) -> native unwind + Python chain -> merge -> frames and stacks -> writer
 */
#ifndef PLAIT_CLI_PIPELINE_H
#define PLAIT_CLI_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/record/walker.h"
#include "common/error.h"
#include "output/recording/writer.h"
#include "perf/source/source.h"
#include "perf/unwind/unwinder.h"

/* What came through so far: numbers of samples, and the unwinder's counters. */
struct plait_pipeline_statistics {
	uint64_t samples, incomplete, lost, throttled;
	uint64_t last_time; /* ns CLOCK_MONOTONIC of the last sample */
	uint64_t unwind_ns; /* CLOCK_MONOTONIC spent in unwinding and merging, when measured */
	struct plait_unwind_statistics unwind;
};

struct plait_pipeline_options {
	struct plait_recording_writer *writer; /* borrowed */
	struct plait_walker walker;	       /* told about processes and runtimes */
	bool reads_mappings; /* those of a process are read again when an address is unknown: no event told them */
	uint64_t started_ns; /* CLOCK_MONOTONIC: the recording's zero */
	bool measure;	     /* fill in unwind_ns */
	bool bundle_sources; /* SOURCE records with the files' contents */
};

struct plait_pipeline;

struct plait_error *plait_pipeline_create(const struct plait_pipeline_options *options, struct plait_pipeline **ret);
void plait_pipeline_destroy(struct plait_pipeline *pipeline);

/* Learns about a process that exists already (attach): its mappings, threads, Python runtimes. */
struct plait_error *plait_pipeline_scan(struct plait_pipeline *pipeline, uint32_t pid);

/* A plait_source_handler; `context` is the pipeline. */
struct plait_error *plait_pipeline_handle(void *context, const struct plait_source_event *event);

/* Writes the names of every native and kernel frame that was hit (SYMBOL records). Call once, at the end. */
struct plait_error *plait_pipeline_bundle_symbols(struct plait_pipeline *pipeline);

/* Writes the machine code of the hot native functions (FUNCTION records), and what the source files are (SOURCE). Call
 * once, after the symbols. */
struct plait_error *plait_pipeline_bundle_code(struct plait_pipeline *pipeline);

struct plait_pipeline_statistics plait_pipeline_statistics(const struct plait_pipeline *pipeline);

/* Sentences for the user that came up while recording (unknown Python versions, ...): the next one not asked for yet,
 * or NULL. Owned by the pipeline. They are in the recording as NOTE records too. */
const char *plait_pipeline_next_note(struct plait_pipeline *pipeline);

#endif
