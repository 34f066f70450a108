#include "perf/source/assemble.h"

#include <stddef.h>
#include <string.h>

#include "perf/source/arch.h"

/* A run that waits longer than an interrupt takes has lost its sample. A virtual processor may stand still for longer
 * than one would think, and interrupts that wait for it come right then, between a run and its sample. */
#define RUN_PATIENCE_NS 1000000000

/* The kernel takes a sample's time before it runs the program, so the code objects that the run sends look younger than
 * the sample that needs them; on another CPU a sample may need them that was begun meanwhile. All are put this much
 * before the run's begin: longer than it takes from the sample's time to there. Where it took longer (complete()), the
 * sample is put behind them. */
#define CODE_LEAD_NS 500000

/* When the code objects of a run that began at `time` are to be delivered. They do not wait for its sample: that may be
 * lost, and the program does not send them again. */
static uint64_t code_time(uint64_t time)
{
	return time < CODE_LEAD_NS ? 0 : time - CODE_LEAD_NS;
}

static void remove_run(struct plait_assembler *assembler, size_t index)
{
	assembler->run_count--;
	memmove(&assembler->runs[index], &assembler->runs[index + 1],
		(assembler->run_count - index) * sizeof(assembler->runs[0]));
}

static void drop_run(struct plait_assembler *assembler, size_t index)
{
	assembler->statistics->unpaired_runs++;
	remove_run(assembler, index);
}

/* Between the run of a probe and its sample the kernel may switch to another thread; at other events it cannot. */
static bool is_probe(const struct plait_run *run)
{
	return run->sequence & PLAIT_WIRE_OF_PROBE;
}

/* Whether the sample of a run that waits can no longer come when another one begins. */
static bool is_given_up(const struct plait_run *run, const struct plait_record *record)
{
	bool same_thread = run->tid == record->tid && run->pid == record->pid;
	if (record->time > run->time + RUN_PATIENCE_NS)
		return true;
	if (is_probe(run)) /* a thread comes to one probe after the other */
		return same_thread && record->wire.header.sequence & PLAIT_WIRE_OF_PROBE;
	return !same_thread || run->doubtful;
}

static struct plait_run *begin_run(struct plait_assembler *assembler, const struct plait_record *record,
				   uint64_t position)
{
	for (size_t i = assembler->run_count; i-- > 0;)
		if (is_given_up(&assembler->runs[i], record))
			drop_run(assembler, i);
	if (assembler->run_count == PLAIT_RUN_MAX)
		drop_run(assembler, 0);
	struct plait_run *run = &assembler->runs[assembler->run_count++];
	*run = (struct plait_run) { .sequence = record->wire.header.sequence,
				    .start = position,
				    .pid = record->pid,
				    .tid = record->tid,
				    .damaged = assembler->lost };
	assembler->lost = false;
	return run;
}

static struct plait_run *find_run(struct plait_assembler *assembler, uint64_t sequence)
{
	for (size_t i = assembler->run_count; i-- > 0;)
		if (assembler->runs[i].sequence == sequence && !assembler->runs[i].has_head)
			return &assembler->runs[i];
	return NULL;
}

/* The run at `index` is that of `unit`, whose last record has come. Runs inside it have lost their samples, but for
 * those of other threads' probes. */
static void complete(struct plait_assembler *assembler, size_t index, struct plait_unit *unit)
{
	const struct plait_run *run = &assembler->runs[index];
	for (size_t i = assembler->run_count; i-- > index + 1;)
		if (!is_probe(&assembler->runs[i]) || assembler->runs[i].tid == run->tid)
			drop_run(assembler, i);
	unit->paired = true;
	unit->start = run->start;
	unit->sequence = run->sequence;
	unit->damaged = run->damaged;
	/* A virtual processor stood still between the two: the sample must not come before its code objects. */
	if (unit->time < code_time(run->time))
		unit->time = code_time(run->time);
	remove_run(assembler, index);
}

/* True when the record completes a sample. */
static bool feed_wire(struct plait_assembler *assembler, const struct plait_record *record, uint64_t position,
		      struct plait_unit *unit)
{
	struct plait_run *run = find_run(assembler, record->wire.header.sequence);
	if (!run)
		run = begin_run(assembler, record, position);
	run->time = record->time;
	if (record->wire.header.kind != PLAIT_WIRE_HEAD)
		return false;
	struct plait_wire_head head;
	if (record->wire.header.size < sizeof(head)) {
		assembler->statistics->bad_records++;
		return false;
	}
	memcpy(&head, record->wire.body, sizeof(head));
	run->has_head = true;
	run->ip = head.ip;
	run->sp = head.sp;
	if (head.period)
		complete(assembler, (size_t)(run - assembler->runs), unit);
	return head.period != 0;
}

/* Nested runs see the same user registers, so a run that has others is of an earlier instant. */
static bool run_fits(const struct plait_run *run, const struct plait_record *record)
{
	if (!run->has_head || run->tid != record->tid || run->pid != record->pid)
		return false;
	const struct plait_registers *registers = &record->sample.registers;
	if (!registers->valid || (run->ip == 0 && run->sp == 0))
		return true;
	return run->ip == registers->value[plait_source_arch.dwarf_pc] &&
	       run->sp == registers->value[plait_source_arch.dwarf_sp];
}

/* The innermost run that fits is the sample's: interrupts nest. */
static void pair(struct plait_assembler *assembler, const struct plait_record *record, struct plait_unit *unit)
{
	size_t index = assembler->run_count;
	while (index > 0 && !run_fits(&assembler->runs[index - 1], record))
		index--;
	if (index-- == 0) {
		assembler->statistics->unpaired_samples++;
		return;
	}
	complete(assembler, index, unit);
}

static void note_loss(struct plait_assembler *assembler, uint64_t count)
{
	assembler->statistics->lost_records += count;
	assembler->lost = true;
	for (size_t i = 0; i < assembler->run_count; i++) {
		struct plait_run *run = &assembler->runs[i];
		*(run->has_head ? &run->doubtful : &run->damaged) = true;
	}
}

bool plait_assembler_feed(struct plait_assembler *assembler, const struct plait_record *record, uint64_t position,
			  struct plait_sorter *sorter)
{
	struct plait_unit unit = { .time = record->time, .start = position, .last = position, .ring = assembler->ring };
	switch (record->kind) {
	case PLAIT_RECORD_BAD:
		assembler->statistics->bad_records++;
		return true;
	case PLAIT_RECORD_OTHER:
		return true;
	case PLAIT_RECORD_LOST:
		note_loss(assembler, record->lost);
		return true;
	case PLAIT_RECORD_WIRE:
		if (record->wire.header.kind == PLAIT_WIRE_CODE) {
			unit.time = code_time(record->time);
			break;
		}
		if (!feed_wire(assembler, record, position, &unit))
			return true;
		break;
	case PLAIT_RECORD_SAMPLE:
		pair(assembler, record, &unit);
		break;
	default:
		break;
	}
	return plait_sorter_push(sorter, &unit);
}

void plait_assembler_expire(struct plait_assembler *assembler, uint64_t position, uint64_t time)
{
	for (size_t i = assembler->run_count; i-- > 0;)
		if (assembler->runs[i].start < position || assembler->runs[i].time < time)
			drop_run(assembler, i);
}

uint64_t plait_assembler_low(const struct plait_assembler *assembler, uint64_t otherwise)
{
	uint64_t low = otherwise;
	for (size_t i = 0; i < assembler->run_count; i++)
		if (assembler->runs[i].start < low)
			low = assembler->runs[i].start;
	return low;
}
