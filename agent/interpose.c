/*
 * What is interposed: the start of threads, and what could take the agent's signal away from it. A program that uses
 * the same signal keeps doing so: what it installs is remembered, and gets every signal that no timer of the agent
 * sent.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"

#define EXPORT __attribute__((visibility("default")))

typedef void (*signal_handler)(int);

static struct {
	int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	int (*sigaction)(int, const struct sigaction *, struct sigaction *);
	signal_handler (*signal)(int, signal_handler);
	int (*sigprocmask)(int, const sigset_t *, sigset_t *);
	int (*pthread_sigmask)(int, const sigset_t *, sigset_t *);
	int (*sigwait)(const sigset_t *, int *);
	int (*sigwaitinfo)(const sigset_t *, siginfo_t *);
	int (*sigtimedwait)(const sigset_t *, siginfo_t *, const struct timespec *);
	int (*sigaltstack)(const stack_t *, stack_t *);
	int (*dlclose)(void *);
	void (*_exit)(int) __attribute__((noreturn));
	bool prepared;
} real;

static pthread_key_t end_key;
static struct sigaction programs_action;
static _Atomic bool programs_mask; /* the program believes that it has blocked the signal */

static void thread_ends(void *value)
{
	(void)value;
	agent_thread_end();
}

void agent_interpose_prepare(void)
{
	if (real.prepared)
		return;
	real.prepared = true;
	agent_settings_read(&agent_settings);
#define FIND(name) real.name = (__typeof__(real.name))dlsym(RTLD_NEXT, #name)
	FIND(pthread_create);
	FIND(sigaction);
	FIND(signal);
	FIND(sigprocmask);
	FIND(pthread_sigmask);
	FIND(sigwait);
	FIND(sigwaitinfo);
	FIND(sigtimedwait);
	FIND(sigaltstack);
	FIND(dlclose);
	FIND(_exit);
#undef FIND
	if (agent_settings.socket[0])
		pthread_key_create(&end_key, thread_ends);
}

int agent_real_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	agent_interpose_prepare();
	return real.sigaction(number, action, old);
}

static bool is_ours(int number)
{
	agent_interpose_prepare();
	return number == AGENT_SIGNAL && agent_settings.socket[0];
}

/* ---- threads ---- */

/* The last thing is a call without a frame of the agent's: the thread's stack is as without it. */
static void *thread_starts(void *block)
{
	struct agent_thread *thread = block;
	void *(*start)(void *) = thread->start;
	void *argument = thread->argument;
	pthread_setspecific(end_key, thread);
	agent_thread_begin(thread);
	return start(argument);
}

EXPORT int pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	agent_start();
	struct agent_thread *thread = agent_settings.socket[0] ? agent_thread_new() : NULL;
	if (!thread)
		return real.pthread_create(ret, attributes, start, argument);
	thread->start = start;
	thread->argument = argument;
	int result = real.pthread_create(ret, attributes, thread_starts, thread);
	if (result)
		agent_thread_free(thread);
	return result;
}

/* ---- signals ---- */

void agent_pass_on(int number, siginfo_t *info, void *context)
{
	if (programs_action.sa_flags & SA_SIGINFO) {
		programs_action.sa_sigaction(number, info, context);
	} else if (programs_action.sa_handler == SIG_DFL) {
		struct sigaction none = { .sa_handler = SIG_DFL };
		real.sigaction(number, &none, NULL);
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, number);
		raise(number);
		real.pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	} else if (programs_action.sa_handler != SIG_IGN) {
		programs_action.sa_handler(number);
	}
}

EXPORT int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	if (!is_ours(number))
		return real.sigaction(number, action, old);
	struct sigaction before = programs_action;
	if (action)
		programs_action = *action;
	if (old)
		*old = before;
	return 0;
}

EXPORT signal_handler signal(int number, signal_handler handler)
{
	if (!is_ours(number))
		return real.signal(number, handler);
	signal_handler before = programs_action.sa_handler;
	programs_action = (struct sigaction) { .sa_handler = handler, .sa_flags = SA_RESTART };
	return before;
}

/* `set` as the kernel may have it: without our signal. */
static const sigset_t *without_ours(const sigset_t *set, sigset_t *copy)
{
	if (!set || !is_ours(AGENT_SIGNAL) || !sigismember(set, AGENT_SIGNAL))
		return set;
	*copy = *set;
	sigdelset(copy, AGENT_SIGNAL);
	return copy;
}

/* What the program believes of our signal, before and after. */
static void remember_mask(int how, const sigset_t *set, sigset_t *old)
{
	if (!is_ours(AGENT_SIGNAL))
		return;
	if (old && programs_mask)
		sigaddset(old, AGENT_SIGNAL);
	if (!set)
		return;
	bool has = sigismember(set, AGENT_SIGNAL) == 1;
	if (how == SIG_SETMASK)
		programs_mask = has;
	else if (has)
		programs_mask = how == SIG_BLOCK;
}

EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	sigset_t copy, asked;
	agent_interpose_prepare();
	if (set)
		asked = *set; /* `old` may be the same */
	int result = real.sigprocmask(how, without_ours(set, &copy), old);
	if (result == 0)
		remember_mask(how, set ? &asked : NULL, old);
	return result;
}

EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	sigset_t copy, asked;
	agent_interpose_prepare();
	if (set)
		asked = *set;
	int result = real.pthread_sigmask(how, without_ours(set, &copy), old);
	if (result == 0)
		remember_mask(how, set ? &asked : NULL, old);
	return result;
}

EXPORT int sigwait(const sigset_t *set, int *ret)
{
	sigset_t copy;
	agent_interpose_prepare();
	return real.sigwait(without_ours(set, &copy), ret);
}

EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
	sigset_t copy;
	agent_interpose_prepare();
	return real.sigwaitinfo(without_ours(set, &copy), info);
}

EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	sigset_t copy;
	agent_interpose_prepare();
	return real.sigtimedwait(without_ours(set, &copy), info, timeout);
}

/* The stack that the agent has given the thread is none that the program has set. */
EXPORT int sigaltstack(const stack_t *restrict set, stack_t *restrict old)
{
	agent_interpose_prepare();
	struct agent_thread *self = agent_self;
	stack_t asked = { 0 }, before;
	if (set)
		asked = *set;
	bool ours = self && self->has_altstack;
	if (self && set && asked.ss_flags & SS_DISABLE)
		asked = (stack_t) { .ss_sp = self->altstack, .ss_size = sizeof(self->altstack) };
	if (real.sigaltstack(set ? &asked : NULL, &before) != 0)
		return -1;
	if (self && set)
		self->has_altstack = asked.ss_sp == self->altstack;
	if (old)
		*old = ours ? (stack_t) { .ss_flags = SS_DISABLE } : before;
	return 0;
}

/* ---- what the recorder could not see ---- */

EXPORT int dlclose(void *handle)
{
	agent_interpose_prepare();
	int result = real.dlclose(handle);
	agent_capture_maps_soon();
	return result;
}

/* The last word of a process that ends without exit(3), as workers of multiprocessing do. */
static void last_word(void)
{
	struct agent_thread *self = agent_self;
	if (!self || !agent_ring_exists() || self->busy)
		return;
	self->busy = true;
	agent_capture_maps(self);
}

EXPORT void _exit(int status)
{
	agent_interpose_prepare();
	last_word();
	real._exit(status);
}

EXPORT void _Exit(int status)
{
	_exit(status);
}

__attribute__((destructor)) static void program_ends(void)
{
	last_word();
}
