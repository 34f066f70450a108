#include "cli/signals.h"

#include <signal.h>
#include <stddef.h>

/* Handlers have no context argument: the one piece of global state of the program. */
static struct {
	volatile sig_atomic_t child;
	volatile sig_atomic_t passed_on;
	volatile sig_atomic_t stop;
	bool installed;
} state;

static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGXFSZ };
enum { NUMBER_COUNT = sizeof(numbers) / sizeof(*numbers) };
static struct sigaction before[NUMBER_COUNT];

static void handle(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (number == SIGCHLD || number == SIGXFSZ)
		return; /* one is there to wake the poll, the other so that a file size limit is an error of write(2) */
	if (!state.child) {
		state.stop = 1;
		return;
	}
	/* SI_KERNEL: the terminal sent it to the whole foreground group, the command has it already. */
	if (info->si_code == SI_KERNEL)
		return;
	if (state.passed_on)
		state.stop = 1;
	state.passed_on = 1;
	kill(state.child, number);
}

void plait_signals_pass_to(pid_t child)
{
	state.child = child;
}

void plait_signals_install(void)
{
	state.installed = true;
	struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < NUMBER_COUNT; i++) {
		sigaction(numbers[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN || numbers[i] == SIGCHLD ||
		    numbers[i] == SIGXFSZ) /* nohup keeps its meaning */
			sigaction(numbers[i], &action, NULL);
	}
}

bool plait_signals_stop_requested(void)
{
	return state.stop;
}

void plait_signals_restore(void)
{
	for (size_t i = 0; state.installed && i < NUMBER_COUNT; i++)
		sigaction(numbers[i], &before[i], NULL);
	state.installed = false;
}
