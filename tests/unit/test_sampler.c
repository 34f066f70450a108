/* links: plait_python_unwind plait_perf */
#include <errno.h>
#include <fcntl.h>
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
#define PAGE 4096

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

/* Lets the rings fill for some time; on a busy machine, which may not run the target at once, for longer. */
static void sample_for(struct rings *rings, long ms)
{
	rings_enable(rings, true);
	for (int i = 0; i < 20 && (i == 0 || !rings_have_enough(rings)); i++)
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

/* What the program sends is what the kernel has. */
static void check_registers(const struct ring_sample *sample)
{
	const struct plait_source_arch *arch = &plait_source_arch;
	size_t at = 0;
	assert_true(sample->register_count > 0);
	assert_int_equal(sample->register_count, sample->kernel_register_count);
	for (unsigned bit = 0; bit < 64; bit++)
		if (arch->register_mask >> bit & 1)
			assert_int_equal(sample->registers[arch->dwarf_register[bit]], sample->kernel_registers[at++]);
	assert_int_equal(sample->head.ip, sample->registers[arch->dwarf_pc]);
	assert_int_equal(sample->head.sp, sample->registers[arch->dwarf_sp]);
}

static void on_spinning_sample(void *context, const struct ring_sample *sample)
{
	struct seen *seen = context;
	assert_int_equal(sample->header.pid, sample->pid);
	assert_int_equal(sample->header.tid, sample->tid);
	assert_int_equal(sample->head.frame_count, sample->frame_count);
	check_registers(sample);
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
		struct plait_sampler_runs total;
		assert_null(plait_sampler_count(sampler, &total));
		runs = total.sampled, dropped = total.dropped;
		print_message("  %s: %zu samples, %zu complete, %zu broken, %zu bytes of stack each\n",
			      plait_python_binary_description(target.binary), counts.samples, seen.complete,
			      seen.broken, counts.samples ? seen.stack_bytes / counts.samples : 0);
		assert_true(counts.samples > 50);
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

/* Everything that a plain look at the samples of several processes needs. */
struct tally {
	struct plait_map codes; /* address ^ pid << 48 -> times sent */
	size_t of_pid, of_others, complete, too_deep, without_runtime, unnamed, most_frames, chunked;
	uint32_t pid; /* of whom; 0: all */
};

static uint64_t code_key(uint32_t pid, uint64_t code)
{
	return code ^ (uint64_t)pid << 48;
}

static void tally_code(void *context, const struct plait_wire_code *code)
{
	struct tally *tally = context;
	plait_map_put(&tally->codes, code_key(code->pid, code->code), 1);
}

static void tally_sample(void *context, const struct ring_sample *sample)
{
	struct tally *tally = context;
	assert_int_equal(sample->header.pid, sample->pid);
	assert_int_equal(sample->head.frame_count, sample->frame_count);
	if (tally->pid && sample->pid != tally->pid) {
		tally->of_others++;
		return;
	}
	tally->of_pid++;
	tally->complete += sample->head.walk == PLAIT_WALK_COMPLETE;
	tally->too_deep += sample->head.walk == PLAIT_WALK_TOO_DEEP;
	tally->without_runtime += sample->head.walk == PLAIT_WALK_NO_RUNTIME;
	tally->chunked += sample->piece_count > 1;
	if (sample->frame_count > tally->most_frames)
		tally->most_frames = sample->frame_count;
	for (size_t i = 0; i < sample->frame_count; i++) {
		const struct plait_wire_frame *frame = &sample->frames[i];
		tally->unnamed += frame->kind == PLAIT_PYTHON_FRAME &&
				  !plait_map_get(&tally->codes, code_key(sample->header.pid, frame->code));
	}
}

/* Samples the target for `ms` and tallies. */
static struct ring_counts tally_target(const struct plait_sampler *sampler, pid_t pid, long ms, struct tally *tally)
{
	struct rings rings;
	open_rings(&rings, sampler, pid);
	sample_for(&rings, ms);
	struct ring_counts counts = rings_drain(&rings, RING_SIZE, tally_sample, tally_code, tally);
	rings_close(&rings, RING_SIZE);
	return counts;
}

/* Starts `script` with the newest interpreter, `least` (PY_VERSION_HEX >> 16) or newer, and hands it to the sampler. */
static void start_newest(struct plait_sampler *sampler, struct python_target *ret, uint32_t least, const char *script)
{
	struct pythons pythons = pythons_find();
	bool found = false;
	for (size_t i = 0; i < pythons.count; i++) {
		struct python_target target;
		if (!start(&target, pythons.path[i], script))
			continue;
		uint32_t version = plait_python_binary_version(target.binary);
		if (version >> 16 >= least && (!found || version > plait_python_binary_version(ret->binary))) {
			if (found)
				target_stop(ret);
			*ret = target;
			found = true;
		} else {
			target_stop(&target);
		}
	}
	pythons_free(&pythons);
	if (!found) {
		print_message("no interpreter of the version that the test needs\n");
		plait_sampler_close(sampler);
		skip();
	}
	assert_null(plait_sampler_add_runtime(sampler, &ret->runtime));
}

static void deep_chains_take_several_stages(void **state)
{
	(void)state;
	struct plait_sampler *sampler = open_sampler(&(struct plait_sampler_options) { 0 });
	struct python_target target;
	start_newest(sampler, &target, 0x30b,
		     "import os, sys\n"
		     "sys.setrecursionlimit(100000)\n"
		     "def dive(n):\n"
		     "    if n:\n"
		     "        return dive(n - 1)\n"
		     "    os.write(1, b'ready')\n"
		     "    while True: pass\n"
		     "dive(2500)\n");
	struct tally tally = { .pid = 0 };
	tally_target(sampler, target.pid, 300, &tally);
	assert_true(tally.of_pid > 5);
	assert_int_equal(tally.complete, tally.of_pid);
	assert_in_range(tally.most_frames, 2502, 2503); /* and a shim */
	assert_int_equal(tally.unnamed, 0);
	plait_map_release(&tally.codes);
	target_stop(&target);

	start_newest(sampler, &target, 0x30b,
		     "import os, sys\n"
		     "sys.setrecursionlimit(100000)\n"
		     "def dive(n):\n"
		     "    if n:\n"
		     "        return dive(n - 1)\n"
		     "    os.write(1, b'ready')\n"
		     "    while True: pass\n"
		     "dive(30000)\n");
	tally = (struct tally) { .pid = 0 };
	tally_target(sampler, target.pid, 300, &tally);
	assert_true(tally.of_pid > 5);
	assert_int_equal(tally.too_deep, tally.of_pid);
	assert_in_range(tally.most_frames, 2800, 29999); /* 30 chunks: of 96 frames before Linux 5.17 */
	print_message("  cut at %zu frames\n", tally.most_frames);
	plait_map_release(&tally.codes);
	target_stop(&target);
	plait_sampler_close(sampler);
}

/* Of a stack whose outer part does not change: is what was copied of it what the process has there? */
struct outer {
	const struct python_target *target;
	size_t checked, chunked;
};

/* sorted() has variables of 4 KiB that it may never touch: then a page of them is not there. */
static void check_hole(const struct outer *outer, uint64_t from, uint64_t to)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/pagemap", outer->target->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(from <= to && from % PAGE == 0 && to % PAGE == 0);
	for (; from < to; from += PAGE) {
		uint64_t entry;
		assert_int_equal(pread(fd, &entry, sizeof(entry), (off_t)(from / PAGE * sizeof(entry))), sizeof(entry));
		assert_int_equal(entry >> 63, 0); /* present: Documentation/admin-guide/mm/pagemap.rst */
	}
	close(fd);
}

static void check_outer(void *context, const struct ring_sample *sample)
{
	struct outer *outer = context;
	static uint8_t live[65536];
	if (sample->piece_count > 1)
		outer->chunked++;
	assert_true(sample->head.stack_whole);
	for (size_t i = 1; i < sample->piece_count; i++) {
		assert_true(sample->pieces[i].size <= sizeof(live));
		uint64_t end = sample->pieces[i - 1].address + sample->pieces[i - 1].size;
		if (sample->pieces[i].address != end)
			check_hole(outer, end, sample->pieces[i].address);
		assert_true(plait_memory_read(&outer->target->memory, sample->pieces[i].address, live,
					      sample->pieces[i].size));
		assert_memory_equal(live, sample->pieces[i].data, sample->pieces[i].size);
		outer->checked++;
	}
}

static void a_stack_of_many_chunks_is_whole(void **state)
{
	(void)state;
	struct plait_sampler *sampler = open_sampler(&(struct plait_sampler_options) { 0 });
	struct python_target target;
	start_newest(sampler, &target, 0x308,
		     "import os\n"
		     "def dive(n):\n"
		     "    if n:\n"
		     "        return sorted([n], key=lambda x: dive(n - 1))\n"
		     "    os.write(1, b'ready')\n"
		     "    while True: pass\n"
		     "dive(60)\n");
	struct rings rings;
	struct outer outer = { .target = &target };
	open_rings(&rings, sampler, target.pid);
	sample_for(&rings, 30); /* 300 KB each */
	kill(target.pid, SIGSTOP);
	struct ring_counts counts = rings_drain(&rings, RING_SIZE, check_outer, NULL, &outer);
	print_message("  %zu samples, %zu pieces compared\n", counts.samples, outer.checked);
	assert_true(counts.samples > 3);
	assert_int_equal(outer.chunked, counts.samples);
	assert_int_equal(counts.orphans, 0);
	rings_close(&rings, RING_SIZE);
	target_stop(&target);
	plait_sampler_close(sampler);
}

static void a_stack_is_cut_at_the_size_asked_for(void **state)
{
	(void)state;
	struct plait_sampler *sampler = open_sampler(&(struct plait_sampler_options) { .stack_size = 1000 });
	struct python_target target;
	start_newest(sampler, &target, 0x308, SPINNING);
	struct rings rings;
	open_rings(&rings, sampler, target.pid);
	struct tally tally = { .pid = 0 };
	sample_for(&rings, 100);
	struct ring_counts counts = rings_drain(&rings, RING_SIZE, tally_sample, tally_code, &tally);
	assert_true(counts.samples > 3);
	assert_int_equal(tally.complete, counts.samples); /* the frames do not depend on it */
	assert_int_equal(tally.chunked, 0);
	rings_close(&rings, RING_SIZE);
	plait_map_release(&tally.codes);
	target_stop(&target);
	plait_sampler_close(sampler);
}

/* What samples of the kernel's say that come all the same: that the hit was in the kernel. */
struct modes {
	struct tally tally;
	size_t of_kernel;
	uint64_t period;
};

static void note_mode(void *context, const struct ring_sample *sample)
{
	struct modes *modes = context;
	tally_sample(&modes->tally, sample);
	assert_int_equal(sample->register_count, __builtin_popcountll(plait_source_arch.register_mask));
	assert_int_equal(sample->head.sp, sample->registers[plait_source_arch.dwarf_sp]);
	if (sample->kernel_register_count)
		modes->of_kernel++;
	else
		assert_in_range(sample->head.period, 1, 1000000000);
	modes->period += sample->head.period;
}

static void note_code(void *context, const struct plait_wire_code *code)
{
	struct modes *modes = context;
	tally_code(&modes->tally, code);
}

/* ns. */
static uint64_t cpu_time(pid_t pid)
{
	clockid_t clock;
	struct timespec time = { 0 };
	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &time), 0);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* In user mode the program writes all that there is, and the kernel nothing. */
