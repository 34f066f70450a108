/*
 * A timer a thread. Threads are noticed by their start (interpose.c); the blocks of ended ones are used again.
 */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/arch.h"
#include "common/clock.h"

__thread struct agent_thread *agent_self;

static pthread_mutex_t free_lock = PTHREAD_MUTEX_INITIALIZER; /* never taken in a handler */
static struct agent_thread *free_threads;

struct agent_thread *agent_thread_new(void)
{
	pthread_mutex_lock(&free_lock);
	struct agent_thread *thread = free_threads;
	if (thread)
		free_threads = thread->next_free;
	pthread_mutex_unlock(&free_lock);
	if (!thread) {
		thread = mmap(NULL, sizeof(*thread), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (thread == MAP_FAILED)
			return NULL;
	}
	thread->timer = thread->cpu_timer = AGENT_NO_TIMER;
	thread->plans_seen = thread->plan_count = 0;
	thread->cpu_ns = 0;
	thread->busy = thread->has_altstack = false;
	return thread;
}

void agent_thread_free(struct agent_thread *thread)
{
	pthread_mutex_lock(&free_lock);
	thread->next_free = free_threads;
	free_threads = thread;
	pthread_mutex_unlock(&free_lock);
}

uint64_t agent_thread_cpu_ns(void)
{
	return plait_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016). */
static uint64_t next_random(struct agent_thread *thread)
{
	uint64_t x = thread->random;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	thread->random = x;
	return (x * 0x2545f4914f6cdd1dULL) >> 32;
}

/* ---- timers: raw system calls, so that they can be made and stopped in a handler ---- */

static int make_timer(struct agent_thread *thread, clockid_t clock)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = AGENT_SIGNAL };
	event.sigev_value.sival_ptr = thread;
	event._sigev_un._tid = (pid_t)thread->tid;
	int id = AGENT_NO_TIMER;
	if (agent_arch_syscall(SYS_timer_create, clock, (long)(uintptr_t)&event, (long)(uintptr_t)&id, 0) < 0)
		return AGENT_NO_TIMER;
	return id;
}

static void set_timer(int timer, uint64_t first, uint64_t interval)
{
	struct itimerspec spec = {
		.it_value = { .tv_sec = (time_t)(first / 1000000000u), .tv_nsec = (long)(first % 1000000000u) },
		.it_interval = { .tv_sec = (time_t)(interval / 1000000000u),
				 .tv_nsec = (long)(interval % 1000000000u) },
	};
	agent_arch_syscall(SYS_timer_settime, timer, 0, (long)(uintptr_t)&spec, 0);
}

static void delete_timer(int *timer)
{
	if (*timer != AGENT_NO_TIMER)
		agent_arch_syscall(SYS_timer_delete, *timer, 0, 0, 0);
	*timer = AGENT_NO_TIMER;
}

/* Intervals are random, from a half to one and a half: a fixed one locks onto programs that are periodic. */
void agent_thread_arm(struct agent_thread *thread)
{
	uint64_t interval = agent_settings.interval_ns;
	if (thread->timer != AGENT_NO_TIMER)
		set_timer(thread->timer, interval / 2 + (next_random(thread) * interval >> 32) + 1, 0);
}

/* The clock of the CPU timer is looked at in the kernel's tick, so that its intervals are whole ticks whatever is asked
 * for; only the first one is random. A fast timer is started by it whenever the thread runs again. */
static void start_timers(struct agent_thread *thread)
{
	uint64_t interval = agent_settings.interval_ns;
	thread->cpu_timer = make_timer(thread, CLOCK_THREAD_CPUTIME_ID);
	if (thread->cpu_timer != AGENT_NO_TIMER)
		set_timer(thread->cpu_timer, 1 + (next_random(thread) * interval >> 32), interval);
	if (agent_settings.timer != PLAIT_AGENT_TIMER_FAST)
		return;
	thread->timer = make_timer(thread, CLOCK_MONOTONIC);
	agent_thread_arm(thread);
}

/* sigaltstack(2) itself: the function is interposed. */
static bool set_altstack(const stack_t *set, stack_t *old)
{
	return agent_arch_syscall(SYS_sigaltstack, (long)(uintptr_t)set, (long)(uintptr_t)old, 0, 0) == 0;
}

/* Handlers of threads on small stacks of their own making (coroutines) must not run on these. */
static void give_altstack(struct agent_thread *thread)
{
	stack_t now, own = { .ss_sp = thread->altstack, .ss_size = sizeof(thread->altstack) };
	if (set_altstack(NULL, &now) && now.ss_flags & SS_DISABLE)
		thread->has_altstack = set_altstack(&own, NULL);
}

static void take_altstack(struct agent_thread *thread)
{
	stack_t none = { .ss_flags = SS_DISABLE };
	if (thread->has_altstack)
		set_altstack(&none, NULL);
}

void agent_thread_begin(struct agent_thread *thread)
{
	thread->tid = (uint32_t)syscall(SYS_gettid);
	thread->tp = agent_arch_thread_pointer();
	thread->random = (plait_clock_ns(CLOCK_MONOTONIC) << 32 | thread->tid) * 0x9e3779b97f4a7c15ULL | 1;
	thread->cpu_ns = agent_thread_cpu_ns();
	give_altstack(thread);
	agent_self = thread;
	uint64_t ours = 1ULL << (AGENT_SIGNAL - 1); /* inherited blocked from who executed the program */
	agent_arch_syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)(uintptr_t)&ours, 0, sizeof(ours));
	start_timers(thread);
}

void agent_thread_quiet(struct agent_thread *thread)
{
	delete_timer(&thread->timer);
	delete_timer(&thread->cpu_timer);
}

void agent_thread_end(void)
{
	struct agent_thread *thread = agent_self;
	if (!thread)
		return;
	agent_thread_quiet(thread);
	agent_self = NULL;
	take_altstack(thread);
	agent_thread_free(thread);
}

void agent_thread_forked(void)
{
	struct agent_thread *thread = agent_self;
	pthread_mutex_init(&free_lock, NULL);
	if (!thread)
		return;
	thread->timer = thread->cpu_timer = AGENT_NO_TIMER; /* not inherited */
	thread->plans_seen = 0;
	thread->busy = false;
	bool had_altstack = thread->has_altstack;
	agent_thread_begin(thread);
	thread->has_altstack |= had_altstack;
}
