/* links: plait_perf */
/*
 * The unwinder against libdw's own, frame by frame, on the same stack copies: thousands of random interruptions of a
 * mixed load in this process, and a child single-stepped through calls.
 */
#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <cmocka.h>

#include "test_unwind_support.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define NOINLINE __attribute__((noinline, noclone))
#define MOMENTS 64

static struct maps maps;
static struct oracle oracle;
static struct moment *moments;
static volatile sig_atomic_t moment_count;
static volatile uint64_t sink;

/* --- The load --- */

static int compare_ints(const void *left, const void *right)
{
	int a = *(const int *)left, b = *(const int *)right;
	sink += (uint64_t)snprintf((char[16]) { 0 }, 16, "%d", a);
	return (a > b) - (a < b);
}

NOINLINE static void sort_something(int seed)
{
	int values[200];
	for (int i = 0; i < 200; i++)
		values[i] = (int)((unsigned)(i * 7919 + seed) % 1000);
	qsort(values, 200, sizeof(values[0]), compare_ints);
	sink += (uint64_t)values[100];
}

NOINLINE static void print_something(int seed)
{
	char text[400];
	for (int i = 0; i < 20; i++)
		sink += (uint64_t)snprintf(text, sizeof(text), "%s %d %.17g %Lf", "text", i, seed / 7.0,
					   1.0L / (i + 1));
}

typedef int (*recursor)(int depth, void *next);

NOINLINE static int recurse(int depth, void *next)
{
	recursor volatile self = (recursor)next;
	if (depth <= 0)
		return (int)sink;
	int below = self(depth - 1, next);
	sink += (uint64_t)below;
	return below + 1;
}

NOINLINE static void use_alloca(int seed)
{
	for (int i = 1; i < 50; i++) {
		size_t size = (size_t)(i * 64 + seed % 37);
		char *text = alloca(size);
		memset(text, i, size);
		sink += (uint64_t)text[i];
	}
}

NOINLINE static void use_big_frame(int seed)
{
	volatile char big[64 * 1024];
	for (size_t i = 0; i < sizeof(big); i += 61)
		big[i] = (char)(seed + (int)i);
	sink += (uint64_t)big[seed % 1000];
	print_something(seed);
}

/* Aligned locals make the compiler realign the stack. */
NOINLINE static void use_aligned(int seed)
{
	_Alignas(128) volatile double values[32] = { 0 };
	for (int i = 0; i < 2000; i++)
		values[i % 32] = values[(i + 7) % 32] * 0.5 + seed;
	sink += (uint64_t)values[5];
}

NOINLINE static void use_kernel(void)
{
	struct timespec now;
	for (int i = 0; i < 30; i++)
		clock_gettime(CLOCK_MONOTONIC, &now);
	sink += (uint64_t)getppid();
}

NOINLINE static void use_loader(void)
{
	void *library = dlopen("libc.so.6", RTLD_LAZY | RTLD_LOCAL);
	sink += (uint64_t)dlsym(library, "gcvt");
	dlclose(library);
}

static void on_user_signal(int number)
{
	(void)number;
	for (int i = 0; i < 3; i++)
		print_something(i);
}

NOINLINE static void run_load(int round)
{
	sort_something(round);
	print_something(round);
	recurse(5 + round % 300, (void *)recurse);
	use_alloca(round);
	use_big_frame(round);
	use_aligned(round);
	use_kernel();
	raise(SIGUSR1);
	use_loader();
}

/* --- Random interruptions --- */

static void on_timer(int number, siginfo_t *info, void *context)
{
	(void)number, (void)info;
	int saved = errno;
	if (moment_count < MOMENTS) {
		struct moment *moment = &moments[moment_count];
		moment_from_context(moment, context);
		if (moment_copy_stack(moment, getpid(), maps.stack_end))
			moment_count++;
	}
	errno = saved;
}

/* How a moment compares. */
enum verdict { SAME, OURS_LONGER, DIFFERENT, BEYOND };

/* Where libdw errs on this architecture: behind a frame of the vdso, which has no CFI (a signal's among them), or of
 * the dynamic linker's resolver, whose CFI does not count what the procedure linkage table pushed. */
