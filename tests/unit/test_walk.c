/* links: plait_python_unwind */
#include "unit/test_walk_fake.h"

static void frame_objects_end_at_null(void **state)
{
	(void)state;
	struct fake *fake = fake_create(plan_38());
	walk_is(fake, PLAIT_WALK_COMPLETE, ""); /* a thread state without frames */
	put_frame(fake, frame_at(0), 0, frame_at(1), 6);
	put_frame(fake, frame_at(1), 1, frame_at(2), 0);
	put_frame(fake, frame_at(2), 2, 0, -1);
	set_frame(fake, frame_at(0));
	walk_is(fake, PLAIT_WALK_COMPLETE, "abc");
	assert_true(fake->chain.per_frame);
	assert_int_equal(fake->frames[0].lasti, 6);
	assert_int_equal(fake->frames[2].lasti, -1);
	assert_int_equal(fake->frames[1].address, frame_at(1));
	assert_int_equal(fake->frames[1].anchor, 0);
	free(fake);
}

static void cframes_of_310_pair_from_the_outside(void **state)
{
	(void)state;
	struct fake *fake = fake_310(3);
	walk_is(fake, PLAIT_WALK_COMPLETE, "abc");
	assert_true(fake->chain.per_frame);
	assert_int_equal(fake->frames[0].lasti, 6); /* two bytes a unit */
	for (int i = 0; i < 3; i++)
		assert_int_equal(fake->frames[i].anchor, STACK + 0x1000 + 0x100 * i);
	free(fake);

	fake = fake_310(2); /* the innermost frame's was unpublished */
	walk_is(fake, PLAIT_WALK_COMPLETE, "abc");
	assert_int_equal(fake->frames[0].anchor, 0);
	assert_int_equal(fake->frames[1].anchor, STACK + 0x1000);
	assert_int_equal(fake->frames[2].anchor, STACK + 0x1100);
	free(fake);

	fake = fake_310(4); /* the innermost has no frame yet */
	walk_is(fake, PLAIT_WALK_COMPLETE, "abc");
	for (int i = 0; i < 3; i++)
		assert_int_equal(fake->frames[i].anchor, STACK + 0x1100 + 0x100 * i);
	free(fake);
}

static void cframes_of_310_that_do_not_fit_are_told(void **state)
{
	(void)state;
	for (int cframes = 0; cframes <= 6; cframes++) {
		if (cframes >= 2 && cframes <= 4)
			continue;
		struct fake *fake = fake_310(cframes);
		walk_is(fake, PLAIT_WALK_BROKEN, "abc");
		free(fake);
	}
	struct fake *fake = fake_310(3);
	put64(fake, STACK + 0x1000 + 8, 0x18); /* cannot be read */
	walk_is(fake, PLAIT_WALK_BROKEN, "abc");
	free(fake);
}

static void set_entry(struct fake *fake, uint64_t frame)
{
	put(fake, frame + fake->plan.frame_is_entry, 1, 1);
}

/* 3.11: a calls nothing, b called a inline; c entered b's activation; d is the module. */
static struct fake *fake_311(void)
{
	struct fake *fake = fake_create(plan_311());
	put_frame(fake, frame_at(0), 0, frame_at(1), 10);
	put_frame(fake, frame_at(1), 1, frame_at(2), 20);
	put_frame(fake, frame_at(2), 2, frame_at(3), -2);
	put_frame(fake, frame_at(3), 3, 0, 40);
	set_entry(fake, frame_at(1));
	set_entry(fake, frame_at(3));
	put_cframe(fake, INNER, frame_at(0), OUTER);
	put_cframe(fake, OUTER, frame_at(2), TSTATE + fake->plan.tstate_root_cframe);
	set_frame(fake, INNER);
	return fake;
}

