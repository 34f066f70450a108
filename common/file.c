#include "common/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

char *plait_file_read(const char *path, size_t max, size_t *ret_size)
{
	/* O_NONBLOCK: opening a pipe must not wait for its writer */
	int fd PLAIT_CLOSE = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > (off_t)max)
		return NULL;
	size_t size = (size_t)status.st_size, done = 0;
	char *text PLAIT_FREE = malloc(size + 1);
	while (text && done < size) {
		ssize_t got = read(fd, text + done, size - done);
		if (got < 0)
			return NULL;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	if (text)
		text[done] = '\0';
	*ret_size = done;
	return PLAIT_TAKE(text);
}

bool plait_file_first_line(const char *path, char *ret, size_t size)
{
	FILE *file PLAIT_FCLOSE = fopen(path, "re");
	if (!file || !fgets(ret, (int)size, file))
		return false;
	ret[strcspn(ret, "\n")] = '\0';
	return true;
}

bool plait_file_own_status(const char *key, char *ret, size_t size)
{
	FILE *file PLAIT_FCLOSE = fopen("/proc/self/status", "re");
	char line[256];
	size_t length = strlen(key);
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, length) != 0 || line[length] != ':')
			continue;
		const char *value = line + length + 1 + strspn(line + length + 1, " \t");
		snprintf(ret, size, "%.*s", (int)strcspn(value, "\n"), value);
		return true;
	}
	return false;
}

bool plait_file_own_capabilities(uint64_t *ret)
{
	char value[32], *end;
	if (!plait_file_own_status("CapEff", value, sizeof(value)))
		return false;
	*ret = strtoull(value, &end, 16);
	return end != value;
}
