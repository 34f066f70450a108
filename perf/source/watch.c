#include "perf/source/watch.h"

#include <linux/hw_breakpoint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "perf/event/event.h"

static struct plait_error *open_watch(pid_t tid, uint64_t address, int *ret_fd)
{
	struct plait_event_spec spec = {
		.name = "mem: (a watchpoint)",
		.kind = PLAIT_EVENT_BREAKPOINT,
		.type = PERF_TYPE_BREAKPOINT,
		.exclude_kernel = true,
		.exclude_hypervisor = true,
		.breakpoint = HW_BREAKPOINT_W,
		.breakpoint_address = address,
		.breakpoint_length = 8,
		.period = 1,
	};
	struct perf_event_attr attr;
	plait_event_attributes(&spec, &attr);
	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	attr.disabled = 1;
	return plait_event_open(&spec, &attr, tid, -1, -1, ret_fd);
}

struct plait_error *plait_watch_check(void)
{
	static uint64_t word;
	struct plait_watch watch = PLAIT_WATCH_NONE;
	PLAIT_TRY(open_watch(0, (uint64_t)(uintptr_t)&word, &watch.fd));
	plait_watch_release(&watch);
	return NULL;
}

/* A new event each time: one that was stopped by its limit never counts again where the kernel is 6.16 or newer (its
 * state keeps PERF_HES_STOPPED, which only hw_breakpoint_start() takes away: kernel/events/hw_breakpoint.c). */
bool plait_watch_set(struct plait_watch *watch, pid_t tid, uint64_t address)
{
	plait_watch_release(watch);
	struct plait_error *error = open_watch(tid, address, &watch->fd);
	if (!error && ioctl(watch->fd, PERF_EVENT_IOC_REFRESH, 1) == 0)
		return true;
	plait_error_free(error);
	plait_watch_release(watch);
	return false;
}

bool plait_watch_is_untouched(const struct plait_watch *watch)
{
	struct {
		uint64_t count, enabled, running;
	} now;
	/* Not for a moment without its debug register while the thread ran. */
	return watch->fd >= 0 && read(watch->fd, &now, sizeof(now)) == sizeof(now) && now.count == 0 &&
	       now.enabled == now.running;
}

void plait_watch_release(struct plait_watch *watch)
{
	if (watch->fd >= 0)
		close(watch->fd);
	*watch = PLAIT_WATCH_NONE;
}