static void activations_of_311_end_with_their_entry_frame(void **state)
{
	(void)state;
	struct fake *fake = fake_311();
	walk_is(fake, PLAIT_WALK_COMPLETE, "abcd");
	assert_false(fake->chain.per_frame);
	assert_int_equal(fake->frames[0].anchor, 0);
	assert_int_equal(fake->frames[1].anchor, INNER);
	assert_int_equal(fake->frames[2].anchor, 0);
	assert_int_equal(fake->frames[3].anchor, OUTER);
	assert_int_equal(fake->frames[0].lasti, 10);
	assert_int_equal(fake->frames[2].lasti, -2);

	set_frame(fake, TSTATE + fake->plan.tstate_root_cframe);
	walk_is(fake, PLAIT_WALK_COMPLETE, "");
	set_frame(fake, 0x18);
	walk_is(fake, PLAIT_WALK_BROKEN, "");
	free(fake);
}

/* What an uninitialised CFrame may say; the walk must come to the caller's frames. */
static void a_cframe_without_its_frame_is_stepped_over(void **state)
{
	(void)state;
	struct fake *fake = fake_311();
	const uint64_t garbage[] = { 0, 1, 0x7000, STACK + 0x3000, frame_at(2), TSTATE, ~0ULL };
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		put_cframe(fake, INNER, garbage[i], OUTER);
		walk_is(fake, PLAIT_WALK_COMPLETE, "cd");
		assert_int_equal(fake->frames[1].anchor, OUTER);
	}
	/* A frame of an earlier call that still looks well, but returned elsewhere. */
	put_cframe(fake, INNER, frame_at(0), OUTER);
	put64(fake, frame_at(1) + fake->plan.frame_previous, frame_at(3));
	walk_is(fake, PLAIT_WALK_COMPLETE, "cd");
	put64(fake, frame_at(1) + fake->plan.frame_previous, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "cd");
	/* A cycle. */
	put64(fake, frame_at(1) + fake->plan.frame_previous, frame_at(2));
	put64(fake, frame_at(0) + fake->plan.frame_previous, frame_at(0));
	walk_is(fake, PLAIT_WALK_COMPLETE, "cd");
	/* An instruction outside the code. */
	put_frame(fake, frame_at(0), 0, frame_at(1), 10);
	put64(fake, frame_at(0) + fake->plan.frame_instr, code_at(0) - 8);
	walk_is(fake, PLAIT_WALK_COMPLETE, "cd");
	put64(fake, frame_at(0) + fake->plan.frame_instr, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "cd");
	free(fake);
}

static void what_cannot_be_repaired_is_broken(void **state)
{
	(void)state;
	struct fake *fake = fake_311();
	/* `previous` is not written yet either: it does not lie outwards. */
	put_cframe(fake, INNER, 0, INNER - 0x100);
	walk_is(fake, PLAIT_WALK_BROKEN, "");
	put_cframe(fake, INNER, 0, 0);
	walk_is(fake, PLAIT_WALK_BROKEN, "");
	/* Garbage in an outer activation is no matter of an entry under way. */
	fake->frames[0].code = 0;
	put_cframe(fake, INNER, frame_at(0), OUTER);
	put(fake, frame_at(3) + fake->plan.frame_is_entry, 2, 1);
	walk_is(fake, PLAIT_WALK_BROKEN, "abc");
	put(fake, frame_at(3) + fake->plan.frame_is_entry, 0, 1);
	walk_is(fake, PLAIT_WALK_BROKEN, "abcd");
	put(fake, frame_at(3) + fake->plan.frame_is_entry, 1, 1);
	put_owner(fake, frame_at(2), 3);
	walk_is(fake, PLAIT_WALK_BROKEN, "ab");
	free(fake);
}

/* 3.12: activation {a, b} with its shim, then {c}. */
static struct fake *fake_312(void)
{
	struct fake *fake = fake_create(plan_312());
	put_frame(fake, frame_at(0), 0, frame_at(1), 10);
	put_frame(fake, frame_at(1), 1, INNER + 112, 20);
	put_shim(fake, INNER + 112, frame_at(2));
	put_frame(fake, frame_at(2), 2, OUTER + 112, 30);
	put_shim(fake, OUTER + 112, 0);
	put_cframe(fake, INNER, frame_at(0), OUTER);
	put_cframe(fake, OUTER, frame_at(2), TSTATE + fake->plan.tstate_root_cframe);
	set_frame(fake, INNER);
	return fake;
}

