/* links: plait_python_unwind */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "tests/unit/merge_invariants.h"

#define MOST 256
#define ROUNDS 400

/* ---- random, the same in every run ---- */

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(random_state >> 33) % bound;
}

/* ---- a stack that is known ---- */

enum style { STYLE_3_8, STYLE_3_10, STYLE_3_11, STYLE_3_12, STYLES };

/* A program's stack, what an engine would hand over of it, and what the merge should make of that. */
struct model {
	enum style style;
	struct plait_native_frame natives[MOST];
	struct plait_python_frame pythons[MOST];
	struct plait_native_stack native;
	struct plait_python_chain python;
	size_t first_python[MOST]; /* of each native frame that is an activation */
	size_t python_count[MOST]; /* 0: a plain native frame, or an activation without Python frames */
	bool activation[MOST];
};

static void add_python(struct model *model, uint64_t anchor, enum plait_python_frame_kind kind)
{
	size_t i = model->python.count++;

	model->pythons[i] = (struct plait_python_frame) {
		.code = 0x1000 + i,
		.address = 0x2000 + i,
		.anchor = anchor,
		.kind = kind,
	};
}

/* The Python frames of the activation that native frame `i` is. */
static void add_activation(struct model *model, size_t i)
{
	const struct plait_native_frame *frame = &model->natives[i];
	uint64_t anchor = frame->sp + random_below((uint32_t)(frame->cfa - frame->sp));
	bool per_frame = model->style <= STYLE_3_10;
	size_t count = per_frame ? 1 : random_below(5);

	if (count == 0 && model->style == STYLE_3_11)
		count = 1; /* there is no frame to carry the anchor */
	model->activation[i] = true;
	model->first_python[i] = model->python.count;
	model->python_count[i] = count;
	for (size_t k = 0; k < count; k++)
		add_python(model,
			   model->style != STYLE_3_8 && model->style != STYLE_3_12 && k + 1 == count ? anchor : 0,
			   PLAIT_PYTHON_FRAME);
	if (model->style == STYLE_3_12)
		add_python(model, anchor, PLAIT_PYTHON_ENTRY);
}

/* Leaf frames, activations with the machinery of a call between them, and the start of the thread. */
static void make_model(struct model *model, enum style style)
{
	uint64_t sp = 0x7f0000000000 + 16 * random_below(1000);
	size_t left = random_below(8), machinery = random_below(9);
	bool known = random_below(2); /* the evaluator's code */

	memset(model, 0, sizeof(*model));
	model->style = style;
	while (model->native.count < 60) {
		size_t i = model->native.count++;
		bool activation = machinery == 0 && left > 0;
		model->natives[i] = (struct plait_native_frame) {
			.pc = 0x400000 + i,
			.sp = sp,
			.cfa = sp + 8 * (1 + random_below(100)),
		};
		sp = model->natives[i].cfa;
		if (activation) {
			if (style == STYLE_3_8 || known)
				model->natives[i].flags = PLAIT_NATIVE_EVALUATOR;
			add_activation(model, i);
			left--;
			machinery = 1 + random_below(6);
		} else if (machinery) {
			machinery--;
		} else {
			break;
		}
	}
	model->native.frames = model->natives;
	model->python.frames = model->pythons;
	model->python.status = PLAIT_WALK_COMPLETE;
	model->python.per_frame = style <= STYLE_3_10;
}

/* ---- expectations ---- */

struct expected {
	struct plait_hybrid_frame frames[2 * MOST];
	size_t count;
};

static void expect(struct expected *expected, enum plait_hybrid_kind kind, size_t index)
{
	expected->frames[expected->count++] = (struct plait_hybrid_frame) { .kind = kind, .index = (uint32_t)index };
}

/* What stands for native frame `i`. */
static void expect_native(struct expected *expected, const struct model *model, size_t i)
{
	if (!model->python_count[i])
		expect(expected, PLAIT_HYBRID_NATIVE, i);
	for (size_t k = 0; k < model->python_count[i]; k++)
		expect(expected, PLAIT_HYBRID_PYTHON, model->first_python[i] + k);
}

static bool is_expected(const struct expected *expected, const struct plait_hybrid_stack *merged)
{
	return expected->count == merged->count &&
	       memcmp(expected->frames, merged->frames, merged->count * sizeof(*merged->frames)) == 0;
}

static struct plait_hybrid_stack merged;

static void merge_and_check(const struct model *model)
{
	assert_null(plait_merge(&model->native, &model->python, &merged));
	const char *wrong = check_invariants(&model->native, &model->python, &merged);
	if (wrong)
		fail_msg("style %d, %zu native and %zu Python frames: %s", model->style, model->native.count,
			 model->python.count, wrong);
}

/* ---- the properties ---- */

static struct model model;

#define FOR_EACH_MODEL                                                                                                 \
	for (unsigned round = 0; round < ROUNDS; round++)                                                              \
		for (enum style style = 0; style < STYLES; style++)                                                    \
			if (random_state = 1000 * round + style, make_model(&model, style), true)

