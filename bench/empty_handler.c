/* A preloaded library with the timers of engine agent for the first thread, and a handler that does nothing but arm the
 * next expiry: what the signals alone cost. EMPTY_INTERVAL: ns; EMPTY_FAST=1: the fast timer. */
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static timer_t timer;
static long interval;
static int fast;
static unsigned long long state = 88172645463325252ULL;

static void arm(long first, long period)
{
	struct itimerspec spec = { .it_value.tv_nsec = first, .it_interval.tv_nsec = period };
	timer_settime(timer, 0, &spec, NULL);
}

static void handle(int number)
{
	(void)number;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	if (fast)
		arm(interval / 2 + (long)(state % (unsigned long)interval) + 1, 0);
}

__attribute__((constructor)) static void start(void)
{
	const char *text = getenv("EMPTY_INTERVAL");
	if (!text)
		return;
	unsetenv("EMPTY_INTERVAL");
	interval = atol(text);
	fast = getenv("EMPTY_FAST") != NULL;
	struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
	sigaction(57, &action, NULL);
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = 57 };
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	timer_create(fast ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &event, &timer);
	arm(interval, fast ? 0 : interval);
}
