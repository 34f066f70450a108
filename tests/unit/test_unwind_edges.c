/* links: plait_perf */
/*
 * The unwinder where the input is odd: bad pcs, wild registers, code without a file, signal stacks, threads, deep
 * recursion.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "test_unwind_support.h"

#define NOINLINE __attribute__((noinline, noclone))

static struct maps maps;
static struct moment moment;
static volatile uint64_t sink;

/* The red zone below the caller's frame is copied, too: on a page that may never have been touched. */
NOINLINE static void touch_red_zone(void)
{
	volatile char bytes[2 * RED_ZONE];
	bytes[0] = 0;
	sink += bytes[0];
}

NOINLINE static void capture_below(uint64_t end)
{
	ucontext_t context;
	touch_red_zone();
	getcontext(&context);
	moment_from_context(&moment, &context);
	if (!moment_copy_stack(&moment, getpid(), end))
		moment.size = 0;
	sink++;
}

NOINLINE static void capture(void)
{
	capture_below(maps.stack_end);
	sink++;
}

static void unwind(struct plait_unwinder *unwinder, struct plait_native_stack *ret)
{
	assert_true(moment.size > RED_ZONE);
	moment_unwind(unwinder, &maps, &moment, NULL, 0, ret);
}

static size_t count_flag(const struct plait_native_stack *stack, uint32_t flag)
{
	size_t count = 0;
	for (size_t i = 0; i < stack->count; i++)
		count += !!(stack->frames[i].flags & flag);
	return count;
}

static void without_registers_there_is_no_stack(void **state)
{
	struct plait_native_stack stack;
	capture();
	moment.registers.valid = 0;
	unwind(*state, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_NONE);
	assert_int_equal(stack.count, 0);
	moment.registers.valid = ((1ULL << TEST_REGISTERS) - 1) & ~(1ULL << TEST_SP);
	unwind(*state, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_NONE);
	/* The program counter and the stack pointer are enough for a frame. */
	moment.registers.valid = 1ULL << TEST_SP | 1ULL << TEST_PC;
	unwind(*state, &stack);
	assert_true(stack.count >= 1);
	assert_int_equal(stack.frames[0].pc, moment.registers.value[TEST_PC]);
}

/* Lookups that no cache answered. */
static uint64_t found_anew(const struct plait_unwinder *unwinder)
{
	struct plait_unwind_statistics statistics = plait_unwinder_statistics(unwinder);
	return statistics.rules_from_table + statistics.rules_from_prologue;
}

static void what_was_prepared_is_not_looked_up_again(void **state)
{
	(void)state;
	struct plait_unwinder *plain, *prepared;
	struct plait_native_stack stack;
	struct plait_unwind_place place;
	assert_null(plait_unwinder_create(&plain));
	assert_null(plait_unwinder_create(&prepared));
	capture();
	unwind(plain, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	uint64_t pc = stack.frames[1].pc - 1;
	assert_true(maps_find(&maps, pc, &place));
	plait_unwinder_prepare(prepared, &place, pc - place.bias);
	assert_int_equal(found_anew(prepared), 1);
	unwind(prepared, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	assert_int_equal(found_anew(prepared), found_anew(plain));
	assert_int_equal(plait_unwinder_statistics(prepared).cache_hits,
			 plait_unwinder_statistics(plain).cache_hits + 1);
	/* Where there is no file nothing can be prepared. */
	place.image = NULL;
	plait_unwinder_prepare(prepared, &place, pc - place.bias + 1);
	assert_int_equal(found_anew(prepared), found_anew(plain));
	plait_unwinder_destroy(plain);
	plait_unwinder_destroy(prepared);
}

static void an_empty_copy_is_truncated(void **state)
{
	struct plait_native_stack stack;
	struct plait_stack none = { 0 };
	capture();
	struct plait_unwind_input input = {
		.registers = &moment.registers, .stack = &none, .find = maps_find, .context = &maps
	};
	plait_unwind(*state, &input, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_TRUNCATED);
	assert_int_equal(stack.count, 1);
	none.whole = true;
	plait_unwind(*state, &input, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_BROKEN);
}

static void a_misaligned_stack_pointer_is_broken(void **state)
{
	struct plait_native_stack stack;
	capture();
	moment.registers.value[TEST_SP] += 3;
	moment.registers.value[TEST_FP] += 3;
	unwind(*state, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_BROKEN);
	assert_int_equal(stack.count, 1);
	assert_int_equal(stack.frames[0].cfa, 0);
}

static sigjmp_buf back;

static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)number, (void)info;
	moment_from_context(&moment, context);
	if (!moment_copy_stack(&moment, getpid(), maps.stack_end))
		moment.size = 0;
	siglongjmp(back, 1);
}

