/* links: plait_perf plait_python_unwind */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <cmocka.h>

#include "perf/ptrace/arch.h"
#include "python_target.h"
#include "python_unwind/outside/walk_process.h"

#define MAX 4000

/* Sits in `leaf` under two calls through C: the evaluator is entered three times. */
#define NESTED                                                                                                         \
	"import sys, os\n"                                                                                             \
	"def leaf(x):\n"                                                                                               \
	"    os.write(1, b'ready')\n"                                                                                  \
	"    os.read(0, 1)\n"                                                                                          \
	"def key(x):\n"                                                                                                \
	"    leaf(x)\n"                                                                                                \
	"    return x\n"                                                                                               \
	"def inner():\n"                                                                                               \
	"    return sorted([1], key=key)\n"                                                                            \
	"def mapped(x):\n"                                                                                             \
	"    return inner()\n"                                                                                         \
	"def outer():\n"                                                                                               \
	"    return list(map(mapped, [1]))\n"

static const char *const nested_names[] = { "leaf", "key", "inner", "mapped", "outer" };

struct walked {
	struct plait_python_frame frames[MAX];
	struct plait_python_chain chain;
};

/* Walks the thread `tid` of the target, which is held meanwhile. */
static void walk_thread(const struct python_target *target, pid_t tid, struct walked *ret)
{
	struct plait_registers registers;
	uint64_t tp;
	bool in_call;
	assert_int_equal(ptrace(PTRACE_SEIZE, tid, 0, 0), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, tid, 0, 0), 0);
	assert_int_equal(waitpid(tid, NULL, __WALL), tid);
	assert_true(plait_ptrace_registers(tid, &registers, &tp, &in_call));
	plait_python_walk(&target->plan, &target->memory, tp, ret->frames, MAX, &ret->chain);
	/* Anchors lie on the stack, above the innermost native frame. */
	for (size_t i = 0; i < ret->chain.count; i++) {
		if (ret->frames[i].anchor)
			assert_true(ret->frames[i].anchor > registers.value[plait_ptrace_sp]);
	}
	assert_int_equal(ptrace(PTRACE_DETACH, tid, 0, 0), 0);
}

static void print_chain(const struct python_target *target, const struct walked *walked)
{
	for (size_t i = 0; i < walked->chain.count; i++) {
		const struct plait_python_frame *frame = &walked->frames[i];
		char name[64] = "|";
		if (frame->kind == PLAIT_PYTHON_FRAME)
			target_code_name(target, frame->code, name, sizeof(name));
		print_message("    %s lasti %d anchor %llx\n", name, frame->lasti, (unsigned long long)frame->anchor);
	}
}

/* The names of the Python frames, innermost first, are `names`, then whatever. Returns the number of anchors among
 * them and checks that they ascend. */
static size_t check_names(const struct python_target *target, const struct walked *walked, const char *const *names,
			  size_t count)
{
	size_t seen = 0, anchors = 0;
	uint64_t last = 0;
	for (size_t i = 0; i < walked->chain.count && seen < count; i++) {
		const struct plait_python_frame *frame = &walked->frames[i];
		if (frame->anchor) {
			assert_true(frame->anchor > last);
			last = frame->anchor;
			anchors++;
		}
		if (frame->kind == PLAIT_PYTHON_ENTRY)
			continue;
		char name[64];
		target_code_name(target, frame->code, name, sizeof(name));
		if (strcmp(name, names[seen]) != 0)
			print_chain(target, walked);
		assert_string_equal(name, names[seen]);
		assert_true(frame->lasti >= 0);
		assert_int_not_equal(frame->fingerprint, 0);
		seen++;
	}
	assert_int_equal(seen, count);
	return anchors;
}

/* Runs `check` with every interpreter of the host whose layout is known. */
static void with_each_python(const char *script, void (*check)(const struct python_target *))
{
	struct pythons pythons = pythons_find();
	size_t checked = 0;
	for (size_t i = 0; i < pythons.count; i++) {
		struct python_target target;
		if (target_start(&target, pythons.path[i], NULL, script) && target_find_runtime(&target)) {
			print_message("  %s\n", plait_python_binary_description(target.binary));
			target_wait_asleep(&target);
			check(&target);
			checked++;
		}
		target_stop(&target);
	}
	pythons_free(&pythons);
	if (!checked) {
		print_message("no CPython 3.8 or newer found: nothing to walk\n");
		skip();
	}
}

