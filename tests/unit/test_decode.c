/* links: plait_perf plait_common */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/sysmacros.h>
#include <cmocka.h>

#include "unit/test_source_support.h"

static const struct instant instant = { .pid = 7, .tid = 8, .time = 5000, .ip = 0x401000, .sp = 0x7ffc0000 };

static struct plait_record decode(const struct built *record)
{
	struct plait_record_formats formats = support_formats_make();
	struct plait_record ret;
	plait_record_decode(&formats, &record->header, &ret);
	plait_map_release(&formats.of_id);
	return ret;
}

/* Cut to every shorter size, a record that says how big it is must be found bad (or, where only padding is cut off, be
 * the same), and never be read beyond its end (the copy is exactly as long). */
static size_t count_bad_cuts(const struct built *record)
{
	size_t bad = 0;
	for (size_t size = sizeof(struct perf_event_header); size < record->size; size += 8) {
		struct perf_event_header *cut = malloc(size);
		memcpy(cut, record->bytes, size);
		cut->size = (uint16_t)size;
		struct plait_record_formats formats = support_formats_make();
		struct plait_record ret;
		plait_record_decode(&formats, cut, &ret);
		bad += ret.kind == PLAIT_RECORD_BAD;
		plait_map_release(&formats.of_id);
		free(cut);
	}
	return bad;
}

static void test_sample_of_kernel(void **state)
{
	(void)state;
	struct built record;
	const uint64_t chain[] = { (uint64_t)PERF_CONTEXT_KERNEL, 0xffffffff81000000, 0xffffffff82000000 };
	build_clock(&record, &instant, PERF_RECORD_MISC_KERNEL, chain, 3);
	struct plait_record sample = decode(&record);
	assert_int_equal(sample.kind, PLAIT_RECORD_SAMPLE);
	assert_int_equal(sample.pid, 7);
	assert_int_equal(sample.tid, 8);
	assert_int_equal(sample.time, 5000);
	assert_int_equal(sample.sample.event, 0);
	assert_true(sample.sample.kernel_mode);
	assert_int_equal(sample.sample.ip, 0x401000);
	assert_int_equal(sample.sample.address, 0);
	assert_int_equal(sample.sample.period, 1001001);
	assert_int_equal(sample.sample.kernel_count, 2);
	assert_int_equal(sample.sample.kernel_chain[0], 0xffffffff81000000);
	assert_int_equal(sample.sample.kernel_chain[1], 0xffffffff82000000);
	assert_int_equal(count_bad_cuts(&record), record.size / 8 - 1);
}

/* By DWARF number, what build_fault() puts into a record by perf's number (asm/perf_regs.h). */
#if defined(__x86_64__)
/* The psABI: rax 0, rdx 1, rcx 2, rbx 3, rsi 4, rdi 5, rbp 6, rsp 7, r8..r15, rip 16. */
static const uint64_t wanted_registers[] = { 1000, 1003, 1002, 1001, 1004, 1005, 1006, 0x7ffc0000, 1016,
					     1017, 1018, 1019, 1020, 1021, 1022, 1023, 0x401000 };
#else
/* AArch64: x0 to x30, sp; then pc. */
static const uint64_t wanted_registers[] = {
	1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,	1015,	 1016,
	1017, 1018, 1019, 1020, 1021, 1022, 1023, 1024, 1025, 1026, 1027, 1028, 1029, 1030, 0x7ffc0000, 0x401000
};
#endif
#define REGISTERS (sizeof(wanted_registers) / sizeof(wanted_registers[0]))

static void test_registers(void **state)
{
	(void)state;
	struct built record;
	build_fault(&record, &instant, 0x1234);
	struct plait_record sample = decode(&record);
	const struct plait_registers *registers = &sample.sample.registers;
	assert_int_equal(registers->valid, (1ULL << REGISTERS) - 1);
	for (size_t i = 0; i < REGISTERS; i++)
		assert_int_equal(registers->value[i], wanted_registers[i]);
	assert_int_equal(sample.sample.address, 0x1234);
	assert_int_equal(sample.sample.event, 1);
	assert_int_equal(sample.sample.kernel_count, 0);
	assert_false(sample.sample.kernel_mode);
}

