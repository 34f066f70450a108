/* links: plait_python_unwind */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "python_unwind/bpf/refusal.h"

/* The error for `err` has `code`, and its advice contains `advice`. */
static void refusal_is(int err, const char *log, enum plait_error_code code, const char *advice)
{
	struct plait_error *error = plait_sampler_refusal(err, log);
	assert_int_equal(error->code, code);
	assert_non_null(error->advice);
	if (!strstr(error->advice, advice))
		fail_msg("'%s' does not say '%s'", error->advice, advice);
	assert_null(strchr(error->message, '\n'));
	plait_error_free(error);
}

static void each_refusal_says_what_to_do(void **state)
{
	(void)state;
	refusal_is(ENOSYS, "", PLAIT_ERROR_UNSUPPORTED, "CONFIG_BPF_SYSCALL");
	refusal_is(ENOMEM, "", PLAIT_ERROR_SYSTEM, "ulimit -l");
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0) {
		refusal_is(EINVAL, "processed 3 insns", PLAIT_ERROR_SYSTEM, "libbpf said: processed 3 insns");
		refusal_is(E2BIG, "", PLAIT_ERROR_SYSTEM, "libbpf said: nothing");
	} else {
		refusal_is(EINVAL, "", PLAIT_ERROR_UNSUPPORTED, "CONFIG_DEBUG_INFO_BTF");
	}
}

static void a_missing_right_is_named(void **state)
{
	(void)state;
	/* Which one depends on who runs the test; each advice names capabilities or what else forbids it. */
	struct plait_error *error = plait_sampler_refusal(EPERM, "some log");
	assert_int_equal(error->code, PLAIT_ERROR_PERMISSION);
	assert_int_equal(error->system_errno, EPERM);
	assert_non_null(error->advice);
	assert_true(strstr(error->advice, "CAP_") || strstr(error->advice, "locked down") ||
		    strstr(error->advice, "seccomp"));
	plait_error_free(error);
	if (geteuid() != 0)
		refusal_is(EACCES, "", PLAIT_ERROR_PERMISSION, "CAP_");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_refusal_says_what_to_do),
		cmocka_unit_test(a_missing_right_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
