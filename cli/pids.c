#include "cli/pids.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

bool plait_pid_lives(pid_t pid)
{
	return kill(pid, 0) == 0 || errno != ESRCH;
}

struct plait_error *plait_pids_parse(const struct plait_option_list *list, struct plait_number_list *ret)
{
	for (size_t i = 0; i < list->texts.count; i++) {
		const char *text = list->texts.data[i];
		char *end;
		errno = 0;
		long pid = strtol(text, &end, 10);
		if (errno || *end || end == text || pid <= 0 || pid > INT32_MAX)
			return plait_error_new(PLAIT_ERROR_USAGE, "-p: '%s' is not a process id", text);
		if (!plait_pid_lives((pid_t)pid))
			return plait_error_advise(
				plait_error_new(PLAIT_ERROR_NOT_FOUND, "there is no process %ld", pid),
				"pgrep -a python lists the running Python processes");
		if (!plait_vec_push(&ret->numbers, (int)pid))
			return plait_error_no_memory();
	}
	return NULL;
}
