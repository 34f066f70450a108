#include "perf/event/refusal.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/cleanup.h"
#include "common/file.h"
#include "perf/event/core_pmu.h"

#define PARANOID_UNKNOWN (-100)
#define CAPABILITY_SYS_ADMIN 21
#define CAPABILITY_PERFMON 38

static bool read_number(const char *path, long long *ret)
{
	FILE *file PLAIT_FCLOSE = fopen(path, "re");
	return file && fscanf(file, "%lld", ret) == 1;
}

static bool has_perfmon(void)
{
	uint64_t effective;
	return plait_file_own_capabilities(&effective) &&
	       (effective >> CAPABILITY_PERFMON & 1 || effective >> CAPABILITY_SYS_ADMIN & 1);
}

/* The CPU's flags name a hypervisor on x86; elsewhere this says no, and the message then does not mention one. */
static bool in_virtual_machine(void)
{
	FILE *file PLAIT_FCLOSE = fopen("/proc/cpuinfo", "re");
	char *line PLAIT_FREE = NULL;
	size_t size = 0;
	while (file && getline(&line, &size, file) > 0)
		if (strncmp(line, "flags", 5) == 0)
			return strstr(line, " hypervisor") != NULL;
	return false;
}

void plait_event_host_read(struct plait_event_host *ret)
{
	long long number;
	*ret = (struct plait_event_host) { .paranoid = PARANOID_UNKNOWN };
	if (read_number("/proc/sys/kernel/perf_event_paranoid", &number))
		ret->paranoid = (int)number;
	if (read_number("/proc/sys/kernel/perf_event_max_sample_rate", &number) && number > 0)
		ret->max_sample_rate = (uint64_t)number;
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		ret->descriptors = limit.rlim_cur;
	ret->perfmon = has_perfmon();
	ret->virtual_machine = in_virtual_machine();
	ret->pmu = plait_core_pmu_exists(&(struct plait_event_roots) { .sysfs = "/sys" });
}

static bool is_hardware(const struct perf_event_attr *attr)
{
	return attr->type == PERF_TYPE_HARDWARE || attr->type == PERF_TYPE_HW_CACHE || attr->type == PERF_TYPE_RAW;
}

/* The highest perf_event_paranoid that would have allowed this without CAP_PERFMON. */
static int allowed_paranoid(const struct perf_event_attr *attr, int pid)
{
	if (pid == -1)
		return 0;
	return attr->exclude_kernel ? 2 : 1;
}

static struct plait_error *refuse_permission(const struct plait_event_host *host, const struct plait_event_spec *spec,
					     const struct perf_event_attr *attr, int pid, int err)
{
	struct plait_error *error = plait_error_system(err, "opening event %s", spec->name);
	int allowed = allowed_paranoid(attr, pid);
	if (host->perfmon)
		return plait_error_advise(error,
					  "this process has CAP_PERFMON: a seccomp filter (as containers have), a "
					  "security module or the owner of process %d refuses it; run outside "
					  "the container or allow perf_event_open there",
					  pid);
	if (host->paranoid == PARANOID_UNKNOWN || host->paranoid > allowed)
		return plait_error_advise(error,
					  "kernel.perf_event_paranoid is %d and this process lacks CAP_PERFMON: run as "
					  "root, give it CAP_PERFMON and CAP_BPF, or set sysctl "
					  "kernel.perf_event_paranoid=%d%s",
					  host->paranoid == PARANOID_UNKNOWN ? 2 : host->paranoid, allowed,
					  attr->exclude_kernel || pid == -1 ? "" : ", or leave the kernel out (:u)");
	return plait_error_advise(error,
				  "the process belongs to another user, or a seccomp filter (as containers have) "
				  "refuses perf_event_open: run as root or with CAP_PERFMON");
}

static struct plait_error *refuse_hardware(const struct plait_event_host *host, const struct plait_event_spec *spec,
					   const struct perf_event_attr *attr, int err)
{
	struct plait_error *error;
	const char *machine = host->virtual_machine ? "this virtual machine" : "this machine";
	if (err == EOPNOTSUPP && attr->precise_ip)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED,
							  "event %s: %s cannot sample it precisely", spec->name,
							  machine),
					  "leave modifier p out");
	error = plait_error_new(PLAIT_ERROR_UNSUPPORTED,
				host->pmu ? "event %s: the PMU of %s does not count it"
					  : "event %s: %s offers no hardware counter (PMU) for it",
				spec->name, machine);
	error->system_errno = err;
	if (host->pmu)
		return plait_error_advise(error, "plait list shows what it counts");
	return plait_error_advise(error,
				  "use an event that the kernel counts itself (-e cpu-clock, page-faults, "
				  "context-switches)%s",
				  host->virtual_machine ? ", or give the virtual machine a PMU" : "");
}

