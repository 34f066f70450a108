/* links: plait_python_unwind */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "python_unwind/code.h"
#include "python_unwind/walk_state.h"

/* ---- a process with code objects in it, laid out like CPython 3.12's ---- */

#define CODE 0x1000
#define NAME 0x2000
#define QUALNAME 0x3000
#define FILENAME 0x4000
#define TABLE 0x8000
#define END 0x20000

static const struct plait_walk_plan plan_3_12 = {
	.version = 0x030c01f0,
	.code_size = 208,
	.code_first_line = 68,
	.code_filename = 112,
	.code_name = 120,
	.code_qualname = 128,
	.code_linetable = 136,
	.code_version = 92,
	.unicode_length = 16,
	.unicode_state = 32,
	.unicode_ascii_data = 40,
	.unicode_compact_data = 56,
	.unicode_kind_shift = 2,
	.unicode_compact_shift = 5,
	.unicode_ascii_shift = 6,
	.bytes_size = 16,
	.bytes_data = 32,
};

struct process {
	uint8_t bytes[END];
	unsigned reads;
	unsigned change_after; /* the object is another one after so many reads; 0: never */
};

static bool read_process(void *context, uint64_t address, void *ret, size_t size)
{
	struct process *process = context;

	if (address < CODE || address > END || size > END - address)
		return false;
	if (process->change_after && ++process->reads > process->change_after)
		process->bytes[CODE + plan_3_12.code_version] = 78;
	memcpy(ret, process->bytes + address, size);
	return true;
}

static void put_u64(struct process *process, size_t at, uint64_t value)
{
	memcpy(process->bytes + at, &value, sizeof(value));
}

static void put_str(struct process *process, size_t at, const char *ascii)
{
	put_u64(process, at + 16, strlen(ascii));
	put_u64(process, at + 32, 1 << 2 | 1 << 5 | 1 << 6);
	memcpy(process->bytes + at + 40, ascii, strlen(ascii));
}

static struct process *make_process(const char *filename, size_t table_size)
{
	struct process *process = calloc(1, sizeof(*process));
	int32_t line = 10, version = 77;

	put_str(process, NAME, "f");
	put_str(process, QUALNAME, "C.f");
	put_str(process, FILENAME, filename);
	put_u64(process, TABLE + 16, table_size);
	for (size_t i = 0; i < table_size; i++)
		process->bytes[TABLE + 32 + i] = i % 2 ? 2 : 0x80 | 13 << 3; /* each instruction one line on */
	memcpy(process->bytes + CODE + 68, &line, sizeof(line));
	memcpy(process->bytes + CODE + 92, &version, sizeof(version));
	put_u64(process, CODE + 112, FILENAME);
	put_u64(process, CODE + 120, NAME);
	put_u64(process, CODE + 128, QUALNAME);
	put_u64(process, CODE + 136, TABLE);
	return process;
}

/* ---- what the sampler sends of it ---- */

static struct plait_wire_code wire;

static void wire_text(struct plait_wire_string *string, const char *text, size_t cut)
{
	*string = (struct plait_wire_string) { .length = (uint32_t)strlen(text), .kind = 1, .ascii = 1 };
	string->size = (uint16_t)(strlen(text) < cut ? strlen(text) : cut);
	memcpy(string->text, text, string->size);
}

static void make_wire(uint32_t pid, const char *name, const char *filename)
{
	static const uint8_t table[] = { 0x80, 0x35, 0x80 | 11 << 3, 4, 8 };

	memset(&wire, 0, sizeof(wire));
	wire.pid = pid;
	wire.code = CODE;
	wire.fingerprint = 77;
	wire.first_line = 10;
	wire_text(&wire.name, name, PLAIT_WIRE_STRING_MAX);
	wire_text(&wire.qualname, name, PLAIT_WIRE_STRING_MAX);
	wire_text(&wire.filename, filename, PLAIT_WIRE_STRING_MAX);
	wire.table_object = TABLE;
	wire.table_total = wire.table_size = sizeof(table);
	memcpy(wire.table, table, sizeof(table));
}

static struct plait_code_registry *registry;

static int set_up(void **state)
{
	(void)state;
	return plait_code_registry_create(&registry) != NULL;
}

static int tear_down(void **state)
{
	(void)state;
	plait_code_registry_destroy(registry);
	return 0;
}

static const struct plait_code *add_and_find(const struct plait_memory *memory)
{
	assert_null(plait_code_registry_add(registry, &plan_3_12, &wire, memory));
	const struct plait_code *code = plait_code_registry_find(registry, wire.pid, wire.code, wire.fingerprint);
	assert_non_null(code);
	return code;
}

/* ---- tests ---- */

