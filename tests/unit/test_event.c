/* links: plait_perf plait_common */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <linux/hw_breakpoint.h>

#include "perf/event/event.h"
#include "perf/event/names.h"
#include "perf/event/refusal.h"
#include "perf/source/cpus.h"

static struct plait_event_spec parse(const char *text)
{
	struct plait_event_spec spec;
	struct plait_error *error = plait_event_parse(text, &spec);
	if (error)
		fail_msg("%s: %s", text, error->message);
	return spec;
}

/* The text is refused, with both texts somewhere in message and advice. */
static void refused(const char *text, const char *message, const char *advice)
{
	struct plait_event_spec spec;
	memset(&spec, 0x5a, sizeof(spec));
	struct plait_event_spec before = spec;
	struct plait_error *error = plait_event_parse(text, &spec);
	assert_non_null(error);
	assert_int_equal(error->code, PLAIT_ERROR_USAGE);
	if (!strstr(error->message, message))
		fail_msg("'%s' lacks '%s'", error->message, message);
	if (advice && (!error->advice || !strstr(error->advice, advice)))
		fail_msg("'%s' lacks '%s'", error->advice ? error->advice : "(none)", advice);
	plait_error_free(error);
	assert_memory_equal(&spec, &before, sizeof(spec)); /* untouched on failure */
}

static void test_names(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t type;
		uint64_t config;
		enum plait_event_unit unit;
	} cases[] = {
		{ "cpu-clock", PERF_TYPE_SOFTWARE, 0, PLAIT_EVENT_UNIT_NS },
		{ "task-clock", PERF_TYPE_SOFTWARE, 1, PLAIT_EVENT_UNIT_NS },
		{ "page-faults", PERF_TYPE_SOFTWARE, 2, PLAIT_EVENT_UNIT_COUNT },
		{ "faults", PERF_TYPE_SOFTWARE, 2, PLAIT_EVENT_UNIT_COUNT },
		{ "cs", PERF_TYPE_SOFTWARE, 3, PLAIT_EVENT_UNIT_COUNT },
		{ "context-switches", PERF_TYPE_SOFTWARE, 3, PLAIT_EVENT_UNIT_COUNT },
		{ "cpu-migrations", PERF_TYPE_SOFTWARE, 4, PLAIT_EVENT_UNIT_COUNT },
		{ "minor-faults", PERF_TYPE_SOFTWARE, 5, PLAIT_EVENT_UNIT_COUNT },
		{ "major-faults", PERF_TYPE_SOFTWARE, 6, PLAIT_EVENT_UNIT_COUNT },
		{ "alignment-faults", PERF_TYPE_SOFTWARE, 7, PLAIT_EVENT_UNIT_COUNT },
		{ "emulation-faults", PERF_TYPE_SOFTWARE, 8, PLAIT_EVENT_UNIT_COUNT },
		{ "cycles", PERF_TYPE_HARDWARE, 0, PLAIT_EVENT_UNIT_COUNT },
		{ "cpu-cycles", PERF_TYPE_HARDWARE, 0, PLAIT_EVENT_UNIT_COUNT },
		{ "instructions", PERF_TYPE_HARDWARE, 1, PLAIT_EVENT_UNIT_COUNT },
		{ "cache-references", PERF_TYPE_HARDWARE, 2, PLAIT_EVENT_UNIT_COUNT },
		{ "cache-misses", PERF_TYPE_HARDWARE, 3, PLAIT_EVENT_UNIT_COUNT },
		{ "branches", PERF_TYPE_HARDWARE, 4, PLAIT_EVENT_UNIT_COUNT },
		{ "branch-misses", PERF_TYPE_HARDWARE, 5, PLAIT_EVENT_UNIT_COUNT },
		{ "bus-cycles", PERF_TYPE_HARDWARE, 6, PLAIT_EVENT_UNIT_COUNT },
		{ "ref-cycles", PERF_TYPE_HARDWARE, 9, PLAIT_EVENT_UNIT_COUNT },
		/* cache | operation << 8 | result << 16, perf_event_open(2) */
		{ "L1-dcache-loads", PERF_TYPE_HW_CACHE, 0x000000, PLAIT_EVENT_UNIT_COUNT },
		{ "L1-dcache-store-misses", PERF_TYPE_HW_CACHE, 0x010100, PLAIT_EVENT_UNIT_COUNT },
		{ "L1-icache-load-misses", PERF_TYPE_HW_CACHE, 0x010001, PLAIT_EVENT_UNIT_COUNT },
		{ "LLC-load-misses", PERF_TYPE_HW_CACHE, 0x010002, PLAIT_EVENT_UNIT_COUNT },
		{ "LLC-prefetches", PERF_TYPE_HW_CACHE, 0x000202, PLAIT_EVENT_UNIT_COUNT },
		{ "dTLB-load-misses", PERF_TYPE_HW_CACHE, 0x010003, PLAIT_EVENT_UNIT_COUNT },
		{ "iTLB-loads", PERF_TYPE_HW_CACHE, 0x000004, PLAIT_EVENT_UNIT_COUNT },
		{ "branch-load-misses", PERF_TYPE_HW_CACHE, 0x010005, PLAIT_EVENT_UNIT_COUNT },
		{ "node-stores", PERF_TYPE_HW_CACHE, 0x000106, PLAIT_EVENT_UNIT_COUNT },
		{ "llc-LOAD-misses", PERF_TYPE_HW_CACHE, 0x010002, PLAIT_EVENT_UNIT_COUNT },
		{ "r1a8", PERF_TYPE_RAW, 0x1a8, PLAIT_EVENT_UNIT_COUNT },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plait_event_spec spec = parse(cases[i].text);
		assert_string_equal(spec.name, cases[i].text);
		assert_int_equal(spec.type, cases[i].type);
		assert_int_equal(spec.config, cases[i].config);
		assert_int_equal(spec.unit, cases[i].unit);
		assert_false(spec.exclude_user || spec.exclude_kernel || spec.exclude_hypervisor);
		assert_int_equal(spec.precise, 0);
	}
}

