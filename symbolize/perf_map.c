#include "symbolize/perf_map.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/vec.h"
#include "symbolize/interval.h"
#include "symbolize/text_file.h"

/* More text than this is not read; programs that compile for days write some ten megabytes. */
enum { TEXT_MAX = 256 << 20, NAME_MAX_SIZE = 4096 };

struct entry {
	uint64_t start, end;
	size_t name; /* offset into `text` */
	size_t name_size;
};

struct plait_perf_map {
	uint32_t pid;
	char *path; /* the only file; NULL: those of the process */
	char *text; /* what was read of the file */
	size_t size;
	size_t parsed;			   /* text up to here is in `entries`; the line after it is not complete */
	PLAIT_VEC(struct entry) entries;   /* in the file's order */
	struct plait_interval_index index; /* value: index into `entries` */
	uint64_t device, inode;		   /* of the file that was read */
	uint64_t seen_size;		   /* its size then */
};

struct plait_error *plait_perf_map_create(uint32_t pid, struct plait_perf_map **ret)
{
	struct plait_perf_map *map = calloc(1, sizeof(*map));
	if (!map)
		return plait_error_no_memory();
	map->pid = pid;
	*ret = map;
	return NULL;
}

struct plait_error *plait_perf_map_create_at(const char *path, struct plait_perf_map **ret)
{
	struct plait_perf_map *map = calloc(1, sizeof(*map));
	if (map)
		map->path = strdup(path);
	if (!map || !map->path) {
		free(map);
		return plait_error_no_memory();
	}
	*ret = map;
	return NULL;
}

/* Forgets what was read, but not which file it is. */
static void forget(struct plait_perf_map *map)
{
	free(map->text);
	map->text = NULL;
	map->size = map->parsed = 0;
	map->seen_size = 0;
	plait_vec_free(&map->entries);
	plait_interval_index_release(&map->index);
}

void plait_perf_map_destroy(struct plait_perf_map *map)
{
	if (!map)
		return;
	forget(map);
	free(map->path);
	free(map);
}

/* The number of `pid` in its innermost pid name space (last number of NSpid: proc(5)); `pid` itself when not told. */
static uint32_t innermost_pid(uint32_t pid)
{
	char path[64], line[512];
	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	FILE *file PLAIT_FCLOSE = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "NSpid:", 6) != 0)
			continue;
		uint32_t last = pid;
		char *save = NULL;
		for (char *word = strtok_r(line + 6, " \t\n", &save); word; word = strtok_r(NULL, " \t\n", &save))
			last = (uint32_t)strtoul(word, NULL, 10);
		return last;
	}
	return pid;
}

/* Whether we may believe the open file: /tmp belongs to everyone, so it must be a regular file of the process's user,
 * of ours or of root. Of a process that is gone nobody can tell the user. */
static bool is_trusted(uint32_t pid, const struct stat *status)
{
	char path[64];
	struct stat process;
	if (!S_ISREG(status->st_mode))
		return false;
	snprintf(path, sizeof(path), "/proc/%u", pid);
	if (pid == 0 || status->st_uid == 0 || status->st_uid == geteuid() || stat(path, &process) != 0)
		return true;
	return status->st_uid == process.st_uid;
}

static int open_one(const char *path, uint32_t pid, struct stat *ret_status)
{
	int fd PLAIT_CLOSE = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0 || fstat(fd, ret_status) != 0 || !is_trusted(pid, ret_status))
		return -1;
	return PLAIT_TAKE_FD(fd);
}

/* Opens the map's file, the target's own name space first; -1: there is none. */
static int open_file(const struct plait_perf_map *map, struct stat *ret_status)
{
	char path[96];
	if (map->path)
		return open_one(map->path, 0, ret_status);
	snprintf(path, sizeof(path), "/proc/%u/root/tmp/perf-%u.map", map->pid, innermost_pid(map->pid));
	int fd = open_one(path, map->pid, ret_status);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/tmp/perf-%u.map", map->pid);
	return open_one(path, map->pid, ret_status);
}