static void a_copy_is_found_again(void **state)
{
	(void)state;
	make_wire(1, "C.run", "/srv/app.py");
	wire_text(&wire.name, "run", 99);
	const struct plait_code *code = add_and_find(NULL);
	assert_string_equal(code->name, "run");
	assert_string_equal(code->qualname, "C.run");
	assert_string_equal(code->filename, "/srv/app.py");
	assert_int_equal(code->first_line, 10);
	assert_int_equal(code->id, 0);
	assert_true(code->complete);
	struct plait_position position = plait_code_position(code, 2);
	assert_int_equal(position.line, 11);
	assert_int_equal(position.column, 4);
	assert_int_equal(position.end_column, 8);
	assert_int_equal(plait_code_position(code, -1).line, 10);
	assert_int_equal(plait_code_position(code, 4).line, 0);
	assert_null(plait_code_registry_find(registry, 2, CODE, 77));
	assert_null(plait_code_registry_find(registry, 1, CODE + 8, 77));
	assert_null(plait_code_registry_find(registry, 1, CODE, 78));
}

static void equal_code_has_one_id(void **state)
{
	(void)state;
	make_wire(1, "f", "a.py");
	uint32_t first = add_and_find(NULL)->id;
	make_wire(2, "f", "a.py");
	wire.code = 0x9000;
	wire.fingerprint = 5;
	assert_int_equal(add_and_find(NULL)->id, first);
	/* Each single field tells them apart. */
	for (int change = 0; change < 6; change++) {
		make_wire(3, "f", "a.py");
		wire.fingerprint = 100 + (uint64_t)change;
		if (change == 0)
			wire_text(&wire.name, "g", 99);
		else if (change == 1)
			wire_text(&wire.qualname, "C.f", 99);
		else if (change == 2)
			wire_text(&wire.filename, "b.py", 99);
		else if (change == 3)
			wire.first_line = 11;
		else if (change == 4)
			wire.table[4]++;
		else
			wire.table_total = wire.table_size = 2;
		assert_int_equal(add_and_find(NULL)->id, first + 1 + (uint32_t)change);
	}
	/* So does the table's format. */
	struct plait_walk_plan plan = plan_3_12;
	plan.version = 0x030a00f0;
	make_wire(4, "f", "a.py");
	assert_null(plait_code_registry_add(registry, &plan, &wire, NULL));
	assert_int_equal(plait_code_registry_find(registry, 4, CODE, 77)->id, first + 7);
}

/* exec() and templates: the address comes back at once, with another object. */
static void addresses_come_back(void **state)
{
	char name[32];
	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		make_wire(1, name, "a.py");
		wire.fingerprint = i;
		add_and_find(NULL);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		const struct plait_code *code = plait_code_registry_find(registry, 1, CODE, i);
		assert_non_null(code);
		assert_string_equal(code->name, name);
	}
}

static void a_process_is_forgotten(void **state)
{
	(void)state;
	make_wire(1, "f", "a.py");
	const struct plait_code *code = add_and_find(NULL);
	make_wire(2, "f", "a.py");
	assert_ptr_equal(add_and_find(NULL), code);
	plait_code_registry_forget(registry, 1);
	plait_code_registry_forget(registry, 99);
	assert_null(plait_code_registry_find(registry, 1, CODE, 77));
	assert_ptr_equal(plait_code_registry_find(registry, 2, CODE, 77), code);
	plait_code_registry_forget(registry, 2);
	assert_string_equal(code->name, "f"); /* stays valid */
	make_wire(1, "f", "a.py");
	assert_ptr_equal(add_and_find(NULL), code);
}

static void older_versions_have_no_qualified_name(void **state)
{
	struct plait_walk_plan plan = plan_3_12;
	(void)state;
	plan.version = 0x030812f0;
	plan.code_qualname = PLAIT_NO_OFFSET;
	make_wire(1, "f", "a.py");
	memset(&wire.qualname, 0, sizeof(wire.qualname));
	wire.table[0] = 4;
	wire.table[1] = 1;
	wire.table_total = wire.table_size = 2;
	assert_null(plait_code_registry_add(registry, &plan, &wire, NULL));
	const struct plait_code *code = plait_code_registry_find(registry, 1, CODE, 77);
	assert_string_equal(code->qualname, "f");
	assert_true(code->complete);
	assert_int_equal(plait_code_position(code, 100).line, 11);
}