static void samples_of_the_only_event_need_no_record_of_the_kernel(void **state)
{
	(void)state;
	struct plait_sampler *sampler = open_sampler(&(struct plait_sampler_options) { .sole = true });
	struct python_target target;
	start_newest(sampler, &target, 0x308, SPINNING);
	struct rings rings;
	open_rings(&rings, sampler, target.pid);
	struct modes modes = { .of_kernel = 0 };
	uint64_t before = cpu_time(target.pid);
	sample_for(&rings, 400);
	uint64_t time = cpu_time(target.pid) - before;
	struct ring_counts counts = rings_drain(&rings, RING_SIZE, note_mode, note_code, &modes);
	struct plait_sampler_runs total;
	assert_null(plait_sampler_count(sampler, &total));
	print_message("  %zu samples, %zu of the kernel; periods of %lu ms in %lu ms of CPU time\n", counts.samples,
		      modes.of_kernel, (unsigned long)modes.period / 1000000, (unsigned long)time / 1000000);
	assert_true(counts.own > 20);
	assert_int_equal(counts.own + modes.of_kernel, counts.samples);
	assert_true(modes.of_kernel * 2 < counts.samples);
	assert_int_equal(counts.orphans, 0);
	assert_int_equal(total.sampled, counts.samples);
	assert_int_equal(modes.tally.complete, counts.samples);
	assert_int_equal(modes.tally.unnamed, 0);
	assert_in_range(modes.period, time / 4,
			time * 2); /* the clock's ticks may be late, and periods are guessed at first */
	rings_close(&rings, RING_SIZE);
	plait_map_release(&modes.tally.codes);
	target_stop(&target);
	plait_sampler_close(sampler);
}

