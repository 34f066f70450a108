/* links: plait_python_unwind */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "python_unwind/walk_process.h"
#include "python_unwind/walk_state.h"

/* A process of two pieces of memory: a heap with the interpreter's objects, a stack with what lies on it. */
#define HEAP 0x10000ULL
#define STACK 0x7f0000000000ULL
#define SIZE 0x10000ULL
#define MAX 64

#define RUNTIME (HEAP + 0x100)
#define TSTATE (HEAP + 0x1000)
#define OTHER_TSTATE (HEAP + 0x2000)
#define CODE (HEAP + 0x4000)  /* code objects, 0x200 apart */
#define FRAME (HEAP + 0x8000) /* frames on the data stack, 0x100 apart */
#define TP (STACK + 0xf000)
#define KEY 3

struct fake {
	uint8_t heap[SIZE], stack[SIZE];
	struct plait_walk_plan plan;
	struct plait_memory memory;
	struct plait_python_frame frames[MAX];
	struct plait_python_chain chain;
};

static bool fake_read(void *context, uint64_t address, void *ret, size_t size)
{
	struct fake *fake = context;
	for (int i = 0; i < 2; i++) {
		uint64_t base = i ? STACK : HEAP;
		if (address >= base && address - base <= SIZE && size <= SIZE - (address - base)) {
			memcpy(ret, (i ? fake->stack : fake->heap) + (address - base), size);
			return true;
		}
	}
	return false;
}

static void put(struct fake *fake, uint64_t address, uint64_t value, size_t size)
{
	uint8_t *piece = address >= STACK ? fake->stack : fake->heap;
	uint64_t offset = address - (address >= STACK ? STACK : HEAP);
	if (offset > SIZE - 8 || size > 8)
		abort(); /* the test is wrong */
	memcpy(piece + offset, &value, size);
}

static void put64(struct fake *fake, uint64_t address, uint64_t value)
{
	put(fake, address, value, 8);
}

/* Fields that all versions here share. Offsets as in CPython, where the tests rest on them. */
static const struct plait_walk_plan common_plan = {
	.runtime = RUNTIME,
	.tsd_offset = 0x310,
	.runtime_autotsskey = 592,
	.tstate_interp = 16,
	.tstate_root_cframe = PLAIT_NO_OFFSET,
	.tstate_base_frame = PLAIT_NO_OFFSET,
	.tstate_cframe = PLAIT_NO_OFFSET,
	.cframe_current_frame = PLAIT_NO_OFFSET,
	.cframe_previous = PLAIT_NO_OFFSET,
	.frame_owner = PLAIT_NO_OFFSET,
	.frame_is_entry = PLAIT_NO_OFFSET,
	.frame_tlbc_index = PLAIT_NO_OFFSET,
	.lasti_unit = 1,
	.code_mask = ~0ULL,
	.code_first_line = 68,
	.code_filename = 112,
	.code_name = 120,
	.code_qualname = 128,
	.code_linetable = 136,
	.code_size = 144,
	.code_version = PLAIT_NO_OFFSET,
	.code_adaptive = PLAIT_NO_OFFSET,
	.code_tlbc = PLAIT_NO_OFFSET,
};

static struct plait_walk_plan plan_38(void)
{
	struct plait_walk_plan plan = common_plan;
	plan.shape = PLAIT_SHAPE_FRAME_OBJECT;
	plan.runtime_tstate_current = 568;
	plan.tstate_thread_id = 176;
	plan.tstate_frame = 24;
	plan.frame_size = 112;
	plan.frame_previous = 24;
	plan.frame_code = 32;
	plan.frame_instr = 104;
	plan.instr_is_lasti = 1;
	return plan;
}

static struct plait_walk_plan plan_310(void)
{
	struct plait_walk_plan plan = plan_38();
	plan.shape = PLAIT_SHAPE_FRAME_OBJECT_CFRAME;
	plan.tstate_cframe = 48;
	plan.tstate_root_cframe = 264;
	plan.cframe_previous = 8;
	plan.frame_instr = 96;
	plan.lasti_unit = 2;
	return plan;
}

