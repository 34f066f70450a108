/* links: plait_perf */
/*
 * Rules decoded from code that has no unwind table: hand-written functions, single-stepped. At every instruction the
 * rule must give the CFA, the return address and the callee-saved registers that were there at the entry.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "perf/unwind/file_rules.h"
#include "test_unwind_support.h"
#include "unit/arch_fixtures.h"

static struct maps maps;
static struct moment moment;

struct fixture_run {
	struct plait_file_rules *rules;
	struct plait_rule_pool pool;
	uint64_t bias, entry_sp, return_address; /* entry_sp 0: not in the fixture yet */
	size_t steps, bad;
};

/* The frames of functions that a fixture calls are passed by their own rules first, up to the fixture's caller. */
static bool caller_is_found(struct fixture_run *run, size_t *ret_depth)
{
	const struct plait_unwind_arch *arch = plait_unwind_arch_native();
	struct plait_registers registers = moment.registers;
	struct plait_stack_piece piece = { moment.address + RED_ZONE, moment.data + RED_ZONE, moment.size - RED_ZONE };
	struct plait_stack stack = { &piece, 1, true };
	struct plait_rule_outcome outcome;
	for (*ret_depth = 0; *ret_depth < 4; ++*ret_depth) {
		uint64_t address = registers.value[TEST_PC] - (*ret_depth > 0) - run->bias;
		uint32_t id = plait_file_rules_find(run->rules, &run->pool, address);
		const struct plait_rule *rule = plait_rule_pool_get(&run->pool, id);
		if (!rule || !(rule->flags & PLAIT_RULE_DERIVED) ||
		    plait_rule_evaluate(arch, &run->pool, rule, &stack, &registers, &outcome) != PLAIT_RULE_STEPPED)
			return false;
		plait_rule_apply(arch, rule, &outcome, &registers);
		if (outcome.cfa >= run->entry_sp + TEST_ENTRY_DEPTH)
			break;
	}
	bool good = outcome.cfa == run->entry_sp + TEST_ENTRY_DEPTH && outcome.pc == run->return_address;
	for (size_t i = 0; i < sizeof(test_saved); i++)
		good &= (registers.valid >> test_saved[i] & 1) &&
			registers.value[test_saved[i]] == (0xb0b0b0b000000000 | test_saved[i]);
	return good;
}

/* One stop; false when the fixture has returned. */
static bool check_stop(struct fixture_run *run, size_t fixture)
{
	uint64_t pc = moment.registers.value[TEST_PC], sp = moment.registers.value[TEST_SP];
	if (!run->entry_sp && pc == (uint64_t)fixtures[fixture]) {
		run->entry_sp = sp;
		run->return_address = return_address_at_entry(&moment.registers, moment.data + RED_ZONE);
	}
	if (!run->entry_sp)
		return true;
	if (pc == run->return_address)
		return false;
	run->steps++;
	size_t depth;
	if (!caller_is_found(run, &depth)) {
		if (!run->bad++)
			print_error("%s: wrong at +%#lx, depth %zu\n", names[fixture], pc - (uint64_t)fixtures[fixture],
				    depth);
	}
	return true;
}

/* Steps a child through one fixture; false when this host refuses. */
static bool step_fixture(struct fixture_run *run, size_t fixture)
{
	int status;
	pid_t child = fork();
	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(3);
		raise(SIGSTOP);
		call_with_values(fixtures[fixture]);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		return false;
	for (int i = 0; i < 5000; i++) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) || waitpid(child, &status, 0) != child ||
		    !WIFSTOPPED(status) || !registers_of_stopped(child, &moment.registers))
			break;
		if (!moment_copy_stack(&moment, child, maps.stack_end) || !check_stop(run, fixture))
			break;
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return true;
}

/* This program's own file. */
static const struct image *own_image(uint64_t *ret_bias)
{
	struct plait_unwind_place place = { 0 };
	maps_read(&maps, getpid());
	assert_true(maps_find(&maps, (uint64_t)bare_loop, &place));
	*ret_bias = place.bias;
	return &maps.images[place.module];
}

/* Steps through a fixture with the rules of this program's file, as it is or without its section headers (and so
 * without symbols). False: this host does not let it. */
static bool run_fixture(size_t fixture, bool stripped)
{
	struct fixture_run run = { 0 };
	const struct image *image = own_image(&run.bias);
	Elf64_Ehdr *header = (Elf64_Ehdr *)(uintptr_t)image->bytes;
	if (stripped)
		header->e_shoff = header->e_shnum = header->e_shstrndx = 0;
	run.rules = plait_file_rules_create(plait_unwind_arch_native(), image->bytes, image->size);
	assert_non_null(run.rules);
	assert_true(plait_rule_pool_init(&run.pool));
	bool stepped = step_fixture(&run, fixture);
	plait_file_rules_destroy(run.rules);
	plait_rule_pool_release(&run.pool);
	maps_release(&maps);
	if (!stepped) {
		print_message("skipped: this host does not let a process trace its child\n");
		return false;
	}
	assert_true(run.steps >= 6);
	assert_int_equal(run.bad, 0);
	return true;
}

static void every_instruction_of_a_kernel_has_its_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < FIXTURES; i++) {
		if (!run_fixture(i, false))
			skip();
	}
}

/* Only functions that begin with a push or by making room on the stack are found then. */
static void without_symbols_functions_are_found_between_those_with_a_table(void **state)
{
	(void)state;
	static void (*const found[])(void) = { kernel_aligned, two_exits, unsized };
	for (size_t i = 0; i < FIXTURES; i++) {
		for (size_t j = 0; j < sizeof(found) / sizeof(found[0]); j++) {
			if (fixtures[i] == found[j] && !run_fixture(i, true))
				skip();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_instruction_of_a_kernel_has_its_rule),
		cmocka_unit_test(without_symbols_functions_are_found_between_those_with_a_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
