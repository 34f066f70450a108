#include "output/recording/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "output/recording/format.h"

static struct plait_error *refuse(const char *path, const char *what)
{
	return plait_error_advise(
		plait_error_new(PLAIT_ERROR_INVALID, "will not write the recording to %s: it is %s", path, what),
		"name another file");
}

/* Opens or creates without changing what is there. O_RDWR and O_NONBLOCK: a FIFO or a modem line must not block us
 * before it can be refused. */
static int open_unchanged(const char *path, bool *ret_created)
{
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, flags | O_EXCL, 0644);
	*ret_created = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, flags, 0644);
	return fd;
}

/* Whether what is in the file may be given up: nothing, a recording, or the very beginning of one. */
static bool replaceable(int fd)
{
	char start[PLAIT_RECORDING_MAGIC_SIZE];
	ssize_t got = pread(fd, start, sizeof(start), 0);
	return got >= 0 && !memcmp(start, PLAIT_RECORDING_MAGIC, (size_t)got);
}

static struct plait_error *open_error(const char *path, int err)
{
	if (err == EISDIR)
		return refuse(path, "a directory");
	struct plait_error *error = plait_error_system(err, "cannot create the recording %s", path);
	switch (err) {
	case ENOENT:
	case ENOTDIR:
		return plait_error_advise(error, "create its directory first, or name another file");
	case EACCES:
	case EPERM:
	case EROFS:
		return plait_error_advise(error, "name a file in a directory that you may write to");
	case ENOSPC:
	case EDQUOT:
		return plait_error_advise(error, "free some space, or name a file on another file system");
	default:
		return error;
	}
}

/* Checks the open file and empties it. */
static struct plait_error *take_over(const char *path, int fd, bool *ret_regular)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return plait_error_system(errno, "cannot examine %s", path);
	*ret_regular = S_ISREG(status.st_mode);
	if (S_ISCHR(status.st_mode))
		return isatty(fd) ? refuse(path, "a terminal") : NULL;
	if (!S_ISREG(status.st_mode))
		return refuse(path, S_ISFIFO(status.st_mode) ? "a pipe" : "not a regular file");
	if (!replaceable(fd))
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_INVALID,
					"will not overwrite %s: it exists and is not a plait recording", path),
			"name another file, or remove that one first");
	/* Two recorders in one file would destroy each other's blocks. File systems without locks go unchecked. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return refuse(path, "being written by another plait just now");
	if (ftruncate(fd, 0) < 0)
		return plait_error_system(errno, "cannot empty %s", path);
	return NULL;
}

struct plait_error *plait_output_file_open(const char *path, struct plait_output_file *ret)
{
	if (!strcmp(path, "-") || !*path)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE, "a recording cannot be written to standard output"),
			"name a file");
	bool created, regular = false;
	int fd PLAIT_CLOSE = open_unchanged(path, &created);
	if (fd < 0)
		return open_error(path, errno);
	PLAIT_TRY(take_over(path, fd, &regular));
	char *copy = strdup(path);
	if (!copy)
		return plait_error_no_memory();
	*ret = (struct plait_output_file) {
		.fd = PLAIT_TAKE_FD(fd), .path = copy, .regular = regular, .created = created
	};
	return NULL;
}

static struct plait_error *write_error(const struct plait_output_file *file, int err)
{
	struct plait_error *error = plait_error_system(err, "cannot write to the recording %s", file->path);
	if (err == ENOSPC || err == EDQUOT)
		return plait_error_advise(error,
					  "free some space and go on, or record to another file system; the %llu bytes "
					  "written so far are a readable recording",
					  (unsigned long long)file->size);
	if (err == EFBIG)
		return plait_error_advise(error, "raise the limit of file sizes (ulimit -f), or record for less long");
	return error;
}

struct plait_error *plait_output_file_append(struct plait_output_file *file, const void *data, size_t size)
{
	const char *from = data;
	size_t done = 0;
	while (done < size) {
		ssize_t wrote = pwrite(file->fd, from + done, size - done, (off_t)(file->size + done));
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0) {
			int err = wrote < 0 ? errno : EIO;
			/* Best effort: a reader takes half a block at the end for a cut recording anyway. */
			if (file->regular && ftruncate(file->fd, (off_t)file->size) < 0)
				return plait_error_context(write_error(file, err), "cut in the middle of a block");
			return write_error(file, err);
		}
		done += (size_t)wrote;
	}
	file->size += size;
	return NULL;
}

struct plait_error *plait_output_file_close(struct plait_output_file *file)
{
	struct plait_error *error = NULL;
	/* Linux has closed the descriptor also when close() says EINTR. */
	if (close(file->fd) < 0 && errno != EINTR)
		error = write_error(file, errno);
	file->fd = -1;
	free(PLAIT_TAKE(file->path));
	return error;
}

void plait_output_file_abandon(struct plait_output_file *file)
{
	if (file->created && !file->size)
		unlink(file->path);
	close(file->fd);
	file->fd = -1;
	free(PLAIT_TAKE(file->path));
}