static void activations_of_312_end_with_a_shim(void **state)
{
	(void)state;
	struct fake *fake = fake_312();
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	assert_int_equal(fake->frames[2].anchor, INNER + 112);
	assert_int_equal(fake->frames[4].anchor, OUTER + 112);
	assert_int_equal(fake->frames[0].fingerprint, 100);
	/* Between the last frame's return and the evaluator's own. */
	put_cframe(fake, INNER, INNER + 112, OUTER);
	walk_is(fake, PLAIT_WALK_COMPLETE, "|c|");
	free(fake);
}

static void a_shim_of_312_lies_beside_its_cframe(void **state)
{
	(void)state;
	struct fake *fake = fake_312();
	/* The frames of an earlier call, whose shim lay elsewhere. */
	put_cframe(fake, INNER - 0x900, frame_at(0), OUTER);
	set_frame(fake, INNER - 0x900);
	walk_is(fake, PLAIT_WALK_COMPLETE, "c|");
	set_frame(fake, INNER);
	/* A shim of an earlier call at the same place, which returned elsewhere. */
	put_shim(fake, INNER + 112, frame_at(1));
	walk_is(fake, PLAIT_WALK_COMPLETE, "c|");
	put_shim(fake, INNER + 112, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "c|");
	/* The first frame's `previous` is not written yet. */
	put_shim(fake, INNER + 112, frame_at(2));
	put64(fake, frame_at(0) + 8, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "c|");
	free(fake);
}

static void a_generator_of_312_without_its_caller_is_broken(void **state)
{
	(void)state;
	struct fake *fake = fake_312();
	put_owner(fake, frame_at(0), 1);
	put64(fake, frame_at(0) + 8, 0);
	walk_is(fake, PLAIT_WALK_BROKEN, "a");
	free(fake);
}

static void chains_of_313_end_with_a_shim(void **state)
{
	(void)state;
	struct fake *fake = fake_313(plan_313());
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	assert_int_equal(fake->frames[2].anchor, INNER);
	assert_int_equal(fake->frames[2].address, INNER);
	assert_int_equal(fake->frames[2].code, 0);
	put64(fake, frame_at(2) + 8, 0);
	walk_is(fake, PLAIT_WALK_BROKEN, "ab|c");
	put64(fake, frame_at(2) + 8, OUTER);
	put_owner(fake, frame_at(1), 5);
	walk_is(fake, PLAIT_WALK_BROKEN, "a");
	put_owner(fake, frame_at(1), 4); /* a kind of shim in 3.14 */
	put64(fake, frame_at(1) + 8, frame_at(2));
	walk_is(fake, PLAIT_WALK_COMPLETE, "a|c|");
	set_frame(fake, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "");
	free(fake);
}

static void the_cleanup_frame_of_init_is_not_shown(void **state)
{
	(void)state;
	struct fake *fake = fake_313(plan_313());
	put(fake, code_at(1) + fake->plan.code_first_line, 0, 4);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|"); /* a function may have no line */
	put64(fake, code_at(1) + fake->plan.code_name, HEAP + 0x500);
	walk_is(fake, PLAIT_WALK_COMPLETE, "a|c|");
	put(fake, code_at(1) + fake->plan.code_first_line, 1, 4);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|"); /* or its file's name */
	free(fake);
}

static void free_threaded_bytecode_is_the_threads_copy(void **state)
{
	(void)state;
	struct fake *fake = fake_313(plan_314t());
	uint64_t table = HEAP + 0x3000, copy = HEAP + 0x3400;
	put64(fake, table, 4);
	put64(fake, table + 8 + 8 * 2, copy);
	for (int i = 0; i < 3; i++)
		put64(fake, code_at(i) + fake->plan.code_tlbc, i ? 0 : table);
	put64(fake, frame_at(0) + fake->plan.frame_code, code_at(0) | 1); /* tagged */
	put64(fake, frame_at(0) + fake->plan.frame_instr, copy + 14);
	put(fake, frame_at(0) + fake->plan.frame_tlbc_index, 2, 4);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	assert_int_equal(fake->frames[0].code, code_at(0));
	assert_int_equal(fake->frames[0].lasti, 14);
	assert_int_equal(fake->frames[1].lasti, 20); /* no copies: the object's own */
	put(fake, frame_at(0) + fake->plan.frame_tlbc_index, 1, 4);
	walk_is(fake, PLAIT_WALK_BROKEN, "");
	put(fake, frame_at(0) + fake->plan.frame_tlbc_index, 0x7fffffff, 4);
	walk_is(fake, PLAIT_WALK_BROKEN, "");
	free(fake);
}

