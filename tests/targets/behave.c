/* Does what a sampler in the process could disturb, and prints what came of it: the output must be the same with the
 * agent and without. "behave" does all; "behave NAME" one of the checks below. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

extern char **environ;

/* Uses CPU time. */
static double burn(double milliseconds)
{
	struct timespec now;
	volatile double sum = 0;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	double end = (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6 + milliseconds;
	do {
		for (int i = 0; i < 2000; i++)
			sum += i * 0.5;
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	} while ((double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6 < end);
	return sum;
}

/* ---- calls that sleep are not cut short ---- */

static int interrupted;

static void count_interrupt(int result)
{
	interrupted += result < 0 && errno == EINTR;
}

static void sleeps(void)
{
	sem_t semaphore;
	sem_init(&semaphore, 0, 0);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < 5; i++) {
		struct timespec time = { .tv_nsec = 10000000 }, until;
		struct timeval short_time = { .tv_usec = 10000 };
		struct epoll_event event;
		sigset_t none;
		sigemptyset(&none);
		burn(6);
		count_interrupt(nanosleep(&time, NULL));
		burn(6);
		count_interrupt(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL) == EINTR ? (errno = EINTR, -1) : 0);
		burn(6);
		count_interrupt(usleep(10000));
		burn(6);
		count_interrupt(poll(NULL, 0, 10));
		burn(6);
		count_interrupt(select(0, NULL, NULL, NULL, &short_time));
		burn(6);
		count_interrupt(epoll_wait(epoll, &event, 1, 10));
		burn(6);
		count_interrupt(ppoll(NULL, 0, &time, &none));
		burn(6);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 10000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		count_interrupt(sem_timedwait(&semaphore, &until));
		burn(6);
		count_interrupt(sigtimedwait(&none, NULL, &time));
	}
	close(epoll);
	printf("sleeps: %d interrupted\n", interrupted);
}

/* ---- the program owns its signals, all of them ---- */

static volatile sig_atomic_t received[65];

static void receive(int number)
{
	received[number]++;
}

static void signals(void)
{
	int wrong_handlers = 0, wrong_counts = 0, wrong_masks = 0;
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++) {
		struct sigaction action = { .sa_handler = receive }, old;
		sigaction(number, &action, &old);
		wrong_handlers += old.sa_handler != SIG_DFL;
		sigaction(number, NULL, &old);
		wrong_handlers += old.sa_handler != receive;
	}
	for (int i = 0; i < 20; i++) {
		burn(3);
		for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
			raise(number);
	}
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
		wrong_counts += received[number] != 20;
	sigset_t all, before, now;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	burn(20);
	sigprocmask(SIG_BLOCK, NULL, &now);
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
		wrong_masks += sigismember(&before, number) || !sigismember(&now, number);
	sigprocmask(SIG_SETMASK, &before, &now);
	burn(20);
	sigprocmask(SIG_BLOCK, NULL, &now);
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++) {
		wrong_masks += sigismember(&now, number);
		signal(number, SIG_DFL);
	}
	burn(20);
	stack_t stack;
	sigaltstack(NULL, &stack);
	printf("signals: %d handlers, %d counts, %d masks wrong; alternate stack %s\n", wrong_handlers, wrong_counts,
	       wrong_masks, stack.ss_flags & SS_DISABLE ? "none" : "set");
}

/* ---- processes ---- */

