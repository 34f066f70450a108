/*
 * Decoding one record of a perf ring. Nothing is copied: pointers go into the record. Every byte is checked.
 */
#ifndef PLAIT_PERF_SOURCE_DECODE_H
#define PLAIT_PERF_SOURCE_DECODE_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/map.h"
#include "common/sample.h"
#include "common/sample_wire.h"
#include "perf/source/source.h"

/* In every event's sample_type, so that all records of a ring can be told apart. */
#define PLAIT_SAMPLE_LEAST PERF_SAMPLE_IDENTIFIER

/* In that of all events but those of the BPF program's output. With sample_id_all, records that are no samples end with
 * them (perf_event.h, struct sample_id). */
#define PLAIT_SAMPLE_COMMON (PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_IDENTIFIER)

/* What sampled events may have besides: what the decoder understands. */
#define PLAIT_SAMPLE_KNOWN                                                                                             \
	(PLAIT_SAMPLE_COMMON | PERF_SAMPLE_IP | PERF_SAMPLE_ADDR | PERF_SAMPLE_PERIOD | PERF_SAMPLE_CALLCHAIN |        \
	 PERF_SAMPLE_RAW | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_READ | PERF_SAMPLE_STACK_USER |                         \
	 PERF_SAMPLE_WEIGHT_TYPE | PERF_SAMPLE_DATA_SRC)

/* perf_event_attr.read_format of an event with PERF_SAMPLE_READ. */
#define PLAIT_READ_GROUP                                                                                               \
	(PERF_FORMAT_GROUP | PERF_FORMAT_ID | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING)

/* One counter in such a sample: struct read_format of perf_event.h. */
struct plait_counter_value {
	uint64_t value;
	uint64_t id; /* of the perf event */
};

/* How the samples of one event look. */
struct plait_record_format {
	uint64_t sample_type;
	uint64_t registers; /* sample_regs_user */
	uint32_t event;	    /* index into the source's events */
	bool group;	    /* samples tell what the members of a group counted */
};

/* The formats of a source's events; `of_id` maps the id of each perf event to an index into `formats`. */
struct plait_record_formats {
	bool wide; /* the events are of whole CPUs, not of threads */
	const struct plait_record_format *formats;
	struct plait_map of_id;
};

enum plait_record_kind {
	PLAIT_RECORD_BAD,    /* its bytes are not what they should be */
	PLAIT_RECORD_OTHER,  /* of no interest */
	PLAIT_RECORD_SAMPLE, /* of a sampled event */
	PLAIT_RECORD_WIRE,   /* what the BPF program wrote: common/sample_wire.h */
	PLAIT_RECORD_MAP,
	PLAIT_RECORD_NAME,
	PLAIT_RECORD_EXEC,
	PLAIT_RECORD_FORK,
	PLAIT_RECORD_EXIT,
	PLAIT_RECORD_LOST,
	PLAIT_RECORD_THROTTLE,
};

struct plait_record {
	enum plait_record_kind kind;
	uint64_t time;
	uint32_t pid, tid;
	union {
		struct {
			uint32_t event;
			bool kernel_mode;
			uint64_t ip, address, period;
			const uint64_t *kernel_chain;
			size_t kernel_count;
			struct plait_registers registers;
			bool exact_ip;
			uint64_t data_source, latency;
			const struct plait_counter_value *counters;
			size_t counter_count;
			const uint8_t *stack; /* as the kernel copied it, from the stack pointer on */
			size_t stack_size;
			bool stack_whole; /* it ended before as much was copied as was asked for */
		} sample;
		struct {
			struct plait_wire_header header;
			const uint8_t *body; /* header.size bytes, not aligned */
			const uint8_t *end;  /* of what the program wrote at once: plait_record_next_wire() */
		} wire;
		struct plait_source_map map;
		struct {
			uint32_t parent_pid, parent_tid;
		} fork;
		const char *name;
		uint64_t lost; /* records of any kind, not samples */
	};
};

/* Decodes `header->size` bytes at `header` (8 byte aligned, as plait_ring_record() gives them). */
void plait_record_decode(const struct plait_record_formats *formats, const struct perf_event_header *header,
			 struct plait_record *ret);

/* Goes on to what the program wrote behind `record->wire`, in the same record. False when that was the last. */
bool plait_record_next_wire(struct plait_record *record);

/* The kernel's part of a call chain: `*ret_chain` points into `chain`. */
size_t plait_kernel_chain(const uint64_t *chain, size_t count, const uint64_t **ret_chain);

#endif