static bool is_beyond_oracle(const struct plait_native_stack *ours, size_t frame)
{
	for (size_t i = 0; TEST_ORACLE_ERRS && i < frame; i++) {
		uint32_t module = ours->frames[i].module;
		const char *path = module < maps.image_count ? maps.images[module].path : "";
		if (strcmp(path, "[vdso]") == 0 || strstr(path, "/ld-linux"))
			return ours->end == PLAIT_UNWIND_COMPLETE;
	}
	return false;
}

/* libdw stops where it has no CFI; what it has must be ours too. The last frame's sp may differ where libdw guessed by
 * a frame pointer: its guesses are no oracle, so a stack with derived frames counts as longer when it is complete. */
static enum verdict compare_with_libdw(const struct plait_native_stack *ours)
{
	for (size_t i = 0; i < oracle.count; i++) {
		const struct oracle_frame *frame = &oracle.frames[i];
		if (i == ours->count)
			return is_beyond_oracle(ours, i) ? BEYOND : DIFFERENT;
		const struct plait_native_frame *own = &ours->frames[i];
		if ((own->pc != frame->pc || own->sp != frame->sp) && is_beyond_oracle(ours, i))
			return BEYOND;
		if (own->pc != frame->pc || own->sp != frame->sp)
			return i && ours->frames[i - 1].flags & PLAIT_NATIVE_DERIVED &&
					       ours->end == PLAIT_UNWIND_COMPLETE
				       ? OURS_LONGER
				       : DIFFERENT;
		if (i && ours->frames[i - 1].cfa != frame->sp)
			return DIFFERENT;
		if (frame->exact && !(own->flags & PLAIT_NATIVE_EXACT_PC))
			return DIFFERENT;
	}
	return ours->count == oracle.count ? SAME : OURS_LONGER;
}

static void random_interruptions_unwind_as_libdw_does(void **state)
{
	struct plait_unwinder *unwinder = *state;
	struct sigaction action = { .sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigaction user = { .sa_handler = on_user_signal };
	sigaction(SIGPROF, &action, NULL);
	sigaction(SIGUSR1, &user, NULL);
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF };
	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	timer_t timer;
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);

	size_t same = 0, longer = 0, different = 0, beyond = 0, complete = 0, total = 0;
	for (int round = 0; total < 3000 && round < 4000; round++) {
		struct itimerspec interval = { .it_interval.tv_nsec = 60000 + round * 37 % 9000,
					       .it_value.tv_nsec = 50000 };
		moment_count = 0;
		timer_settime(timer, 0, &interval, NULL);
		run_load(round);
		timer_settime(timer, 0, &(struct itimerspec) { 0 }, NULL);
		for (int i = 0; i < moment_count; i++) {
			struct plait_native_stack ours;
			moment_unwind(unwinder, &maps, &moments[i], NULL, 0, &ours);
			oracle_unwind(&oracle, &moments[i]);
			enum verdict verdict = compare_with_libdw(&ours);
			if (verdict == DIFFERENT || ours.end != PLAIT_UNWIND_COMPLETE)
				print_stacks(&ours, &oracle, &maps);
			same += verdict == SAME;
			longer += verdict == OURS_LONGER;
			different += verdict == DIFFERENT;
			beyond += verdict == BEYOND;
			complete += ours.end == PLAIT_UNWIND_COMPLETE;
			total++;
		}
	}
	timer_delete(timer);
	struct plait_unwind_statistics statistics = plait_unwinder_statistics(unwinder);
	print_message("%zu stacks: %zu as libdw, %zu longer than libdw's, %zu where it errs; %lu steps, %lu from the "
		      "cache, rules: %lu "
		      "from tables, %lu from prologues\n",
		      total, same, longer, beyond, statistics.steps, statistics.cache_hits, statistics.rules_from_table,
		      statistics.rules_from_prologue);
	assert_true(total >= 1000);
	assert_int_equal(different, 0);
	assert_int_equal(complete, total);
	assert_true(longer * (TEST_ORACLE_ERRS ? 20 : 50) <= total); /* it has no rule for the vdso on aarch64 */
	assert_true(beyond * 2 <= total);
}

/* --- Single steps --- */

