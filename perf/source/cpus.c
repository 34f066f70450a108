#include "perf/source/cpus.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define ONLINE_PATH "/sys/devices/system/cpu/online"
#define NUMBER_MAX 1000000

static bool parse_number(const char **text, int *ret)
{
	if (!isdigit((unsigned char)**text))
		return false;
	char *end;
	errno = 0;
	long number = strtol(*text, &end, 10);
	*text = end;
	*ret = (int)number;
	return errno == 0 && number <= NUMBER_MAX;
}

struct plait_error *plait_cpus_parse(const char *text, struct plait_number_list *ret)
{
	const char *at = text;
	do {
		int first, last;
		if (!parse_number(&at, &first))
			return plait_error_new(PLAIT_ERROR_INVALID, "'%.40s' is no list of CPUs", text);
		last = first;
		if (*at == '-') {
			at++;
			if (!parse_number(&at, &last) || last < first)
				return plait_error_new(PLAIT_ERROR_INVALID, "'%.40s' is no list of CPUs", text);
		}
		for (int cpu = first; cpu <= last; cpu++)
			if (!plait_vec_push(&ret->numbers, cpu))
				return plait_error_no_memory();
	} while (*at++ == ',');
	at--;
	if (*at != '\0' && *at != '\n')
		return plait_error_new(PLAIT_ERROR_INVALID, "'%.40s' is no list of CPUs", text);
	return NULL;
}

struct plait_error *plait_cpus_online(struct plait_number_list *ret)
{
	FILE *file PLAIT_FCLOSE = fopen(ONLINE_PATH, "re");
	if (!file)
		return plait_error_system(errno, "opening %s", ONLINE_PATH);
	char *line PLAIT_FREE = NULL;
	size_t size = 0;
	if (getline(&line, &size, file) < 0)
		return plait_error_new(PLAIT_ERROR_INVALID, "%s is empty", ONLINE_PATH);
	return plait_cpus_parse(line, ret);
}

struct plait_error *plait_threads_of(pid_t pid, struct plait_number_list *ret)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *folder = opendir(path);
	if (!folder)
		return plait_error_system(errno == ENOENT ? ESRCH : errno, "listing the threads of process %d",
					  (int)pid);
	bool enough = true;
	for (struct dirent *entry; enough && (entry = readdir(folder));) {
		const char *name = entry->d_name;
		int tid;
		if (parse_number(&name, &tid) && *name == '\0')
			enough = plait_vec_push(&ret->numbers, tid);
	}
	closedir(folder);
	return enough ? NULL : plait_error_no_memory();
}
