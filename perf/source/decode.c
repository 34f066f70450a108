#include "perf/source/decode.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "common/bytes.h"
#include "perf/source/arch.h"

size_t plait_kernel_chain(const uint64_t *chain, size_t count, const uint64_t **ret_chain)
{
	size_t start = 0;
	while (start < count && chain[start] != (uint64_t)PERF_CONTEXT_KERNEL)
		start++;
	if (start < count)
		start++;
	size_t end = start;
	while (end < count && chain[end] < (uint64_t)PERF_CONTEXT_MAX)
		end++;
	*ret_chain = chain + start;
	return end - start;
}

/* Registers come in ascending order of perf's numbers, as many as the mask has bits. A process of another ABI (32 bit
 * on x86-64) would be taken for what it is not: it has none. */
static void read_registers(struct plait_bytes *bytes, uint64_t mask, struct plait_registers *ret)
{
	*ret = (struct plait_registers) { 0 };
	uint64_t abi = plait_bytes_u64(bytes);
	if (abi == PERF_SAMPLE_REGS_ABI_NONE)
		return;
	for (; mask; mask &= mask - 1) {
		uint64_t value = plait_bytes_u64(bytes);
		uint8_t number = plait_source_arch.dwarf_register[__builtin_ctzll(mask)];
		if (abi != PERF_SAMPLE_REGS_ABI_64 || bytes->failed)
			continue;
		ret->value[number] = value;
		ret->valid |= UINT64_C(1) << number;
	}
}

static void read_chain(struct plait_bytes *bytes, struct plait_record *record)
{
	uint64_t count = plait_bytes_u64(bytes);
	if (count > plait_bytes_left(bytes) / 8) {
		bytes->failed = true;
		return;
	}
	const uint64_t *chain = plait_bytes_take(bytes, count * 8);
	if (chain)
		record->sample.kernel_count = plait_kernel_chain(chain, count, &record->sample.kernel_chain);
}

/* PERF_SAMPLE_READ with PLAIT_READ_GROUP. */
static void read_counters(struct plait_bytes *bytes, struct plait_record *record)
{
	uint64_t count = plait_bytes_u64(bytes);
	plait_bytes_u64(bytes); /* time enabled, */
	plait_bytes_u64(bytes); /* and running: COUNT has them for the whole */
	if (count > plait_bytes_left(bytes) / sizeof(struct plait_counter_value)) {
		bytes->failed = true;
		return;
	}
	record->sample.counters = plait_bytes_take(bytes, count * sizeof(struct plait_counter_value));
	record->sample.counter_count = record->sample.counters ? count : 0;
}

/* What a precise sample says of the access. With PERF_SAMPLE_WEIGHT_STRUCT the latency is the lower half of the word
 * (union perf_sample_weight, var1_dw). */
static void read_access(struct plait_bytes *bytes, uint64_t type, struct plait_record *record)
{
	if (type & PERF_SAMPLE_WEIGHT_TYPE)
		record->sample.latency = plait_bytes_u64(bytes);
	if (type & PERF_SAMPLE_WEIGHT_STRUCT)
		record->sample.latency = (uint32_t)record->sample.latency;
	if (type & PERF_SAMPLE_DATA_SRC)
		record->sample.data_source = plait_bytes_u64(bytes);
}

/* The copy of the stack: its size in the record, the bytes, and how many of them were there. */
static void read_stack(struct plait_bytes *bytes, struct plait_record *record)
{
	uint64_t size = plait_bytes_u64(bytes);
	const uint8_t *stack = size ? plait_bytes_take(bytes, size) : NULL;
	uint64_t present = size ? plait_bytes_u64(bytes) : 0;
	if (bytes->failed || present > size) {
		bytes->failed = true;
		return;
	}
	record->sample.stack = stack;
	record->sample.stack_size = present;
	record->sample.stack_whole = present < size;
}

/* Takes header and body at `at`. False when they do not fit before wire.end. */
static bool take_wire(struct plait_record *record, const uint8_t *at)
{
	struct plait_bytes bytes = plait_bytes(at, (size_t)(record->wire.end - at));
	plait_bytes_read(&bytes, &record->wire.header, sizeof(record->wire.header));
	record->wire.body = plait_bytes_take(&bytes, record->wire.header.size);
	return !bytes.failed;
}

