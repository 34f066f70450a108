/* links: plait_perf plait_common */
/* A ring in memory: records in place and wrapped, hostile sizes, and from records to events: what belongs together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "unit/test_source_support.h"

enum { RING = 8192 };

/* What came out of a ring. */
struct outcome {
	struct {
		enum plait_source_event_kind kind;
		uint64_t time;
		uint32_t tid, event;
		enum plait_walk_status walk;
		size_t frames, pieces, stack_bytes;
		uint64_t first_code, valid, last_register, period, ip;
		bool kernel_mode, whole, stack_right, has_registers;
	} events[64];
	size_t count;
	struct plait_assembler_statistics statistics;
};

static bool stack_is_right(const struct plait_stack *stack, uint64_t sequence)
{
	for (size_t i = 0; i < stack->count; i++)
		for (size_t at = 0; at < stack->pieces[i].size; at++)
			if (stack->pieces[i].data[at] != (uint8_t)(stack->pieces[i].address + at + sequence))
				return false;
	return true;
}

static void note(struct outcome *outcome, const struct plait_source_event *event, uint64_t sequence)
{
	size_t n = outcome->count++;
	assert_true(n < 64);
	outcome->events[n].kind = event->kind;
	outcome->events[n].time = event->time;
	outcome->events[n].tid = event->tid;
	if (event->kind != PLAIT_SOURCE_SAMPLE)
		return;
	const struct plait_sample *sample = &event->sample;
	outcome->events[n].event = sample->event;
	outcome->events[n].walk = sample->python.status;
	outcome->events[n].frames = sample->python.count;
	outcome->events[n].first_code = sample->python.count ? sample->python.frames[0].code : 0;
	outcome->events[n].pieces = sample->stack.count;
	for (size_t i = 0; i < sample->stack.count; i++)
		outcome->events[n].stack_bytes += sample->stack.pieces[i].size;
	outcome->events[n].period = sample->period;
	outcome->events[n].ip = sample->ip;
	outcome->events[n].kernel_mode = sample->kernel_mode;
	outcome->events[n].whole = sample->stack.whole;
	outcome->events[n].has_registers = sample->registers.valid;
	outcome->events[n].valid = sample->registers.valid;
	outcome->events[n].last_register = sample->registers.value[PLAIT_REGISTER_COUNT - 1];
	outcome->events[n].stack_right = stack_is_right(&sample->stack, sequence);
}

/* Reads everything in the ring in order of time. */
static struct outcome read_all(struct fake_ring *fake)
{
	struct outcome outcome = { 0 };
	struct plait_record_formats formats = support_formats_make();
	struct plait_assembler assembler = { .statistics = &outcome.statistics };
	struct plait_sorter sorter = { 0 };
	static struct plait_delivery delivery;
	uint64_t head = plait_ring_head(&fake->ring);
	for (uint64_t position = plait_ring_tail(&fake->ring); position < head;) {
		const struct perf_event_header *header = plait_ring_record(&fake->ring, position, head);
		assert_non_null(header);
		uint16_t size = header->size;
		struct plait_record record;
		plait_record_decode(&formats, header, &record);
		assert_true(plait_assembler_feed(&assembler, &record, position, &sorter));
		position += size;
	}
	plait_assembler_expire(&assembler, UINT64_MAX, UINT64_MAX);
	struct plait_unit unit;
	while (plait_sorter_pop(&sorter, UINT64_MAX, &unit)) {
		struct plait_source_event event = { 0 };
		if (plait_delivery_build(&delivery, &formats, &fake->ring, &unit, &event) == PLAIT_DELIVER_EVENT)
			note(&outcome, &event, unit.sequence);
	}
	plait_sorter_release(&sorter);
	plait_delivery_release(&delivery);
	plait_map_release(&formats.of_id);
	return outcome;
}

static struct instant at(uint32_t tid, uint64_t time)
{
	return (struct instant) { .pid = 10, .tid = tid, .time = time, .ip = 0x400000 + tid, .sp = 0x7000 + tid };
}

/* One run of the program: frames in two chunks, two pieces of stack, the head. */
static void write_run(struct fake_ring *fake, const struct instant *instant, uint64_t sequence)
{
	struct built record;
	build_frames(&record, instant, sequence, 0, 5);
	fake_ring_write(fake, &record);
	build_frames(&record, instant, sequence, 5, 2);
	fake_ring_write(fake, &record);
	build_stack(&record, instant, sequence, 0x7000, 500);
	fake_ring_write(fake, &record);
	build_stack(&record, instant, sequence, 0x9000, 301);
	fake_ring_write(fake, &record);
	build_head(&record, instant, sequence, 7);
	fake_ring_write(fake, &record);
}