static void chains_of_315_end_at_the_base_frame(void **state)
{
	(void)state;
	struct fake *fake = fake_313(plan_315());
	put64(fake, TSTATE + 80, TSTATE + 0x300);
	put_shim(fake, TSTATE + 0x300, 0);
	put_shim(fake, OUTER, TSTATE + 0x300);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	/* Detached: the thread's bound state is used. */
	put64(fake, TP + fake->plan.tls_current.offset, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	set_frame(fake, TSTATE + 0x300);
	walk_is(fake, PLAIT_WALK_COMPLETE, "");
	set_frame(fake, frame_at(2));
	put64(fake, frame_at(2) + 8, TSTATE + 0x300); /* an activation that does not end */
	walk_is(fake, PLAIT_WALK_BROKEN, "c");
	free(fake);
}

static void thread_states_are_found_and_checked(void **state)
{
	(void)state;
	struct fake *fake = fake_313(plan_313());
	uint64_t active = TP + fake->plan.tls_current.offset;
	uint64_t key = RUNTIME + fake->plan.runtime_autotsskey, slot = TP + fake->plan.tsd_offset + 16 * KEY + 8;
	/* Detached. */
	put64(fake, active, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	/* The active one is garbage. */
	put64(fake, active, 0x12345678);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	put64(fake, active, TSTATE + 4);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	/* Another thread's. */
	put64(fake, active, OTHER_TSTATE);
	put64(fake, OTHER_TSTATE + fake->plan.tstate_thread_id, TP - 0x1000);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	/* The key is not there yet, or not in the first block. */
	put64(fake, key, (uint64_t)KEY << 32);
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	put64(fake, key, 1 | 32ULL << 32);
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	put64(fake, key, 1 | (uint64_t)KEY << 32);
	put64(fake, slot, 0);
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	/* No way to find one. */
	fake->plan.runtime_autotsskey = 0;
	fake->plan.tls_current.kind = PLAIT_TLS_NONE;
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	free(fake);
}

static void dynamic_thread_locals_go_through_the_dtv(void **state)
{
	(void)state;
	struct fake *fake = fake_313(plan_313());
	uint64_t got = HEAP + 0x40, dtv = HEAP + 0x3800, block = HEAP + 0x3c00;
	fake->plan.runtime_autotsskey = 0;
	fake->plan.tls_current = (struct plait_tls_variable) {
		.kind = PLAIT_TLS_DYNAMIC,
		.offset = 16,
		.module_address = got,
	};
	put64(fake, got, 5);
	put64(fake, TP + 8, dtv);
	put64(fake, dtv + 16 * 5, block);
	put64(fake, block + 16, TSTATE);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	put64(fake, dtv + 16 * 5, ~0ULL); /* TLS_DTV_UNALLOCATED */
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	put64(fake, TP + 8, 0);
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	fake->plan.tls_current.module_address = 0;
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	free(fake);
}

static void thread_locals_by_got_word_and_descriptor(void **state)
{
	(void)state;
	struct fake *fake = fake_313(plan_313());
	uint64_t got = HEAP + 0x40, pair = HEAP + 0x3700, dtv = HEAP + 0x3800, block = HEAP + 0x3c00;
	put64(fake, TP + fake->plan.tls_current.offset, 0); /* not where it was */
	fake->plan.runtime_autotsskey = 0;
	fake->plan.tls_current = (struct plait_tls_variable) { PLAIT_TLS_GOT, 8, got };
	put64(fake, got, (uint64_t)-0x80);
	put64(fake, TP - 0x80 + 8, TSTATE);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	fake->plan.tls_current.kind = PLAIT_TLS_DESCRIPTOR;
	put64(fake, got, 0);		       /* the descriptor's function does not matter */
	put64(fake, got + 8, (uint64_t)-0x80); /* static: the argument is the offset from tp */
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	put64(fake, TP - 0x80 + 8, 0);
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	put64(fake, got + 8, pair); /* dynamic: it points to {module, offset} */
	put64(fake, pair, 3);
	put64(fake, pair + 8, 0x10);
	put64(fake, TP + 8, dtv);
	put64(fake, dtv + 16 * 3, block);
	put64(fake, block + 0x10 + 8, TSTATE);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");
	put64(fake, dtv + 16 * 3, 0);
	walk_is(fake, PLAIT_WALK_NO_THREAD, "");
	free(fake);
}

static void circles_and_depth_are_bounded(void **state)
{
	(void)state;
	struct fake *fake = fake_create(plan_38());
	for (int length = 1; length <= 20; length++) {
		for (int i = 0; i < length; i++)
			put_frame(fake, frame_at(i), i % 16, frame_at((i + 1) % length), 0);
		set_frame(fake, frame_at(0));
		plait_python_walk(&fake->plan, &fake->memory, TP, fake->frames, MAX, &fake->chain);
		assert_int_equal(fake->chain.status, PLAIT_WALK_BROKEN);
		assert_in_range(fake->chain.count, length, MAX);
	}
	put_frame(fake, frame_at(19), 3, 0, 0);
	plait_python_walk(&fake->plan, &fake->memory, TP, fake->frames, 20, &fake->chain);
	assert_int_equal(fake->chain.status, PLAIT_WALK_COMPLETE);
	assert_int_equal(fake->chain.count, 20);
	plait_python_walk(&fake->plan, &fake->memory, TP, fake->frames, 19, &fake->chain);
	assert_int_equal(fake->chain.status, PLAIT_WALK_TOO_DEEP);
	assert_int_equal(fake->chain.count, 19);
	plait_python_walk(&fake->plan, &fake->memory, TP, fake->frames, 0, &fake->chain);
	assert_int_equal(fake->chain.status, PLAIT_WALK_TOO_DEEP);
	assert_int_equal(fake->chain.count, 0);
	free(fake);
}

static void garbage_frames_are_broken(void **state)
{
	(void)state;
	struct fake *fake = fake_313(plan_313());
	const uint64_t addresses[] = { 1, frame_at(0) + 4, 0x18, HEAP + SIZE - 8, ~0ULL, 0xffff888000000000 };
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		set_frame(fake, addresses[i]);
		walk_is(fake, PLAIT_WALK_BROKEN, "");
	}
	set_frame(fake, frame_at(0));
	const uint64_t codes[] = { 0, code_at(0) + 1, 8, HEAP + SIZE - 16 };
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		put64(fake, frame_at(0) + fake->plan.frame_code, codes[i]);
		walk_is(fake, PLAIT_WALK_BROKEN, "");
	}
	free(fake);
}

