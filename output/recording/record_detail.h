/*
 * Records that add to others: what an older reader may skip.
 */
#ifndef PLAIT_OUTPUT_RECORDING_RECORD_DETAIL_H
#define PLAIT_OUTPUT_RECORDING_RECORD_DETAIL_H

#include <stdbool.h>
#include <stdint.h>

/* More about an event, before its first sample. An event without one takes samples, alone. */
struct plait_record_event_traits {
	uint32_t event;
	uint32_t leader; /* index of its group's leader (its own when it leads); PLAIT_NONE: no group */
	bool counting;	 /* takes no samples: samples of its leader have what it counted in `reads` */
	uint8_t precise; /* 0 to 3: perf_event_attr.precise_ip */
	uint32_t type;	 /* perf_event_attr.type ... */
	uint64_t config, config1, config2;
};

/* What an event counted in the whole recording. The last one of an event holds. */
struct plait_record_count {
	uint32_t event;
	uint64_t value;		   /* not scaled */
	uint64_t enabled, running; /* ns that it was wanted, and that a counter had it */
};

/* One event of a group, read at a sample of its leader: how far it came since the thread's sample before. */
struct plait_record_read {
	uint32_t event;
	uint64_t value;
};

enum plait_record_detail {
	PLAIT_DETAIL_ADDRESS = 1 << 0,	   /* address is set */
	PLAIT_DETAIL_DATA_SOURCE = 1 << 1, /* data_source is set */
	PLAIT_DETAIL_LATENCY = 1 << 2,	   /* latency is set */
	PLAIT_DETAIL_EXACT_IP = 1 << 3,	   /* no skid: the leaf's address is that of the very instruction */
	PLAIT_DETAILS_ALL = (1 << 4) - 1,
};

/* A Python or C source file that frames name, as it was when the recording ended. */
struct plait_record_source {
	const char *path;
	uint64_t size; /* of the file, bytes */
	uint64_t hash; /* FNV-1a (64 bit) of its bytes: a report can tell whether the file at `path` is the same */
	const uint8_t *content; /* NULL: not bundled; else `size` bytes */
};

/* From this offset on, the code comes from this line. */
struct plait_record_function_line {
	uint32_t offset; /* bytes from the function's start, ascending */
	uint32_t line;	 /* 0: not known */
	const char *file;
};

/* The machine code of a native function that was hit. */
struct plait_record_function {
	uint32_t module; /* index */
	uint64_t start;	 /* ELF virtual address */
	const char *name;
	const uint8_t *code;
	uint32_t code_size;
	const struct plait_record_function_line *lines;
	uint32_t line_count;
};

#endif
