/*
 * An invented process for the tests of the walk: thread states, frames and code objects as each version lays them out.
 */
#ifndef PLAIT_TESTS_TEST_WALK_FAKE_H
#define PLAIT_TESTS_TEST_WALK_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "python_unwind/outside/walk_process.h"
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

#define INNER (STACK + 0x1000) /* CFrames of 3.11 and 3.12 */
#define OUTER (STACK + 0x2000)

struct fake {
	uint8_t heap[SIZE], stack[SIZE];
	struct plait_walk_plan plan;
	struct plait_memory memory;
	struct plait_python_frame frames[MAX];
	struct plait_python_chain chain;
};

static inline bool fake_read(void *context, uint64_t address, void *ret, size_t size)
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

static inline void put(struct fake *fake, uint64_t address, uint64_t value, size_t size)
{
	uint8_t *piece = address >= STACK ? fake->stack : fake->heap;
	uint64_t offset = address - (address >= STACK ? STACK : HEAP);
	if (offset > SIZE - 8 || size > 8)
		abort(); /* the test is wrong */
	memcpy(piece + offset, &value, size);
}

static inline void put64(struct fake *fake, uint64_t address, uint64_t value)
{
	put(fake, address, value, 8);
}

/* Fields that all versions here share. Offsets as in CPython, where the tests rest on them. */
static const struct plait_walk_plan common_plan = {
	.runtime = RUNTIME,
	.tsd_offset = 0x310,
	.dtv_offset = 8,
	.runtime_autotsskey = 592,
	.tstate_interp = 16,
	.tstate_root_cframe = PLAIT_NO_OFFSET,
	.tstate_base_frame = PLAIT_NO_OFFSET,
	.tstate_cframe = PLAIT_NO_OFFSET,
	.cframe_current_frame = PLAIT_NO_OFFSET,
	.cframe_previous = PLAIT_NO_OFFSET,
	.frame_owner = PLAIT_NO_FRAME_OFFSET,
	.frame_is_entry = PLAIT_NO_FRAME_OFFSET,
	.frame_tlbc_index = PLAIT_NO_FRAME_OFFSET,
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

static inline struct plait_walk_plan plan_38(void)
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

static inline struct plait_walk_plan plan_310(void)
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

static inline struct plait_walk_plan plan_311(void)
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

static inline struct plait_walk_plan plan_312(void)
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
	plan.frame_is_entry = PLAIT_NO_FRAME_OFFSET;
	plan.frame_owner = 70;
	plan.code_adaptive = 192;
	plan.code_version = 92;
	return plan;
}

static inline struct plait_walk_plan plan_313(void)
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
static inline struct plait_walk_plan plan_314t(void)
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

static inline struct plait_walk_plan plan_315(void)
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
static inline struct fake *fake_create(struct plait_walk_plan plan)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	assert_non_null(fake);
	fake->plan = plan;
	fake->memory = (struct plait_memory) { .read = fake_read, .context = fake };
	put64(fake, TSTATE + plan.tstate_thread_id, TP - plan.thread_block);
	if (plan.runtime_tstate_current)
		put64(fake, RUNTIME + plan.runtime_tstate_current, TSTATE);
	if (plan.tls_current.kind == PLAIT_TLS_STATIC)
		put64(fake, TP + plan.tls_current.offset, TSTATE);
	if (plan.tls_gilstate.kind == PLAIT_TLS_STATIC)
		put64(fake, TP + plan.tls_gilstate.offset, TSTATE);
	if (plan.runtime_autotsskey) {
		put64(fake, RUNTIME + plan.runtime_autotsskey, 1 | (uint64_t)KEY << 32);
		put64(fake, TP - plan.thread_block + plan.tsd_offset + 16 * KEY + 8, TSTATE);
	}
	return fake;
}

static inline uint64_t code_at(int i)
{
	return CODE + 0x200 * (uint64_t)i;
}

static inline uint64_t frame_at(int i)
{
	return FRAME + 0x100 * (uint64_t)i;
}

/* Code object `i`: first line 10 + i, distinct names, version 100 + i. */
static inline void put_code(struct fake *fake, int i)
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
static inline void put_frame(struct fake *fake, uint64_t at, int i, uint64_t previous, int lasti)
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

static inline void put_owner(struct fake *fake, uint64_t at, uint8_t owner)
{
	put(fake, at + fake->plan.frame_owner, owner, 1);
}

/* A shim frame on the stack. */
static inline void put_shim(struct fake *fake, uint64_t at, uint64_t previous)
{
	put64(fake, at + fake->plan.frame_code, HEAP + 0x30);
	put64(fake, at + fake->plan.frame_previous, previous);
	put_owner(fake, at, 3);
}

static inline void put_cframe(struct fake *fake, uint64_t at, uint64_t current, uint64_t previous)
{
	if (fake->plan.cframe_current_frame != PLAIT_NO_OFFSET)
		put64(fake, at + fake->plan.cframe_current_frame, current);
	put64(fake, at + fake->plan.cframe_previous, previous);
}

static inline void set_frame(struct fake *fake, uint64_t value)
{
	put64(fake, TSTATE + fake->plan.tstate_frame, value);
}

/* Walks, and checks the status and what is in the chain: `codes` has a letter for each step, innermost first: 'a' is
 * code object 0, and so on, '|' a shim frame. */
static inline void walk_is(struct fake *fake, enum plait_walk_status status, const char *codes)
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

/* 3.10 with frames a, b, c and `cframes` CFrames, at STACK + 0x1000 and up. */
static inline struct fake *fake_310(int cframes)
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

/* 3.13: like fake_312(), without CFrames. */
static inline struct fake *fake_313(struct plait_walk_plan plan)
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

#endif