/* Reads of a memory that begins at STACK: below it is nothing. */
struct counted {
	struct fake *fake;
	size_t reads;
};

static bool counted_read(void *context, uint64_t address, void *ret, size_t size)
{
	struct counted *counted = context;
	counted->reads += address >= STACK && address < TP - 0x1000;
	return fake_read(counted->fake, address, ret, size);
}

/* Fifteen frames that run five code objects, each right below the one that it called; the last begins its page, and
 * nothing is below that. They are fetched together, but nothing beyond their page is. */
static void callers_are_fetched_together(void **state)
{
	(void)state;
	struct fake *fake = fake_create(plan_313());
	const uint64_t apart = 0x60;
	for (int i = 0; i < 15; i++)
		put_frame(fake, STACK + apart * (uint64_t)(14 - i), i / 3,
			  i < 14 ? STACK + apart * (uint64_t)(13 - i) : OUTER, 10 + i);
	put_shim(fake, OUTER, 0);
	set_frame(fake, STACK + apart * 14);
	struct counted counted = { .fake = fake };
	fake->memory = (struct plait_memory) { .read = counted_read, .context = &counted };
	walk_is(fake, PLAIT_WALK_COMPLETE, "aaabbbcccdddeee|");
	for (int i = 0; i < 15; i++) {
		assert_int_equal(fake->frames[i].address, STACK + apart * (uint64_t)(14 - i));
		assert_int_equal(fake->frames[i].lasti, 10 + i);
	}
	assert_int_equal(counted.reads, 2); /* all of them, the shim */
	free(fake);
}