static void test_registers_of_others(void **state)
{
	(void)state;
	struct built record;
	build_fault(&record, &instant, 0);
	size_t abi = record.size - (REGISTERS + 1) * 8;
	uint64_t value = PERF_SAMPLE_REGS_ABI_32;
	memcpy(record.bytes + abi, &value, 8);
	struct plait_record sample = decode(&record);
	assert_int_equal(sample.kind, PLAIT_RECORD_SAMPLE);
	assert_int_equal(sample.sample.registers.valid, 0);
	value = PERF_SAMPLE_REGS_ABI_NONE; /* a kernel thread: then no registers follow */
	memcpy(record.bytes + abi, &value, 8);
	record.header.size = (uint16_t)(abi + 8);
	sample = decode(&record);
	assert_int_equal(sample.kind, PLAIT_RECORD_SAMPLE);
	assert_int_equal(sample.sample.registers.valid, 0);
}

static void test_chain_of_hostile_length(void **state)
{
	(void)state;
	struct built record;
	const uint64_t chain[] = { (uint64_t)PERF_CONTEXT_KERNEL, 1 };
	build_clock(&record, &instant, PERF_RECORD_MISC_KERNEL, chain, 2);
	size_t count_at = record.size - (REGISTERS + 1 + 2 + 1) * 8;
	const uint64_t lengths[] = { UINT64_MAX, UINT64_MAX / 8, 1 << 20, 21 };
	for (size_t i = 0; i < 4; i++) {
		memcpy(record.bytes + count_at, &lengths[i], 8);
		assert_int_equal(decode(&record).kind, PLAIT_RECORD_BAD);
	}
}

static void test_kernel_chain(void **state)
{
	(void)state;
	const uint64_t *ret;
	const uint64_t user = (uint64_t)PERF_CONTEXT_USER, kernel = (uint64_t)PERF_CONTEXT_KERNEL;
	const uint64_t mixed[] = { kernel, 10, 11, user, 12 };
	assert_int_equal(plait_kernel_chain(mixed, 5, &ret), 2);
	assert_int_equal(ret[0], 10);
	const uint64_t only_user[] = { user, 12, 13 };
	assert_int_equal(plait_kernel_chain(only_user, 3, &ret), 0);
	const uint64_t guest_first[] = { (uint64_t)PERF_CONTEXT_GUEST, 1, kernel, 2 };
	assert_int_equal(plait_kernel_chain(guest_first, 4, &ret), 1);
	assert_int_equal(ret[0], 2);
	assert_int_equal(plait_kernel_chain(&kernel, 1, &ret), 0);
	assert_int_equal(plait_kernel_chain(NULL, 0, &ret), 0);
}

static void test_wire(void **state)
{
	(void)state;
	struct built record;
	for (uint32_t size = 1; size < 40; size++) { /* the kernel's padding must not be taken for data */
		uint8_t body[40];
		memset(body, (int)size, sizeof(body));
		build_wire(&record, &instant, PLAIT_WIRE_FRAMES, 77, body, size);
		struct plait_record wire = decode(&record);
		assert_int_equal(wire.kind, PLAIT_RECORD_WIRE);
		assert_int_equal(wire.wire.header.sequence, 77);
		assert_int_equal(wire.wire.header.size, size);
		assert_memory_equal(wire.wire.body, body, size);
	}
	size_t size_at = record.size;
	build_wire(&record, &instant, PLAIT_WIRE_HEAD, 1, NULL, 0);
	size_at = BUILT_RAW - 4;
	uint32_t hostile = 0xfffffff0;
	memcpy(record.bytes + size_at, &hostile, 4);
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_BAD);
	hostile = 12; /* shorter than its own header */
	memcpy(record.bytes + size_at, &hostile, 4);
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_BAD);
}

static void test_wire_body_beyond_its_record(void **state)
{
	(void)state;
	struct built record;
	uint8_t body[16] = { 0 };
	build_wire(&record, &instant, PLAIT_WIRE_STACK, 1, body, sizeof(body));
	struct plait_wire_header header = { .kind = PLAIT_WIRE_STACK, .size = 21, .sequence = 1 };
	memcpy(record.bytes + BUILT_RAW, &header, sizeof(header)); /* 16 bytes and 4 of padding are there */
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_BAD);
	header.size = 20;
	memcpy(record.bytes + BUILT_RAW, &header, sizeof(header));
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_WIRE);
	header.size = UINT32_MAX;
	memcpy(record.bytes + BUILT_RAW, &header, sizeof(header));
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_BAD);
}

