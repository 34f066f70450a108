/*
 * What the files of the pipeline share: pipeline.c (events and samples), pipeline_frames.c (frames and their names),
 * pipeline_python.c (runtimes), pipeline_tables.c (processes, threads, notes).
 */
#ifndef PLAIT_CLI_PIPELINE_INTERNAL_H
#define PLAIT_CLI_PIPELINE_INTERNAL_H

#include "cli/record/pipeline.h"
#include "common/frame.h"
#include "common/map.h"
#include "common/strtab.h"
#include "common/vec.h"
#include "perf/process/process_map.h"
#include "python_unwind/code.h"
#include "python_unwind/merge.h"
#include "python_unwind/runtime.h"
#include "symbolize/symbolizer.h"

enum { PLAIT_RUNTIMES_MAX = 2 };

/* The CPythons of one process. */
struct plait_process_python {
	uint32_t serial; /* of the process image */
	uint32_t count;
	struct plait_python_runtime runtimes[PLAIT_RUNTIMES_MAX];
	struct plait_walk_plan plans[PLAIT_RUNTIMES_MAX];

	/* Where plait_python_needs_thread_block(): runtimes that were mapped before the C library. */
	uint32_t thread_block;		/* 0: not known yet */
	uint32_t waiting_count, waited; /* samples */
	struct plait_python_runtime waiting[PLAIT_RUNTIMES_MAX];
	const struct plait_module_file *waiting_files[PLAIT_RUNTIMES_MAX];
};

/* A file that was looked at once: is it a CPython? */
struct plait_inspected {
	bool done;
	bool whole;			    /* the parts of its evaluator were looked for */
	uint32_t thread_block;		    /* plait_python_thread_block(), where it is needed */
	struct plait_python_binary *binary; /* NULL: it is not one (or not a known one) */
};

/* What naming a native or kernel frame at the end needs. */
struct plait_frame_place {
	uint32_t frame;	  /* index in the recording */
	uint32_t file;	  /* process map's file id; PLAIT_NONE: the kernel */
	uint64_t address; /* as in the FRAME record */
};

/* Bytes of code in memory without a file, as they were read last. */
struct plait_code_bytes {
	uint32_t pid, serial; /* of the process image; pid 0: none */
	uint64_t address;
	uint32_t size;
	uint8_t bytes[64];
};

enum { PLAIT_CODE_BYTES_COUNT = 1024 };

struct plait_pipeline {
	struct plait_pipeline_options options;
	struct plait_process_map *processes;
	struct plait_unwinder *unwinder;
	struct plait_code_registry *codes;
	struct plait_symbolizer *symbolizer;

	struct plait_map process_ids;		     /* process serial -> recording's index */
	struct plait_map thread_ids;		     /* (process index, tid) -> recording's index */
	struct plait_map module_ids;		     /* file id -> recording's index */
	struct plait_map code_ids;		     /* plait_code.id -> recording's index */
	struct plait_map python_frames;		     /* (plait_code.id, lasti) -> recording's frame index */
	struct plait_map pythons;		     /* pid -> struct plait_process_python * */
	PLAIT_VEC(struct plait_inspected) inspected; /* by file id */
	PLAIT_VEC(struct plait_frame_place) places;
	PLAIT_VEC(uint64_t) leaf_samples;  /* by frame of the recording: samples whose innermost frame it is */
	struct plait_strtab *source_names; /* of Python files; id - 1: index in source_pids */
	PLAIT_VEC(uint32_t) source_pids;   /* a process that ran the file */
	uint32_t frame_count;		   /* frames of the recording so far */
	uint32_t unknown_code; /* index of the code record for code objects that could not be read; PLAIT_NONE: none yet
				*/

	/* Of the sample at hand, reused. */
	struct plait_hybrid_stack hybrid;
	PLAIT_VEC(uint32_t) stack;
	PLAIT_VEC(struct plait_record_read) reads;
	PLAIT_VEC(uint64_t) anchors;
	uint32_t sample_pid;
	uint64_t sample_time;
	struct plait_map mappings_read;	   /* pid -> when, ns CLOCK_MONOTONIC */
	struct plait_mapping last_mapping; /* end == 0: none */

	struct plait_code_bytes code_bytes[PLAIT_CODE_BYTES_COUNT]; /* by hash of image and address */

	PLAIT_VEC(char *) notes;
	size_t notes_told;
	struct plait_pipeline_statistics statistics;
};

/* pipeline_tables.c */

/* The recording's index of the process and thread that `pid`, `tid` are now; defines them on first sight. */
struct plait_error *plait_pipeline_thread(struct plait_pipeline *pipeline, uint32_t pid, uint32_t tid,
					  uint32_t *ret_process, uint32_t *ret_thread);
/* A thread got another name. */
struct plait_error *plait_pipeline_rename(struct plait_pipeline *pipeline, uint32_t pid, uint32_t tid,
					  const char *name);
/* Keeps a sentence for the user and writes it as a NOTE; a sentence that was said before is ignored. */
struct plait_error *plait_pipeline_note(struct plait_pipeline *pipeline, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* pipeline_python.c */

/* Looks whether `mapping` of `pid` brings a CPython; if so, tells the walker. */
struct plait_error *plait_pipeline_inspect(struct plait_pipeline *pipeline, uint32_t pid,
					   const struct plait_mapping *mapping);
/* `child` was forked from `parent`: it runs the same CPythons. */
struct plait_error *plait_pipeline_fork_python(struct plait_pipeline *pipeline, uint32_t parent, uint32_t child);
/* `pid` has ended or runs another program. */
void plait_pipeline_forget_python(struct plait_pipeline *pipeline, uint32_t pid);

/* For each sample: notes that a runtime of the process waits in vain for a C library that says how it lays threads out.
 */
struct plait_error *plait_pipeline_check_waiting(struct plait_pipeline *pipeline, uint32_t pid);
/* The CPythons of `pid`, or NULL. */
const struct plait_process_python *plait_pipeline_python(const struct plait_pipeline *pipeline, uint32_t pid);
/* Whether ELF address `address` of the file lies in evaluator code. */
bool plait_pipeline_is_evaluator(const struct plait_pipeline *pipeline, uint32_t file, uint64_t address);

/* pipeline_frames.c */

/* The mapping that holds `pc` in the process of the sample at hand, or NULL. */
const struct plait_mapping *plait_pipeline_mapping(struct plait_pipeline *pipeline, uint64_t pc);
/* Frame indexes of the recording; `*quality` collects enum plait_quality. */
struct plait_error *plait_pipeline_native_frame(struct plait_pipeline *pipeline, uint32_t process,
						const struct plait_native_frame *frame, uint32_t *quality,
						uint32_t *ret);
struct plait_error *plait_pipeline_kernel_frame(struct plait_pipeline *pipeline, uint64_t address, uint32_t *ret);
struct plait_error *plait_pipeline_python_frame(struct plait_pipeline *pipeline, const struct plait_python_frame *frame,
						uint32_t *quality, uint32_t *ret);
struct plait_error *plait_pipeline_marker_frame(struct plait_pipeline *pipeline, enum plait_frame_kind kind,
						uint32_t *ret);

/* bundle.c */

/* A sample's innermost frame is this frame of the recording. */
struct plait_error *plait_pipeline_count_leaf(struct plait_pipeline *pipeline, uint32_t frame);
/* The process of the sample at hand runs code of this Python file. */
struct plait_error *plait_pipeline_note_source(struct plait_pipeline *pipeline, const char *path);

#endif
