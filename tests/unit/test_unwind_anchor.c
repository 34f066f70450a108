/* links: plait_perf */
/*
 * Anchors: this program has an "evaluator" whose activations hold a known local variable, and code that no rule can
 * leave. Unwinding must go on behind the broken code, with a gap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "perf/unwind/arch.h"
#include "test_unwind_support.h"

#define NOINLINE __attribute__((noinline, noclone))
#define ANCHORS_MAX 512

static struct maps maps;
static struct moment moment, driver_moment;
static const char *program;	      /* what next() does, letter by letter */
static uint64_t anchors[ANCHORS_MAX]; /* outermost first */
static size_t anchor_count;
static uint64_t captured_anchors[ANCHORS_MAX]; /* ascending: innermost first */
static size_t captured_count;
volatile uint64_t test_unwind_zero;
static volatile uint64_t sink;

#include "unit/arch_broken_code.h"

NOINLINE static void next(void);

static void *big_return_address;
static volatile uint64_t *planted_frame; /* for builds that keep frame pointers: among drive()'s words */

NOINLINE static void note_return_address(void)
{
	big_return_address = __builtin_return_address(0);
	sink++;
}

/* A frame of 2 KiB: where a lie puts it, it reaches over everything up to drive()'s words. */
NOINLINE static void big_frame(void)
{
	volatile char big[2048];
	big[0] = 0;
	note_return_address();
	sink += (uint64_t)big[0];
}

NOINLINE static void take_moment(struct moment *ret)
{
	ucontext_t context;
	getcontext(&context);
	moment_from_context(ret, &context);
	assert_true(moment_copy_stack(ret, getpid(), maps.stack_end));
	sink++;
}

NOINLINE static void capture(void)
{
	for (size_t i = 0; i < anchor_count; i++)
		captured_anchors[i] = anchors[anchor_count - 1 - i];
	captured_count = anchor_count;
	take_moment(&moment);
	sink++;
}

NOINLINE static void evaluate(void)
{
	volatile uint64_t anchor[2] = { 0 };
	anchors[anchor_count++] = (uint64_t)&anchor[0];
	next();
	anchor_count--;
	anchor[1] = anchor[0];
}

NOINLINE static void next(void)
{
	switch (*program++) {
	case 'E':
		evaluate();
		break;
	case 'B':
		broken_code(next);
		break;
	case 'L':
		lying_code(next, big_return_address, planted_frame);
		break;
	case 'T':
		lying_table(next, big_return_address, planted_frame);
		break;
	default:
		capture();
	}
	sink++;
}

NOINLINE static void drive(const char *what)
{
	/* A walk that went astray finds return addresses into big_frame() here, and then an end. */
	volatile uint64_t words[1024] = { 0 };
	program = what;
	anchor_count = 0;
	big_frame();
	for (size_t i = 0; i < 512; i++)
		words[i] = (uint64_t)big_return_address;
	planted_frame = &words[256];
	take_moment(&driver_moment);
	next();
	sink += words[0];
}

static void unwind(struct plait_unwinder *unwinder, const char *what, struct plait_native_stack *ret)
{
	drive(what);
	moment_unwind(unwinder, &maps, &moment, captured_anchors, captured_count, ret);
}