/* Several at once: header and body, one behind the other; the kernel pads the last. */
static void test_wire_of_many_parts(void **state)
{
	(void)state;
	struct {
		struct plait_wire_header head_header;
		uint64_t head[3];
		struct plait_wire_header empty_header;
		struct plait_wire_header stack_header;
		uint8_t stack[5];
	} parts = { .head = { 1, 2, 3 },
		    .empty_header = { .kind = PLAIT_WIRE_FRAMES, .sequence = 8 },
		    .stack_header = { .kind = PLAIT_WIRE_STACK, .size = 5, .sequence = 8 },
		    .stack = { 9, 9, 9, 9, 9 } };
	const uint32_t size = offsetof(__typeof__(parts), stack) + 5, first = sizeof(parts.head_header);
	struct built record;
	build_wire(&record, &instant, PLAIT_WIRE_HEAD, 8, parts.head, size - first);
	struct plait_wire_header header = { .kind = PLAIT_WIRE_HEAD, .size = sizeof(parts.head), .sequence = 8 };
	const size_t at = BUILT_RAW;
	memcpy(record.bytes + at, &header, sizeof(header));
	struct plait_record wire = decode(&record);
	assert_int_equal(wire.kind, PLAIT_RECORD_WIRE);
	assert_int_equal(wire.wire.header.kind, PLAIT_WIRE_HEAD);
	assert_memory_equal(wire.wire.body, parts.head, sizeof(parts.head));
	assert_true(plait_record_next_wire(&wire));
	assert_int_equal(wire.wire.header.kind, PLAIT_WIRE_FRAMES);
	assert_int_equal(wire.wire.header.size, 0);
	assert_true(plait_record_next_wire(&wire));
	assert_int_equal(wire.wire.header.kind, PLAIT_WIRE_STACK);
	assert_memory_equal(wire.wire.body, parts.stack, 5);
	assert_false(plait_record_next_wire(&wire));

	/* A part that is longer than what is there: the whole is not believed. */
	parts.stack_header.size = 5 + 8;
	memcpy(record.bytes + at + offsetof(__typeof__(parts), stack_header), &parts.stack_header, sizeof(header));
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_BAD);
	header.size = UINT32_MAX - 8;
	memcpy(record.bytes + at, &header, sizeof(header));
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_BAD);
}

/* Where it is the program's output that finds no room: of its event, records have the id only. */
static void test_lost_output(void **state)
{
	(void)state;
	struct built record;
	begin(&record, PERF_RECORD_LOST, 0);
	put64(&record, ID_OUTPUT);
	put64(&record, 17);
	put64(&record, ID_OUTPUT);
	finish(&record);
	struct plait_record lost = decode(&record);
	assert_int_equal(lost.kind, PLAIT_RECORD_LOST);
	assert_int_equal(lost.lost, 17);
	build_lost(&record, 9, 18); /* of an event that has all */
	lost = decode(&record);
	assert_int_equal(lost.kind, PLAIT_RECORD_LOST);
	assert_int_equal(lost.lost, 18);
	assert_int_equal(lost.time, 9);
	assert_int_equal(count_bad_cuts(&record), record.size / 8 - 1);
}

static void test_group(void **state)
{
	(void)state;
	struct built record;
	for (size_t count = 1; count <= 8; count++) {
		struct plait_counter_value counters[8];
		for (size_t i = 0; i < 8; i++)
			counters[i] = (struct plait_counter_value) { 1000 * i + 7, ID_GROUP + i };
		build_group(&record, &instant, counters, count);
		struct plait_record sample = decode(&record);
		assert_int_equal(sample.kind, PLAIT_RECORD_SAMPLE);
		assert_int_equal(sample.sample.event, 3);
		assert_int_equal(sample.sample.period, 500);
		assert_int_equal(sample.sample.counter_count, count);
		assert_memory_equal(sample.sample.counters, counters, count * sizeof(counters[0]));
		assert_int_equal(sample.sample.registers.value[REGISTERS - 1],
				 0x401000); /* what follows is read at its place */
		assert_int_equal(count_bad_cuts(&record), record.size / 8 - 1);
	}
}

/* More counters than the record has bytes for. */
static void test_group_that_lies(void **state)
{
	(void)state;
	static const uint64_t counts[] = { 3, 1000, UINT64_MAX / 16, UINT64_MAX / 16 + 1, UINT64_MAX };
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct built record;
		build_group(&record, &instant, (struct plait_counter_value[]) { { 5, ID_GROUP } }, 1);
		memcpy(record.bytes + 8 + 8 * 5, &counts[i], 8); /* behind header, id, ip, tid, time, period */
		assert_int_equal(decode(&record).kind, PLAIT_RECORD_BAD);
	}
}

static void test_load(void **state)
{
	(void)state;
	struct built record;
	build_load(&record, &instant, 0x7f0012345678, UINT64_C(0xabcd0000012c), 0x68100142);
	struct plait_record sample = decode(&record);
	assert_int_equal(sample.kind, PLAIT_RECORD_SAMPLE);
	assert_int_equal(sample.sample.address, 0x7f0012345678);
	assert_int_equal(sample.sample.latency, 300); /* the lower half of the weight: cycles */
	assert_int_equal(sample.sample.data_source, 0x68100142);
	assert_true(sample.sample.exact_ip);
	assert_int_equal(count_bad_cuts(&record), record.size / 8 - 1);
}