static bool is_last_wire(const struct plait_record *record)
{
	const uint8_t *next = record->wire.body + record->wire.header.size;
	return (size_t)(record->wire.end - next) < sizeof(record->wire.header); /* but for the kernel's padding */
}

bool plait_record_next_wire(struct plait_record *record)
{
	return !is_last_wire(record) && take_wire(record, record->wire.body + record->wire.header.size);
}

/* All that the program wrote at once is checked, and `record` is left at its start. */
static void read_wire(struct plait_bytes *bytes, struct plait_record *record)
{
	uint32_t size = plait_bytes_u32(bytes);
	const uint8_t *raw = plait_bytes_take(bytes, size);
	if (!raw)
		return;
	record->wire.end = raw + size;
	bool whole = take_wire(record, raw);
	while (whole && !is_last_wire(record))
		whole = plait_record_next_wire(record);
	bytes->failed |= !whole || !take_wire(record, raw);
	record->pid = record->wire.header.pid;
	record->tid = record->wire.header.tid;
	record->time = record->wire.header.time;
}

/* Who and when, as far as the event's records have it. In a sample the address comes in between. */
static void read_identity(struct plait_bytes *bytes, uint64_t type, struct plait_record *record)
{
	record->pid = type & PERF_SAMPLE_TID ? plait_bytes_u32(bytes) : 0;
	record->tid = type & PERF_SAMPLE_TID ? plait_bytes_u32(bytes) : 0;
	record->time = type & PERF_SAMPLE_TIME ? plait_bytes_u64(bytes) : 0;
}

