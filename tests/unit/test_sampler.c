/* links: plait_python_unwind */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "common/map.h"
#include "python_target.h"
#include "sampler_ring.h"

#define FREQUENCY 2000

/* Spins in `leaf` under two calls through C. */
#define SPINNING                                                                                                       \
	"import os\n"                                                                                                  \
	"def leaf(x):\n"                                                                                               \
	"    os.write(1, b'ready')\n"                                                                                  \
	"    while True:\n"                                                                                            \
	"        x = x + 1\n"                                                                                          \
	"def key(x):\n"                                                                                                \
	"    leaf(x)\n"                                                                                                \
	"def inner():\n"                                                                                               \
	"    return sorted([1], key=key)\n"                                                                            \
	"def mapped(x):\n"                                                                                             \
	"    return inner()\n"                                                                                         \
	"def outer():\n"                                                                                               \
	"    return list(map(mapped, [1]))\n"                                                                          \
	"outer()\n"

/* The loaded sampler; skips the test, saying why, where the host does not let us. */
static struct plait_sampler *open_sampler(const struct plait_sampler_options *options)
{
	struct plait_sampler *sampler = NULL;
	struct plait_error *error = plait_sampler_open(options, &sampler);
	if (!error)
		return sampler;
	print_message("%s (%s)\n", error->message, error->advice ? error->advice : "no advice");
	bool refused = error->code == PLAIT_ERROR_PERMISSION || error->code == PLAIT_ERROR_UNSUPPORTED;
	plait_error_free(error);
	if (!refused)
		fail_msg("the sampler does not load");
	skip();
	return NULL;
}

