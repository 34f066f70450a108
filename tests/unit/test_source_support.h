/*
 * For tests of the sample source: records of a perf ring built field by field, and a ring in ordinary memory.
 */
#ifndef PLAIT_TESTS_UNIT_TEST_SOURCE_SUPPORT_H
#define PLAIT_TESTS_UNIT_TEST_SOURCE_SUPPORT_H

#include <linux/perf_event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/sample_wire.h"
#include "perf/source/arch.h"
#include "perf/source/assemble.h"
#include "perf/source/decode.h"
#include "perf/source/deliver.h"
#include "perf/source/ring.h"
#include "perf/source/sorter.h"

/* Ids of the events in the records. */
enum { ID_CLOCK = 100, ID_FAULTS = 101, ID_OUTPUT = 102, ID_GROUP = 103, ID_MEMBER = 104, ID_PRECISE = 105 };

static const struct plait_record_format support_formats[] = {
	{ .sample_type = PLAIT_SAMPLE_COMMON | PERF_SAMPLE_IP | PERF_SAMPLE_PERIOD | PERF_SAMPLE_CALLCHAIN |
			 PERF_SAMPLE_REGS_USER,
	  .registers = 0xff01ff,
	  .event = 0 },
	{ .sample_type =
		  PLAIT_SAMPLE_COMMON | PERF_SAMPLE_IP | PERF_SAMPLE_PERIOD | PERF_SAMPLE_ADDR | PERF_SAMPLE_REGS_USER,
	  .registers = 0xff01ff,
	  .event = 1 },
	{ .sample_type = PLAIT_SAMPLE_LEAST | PERF_SAMPLE_RAW },
	{ .sample_type =
		  PLAIT_SAMPLE_COMMON | PERF_SAMPLE_IP | PERF_SAMPLE_PERIOD | PERF_SAMPLE_READ | PERF_SAMPLE_REGS_USER,
	  .registers = 0xff01ff,
	  .event = 3,
	  .group = true },
	{ .event = 4 }, /* a member: it takes no samples */
	{ .sample_type = PLAIT_SAMPLE_COMMON | PERF_SAMPLE_IP | PERF_SAMPLE_PERIOD | PERF_SAMPLE_ADDR |
			 PERF_SAMPLE_REGS_USER | PERF_SAMPLE_WEIGHT_STRUCT | PERF_SAMPLE_DATA_SRC,
	  .registers = 0xff01ff,
	  .event = 5 },
};

static inline struct plait_record_formats support_formats_make(void)
{
	struct plait_record_formats formats = { .formats = support_formats };
	plait_map_put(&formats.of_id, ID_CLOCK, 0);
	plait_map_put(&formats.of_id, ID_FAULTS, 1);
	plait_map_put(&formats.of_id, ID_OUTPUT, 2);
	plait_map_put(&formats.of_id, ID_GROUP, 3);
	plait_map_put(&formats.of_id, ID_MEMBER, 4);
	plait_map_put(&formats.of_id, ID_PRECISE, 5);
	return formats;
}

/* A record under construction: 8 byte aligned. */
struct built {
	union {
		struct perf_event_header header;
		uint8_t bytes[PLAIT_RECORD_MAX];
		uint64_t align;
	};
	size_t size;
};

static inline void put(struct built *record, const void *data, size_t size)
{
	if (size)
		memcpy(record->bytes + record->size, data, size);
	record->size += size;
}

static inline void put32(struct built *record, uint32_t value)
{
	put(record, &value, sizeof(value));
}

static inline void put64(struct built *record, uint64_t value)
{
	put(record, &value, sizeof(value));
}

static inline void begin(struct built *record, uint32_t type, uint16_t misc)
{
	record->header = (struct perf_event_header) { .type = type, .misc = misc };
	record->size = sizeof(record->header);
}

static inline void finish(struct built *record)
{
	while (record->size % 8)
		record->bytes[record->size++] = 0;
	record->header.size = (uint16_t)record->size;
}

/* Ends a record that is no sample. */
static inline void put_trailer(struct built *record, uint32_t pid, uint32_t tid, uint64_t time)
{
	while (record->size % 8)
		record->bytes[record->size++] = 0;
	put32(record, pid);
	put32(record, tid);
	put64(record, time);
	put64(record, ID_CLOCK);
	finish(record);
}

/* Who, when and with which user registers: all other registers are 1000 + perf's number. */
struct instant {
	uint32_t pid, tid;
	uint64_t time, ip, sp;
};

static inline void put_registers(struct built *record, const struct instant *at)
{
	put64(record, PERF_SAMPLE_REGS_ABI_64);
	for (unsigned bit = 0; bit < 64; bit++) {
		if (!(plait_source_arch.register_mask >> bit & 1))
			continue;
		uint8_t number = plait_source_arch.dwarf_register[bit];
		put64(record, number == plait_source_arch.dwarf_pc   ? at->ip
			      : number == plait_source_arch.dwarf_sp ? at->sp
								     : 1000 + bit);
	}
}

/* A sample of the clock with a kernel chain of `chain_count` entries (as the kernel writes them, markers included). */
static inline void build_clock(struct built *record, const struct instant *at, uint16_t misc, const uint64_t *chain,
			       size_t chain_count)
{
	begin(record, PERF_RECORD_SAMPLE, misc);
	put64(record, ID_CLOCK);
	put64(record, at->ip);
	put32(record, at->pid);
	put32(record, at->tid);
	put64(record, at->time);
	put64(record, 1001001);
	put64(record, chain_count);
	put(record, chain, chain_count * 8);
	put_registers(record, at);
	finish(record);
}

