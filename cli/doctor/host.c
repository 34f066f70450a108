/* What the host allows, as its settings say. What really works is tried elsewhere (trials.c). */
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/doctor/finding.h"
#include "common/file.h"

/* Of <linux/capability.h> of Linux 5.8, where an older header lacks them. */
#define CAPABILITY_PERFMON 38
#define CAPABILITY_BPF 39

static bool add_kernel(struct plait_findings *findings)
{
	struct utsname host;
	unsigned int major = 0, minor = 0;
	uname(&host);
	sscanf(host.release, "%u.%u", &major, &minor);
	bool old = major < 5 || (major == 5 && minor < 10);
	char text[256];
	snprintf(text, sizeof(text), "Linux %.60s, %.20s, host %.60s", host.release, host.machine, host.nodename);
	return plait_findings_add(findings, "host", "kernel", old ? PLAIT_FINDING_FAILS : PLAIT_FINDING_FACT, text,
				  old ? "engine bpf needs Linux 5.10 or newer" : NULL);
}

static bool add_rights(struct plait_findings *findings)
{
	static const struct {
		int bit;
		const char *name;
	} wanted[] = {
		{ CAPABILITY_BPF, "CAP_BPF" },	      { CAPABILITY_PERFMON, "CAP_PERFMON" },
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE" }, { CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
		{ CAP_SYSLOG, "CAP_SYSLOG" },
	};
	char text[256];
	uint64_t mask = 0;
	plait_file_own_capabilities(&mask);
	int size = snprintf(text, sizeof(text), "user %u", geteuid());
	bool any = false;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (!(mask >> wanted[i].bit & 1))
			continue;
		size += snprintf(text + size, sizeof(text) - (size_t)size, "%s%s", any ? ", " : " with ",
				 wanted[i].name);
		any = true;
	}
	snprintf(text + size, sizeof(text) - (size_t)size, "%s", any ? "" : " without the capabilities of a profiler");
	bool enough = mask >> CAP_SYS_ADMIN & 1 || (mask >> CAPABILITY_BPF & 1 && mask >> CAPABILITY_PERFMON & 1);
	const char *remedy = findings->in_container
				     ? "as root in a container with the capabilities: docker run (or podman run) "
				       "--cap-add BPF --cap-add PERFMON --cap-add SYS_PTRACE; "
				       "Kubernetes: securityContext: {capabilities: {add: [BPF, PERFMON, SYS_PTRACE]}}"
				     : "sudo plait ..., or once: sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace+ep "
				       "\"$(command -v plait)\"";
	return plait_findings_add(findings, "host", "rights", enough ? PLAIT_FINDING_FACT : PLAIT_FINDING_LIMITED, text,
				  enough ? NULL : remedy);
}

/* A container's mark; NULL: there is none. */
static const char *container(void)
{
	char line[512];
	const char *kind = getenv("container"); /* systemd-nspawn, podman */
	if (getenv("KUBERNETES_SERVICE_HOST"))
		return "Kubernetes";
	if (access("/.dockerenv", F_OK) == 0)
		return "Docker";
	if (access("/run/.containerenv", F_OK) == 0)
		return "Podman";
	if (kind && *kind)
		return "a container";
	if (plait_file_first_line("/proc/1/cgroup", line, sizeof(line)) &&
	    (strstr(line, "docker") || strstr(line, "kubepods")))
		return "a container";
	return NULL;
}

static bool add_container(struct plait_findings *findings)
{
	const char *kind = container();
	char seccomp[16] = "?";
	plait_file_own_status("Seccomp", seccomp, sizeof(seccomp));
	findings->in_container = kind != NULL;
	bool filtered = strcmp(seccomp, "2") == 0;
	if (!kind && !filtered)
		return true;
	char text[128];
	snprintf(text, sizeof(text), "%s%s%s", kind ? "in " : "", kind ? kind : "",
		 !filtered ? ""
		 : kind	   ? ", behind a seccomp filter"
			   : "this process is behind a seccomp filter");
	return plait_findings_add(
		findings, "host", "container", filtered ? PLAIT_FINDING_LIMITED : PLAIT_FINDING_FACT, text,
		filtered ? "where the filter refuses bpf or perf_event_open: docker run (or podman run) --security-opt "
			   "seccomp=unconfined; Kubernetes: securityContext: {seccompProfile: {type: Unconfined}}"
			 : NULL);
}

/* A setting that is a number; `good` is the highest one that hinders nothing. */
static bool add_setting(struct plait_findings *findings, const char *name, const char *path, long good,
			const char *hinders, const char *remedy)
{
	char line[64], text[256];
	if (!plait_file_first_line(path, line, sizeof(line)))
		return true; /* this kernel does not have it */
	long value = strtol(line, NULL, 10);
	bool fine = value <= good || geteuid() == 0;
	snprintf(text, sizeof(text), "%ld%s%s", value, fine ? "" : ": ", fine ? "" : hinders);
	return plait_findings_add(findings, "host", name, fine ? PLAIT_FINDING_FACT : PLAIT_FINDING_LIMITED, text,
				  fine ? NULL : remedy);
}

static bool add_settings(struct plait_findings *findings)
{
	return add_setting(findings, "perf_event_paranoid", "/proc/sys/kernel/perf_event_paranoid", 1,
			   "users without CAP_PERFMON get no events of the kernel (2) or none at all (3, 4)",
			   "sudo sysctl kernel.perf_event_paranoid=1") &&
	       add_setting(findings, "kptr_restrict", "/proc/sys/kernel/kptr_restrict", 0,
			   "kernel functions have no names for users without CAP_SYSLOG",
			   "sudo sysctl kernel.kptr_restrict=0") &&
	       add_setting(findings, "ptrace_scope", "/proc/sys/kernel/yama/ptrace_scope", 0,
			   "processes that plait did not start may not be read (Yama)",
			   "sudo sysctl kernel.yama.ptrace_scope=0, or run as root") &&
	       add_setting(findings, "unprivileged_bpf", "/proc/sys/kernel/unprivileged_bpf_disabled", 0,
			   "kernel.unprivileged_bpf_disabled: BPF needs CAP_BPF", NULL);
}

static bool add_lockdown(struct plait_findings *findings)
{
	char line[128];
	if (!plait_file_first_line("/sys/kernel/security/lockdown", line, sizeof(line)))
		return true;
	bool closed = strstr(line, "[confidentiality]") != NULL;
	return plait_findings_add(findings, "host", "lockdown", closed ? PLAIT_FINDING_FAILS : PLAIT_FINDING_FACT, line,
				  closed ? "boot with lockdown=integrity on the kernel's command line" : NULL);
}

static bool add_btf(struct plait_findings *findings)
{
	bool there = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	return plait_findings_add(findings, "host", "BTF", there ? PLAIT_FINDING_FACT : PLAIT_FINDING_FAILS,
				  there ? "the kernel describes its types" : "/sys/kernel/btf/vmlinux is not there",
				  there ? NULL : "a kernel with CONFIG_DEBUG_INFO_BTF, as distributions build it");
}

static bool add_memlock(struct plait_findings *findings)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || geteuid() == 0)
		return true;
	return plait_findings_tell(findings, "host", "memlock", PLAIT_FINDING_FACT, "%llu KiB of locked memory",
				   (unsigned long long)limit.rlim_cur / 1024);
}

struct plait_error *plait_doctor_host(struct plait_findings *findings)
{
	bool added = add_kernel(findings) && add_container(findings) && add_rights(findings) &&
		     add_settings(findings) && add_lockdown(findings) && add_btf(findings) && add_memlock(findings);
	return added ? NULL : plait_error_no_memory();
}