static void test_unknown_event(void **state)
{
	(void)state;
	struct built record;
	build_fault(&record, &instant, 0);
	uint64_t id = 999;
	memcpy(record.bytes + 8, &id, 8);
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_OTHER);
}

static void test_map(void **state)
{
	(void)state;
	struct built record;
	build_map2(&record, 42, 900, 0x7f0000001000, 0x2000, "/usr/lib/libx.so");
	struct plait_record map = decode(&record);
	assert_int_equal(map.kind, PLAIT_RECORD_MAP);
	assert_int_equal(map.pid, 42);
	assert_int_equal(map.time, 900);
	assert_int_equal(map.map.start, 0x7f0000001000);
	assert_int_equal(map.map.size, 0x2000);
	assert_int_equal(map.map.offset, 0x3000);
	assert_int_equal(map.map.device, makedev(8, 1));
	assert_int_equal(map.map.inode, 4711);
	assert_int_equal(map.map.protection, 5);
	assert_string_equal(map.map.path, "/usr/lib/libx.so");
	assert_true(count_bad_cuts(&record) >= record.size / 8 - 3);
}

static void test_hostile_map(void **state)
{
	(void)state;
	struct built record;
	build_map2(&record, 42, 900, UINT64_MAX - 100, 0x2000, "/x"); /* wraps around */
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_BAD);
	build_map2(&record, 42, 900, 0x1000, 0x2000, "/12345678901234");
	memset(record.bytes + 72, 'x', 16); /* a path without its NUL */
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_BAD);
}

static void test_names(void **state)
{
	(void)state;
	struct built record;
	begin(&record, PERF_RECORD_COMM, 0);
	put32(&record, 5);
	put32(&record, 6);
	put(&record, "worker", 7);
	put_trailer(&record, 5, 6, 11);
	struct plait_record name = decode(&record);
	assert_int_equal(name.kind, PLAIT_RECORD_NAME);
	assert_int_equal(name.tid, 6);
	assert_string_equal(name.name, "worker");
	record.header.misc = PERF_RECORD_MISC_COMM_EXEC;
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_EXEC);
}

static void test_fork_and_exit(void **state)
{
	(void)state;
	struct built record;
	begin(&record, PERF_RECORD_FORK, 0);
	put32(&record, 50);
	put32(&record, 40);
	put32(&record, 51);
	put32(&record, 41);
	put64(&record, 1);
	put_trailer(&record, 40, 41, 12);
	struct plait_record fork = decode(&record);
	assert_int_equal(fork.kind, PLAIT_RECORD_FORK);
	assert_int_equal(fork.pid, 50);
	assert_int_equal(fork.tid, 51);
	assert_int_equal(fork.fork.parent_pid, 40);
	assert_int_equal(fork.fork.parent_tid, 41);
	assert_int_equal(fork.time, 12);
	record.header.type = PERF_RECORD_EXIT;
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_EXIT);
	assert_int_equal(decode(&record).tid, 51);
}

static void test_lost_and_others(void **state)
{
	(void)state;
	struct built record;
	build_lost(&record, 13, 17);
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_LOST);
	assert_int_equal(decode(&record).lost, 17);
	begin(&record, PERF_RECORD_LOST_SAMPLES, 0);
	put64(&record, 4);
	put_trailer(&record, 1, 1, 14);
	assert_int_equal(decode(&record).lost, 4);
	begin(&record, PERF_RECORD_THROTTLE, 0);
	put64(&record, 14);
	put64(&record, ID_CLOCK);
	put64(&record, ID_CLOCK);
	put_trailer(&record, 1, 1, 14);
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_THROTTLE);
	record.header.type = PERF_RECORD_UNTHROTTLE;
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_OTHER);
	record.header.type = 4000;
	assert_int_equal(decode(&record).kind, PLAIT_RECORD_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample_of_kernel),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_registers_of_others),
		cmocka_unit_test(test_chain_of_hostile_length),
		cmocka_unit_test(test_kernel_chain),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_wire_body_beyond_its_record),
		cmocka_unit_test(test_wire_of_many_parts),
		cmocka_unit_test(test_lost_output),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_group_that_lies),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_unknown_event),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_hostile_map),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_fork_and_exit),
		cmocka_unit_test(test_lost_and_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
