#include "perf/event/event.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "perf/event/refusal.h"

/* Sets the soft limit of descriptors to the hard one; false when it was there already. */
static bool raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
		return false;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

struct plait_error *plait_event_open(const struct plait_event_spec *spec, struct perf_event_attr *attr, int pid,
				     int cpu, int group_fd, int *ret_fd)
{
	for (;;) {
		long fd = syscall(SYS_perf_event_open, attr, pid, cpu, group_fd, PERF_FLAG_FD_CLOEXEC);
		if (fd >= 0) {
			*ret_fd = (int)fd;
			return NULL;
		}
		int err = errno;
		if (err == EINTR || (err == EMFILE && raise_descriptor_limit()))
			continue;
		struct plait_event_host host;
		plait_event_host_read(&host);
		return plait_event_refusal(&host, spec, attr, pid, cpu, err);
	}
}
