#include "perf/source/deliver.h"

#include <string.h>

#include "perf/source/arch.h"

_Static_assert(sizeof(struct plait_wire_frame) == sizeof(struct plait_python_frame), "copied as one block");
_Static_assert(offsetof(struct plait_wire_frame, kind) == offsetof(struct plait_python_frame, kind), "same layout");

/* What the records of one run of the BPF program say. */
struct run_content {
	struct plait_wire_head head;
	struct plait_registers registers;
	bool has_head; /* with a period: it is the sample */
	bool bad;
};

static bool add_frames(struct plait_delivery *delivery, const struct plait_record *record, struct run_content *run)
{
	size_t count = record->wire.header.size / sizeof(struct plait_wire_frame);
	if (record->wire.header.size % sizeof(struct plait_wire_frame))
		run->bad = true;
	if (count == 0)
		return true;
	if (!plait_vec_reserve(&delivery->frames, count))
		return false;
	struct plait_python_frame *frames = delivery->frames.data + delivery->frames.count;
	memcpy(frames, record->wire.body, count * sizeof(*frames)); /* raw data is not aligned */
	for (size_t i = 0; i < count; i++)
		run->bad |= frames[i].kind > PLAIT_PYTHON_ENTRY;
	delivery->frames.count += count;
	return true;
}

/* Pieces ascend; one that does not is left out. */
static bool add_piece(struct plait_delivery *delivery, const struct plait_record *record)
{
	struct plait_wire_stack start;
	if (record->wire.header.size <= sizeof(start))
		return true;
	memcpy(&start, record->wire.body, sizeof(start));
	struct plait_stack_piece piece = { .address = start.address,
					   .data = record->wire.body + sizeof(start),
					   .size = record->wire.header.size - sizeof(start) };
	if (piece.address + piece.size < piece.address)
		return true;
	if (delivery->pieces.count) {
		const struct plait_stack_piece *previous = &delivery->pieces.data[delivery->pieces.count - 1];
		if (piece.address < previous->address + previous->size)
			return true;
	}
	return plait_vec_push(&delivery->pieces, piece);
}

static void add_registers(const struct plait_record *record, struct run_content *run)
{
	size_t count = record->wire.header.size / sizeof(uint64_t);
	if (count > PLAIT_REGISTER_COUNT)
		count = PLAIT_REGISTER_COUNT;
	memcpy(run->registers.value, record->wire.body, count * sizeof(uint64_t));
	run->registers.valid = (UINT64_C(1) << count) - 1;
}

static bool add_part(struct plait_delivery *delivery, const struct plait_record *record, struct run_content *run)
{
	switch (record->wire.header.kind) {
	case PLAIT_WIRE_FRAMES:
		return add_frames(delivery, record, run);
	case PLAIT_WIRE_STACK:
		return add_piece(delivery, record);
	case PLAIT_WIRE_HEAD:
		if (record->wire.header.size < sizeof(run->head))
			return true;
		memcpy(&run->head, record->wire.body, sizeof(run->head));
		run->has_head = true;
		return true;
	case PLAIT_WIRE_REGISTERS:
		add_registers(record, run);
		return true;
	default:
		return true;
	}
}

/* All that the program wrote at once. */
static bool add_record(struct plait_delivery *delivery, struct plait_record *record, struct run_content *run)
{
	do {
		if (!add_part(delivery, record, run))
			return false;
	} while (plait_record_next_wire(record));
	return true;
}

/* Reads the records of the unit's run; other runs' records may lie between them. */
static bool collect_run(struct plait_delivery *delivery, const struct plait_record_formats *formats,
			const struct plait_ring *ring, const struct plait_unit *unit, struct run_content *run)
{
	for (uint64_t position = unit->start; position < unit->last;) {
		const struct perf_event_header *header = plait_ring_record(ring, position, unit->last);
		if (!header)
			return true;
		position += header->size;
		struct plait_record record;
		plait_record_decode(formats, header, &record);
		if (record.kind == PLAIT_RECORD_WIRE && record.wire.header.sequence == unit->sequence &&
		    !run->has_head && !add_record(delivery, &record, run))
			return false;
	}
	return true;
}

static enum plait_walk_status walk_status(const struct plait_delivery *delivery, const struct run_content *run)
{
	if (!run->has_head || delivery->frames.count != run->head.frame_count)
		return PLAIT_WALK_LOST;
	if (run->bad || run->head.walk > PLAIT_WALK_LOST)
		return PLAIT_WALK_BROKEN;
	return (enum plait_walk_status)run->head.walk;
}