static struct plait_walk_plan plan_311(void)
{
	struct plait_walk_plan plan = common_plan;
	plan.shape = PLAIT_SHAPE_CFRAME;
	plan.runtime_tstate_current = 576;
	plan.tstate_thread_id = 152;
	plan.tstate_frame = 56;
	plan.tstate_root_cframe = 336;
	plan.cframe_current_frame = 8;
	plan.cframe_previous = 16;
	plan.frame_size = 72;
	plan.frame_code = 32;
	plan.frame_previous = 48;
	plan.frame_instr = 56;
	plan.frame_is_entry = 68;
	plan.frame_owner = 69;
	plan.code_adaptive = 184;
	return plan;
}

static struct plait_walk_plan plan_312(void)
{
	struct plait_walk_plan plan = plan_311();
	plan.shape = PLAIT_SHAPE_CFRAME_SHIM;
	plan.runtime_tstate_current = 0;
	plan.tls_current = (struct plait_tls_variable) { .kind = PLAIT_TLS_STATIC, .offset = -0x18 };
	plan.tstate_thread_id = 136;
	plan.tstate_root_cframe = 272;
	plan.cframe_current_frame = 0;
	plan.cframe_previous = 8;
	plan.frame_code = 0;
	plan.frame_previous = 8;
	plan.frame_is_entry = PLAIT_NO_OFFSET;
	plan.frame_owner = 70;
	plan.code_adaptive = 192;
	plan.code_version = 92;
	return plan;
}

static struct plait_walk_plan plan_313(void)
{
	struct plait_walk_plan plan = plan_312();
	plan.shape = PLAIT_SHAPE_CURRENT_FRAME;
	plan.tstate_thread_id = 152;
	plan.tstate_frame = 72;
	plan.tstate_root_cframe = PLAIT_NO_OFFSET;
	plan.code_adaptive = 200;
	return plan;
}

/* 3.14 free-threaded. */
static struct plait_walk_plan plan_314t(void)
{
	struct plait_walk_plan plan = plan_313();
	plan.free_threaded = 1;
	plan.frame_size = 80;
	plan.frame_owner = 78;
	plan.frame_tlbc_index = 72;
	plan.code_mask = ~7ULL;
	plan.code_tlbc = 224;
	plan.code_adaptive = 232;
	plan.code_size = 232;
	return plan;
}

static struct plait_walk_plan plan_315(void)
{
	struct plait_walk_plan plan = plan_313();
	plan.tstate_thread_id = 176;
	plan.tstate_base_frame = 80;
	plan.runtime_autotsskey = 0;
	plan.tls_gilstate = (struct plait_tls_variable) { .kind = PLAIT_TLS_STATIC, .offset = -0x28 };
	plan.frame_size = 80;
	plan.frame_owner = 74;
	plan.code_mask = ~7ULL;
	return plan;
}

/* A process whose thread TP has the thread state TSTATE, attached. */
static struct fake *fake_create(struct plait_walk_plan plan)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	assert_non_null(fake);
	fake->plan = plan;
	fake->memory = (struct plait_memory) { .read = fake_read, .context = fake };
	put64(fake, TSTATE + plan.tstate_thread_id, TP);
	if (plan.runtime_tstate_current)
		put64(fake, RUNTIME + plan.runtime_tstate_current, TSTATE);
	if (plan.tls_current.kind == PLAIT_TLS_STATIC)
		put64(fake, TP + plan.tls_current.offset, TSTATE);
	if (plan.tls_gilstate.kind == PLAIT_TLS_STATIC)
		put64(fake, TP + plan.tls_gilstate.offset, TSTATE);
	if (plan.runtime_autotsskey) {
		put64(fake, RUNTIME + plan.runtime_autotsskey, 1 | (uint64_t)KEY << 32);
		put64(fake, TP + plan.tsd_offset + 16 * KEY + 8, TSTATE);
	}
	return fake;
}