/* 3.8 and 3.9: nothing to say about code on one line. That is another thing than a table that could not be read. */
static void an_empty_table_is_one(void **state)
{
	struct process *process = make_process("a.py", 0);
	struct plait_memory memory = { .read = read_process, .context = process };
	struct plait_walk_plan plan = plan_3_12;
	(void)state;
	plan.version = 0x030812f0;
	make_wire(1, "f", "a.py");
	wire.table_total = wire.table_size = 0;
	assert_null(plait_code_registry_add(registry, &plan, &wire, NULL));
	const struct plait_code *code = plait_code_registry_find(registry, 1, CODE, 77);
	assert_true(code->complete);
	assert_int_equal(plait_code_position(code, 100).line, 10);
	wire.pid = 2;
	wire.table_total = PLAIT_WIRE_TABLE_UNKNOWN;
	assert_null(plait_code_registry_add(registry, &plan, &wire, NULL));
	code = plait_code_registry_find(registry, 2, CODE, 77);
	assert_false(code->complete);
	assert_int_equal(plait_code_position(code, 100).line, 0);
	assert_null(plait_code_registry_add(registry, &plan, &wire, &memory));
	code = plait_code_registry_find(registry, 2, CODE, 77);
	assert_true(code->complete);
	assert_int_equal(plait_code_position(code, 100).line, 10);
	put_u64(process, TABLE + 16, 2); /* not empty at all */
	memcpy(process->bytes + TABLE + 32, "\6\3", 2);
	wire.pid = 3;
	assert_null(plait_code_registry_add(registry, &plan, &wire, &memory));
	code = plait_code_registry_find(registry, 3, CODE, 77);
	assert_true(code->complete);
	assert_int_equal(plait_code_position(code, 100).line, 13);
	free(process);
}

static void what_was_cut_is_incomplete(void **state)
{
	char longer[600];
	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[599] = '\0';
	make_wire(1, "f", longer);
	const struct plait_code *code = add_and_find(NULL);
	assert_false(code->complete);
	assert_int_equal(strlen(code->filename), PLAIT_WIRE_STRING_MAX);

	make_wire(2, "f", "a.py"); /* not readable at all */
	memset(&wire.qualname, 0, sizeof(wire.qualname));
	memset(&wire.filename, 0, sizeof(wire.filename));
	code = add_and_find(NULL);
	assert_false(code->complete);
	assert_string_equal(code->qualname, "f");
	assert_string_equal(code->filename, "");

	make_wire(3, "f", "a.py");
	wire.table_total = 9;
	code = add_and_find(NULL);
	assert_false(code->complete);
	assert_int_equal(plait_code_position(code, 0).line, 10);
	assert_int_equal(plait_code_position(code, 4).line, 0);

	make_wire(4, "f", "a.py");
	wire.table_total = PLAIT_WIRE_TABLE_UNKNOWN;
	wire.table_size = 0;
	assert_false(add_and_find(NULL)->complete);

	/* A later, better copy takes its place; a worse one does not. */
	make_wire(3, "f", "a.py");
	assert_true(add_and_find(NULL)->complete);
	wire.table_total = 9;
	assert_true(add_and_find(NULL)->complete);
}

/* A file name of 300 characters and a table of 12,000 bytes: both are more than the copy holds. */
static struct process *make_long(char filename[301], struct plait_memory *ret)
{
	memset(filename, 'd', 300);
	memcpy(filename, "/srv/", 5);
	filename[300] = '\0';
	struct process *process = make_process(filename, 12000);
	*ret = (struct plait_memory) { .read = read_process, .context = process };
	make_wire(1, "f", filename);
	wire_text(&wire.qualname, "C.f", 99);
	wire_text(&wire.filename, filename, 200);
	wire.table_total = 12000;
	wire.table_size = PLAIT_WIRE_TABLE_MAX;
	memcpy(wire.table, process->bytes + TABLE + 32, PLAIT_WIRE_TABLE_MAX);
	return process;
}

static void what_was_cut_is_completed_from_the_process(void **state)
{
	char filename[301];
	struct plait_memory memory;
	struct process *process = make_long(filename, &memory);
	(void)state;
	const struct plait_code *code = add_and_find(&memory);
	assert_true(code->complete);
	assert_string_equal(code->filename, filename);
	assert_string_equal(code->qualname, "C.f");
	assert_int_equal(plait_code_position(code, 2 * 5999).line, 10 + 6000);
	assert_int_equal(plait_code_position(code, 2 * 6000).line, 0);
	free(process);
}

static void names_that_were_paged_out_are_completed(void **state)
{
	struct process *process = make_process("/srv/app.py", 4);
	struct plait_memory memory = { .read = read_process, .context = process };
	static const uint32_t wide[] = { 'x', 0x1f40d };
	(void)state;
	put_u64(process, NAME + 16, 2); /* UCS-4 */
	put_u64(process, NAME + 32, 4 << 2 | 1 << 5);
	memcpy(process->bytes + NAME + 56, wide, sizeof(wide));
	make_wire(1, "", "");
	memset(&wire.name, 0, sizeof(wire.name));
	memset(&wire.qualname, 0, sizeof(wire.qualname));
	memset(&wire.filename, 0, sizeof(wire.filename));
	wire.table_total = PLAIT_WIRE_TABLE_UNKNOWN;
	wire.table_size = 0;
	wire.first_line = 0;
	const struct plait_code *code = add_and_find(&memory);
	assert_true(code->complete);
	assert_int_equal(code->first_line, 10);
	assert_string_equal(code->name, "x\xf0\x9f\x90\x8d");
	assert_string_equal(code->qualname, "C.f");
	assert_string_equal(code->filename, "/srv/app.py");
	assert_int_equal(plait_code_position(code, 2).line, 12);
	free(process);
}

