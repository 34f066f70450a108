/* links: plait_common plait_python_unwind */
/*
 * The walk with what a plan for aarch64 says: the thread pointer lies behind struct pthread, and may be that of the
 * program before an exec. Pure, so on any machine.
 */
#include "test_walk_fake.h"

#include "python_unwind/arch/arch.h"

typedef struct fake *plait_walk_memory;

static inline int plait_walk_read(struct fake *fake, void *to, uint32_t size, uint64_t address)
{
	return !fake_read(fake, address, to, size);
}

static inline int plait_walk_read_some(struct fake *fake, void *to, uint64_t size, uint64_t mask, uint64_t address)
{
	(void)mask;
	return !fake_read(fake, address, to, size);
}

#include "python_unwind/walk.h"

#define BLOCK 0x740 /* sizeof(struct pthread) of glibc 2.36 */
#define SELF (TP - BLOCK)
#define MAIN_THREAD 656
#define TID 4242
#define STALE (STACK + 0x8000)

/* As plait_python_runtime_plan() makes it. */
static struct plait_walk_plan plan_aarch64(void)
{
	const struct plait_python_arch *arch = &plait_python_arch_aarch64;
	struct plait_walk_plan plan = plan_313();
	plan.thread_block = BLOCK;
	plan.dtv_offset = arch->dtv_offset;
	plan.tls_static_limit = arch->tls_static_limit;
	plan.tsd_offset = arch->tsd_offset;
	plan.tid_offset = arch->tid_offset;
	plan.runtime_main_thread = MAIN_THREAD;
	plan.tls_current = (struct plait_tls_variable) { .kind = PLAIT_TLS_STATIC, .offset = 0x18 };
	return plan;
}

static struct fake *fake_aarch64(void)
{
	struct fake *fake = fake_313(plan_aarch64());
	put64(fake, RUNTIME + MAIN_THREAD, SELF);
	put(fake, SELF + fake->plan.tid_offset, TID, 4);
	return fake;
}

/* How many frames a walk finds that starts with this thread pointer. */
static uint32_t count_frames(struct fake *fake, uint64_t tp, uint32_t first_tid, uint64_t *ret_tp)
{
	struct plait_walk *walk = calloc(1, sizeof(*walk));
	struct plait_wire_frame frame;
	assert_non_null(walk);
	walk->plan = fake->plan;
	walk->tp = tp;
	walk->first_tid = first_tid;
	if (plait_walk_begin(fake, walk)) {
		while (plait_walk_step(fake, walk, &frame) != PLAIT_STEP_END)
			;
	}
	uint32_t count = walk->count;
	*ret_tp = walk->tp;
	free(walk);
	return count;
}

static void thread_states_are_found_by_what_lies_around_the_thread_pointer(void **state)
{
	(void)state;
	struct fake *fake = fake_aarch64();
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	/* Detached: by the key, whose value is in struct pthread. */
	put64(fake, TP + 0x18, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	put64(fake, SELF + 0x110 + 16 * KEY + 8, 0);
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	/* A state of another thread is none. */
	put64(fake, TP + 0x18, TSTATE);
	put64(fake, TSTATE + fake->plan.tstate_thread_id, TP);
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	free(fake);
}

static void the_dtv_and_descriptors_are_those_of_variant_one(void **state)
{
	(void)state;
	struct fake *fake = fake_aarch64();
	uint64_t got = HEAP + 0x40, pair = HEAP + 0x3700 + 0x10000, dtv = HEAP + 0x3800, block = HEAP + 0x3c00;
	put64(fake, TP + 0x18, 0);
	fake->plan.runtime_autotsskey = 0;
	fake->plan.tls_current = (struct plait_tls_variable) { PLAIT_TLS_DYNAMIC, 16, got };
	put64(fake, got, 5);
	put64(fake, TP, dtv);
	put64(fake, dtv + 16 * 5, block);
	put64(fake, block + 16, TSTATE);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	/* A small argument is an offset from the thread pointer, ... */
	fake->plan.tls_current = (struct plait_tls_variable) { PLAIT_TLS_DESCRIPTOR, 0, got };
	put64(fake, got + 8, 0xe8);
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	put64(fake, TP + 0xe8, TSTATE);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	/* ... another one points to {module, offset}; no memory is there. */
	put64(fake, got + 8, pair);
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	free(fake);
}

static void a_stale_thread_pointer_of_the_first_thread_is_mended(void **state)
{
	(void)state;
	struct fake *fake = fake_aarch64();
	uint64_t tp;
	assert_int_equal(count_frames(fake, TP, TID, &tp), 5);
	assert_int_equal(tp, TP);
	assert_int_equal(count_frames(fake, STALE, TID, &tp), 5);
	assert_int_equal(tp, TP);
	assert_int_equal(count_frames(fake, 0, TID, &tp), 5);
	/* Other threads' are right: what is not theirs must not become theirs. */
	assert_int_equal(count_frames(fake, STALE, 0, &tp), 0);
	assert_int_equal(tp, STALE);
	/* Another thread has initialised Python. */
	put(fake, SELF + fake->plan.tid_offset, TID + 1, 4);
	assert_int_equal(count_frames(fake, STALE, TID, &tp), 0);
	assert_int_equal(tp, STALE);
	/* None has yet, or what is there is no address. */
	put64(fake, RUNTIME + MAIN_THREAD, 0);
	assert_int_equal(count_frames(fake, STALE, TID, &tp), 0);
	put64(fake, RUNTIME + MAIN_THREAD, ~0ULL);
	assert_int_equal(count_frames(fake, STALE, TID, &tp), 0);
	free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thread_states_are_found_by_what_lies_around_the_thread_pointer),
		cmocka_unit_test(the_dtv_and_descriptors_are_those_of_variant_one),
		cmocka_unit_test(a_stale_thread_pointer_of_the_first_thread_is_mended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