static void a_whole_stack_is_restored(void **state)
{
	(void)state;
	FOR_EACH_MODEL
	{
		struct expected expected = { 0 };
		for (size_t i = 0; i < model.native.count; i++)
			expect_native(&expected, &model, i);
		merge_and_check(&model);
		assert_true(is_expected(&expected, &merged));
		assert_int_equal(merged.quality, 0);
	}
}

/* Cut after each native frame: what is there stays exact, the remaining Python frames follow the mark. */
static void a_stack_cut_anywhere_stays_exact(void **state)
{
	(void)state;
	FOR_EACH_MODEL
	{
		size_t whole = model.native.count, innermost = whole;
		for (size_t i = whole; i-- > 0;)
			innermost = model.activation[i] ? i : innermost;
		for (size_t cut = 0; cut < whole; cut++) {
			struct expected expected = { 0 };
			/* Of the last frame before a break, the end is not known: so it cannot hold an anchor. */
			bool broken = cut % 2 == 0 && style != STYLE_3_8;
			size_t placed = broken && cut ? cut - 1 : cut;
			for (size_t i = 0; i < placed; i++)
				expect_native(&expected, &model, i);
			if (placed < cut)
				expect(&expected, PLAIT_HYBRID_NATIVE, placed);
			expect(&expected, PLAIT_HYBRID_TRUNCATED, 0);
			for (size_t i = placed; i < whole; i++)
				for (size_t k = 0; k < model.python_count[i]; k++)
					expect(&expected, PLAIT_HYBRID_PYTHON, model.first_python[i] + k);
			uint64_t cfa = cut ? model.natives[cut - 1].cfa : 0;
			if (broken && cut)
				model.natives[cut - 1].cfa = 0;
			model.native.count = cut;
			model.native.end = cut % 2 ? PLAIT_UNWIND_TRUNCATED : PLAIT_UNWIND_BROKEN;
			merge_and_check(&model);
			if (cut)
				model.natives[cut - 1].cfa = cfa;
			/* 3.8, innermost activation near the leaf: cannot be told, and says so. */
			bool open = style == STYLE_3_8 && innermost <= 4 && cut > innermost;
			assert_int_equal(merged.quality & PLAIT_QUALITY_UNMERGED, open ? PLAIT_QUALITY_UNMERGED : 0);
			if (!open)
				assert_true(is_expected(&expected, &merged));
			assert_true(merged.quality & PLAIT_QUALITY_TRUNCATED);
		}
	}
}

/* Without the frames between two activations, or between the leaf and the first. */
static void a_gap_anywhere_is_marked_there(void **state)
{
	(void)state;
	FOR_EACH_MODEL
	{
		struct model whole = model;
		for (size_t at = 0; style != STYLE_3_8 && at + 1 < whole.native.count; at++) {
			struct expected expected = { 0 };
			size_t missing = 0;
			while (at + 1 + missing < whole.native.count - 1 && !whole.activation[at + 1 + missing])
				missing++;
			for (size_t i = 0; i < whole.native.count; i++) {
				if (i > at && i <= at + missing)
					continue;
				size_t was = expected.count;
				expect_native(&expected, &whole, i);
				if (i > at && expected.count == was + 1 &&
				    expected.frames[was].kind == PLAIT_HYBRID_NATIVE)
					expected.frames[was].index -= (uint32_t)missing;
				if (i == at)
					expect(&expected, PLAIT_HYBRID_GAP, 0);
			}
			model = whole;
			model.natives[at].flags |= PLAIT_NATIVE_GAP;
			if (!whole.activation[at])
				model.natives[at].cfa = 0;
			memmove(&model.natives[at + 1], &model.natives[at + 1 + missing],
				(whole.native.count - at - 1 - missing) * sizeof(model.natives[0]));
			model.native.count -= missing;
			merge_and_check(&model);
			assert_true(is_expected(&expected, &merged));
			assert_int_equal(merged.quality, PLAIT_QUALITY_GAP);
		}
		model = whole;
	}
}

/* An anchor that leads nowhere: its Python frames are marked, all others stay in place. */
static void a_lost_anchor_takes_nothing_else_along(void **state)
{
	(void)state;
	FOR_EACH_MODEL
	{
		struct model whole = model;
		for (size_t lost = 0; style != STYLE_3_8 && lost < whole.native.count; lost++) {
			if (!whole.python_count[lost] || (style == STYLE_3_10 && whole.python.count == 1))
				continue;
			model = whole;
			size_t last = whole.first_python[lost] + whole.python_count[lost] - (style != STYLE_3_12);
			model.pythons[last].anchor = random_below(2) ? 8 : UINT64_MAX;
			merge_and_check(&model);
			struct expected expected = { 0 };
			size_t at = 0;
			for (size_t i = 0; i < whole.native.count; i++) {
				if (i == lost)
					expect(&expected, PLAIT_HYBRID_NATIVE, i);
				else
					expect_native(&expected, &whole, i);
			}
			for (size_t i = 0; i < merged.count; i++) {
				struct plait_hybrid_frame frame = merged.frames[i];
				bool of_lost = frame.kind == PLAIT_HYBRID_PYTHON &&
					       frame.index >= whole.first_python[lost] &&
					       frame.index < whole.first_python[lost] + whole.python_count[lost];
				if (frame.kind == PLAIT_HYBRID_UNMERGED || of_lost)
					continue;
				assert_memory_equal(&frame, &expected.frames[at++], sizeof(frame));
			}
			assert_int_equal(at, expected.count);
			assert_int_equal(merged.quality, PLAIT_QUALITY_UNMERGED);
		}
		model = whole;
	}
}