static uint64_t code_at(int i)
{
	return CODE + 0x200 * (uint64_t)i;
}

static uint64_t frame_at(int i)
{
	return FRAME + 0x100 * (uint64_t)i;
}

/* Code object `i`: first line 10 + i, distinct names, version 100 + i. */
static void put_code(struct fake *fake, int i)
{
	const struct plait_walk_plan *plan = &fake->plan;
	put(fake, code_at(i) + plan->code_first_line, 10 + (uint64_t)i, 4);
	put64(fake, code_at(i) + plan->code_filename, HEAP + 0x500);
	put64(fake, code_at(i) + plan->code_name, HEAP + 0x600 + 8 * (uint64_t)i);
	put64(fake, code_at(i) + plan->code_linetable, HEAP + 0x700 + 8 * (uint64_t)i);
	if (plan->code_version != PLAIT_NO_OFFSET)
		put(fake, code_at(i) + plan->code_version, 100 + (uint64_t)i, 4);
}

/* A frame at `at` that runs code object `i` at byte `lasti` and returns to `previous`. */
static void put_frame(struct fake *fake, uint64_t at, int i, uint64_t previous, int lasti)
{
	const struct plait_walk_plan *plan = &fake->plan;
	put_code(fake, i);
	put64(fake, at + plan->frame_code, code_at(i));
	put64(fake, at + plan->frame_previous, previous);
	if (plan->instr_is_lasti)
		put(fake, at + plan->frame_instr, (uint64_t)lasti, 4);
	else
		put64(fake, at + plan->frame_instr, code_at(i) + plan->code_adaptive + (uint64_t)(int64_t)lasti);
}

static void put_owner(struct fake *fake, uint64_t at, uint8_t owner)
{
	put(fake, at + fake->plan.frame_owner, owner, 1);
}

/* A shim frame on the stack. */
static void put_shim(struct fake *fake, uint64_t at, uint64_t previous)
{
	put64(fake, at + fake->plan.frame_code, HEAP + 0x30);
	put64(fake, at + fake->plan.frame_previous, previous);
	put_owner(fake, at, 3);
}

static void put_cframe(struct fake *fake, uint64_t at, uint64_t current, uint64_t previous)
{
	if (fake->plan.cframe_current_frame != PLAIT_NO_OFFSET)
		put64(fake, at + fake->plan.cframe_current_frame, current);
	put64(fake, at + fake->plan.cframe_previous, previous);
}

static void set_frame(struct fake *fake, uint64_t value)
{
	put64(fake, TSTATE + fake->plan.tstate_frame, value);
}

/* Walks, and checks the status and what is in the chain: `codes` has a letter for each step, innermost first: 'a' is
 * code object 0, and so on, '|' a shim frame. */
static void walk_is(struct fake *fake, enum plait_walk_status status, const char *codes)
{
	plait_python_walk(&fake->plan, &fake->memory, TP, fake->frames, MAX, &fake->chain);
	char seen[MAX + 1];
	assert_ptr_equal(fake->chain.frames, fake->frames);
	for (size_t i = 0; i < fake->chain.count; i++) {
		const struct plait_python_frame *frame = &fake->frames[i];
		seen[i] = frame->kind == PLAIT_PYTHON_ENTRY ? '|' : (char)('a' + (frame->code - CODE) / 0x200);
		assert_true(frame->kind == PLAIT_PYTHON_ENTRY || frame->fingerprint);
	}
	seen[fake->chain.count] = '\0';
	assert_string_equal(seen, codes);
	assert_int_equal(fake->chain.status, status);
}

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