static void check_nested(const struct python_target *target)
{
	static struct walked walked;
	walk_thread(target, target->pid, &walked);
	assert_int_equal(walked.chain.status, PLAIT_WALK_COMPLETE);
	const char *const names[] = { "leaf", "key", "inner", "mapped", "outer", "<module>" };
	size_t anchors = check_names(target, &walked, names, 6);
	uint32_t version = plait_python_binary_version(target->binary) >> 16;
	assert_int_equal(walked.chain.per_frame, version <= 0x30a);
	/* Up to and with <module>: 3.12's last shim comes after it. */
	assert_int_equal(anchors, version <= 0x309 ? 0 : version == 0x30a ? 6 : version == 0x30b ? 3 : 2);
	const struct plait_python_frame *last = &walked.frames[walked.chain.count - 1];
	if (version >= 0x30c)
		assert_int_equal(last->kind, PLAIT_PYTHON_ENTRY);
	else
		assert_int_equal(walked.chain.count, 6);
}

static void every_interpreter_is_walked_through_c_calls(void **state)
{
	(void)state;
	with_each_python(NESTED "outer()\n", check_nested);
}

static void check_thread(const struct python_target *target)
{
	/* The other thread is the one that is not the process's own. */
	char pattern[64];
	glob_t tasks;
	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*", (int)target->pid);
	assert_int_equal(glob(pattern, 0, NULL, &tasks), 0);
	assert_int_equal(tasks.gl_pathc, 2);
	static struct walked walked;
	for (size_t i = 0; i < tasks.gl_pathc; i++) {
		pid_t tid = atoi(strrchr(tasks.gl_pathv[i], '/') + 1);
		walk_thread(target, tid, &walked);
		assert_int_equal(walked.chain.status, PLAIT_WALK_COMPLETE);
		if (tid != target->pid) {
			check_names(target, &walked, nested_names, 5);
		} else {
			/* Innermost is lock.acquire(), which is no Python frame. */
			const char *const module[] = { "waits", "<module>" };
			check_names(target, &walked, module, 2);
		}
	}
	globfree(&tasks);
}

static void threads_are_told_apart(void **state)
{
	(void)state;
	with_each_python(NESTED "import _thread\n"
				"lock = _thread.allocate_lock()\n"
				"lock.acquire()\n"
				"def waits():\n"
				"    lock.acquire()\n"
				"_thread.start_new_thread(outer, ())\n"
				"waits()\n",
			 check_thread);
}

static void check_deep(const struct python_target *target)
{
	static struct walked walked;
	walk_thread(target, target->pid, &walked);
	assert_int_equal(walked.chain.status, PLAIT_WALK_COMPLETE);
	size_t deep = 0;
	for (size_t i = 0; i < walked.chain.count; i++)
		deep += walked.frames[i].kind == PLAIT_PYTHON_FRAME;
	assert_int_equal(deep, 902); /* 901 of dive, <module> */

	struct plait_python_frame few[100];
	struct plait_python_chain chain;
	struct plait_registers registers;
	uint64_t tp;
	bool in_call;
	assert_int_equal(ptrace(PTRACE_SEIZE, target->pid, 0, 0), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, target->pid, 0, 0), 0);
	assert_int_equal(waitpid(target->pid, NULL, __WALL), target->pid);
	assert_true(plait_ptrace_registers(target->pid, &registers, &tp, &in_call));
	plait_python_walk(&target->plan, &target->memory, tp, few, 100, &chain);
	assert_int_equal(ptrace(PTRACE_DETACH, target->pid, 0, 0), 0);
	assert_int_equal(chain.status, PLAIT_WALK_TOO_DEEP);
	assert_int_equal(chain.count, 100);
	assert_memory_equal(few, walked.frames, sizeof(few));
}

