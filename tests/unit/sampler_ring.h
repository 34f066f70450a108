/*
 * A reader of the rings that the BPF sampler writes to, as plain as can be and independent of that of perf/source: what
 * lies next to each other belongs together, anything else is counted.
 */
#ifndef PLAIT_TESTS_SAMPLER_RING_H
#define PLAIT_TESTS_SAMPLER_RING_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "common/sample.h"
#include "common/sample_wire.h"
#include "perf/source/arch.h"
#include "python_unwind/bpf/sampler.h"

#define RING_CPUS_MAX 256
#define RING_SIZE (32u << 20)
#define RING_FRAMES_MAX 16384
#define RING_PIECES_MAX 512
#define RING_STACK 12288 /* bytes of stack that the kernel copies for comparison */

/* One run of the program with the kernel's sample, if that is to come. */
struct ring_sample {
	struct plait_wire_header header; /* of the head */
	struct plait_wire_head head;
	struct plait_wire_frame frames[RING_FRAMES_MAX];
	size_t frame_count;
	struct {
		uint64_t address;
		const uint8_t *data;
		size_t size;
	} pieces[RING_PIECES_MAX];
	size_t piece_count;
	uint64_t registers[PLAIT_REGISTER_COUNT];
	size_t register_count;
	uint32_t pid, tid;				 /* as the kernel's sample has them */
	uint64_t kernel_registers[PLAIT_REGISTER_COUNT]; /* of the kernel's sample, in its order, */
	size_t kernel_register_count;			 /* as many as were asked for, or none */
	const uint8_t *kernel_stack;
	size_t kernel_stack_size;
};

struct ring_counts {
	size_t samples; /* with everything belonging to them */
	size_t own;	/* of these, without the kernel's */
	size_t orphans; /* samples without records, records without a sample, records out of place */
	size_t lost;
};

typedef void (*ring_sample_fn)(void *context, const struct ring_sample *sample);
typedef void (*ring_code_fn)(void *context, const struct plait_wire_code *code);

struct rings {
	int cpus;
	int event[RING_CPUS_MAX], output[RING_CPUS_MAX];
	uint8_t *map[RING_CPUS_MAX];
	uint64_t event_id[RING_CPUS_MAX];
};

static inline int ring_open_event(struct perf_event_attr *attr, pid_t pid, int cpu)
{
	attr->size = sizeof(*attr);
	return (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Samples `pid` (-1: all processes) at `frequency` into `rings` by way of the sampler. 0, or -errno. */
static inline int rings_open(struct rings *rings, const struct plait_sampler *sampler, pid_t pid, uint64_t frequency,
			     uint32_t ring_size)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = frequency,
		.sample_type =
			PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER,
		.sample_regs_user = plait_source_arch.register_mask,
		.sample_stack_user = RING_STACK,
		.disabled = 1,
		.inherit = pid != -1,
	};
	struct perf_event_attr output = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_RAW,
	};
	memset(rings, 0, sizeof(*rings));
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	for (int cpu = 0; cpu < cpus && cpu < RING_CPUS_MAX; cpu++) {
		rings->event[cpu] = ring_open_event(&attr, pid, cpu);
		rings->output[cpu] = ring_open_event(&output, -1, cpu);
		rings->cpus++;
		if (rings->event[cpu] < 0 || rings->output[cpu] < 0)
			return -errno;
		rings->map[cpu] =
			mmap(NULL, ring_size + 4096, PROT_READ | PROT_WRITE, MAP_SHARED, rings->event[cpu], 0);
		if (rings->map[cpu] == MAP_FAILED ||
		    ioctl(rings->output[cpu], PERF_EVENT_IOC_SET_OUTPUT, rings->event[cpu]) != 0 ||
		    ioctl(rings->event[cpu], PERF_EVENT_IOC_ID, &rings->event_id[cpu]) != 0 ||
		    bpf_map_update_elem(plait_sampler_output_map_fd(sampler), &cpu, &rings->output[cpu], BPF_ANY) !=
			    0 ||
		    ioctl(rings->event[cpu], PERF_EVENT_IOC_SET_BPF, plait_sampler_program_fd(sampler)) != 0)
			return -errno;
	}
	return 0;
}