static int wait_for(pid_t pid)
{
	int status = -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void processes(void)
{
	int forks = 0, execs = 0, spawns = 0, vforks = 0, killed = 0;
	char *argv[] = { "sh", "-c", "exit 7", NULL };
	for (int i = 0; i < 30; i++) {
		burn(2);
		pid_t pid = fork();
		if (!pid) {
			burn(5);
			_exit(3);
		}
		forks += wait_for(pid) == 3;
		pid = fork();
		if (!pid) {
			burn(2);
			execv("/bin/sh", argv);
		}
		execs += wait_for(pid) == 7;
		pid = vfork();
		if (!pid) {
			execv("/bin/sh", argv);
			_exit(1);
		}
		vforks += wait_for(pid) == 7;
		pid = vfork();
		if (!pid)
			_exit(9);
		vforks += wait_for(pid) == 9;
		if (posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0)
			spawns += wait_for(pid) == 7;
		pid = fork();
		if (!pid) {
			burn(2);
			raise(SIGTERM);
		}
		killed += wait_for(pid) == -SIGTERM;
	}
	printf("processes: %d forks, %d execs, %d vforks, %d spawns, %d killed\n", forks, execs, vforks, spawns,
	       killed);
}

/* ---- threads ---- */

static void *short_thread(void *argument)
{
	for (int i = 0; i < 20; i++)
		free(malloc((size_t)i * 100 + 1));
	if ((size_t)argument % 3 == 0)
		pthread_exit(argument);
	return argument;
}

static void *busy_thread(void *argument)
{
	burn(30);
	for (int i = 0; i < 30000; i++)
		free(malloc((size_t)i % 5000 + 1));
	return argument;
}

static void threads(void)
{
	size_t joined = 0, small = 0, busy = 0;
	pthread_t thread[8];
	void *result;
	for (size_t i = 0; i < 1000; i++) {
		if (pthread_create(thread, NULL, short_thread, (void *)i) == 0 && pthread_join(*thread, &result) == 0)
			joined += result == (void *)i;
	}
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 16384);
	for (size_t i = 0; i < 8; i++)
		pthread_create(&thread[i], &attributes, busy_thread, (void *)i);
	for (size_t i = 0; i < 8; i++)
		small += pthread_join(thread[i], &result) == 0 && result == (void *)i;
	for (size_t i = 0; i < 8; i++)
		pthread_create(&thread[i], NULL, busy_thread, (void *)i);
	for (size_t i = 0; i < 8; i++)
		busy += pthread_join(thread[i], &result) == 0 && result == (void *)i;
	printf("threads: %zu short, %zu small, %zu busy\n", joined, small, busy);
}

/* ---- a coroutine on a stack with no room for a signal frame ---- */

enum { COROUTINE_STACK = 4096 };
static ucontext_t main_context, coroutine;

static void run_coroutine(void)
{
	volatile double sum = 0;
	for (long i = 0; i < 60000000; i++)
		sum += 1;
	swapcontext(&coroutine, &main_context);
}

static void coroutines(void)
{
	size_t size = COROUTINE_STACK;
	unsigned char *memory = malloc(3 * size);
	memset(memory, 0xa5, 3 * size);
	getcontext(&coroutine);
	coroutine.uc_stack.ss_sp = memory + size;
	coroutine.uc_stack.ss_size = size;
	makecontext(&coroutine, run_coroutine, 0);
	swapcontext(&main_context, &coroutine);
	size_t damaged = 0;
	for (size_t i = 0; i < size; i++)
		damaged += (memory[i] != 0xa5) + (memory[2 * size + i] != 0xa5);
	free(memory);
	printf("coroutines: %zu bytes damaged\n", damaged);
}

/* ---- libraries that come and go; errno; descriptors ---- */

static void libraries(void)
{
	int opened = 0, errors = 0;
	for (int i = 0; i < 300; i++) {
		void *library = dlopen("libm.so.6", RTLD_NOW);
		void *other = dlopen("libnss_files.so.2", RTLD_NOW);
		opened += library != NULL;
		if (other)
			dlclose(other);
		if (library)
			dlclose(library);
	}
	for (int i = 0; i < 20000000; i++) {
		errno = 12345;
		__asm__ volatile("" ::: "memory");
		errors += errno != 12345;
	}
	int fd = dup(0);
	printf("libraries: %d opened; errno wrong %d times; next descriptor %d\n", opened, errors, fd);
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} checks[] = { { "libraries", libraries }, { "sleeps", sleeps },   { "signals", signals },
		       { "processes", processes }, { "threads", threads }, { "coroutines", coroutines } };
	setvbuf(stdout, NULL, _IONBF, 0); /* forked children must not write what is buffered */
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (argc < 2 || !strcmp(argv[1], checks[i].name))
			checks[i].run();
	}
	return 0;
}