/* Nothing is taken from an object that is not, or no longer, the one that was sampled. */
static void another_object_completes_nothing(void **state)
{
	char filename[301];
	struct plait_memory memory;
	struct process *process = make_long(filename, &memory);
	(void)state;
	wire.fingerprint = 76;
	const struct plait_code *code = add_and_find(&memory);
	assert_false(code->complete);
	assert_int_equal(strlen(code->filename), 200);
	wire.fingerprint = 77;
	for (unsigned reads = 1; reads < 7; reads++) {
		wire.pid = 10 + reads;
		process->reads = 0;
		process->change_after = reads;
		code = add_and_find(&memory);
		assert_false(code->complete);
		assert_int_equal(strlen(code->filename), 200);
		free(process);
		process = make_process(filename, 12000);
		memory.context = process;
	}
	wire.pid = 20;
	assert_true(add_and_find(&memory)->complete);
	free(process);
}

/* Sizes and kinds that a live object cannot have, and pointers to nowhere. */
static void hostile_objects_complete_nothing(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
	} cases[] = {
		{ FILENAME + 16, UINT64_MAX },
		{ FILENAME + 16, 1 << 20 },
		{ FILENAME + 16, (uint64_t)1 << 62 },
		{ FILENAME + 32, 3 << 2 | 1 << 5 },
		{ FILENAME + 32, 1 << 2 },
		{ FILENAME + 32, 0 },
		{ CODE + 112, 0 },
		{ CODE + 112, UINT64_MAX - 8 },
		{ TABLE + 16, UINT64_MAX },
		{ TABLE + 16, (uint64_t)1 << 40 },
		{ TABLE + 16, END },
		{ CODE + 136, 0 },
		{ CODE + 136, 8 },
	};
	char filename[301];
	struct plait_memory memory;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct process *process = make_long(filename, &memory);
		put_u64(process, cases[i].at, cases[i].value);
		wire.pid = (uint32_t)i;
		assert_false(add_and_find(&memory)->complete);
		free(process);
	}
}

static void hostile_copies_are_bounded(void **state)
{
	(void)state;
	make_wire(1, "f", "a.py");
	wire.name.size = UINT16_MAX;
	wire.name.length = UINT32_MAX;
	wire.qualname.kind = 3;
	wire.filename.kind = 4; /* 4 code points announced, 4 bytes there */
	wire.table_size = UINT32_MAX;
	wire.table_total = 3;
	const struct plait_code *code = add_and_find(NULL);
	assert_false(code->complete);
	wire.table_total = UINT32_MAX;
	wire.pid = 2;
	assert_false(add_and_find(NULL)->complete);
	wire.pid = 3;
	wire.name.size = 600; /* more than is announced */
	wire.name.length = 1;
	assert_string_equal(add_and_find(NULL)->name, "f");
}

/* Before 3.12 the fingerprint is a mix of the object's pointers. */
static void the_fingerprint_may_be_a_mix(void **state)
{
	char filename[301];
	struct plait_memory memory;
	struct process *process = make_long(filename, &memory);
	struct plait_walk_plan plan = plan_3_12;
	uint64_t head[PLAIT_WALK_WORDS] = { 0 };
	(void)state;
	plan.code_version = PLAIT_NO_OFFSET;
	memcpy(head, process->bytes + CODE, plan.code_size);
	wire.fingerprint = plait_walk_fingerprint(&plan, head);
	assert_null(plait_code_registry_add(registry, &plan, &wire, &memory));
	assert_true(plait_code_registry_find(registry, 1, CODE, wire.fingerprint)->complete);
	put_u64(process, CODE + 120, QUALNAME);
	wire.pid = 2;
	assert_null(plait_code_registry_add(registry, &plan, &wire, &memory));
	assert_false(plait_code_registry_find(registry, 2, CODE, wire.fingerprint)->complete);
	free(process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_copy_is_found_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(equal_code_has_one_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(addresses_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_process_is_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(older_versions_have_no_qualified_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_empty_table_is_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_cut_is_incomplete, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_cut_is_completed_from_the_process, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_that_were_paged_out_are_completed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_object_completes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hostile_objects_complete_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hostile_copies_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_fingerprint_may_be_a_mix, set_up, tear_down),
	};
	plait_code_registry_destroy(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
