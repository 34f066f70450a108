#include "perf/event/tracefs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

#define GROUP "plait_%d" /* of the probes of one process */

static bool has_events(const char *root)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/events", root);
	return access(path, F_OK) == 0;
}

static bool find_mounted(struct plait_tracefs *ret)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	bool found = false;
	struct mntent entry;
	char strings[2048];
	while (mounts && !found && getmntent_r(mounts, &entry, strings, sizeof(strings))) {
		bool debug = strcmp(entry.mnt_type, "debugfs") == 0;
		if (!debug && strcmp(entry.mnt_type, "tracefs") != 0)
			continue;
		snprintf(ret->root, sizeof(ret->root), "%.200s%s", entry.mnt_dir, debug ? "/tracing" : "");
		found = has_events(ret->root);
	}
	if (mounts)
		endmntent(mounts);
	return found;
}

/* Since kernel 5.2 a file system can be mounted at a descriptor, without a place in the tree. */
static bool mount_detached(struct plait_tracefs *ret)
{
#ifdef SYS_fsopen
	int context PLAIT_CLOSE = (int)syscall(SYS_fsopen, "tracefs", 1 /* FSOPEN_CLOEXEC */);
	if (context < 0 || syscall(SYS_fsconfig, context, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) < 0)
		return false;
	ret->fd = (int)syscall(SYS_fsmount, context, 1 /* FSMOUNT_CLOEXEC */, 0);
	if (ret->fd < 0)
		return false;
	snprintf(ret->root, sizeof(ret->root), "/proc/self/fd/%d", ret->fd);
	return true;
#else
	(void)ret;
	errno = ENOSYS;
	return false;
#endif
}

struct plait_error *plait_tracefs_open(const struct plait_event_roots *roots, struct plait_tracefs *ret)
{
	*ret = (struct plait_tracefs) { .fd = -1 };
	if (roots->tracefs) {
		snprintf(ret->root, sizeof(ret->root), "%.255s", roots->tracefs);
		return NULL;
	}
	if (find_mounted(ret) || mount_detached(ret))
		return NULL;
	int err = errno;
	struct plait_error *error =
		plait_error_system(err, "tracepoints and probes need tracefs, which is not mounted");
	return plait_error_advise(error, err == ENODEV ? "this kernel was built without it (CONFIG_TRACING)"
						       : "as root: mount -t tracefs nodev /sys/kernel/tracing");
}

void plait_tracefs_close(struct plait_tracefs *tracefs)
{
	if (tracefs->fd >= 0)
		close(tracefs->fd);
	tracefs->fd = -1;
}

static bool is_plain(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

bool plait_tracefs_id(const struct plait_tracefs *tracefs, const char *system, const char *name, uint64_t *ret)
{
	char path[PATH_MAX];
	errno = ENOENT;
	if (!is_plain(system) || !is_plain(name))
		return false;
	snprintf(path, sizeof(path), "%s/events/%s/%s/id", tracefs->root, system, name);
	FILE *file PLAIT_FCLOSE = fopen(path, "re");
	return file && fscanf(file, "%" SCNu64, ret) == 1;
}

static void each_of(const struct plait_tracefs *tracefs, const char *system,
		    void (*visit)(void *context, const char *name), void *context)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/events/%s", tracefs->root, system);
	DIR *folder = opendir(path);
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		char name[2 * NAME_MAX + 2];
		if (entry->d_type == DT_REG || entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s:%s", system, entry->d_name);
		visit(context, name);
	}
	if (folder)
		closedir(folder);
}

void plait_tracefs_each(const struct plait_tracefs *tracefs, void (*visit)(void *context, const char *name),
			void *context)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/events", tracefs->root);
	DIR *folder = opendir(path);
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		if (entry->d_name[0] != '.' && entry->d_type != DT_REG)
			each_of(tracefs, entry->d_name, visit, context);
	}
	if (folder)
		closedir(folder);
}

static void offer(void *context, const char *name)
{
	plait_nearest_offer(context, name);
}

void plait_tracefs_offer(const struct plait_tracefs *tracefs, struct plait_nearest *nearest)
{
	plait_tracefs_each(tracefs, offer, nearest);
}

/* --- probes --- */

/* One command to the kernel's list of probes; 0 or an errno. */
static int command(const struct plait_tracefs *tracefs, const char *text)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/uprobe_events", tracefs->root);
	int fd PLAIT_CLOSE = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return errno;
	return write(fd, text, strlen(text)) < 0 ? errno : 0;
}

static struct plait_error *refuse_probe(const struct plait_event_spec *spec, int err)
{
	struct plait_error *error = plait_error_system(err, "event %s: making the probe", spec->name);
	switch (err) {
	case EACCES:
	case EPERM:
		return plait_error_advise(error, "probes are made by root only");
	case ENOENT:
		return plait_error_advise(error, "this kernel has no uprobes (CONFIG_UPROBE_EVENTS)");
	case EINVAL:
		return plait_error_advise(error, "the file must be on a real file system, and the offset the first "
						 "byte of an instruction in it");
	default:
		return error;
	}
}

struct plait_error *plait_tracefs_add_probe(const struct plait_tracefs *tracefs, size_t index,
					    struct plait_event_spec *spec)
{
	char system[32], name[32], text[PATH_MAX + 128];
	snprintf(system, sizeof(system), GROUP, (int)getpid());
	snprintf(name, sizeof(name), "e%zu", index);
	snprintf(text, sizeof(text), "%c:%s/%s %s:0x%" PRIx64 "\n", spec->probe_return ? 'r' : 'p', system, name,
		 spec->probe_path, spec->probe_offset);
	int err = command(tracefs, text);
	if (err)
		return refuse_probe(spec, err);
	spec->type = PERF_TYPE_TRACEPOINT;
	if (!plait_tracefs_id(tracefs, system, name, &spec->config))
		return refuse_probe(spec, errno);
	return NULL;
}

static void remove_group(const struct plait_tracefs *tracefs, const char *system)
{
	char path[PATH_MAX], text[2 * NAME_MAX + 8];
	snprintf(path, sizeof(path), "%s/events/%s", tracefs->root, system);
	DIR *folder = opendir(path);
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		if (entry->d_name[0] != 'e' || entry->d_name[1] < '0' || entry->d_name[1] > '9')
			continue;
		snprintf(text, sizeof(text), "-:%s/%s\n", system, entry->d_name);
		command(tracefs, text);
	}
	if (folder)
		closedir(folder);
}

void plait_tracefs_remove_probes(const struct plait_tracefs *tracefs, int pid)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/events", tracefs->root);
	DIR *folder = opendir(path);
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		int owner, length = 0;
		if (sscanf(entry->d_name, GROUP "%n", &owner, &length) != 1 || entry->d_name[length])
			continue;
		if (pid ? owner == pid : kill(owner, 0) < 0 && errno == ESRCH)
			remove_group(tracefs, entry->d_name);
	}
	if (folder)
		closedir(folder);
}