static void a_full_ring_loses_whole_samples_and_counts_them(void **state)
{
	(void)state;
	struct plait_sampler *sampler = open_sampler(&(struct plait_sampler_options) { 0 });
	struct python_target target;
	start_newest(sampler, &target, 0x308, SPINNING);
	struct rings rings;
	struct tally tally = { .pid = 0 };
	const uint32_t small = 1u << 18;
	int err = rings_open(&rings, sampler, target.pid, FREQUENCY, small);
	assert_int_equal(err, 0);
	sample_for(&rings, 300);
	struct ring_counts counts = rings_drain(&rings, small, tally_sample, tally_code, &tally);
	struct plait_sampler_runs total;
	assert_null(plait_sampler_count(sampler, &total));
	uint64_t runs = total.sampled, dropped = total.dropped;
	print_message("  %zu samples of %lu runs, %lu dropped\n", counts.samples, (unsigned long)runs,
		      (unsigned long)dropped);
	assert_true(counts.samples > 0 && dropped > 0);
	/* What is neither was written by the program, but then the kernel had no room for its own sample. */
	assert_true(counts.samples + dropped <= runs);
	assert_int_equal(tally.complete, counts.samples);
	assert_int_equal(tally.unnamed, 0);
	plait_map_release(&tally.codes);

	/* The names that did not get through are sent again. */
	tally = (struct tally) { .pid = 0 };
	counts.samples = 0;
	for (int tries = 0; !counts.samples && tries < 50;
	     tries++) { /* a busy machine may not run the program at once */
		sample_for(&rings, 20);
		counts = rings_drain(&rings, small, tally_sample, tally_code, &tally);
	}
	assert_true(counts.samples > 0);
	rings_close(&rings, small);
	plait_map_release(&tally.codes);
	target_stop(&target);
	plait_sampler_close(sampler);
}

