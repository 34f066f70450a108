/* links: plait_python_unwind */
/* Threads with several thread states: sub-interpreters that call each other. */
#include "unit/test_walk_fake.h"

static void two_thread_states_are_both_walked(void **state)
{
	(void)state;
	struct fake *fake = fake_313(plan_313());
	/* A sub-interpreter's is active, and called from frames of the bound one. */
	put64(fake, TP + fake->plan.tls_current.offset, OTHER_TSTATE);
	put64(fake, OTHER_TSTATE + fake->plan.tstate_thread_id, TP);
	put64(fake, OTHER_TSTATE + fake->plan.tstate_frame, frame_at(3));
	put_frame(fake, frame_at(3), 3, STACK + 0x800, 0);
	put_shim(fake, STACK + 0x800, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|ab|c|");
	/* The bound one is not this thread's after all. */
	put64(fake, TSTATE + fake->plan.tstate_thread_id, TP + 8);
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|");
	put64(fake, TSTATE + fake->plan.tstate_thread_id, TP);
	put64(fake, frame_at(2) + 8, 0);
	walk_is(fake, PLAIT_WALK_BROKEN, "d|ab|c");
	free(fake);
}

/* An interpreter at HEAP + 0x40 + 0x10 * i: { next, threads_head }. Of several, 0 is the main one. */
static uint64_t interp_at(int i)
{
	return HEAP + 0x40 + 0x10 * (uint64_t)i;
}

/* The list of interpreters: count - 1, ..., 1, 0, each with the thread states tstates[i]. */
static void put_interpreters(struct fake *fake, int count, const uint64_t *tstates)
{
	fake->plan.runtime_interpreters_head = 0x20;
	fake->plan.interp_next = 0;
	fake->plan.interp_threads_head = 8;
	fake->plan.tstate_next = 8;
	put64(fake, RUNTIME + 0x20, interp_at(count - 1));
	put64(fake, RUNTIME + 0x28, interp_at(0));
	for (int i = 0; i < count; i++) {
		put64(fake, interp_at(i), i ? interp_at(i - 1) : 0);
		put64(fake, interp_at(i) + 8, tstates[i]);
		if (tstates[i])
			put64(fake, tstates[i] + 16, interp_at(i));
	}
}

/* A thread state with one frame that runs code object `i`, called from another interpreter. */
static void put_chain(struct fake *fake, uint64_t tstate, int i, uint64_t shim)
{
	put64(fake, tstate + fake->plan.tstate_thread_id, TP);
	put64(fake, tstate + fake->plan.tstate_frame, frame_at(i));
	put_frame(fake, frame_at(i), i, shim, 0);
	put_shim(fake, shim, 0);
}

/* TSTATE (main), called into OTHER_TSTATE (d), which is active and, as from 3.12 on, bound. */
static struct fake *fake_sub_interpreter(void)
{
	struct fake *fake = fake_313(plan_313());
	put_interpreters(fake, 2, (uint64_t[]) { TSTATE, OTHER_TSTATE });
	put_chain(fake, OTHER_TSTATE, 3, STACK + 0x800);
	put64(fake, TP + fake->plan.tls_current.offset, OTHER_TSTATE);
	put64(fake, TP + fake->plan.tsd_offset + 16 * KEY + 8, OTHER_TSTATE);
	return fake;
}

static void the_main_interpreter_is_found_below_another(void **state)
{
	(void)state;
	struct fake *fake = fake_sub_interpreter();
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|ab|c|");
	/* Detached, the active state is NULL; the bound one is still the sub-interpreter's. */
	put64(fake, TP + fake->plan.tls_current.offset, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|ab|c|");
	/* The main interpreter's state is the active one again, and what called it is a sub-interpreter. */
	put64(fake, TP + fake->plan.tls_current.offset, TSTATE);
	put64(fake, TP + fake->plan.tsd_offset + 16 * KEY + 8, TSTATE);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|d|");
	/* Only what is reachable from the active state, when the lists are not to be used. */
	fake->plan.runtime_interpreters_head = 0;
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	free(fake);
}

static void interpreters_that_call_each_other_are_all_found(void **state)
{
	(void)state;
	struct fake *fake = fake_sub_interpreter();
	uint64_t third = HEAP + 0x3000, idle = HEAP + 0x3200, elsewhere = HEAP + 0x3400;
	put_interpreters(fake, 4, (uint64_t[]) { elsewhere, OTHER_TSTATE, idle, third });
	put_chain(fake, third, 4, STACK + 0x600);
	put64(fake, idle + fake->plan.tstate_thread_id, TP); /* without frames */
	put64(fake, elsewhere + fake->plan.tstate_thread_id, TP - 0x2000);
	put64(fake, elsewhere + fake->plan.tstate_frame, frame_at(0));
	put64(fake, elsewhere + 8, TSTATE);
	put64(fake, TSTATE + 16, interp_at(0));
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|e|ab|c|");
	/* A chain that cannot be read spoils the walk: which frames are missing is not known. */
	put64(fake, frame_at(4) + fake->plan.frame_code, 1);
	walk_is(fake, PLAIT_WALK_BROKEN, "d|");
	free(fake);
}

static void lists_of_interpreters_need_not_be_sane(void **state)
{
	(void)state;
	struct fake *fake = fake_sub_interpreter();
	uint64_t idle = HEAP + 0x3000;
	put64(fake, interp_at(0) + 8, idle);
	put64(fake, idle + fake->plan.tstate_thread_id, TP - 0x2000);
	put64(fake, idle + 16, interp_at(0));
	put64(fake, idle + 8, TSTATE);
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|ab|c|");
	/* The thread has no state there; the list is cyclic, unreadable, misaligned, or leads to something else. */
	const uint64_t ends[] = { 0, idle, 0x12345678, idle + 4, HEAP + 0x3100 };
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		put64(fake, idle + 8, ends[i]);
		walk_is(fake, PLAIT_WALK_COMPLETE, "d|");
	}
	put64(fake, idle + 8, TSTATE);
	put64(fake, TSTATE + 8, idle); /* a circle with ours in it: once */
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|ab|c|");
	put64(fake, TSTATE + 8, 0);
	put64(fake, interp_at(0), interp_at(1)); /* a circle of interpreters */
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|ab|c|");
	const uint64_t interpreters[] = { 0, 0x12345678, interp_at(0) + 4, ~7ULL };
	for (size_t i = 0; i < sizeof(interpreters) / sizeof(interpreters[0]); i++) {
		put64(fake, interp_at(1), interpreters[i]);
		walk_is(fake, PLAIT_WALK_COMPLETE, "d|");
	}
	put64(fake, RUNTIME + 0x20, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|");
	fake->plan.runtime_interpreters_head = 1 << 30;
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|");
	free(fake);
}

/* As many chains as are walked; the idle states between them do not count. */
static void the_number_of_chains_is_bounded(void **state)
{
	(void)state;
	struct fake *fake = fake_313(plan_313());
	put_interpreters(fake, 2, (uint64_t[]) { TSTATE, OTHER_TSTATE });
	put64(fake, OTHER_TSTATE + fake->plan.tstate_thread_id, TP);
	uint64_t last = OTHER_TSTATE;
	for (int i = 0; i < 2 * PLAIT_WALK_CHAINS; i++) {
		uint64_t tstate = HEAP + 0xa000 + 0x200 * (uint64_t)i, frame = HEAP + 0xe000 + 0x60 * (uint64_t)i;
		put64(fake, tstate + 16, interp_at(1));
		put64(fake, tstate + fake->plan.tstate_thread_id, TP);
		put64(fake, last + 8, tstate);
		last = tstate;
		if (i % 2)
			continue;
		put64(fake, tstate + fake->plan.tstate_frame, frame);
		put_frame(fake, frame, i / 2, STACK + 0x2000 + 0x80 * (uint64_t)i, 0);
		put_shim(fake, STACK + 0x2000 + 0x80 * (uint64_t)i, 0);
	}
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|a|b|c|d|e|f|g|");
	free(fake);
}

/* 3.10: the innermost CFrame may be unpublished already while another interpreter's chain follows. */
static void the_first_of_several_chains_may_lack_a_cframe(void **state)
{
	(void)state;
	for (int cframes = 2; cframes <= 4; cframes++) {
		struct fake *fake = fake_310(cframes);
		uint64_t root = OTHER_TSTATE + fake->plan.tstate_root_cframe, outer = STACK + 0x3000;
		put_interpreters(fake, 2, (uint64_t[]) { OTHER_TSTATE, TSTATE });
		put64(fake, OTHER_TSTATE + fake->plan.tstate_thread_id, TP);
		put64(fake, OTHER_TSTATE + fake->plan.tstate_frame, frame_at(3));
		put64(fake, OTHER_TSTATE + fake->plan.tstate_cframe, outer);
		put_frame(fake, frame_at(3), 3, 0, 0);
		put_cframe(fake, outer, 0, root);
		walk_is(fake, PLAIT_WALK_COMPLETE, "abcd");
		assert_int_equal(fake->frames[3].anchor, outer);
		uint64_t first = STACK + 0x1000 - 0x100 * (uint64_t)(3 - cframes);
		for (int i = 0; i < 3; i++)
			assert_int_equal(fake->frames[i].anchor,
					 cframes == 2 && i == 0 ? 0 : first + 0x100 * (uint64_t)i);
		/* In an outer chain it cannot be. */
		put64(fake, OTHER_TSTATE + fake->plan.tstate_cframe, root);
		walk_is(fake, PLAIT_WALK_BROKEN, "abcd");
		free(fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_thread_states_are_both_walked),
		cmocka_unit_test(the_main_interpreter_is_found_below_another),
		cmocka_unit_test(interpreters_that_call_each_other_are_all_found),
		cmocka_unit_test(lists_of_interpreters_need_not_be_sane),
		cmocka_unit_test(the_number_of_chains_is_bounded),
		cmocka_unit_test(the_first_of_several_chains_may_lack_a_cframe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