NOINLINE static void call_address(uint64_t address)
{
	void (*volatile bad)(void) = (void (*)(void))address;
	bad();
	sink++;
}

static void a_call_to_a_bad_address_has_its_caller(void **state)
{
	static const uint64_t bad[] = { 0, 8, 0x5ead0000beef };
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER }, before;
	for (volatile size_t i = 0; i < 3; i++) {
		struct plait_native_stack stack;
		sigaction(SIGSEGV, &action, &before);
		if (!sigsetjmp(back, 1))
			call_address(bad[i]);
		sigaction(SIGSEGV, &before, NULL);
		unwind(*state, &stack);
		assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
		assert_int_equal(stack.frames[0].pc, bad[i]);
		assert_int_equal(stack.frames[0].module, UINT32_MAX);
		assert_true(stack.frames[0].flags & PLAIT_NATIVE_DERIVED);
		assert_in_range(stack.frames[1].pc, (uint64_t)call_address, (uint64_t)call_address + 256);
	}
}

/* --- Code without a file --- */

NOINLINE static void call_generated(const uint8_t *code, size_t size)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(page != MAP_FAILED);
	memset(page, 0xcc, 4096);
	memcpy((uint8_t *)page + 64, code, size);
	/* A stub calls *%rcx, other code *%rdi: give both. */
	void (*generated)(void (*)(void), int, int, void (*)(void)) =
		(void (*)(void (*)(void), int, int, void (*)(void)))((uint8_t *)page + 64);
	maps_read(&maps, getpid());
	generated(capture, 0, 0, capture);
	sink += *(volatile uint8_t *)page;
}

