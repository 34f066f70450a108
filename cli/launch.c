#include "cli/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/signals.h"
#include "common/cleanup.h"

/* Whether `path` is a file that may be executed; *ret_found is set when there is any such file. */
static bool is_executable(const char *path, bool *ret_found)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return false;
	*ret_found = true;
	return !S_ISDIR(status.st_mode) && access(path, X_OK) == 0;
}

static bool search_path(const char *name, bool *ret_found)
{
	const char *path = getenv("PATH");
	if (!path)
		path = "/bin:/usr/bin";
	while (*path) {
		size_t size = strcspn(path, ":");
		char file[4096];
		if (snprintf(file, sizeof(file), "%.*s%s%s", (int)size, path, size ? "/" : "", name) <
			    (int)sizeof(file) &&
		    is_executable(file, ret_found))
			return true;
		path += size + (path[size] == ':');
	}
	return false;
}

static struct plait_error *check_command(const char *name)
{
	bool found = false;
	if (strchr(name, '/') ? is_executable(name, &found) : search_path(name, &found))
		return NULL;
	if (found)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_PERMISSION, "cannot run '%s': it is not an executable file", name),
			"to run a script, name its interpreter: plait record -- python3 %s", name);
	return plait_error_advise(
		plait_error_new(PLAIT_ERROR_NOT_FOUND, "cannot run '%s': there is no such command", name),
		strchr(name, '/') ? "check the path" : "check the spelling and PATH");
}

/* The child: waits for the parent's word, then becomes the command. */
static void run_child(char *const *argv, char *const *environment, int go_fd, int status_fd) __attribute__((noreturn));
static void run_child(char *const *argv, char *const *environment, int go_fd, int status_fd)
{
	char byte;
	ssize_t got;
	do {
		got = read(go_fd, &byte, 1);
	} while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(127); /* the parent gave up */
	for (; environment && *environment; environment++)
		putenv(*environment);
	execvp(argv[0], argv);
	int err = errno;
	if (write(status_fd, &err, sizeof(err)) != (ssize_t)sizeof(err))
		_exit(126);
	_exit(127);
}

struct plait_error *plait_launch_start(char *const *argv, char *const *environment, struct plait_launch *ret)
{
	PLAIT_TRY(check_command(argv[0]));
	int go[2] = { -1, -1 }, status[2] = { -1, -1 };
	if (pipe2(go, O_CLOEXEC) != 0 || pipe2(status, O_CLOEXEC) != 0)
		return plait_error_system(errno, "cannot make a pipe for '%s'", argv[0]);
	pid_t pid = fork();
	if (pid < 0)
		return plait_error_system(errno, "cannot start '%s'", argv[0]);
	if (pid == 0) {
		close(go[1]);
		close(status[0]);
		plait_signals_restore();
		run_child(argv, environment, go[0], status[1]);
	}
	close(go[0]);
	close(status[1]);
	*ret = (struct plait_launch) { .pid = pid, .go_fd = go[1], .status_fd = status[0] };
	return NULL;
}

struct plait_error *plait_launch_go(struct plait_launch *launch, const char *name)
{
	int err = 0;
	ssize_t sent = write(launch->go_fd, "g", 1);
	close(launch->go_fd);
	launch->go_fd = -1;
	ssize_t got;
	do {
		got = sent == 1 ? read(launch->status_fd, &err, sizeof(err)) : 0;
	} while (got < 0 && errno == EINTR);
	close(launch->status_fd);
	launch->status_fd = -1;
	if (got <= 0)
		return NULL; /* closed by the exec */
	plait_launch_reap(launch, true);
	return plait_error_system(err, "cannot run '%s'", name);
}

bool plait_launch_reap(struct plait_launch *launch, bool wait)
{
	if (!launch->ended && launch->pid > 0)
		launch->ended = waitpid(launch->pid, &launch->wait_status, wait ? 0 : WNOHANG) == launch->pid;
	return launch->ended;
}

void plait_launch_release(struct plait_launch *launch)
{
	if (launch->pid <= 0)
		return;
	if (launch->status_fd >= 0)
		close(launch->status_fd);
	if (launch->go_fd >= 0) {
		close(launch->go_fd);
		while (!plait_launch_reap(launch, true) && errno == EINTR)
			;
	}
	*launch = (struct plait_launch) { .go_fd = -1, .status_fd = -1 };
}

void plait_launch_exit_like(const struct plait_launch *launch)
{
	if (WIFSIGNALED(launch->wait_status)) {
		int number = WTERMSIG(launch->wait_status);
		struct rlimit no_core = { 0, 0 };
		setrlimit(RLIMIT_CORE, &no_core); /* the command has dumped its own, if any */
		signal(number, SIG_DFL);
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, number);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		fflush(NULL);
		kill(getpid(), number);
		exit(128 + number);
	}
	exit(WEXITSTATUS(launch->wait_status));
}