static void test_modifiers(void **state)
{
	(void)state;
	struct plait_event_spec spec = parse("cpu-clock:u");
	assert_true(!spec.exclude_user && spec.exclude_kernel && spec.exclude_hypervisor);
	spec = parse("cycles:k");
	assert_true(spec.exclude_user && !spec.exclude_kernel && spec.exclude_hypervisor);
	spec = parse("cycles:uh");
	assert_true(!spec.exclude_user && spec.exclude_kernel && !spec.exclude_hypervisor);
	spec = parse("cycles:ppp");
	assert_int_equal(spec.precise, 3);
	assert_false(spec.exclude_kernel);
	spec = parse("cycles:upp");
	assert_int_equal(spec.precise, 2);
	assert_true(spec.exclude_kernel);
	assert_string_equal(spec.name, "cycles:upp");
}

static void test_refused_names(void **state)
{
	(void)state;
	refused("cpu-clok", "no event 'cpu-clok'", "cpu-clock");
	refused("cycels", "no event", "cycles");
	refused("page-fault", "no event", "page-faults");
	refused("misses", "no event", "cache-misses");
	refused("LLC-misses", "no event", "LLC-load-misses");
	refused("zzzzzzzzzz", "no event", "for example");
	refused("rxyz", "no event", NULL);
	refused("r12345678901234567", "no event", NULL);
	refused("L1-icache-stores", "no event", "L1-");
	refused("cycles@", "no rate", "cache-misses@10000");
	refused("cycles@0", "no rate", NULL);
	refused("cycles@10x", "no rate", NULL);
	refused("cycles@-5", "no rate", NULL);
	refused("cycles@99999999999999999999", "no rate", NULL);
	refused("cycles@18446744073709551615k", "no rate", NULL);
	refused("", "empty", NULL);
	refused(":u", "empty", NULL);
	refused("cycles:", "no modifier", NULL);
	refused("cycles:x", "unknown modifier 'x'", "u (user)");
	refused("cycles:pppp", "more than three", NULL);
	refused("cpu-clock:p", "hardware", NULL);
	char crowded[PLAIT_EVENT_NAME_SIZE + 64] = "cycles:";
	memset(crowded + 7, 'u', sizeof(crowded) - 8);
	refused(crowded, "too many", NULL);
	char endless[5000];
	memset(endless, 'c', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	refused(endless, "no event", NULL);
}

static void test_nearest(void **state)
{
	(void)state;
	struct plait_nearest nearest = { .name = "cycles:nonsense",
					 .length = 6 }; /* what lies behind is not the name's */
	static const char *const known[] = { "bicycle", "cycle", "ref-cycles", "CYCLES", "cycles", "cyclist", "motor" };
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		plait_nearest_offer(&nearest, known[i]);
	assert_int_equal(nearest.count, 3);
	assert_string_equal(nearest.names[0], "CYCLES"); /* and the same in other letters but once */
	assert_string_equal(nearest.names[1], "cycle");
	assert_string_equal(nearest.names[2], "cyclist"); /* bicycle and ref-cycles are farther */
	struct plait_nearest none = { .name = "", .length = 0 };
	plait_nearest_offer(&none, "cycles");
	assert_int_equal(none.count, 0);
	char endless[200];
	memset(endless, 'c', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	plait_nearest_offer(&nearest, endless);
	struct plait_nearest longest = { .name = endless, .length = sizeof(endless) - 1 };
	plait_nearest_offer(&longest, endless);
	assert_int_equal(longest.count, 0);
}

static void test_list(void **state)
{
	(void)state;
	struct plait_event_list list = { 0 };
	assert_null(plait_event_list_parse(&list, "cpu-clock,page-faults:u"));
	assert_int_equal(list.specs.count, 2);
	assert_string_equal(list.specs.data[1].name, "page-faults:u");
	const char *bad[] = { "cs,", ",cs", "", "cs,nonsense" };
	for (size_t i = 0; i < 4; i++) {
		struct plait_error *error = plait_event_list_parse(&list, bad[i]);
		assert_non_null(error);
		plait_error_free(error);
		assert_int_equal(list.specs.count, 2);
	}
	plait_event_list_release(&list);
}

static void test_rates(void **state)
{
	(void)state;
	struct plait_event_spec spec = parse("cpu-clock");
	plait_event_set_rate(&spec, 0, 0);
	assert_true(spec.frequency > 0 && spec.period == 0);
	plait_event_set_rate(&spec, 99, 0);
	assert_true(spec.frequency == 99 && spec.period == 0);
	plait_event_set_rate(&spec, 0, 5000);
	assert_true(spec.frequency == 0 && spec.period == 5000);
	const char *each[] = { "page-faults", "context-switches", "cpu-migrations", "major-faults:u" };
	for (size_t i = 0; i < 4; i++) {
		spec = parse(each[i]);
		plait_event_set_rate(&spec, 0, 0);
		assert_true(spec.frequency == 0 && spec.period == 1);
		plait_event_set_rate(&spec, 10, 0);
		assert_true(spec.frequency == 10 && spec.period == 0);
	}
	spec = parse("cycles");
	plait_event_set_rate(&spec, 0, 0);
	assert_true(spec.frequency > 0 && spec.period == 0);
}

/* A rate of its own stands, whatever -F and -c say. */
static void test_own_rates(void **state)
{
	(void)state;
	static const struct {
		const char *text, *name;
		uint64_t frequency, period;
	} cases[] = {
		{ "cache-misses@10000", "cache-misses", 0, 10000 },
		{ "cycles:u@10k", "cycles:u", 0, 10000 },
		{ "cycles@2M", "cycles", 0, 2000000 },
		{ "cycles@999hz", "cycles", 999, 0 },
		{ "cpu-clock@1kHz", "cpu-clock", 1000, 0 },
		{ "mem:0x10/8:w@3", "mem:0x10/8:w", 0, 3 },
		{ "instructions@3g", "instructions", 0, 3000000000 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plait_event_spec spec = parse(cases[i].text);
		plait_event_set_rate(&spec, 50, 0);
		assert_string_equal(spec.name, cases[i].name);
		assert_true(spec.has_rate);
		assert_int_equal(spec.frequency, cases[i].frequency);
		assert_int_equal(spec.period, cases[i].period);
	}
}

static void test_attributes(void **state)
{
	(void)state;
	struct plait_event_spec spec = parse("LLC-load-misses:upp");
	struct perf_event_attr attr;
	memset(&attr, 0xff, sizeof(attr));
	plait_event_set_rate(&spec, 250, 0);
	plait_event_attributes(&spec, &attr);
	assert_int_equal(attr.size, sizeof(attr));
	assert_int_equal(attr.type, PERF_TYPE_HW_CACHE);
	assert_int_equal(attr.config, 0x10002);
	assert_true(attr.freq && attr.sample_freq == 250);
	assert_true(attr.exclude_kernel && attr.exclude_hv && !attr.exclude_user);
	assert_int_equal(attr.precise_ip, 2);
	assert_false(attr.inherit || attr.disabled || attr.sample_type);
	plait_event_set_rate(&spec, 0, 12);
	plait_event_attributes(&spec, &attr);
	assert_true(!attr.freq && attr.sample_period == 12);
	struct plait_event_spec faults = parse("page-faults"), clock = parse("cpu-clock"), cycles = parse("cycles");
	assert_true(plait_event_has_address(&faults));
	assert_false(plait_event_has_address(&clock));
	assert_false(plait_event_has_address(&cycles)); /* config 0 of another type */
}

/* Each refusal names the event, has the right class, and says what is to be done. */
static void test_refusals(void **state)
{
	(void)state;
	const struct plait_event_host user = { .paranoid = 2, .max_sample_rate = 1000, .descriptors = 1024 };
	const struct plait_event_host strict = { .paranoid = 3, .virtual_machine = true };
	const struct plait_event_host root = { .paranoid = 2, .perfmon = true };
	const struct plait_event_host counts = { .paranoid = 2, .pmu = true };
	const struct {
		const char *event;
		const struct plait_event_host *host;
		int pid, err;
		enum plait_error_code code;
		const char *message, *advice;
	} cases[] = {
		{ "cpu-clock", &user, 5, EACCES, PLAIT_ERROR_PERMISSION, "cpu-clock", "perf_event_paranoid is 2" },
		{ "cpu-clock", &user, 5, EACCES, PLAIT_ERROR_PERMISSION, "cpu-clock", ":u" },
		{ "cpu-clock", &user, 5, EACCES, PLAIT_ERROR_PERMISSION, "cpu-clock", "perf_event_paranoid=1" },
		{ "cpu-clock:u", &strict, 5, EACCES, PLAIT_ERROR_PERMISSION, "", "perf_event_paranoid=2" },
		{ "cpu-clock:u", &user, -1, EACCES, PLAIT_ERROR_PERMISSION, "", "perf_event_paranoid=0" },
		{ "cpu-clock:u", &user, 5, EPERM, PLAIT_ERROR_PERMISSION, "", "another user" },
		{ "cpu-clock", &root, 5, EPERM, PLAIT_ERROR_PERMISSION, "", "seccomp" },
		{ "cache-misses", &strict, 5, ENOENT, PLAIT_ERROR_UNSUPPORTED,
		  "this virtual machine offers no hardware", "-e cpu-clock" },
		{ "cycles", &user, 5, EOPNOTSUPP, PLAIT_ERROR_UNSUPPORTED, "this machine offers no hardware",
		  "-e cpu-clock" },
		{ "cache-misses", &counts, 5, ENOENT, PLAIT_ERROR_UNSUPPORTED,
		  "the PMU of this machine does not count it", "plait list" },
		{ "cycles:ppp", &user, 5, EOPNOTSUPP, PLAIT_ERROR_UNSUPPORTED, "precisely", "modifier p" },
		{ "r1a8", &user, 5, ENODEV, PLAIT_ERROR_UNSUPPORTED, "r1a8", "cpu-clock" },
		{ "cpu-clock", &user, 5, ENODEV, PLAIT_ERROR_SYSTEM, "CPU 1 is not online", NULL },
		{ "cpu-clock", &user, 12345, ESRCH, PLAIT_ERROR_NOT_FOUND, "12345", NULL },
		{ "cpu-clock", &user, 5, EMFILE, PLAIT_ERROR_SYSTEM, "cpu-clock", "1024" },
		{ "cpu-clock", &user, 5, ENFILE, PLAIT_ERROR_SYSTEM, "cpu-clock", "fs.file-max" },
		{ "cpu-clock", &user, 5, EINVAL, PLAIT_ERROR_USAGE, "4000", "1000" },
		{ "cycles:p", &root, 5, EINVAL, PLAIT_ERROR_SYSTEM, "cycles:p", "modifier p" },
		{ "instructions", &counts, 5, EINVAL, PLAIT_ERROR_UNSUPPORTED, "more counters at once", "braces" },
		{ "cpu-clock", &user, 5, ENOSYS, PLAIT_ERROR_UNSUPPORTED, "no perf events", "CONFIG_PERF_EVENTS" },
		{ "cycles", &user, 5, EBUSY, PLAIT_ERROR_SYSTEM, "cycles", "another program" },
		{ "cycles", &user, 5, ENOMEM, PLAIT_ERROR_SYSTEM, "cycles", NULL },
		{ "msr/tsc/", &root, 5, EINVAL, PLAIT_ERROR_UNSUPPORTED, "only counts", "{cpu-clock,msr/tsc/}:S" },
		{ "msr/tsc/", &root, 5, EOPNOTSUPP, PLAIT_ERROR_UNSUPPORTED, "only counts", NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plait_event_spec spec = { .name = "msr/tsc/", .kind = PLAIT_EVENT_PMU, .type = 9 };
		if (strcmp(cases[i].event, spec.name) != 0)
			spec = parse(cases[i].event);
		if (strcmp(cases[i].event, "instructions") == 0)
			spec.leader = 0;
		struct perf_event_attr attr;
		plait_event_set_rate(&spec, 4000, 0);
		plait_event_attributes(&spec, &attr);
		struct plait_error *error =
			plait_event_refusal(cases[i].host, &spec, &attr, cases[i].pid, 1, cases[i].err);
		assert_non_null(error);
		if (error->code != cases[i].code || !strstr(error->message, cases[i].message))
			fail_msg("case %zu: code %d, '%s'", i, error->code, error->message);
		if (cases[i].advice && (!error->advice || !strstr(error->advice, cases[i].advice)))
			fail_msg("case %zu: '%s'", i, error->advice ? error->advice : "(no advice)");
		plait_error_free(error);
	}
}

static void test_host(void **state)
{
	(void)state;
	struct plait_event_host host;
	plait_event_host_read(&host);
	assert_true(host.paranoid >= -1 && host.paranoid <= 4);
	assert_true(host.max_sample_rate > 0);
	assert_true(host.descriptors > 0);
}

/* On this host, whichever it is: the default event opens. */
static void test_default(void **state)
{
	(void)state;
	struct plait_event_spec spec;
	const char *reason = "untouched";
	struct plait_error *error = plait_event_default(&spec, &reason);
	if (error) {
		print_message("skipped: %s\n", error->message);
		plait_error_free(error);
		skip();
	}
	if (reason) {
		assert_string_equal(spec.name, "cpu-clock");
		assert_true(strstr(reason, "PMU") || strstr(reason, "refused"));
	} else {
		assert_string_equal(spec.name, "cycles");
	}
	struct perf_event_attr attr;
	plait_event_attributes(&spec, &attr);
	attr.exclude_kernel = 1;
	int fd = -1;
	assert_null(plait_event_open(&spec, &attr, 0, -1, -1, &fd));
	assert_true(fd >= 0);
	close(fd);
}

/* With the soft limit used up, opening raises it to the hard one by itself; with that used up too it explains. */
static void open_without_descriptors(void)
{
	struct plait_event_spec spec = parse("cpu-clock:u");
	struct perf_event_attr attr;
	plait_event_set_rate(&spec, 10, 0);
	plait_event_attributes(&spec, &attr);
	int first = -1, fd = -1;
	struct plait_error *error = plait_event_open(&spec, &attr, 0, -1, -1, &first);
	if (error)
		_exit(77);
	struct rlimit limit = { .rlim_cur = (rlim_t)first + 1, .rlim_max = (rlim_t)first + 2 };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_null(plait_event_open(&spec, &attr, 0, -1, -1, &fd));
	assert_int_equal(fd, first + 1);
	error = plait_event_open(&spec, &attr, 0, -1, -1, &fd);
	assert_non_null(error);
	assert_int_equal(error->system_errno, EMFILE);
	assert_int_equal(fd, first + 1);
	plait_error_free(error);
	_exit(0);
}

static void test_descriptors(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0)
		open_without_descriptors();
	int status;
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("skipped: perf events are refused here\n");
		skip();
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_cpu_lists(void **state)
{
	(void)state;
	struct plait_number_list list = { 0 };
	assert_null(plait_cpus_parse("0-2,5,8-9\n", &list));
	const int wanted[] = { 0, 1, 2, 5, 8, 9 };
	assert_int_equal(list.numbers.count, 6);
	assert_memory_equal(list.numbers.data, wanted, sizeof(wanted));
	const char *bad[] = {
		"", "\n", "a", "1-", "3-1", "1,,2", "1,", "1;2", "-1", "99999999999999999999", "0-2000000"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct plait_error *error = plait_cpus_parse(bad[i], &list);
		assert_non_null(error);
		assert_int_equal(error->code, PLAIT_ERROR_INVALID);
		plait_error_free(error);
	}
	list.numbers.count = 0;
	assert_null(plait_cpus_online(&list));
	assert_int_equal(list.numbers.count, sysconf(_SC_NPROCESSORS_ONLN));
	plait_vec_free(&list.numbers);
}

static void test_threads(void **state)
{
	(void)state;
	struct plait_number_list list = { 0 };
	assert_null(plait_threads_of(getpid(), &list));
	assert_int_equal(list.numbers.count, 1);
	assert_int_equal(list.numbers.data[0], getpid());
	struct plait_error *error = plait_threads_of(0x7fffffff, &list);
	assert_non_null(error);
	assert_int_equal(error->code, PLAIT_ERROR_NOT_FOUND);
	plait_error_free(error);
	plait_vec_free(&list.numbers);
}

static void test_breakpoints(void **state)
{
	(void)state;
	struct plait_event_spec spec;
	assert_null(plait_event_parse("mem:0x7f00abcd/4:w", &spec));
	assert_string_equal(spec.name, "mem:0x7f00abcd/4:w");
	plait_event_set_rate(&spec, 0, 0);
	struct perf_event_attr attr;
	plait_event_attributes(&spec, &attr);
	assert_int_equal(attr.type, PERF_TYPE_BREAKPOINT);
	assert_int_equal(attr.bp_addr, 0x7f00abcd);
	assert_int_equal(attr.bp_len, 4);
	assert_int_equal(attr.bp_type, HW_BREAKPOINT_W);
	assert_int_equal(attr.sample_period, 1); /* each one counts */
	assert_null(plait_event_parse("mem:0x10", &spec));
	assert_int_equal(spec.breakpoint, HW_BREAKPOINT_RW);
	assert_int_equal(spec.breakpoint_length, 4);
	assert_null(plait_event_parse("mem:0x10/1:x", &spec));
	assert_int_equal(spec.breakpoint_length, sizeof(long)); /* what the kernel wants for an instruction */
	static const char *const wrong[] = { "mem:",	   "mem:10",	 "mem:0x",
					     "mem:0x10/",  "mem:0x10/3", "mem:0x10/8:",
					     "mem:0x10:q", "mem:0x10w",	 "mem:0x1ffffffffffffffff" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct plait_error *error = plait_event_parse(wrong[i], &spec);
		assert_non_null(error);
		assert_int_equal(error->code, PLAIT_ERROR_USAGE);
		assert_non_null(strstr(error->advice, "mem:0xADDRESS"));
		plait_error_free(error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_rates),   cmocka_unit_test(test_names),
		cmocka_unit_test(test_modifiers),   cmocka_unit_test(test_refused_names),
		cmocka_unit_test(test_nearest),	    cmocka_unit_test(test_list),
		cmocka_unit_test(test_rates),	    cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_refusals),    cmocka_unit_test(test_host),
		cmocka_unit_test(test_default),	    cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_cpu_lists),   cmocka_unit_test(test_threads),
		cmocka_unit_test(test_breakpoints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