static void open_rings(struct rings *rings, const struct plait_sampler *sampler, pid_t pid)
{
	int err = rings_open(rings, sampler, pid, FREQUENCY, RING_SIZE);
	if (err) {
		print_message("perf events are refused: %s\n", strerror(-err));
		skip();
	}
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec) { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* Lets the rings fill for some time. */
static void sample_for(struct rings *rings, long ms)
{
	rings_enable(rings, true);
	sleep_ms(ms);
	rings_enable(rings, false);
}

/* What a test learns from the records. */
struct seen {
	const struct python_target *target;
	const char *const *names; /* expected, innermost first */
	size_t name_count;
	struct plait_map codes; /* address -> index + 1 into code_names */
	char code_names[256][64];
	size_t code_count;
	size_t complete, broken, deepest, stack_bytes;
	size_t holes;
};

static void on_code(void *context, const struct plait_wire_code *code)
{
	struct seen *seen = context;
	assert_in_range(seen->code_count, 0, 255);
	assert_int_equal(code->pid, seen->target->pid);
	assert_int_equal(code->runtime, seen->target->plan.runtime);
	assert_int_equal(code->name.kind, 1);
	assert_true(code->name.ascii);
	assert_int_equal(code->name.size, code->name.length);
	assert_true(code->table_size > 0 && code->table_size <= code->table_total);
	assert_true(code->first_line > 0);
	char *name = seen->code_names[seen->code_count++];
	memcpy(name, code->name.text, code->name.size);
	name[code->name.size] = '\0';
	if (plait_python_binary_version(seen->target->binary) >> 16 >= 0x30b)
		assert_int_equal(code->qualname.kind, 1);
	else
		assert_int_equal(code->qualname.kind, 0);
	assert_null(plait_map_get(&seen->codes, code->code)); /* sent once */
	assert_true(plait_map_put(&seen->codes, code->code, seen->code_count));
}

static void check_stack(struct seen *seen, const struct ring_sample *sample)
{
	uint64_t next = sample->head.sp;
	for (size_t i = 0; i < sample->piece_count; i++) {
		assert_true(sample->pieces[i].address >= next);
		seen->holes += sample->pieces[i].address > next;
		next = sample->pieces[i].address + sample->pieces[i].size;
		seen->stack_bytes += sample->pieces[i].size;
		uint64_t from = sample->pieces[i].address - sample->head.sp;
		if (from >= sample->kernel_stack_size)
			continue;
		size_t both = sample->kernel_stack_size - from;
		if (both > sample->pieces[i].size)
			both = sample->pieces[i].size;
		assert_memory_equal(sample->pieces[i].data, sample->kernel_stack + from, both);
	}
	assert_true(sample->piece_count > 0);
	assert_true(sample->head.stack_whole);
	assert_int_equal(next, sample->head.stack_end);
}

static void check_frames(struct seen *seen, const struct ring_sample *sample)
{
	size_t at = 0;
	for (size_t i = 0; i < sample->frame_count; i++) {
		const struct plait_wire_frame *frame = &sample->frames[i];
		if (frame->anchor)
			assert_in_range(frame->anchor, sample->head.sp, sample->head.stack_end);
		if (frame->kind == PLAIT_PYTHON_ENTRY)
			continue;
		const uint64_t *index = plait_map_get(&seen->codes, frame->code);
		assert_non_null(index);
		assert_in_range(at, 0, seen->name_count - 1);
		assert_string_equal(seen->code_names[*index - 1], seen->names[at]);
		at++;
	}
	assert_int_equal(at, seen->name_count);
}

static void on_spinning_sample(void *context, const struct ring_sample *sample)
{
	struct seen *seen = context;
	assert_int_equal(sample->head.pid, sample->pid);
	assert_int_equal(sample->head.tid, sample->tid);
	assert_int_equal(sample->head.ip, sample->ip);
	assert_int_equal(sample->head.sp, sample->sp);
	assert_int_equal(sample->head.frame_count, sample->frame_count);
	check_stack(seen, sample);
	seen->broken += sample->head.walk == PLAIT_WALK_BROKEN;
	if (sample->head.walk != PLAIT_WALK_COMPLETE)
		return;
	seen->complete++;
	check_frames(seen, sample);
}

/* Starts `script` with `python`; false when it is none of the known ones. */
static bool start(struct python_target *target, const char *python, const char *script)
{
	if (target_start(target, python, NULL, script) && target_find_runtime(target))
		return true;
	target_stop(target);
	return false;
}

static void samples_are_paired_and_whole_with_every_interpreter(void **state)
{
	(void)state;
	struct plait_sampler *sampler = open_sampler(&(struct plait_sampler_options) { 0 });
	struct pythons pythons = pythons_find();
	uint64_t runs_before = 0, runs, dropped;
	size_t interpreters = 0;
	for (size_t i = 0; i < pythons.count; i++) {
		struct python_target target;
		struct rings rings;
		if (!start(&target, pythons.path[i], SPINNING))
			continue;
		static const char *const names[] = { "leaf", "key", "inner", "mapped", "outer", "<module>" };
		struct seen seen = { .target = &target, .names = names, .name_count = 6 };
		assert_null(plait_sampler_add_runtime(sampler, &target.runtime));
		open_rings(&rings, sampler, target.pid);
		sample_for(&rings, 400);
		struct ring_counts counts = rings_drain(&rings, RING_SIZE, on_spinning_sample, on_code, &seen);
		assert_null(plait_sampler_count(sampler, &runs, &dropped));
		print_message("  %s: %zu samples, %zu complete, %zu broken, %zu bytes of stack each\n",
			      plait_python_binary_description(target.binary), counts.samples, seen.complete,
			      seen.broken, counts.samples ? seen.stack_bytes / counts.samples : 0);
		assert_true(counts.samples > 100);
		assert_int_equal(counts.orphans, 0);
		assert_int_equal(counts.lost, 0);
		assert_int_equal(dropped, 0);
		assert_int_equal(runs - runs_before, counts.samples);
		assert_int_equal(seen.complete + seen.broken, counts.samples);
		assert_true(seen.broken * 100 <= counts.samples); /* 3.11, 3.12: at an entry of the evaluator */
		assert_int_equal(seen.code_count, 6);
		runs_before = runs;
		interpreters++;
		rings_close(&rings, RING_SIZE);
		plait_sampler_forget(sampler, (uint32_t)target.pid);
		plait_map_release(&seen.codes);
		target_stop(&target);
	}
	pythons_free(&pythons);
	plait_sampler_close(sampler);
	if (!interpreters) {
		print_message("no CPython 3.8 or newer found: nothing to sample\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_paired_and_whole_with_every_interpreter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