static void a_forked_child_inherits_until_it_execs(void **state)
{
	(void)state;
	struct plait_sampler *sampler = open_sampler(&(struct plait_sampler_options) { 0 });
	struct python_target target;
	/* When told to, the program forks a child that spins, and one that becomes a shell. */
	start_newest(sampler, &target, 0x308,
		     "import os, sys\n"
		     "def spin():\n"
		     "    while os.getppid(): pass\n"
		     "os.write(1, b'ready')\n"
		     "os.read(0, 1)\n"
		     "if os.fork() == 0:\n"
		     "    spin()\n"
		     "if os.fork() == 0:\n"
		     "    os.execv('/bin/sh', ['sh', '-c', 'while :; do :; done'])\n"
		     "os.read(0, 1)\n");
	struct rings rings;
	struct tally tally = { .pid = 0 };
	open_rings(&rings, sampler, target.pid);
	rings_enable(&rings, true);
	assert_int_equal(write(target.to, "x", 1), 1);
	sleep_ms(500);
	kill(target.pid, SIGSTOP);
	rings_enable(&rings, false);
	struct ring_counts counts = rings_drain(&rings, RING_SIZE, tally_sample, tally_code, &tally);
	print_message("  %zu samples, %zu complete, %zu without a runtime\n", counts.samples, tally.complete,
		      tally.without_runtime);
	assert_true(tally.complete > 5);
	assert_true(tally.without_runtime > 5);
	assert_int_equal(tally.unnamed, 0);
	rings_close(&rings, RING_SIZE);
	plait_map_release(&tally.codes);
	char kill_children[64];
	snprintf(kill_children, sizeof(kill_children), "/proc/%d/task/%d/children", (int)target.pid, (int)target.pid);
	FILE *children = fopen(kill_children, "re");
	int child;
	while (children && fscanf(children, "%d", &child) == 1)
		kill(child, SIGKILL);
	if (children)
		fclose(children);
	target_stop(&target);
	plait_sampler_close(sampler);
}

static void the_filter_lets_watched_families_through(void **state)
{
	(void)state;
	struct plait_sampler *sampler = open_sampler(&(struct plait_sampler_options) { .filter = true });
	struct python_target watched, other;
	start_newest(sampler, &other, 0x308, SPINNING);
	start_newest(sampler, &watched, 0x308, SPINNING);
	assert_null(plait_sampler_watch(sampler, (uint32_t)watched.pid, false));
	struct tally tally = { .pid = (uint32_t)watched.pid };
	tally_target(sampler, -1, 400, &tally);
	print_message("  %zu of the watched process, %zu of others\n", tally.of_pid, tally.of_others);
	assert_true(tally.of_pid > 5);
	assert_int_equal(tally.of_others, 0);
	assert_int_equal(tally.complete, tally.of_pid);
	plait_map_release(&tally.codes);

	/* All of this process's children, by way of their parent. */
	plait_sampler_unwatch(sampler, (uint32_t)watched.pid);
	assert_null(plait_sampler_watch(sampler, (uint32_t)getpid(), false));
	tally = (struct tally) { .pid = (uint32_t)other.pid };
	tally_target(sampler, -1, 400, &tally);
	assert_true(tally.of_pid > 5);
	assert_true(tally.of_others > 5);
	assert_int_equal(tally.complete, tally.of_pid);
	plait_map_release(&tally.codes);
	target_stop(&watched);
	target_stop(&other);
	plait_sampler_close(sampler);
}