static inline void build_fault(struct built *record, const struct instant *at, uint64_t address)
{
	begin(record, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER);
	put64(record, ID_FAULTS);
	put64(record, at->ip);
	put32(record, at->pid);
	put32(record, at->tid);
	put64(record, at->time);
	put64(record, address);
	put64(record, 1);
	put_registers(record, at);
	finish(record);
}

/* A sample of a group's leader: PERF_FORMAT_GROUP | ID and both times. */
static inline void build_group(struct built *record, const struct instant *at,
			       const struct plait_counter_value *counters, size_t count)
{
	begin(record, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER);
	put64(record, ID_GROUP);
	put64(record, at->ip);
	put32(record, at->pid);
	put32(record, at->tid);
	put64(record, at->time);
	put64(record, 500);
	put64(record, count);
	put64(record, 70000);
	put64(record, 60000);
	for (size_t i = 0; i < count; i++) {
		put64(record, counters[i].value);
		put64(record, counters[i].id);
	}
	put_registers(record, at);
	finish(record);
}

/* A sample of a load: where its data was, how long it took, where it came from. */
static inline void build_load(struct built *record, const struct instant *at, uint64_t address, uint64_t weight,
			      uint64_t source)
{
	begin(record, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER | PERF_RECORD_MISC_EXACT_IP);
	put64(record, ID_PRECISE);
	put64(record, at->ip);
	put32(record, at->pid);
	put32(record, at->tid);
	put64(record, at->time);
	put64(record, address);
	put64(record, 1000);
	put_registers(record, at);
	put64(record, weight);
	put64(record, source);
	finish(record);
}

#define BUILT_RAW 20 /* where in a record the program's bytes begin */

/* What the BPF program writes: kind, sequence and body. */
static inline void build_wire(struct built *record, const struct instant *at, uint32_t kind, uint64_t sequence,
			      const void *body, uint32_t size)
{
	struct plait_wire_header header = {
		.kind = kind, .size = size, .sequence = sequence, .pid = at->pid, .tid = at->tid, .time = at->time
	};
	uint32_t raw = (uint32_t)sizeof(header) + size;
	raw += (8 - (raw + 4) % 8) % 8; /* the kernel pads so that the record's size is a multiple of 8 */
	begin(record, PERF_RECORD_SAMPLE, 0);
	put64(record, ID_OUTPUT);
	put32(record, raw);
	put(record, &header, sizeof(header));
	put(record, body, size);
	finish(record);
}

static inline void build_head(struct built *record, const struct instant *at, uint64_t sequence, uint32_t frames)
{
	struct plait_wire_head head = {
		.ip = at->ip, .sp = at->sp, .walk = PLAIT_WALK_COMPLETE, .frame_count = frames, .stack_whole = 1
	};
	build_wire(record, at, PLAIT_WIRE_HEAD, sequence, &head, sizeof(head));
}

/* `count` frames with code = sequence * 100 + n, the first being `first`. */
static inline void build_frames(struct built *record, const struct instant *at, uint64_t sequence, unsigned first,
				unsigned count)
{
	struct plait_wire_frame frames[64] = { 0 };
	for (unsigned i = 0; i < count; i++)
		frames[i] = (struct plait_wire_frame) { .code = sequence * 100 + first + i, .lasti = (int)i };
	build_wire(record, at, PLAIT_WIRE_FRAMES, sequence, frames, count * (uint32_t)sizeof(frames[0]));
}

/* A piece of stack in which each byte is the low byte of its address plus `sequence`. */
static inline void build_stack(struct built *record, const struct instant *at, uint64_t sequence, uint64_t address,
			       uint32_t size)
{
	uint8_t body[8 + 4096];
	memcpy(body, &address, 8);
	for (uint32_t i = 0; i < size; i++)
		body[8 + i] = (uint8_t)(address + i + sequence);
	build_wire(record, at, PLAIT_WIRE_STACK, sequence, body, 8 + size);
}

static inline void build_lost(struct built *record, uint64_t time, uint64_t count)
{
	begin(record, PERF_RECORD_LOST, 0);
	put64(record, ID_OUTPUT);
	put64(record, count);
	put_trailer(record, 0, 0, time);
}

static inline void build_map2(struct built *record, uint32_t pid, uint64_t time, uint64_t start, uint64_t size,
			      const char *path)
{
	begin(record, PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER);
	put32(record, pid);
	put32(record, pid);
	put64(record, start);
	put64(record, size);
	put64(record, 0x3000);
	put32(record, 8);
	put32(record, 1);
	put64(record, 4711);
	put64(record, 1);
	put32(record, 5);
	put32(record, 2);
	put(record, path, strlen(path) + 1);
	put_trailer(record, pid, pid, time);
}

/* A ring that the test writes as the kernel does. */
struct fake_ring {
	struct perf_event_mmap_page *page;
	uint8_t *data;
	struct plait_ring ring;
};

/* A ring of `size` bytes (a power of two) whose positions begin at `start`. */
static inline struct fake_ring fake_ring_make(size_t size, uint64_t start)
{
	struct fake_ring fake = { .page = calloc(1, sizeof(*fake.page)), .data = calloc(1, size) };
	fake.page->data_size = size;
	fake.page->data_head = fake.page->data_tail = start;
	plait_ring_wrap(fake.page, fake.data, &fake.ring);
	return fake;
}

static inline void fake_ring_release(struct fake_ring *fake)
{
	plait_ring_release(&fake->ring);
	free(fake->page);
	free(fake->data);
}

static inline void fake_ring_write(struct fake_ring *fake, const struct built *record)
{
	uint64_t size = fake->page->data_size;
	for (size_t i = 0; i < record->size; i++)
		fake->data[(fake->page->data_head + i) & (size - 1)] = record->bytes[i];
	fake->page->data_head += record->size;
}

#endif