/* The callers of take_moment() in drive(), as unwound from there. */
static size_t outer_frames(struct plait_native_frame *ret, size_t max)
{
	struct plait_unwinder *unwinder;
	struct plait_native_stack stack;
	assert_null(plait_unwinder_create(&unwinder));
	moment_unwind(unwinder, &maps, &driver_moment, NULL, 0, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	assert_in_range(stack.count, 3, max);
	/* 0 is take_moment, 1 drive with another pc. */
	memcpy(ret, stack.frames + 2, (stack.count - 2) * sizeof(*ret));
	plait_unwinder_destroy(unwinder);
	return stack.count - 2;
}

static size_t count_flag(const struct plait_native_stack *stack, uint32_t flag)
{
	size_t count = 0;
	for (size_t i = 0; i < stack->count; i++)
		count += !!(stack->frames[i].flags & flag);
	return count;
}

/* Complete, with so many gaps, in order, every captured anchor in exactly one frame, and drive()'s callers as they are.
 */
static void assert_repaired(const struct plait_native_stack *stack, size_t gaps)
{
	struct plait_native_frame outer[64];
	size_t outer_count = outer_frames(outer, 64);
	assert_int_equal(stack->end, PLAIT_UNWIND_COMPLETE);
	assert_int_equal(count_flag(stack, PLAIT_NATIVE_GAP), gaps);
	for (size_t i = 0; i < captured_count; i++) {
		size_t holders = 0;
		for (size_t j = 0; j < stack->count; j++)
			holders += stack->frames[j].sp <= captured_anchors[i] &&
				   captured_anchors[i] < stack->frames[j].cfa;
		assert_int_equal(holders, 1);
	}
	for (size_t i = 0; i < stack->count; i++) {
		const struct plait_native_frame *frame = &stack->frames[i];
		assert_int_equal(frame->cfa == 0, !!(frame->flags & PLAIT_NATIVE_GAP));
		if (i)
			assert_true(frame->sp > stack->frames[i - 1].sp);
	}
	assert_true(stack->count > outer_count);
	assert_memory_equal(stack->frames + (stack->count - outer_count), outer, outer_count * sizeof(outer[0]));
}

static void a_sound_stack_needs_no_anchor(void **state)
{
	struct plait_native_stack stack;
	unwind(*state, "EEEC", &stack);
	assert_repaired(&stack, 0);
	assert_int_equal(plait_unwinder_statistics(*state).gaps, 0);
}

static void what_was_learned_bridges_broken_code(void **state)
{
	struct plait_native_stack stack;
	unwind(*state, "EC", &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	uint64_t evaluator_cfa = 0, evaluator_pc = 0;
	for (size_t i = 0; i < stack.count; i++) {
		if (stack.frames[i].sp <= captured_anchors[0] && captured_anchors[0] < stack.frames[i].cfa) {
			evaluator_cfa = stack.frames[i].cfa - captured_anchors[0];
			evaluator_pc = stack.frames[i].pc;
		}
	}
	unwind(*state, "EBC", &stack);
	assert_repaired(&stack, 1);
	assert_int_equal(plait_unwinder_statistics(*state).gaps, 1);
	/* capture, next, the broken function (its caller is what is unknown), then the evaluator. */
	size_t gap = 0;
	while (!(stack.frames[gap].flags & PLAIT_NATIVE_GAP))
		gap++;
	assert_in_range(stack.frames[gap].pc, (uint64_t)broken_code, (uint64_t)broken_code + 64);
	assert_int_equal(stack.frames[gap + 1].cfa - captured_anchors[0], evaluator_cfa);
	assert_in_range(stack.frames[gap + 1].pc, evaluator_pc - 16, evaluator_pc);
	assert_true(stack.frames[gap + 1].flags & PLAIT_NATIVE_EXACT_PC);

	/* Many more, next to each other and apart. */
	unwind(*state, "EBEBBEEBC", &stack);
	assert_repaired(&stack, 3);
	unwind(*state, "EEEBEEEC", &stack);
	assert_repaired(&stack, 1);
}

static void an_anchor_helps_before_anything_was_learned(void **state)
{
	struct plait_native_stack stack;
	if (!plait_unwind_arch_native()->return_from_cfa) {
		print_message("return addresses lie at no fixed place here: only what was learned helps\n");
		skip();
	}
	unwind(*state, "EBC", &stack);
	assert_repaired(&stack, 1);
	unwind(*state, "EEEBC", &stack);
	assert_repaired(&stack, 1);
}

static void without_an_anchor_it_is_broken(void **state)
{
	struct plait_native_stack stack;
	unwind(*state, "BC", &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_BROKEN);
	assert_int_equal(count_flag(&stack, PLAIT_NATIVE_GAP), 0);
	size_t before = stack.count;
	assert_true(before >= 3);
	assert_int_equal(stack.frames[before - 1].cfa, 0);
	/* Broken again behind the last anchor: what lies between is there. */
	unwind(*state, "EC", &stack);
	unwind(*state, "BEBEEC", &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_BROKEN);
	assert_int_equal(count_flag(&stack, PLAIT_NATIVE_GAP), 1);
	assert_in_range(stack.frames[stack.count - 1].pc, (uint64_t)broken_code, (uint64_t)broken_code + 64);
}

/* Every gap lies right behind a frame of [code, code + 64). */
static void assert_gaps_at(const struct plait_native_stack *stack,
			   void (*code)(void (*)(void), void *, volatile void *))
{
	for (size_t i = 0; i < stack->count; i++) {
		if (stack->frames[i].flags & PLAIT_NATIVE_GAP)
			assert_in_range(stack->frames[i].pc, (uint64_t)code, (uint64_t)code + 64);
	}
}

static void anchors_set_a_walk_right_that_went_astray(void **state)
{
	struct plait_native_stack stack;
	unwind(*state, "EEC", &stack);
	assert_repaired(&stack, 0);
	unwind(*state, "EELC", &stack);
	assert_repaired(&stack, 1);
	assert_gaps_at(&stack, lying_code);
	unwind(*state, "ELEELEC", &stack);
	assert_repaired(&stack, 2);
	assert_gaps_at(&stack, lying_code);
	/* Without anchors the lie is believed: the test would not test otherwise. */
	moment_unwind(*state, &maps, &moment, NULL, 0, &stack);
	assert_true(count_flag(&stack, PLAIT_NATIVE_DERIVED) >= 1);
	assert_true(stack.count < 12);
}

static void anchors_catch_a_lying_table(void **state)
{
	struct plait_native_stack stack;
	unwind(*state, "EEC", &stack);
	unwind(*state, "EETC", &stack);
	assert_repaired(&stack, 1);
	assert_gaps_at(&stack, lying_table);
	moment_unwind(*state, &maps, &moment, NULL, 0, &stack);
	assert_int_equal(count_flag(&stack, PLAIT_NATIVE_DERIVED), 0);
	assert_true(stack.count < 12);
}

static void wrong_anchors_do_no_harm(void **state)
{
	struct plait_native_stack stack;
	unwind(*state, "EEC", &stack);
	size_t sound = stack.count;
	const uint64_t wrong[] = { 1, moment.registers.value[TEST_SP] + 8, captured_anchors[0] + 4, maps.stack_end + 64,
				   UINT64_MAX - 3 };
	moment_unwind(*state, &maps, &moment, wrong, 5, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	assert_int_equal(stack.count, sound);
	assert_int_equal(count_flag(&stack, PLAIT_NATIVE_GAP), 0);
	/* Nor do they when the walk breaks: no call stands where they point. */
	unwind(*state, "EBC", &stack);
	moment_unwind(*state, &maps, &moment, wrong, 2, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_BROKEN);
	/* And what was learned is still right. */
	unwind(*state, "EBC", &stack);
	assert_repaired(&stack, 1);
}

static void a_wrong_first_impression_is_overcome(void **state)
{
	struct plait_native_stack stack;
	unwind(*state, "EC", &stack);
	struct plait_unwinder *fresh;
	assert_null(plait_unwinder_create(&fresh));
	/* An anchor in the frame of next(), in the same file as the evaluator. */
	uint64_t wrong = stack.frames[1].sp;
	moment_unwind(fresh, &maps, &moment, &wrong, 1, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	for (int i = 0; i < 3; i++)
		unwind(fresh, "EC", &stack);
	unwind(fresh, "EBC", &stack);
	assert_repaired(&stack, 1);
	unwind(fresh, "EELC", &stack);
	assert_repaired(&stack, 1);
	plait_unwinder_destroy(fresh);
}

/* The moment as pieces with [from, to) left out. */
static void unwind_with_hole(struct plait_unwinder *unwinder, uint64_t from, uint64_t to, bool whole,
			     struct plait_native_stack *ret)
{
	uint64_t start = moment.registers.value[TEST_SP], end = moment.address + moment.size;
	struct plait_stack_piece pieces[2] = { { start, moment.data + (start - moment.address), from - start },
					       { to, moment.data + (to - moment.address), end - to } };
	struct plait_stack stack = { pieces, to < end ? 2 : 1, whole };
	struct plait_unwind_input input = { .registers = &moment.registers,
					    .stack = &stack,
					    .anchors = captured_anchors,
					    .anchor_count = captured_count,
					    .find = maps_find,
					    .read = maps_memory,
					    .context = &maps };
	plait_unwind(unwinder, &input, ret);
}

static void holes_in_the_copy_are_bridged(void **state)
{
	struct plait_native_stack stack;
	unwind(*state, "EEEC", &stack);
	struct plait_native_frame frames[16];
	memcpy(frames, stack.frames, sizeof(frames));
	/* From the caller of capture() up to, but not with, the second innermost anchor, or the return address below it
	 * (0 is take_moment, then capture, next, evaluate, next, evaluate). */
	uint64_t anchor = captured_anchors[1] & ~7ULL, below = return_place(frames[5].sp, frames[5].cfa);
	uint64_t end = (below < anchor ? below : anchor) & ~15ULL;
	unwind_with_hole(*state, return_place(frames[1].sp, frames[1].cfa), end, true, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_COMPLETE);
	assert_int_equal(count_flag(&stack, PLAIT_NATIVE_GAP), 1);
	assert_int_equal(stack.frames[1].flags & PLAIT_NATIVE_GAP, PLAIT_NATIVE_GAP);
	assert_true(stack.frames[2].sp <= captured_anchors[1] && captured_anchors[1] < stack.frames[2].cfa);
}

static void a_cut_copy_is_truncated(void **state)
{
	struct plait_native_stack stack;
	unwind(*state, "EEEC", &stack);
	size_t count = stack.count;
	struct plait_native_frame frames[16];
	memcpy(frames, stack.frames, sizeof(frames));
	uint64_t end = moment.address + moment.size;
	unwind_with_hole(*state, return_place(frames[5].sp, frames[5].cfa), end, false, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_TRUNCATED);
	assert_int_equal(stack.count, 6);
	/* The part that is present is exact; the last frame's own extent is still known. */
	assert_memory_equal(stack.frames, frames, 5 * sizeof(frames[0]));
	assert_int_equal(stack.frames[5].pc, frames[5].pc);
	/* Cut in the middle of a return address. */
	unwind_with_hole(*state, return_place(frames[5].sp, frames[5].cfa) + 4, end, false, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_TRUNCATED);
	/* A copy that claims to be whole is broken there. */
	unwind_with_hole(*state, return_place(frames[5].sp, frames[5].cfa), end, true, &stack);
	assert_int_equal(stack.end, PLAIT_UNWIND_BROKEN);
	assert_true(count > 6);
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

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sound_stack_needs_no_anchor),
		TEST(what_was_learned_bridges_broken_code),
		TEST(an_anchor_helps_before_anything_was_learned),
		TEST(without_an_anchor_it_is_broken),
		TEST(anchors_set_a_walk_right_that_went_astray),
		TEST(anchors_catch_a_lying_table),
		TEST(wrong_anchors_do_no_harm),
		TEST(a_wrong_first_impression_is_overcome),
		TEST(holes_in_the_copy_are_bridged),
		TEST(a_cut_copy_is_truncated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