/* Whether every ring together holds so much that a test can learn from it. */
static inline bool rings_have_enough(const struct rings *rings)
{
	uint64_t bytes = 0, enough = 2 << 20;
	for (int cpu = 0; cpu < rings->cpus; cpu++) {
		const struct perf_event_mmap_page *page = (const struct perf_event_mmap_page *)rings->map[cpu];
		bytes += __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE) - page->data_tail;
		if (page->data_size / 2 < enough)
			enough = page->data_size / 2;
	}
	return bytes >= enough;
}

static inline void rings_enable(struct rings *rings, bool enable)
{
	for (int cpu = 0; cpu < rings->cpus; cpu++)
		ioctl(rings->event[cpu], enable ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

/* What was collected of the run that the ring is at. */
struct ring_state {
	struct ring_sample *sample;
	uint64_t sequence; /* of the records collected; 0: none */
	bool headed;
	struct ring_counts counts;
	struct plait_wire_code code;
	ring_sample_fn on_sample;
	ring_code_fn on_code;
	void *context;
};

static inline void ring_reset(struct ring_state *state)
{
	state->sequence = 0;
	state->headed = false;
	state->sample->frame_count = state->sample->piece_count = state->sample->register_count = 0;
}

/* One header with its body. */
static inline void ring_part(struct ring_state *state, const struct plait_wire_header *header, const uint8_t *body)
{
	struct ring_sample *sample = state->sample;
	switch (header->kind) {
	case PLAIT_WIRE_FRAMES:
		memcpy(&sample->frames[sample->frame_count], body, header->size);
		sample->frame_count += header->size / sizeof(struct plait_wire_frame);
		break;
	case PLAIT_WIRE_STACK:
		if (header->size == 8)
			break;
		memcpy(&sample->pieces[sample->piece_count].address, body, 8);
		sample->pieces[sample->piece_count].data = body + 8;
		sample->pieces[sample->piece_count++].size = header->size - 8;
		break;
	case PLAIT_WIRE_HEAD:
		sample->header = *header;
		memcpy(&sample->head, body, sizeof(sample->head));
		state->headed = true;
		break;
	case PLAIT_WIRE_REGISTERS:
		sample->register_count = header->size / 8;
		memcpy(sample->registers, body, header->size);
		break;
	default:
		state->counts.orphans++;
	}
}

/* The head is the sample. */
static inline void ring_own_sample(struct ring_state *state)
{
	struct ring_sample *sample = state->sample;
	sample->pid = sample->header.pid;
	sample->tid = sample->header.tid;
	sample->kernel_register_count = sample->kernel_stack_size = 0;
	state->counts.samples++;
	state->counts.own++;
	state->on_sample(state->context, sample);
	ring_reset(state);
}

/* What the sampler wrote at once: `size` bytes, up to 7 of them padding. */
static inline void ring_raw(struct ring_state *state, const uint8_t *raw, uint32_t size)
{
	struct plait_wire_header header;
	memcpy(&header, raw, sizeof(header));
	if (header.kind == PLAIT_WIRE_CODE) {
		memcpy(&state->code, raw + sizeof(header), header.size); /* raw data lies on an odd multiple of four */
		if (state->on_code)
			state->on_code(state->context, &state->code);
		return;
	}
	if (state->sequence && (state->sequence != header.sequence || state->headed)) {
		state->counts.orphans++;
		ring_reset(state);
	}
	state->sequence = header.sequence;
	for (uint32_t at = 0; at + sizeof(header) <= size; at += (uint32_t)sizeof(header) + header.size) {
		memcpy(&header, raw + at, sizeof(header));
		ring_part(state, &header, raw + at + sizeof(header));
	}
	if (state->headed && state->sample->head.period)
		ring_own_sample(state);
}

/* The kernel's sample: id, pid, tid, abi, registers, stack size, stack, size used. */
static inline void ring_kernel_sample(struct ring_state *state, const uint8_t *at)
{
	struct ring_sample *sample = state->sample;
	uint64_t abi, size;
	memcpy(&sample->pid, at, 4);
	memcpy(&sample->tid, at + 4, 4);
	memcpy(&abi, at + 8, 8);
	at += 16;
	sample->kernel_register_count = sample->kernel_stack_size = 0;
	if (abi) {
		sample->kernel_register_count = (size_t)__builtin_popcountll(plait_source_arch.register_mask);
		memcpy(sample->kernel_registers, at, 8 * sample->kernel_register_count);
		at += 8 * sample->kernel_register_count;
	}
	memcpy(&size, at, 8);
	sample->kernel_stack = at + 8;
	if (size)
		memcpy(&sample->kernel_stack_size, at + 8 + size, 8);
	if (state->headed && state->sequence) {
		state->counts.samples++;
		state->on_sample(state->context, sample);
	} else {
		state->counts.orphans++;
	}
	ring_reset(state);
}

/* Copies what CPU `cpu` wrote, in one piece, so that a record that wraps round needs no care. */
static inline uint8_t *ring_take(struct rings *rings, int cpu, uint32_t ring_size, uint64_t *ret_size)
{
	struct perf_event_mmap_page *page = (struct perf_event_mmap_page *)rings->map[cpu];
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE), tail = page->data_tail;
	uint8_t *copy = malloc(head - tail + 1);
	for (uint64_t i = 0; copy && i < head - tail; i++)
		copy[i] = rings->map[cpu][4096 + (tail + i) % ring_size];
	__atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
	*ret_size = copy ? head - tail : 0;
	return copy;
}

/* The records of one CPU: code objects alone, or everything else. */
static inline void ring_read(struct ring_state *state, const uint8_t *data, uint64_t size, uint64_t event_id,
			     bool codes)
{
	ring_reset(state);
	for (uint64_t at = 0; at < size;) {
		const struct perf_event_header *record = (const struct perf_event_header *)(data + at);
		uint64_t id;
		uint32_t kind, raw_size;
		memcpy(&id, data + at + 8, 8);
		memcpy(&raw_size, data + at + 16, 4);
		memcpy(&kind, data + at + 20, 4);
		bool sample = record->type == PERF_RECORD_SAMPLE && id == event_id;
		bool raw = record->type == PERF_RECORD_SAMPLE && id != event_id;
		if (raw && (kind == PLAIT_WIRE_CODE) == codes)
			ring_raw(state, data + at + 20, raw_size); /* after the id and the raw size */
		else if (sample && !codes)
			ring_kernel_sample(state, data + at + 16);
		else if (record->type == PERF_RECORD_LOST && !codes)
			state->counts.lost++;
		at += record->size;
	}
}

/* Hands over everything in the rings, code objects first: the rings are not in order of time among each other. Call it
 * with the events disabled. */
static inline struct ring_counts rings_drain(struct rings *rings, uint32_t ring_size, ring_sample_fn on_sample,
					     ring_code_fn on_code, void *context)
{
	struct ring_state *state = calloc(1, sizeof(*state));
	uint8_t *data[RING_CPUS_MAX];
	uint64_t size[RING_CPUS_MAX];
	state->sample = calloc(1, sizeof(*state->sample));
	state->on_sample = on_sample;
	state->on_code = on_code;
	state->context = context;
	for (int cpu = 0; cpu < rings->cpus; cpu++) {
		data[cpu] = ring_take(rings, cpu, ring_size, &size[cpu]);
		ring_read(state, data[cpu], size[cpu], rings->event_id[cpu], true);
	}
	for (int cpu = 0; cpu < rings->cpus; cpu++) {
		ring_read(state, data[cpu], size[cpu], rings->event_id[cpu], false);
		free(data[cpu]);
	}
	struct ring_counts counts = state->counts;
	free(state->sample);
	free(state);
	return counts;
}

static inline void rings_close(struct rings *rings, uint32_t ring_size)
{
	for (int cpu = 0; cpu < rings->cpus; cpu++) {
		if (rings->map[cpu] && rings->map[cpu] != MAP_FAILED)
			munmap(rings->map[cpu], ring_size + 4096);
		close(rings->output[cpu]);
		close(rings->event[cpu]);
	}
}

#endif
