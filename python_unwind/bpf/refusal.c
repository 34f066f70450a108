#include "python_unwind/bpf/refusal.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
#define LOCKDOWN_PATH "/sys/kernel/security/lockdown"

/* The effective capabilities of this process; all of them when that cannot be read. */
static uint64_t capabilities(void)
{
	uint64_t mask;
	return plait_file_own_capabilities(&mask) ? mask : UINT64_MAX;
}

static bool has_capability(int capability)
{
	return capabilities() >> capability & 1;
}

/* Whether the kernel is locked down so far that BPF may read no memory. */
static bool is_locked_down(void)
{
	char line[128];
	return plait_file_first_line(LOCKDOWN_PATH, line, sizeof(line)) && strstr(line, "[confidentiality]");
}

static struct plait_error *refused(int err, const char *log)
{
	struct plait_error *error = plait_error_system(err, "the kernel refused the BPF sampler");
	if (!has_capability(CAP_SYS_ADMIN) && !has_capability(CAP_BPF))
		return plait_error_advise(error, "run as root, or give the program CAP_BPF and CAP_PERFMON (setcap "
						 "cap_bpf,cap_perfmon+ep; before Linux 5.8 CAP_SYS_ADMIN)");
	if (!has_capability(CAP_SYS_ADMIN) && !has_capability(CAP_PERFMON))
		return plait_error_advise(error, "CAP_BPF is there, CAP_PERFMON is missing: give the program both "
						 "(setcap cap_bpf,cap_perfmon+ep)");
	if (is_locked_down())
		return plait_error_advise(error,
					  "the kernel is locked down (%s says confidentiality), so BPF may not "
					  "read memory: boot with lockdown=integrity or without Secure Boot",
					  LOCKDOWN_PATH);
	return plait_error_advise(error,
				  "the capabilities are there, so something else forbids it: in a container its "
				  "seccomp profile must allow bpf(2). The kernel said: %s",
				  *log ? log : "nothing");
}

struct plait_error *plait_sampler_refusal(int err, const char *log)
{
	if (err == EPERM || err == EACCES)
		return refused(err, log);
	if (err == ENOMEM)
		return plait_error_advise(plait_error_system(err, "cannot load the BPF sampler"),
					  "raise the limit of locked memory (ulimit -l unlimited) or free memory");
	if (err == ENOSYS)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED, "this kernel has no BPF"),
					  "a kernel with CONFIG_BPF_SYSCALL is needed");
	if (access(BTF_PATH, R_OK) != 0)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED,
							  "this kernel does not describe its types: %s is missing",
							  BTF_PATH),
					  "a kernel with CONFIG_DEBUG_INFO_BTF is needed (Linux 5.10 or newer of most "
					  "distributions)");
	return plait_error_advise(plait_error_system(err, "cannot load the BPF sampler"),
				  "Linux 5.10 or newer is needed; libbpf said: %s", *log ? log : "nothing");
}