/* A PMU besides the processor's own that has no interrupt: "msr", uncore. */
static bool only_counts(const struct plait_event_spec *spec, const struct perf_event_attr *attr)
{
	return spec->kind == PLAIT_EVENT_PMU && attr->type >= PERF_TYPE_MAX && attr->sample_period;
}

static struct plait_error *refuse_sampling(const struct plait_event_spec *spec, int err)
{
	struct plait_error *error = plait_error_new(
		PLAIT_ERROR_UNSUPPORTED,
		"event %s: its PMU only counts (for the whole machine, as a rule), it takes no samples", spec->name);
	error->system_errno = err;
	return plait_error_advise(error, "put an event that samples before it: {cpu-clock,%s}:S", spec->name);
}

static struct plait_error *refuse_arguments(const struct plait_event_host *host, const struct plait_event_spec *spec,
					    const struct perf_event_attr *attr)
{
	if (attr->freq && host->max_sample_rate && attr->sample_freq > host->max_sample_rate)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE,
					"event %s: %llu samples a second are more than the kernel allows", spec->name,
					(unsigned long long)attr->sample_freq),
			"at most %llu, or raise sysctl kernel.perf_event_max_sample_rate",
			(unsigned long long)host->max_sample_rate);
	if (is_hardware(attr) && spec->leader != PLAIT_EVENT_ALONE && !attr->precise_ip) {
		struct plait_error *error =
			plait_error_new(PLAIT_ERROR_UNSUPPORTED,
					"event %s: its group needs more counters at once than the PMU has", spec->name);
		error->system_errno = EINVAL;
		return plait_error_advise(error,
					  "make the group smaller, or leave the braces out: then they take turns");
	}
	return plait_error_advise(plait_error_system(EINVAL, "opening event %s", spec->name),
				  "this kernel does not take the combination of event and options%s",
				  attr->precise_ip ? "; leave modifier p out" : "");
}

struct plait_error *plait_event_refusal(const struct plait_event_host *host, const struct plait_event_spec *spec,
					const struct perf_event_attr *attr, int pid, int cpu, int err)
{
	switch (err) {
	case EACCES:
	case EPERM:
		return refuse_permission(host, spec, attr, pid, err);
	case ENOENT:
	case EOPNOTSUPP:
	case ENODEV:
	case ENXIO:
		if (is_hardware(attr))
			return refuse_hardware(host, spec, attr, err);
		if (only_counts(spec, attr))
			return refuse_sampling(spec, err);
		if (err == ENODEV && cpu >= 0)
			return plait_error_system(err, "opening event %s: CPU %d is not online", spec->name, cpu);
		break;
	case EINVAL:
		if (only_counts(spec, attr))
			return refuse_sampling(spec, err);
		return refuse_arguments(host, spec, attr);
	case ESRCH:
		return plait_error_system(err, "opening event %s: there is no process or thread %d", spec->name, pid);
	case EMFILE:
	case ENFILE:
		return plait_error_advise(plait_error_system(err, "opening event %s", spec->name),
					  err == EMFILE ? "this process may open %llu files: raise the limit (ulimit "
							  "-n), or profile fewer threads"
							: "the whole system has run out of open files (now %llu for "
							  "this process): raise sysctl fs.file-max",
					  (unsigned long long)host->descriptors);
	case ENOSYS:
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_UNSUPPORTED, "opening event %s: this kernel has no perf events",
					spec->name),
			"they need CONFIG_PERF_EVENTS; a sandbox without perf_event_open answers so too");
	case EBUSY:
		return plait_error_advise(
			plait_error_system(err, "opening event %s", spec->name),
			"another program has the counters for itself: end it, or choose another event");
	case ENOMEM:
	case E2BIG:
	default:
		break;
	}
	return plait_error_system(err, "opening event %s", spec->name);
}