/* The fields in the order of perf_event.h, PERF_RECORD_SAMPLE. */
static void read_sample(const struct plait_record_formats *formats, struct plait_bytes *bytes, uint16_t misc,
			struct plait_record *record)
{
	const uint64_t *index = plait_map_get(&formats->of_id, plait_bytes_u64(bytes));
	if (!index)
		return;
	const struct plait_record_format *format = &formats->formats[*index];
	bool raw = format->sample_type & PERF_SAMPLE_RAW;
	uint64_t ip = format->sample_type & PERF_SAMPLE_IP ? plait_bytes_u64(bytes) : 0;
	read_identity(bytes, format->sample_type, record);
	uint64_t address = format->sample_type & PERF_SAMPLE_ADDR ? plait_bytes_u64(bytes) : 0;
	uint64_t period = format->sample_type & PERF_SAMPLE_PERIOD ? plait_bytes_u64(bytes) : 0;
	if (raw) {
		read_wire(bytes, record);
	} else {
		record->sample.event = format->event;
		record->sample.ip = ip;
		record->sample.address = address;
		record->sample.period = period;
		record->sample.kernel_mode = (misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL;
		record->sample.exact_ip = misc & PERF_RECORD_MISC_EXACT_IP;
		if (format->sample_type & PERF_SAMPLE_READ)
			read_counters(bytes, record);
		if (format->sample_type & PERF_SAMPLE_CALLCHAIN)
			read_chain(bytes, record);
		if (format->sample_type & PERF_SAMPLE_REGS_USER)
			read_registers(bytes, format->registers, &record->sample.registers);
		if (format->sample_type & PERF_SAMPLE_STACK_USER)
			read_stack(bytes, record);
		read_access(bytes, format->sample_type, record);
	}
	record->kind = bytes->failed ? PLAIT_RECORD_BAD : raw ? PLAIT_RECORD_WIRE : PLAIT_RECORD_SAMPLE;
}

/* What is left of a record is one NUL-terminated string. NULL (and failed) when it is not. */
static const char *read_string(struct plait_bytes *bytes)
{
	size_t size = plait_bytes_left(bytes);
	const char *text = plait_bytes_take(bytes, size);
	if (text && memchr(text, '\0', size))
		return text;
	bytes->failed = true;
	return NULL;
}

/* struct of PERF_RECORD_MMAP2 in perf_event.h; with PERF_RECORD_MISC_MMAP_BUILD_ID device and inode are not there (we
 * do not ask for that). */
static void read_map(struct plait_bytes *bytes, uint16_t misc, struct plait_record *record)
{
	record->pid = plait_bytes_u32(bytes);
	record->tid = plait_bytes_u32(bytes);
	record->map.start = plait_bytes_u64(bytes);
	record->map.size = plait_bytes_u64(bytes);
	record->map.offset = plait_bytes_u64(bytes);
	uint32_t major = plait_bytes_u32(bytes), minor = plait_bytes_u32(bytes);
	record->map.inode = plait_bytes_u64(bytes);
	plait_bytes_u64(bytes); /* the inode's generation */
	record->map.device = makedev(major, minor);
	if (misc & PERF_RECORD_MISC_MMAP_BUILD_ID)
		record->map.device = record->map.inode = 0;
	record->map.protection = plait_bytes_u32(bytes);
	plait_bytes_u32(bytes); /* MAP_* flags */
	record->map.path = read_string(bytes);
	bytes->failed |= record->map.start + record->map.size < record->map.start;
	record->kind = PLAIT_RECORD_MAP;
}

static void read_name(struct plait_bytes *bytes, uint16_t misc, struct plait_record *record)
{
	record->pid = plait_bytes_u32(bytes);
	record->tid = plait_bytes_u32(bytes);
	record->name = read_string(bytes);
	record->kind = misc & PERF_RECORD_MISC_COMM_EXEC ? PLAIT_RECORD_EXEC : PLAIT_RECORD_NAME;
}

static void read_fork(struct plait_bytes *bytes, enum plait_record_kind kind, struct plait_record *record)
{
	record->pid = plait_bytes_u32(bytes);
	record->fork.parent_pid = plait_bytes_u32(bytes);
	record->tid = plait_bytes_u32(bytes);
	record->fork.parent_tid = plait_bytes_u32(bytes);
	plait_bytes_u64(bytes); /* the time, once more */
	record->kind = kind;
}

static void read_other(uint32_t type, uint16_t misc, struct plait_bytes *bytes, struct plait_record *record)
{
	switch (type) {
	case PERF_RECORD_MMAP2:
		read_map(bytes, misc, record);
		break;
	case PERF_RECORD_COMM:
		read_name(bytes, misc, record);
		break;
	case PERF_RECORD_FORK:
		read_fork(bytes, PLAIT_RECORD_FORK, record);
		break;
	case PERF_RECORD_EXIT:
		read_fork(bytes, PLAIT_RECORD_EXIT, record);
		break;
	case PERF_RECORD_LOST:
		plait_bytes_u64(bytes); /* the id of the event that had to wait */
		record->lost = plait_bytes_u64(bytes);
		record->kind = PLAIT_RECORD_LOST;
		break;
	case PERF_RECORD_LOST_SAMPLES:
		record->lost = plait_bytes_u64(bytes);
		record->kind = PLAIT_RECORD_LOST;
		break;
	case PERF_RECORD_THROTTLE:
		record->kind = PLAIT_RECORD_THROTTLE;
		break;
	}
}

/* Takes struct sample_id from the end of a record that is no sample: as much of PLAIT_SAMPLE_COMMON as the event's
 * samples have, and last its id. False when it is not there. */
static bool read_trailer(const struct plait_record_formats *formats, struct plait_bytes *bytes,
			 struct plait_record *record)
{
	uint64_t id, type = PLAIT_SAMPLE_COMMON;
	if (plait_bytes_left(bytes) < sizeof(id))
		return false;
	memcpy(&id, bytes->end - sizeof(id), sizeof(id));
	const uint64_t *index = plait_map_get(&formats->of_id, id);
	if (index && formats->formats[*index].sample_type)
		type &= formats->formats[*index].sample_type;
	size_t size = 8 * (size_t)__builtin_popcountll(type);
	if (plait_bytes_left(bytes) < size)
		return false;
	struct plait_bytes trailer = plait_bytes(bytes->end - size, size);
	bytes->end -= size;
	read_identity(&trailer, type, record);
	return true;
}

void plait_record_decode(const struct plait_record_formats *formats, const struct perf_event_header *header,
			 struct plait_record *ret)
{
	struct plait_bytes bytes = plait_bytes(header, header->size);
	plait_bytes_take(&bytes, sizeof(*header));
	memset(ret, 0, sizeof(*ret));
	ret->kind = PLAIT_RECORD_OTHER;
	if (header->type == PERF_RECORD_SAMPLE) {
		read_sample(formats, &bytes, header->misc, ret);
		if (bytes.failed)
			ret->kind = PLAIT_RECORD_BAD;
		return;
	}
	if (!read_trailer(formats, &bytes, ret)) {
		ret->kind = PLAIT_RECORD_BAD;
		return;
	}
	read_other(header->type, header->misc, &bytes, ret);
	if (bytes.failed)
		ret->kind = PLAIT_RECORD_BAD;
}