NOINLINE static void stepped_load(void)
{
	/* Nothing has called these yet: with lazy binding each passes the PLT and the dynamic linker's resolver. */
	char text[64];
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	sink += (uint64_t)gcvt(1.5, 5, text)[0];
	sink += (uint64_t)strverscmp("a1", "a2");
	sink += (uint64_t)rand_r((unsigned[1]) { 1 });
	int values[5] = { 5, 2, 3, 1, 4 };
	qsort(values, 5, sizeof(values[0]), compare_ints);
	recurse(2, (void *)recurse);
	use_alloca(3);
	raise(SIGUSR1);
	sink += (uint64_t)getppid();
}

/* The child: stops, runs the load, ends. */
NOINLINE static void stepped_child(void)
{
	signal(SIGUSR1, SIG_IGN);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(3);
	raise(SIGSTOP);
	stepped_load();
	_exit(0);
}

/* Do the outermost frames agree with those seen when the load began? */
static bool has_suffix(const struct plait_native_stack *stack, const struct plait_native_frame *suffix, size_t count)
{
	if (stack->count < count)
		return false;
	const struct plait_native_frame *frames = stack->frames + (stack->count - count);
	for (size_t i = 0; i < count; i++) {
		if (frames[i].pc != suffix[i].pc || frames[i].sp != suffix[i].sp || frames[i].cfa != suffix[i].cfa)
			return false;
	}
	return true;
}

struct stepping {
	struct plait_unwinder *unwinder;
	struct plait_native_frame suffix[64];
	size_t suffix_count; /* 0: the load has not begun */
	size_t steps, same, longer, bad;
};

/* One stop of the child; false when it left the load. */
static bool check_stop(struct stepping *stepping, struct moment *moment)
{
	struct plait_native_stack ours;
	uint64_t pc = moment->registers.value[TEST_PC];
	if (!stepping->suffix_count && pc != (uint64_t)stepped_load)
		return true;
	moment_unwind(stepping->unwinder, &maps, moment, NULL, 0, &ours);
	if (!stepping->suffix_count) {
		assert_in_range(ours.count, 3, 64);
		stepping->suffix_count = ours.count - 1;
		memcpy(stepping->suffix, ours.frames + 1, stepping->suffix_count * sizeof(ours.frames[0]));
	} else if (moment->registers.value[TEST_SP] >= stepping->suffix[0].sp) {
		return false;
	}
	oracle_unwind(&oracle, moment);
	enum verdict verdict = compare_with_libdw(&ours);
	bool good = verdict != DIFFERENT && ours.end == PLAIT_UNWIND_COMPLETE &&
		    has_suffix(&ours, stepping->suffix, stepping->suffix_count);
	if (!good && stepping->bad < 3)
		print_stacks(&ours, &oracle, &maps);
	stepping->steps++;
	stepping->same += verdict == SAME;
	stepping->longer += verdict == OURS_LONGER;
	stepping->bad += !good;
	return true;
}

static void every_instruction_unwinds_to_the_start(void **state)
{
	pid_t child = fork();
	if (!child)
		stepped_child();
	int status;
	waitpid(child, &status, 0);
	if (!WIFSTOPPED(status)) {
		print_message("skipped: this host does not let a process trace its child\n");
		skip();
	}
	struct stepping stepping = { .unwinder = *state };
	struct moment *moment = moments;
	int signal_number = 0;
	for (int i = 0; i < 60000; i++) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, (void *)(long)signal_number) ||
		    waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
		    !registers_of_stopped(child, &moment->registers))
			break;
		signal_number = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		if (!moment_copy_stack(moment, child, maps.stack_end) || !check_stop(&stepping, moment))
			break;
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	print_message("%zu instructions: %zu as libdw, %zu longer than libdw's\n", stepping.steps, stepping.same,
		      stepping.longer);
	assert_true(stepping.steps > 1000);
	assert_int_equal(stepping.bad, 0);
	assert_true(stepping.longer * 20 <= stepping.steps);
}

static int set_up(void **state)
{
	moments = calloc(MOMENTS, sizeof(*moments));
	maps_read(&maps, getpid());
	struct plait_unwinder *unwinder;
	if (!moments || plait_unwinder_create(&unwinder))
		return -1;
	*state = unwinder;
	return oracle_open(&oracle, getpid()) ? 0 : -1;
}

static int tear_down(void **state)
{
	plait_unwinder_destroy(*state);
	dwfl_end(oracle.dwfl);
	maps_release(&maps);
	free(moments);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_interruptions_unwind_as_libdw_does, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_instruction_unwinds_to_the_start, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