static void trampoline_stubs_are_passed(void **state)
{
	struct plait_native_stack stack;
	call_generated(test_plain_stub, sizeof(test_plain_stub));
	unwind(*state, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	assert_int_equal(count_flag(&stack, PLAIT_NATIVE_DERIVED), 0);
	assert_int_equal(stack.frames[2].module, UINT32_MAX);
	assert_in_range(stack.frames[3].pc, (uint64_t)call_generated, (uint64_t)call_generated + 1024);
	call_generated(test_framed_stub, sizeof(test_framed_stub));
	unwind(*state, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	assert_int_equal(count_flag(&stack, PLAIT_NATIVE_DERIVED), 0);
}

static void a_frame_pointer_leads_out_of_generated_code(void **state)
{
	struct plait_native_stack stack;
	call_generated(test_with_frame_pointer, sizeof(test_with_frame_pointer));
	unwind(*state, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	assert_int_equal(count_flag(&stack, PLAIT_NATIVE_DERIVED), 1);
	assert_true(stack.frames[2].flags & PLAIT_NATIVE_DERIVED);
	assert_in_range(stack.frames[3].pc, (uint64_t)call_generated, (uint64_t)call_generated + 1024);
	/* Without one it ends there, and says so. */
	call_generated(test_without_anything, sizeof(test_without_anything));
	unwind(*state, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_BROKEN);
	assert_int_equal(stack.count, 3);
	assert_int_equal(stack.frames[2].cfa, 0);
}

static void a_function_without_a_frame_has_its_caller(void **state)
{
	struct plait_native_stack stack;
	call_generated(test_with_frame_pointer, sizeof(test_with_frame_pointer));
	unwind(*state, &stack);
	/* As if interrupted at the first instruction of the generated code. */
	uint64_t cfa = stack.frames[2].cfa, caller = stack.frames[3].pc;
	size_t count = stack.count;
	uint64_t words[2];
	memcpy(words, moment.data + (cfa - sizeof(words) - moment.address), sizeof(words));
	registers_at_entry(&moment.registers, cfa, words + 2);
	moment.registers.value[TEST_PC] = stack.frames[2].pc - TEST_AFTER_CALL;
	size_t cut = moment.registers.value[TEST_SP] - RED_ZONE - moment.address;
	memmove(moment.data, moment.data + cut, moment.size - cut);
	moment.address += cut;
	moment.size -= cut;
	unwind(*state, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	assert_int_equal(stack.count, count - 2);
	assert_true(stack.frames[0].flags & PLAIT_NATIVE_DERIVED);
	assert_int_equal(stack.frames[0].cfa, TEST_CFA_AT_ENTRY(cfa));
	assert_int_equal(stack.frames[1].pc, caller);
}

/* --- Signals --- */

static uint8_t *alternate;
#define ALTERNATE_SIZE (256 * 1024)

static uint8_t main_stack[STACK_MAX];
static uint64_t main_stack_address;
static bool main_stack_copied;

/* Both stacks are copied here: what lies below the caller of raise() is gone when that returns. */
static void on_alternate(int number)
{
	(void)number;
	main_stack_copied =
		read_self_or_child(getpid(), main_stack_address, main_stack, maps.stack_end - main_stack_address);
	capture_below((uint64_t)alternate + ALTERNATE_SIZE);
}

static void a_signal_stack_leads_back_to_the_threads(void **state)
{
	alternate = mmap(NULL, ALTERNATE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t old, stack = { .ss_sp = alternate, .ss_size = ALTERNATE_SIZE };
	struct sigaction action = { .sa_handler = on_alternate, .sa_flags = SA_ONSTACK };
	assert_int_equal(sigaltstack(&stack, &old), 0);
	sigaction(SIGUSR2, &action, NULL);
	main_stack_address = (uint64_t)__builtin_frame_address(0) - 8192;
	size_t size = maps.stack_end - main_stack_address;
	assert_true(size < sizeof(main_stack));
	raise(SIGUSR2);
	sigaltstack(&old, NULL);
	assert_true(main_stack_copied);
	munmap(alternate, ALTERNATE_SIZE);

	/* mmap gives addresses below the main thread's stack: ascending. */
	struct plait_stack_piece pieces[] = { { moment.address + RED_ZONE, moment.data + RED_ZONE,
						moment.size - RED_ZONE },
					      { main_stack_address, main_stack, size } };
	struct plait_stack both = { pieces, 2, true };
	struct plait_unwind_input input = {
		.registers = &moment.registers, .stack = &both, .find = maps_find, .read = maps_memory, .context = &maps
	};
	struct plait_native_stack native;
	plait_unwind(*state, &input, &native);
	assert_int_equal(native.end, PLAIT_UNWIND_COMPLETE);
	size_t whole = native.count, trampoline = 0;
	for (size_t i = 1; i < whole && !trampoline; i++)
		trampoline = native.frames[i].flags & PLAIT_NATIVE_EXACT_PC ? i : 0;
	assert_true(trampoline);
	/* The trampoline and what it interrupted: neither pc is a return address. */
	assert_true(native.frames[trampoline + 1].flags & PLAIT_NATIVE_EXACT_PC);
	assert_false(native.frames[trampoline + 2].flags & PLAIT_NATIVE_EXACT_PC);
	assert_true(native.frames[trampoline + 1].sp > native.frames[trampoline].sp);

	/* The signal's stack alone still gives the handler, the trampoline and the interrupted frame. */
	both = (struct plait_stack) { pieces, 1, false };
	plait_unwind(*state, &input, &native);
	assert_int_equal(native.end, PLAIT_UNWIND_TRUNCATED);
	assert_true(native.count >= trampoline + 2 && native.count < whole);
}

/* --- Threads and depth --- */

static void *thread_main(void *argument)
{
	pthread_attr_t attributes;
	void *start;
	size_t size;
	pthread_getattr_np(pthread_self(), &attributes);
	pthread_attr_getstack(&attributes, &start, &size);
	pthread_attr_destroy(&attributes);
	capture_below((uint64_t)start + size);
	return argument;
}

static void a_thread_ends_where_it_was_started(void **state)
{
	struct plait_native_stack stack;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, thread_main, NULL), 0);
	pthread_join(thread, NULL);
	unwind(*state, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	assert_in_range(stack.frames[1].pc, (uint64_t)thread_main, (uint64_t)thread_main + 1024);
	assert_in_range(stack.count, 3, 6);
}

NOINLINE static int descend(int depth)
{
	int (*volatile self)(int) = descend;
	if (!depth) {
		capture();
		return 1;
	}
	int below = self(depth - 1);
	sink++;
	return below + 1;
}

static void deep_recursion_is_unwound_up_to_the_limit(void **state)
{
	struct plait_native_stack stack;
	descend(950);
	unwind(*state, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	assert_true(stack.count > 950);
	size_t outer = stack.count - 951;
	for (size_t i = 2; i < 900; i++)
		assert_int_equal(stack.frames[i + 1].sp - stack.frames[i].sp,
				 stack.frames[i + 2].sp - stack.frames[i + 1].sp);
	assert_in_range(outer, 3, 20);
	descend(5000);
	unwind(*state, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_TOO_DEEP);
	assert_int_equal(stack.count, 4096);
}

static void a_second_time_all_rules_are_in_the_cache(void **state)
{
	struct plait_native_stack stack;
	descend(3);
	unwind(*state, &stack);
	struct plait_unwind_statistics first = plait_unwinder_statistics(*state);
	assert_int_equal(first.samples, 1);
	assert_int_equal(first.steps, stack.count);
	assert_int_equal(first.rules_from_table + first.cache_hits, stack.count);
	unwind(*state, &stack);
	struct plait_unwind_statistics second = plait_unwinder_statistics(*state);
	assert_int_equal(second.samples, 2);
	assert_int_equal(second.rules_from_table, first.rules_from_table);
	assert_int_equal(second.cache_hits - first.cache_hits, stack.count);
}

/* --- Anything at all --- */

static uint64_t random_state = 88172645463325252ULL;

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* A value that may mislead: code, the stack, small, or anything. */
static uint64_t tempting_value(uint64_t stack, size_t size)
{
	const struct mapping *mapping = &maps.maps[random_u64() % maps.count];
	switch (random_u64() % 5) {
	case 0:
	case 1:
		return mapping->start + random_u64() % (mapping->end - mapping->start);
	case 2:
		return stack + random_u64() % size / 8 * 8;
	case 3:
		return random_u64() % 64;
	default:
		return random_u64();
	}
}

static void assert_well_formed(const struct plait_native_stack *stack)
{
	assert_in_range(stack->count, 1, 4096);
	assert_in_range(stack->end, PLAIT_UNWIND_COMPLETE, PLAIT_UNWIND_TOO_DEEP);
	for (size_t i = 0; i + 1 < stack->count; i++) {
		const struct plait_native_frame *frame = &stack->frames[i];
		bool gap = frame->flags & PLAIT_NATIVE_GAP;
		assert_int_equal(gap, !frame->cfa);
		if (!gap && !(frame->flags & PLAIT_NATIVE_EXACT_PC && i))
			assert_true(frame->cfa > frame->sp || (TEST_BARE_LEAVES && !i && frame->cfa));
		if (!gap)
			assert_int_equal(frame->cfa, stack->frames[i + 1].sp);
	}
}

static void wild_input_ends_in_a_well_formed_stack(void **state)
{
	static uint64_t words[1024];
	const uint64_t address = 0x7ffc00000000;
	maps_read(&maps, getpid());
	for (int i = 0; i < 20000; i++) {
		uint64_t anchors[3] = { address + 8 * (random_u64() % 300), address + 8 * (300 + random_u64() % 300),
					address + 8 * (600 + random_u64() % 300) };
		for (size_t j = 0; j < 1024; j++)
			words[j] = tempting_value(address, sizeof(words));
		for (size_t j = 0; j < TEST_REGISTERS; j++)
			moment.registers.value[j] = tempting_value(address, sizeof(words));
		moment.registers.valid =
			1ULL << TEST_SP | 1ULL << TEST_PC | (random_u64() & ((1ULL << TEST_REGISTERS) - 1));
		if (random_u64() % 4)
			moment.registers.value[TEST_SP] = address;
		struct plait_stack_piece pieces[2] = { { address, (const uint8_t *)words, 2048 + random_u64() % 64 },
						       { address + 4096, (const uint8_t *)words + 4096, 4096 } };
		struct plait_stack stack = { pieces, 1 + random_u64() % 2, random_u64() % 2 };
		struct plait_unwind_input input = { .registers = &moment.registers,
						    .stack = &stack,
						    .anchors = anchors,
						    .anchor_count = random_u64() % 4,
						    .find = maps_find,
						    .context = &maps };
		struct plait_native_stack native;
		plait_unwind(*state, &input, &native);
		assert_well_formed(&native);
	}
}

static bool find_nonsense(void *context, uint64_t pc, struct plait_unwind_place *ret)
{
	(void)context;
	*ret = (struct plait_unwind_place) { .module = 1, .start = pc + 1, .end = pc + 2 };
	return true;
}

static void a_mapping_that_does_not_hold_the_pc_is_none(void **state)
{
	struct plait_native_stack stack;
	capture();
	struct plait_stack_piece piece = { moment.address, moment.data, moment.size };
	struct plait_stack copy = { &piece, 1, true };
	struct plait_unwind_input input = { .registers = &moment.registers, .stack = &copy, .find = find_nonsense };
	plait_unwind(*state, &input, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_BROKEN);
	assert_int_equal(stack.count, 1);
	assert_int_equal(stack.frames[0].module, UINT32_MAX);
}

static int set_up(void **state)
{
	struct plait_unwinder *unwinder;
	if (plait_unwinder_create(&unwinder))
		return -1;
	maps_read(&maps, getpid());
	*state = unwinder;
	return 0;
}

static int tear_down(void **state)
{
	plait_unwinder_destroy(*state);
	maps_release(&maps);
	return 0;
}

static void destroying_nothing_is_allowed(void **state)
{
	(void)state;
	plait_unwinder_destroy(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_registers_there_is_no_stack),
		TEST(what_was_prepared_is_not_looked_up_again),
		TEST(an_empty_copy_is_truncated),
		TEST(a_misaligned_stack_pointer_is_broken),
		TEST(a_call_to_a_bad_address_has_its_caller),
		TEST(trampoline_stubs_are_passed),
		TEST(a_frame_pointer_leads_out_of_generated_code),
		TEST(a_function_without_a_frame_has_its_caller),
		TEST(a_signal_stack_leads_back_to_the_threads),
		TEST(a_thread_ends_where_it_was_started),
		TEST(deep_recursion_is_unwound_up_to_the_limit),
		TEST(a_second_time_all_rules_are_in_the_cache),
		TEST(wild_input_ends_in_a_well_formed_stack),
		TEST(a_mapping_that_does_not_hold_the_pc_is_none),
		cmocka_unit_test(destroying_nothing_is_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