static void deep_recursion_is_whole_or_said_to_be_cut(void **state)
{
	(void)state;
	with_each_python("import os\n"
			 "def dive(n):\n"
			 "    if n:\n"
			 "        return dive(n - 1)\n"
			 "    os.write(1, b'ready')\n"
			 "    os.read(0, 1)\n"
			 "dive(900)\n",
			 check_deep);
}

static void check_generators(const struct python_target *target)
{
	static struct walked walked;
	walk_thread(target, target->pid, &walked);
	assert_int_equal(walked.chain.status, PLAIT_WALK_COMPLETE);
	/* C.__init__ is inlined with a clean-up frame of the interpreter's own (3.13+), which is not shown. */
	const char *const names[] = { "leaf", "__init__", "make", "generator", "delegates", "coroutine", "<module>" };
	check_names(target, &walked, names, 7);
}

static void generators_coroutines_and_init_are_in_the_chain(void **state)
{
	(void)state;
	with_each_python("import os\n"
			 "def leaf():\n"
			 "    os.write(1, b'ready')\n"
			 "    os.read(0, 1)\n"
			 "class C:\n"
			 "    def __init__(self, sit):\n"
			 "        if sit:\n"
			 "            leaf()\n"
			 "def make(sit):\n"
			 "    return C(sit)\n"
			 "for i in range(1000):\n" /* until it is specialized */
			 "    make(False)\n"
			 "def generator():\n"
			 "    yield make(True)\n"
			 "def delegates():\n"
			 "    yield from generator()\n"
			 "async def coroutine():\n"
			 "    for x in delegates():\n"
			 "        pass\n"
			 "try:\n"
			 "    coroutine().send(None)\n"
			 "except StopIteration:\n"
			 "    pass\n",
			 check_generators);
}

static void check_sub_interpreter(const struct python_target *target)
{
	static struct walked walked;
	walk_thread(target, target->pid, &walked);
	assert_int_equal(walked.chain.status, PLAIT_WALK_COMPLETE);
	const char *const names[] = { "inner", "<module>", "calls", "outer", "<module>" };
	check_names(target, &walked, names, 5);
}

static void frames_below_a_sub_interpreter_are_seen(void **state)
{
	(void)state;
	with_each_python("try:\n"
			 "    import _interpreters as interpreters\n"
			 "    run = interpreters.exec\n"
			 "except ImportError:\n"
			 "    import _xxsubinterpreters as interpreters\n"
			 "    run = interpreters.run_string\n"
			 "def calls():\n"
			 "    run(interpreters.create(), 'import os\\n'\n"
			 "        'def inner():\\n'\n"
			 "        '    os.write(1, b\"ready\")\\n'\n"
			 "        '    while True: pass\\n'\n"
			 "        'inner()\\n')\n"
			 "def outer():\n"
			 "    calls()\n"
			 "outer()\n",
			 check_sub_interpreter);
}

static void check_no_thread_state(const struct python_target *target)
{
	static struct walked walked;
	plait_python_walk(&target->plan, &target->memory, 0, walked.frames, MAX, &walked.chain);
	assert_int_equal(walked.chain.status, PLAIT_WALK_NO_THREAD);
	assert_int_equal(walked.chain.count, 0);
	/* A thread pointer that points to memory, but not to a thread. */
	plait_python_walk(&target->plan, &target->memory, target->plan.runtime, walked.frames, MAX, &walked.chain);
	assert_int_equal(walked.chain.status, PLAIT_WALK_NO_THREAD);
}

static void a_thread_without_python_is_said_to_have_none(void **state)
{
	(void)state;
	with_each_python(NESTED "outer()\n", check_no_thread_state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_interpreter_is_walked_through_c_calls),
		cmocka_unit_test(threads_are_told_apart),
		cmocka_unit_test(deep_recursion_is_whole_or_said_to_be_cut),
		cmocka_unit_test(generators_coroutines_and_init_are_in_the_chain),
		cmocka_unit_test(frames_below_a_sub_interpreter_are_seen),
		cmocka_unit_test(a_thread_without_python_is_said_to_have_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
