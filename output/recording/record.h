/*
 * The records of a recording, as the writer takes them and the reader gives them. docs/recording-format.md has the
 * bytes. Ids of one kind count from 0 in the order of their definition; a definition comes before its first use.
 */
#ifndef PLAIT_OUTPUT_RECORDING_RECORD_H
#define PLAIT_OUTPUT_RECORDING_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/module.h"
#include "output/recording/record_detail.h"

#define PLAIT_NONE UINT32_MAX /* no module, no parent node, ... */

enum plait_record_kind {
	PLAIT_RECORD_HEADER = 1, /* first record, once */
	PLAIT_RECORD_EVENT,
	PLAIT_RECORD_PROCESS,
	PLAIT_RECORD_THREAD,
	PLAIT_RECORD_THREAD_NAME,
	PLAIT_RECORD_MODULE,
	PLAIT_RECORD_CODE,
	PLAIT_RECORD_FRAME,
	PLAIT_RECORD_NODE,
	PLAIT_RECORD_SAMPLE,
	PLAIT_RECORD_LOST,
	PLAIT_RECORD_SYMBOL,
	PLAIT_RECORD_NOTE,
	PLAIT_RECORD_END = 14, /* last record of a recording that was ended in order */
	PLAIT_RECORD_EVENT_TRAITS = 15,
	PLAIT_RECORD_COUNT,
	PLAIT_RECORD_SOURCE = 18, /* 17: the details of samples */
	PLAIT_RECORD_FUNCTION,
};

struct plait_record_header {
	const char *command; /* what was run, or "pid 42" ...: one line, shell-quoted */
	const char *host, *kernel, *architecture, *plait_version;
	const char *engine;	  /* "bpf" */
	uint64_t started_unix_ns; /* CLOCK_REALTIME */
	uint64_t started_ns;	  /* CLOCK_MONOTONIC: sample times count from here */
	uint32_t cpu_count;
};

struct plait_record_event {
	const char *name;
	bool unit_ns;	    /* period is ns of CPU time; else occurrences */
	uint64_t frequency; /* 0: `period` was fixed */
	uint64_t period;
	const char *note; /* why this event: "this machine has no PMU"; "" otherwise */
};

struct plait_record_process {
	uint32_t pid;
	uint32_t parent; /* process id (index) or PLAIT_NONE */
	uint64_t time;
	const char *name;    /* comm */
	const char *command; /* the command line, "" when not known */
	const char *python;  /* description of its CPython, "" when none */
};

struct plait_record_thread {
	uint32_t process; /* index */
	uint32_t tid;
	const char *name;
};

struct plait_record_thread_name {
	uint32_t thread; /* index */
	const char *name;
};

struct plait_record_module {
	const char *path;
	struct plait_build_id build_id;
	uint64_t device, inode, size;
};

struct plait_record_code {
	const char *name, *qualname, *filename;
	int32_t first_line;
};

enum plait_frame_kind {
	PLAIT_FRAME_NATIVE = 0, /* module, address */
	PLAIT_FRAME_KERNEL,	/* address */
	PLAIT_FRAME_PYTHON,	/* code, line, ... */
	PLAIT_FRAME_GAP,	/* markers: nothing else set */
	PLAIT_FRAME_TRUNCATED,
	PLAIT_FRAME_UNMERGED,
};

struct plait_record_frame {
	enum plait_frame_kind kind;
	uint32_t module;  /* NATIVE: index; PLAIT_NONE: memory without a file, then `address` is absolute */
	uint32_t process; /* NATIVE with PLAIT_NONE as module: index of the process; else PLAIT_NONE */
	uint64_t address; /* NATIVE: ELF virtual address of the running instruction, or of the call for a caller (return
			   * address - 1); KERNEL: kernel address */
	uint32_t code;	  /* PYTHON: index */
	int32_t line, end_line, column, end_column; /* PYTHON; line 0: none, column -1: none */
};

/* A node of the stack trie: `frame` called from `parent`. Roots are outermost frames. */
struct plait_record_node {
	uint32_t parent; /* node index or PLAIT_NONE */
	uint32_t frame;
};

struct plait_record_sample {
	uint64_t time;			       /* ns since header.started_ns (microsecond precision is kept) */
	uint32_t thread;		       /* index */
	uint32_t event;			       /* index */
	uint64_t period;		       /* weight, in the event's unit */
	uint32_t node;			       /* leaf; PLAIT_NONE: no stack */
	uint32_t quality;		       /* enum plait_quality of common/frame.h */
	uint32_t details;		       /* set of enum plait_record_detail: what is set of the next three */
	uint64_t address;		       /* of the data */
	uint64_t data_source;		       /* union perf_mem_data_src of <linux/perf_event.h> */
	uint64_t latency;		       /* cycles that the access took */
	const struct plait_record_read *reads; /* of the leader's and each member's counter, in a group with :S */
	uint32_t read_count;
};

struct plait_record_lost {
	uint64_t time;
	uint64_t count;
	bool throttled; /* not lost: the kernel throttled the event `count` times */
};

struct plait_record_symbol_function {
	const char *name; /* "" when only the line is known */
	const char *file; /* "" when not known */
	uint32_t line;
};

/* The functions at a NATIVE or KERNEL frame, innermost (inlined) first. */
struct plait_record_symbol {
	uint32_t frame;
	uint64_t start, size; /* of the outermost function; 0: not known */
	const struct plait_record_symbol_function *functions;
	uint32_t count;
};

/* A sentence for the reader of the report: an unknown Python version, a process that could not be read, ... */
struct plait_record_note {
	const char *text;
};

struct plait_record_end {
	uint64_t time; /* ns since started_ns: the length of the recording */
};

/* One record. Pointers in it belong to the reader and stay valid until it is destroyed, but for
 * symbol.functions, sample.reads, source.content, function.code and function.lines: valid until the next record. */
struct plait_record {
	enum plait_record_kind kind;
	uint32_t id; /* of what is defined (EVENT, PROCESS, THREAD, MODULE, CODE, FRAME, NODE) */
	union {
		struct plait_record_header header;
		struct plait_record_event event;
		struct plait_record_process process;
		struct plait_record_thread thread;
		struct plait_record_thread_name thread_name;
		struct plait_record_module module;
		struct plait_record_code code;
		struct plait_record_frame frame;
		struct plait_record_node node;
		struct plait_record_sample sample;
		struct plait_record_lost lost;
		struct plait_record_symbol symbol;
		struct plait_record_note note;
		struct plait_record_end end;
		struct plait_record_event_traits event_traits;
		struct plait_record_count count;
		struct plait_record_source source;
		struct plait_record_function function;
	};
};

#endif