static void write_sample(struct fake_ring *fake, const struct instant *instant)
{
	struct built record;
	build_clock(&record, instant, PERF_RECORD_MISC_USER, NULL, 0);
	fake_ring_write(fake, &record);
}

static void assert_whole(const struct outcome *outcome, size_t n, uint32_t tid, uint64_t sequence)
{
	assert_int_equal(outcome->events[n].kind, PLAIT_SOURCE_SAMPLE);
	assert_int_equal(outcome->events[n].tid, tid);
	assert_int_equal(outcome->events[n].walk, PLAIT_WALK_COMPLETE);
	assert_int_equal(outcome->events[n].frames, 7);
	assert_int_equal(outcome->events[n].first_code, sequence * 100);
	assert_int_equal(outcome->events[n].pieces, 2);
	assert_int_equal(outcome->events[n].stack_bytes, 801);
	assert_true(outcome->events[n].whole);
	assert_true(outcome->events[n].stack_right);
}

/* The end of the ring falls on every 8 bytes of the run and its sample. */
static void test_wrapped_everywhere(void **state)
{
	(void)state;
	for (uint64_t start = RING; start < 2 * RING; start += 8) {
		struct fake_ring fake = fake_ring_make(RING, start);
		struct instant instant = at(20, 1000);
		write_run(&fake, &instant, 9);
		write_sample(&fake, &instant);
		struct outcome outcome = read_all(&fake);
		assert_int_equal(outcome.count, 1);
		assert_whole(&outcome, 0, 20, 9);
		fake_ring_release(&fake);
	}
}

static void test_hostile_sizes(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(4096, 4096 - 16);
	struct built record;
	build_lost(&record, 1, 1);
	const uint16_t sizes[] = { 0, 1, 7, 9, 12, 63, 72, 4096, 65528, 65535 };
	fake_ring_write(&fake, &record); /* 56 bytes */
	uint64_t position = 4096 - 16, head = plait_ring_head(&fake.ring);
	assert_non_null(plait_ring_record(&fake.ring, position, head));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memcpy(fake.data + 4096 - 16 + 6, &sizes[i], 2);
		assert_null(plait_ring_record(&fake.ring, position, head));
	}
	assert_null(plait_ring_record(&fake.ring, head, head));
	assert_null(plait_ring_record(&fake.ring, position + 4, head));
	assert_null(plait_ring_record(&fake.ring, position, position + 4096 + 8)); /* more than the ring holds */
	fake_ring_release(&fake);
}

static void test_sample_without_head(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, 0);
	struct instant instant = at(20, 1000);
	struct built record;
	build_frames(&record, &instant, 1, 0, 3);
	fake_ring_write(&fake, &record);
	write_sample(&fake, &instant);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 1);
	assert_int_equal(outcome.events[0].walk, PLAIT_WALK_LOST);
	assert_int_equal(outcome.events[0].frames, 0);
	assert_false(outcome.events[0].whole);
	assert_int_equal(outcome.statistics.unpaired_samples, 1);
	assert_int_equal(outcome.statistics.unpaired_runs, 1);
	fake_ring_release(&fake);
}

/* The kernel has registers, but of the program before an exec. */
static void test_head_in_exec(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, 0);
	struct instant instant = at(20, 1000);
	struct plait_wire_head head = { .in_exec = 1 };
	struct built record;
	build_wire(&record, &instant, PLAIT_WIRE_HEAD, 1, &head, sizeof(head));
	fake_ring_write(&fake, &record);
	write_sample(&fake, &instant);
	write_run(&fake, &instant, 2);
	write_sample(&fake, &instant);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 2);
	assert_false(outcome.events[0].has_registers);
	assert_int_equal(outcome.events[0].pieces, 0);
	assert_true(outcome.events[1].has_registers);
	assert_int_equal(outcome.statistics.unpaired_samples, 0);
	fake_ring_release(&fake);
}