/* The key of a counter of a thread; of a whole CPU when the events are wide. */
static uint64_t counter_key(const struct plait_delivery *delivery, bool wide, uint64_t id, uint32_t tid)
{
	const uint64_t *generation = wide ? NULL : plait_map_get(&delivery->generations, tid);
	uint64_t thread = wide ? 0 : (uint64_t)tid << 32 | (generation ? *generation & UINT32_MAX : 0);
	return plait_hash_u64(plait_hash_u64(id) + thread);
}

/* How far each counter of the group came since it was seen last in this thread. */
static bool collect_reads(struct plait_delivery *delivery, const struct plait_record_formats *formats,
			  const struct plait_record *record)
{
	delivery->reads.count = 0;
	for (size_t i = 0; formats->formats[record->sample.event].group && i < record->sample.counter_count; i++) {
		const struct plait_counter_value *counter = &record->sample.counters[i];
		const uint64_t *index = plait_map_get(&formats->of_id, counter->id);
		if (!index)
			continue;
		uint64_t key = counter_key(delivery, formats->wide, counter->id, record->tid);
		uint64_t *last = plait_map_get(&delivery->counted, key);
		struct plait_sample_read read = { .event = formats->formats[*index].event, .value = counter->value };
		if (last && *last <= counter->value)
			read.value -= *last;
		if (last)
			*last = counter->value;
		else if (!plait_map_put(&delivery->counted, key, counter->value))
			return false;
		if (!plait_vec_push(&delivery->reads, read))
			return false;
	}
	return true;
}

/* The thread has ended: another one with its number starts from 0. */
static bool end_thread(struct plait_delivery *delivery, uint32_t tid)
{
	uint64_t *generation = plait_map_get(&delivery->generations, tid);
	if (generation) {
		++*generation;
		return true;
	}
	return !delivery->counted.count || plait_map_put(&delivery->generations, tid, 1);
}

/* The stack as the kernel copied it. */
static struct plait_stack_piece kernel_piece(const struct plait_record *record)
{
	return (struct plait_stack_piece) {
		.address = record->sample.registers.value[plait_source_arch.dwarf_sp],
		.data = record->sample.stack,
		.size = record->sample.stack_size,
	};
}

/* The sample that the kernel would have written. */
static struct plait_record sample_of_head(const struct plait_record *record, const struct plait_wire_head *head)
{
	return (struct plait_record) {
		.kind = PLAIT_RECORD_SAMPLE,
		.time = record->time,
		.pid = record->pid,
		.tid = record->tid,
		.sample = { .ip = head->ip, .period = head->period },
	};
}

static enum plait_deliver_result build_sample(struct plait_delivery *delivery,
					      const struct plait_record_formats *formats, const struct plait_ring *ring,
					      const struct plait_unit *unit, struct plait_record *record,
					      struct plait_source_event *ret)
{
	struct run_content run = { 0 };
	delivery->frames.count = delivery->pieces.count = 0;
	if (unit->paired && !collect_run(delivery, formats, ring, unit, &run))
		return PLAIT_DELIVER_NO_MEMORY;
	if (record->kind == PLAIT_RECORD_WIRE) {
		if (!add_record(delivery, record, &run))
			return PLAIT_DELIVER_NO_MEMORY;
		*record = sample_of_head(record, &run.head);
	}
	if (!collect_reads(delivery, formats, record))
		return PLAIT_DELIVER_NO_MEMORY;
	uint64_t type = formats->formats[record->sample.event].sample_type;
	bool copied = record->sample.stack_size > 0;
	if (copied && !plait_vec_push(&delivery->pieces, kernel_piece(record)))
		return PLAIT_DELIVER_NO_MEMORY;
	enum plait_walk_status walk = walk_status(delivery, &run);
	if (walk == PLAIT_WALK_LOST || run.bad)
		delivery->frames.count = 0;
	ret->kind = PLAIT_SOURCE_SAMPLE;
	ret->sample = (struct plait_sample) {
		.time = unit->time,
		.pid = record->pid,
		.tid = record->tid,
		.event = record->sample.event,
		.period = record->sample.period,
		.ip = record->sample.ip,
		.address = record->sample.address,
		.has_address = type & PERF_SAMPLE_ADDR && record->sample.address,
		.exact_ip = record->sample.exact_ip,
		.has_data_source = type & PERF_SAMPLE_DATA_SRC,
		.data_source = record->sample.data_source,
		.latency = record->sample.latency,
		.reads = delivery->reads.data,
		.read_count = delivery->reads.count,
		.kernel_mode = record->sample.kernel_mode,
		.kernel_chain = record->sample.kernel_chain,
		.kernel_count = record->sample.kernel_count,
		.registers = run.registers.valid ? run.registers : record->sample.registers,
		.stack = { .pieces = delivery->pieces.data,
			   .count = delivery->pieces.count,
			   .whole = copied ? record->sample.stack_whole
					   : run.has_head && run.head.stack_whole && !unit->damaged &&
						     delivery->pieces.count },
		.python = { .frames = delivery->frames.data,
			    .count = delivery->frames.count,
			    .status = walk,
			    .per_frame = run.head.per_frame != 0 },
	};
	if (run.has_head && run.head.in_exec)
		ret->sample.registers.valid = 0;
	return PLAIT_DELIVER_EVENT;
}

