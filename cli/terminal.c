#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

struct plait_error *plait_terminal_color(const char *when, int fd, bool *ret)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	if (!when || strcmp(when, "auto") == 0)
		*ret = isatty(fd) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
	else if (strcmp(when, "always") == 0)
		*ret = true;
	else if (strcmp(when, "never") == 0)
		*ret = false;
	else
		return plait_error_new(PLAIT_ERROR_USAGE, "--color: '%s' is not auto, always or never", when);
	return NULL;
}

uint32_t plait_terminal_columns(int fd)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	if (columns && atoi(columns) > 0)
		return (uint32_t)atoi(columns);
	return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool plait_terminal_is_ascii(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

static void run_pager(const char *command, int input) __attribute__((noreturn));
static void run_pager(const char *command, int input)
{
	dup2(input, STDIN_FILENO);
	setenv("LESS", "FRX", 0);
	execlp("sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static bool pager_exists(const char *command)
{
	char *test PLAIT_FREE = NULL;
	size_t word = strcspn(command, " ");
	if (asprintf(&test, "command -v %.*s >/dev/null 2>&1", (int)word, command) < 0) {
		test = NULL;
		return false;
	}
	return system(test) == 0;
}

void plait_pager_start(struct plait_pager *pager, bool wanted)
{
	*pager = (struct plait_pager) { .out = stdout };
	const char *command = getenv("PLAIT_PAGER");
	if (!command)
		command = getenv("PAGER");
	if (!command)
		command = "less";
	int ends[2];
	if (!wanted || !isatty(STDOUT_FILENO) || !*command || strcmp(command, "cat") == 0 || !pager_exists(command) ||
	    pipe2(ends, O_CLOEXEC) != 0)
		return;
	pid_t pid = fork();
	if (pid == 0)
		run_pager(command, ends[0]);
	close(ends[0]);
	FILE *out = pid > 0 ? fdopen(ends[1], "w") : NULL;
	if (!out) {
		close(ends[1]);
		return;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* the pager's business */
	*pager = (struct plait_pager) { .out = out, .pid = pid };
}

struct plait_error *plait_pager_finish(struct plait_pager *pager)
{
	errno = 0;
	bool failed = fflush(pager->out) != 0 || ferror(pager->out);
	int err = errno;
	if (pager->pid) {
		fclose(pager->out);
		while (waitpid(pager->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return failed && err != EPIPE ? plait_error_system(err ? err : EIO, "cannot write the report") : NULL;
}