/* A run whose head has with it what fits. With a period it is the sample. */
static void write_one_record(struct fake_ring *fake, const struct instant *instant, uint64_t sequence, uint64_t period)
{
	struct {
		struct plait_wire_head head;
		struct plait_wire_header registers_header;
		uint64_t registers[PLAIT_REGISTER_COUNT];
		struct plait_wire_header frames_header;
		struct plait_wire_frame frames[2];
		struct plait_wire_header stack_header;
		uint64_t address;
		uint8_t stack[24];
	} parts = { .head = { .ip = instant->ip,
			      .sp = instant->sp,
			      .walk = PLAIT_WALK_COMPLETE,
			      .frame_count = 7,
			      .stack_whole = 1,
			      .period = period },
		    .registers_header = { PLAIT_WIRE_REGISTERS, sizeof(parts.registers), sequence },
		    .frames_header = { PLAIT_WIRE_FRAMES, sizeof(parts.frames), sequence },
		    .stack_header = { PLAIT_WIRE_STACK, 8 + sizeof(parts.stack), sequence },
		    .address = 0x9000 };
	for (size_t i = 0; i < sizeof(parts.stack); i++)
		parts.stack[i] = (uint8_t)(parts.address + i + sequence);
	parts.registers[PLAIT_REGISTER_COUNT - 1] = 4711;
	struct built record;
	build_frames(&record, instant, sequence, 0, 5); /* a chunk that went ahead */
	fake_ring_write(fake, &record);
	build_stack(&record, instant, sequence, 0x7000, 500);
	fake_ring_write(fake, &record);
	build_wire(&record, instant, PLAIT_WIRE_HEAD, sequence, &parts, sizeof(parts));
	memcpy(record.bytes + BUILT_RAW + offsetof(struct plait_wire_header, size), &(uint32_t) { sizeof(parts.head) },
	       4);
	fake_ring_write(fake, &record);
}

static void assert_one_record(const struct outcome *outcome, size_t n, uint32_t tid, uint64_t sequence, uint64_t period)
{
	assert_int_equal(outcome->events[n].kind, PLAIT_SOURCE_SAMPLE);
	assert_int_equal(outcome->events[n].tid, tid);
	assert_int_equal(outcome->events[n].event, 0);
	assert_int_equal(outcome->events[n].period, period);
	assert_int_equal(outcome->events[n].ip, 0x400000 + tid);
	assert_false(outcome->events[n].kernel_mode);
	assert_int_equal(outcome->events[n].walk, PLAIT_WALK_COMPLETE);
	assert_int_equal(outcome->events[n].frames, 7);
	assert_int_equal(outcome->events[n].first_code, sequence * 100);
	assert_int_equal(outcome->events[n].pieces, 2);
	assert_int_equal(outcome->events[n].stack_bytes, 524);
	assert_true(outcome->events[n].whole && outcome->events[n].stack_right);
	assert_int_equal(outcome->events[n].valid, (UINT64_C(1) << PLAIT_REGISTER_COUNT) - 1);
	assert_int_equal(outcome->events[n].last_register, 4711);
}

/* All registers are the program's, of which the kernel's sample need not have more than two. */
static void test_run_in_one_record(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, 0);
	struct instant instant = at(20, 1000);
	write_one_record(&fake, &instant, 1, 0);
	write_sample(&fake, &instant);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 1);
	assert_one_record(&outcome, 0, 20, 1, 1001001);
	fake_ring_release(&fake);
}

static void test_head_that_is_the_sample(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, RING - 400);
	struct instant first = at(20, 1000), second = at(20, 2000), third = at(21, 3000);
	write_one_record(&fake, &first, 2, 777);
	write_run(&fake, &second, 4); /* this one in the kernel */
	write_sample(&fake, &second);
	write_one_record(&fake, &third, 6, 778);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 3);
	assert_one_record(&outcome, 0, 20, 2, 777);
	assert_whole(&outcome, 1, 20, 4);
	assert_int_equal(outcome.events[1].period, 1001001);
	assert_one_record(&outcome, 2, 21, 6, 778);
	assert_int_equal(outcome.statistics.unpaired_runs + outcome.statistics.unpaired_samples, 0);
	fake_ring_release(&fake);
}