/* Looks for the code objects of a program with unusual ones. */
struct odd {
	const struct python_target *target;
	size_t wide, long_name, long_table, short_lived;
};

static void on_odd_code(void *context, const struct plait_wire_code *code)
{
	struct odd *odd = context;
	if (code->name.kind == 2) {
		assert_false(code->name.ascii);
		assert_int_equal(code->name.length, 3);
		assert_int_equal(code->name.size, 6);
		assert_memory_equal(code->name.text, "\x16\x04\x16\x04\xac\x20", 6);
		odd->wide++;
	}
	if (code->name.length == 700) {
		assert_int_equal(code->name.size, PLAIT_WIRE_STRING_MAX);
		assert_int_equal(code->name.text[PLAIT_WIRE_STRING_MAX - 1], 'n');
		assert_int_not_equal(code->name.object, 0);
		odd->long_name++;
	}
	if (code->table_total > PLAIT_WIRE_TABLE_MAX) {
		assert_int_equal(code->table_size, PLAIT_WIRE_TABLE_MAX);
		odd->long_table++;
	}
	odd->short_lived += code->name.length == 10 && memcmp(code->name.text, "short_life", 10) == 0;
}

static void ignore_sample(void *context, const struct ring_sample *sample)
{
	(void)context;
	(void)sample;
}

static void odd_code_objects_are_copied_within_bounds(void **state)
{
	(void)state;
	struct plait_sampler *sampler = open_sampler(&(struct plait_sampler_options) { 0 });
	struct python_target target;
	start_newest(sampler, &target, 0x308,
		     "import os\n"
		     "def spin(n):\n"
		     "    for i in range(n): pass\n"
		     "names = {'spin': spin}\n"
		     "exec('def \\u0416\\u0416\\u0416(): spin(3000)', names)\n"
		     "wide = names['\\u0416\\u0416\\u0416']\n"
		     "wide.__code__ = wide.__code__.replace(co_name='\\u0416\\u0416\\u20ac')\n"
		     "exec('def ' + 'n' * 700 + '(): spin(3000)', names)\n"
		     "exec('def long():\\n' + '  x = (1,\\n 2)\\n' * 6000 + '  spin(3000)\\n', names)\n"
		     "os.write(1, b'ready')\n"
		     "i = 0\n"
		     "while True:\n"
		     "    wide(); names['n' * 700](); names['long']()\n"
		     "    i += 1\n" /* another line: up to 3.11 the object is else the same as the one before it */
		     "    exec('\\n' * (i % 50) + 'def short_life(): spin(5000)\\nshort_life()', names)\n");
	struct rings rings;
	struct odd odd = { .target = &target };
	open_rings(&rings, sampler, target.pid);
	sample_for(&rings, 1000);
	rings_drain(&rings, RING_SIZE, ignore_sample, on_odd_code, &odd);
	print_message("  %zu short-lived code objects\n", odd.short_lived);
	assert_int_equal(odd.wide, 1);
	assert_int_equal(odd.long_name, 1);
	assert_int_equal(odd.long_table, 1);
	assert_true(odd.short_lived >= 3);
	rings_close(&rings, RING_SIZE);
	target_stop(&target);
	plait_sampler_close(sampler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_paired_and_whole_with_every_interpreter),
		cmocka_unit_test(deep_chains_take_several_stages),
		cmocka_unit_test(a_stack_of_many_chunks_is_whole),
		cmocka_unit_test(a_stack_is_cut_at_the_size_asked_for),
		cmocka_unit_test(samples_of_the_only_event_need_no_record_of_the_kernel),
		cmocka_unit_test(a_full_ring_loses_whole_samples_and_counts_them),
		cmocka_unit_test(a_forked_child_inherits_until_it_execs),
		cmocka_unit_test(the_filter_lets_watched_families_through),
		cmocka_unit_test(odd_code_objects_are_copied_within_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