/* Reads one line of `size` bytes at `offset` of the text; false: not an entry. */
static bool parse_line(const struct plait_perf_map *map, size_t offset, size_t size, struct entry *ret)
{
	const char *at = map->text + offset, *end = at + size;
	uint64_t start, length;
	if (!plait_text_hex(&at, end, &start) || at == end || *at++ != ' ' || !plait_text_hex(&at, end, &length) ||
	    at == end || *at++ != ' ')
		return false;
	while (end > at && isspace((unsigned char)end[-1]))
		end--;
	while (at < end && *at == ' ')
		at++;
	if (at == end || length == 0 || length > UINT64_MAX - start)
		return false;
	size_t name_size = (size_t)(end - at);
	*ret = (struct entry) {
		.start = start,
		.end = start + length,
		.name = (size_t)(at - map->text),
		.name_size = name_size < NAME_MAX_SIZE ? name_size : NAME_MAX_SIZE,
	};
	return true;
}

/* Parses what was not parsed yet. The last line may be half written: it counts for now, and is parsed again (and then
 * overrides itself) when there is more. */
static bool parse_more(struct plait_perf_map *map)
{
	size_t at = map->parsed;
	while (at < map->size) {
		const char *stop = memchr(map->text + at, '\n', map->size - at);
		size_t end = stop ? (size_t)(stop - map->text) : map->size;
		struct entry entry;
		if (parse_line(map, at, end - at, &entry) && !plait_vec_push(&map->entries, entry))
			return false;
		at = end + 1;
		if (stop)
			map->parsed = at;
	}
	return true;
}

/* Later lines come first in precedence. */
static bool build_index(struct plait_perf_map *map)
{
	size_t count = map->entries.count;
	struct plait_interval *ranges PLAIT_FREE = calloc(count + 1, sizeof(*ranges));
	struct plait_interval_index index;
	if (!ranges || count >= UINT32_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct entry *entry = &map->entries.data[count - 1 - i];
		ranges[i] = (struct plait_interval) { entry->start, entry->end, (uint32_t)(count - 1 - i) };
	}
	if (!plait_interval_index_build(ranges, count, &index))
		return false;
	plait_interval_index_release(&map->index);
	map->index = index;
	return true;
}

/* Appends the file's bytes from map->size on to the text. Returns 0 or an errno value. */
static int read_more(struct plait_perf_map *map, int fd)
{
	char *more PLAIT_FREE = NULL;
	size_t more_size;
	int err = plait_text_read(fd, map->size, TEXT_MAX - map->size, &more, &more_size);
	if (err)
		return err;
	char *grown = realloc(map->text, map->size + more_size + 1);
	if (!grown)
		return ENOMEM;
	memcpy(grown + map->size, more, more_size + 1);
	map->text = grown;
	map->size += more_size;
	return 0;
}

/* Reads what the file has more than at the last time. `*ret_changed`: there may be new names. */
static struct plait_error *update(struct plait_perf_map *map, bool *ret_changed)
{
	struct stat status;
	int fd PLAIT_CLOSE = open_file(map, &status);
	*ret_changed = false;
	if (fd < 0)
		return NULL;
	bool same = map->inode == (uint64_t)status.st_ino && map->device == (uint64_t)status.st_dev;
	if (same && map->seen_size == (uint64_t)status.st_size)
		return NULL;
	if (!same || (uint64_t)status.st_size < map->seen_size)
		forget(map);
	map->inode = (uint64_t)status.st_ino;
	map->device = (uint64_t)status.st_dev;
	map->seen_size = (uint64_t)status.st_size;
	int err = read_more(map, fd);
	if (err == ENOMEM || (err == 0 && (!parse_more(map) || !build_index(map))))
		return plait_error_no_memory();
	*ret_changed = err == 0;
	return NULL;
}

struct plait_error *plait_perf_map_find(struct plait_perf_map *map, uint64_t address, struct plait_perf_map_symbol *ret,
					bool *ret_found)
{
	const struct plait_interval *piece = plait_interval_find(&map->index, address);
	if (!piece) {
		bool changed;
		struct plait_error *error = update(map, &changed);
		if (error)
			return error;
		if (changed)
			piece = plait_interval_find(&map->index, address);
	}
	*ret_found = piece != NULL;
	if (piece) {
		const struct entry *entry = &map->entries.data[piece->value];
		*ret = (struct plait_perf_map_symbol) {
			.name = map->text + entry->name,
			.name_size = entry->name_size,
			.start = entry->start,
			.size = entry->end - entry->start,
		};
	}
	return NULL;
}