/* A run whose sample does not come is not taken for that of a later head, nor is the head's of a later sample. */
static void test_head_that_is_the_sample_among_losses(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, 0);
	struct instant first = at(20, 1000), second = at(20, 2000);
	struct built record;
	write_run(&fake, &first, 2); /* its sample is lost */
	build_lost(&record, 1500, 1);
	fake_ring_write(&fake, &record);
	write_one_record(&fake, &second, 4, 777);
	write_sample(&fake, &second); /* its run is lost */
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 2);
	assert_int_equal(outcome.events[0].walk, PLAIT_WALK_COMPLETE);
	assert_int_equal(outcome.events[0].frames, 7);
	assert_int_equal(outcome.events[0].period, 777);
	assert_false(outcome.events[0].whole); /* what was lost may have been of it */
	assert_int_equal(outcome.events[1].walk, PLAIT_WALK_LOST);
	assert_int_equal(outcome.statistics.unpaired_runs, 1);
	assert_int_equal(outcome.statistics.unpaired_samples, 1);
	fake_ring_release(&fake);
}

static void test_head_without_sample(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, 0);
	struct instant first = at(20, 1000), second = at(20, 2000);
	second.sp += 64;
	write_run(&fake, &first, 1); /* its sample is lost */
	write_run(&fake, &second, 2);
	write_sample(&fake, &second);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 1);
	assert_whole(&outcome, 0, 20, 2);
	assert_int_equal(outcome.statistics.unpaired_runs, 1);
	fake_ring_release(&fake);
}

/* The run that waits is of an earlier instant: other registers, another thread. Its content must not be taken. */
static void test_stale_run_is_not_taken(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, 0);
	struct instant stale = at(20, 1000), moved = at(20, 2000), other = at(21, 3000);
	moved.ip += 4;
	write_run(&fake, &stale, 1);
	write_sample(&fake, &moved);
	write_sample(&fake, &other);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 2);
	assert_int_equal(outcome.events[0].walk, PLAIT_WALK_LOST);
	assert_int_equal(outcome.events[1].walk, PLAIT_WALK_LOST);
	assert_int_equal(outcome.statistics.unpaired_samples, 2);
	fake_ring_release(&fake);
}

/* Between a run and its sample an interrupt of another event puts a run and a sample of its own. */
static void test_nested(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, RING - 640);
	struct instant outer = at(20, 1000), inner = at(20, 1500);
	struct built record;
	write_run(&fake, &outer, 1);
	write_run(&fake, &inner, 2);
	build_fault(&record, &inner, 0x5000);
	fake_ring_write(&fake, &record);
	outer.time = 1100; /* taken before the interrupt, written after it */
	write_sample(&fake, &outer);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 2);
	assert_whole(&outcome, 0, 20, 1);
	assert_int_equal(outcome.events[0].event, 0);
	assert_whole(&outcome, 1, 20, 2);
	assert_int_equal(outcome.events[1].event, 1);
	assert_int_equal(outcome.statistics.unpaired_runs, 0);
	fake_ring_release(&fake);
}

/* The processor is a virtual one and stood still for a while between the outer run and its sample. */
static void test_nested_after_a_stall(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, 0);
	struct instant outer = at(20, 1000), inner = at(20, 1000 + 300000000);
	struct built record;
	write_run(&fake, &outer, 2);
	write_run(&fake, &inner, 4);
	build_fault(&record, &inner, 0x5000);
	fake_ring_write(&fake, &record);
	write_sample(&fake, &outer);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 2);
	assert_whole(&outcome, 0, 20, 2);
	assert_whole(&outcome, 1, 20, 4);
	fake_ring_release(&fake);
}

/* Of two runs of one thread at one place the first has lost its sample: it is not the second one's, whose run is lost,
 * too. */
static void test_run_before_a_loss_is_not_taken(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, 0);
	struct instant first = at(20, 1000), second = at(20, 2000);
	struct built lost, frames;
	write_run(&fake, &first, 2);
	build_lost(&lost, 1500, 1);
	fake_ring_write(&fake, &lost);
	build_frames(&frames, &second, 4, 0, 5);
	fake_ring_write(&fake, &frames); /* its HEAD is lost */
	write_sample(&fake, &second);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 1);
	assert_int_equal(outcome.events[0].walk, PLAIT_WALK_LOST);
	assert_int_equal(outcome.statistics.unpaired_runs, 2);
	fake_ring_release(&fake);
}

/* A thread is preempted between the run of a probe and its sample, another one comes to a probe meanwhile, and is
 * preempted in its turn. */
