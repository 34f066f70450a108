/*
 * Start, the handler, and forks.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "agent/agent.h"

struct agent_settings agent_settings;

/* A fast timer that found the thread asleep, or only just awake, has woken it for nothing: it rests until the CPU timer
 * says that the thread runs. That the thread has used little CPU time would not do: to be woken takes some, on a slow
 * processor more than the interval. */
static bool was_asleep(const struct agent_thread *self, const siginfo_t *info, const void *context, uint64_t weight)
{
	if (agent_settings.timer != PLAIT_AGENT_TIMER_FAST)
		return false;
	return weight < agent_settings.interval_ns / 8 ||
	       (info->si_timerid == self->timer && agent_capture_slept(context));
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	int saved = errno;
	struct agent_thread *self = agent_self;
	if (info->si_code != SI_TIMER || !self || info->si_value.sival_ptr != self) {
		agent_pass_on(number, info, context);
	} else if (agent_ring_is_over()) {
		agent_thread_quiet(self);
	} else if (!self->busy) {
		uint64_t now = agent_thread_cpu_ns(), weight = now - self->cpu_ns;
		if (!was_asleep(self, info, context, weight)) {
			self->busy = true;
			self->cpu_ns = now;
			agent_capture(self, context, weight);
			agent_thread_arm(self);
			self->busy = false;
		}
	}
	errno = saved;
}

static void in_child(void)
{
	agent_ring_forked();
	agent_capture_forked();
	agent_thread_forked();
}

static void install_handler(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };
	sigfillset(&action.sa_mask);
	sigdelset(&action.sa_mask, SIGSEGV);
	sigdelset(&action.sa_mask, SIGBUS);
	sigdelset(&action.sa_mask, SIGILL);
	sigdelset(&action.sa_mask, SIGFPE);
	agent_real_sigaction(AGENT_SIGNAL, &action, NULL);
}

/* Libraries that the program is linked with are constructed before this one, and may start threads: whatever comes
 * first starts the agent. A Python is told from other programs by what it exports. It waits until the recorder knows
 * it, so that its first sample has frames; others, shells for example, make no ring before their first sample. */
void agent_start(void)
{
	static bool started;
	agent_interpose_prepare();
	if (started || !agent_settings.socket[0])
		return;
	started = true;
	struct agent_thread *thread = agent_thread_new();
	if (!thread)
		return;
	pthread_atfork(NULL, NULL, in_child);
	if (dlsym(RTLD_DEFAULT, "_PyRuntime"))
		agent_ring_ready(true);
	install_handler();
	agent_thread_begin(thread);
}

__attribute__((constructor)) static void program_starts(void)
{
	agent_start();
}
