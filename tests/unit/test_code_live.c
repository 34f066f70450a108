/* links: plait_perf plait_python_unwind */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <cmocka.h>

#include "perf/ptrace/arch.h"
#include "python_target.h"
#include "python_unwind/code.h"
#include "python_unwind/outside/walk_process.h"

/* Names of all four shapes that a str has, on known lines; it sits in the innermost. */
#define PROGRAM                                                                                                        \
	"import os\n"                                                                                                  \
	"def ascii():\n"                                                                                               \
	"    os.write(1, b'ready')\n"                                                                                  \
	"    return (1,\n"                                                                                             \
	"            os.read(0, 1))\n"                                                                                 \
	"def latin_\xc3\xa4():\n"                                                                                      \
	"    return ascii()\n"                                                                                         \
	"def two_\xe6\xbc\xa2():\n"                                                                                    \
	"\n"                                                                                                           \
	"    return latin_\xc3\xa4()\n"                                                                                \
	"class C:\n"                                                                                                   \
	"    def four_\xf0\x90\x90\x80(self):\n"                                                                       \
	"        return two_\xe6\xbc\xa2()\n"                                                                          \
	"C().four_\xf0\x90\x90\x80()\n"

static const struct {
	const char *name, *qualname;
	int32_t line, column, end_column;
} expected[] = {
	{ "ascii", "ascii", 5, 12, 25 },
	{ "latin_\xc3\xa4", "latin_\xc3\xa4", 7, 11, 18 },
	{ "two_\xe6\xbc\xa2", "two_\xe6\xbc\xa2", 10, 11, 21 },
	{ "four_\xf0\x90\x90\x80", "C.four_\xf0\x90\x90\x80", 13, 15, 24 },
	{ "<module>", "<module>", 14, 0, 15 },
};

#define COUNT (sizeof(expected) / sizeof(expected[0]))

static uint64_t thread_pointer(pid_t pid)
{
	struct plait_registers registers;
	uint64_t tp;
	bool in_call;
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	assert_int_equal(waitpid(pid, NULL, __WALL), pid);
	assert_true(plait_ptrace_registers(pid, &registers, &tp, &in_call));
	assert_int_equal(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
	return tp;
}

/* What the sampler would send of a frame's code object if every page of it were swapped out. */
static const struct plait_code *look_up(struct plait_code_registry *registry, const struct python_target *target,
					const struct plait_python_frame *frame)
{
	static struct plait_wire_code wire;
	memset(&wire, 0, sizeof(wire));
	wire.pid = (uint32_t)target->pid;
	wire.code = frame->code;
	wire.fingerprint = frame->fingerprint;
	wire.table_total = PLAIT_WIRE_TABLE_UNKNOWN;
	assert_true(
		plait_memory_read(&target->memory, frame->code + target->plan.code_first_line, &wire.first_line, 4));
	assert_null(plait_code_registry_add(registry, &target->plan, &wire, &target->memory));
	return plait_code_registry_find(registry, wire.pid, frame->code, frame->fingerprint);
}

static void check_frame(const struct python_target *target, const struct plait_code *code, int32_t lasti, size_t i)
{
	struct plait_position position = plait_code_position(code, lasti);
	assert_true(code->complete);
	assert_string_equal(code->name, expected[i].name);
	assert_string_equal(code->qualname,
			    target->plan.code_qualname == PLAIT_NO_OFFSET ? expected[i].name : expected[i].qualname);
	assert_string_equal(code->filename, "<string>");
	assert_int_equal(position.line, expected[i].line);
	bool has_columns = plait_line_format_of(target->plan.version) == PLAIT_LINES_LOCATIONS;
	assert_int_equal(position.column, has_columns ? expected[i].column : -1);
	assert_int_equal(position.end_column, has_columns ? expected[i].end_column : -1);
}

static void check_target(const struct python_target *target)
{
	struct plait_python_frame frames[32];
	struct plait_python_chain chain;
	struct plait_code_registry *registry;
	size_t seen = 0;
	plait_python_walk(&target->plan, &target->memory, thread_pointer(target->pid), frames, 32, &chain);
	assert_int_equal(chain.status, PLAIT_WALK_COMPLETE);
	assert_null(plait_code_registry_create(&registry));
	for (size_t i = 0; i < chain.count; i++) {
		if (frames[i].kind == PLAIT_PYTHON_ENTRY)
			continue;
		assert_true(seen < COUNT);
		check_frame(target, look_up(registry, target, &frames[i]), frames[i].lasti, seen++);
	}
	assert_int_equal(seen, COUNT);
	plait_code_registry_destroy(registry);
}

static void names_and_positions_are_read_from_live_programs(void **state)
{
	struct pythons pythons = pythons_find();
	size_t checked = 0;
	(void)state;
	for (size_t i = 0; i < pythons.count; i++) {
		struct python_target target;
		if (target_start(&target, pythons.path[i], NULL, PROGRAM) && target_find_runtime(&target)) {
			print_message("  %s\n", plait_python_binary_description(target.binary));
			target_wait_asleep(&target);
			check_target(&target);
			checked++;
		}
		target_stop(&target);
	}
	pythons_free(&pythons);
	if (!checked) {
		print_message("no CPython 3.8 or newer found: nothing to read\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_positions_are_read_from_live_programs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
