#include "cli/output.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "common/cleanup.h"

static struct plait_error *close_after(FILE *out, const char *path, struct plait_error *error)
{
	if (fclose(out) != 0 && !error)
		error = plait_error_system(errno, "cannot write %s", path);
	return error;
}

struct plait_error *plait_output_write(const char *path, const char *about, plait_output_writer writer, void *context)
{
	struct stat old;
	if (stat(path, &old) == 0 && !S_ISREG(old.st_mode)) { /* a pipe, a device */
		FILE *out = fopen(path, "w");
		if (!out)
			return plait_error_system(errno, "cannot open %s", path);
		return close_after(out, path, writer(context, out));
	}
	char *temporary PLAIT_FREE = NULL;
	if (asprintf(&temporary, "%s.%d.tmp", path, (int)getpid()) < 0)
		return plait_error_no_memory();
	FILE *out = fopen(temporary, "wx");
	if (!out)
		return plait_error_system(errno, "cannot create %s", path);
	struct plait_error *error = close_after(out, path, writer(context, out));
	if (!error && rename(temporary, path) != 0)
		error = plait_error_system(errno, "cannot write %s", path);
	if (error)
		unlink(temporary);
	else if (stat(path, &old) == 0)
		plait_say("wrote %s (%.1f %s, %s)", path, (double)old.st_size / (old.st_size < 1000000 ? 1e3 : 1e6),
			  old.st_size < 1000000 ? "KB" : "MB", about);
	return error;
}