static void test_probes_of_threads_that_take_turns(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(2 * RING, 0);
	struct instant one = at(20, 1000), other = at(21, 2000), clock = at(21, 3000);
	write_run(&fake, &one, 2 | PLAIT_WIRE_OF_PROBE);
	write_run(&fake, &other, 4 | PLAIT_WIRE_OF_PROBE);
	write_sample(&fake, &one);
	write_run(&fake, &clock, 6);
	write_sample(&fake, &clock);
	other.time = 4000;
	write_sample(&fake, &other);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 3);
	assert_whole(&outcome, 0, 20, 3);
	assert_whole(&outcome, 1, 21, 6);
	assert_whole(&outcome, 2, 21, 5);
	assert_int_equal(outcome.statistics.unpaired_runs + outcome.statistics.unpaired_samples, 0);
	fake_ring_release(&fake);
}

/* The interrupt comes between two records of the outer run. */
static void test_nested_inside_a_run(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, 0);
	struct instant outer = at(20, 1000), inner = at(20, 1001);
	struct built record;
	build_frames(&record, &outer, 1, 0, 7);
	fake_ring_write(&fake, &record);
	write_run(&fake, &inner, 2);
	build_fault(&record, &inner, 0x5000);
	fake_ring_write(&fake, &record);
	build_stack(&record, &outer, 1, 0x7000, 500);
	fake_ring_write(&fake, &record);
	build_stack(&record, &outer, 1, 0x9000, 301);
	fake_ring_write(&fake, &record);
	build_head(&record, &outer, 1, 7);
	fake_ring_write(&fake, &record);
	write_sample(&fake, &outer);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 2);
	assert_whole(&outcome, 0, 20, 1);
	assert_whole(&outcome, 1, 20, 2);
	fake_ring_release(&fake);
}

/* Each record of a run in turn is lost: a sample that misses something must never look exact and whole. */
static void test_each_record_lost(void **state)
{
	(void)state;
	for (int missing = 0; missing < 5; missing++) {
		struct fake_ring fake = fake_ring_make(RING, 0);
		struct instant instant = at(20, 1000);
		struct built records[5], lost;
		build_frames(&records[0], &instant, 3, 0, 5);
		build_frames(&records[1], &instant, 3, 5, 2);
		build_stack(&records[2], &instant, 3, 0x7000, 500);
		build_stack(&records[3], &instant, 3, 0x9000, 301);
		build_head(&records[4], &instant, 3, 7);
		build_lost(&lost, 1000, 1);
		for (int i = 0; i < 5; i++)
			fake_ring_write(&fake, i == missing ? &lost : &records[i]);
		write_sample(&fake, &instant);
		struct outcome outcome = read_all(&fake);
		assert_int_equal(outcome.count, 1);
		assert_int_equal(outcome.statistics.lost_records, 1);
		assert_false(outcome.events[0].whole);
		bool frames_missing = missing < 2 || missing == 4;
		assert_int_equal(outcome.events[0].walk, frames_missing ? PLAIT_WALK_LOST : PLAIT_WALK_COMPLETE);
		assert_int_equal(outcome.events[0].frames, frames_missing ? 0 : 7);
		fake_ring_release(&fake);
	}
}

static void build_code(struct built *record, const struct instant *instant, uint32_t table_size, uint32_t cut)
{
	static struct plait_wire_code code;
	memset(&code, 0, sizeof(code));
	code.pid = instant->pid;
	code.code = 0xc0de;
	code.table_size = table_size;
	build_wire(record, instant, PLAIT_WIRE_CODE, 4, &code,
		   (uint32_t)offsetof(struct plait_wire_code, table) + table_size - cut);
}

/* The kernel takes the sample's time before the program runs: its code objects come before it all the same, also when
 * the run took long, and even if the sample is lost. */
static void test_code(void **state)
{
	(void)state;
	const uint64_t start = 5000000, took = 3000000;
	for (int with_sample = 0; with_sample < 2; with_sample++) {
		struct fake_ring fake = fake_ring_make(4 * RING, 0);
		struct instant instant = at(20, start + 1000);
		struct built record;
		build_code(&record, &instant, 100, 0);
		fake_ring_write(&fake, &record);
		build_code(&record, &instant, 0, 0);
		fake_ring_write(&fake, &record);
		build_code(&record, &instant, 100, 8); /* less table than it says */
		fake_ring_write(&fake, &record);
		instant.time = start + took;
		write_run(&fake, &instant, 4);
		instant.time = start;
		if (with_sample)
			write_sample(&fake, &instant);
		struct outcome outcome = read_all(&fake);
		assert_int_equal(outcome.count, 2 + with_sample);
		assert_int_equal(outcome.events[0].kind, PLAIT_SOURCE_CODE);
		assert_int_equal(outcome.events[1].kind, PLAIT_SOURCE_CODE);
		if (with_sample)
			assert_whole(&outcome, 2, 20, 4);
		fake_ring_release(&fake);
	}
}