/* A string must not claim more than is there. */
static bool string_holds(const struct plait_wire_string *string)
{
	return string->size <= PLAIT_WIRE_STRING_MAX && (string->kind <= 2 || string->kind == 4);
}

static enum plait_deliver_result build_code(struct plait_delivery *delivery, const struct plait_record *record,
					    struct plait_source_event *ret)
{
	const size_t fixed = offsetof(struct plait_wire_code, table);
	size_t size = record->wire.header.size;
	if (size < fixed)
		return PLAIT_DELIVER_NOTHING;
	struct plait_wire_code *code = &delivery->code;
	memcpy(code, record->wire.body, size < sizeof(*code) ? size : sizeof(*code));
	if (code->table_size > PLAIT_WIRE_TABLE_MAX || code->table_size > size - fixed ||
	    !string_holds(&code->filename) || !string_holds(&code->name) || !string_holds(&code->qualname))
		return PLAIT_DELIVER_NOTHING;
	ret->kind = PLAIT_SOURCE_CODE;
	ret->code = code;
	return PLAIT_DELIVER_EVENT;
}

enum plait_deliver_result plait_delivery_build(struct plait_delivery *delivery,
					       const struct plait_record_formats *formats,
					       const struct plait_ring *ring, const struct plait_unit *unit,
					       struct plait_source_event *ret)
{
	uint64_t longest =
		ring->size < PLAIT_RECORD_MAX ? ring->size : PLAIT_RECORD_MAX; /* checked when it was found */
	const struct perf_event_header *header = plait_ring_record(ring, unit->last, unit->last + longest);
	if (!header)
		return PLAIT_DELIVER_NOTHING;
	struct plait_record record;
	plait_record_decode(formats, header, &record);
	ret->time = unit->time;
	ret->pid = record.pid;
	ret->tid = record.tid;
	switch (record.kind) {
	case PLAIT_RECORD_SAMPLE:
		return build_sample(delivery, formats, ring, unit, &record, ret);
	case PLAIT_RECORD_WIRE:
		return record.wire.header.kind == PLAIT_WIRE_CODE
			       ? build_code(delivery, &record, ret)
			       : build_sample(delivery, formats, ring, unit, &record, ret);
	case PLAIT_RECORD_MAP:
		ret->kind = PLAIT_SOURCE_MAP;
		ret->map = record.map;
		break;
	case PLAIT_RECORD_FORK:
		ret->kind = PLAIT_SOURCE_FORK;
		ret->fork.parent_pid = record.fork.parent_pid;
		ret->fork.parent_tid = record.fork.parent_tid;
		break;
	case PLAIT_RECORD_EXIT:
		ret->kind = PLAIT_SOURCE_EXIT;
		if (!end_thread(delivery, record.tid))
			return PLAIT_DELIVER_NO_MEMORY;
		break;
	case PLAIT_RECORD_EXEC:
	case PLAIT_RECORD_NAME:
		ret->kind = record.kind == PLAIT_RECORD_EXEC ? PLAIT_SOURCE_EXEC : PLAIT_SOURCE_NAME;
		ret->name = record.name;
		break;
	case PLAIT_RECORD_THROTTLE:
		ret->kind = PLAIT_SOURCE_THROTTLE;
		break;
	default:
		return PLAIT_DELIVER_NOTHING;
	}
	return PLAIT_DELIVER_EVENT;
}

void plait_delivery_release(struct plait_delivery *delivery)
{
	plait_vec_free(&delivery->frames);
	plait_vec_free(&delivery->pieces);
	plait_vec_free(&delivery->reads);
	plait_map_release(&delivery->counted);
	plait_map_release(&delivery->generations);
}