static void fingerprints_tell_objects_apart(void **state)
{
	(void)state;
	struct plait_walk_plan old = plan_311(), new = plan_313();
	uint64_t code[PLAIT_WALK_WORDS] = { 0 };
	uint64_t seen[8];
	const uint16_t fields[] = { old.code_name, old.code_filename, old.code_linetable, old.code_first_line };
	for (size_t i = 0; i < 4; i++) {
		seen[i] = plait_walk_fingerprint(&old, code);
		for (size_t k = 0; k < i; k++)
			assert_true(seen[k] != seen[i]);
		assert_true(seen[i] >> 63);
		code[fields[i] / 8] += 1ULL << 32;
	}
	/* co_version 0 says nothing. */
	uint64_t mix = plait_walk_fingerprint(&new, code);
	assert_int_equal(mix, plait_walk_fingerprint(&old, code));
	memcpy((char *)code + new.code_version, &(uint32_t) { 7 }, 4);
	assert_int_equal(plait_walk_fingerprint(&new, code), 7);
}

/* Random memory: any result will do, but it must come. */
static void random_memory_ends_the_walk(void **state)
{
	(void)state;
	struct plait_walk_plan (*const plans[])(void) = { plan_38,  plan_310,  plan_311, plan_312,
							  plan_313, plan_314t, plan_315 };
	srand(1);
	for (int round = 0; round < 7000; round++) {
		struct fake *fake = fake_create(plans[round % 7]());
		for (int i = 0; i < 3000; i++) {
			/* Mostly addresses of things that are there. */
			uint64_t at = HEAP + 0x1000 + 8 * ((uint64_t)rand() % 0x1d00);
			uint64_t value = rand() % 4 ? FRAME + 0x100 * ((uint64_t)rand() % 16) : (uint64_t)rand();
			put64(fake, at, value);
			put64(fake, STACK + 8 * ((uint64_t)rand() % 0x1c00), value + (rand() % 2 ? STACK - FRAME : 0));
		}
		put64(fake, TSTATE + fake->plan.tstate_thread_id, TP);
		put64(fake, TSTATE + fake->plan.tstate_frame, round % 2 ? frame_at(0) : STACK + 0x1000);
		plait_python_walk(&fake->plan, &fake->memory, TP, fake->frames, MAX, &fake->chain);
		assert_in_range(fake->chain.count, 0, MAX);
		free(fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_objects_end_at_null),
		cmocka_unit_test(cframes_of_310_pair_from_the_outside),
		cmocka_unit_test(cframes_of_310_that_do_not_fit_are_told),
		cmocka_unit_test(activations_of_311_end_with_their_entry_frame),
		cmocka_unit_test(a_cframe_without_its_frame_is_stepped_over),
		cmocka_unit_test(what_cannot_be_repaired_is_broken),
		cmocka_unit_test(activations_of_312_end_with_a_shim),
		cmocka_unit_test(a_shim_of_312_lies_beside_its_cframe),
		cmocka_unit_test(a_generator_of_312_without_its_caller_is_broken),
		cmocka_unit_test(chains_of_313_end_with_a_shim),
		cmocka_unit_test(the_cleanup_frame_of_init_is_not_shown),
		cmocka_unit_test(free_threaded_bytecode_is_the_threads_copy),
		cmocka_unit_test(chains_of_315_end_at_the_base_frame),
		cmocka_unit_test(thread_states_are_found_and_checked),
		cmocka_unit_test(dynamic_thread_locals_go_through_the_dtv),
		cmocka_unit_test(thread_locals_by_got_word_and_descriptor),
		cmocka_unit_test(circles_and_depth_are_bounded),
		cmocka_unit_test(garbage_frames_are_broken),
		cmocka_unit_test(callers_are_fetched_together),
		cmocka_unit_test(fingerprints_tell_objects_apart),
		cmocka_unit_test(random_memory_ends_the_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