/* Frames of an unknown kind, pieces that overlap, a status that does not exist. */
/* The kernel took the sample's time long before the program ran. */
static void test_code_comes_before_its_late_run(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, 0);
	struct instant run = at(20, 20000000), sample = at(20, 12000000);
	struct built record;
	build_code(&record, &run, 3, 0);
	fake_ring_write(&fake, &record);
	write_run(&fake, &run, 1);
	write_sample(&fake, &sample);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 2);
	assert_int_equal(outcome.events[0].kind, PLAIT_SOURCE_CODE);
	assert_whole(&outcome, 1, 20, 1);
	assert_in_range(outcome.events[1].time, outcome.events[0].time, 20000000);
	fake_ring_release(&fake);
}

static void test_hostile_run(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(RING, 0);
	struct instant instant = at(20, 1000);
	struct built record;
	struct plait_wire_frame frame = { .kind = 9 };
	build_wire(&record, &instant, PLAIT_WIRE_FRAMES, 1, &frame, sizeof(frame));
	fake_ring_write(&fake, &record);
	build_stack(&record, &instant, 1, 0x7000, 64);
	fake_ring_write(&fake, &record);
	build_stack(&record, &instant, 1, 0x7030, 64);
	fake_ring_write(&fake, &record);
	build_stack(&record, &instant, 1, UINT64_MAX - 7, 64);
	fake_ring_write(&fake, &record);
	build_head(&record, &instant, 1, 1);
	fake_ring_write(&fake, &record);
	write_sample(&fake, &instant);
	struct plait_wire_head head = { .ip = instant.ip, .sp = instant.sp, .walk = 77 };
	build_wire(&record, &instant, PLAIT_WIRE_HEAD, 2, &head, sizeof(head));
	fake_ring_write(&fake, &record);
	write_sample(&fake, &instant);
	build_wire(&record, &instant, PLAIT_WIRE_HEAD, 3, &head, sizeof(head) - 8);
	fake_ring_write(&fake, &record);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 2);
	assert_int_equal(outcome.events[0].walk, PLAIT_WALK_BROKEN);
	assert_int_equal(outcome.events[0].frames, 0);
	assert_int_equal(outcome.events[0].pieces, 1);
	assert_int_equal(outcome.events[1].walk, PLAIT_WALK_BROKEN);
	assert_int_equal(outcome.statistics.bad_records, 1);
	fake_ring_release(&fake);
}

/* More runs without a sample than can nest: the oldest go first, and each is counted. */
static void test_many_unpaired_runs(void **state)
{
	(void)state;
	struct fake_ring fake = fake_ring_make(16 * RING, 0);
	for (uint64_t i = 0; i < 20; i++) {
		struct instant instant = at(20, 1000 + i);
		write_run(&fake, &instant, i);
	}
	struct instant last = at(20, 1100);
	write_sample(&fake, &last);
	struct outcome outcome = read_all(&fake);
	assert_int_equal(outcome.count, 1);
	assert_whole(&outcome, 0, 20, 19);
	assert_int_equal(outcome.statistics.unpaired_runs, 19);
	fake_ring_release(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrapped_everywhere),
		cmocka_unit_test(test_hostile_sizes),
		cmocka_unit_test(test_sample_without_head),
		cmocka_unit_test(test_head_in_exec),
		cmocka_unit_test(test_run_in_one_record),
		cmocka_unit_test(test_head_that_is_the_sample),
		cmocka_unit_test(test_head_that_is_the_sample_among_losses),
		cmocka_unit_test(test_head_without_sample),
		cmocka_unit_test(test_stale_run_is_not_taken),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_nested_after_a_stall),
		cmocka_unit_test(test_run_before_a_loss_is_not_taken),
		cmocka_unit_test(test_probes_of_threads_that_take_turns),
		cmocka_unit_test(test_nested_inside_a_run),
		cmocka_unit_test(test_each_record_lost),
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_code_comes_before_its_late_run),
		cmocka_unit_test(test_hostile_run),
		cmocka_unit_test(test_many_unpaired_runs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