/* Interpreters nested on one stack, whose chains are handed over one after the other. */
static void chains_of_several_thread_states_are_interleaved(void **state)
{
	(void)state;
	FOR_EACH_MODEL
	{
		if (style != STYLE_3_12)
			continue;
		struct model whole = model;
		size_t map[MOST], used = 0;
		for (unsigned chain = 0; chain < 2; chain++) {
			unsigned turn = 0;
			for (size_t i = 0; i < whole.native.count; i++) {
				if (!whole.activation[i] || turn++ % 2 != chain)
					continue;
				for (size_t k = 0; k <= whole.python_count[i]; k++) {
					map[whole.first_python[i] + k] = used;
					model.pythons[used++] = whole.pythons[whole.first_python[i] + k];
				}
			}
		}
		struct expected expected = { 0 };
		for (size_t i = 0; i < whole.native.count; i++)
			expect_native(&expected, &whole, i);
		for (size_t i = 0; i < expected.count; i++)
			if (expected.frames[i].kind == PLAIT_HYBRID_PYTHON)
				expected.frames[i].index = (uint32_t)map[expected.frames[i].index];
		merge_and_check(&model);
		assert_true(is_expected(&expected, &merged));
		assert_int_equal(merged.quality, 0);
	}
}

/* Anything at all: the invariants hold. */
static void nonsense_breaks_nothing(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		random_state = round;
		memset(&model, 0, sizeof(model));
		model.native = (struct plait_native_stack) {
			.frames = model.natives,
			.count = random_below(12),
			.end = (enum plait_unwind_end)random_below(5),
		};
		model.python = (struct plait_python_chain) {
			.frames = model.pythons,
			.count = random_below(12),
			.status = (enum plait_walk_status)(random_below(3) ? PLAIT_WALK_COMPLETE : random_below(6)),
			.per_frame = random_below(2),
		};
		for (size_t i = 0; i < model.native.count; i++)
			model.natives[i] = (struct plait_native_frame) {
				.sp = random_below(8) ? 16 * i : random_below(200),
				.cfa = random_below(8) ? 16 * i + 16 : random_below(200),
				.flags = random_below(4) ? 0 : random_below(16),
				.module = random_below(2),
			};
		for (size_t i = 0; i < model.python.count; i++)
			model.pythons[i] = (struct plait_python_frame) {
				.anchor = random_below(3) ? 0 : random_below(220),
				.kind = random_below(3) ? PLAIT_PYTHON_FRAME : PLAIT_PYTHON_ENTRY,
			};
		merge_and_check(&model);
	}
}

/* 4,000 frames of each, and every order of addresses that could make a search slow. */
static void deep_stacks_take_no_more_than_their_length(void **state)
{
	enum { COUNT = 4000 };
	struct plait_native_frame *natives = calloc(COUNT, sizeof(*natives));
	struct plait_python_frame *pythons = calloc(COUNT, sizeof(*pythons));
	(void)state;
	for (int order = 0; order < 3; order++) {
		for (size_t i = 0; i < COUNT; i++) {
			size_t at = order == 1 ? COUNT - 1 - i : i;
			natives[i] = (struct plait_native_frame) { .sp = 64 + at * 64, .cfa = 128 + at * 64 };
			pythons[i] = (struct plait_python_frame) { .anchor = order == 2 ? 65 : 64 + 64 * i + 8 };
		}
		struct plait_native_stack native = { .frames = natives, .count = COUNT };
		struct plait_python_chain python = { .frames = pythons, .count = COUNT, .status = PLAIT_WALK_COMPLETE };
		struct timespec before, after;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
		assert_null(plait_merge(&native, &python, &merged));
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
		double ms =
			(double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6;
		print_message("order %d: %.3f ms\n", order, ms);
		assert_true(ms < 100); /* quadratic: seconds with sanitizers */
	}
	free(natives);
	free(pythons);
	plait_hybrid_stack_release(&merged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_stack_is_restored),
		cmocka_unit_test(a_stack_cut_anywhere_stays_exact),
		cmocka_unit_test(a_gap_anywhere_is_marked_there),
		cmocka_unit_test(a_lost_anchor_takes_nothing_else_along),
		cmocka_unit_test(chains_of_several_thread_states_are_interleaved),
		cmocka_unit_test(nonsense_breaks_nothing),
		cmocka_unit_test(deep_stacks_take_no_more_than_their_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