/* 3.10 with frames a, b, c and `cframes` CFrames, at STACK + 0x1000 and up. */
static struct fake *fake_310(int cframes)
{
	struct fake *fake = fake_create(plan_310());
	put_frame(fake, frame_at(0), 0, frame_at(1), 3);
	put_frame(fake, frame_at(1), 1, frame_at(2), 4);
	put_frame(fake, frame_at(2), 2, 0, -1);
	set_frame(fake, frame_at(0));
	uint64_t root = TSTATE + fake->plan.tstate_root_cframe, next = root;
	put_cframe(fake, root, 0, 0xdeadbeefdeadbee8); /* uninitialised in real life too */
	for (int i = cframes - 1; i >= 0; i--) {
		uint64_t at = STACK + 0x1000 + 0x100 * (uint64_t)i;
		put_cframe(fake, at, 0, next);
		next = at;
	}
	put64(fake, TSTATE + fake->plan.tstate_cframe, next);
	return fake;
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

#define INNER (STACK + 0x1000) /* CFrames of 3.11 and 3.12 */
#define OUTER (STACK + 0x2000)

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

/* 3.13: like fake_312(), without CFrames. */
static struct fake *fake_313(struct plait_walk_plan plan)
{
	struct fake *fake = fake_create(plan);
	put_frame(fake, frame_at(0), 0, frame_at(1), 10);
	put_frame(fake, frame_at(1), 1, INNER, 20);
	put_shim(fake, INNER, frame_at(2));
	put_frame(fake, frame_at(2), 2, OUTER, 30);
	put_shim(fake, OUTER, 0);
	set_frame(fake, frame_at(0));
	return fake;
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

/* From 3.12 on the thread's bound state is the sub-interpreter's too. */
static void the_main_interpreter_is_found_below_another(void **state)
{
	(void)state;
	struct fake *fake = fake_313(plan_313());
	uint64_t sub = HEAP + 0x60, main = HEAP + 0x80, idle = HEAP + 0x3000;
	/* Everything here is close together; the real main interpreter is recognised by its distance. */
	fake->plan.runtime -= 1 << 20;
	fake->plan.runtime_autotsskey += 1 << 20;
	fake->plan.runtime_interpreters_main = (1 << 20) + 0x20;
	fake->plan.interp_threads_head = 8;
	fake->plan.tstate_next = 8;
	put64(fake, RUNTIME + 0x20, main);
	put64(fake, main + 8, idle); /* another thread's, then ours */
	put64(fake, idle + fake->plan.tstate_thread_id, TP - 0x2000);
	put64(fake, idle + 8, TSTATE);
	put64(fake, TSTATE + 16, main);
	walk_is(fake, PLAIT_WALK_COMPLETE, "ab|c|");

	put64(fake, TP + fake->plan.tls_current.offset, OTHER_TSTATE);
	put64(fake, TP + fake->plan.tsd_offset + 16 * KEY + 8, OTHER_TSTATE);
	put64(fake, OTHER_TSTATE + fake->plan.tstate_thread_id, TP);
	put64(fake, OTHER_TSTATE + fake->plan.tstate_frame, frame_at(3));
	put64(fake, OTHER_TSTATE + 16, sub);
	put_frame(fake, frame_at(3), 3, STACK + 0x800, 0);
	put_shim(fake, STACK + 0x800, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|ab|c|");
	/* The thread has no state there; the list is cyclic; it is garbage; there is no main interpreter. */
	put64(fake, idle + 8, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|");
	put64(fake, idle + 8, idle);
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|");
	put64(fake, idle + 8, 0x12345678);
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|");
	put64(fake, RUNTIME + 0x20, 0);
	walk_is(fake, PLAIT_WALK_COMPLETE, "d|");
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
		cmocka_unit_test(two_thread_states_are_both_walked),
		cmocka_unit_test(the_main_interpreter_is_found_below_another),
		cmocka_unit_test(circles_and_depth_are_bounded),
		cmocka_unit_test(garbage_frames_are_broken),
		cmocka_unit_test(fingerprints_tell_objects_apart),
		cmocka_unit_test(random_memory_ends_the_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
