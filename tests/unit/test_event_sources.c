/* links: plait_perf plait_common */
/* Events that the kernel or libpfm4 describe: trees of other machines, and libpfm4's tables. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "perf/event/roots.h"
#include "perf/event/tracefs.h"

#include <perfmon/pfmlib_perf_event.h> /* only behind the kernel's own header */

/* --- a tree of another machine --- */

static char root[] = "/tmp/plait-roots-XXXXXX";
static char sysfs[300], tracefs[300];
static const struct plait_event_roots roots = { .sysfs = sysfs, .tracefs = tracefs };

/* Makes the file ROOT/PATH and the folders above it. */
static void put(const char *path, const char *content)
{
	char full[512];
	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *slash = full + strlen(root); (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	FILE *file = fopen(full, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

#define PMU(name) "sys/bus/event_source/devices/" name

static int make_tree(void **state)
{
	(void)state;
	if (!mkdtemp(root))
		return -1;
	snprintf(sysfs, sizeof(sysfs), "%s/sys", root);
	snprintf(tracefs, sizeof(tracefs), "%s/tracing", root);
	put(PMU("cpu/type"), "4\n");
	put(PMU("cpu/caps/max_precise"), "2\n");
	put(PMU("cpu/format/event"), "config:0-7,32-35\n");
	put(PMU("cpu/format/umask"), "config:8-15\n");
	put(PMU("cpu/format/edge"), "config:18\n");
	put(PMU("cpu/format/ldlat"), "config1:0-15\n");
	put(PMU("cpu/format/frontend"), "config2:0-23\n");
	put(PMU("cpu/format/odd"), "config7:0-3\n");
	put(PMU("cpu/events/cpu-cycles"), "event=0x3c\n");
	put(PMU("cpu/events/mem-loads"), "event=0xcd,umask=0x1,ldlat=3\n");
	put(PMU("cpu/events/loop"), "loop\n");
	put(PMU("cpu/events/wants"), "event=0x1,umask=?\n");
	put(PMU("power/type"), "22\n");
	put(PMU("power/format/event"), "config:0-7\n");
	put(PMU("power/events/energy-pkg"), "event=0x02\n");
	put(PMU("power/events/energy-pkg.scale"), "2.3283064365386962890625e-10\n");
	put(PMU("power/events/energy-pkg.unit"), "Joules\n");
	put("tracing/events/sched/sched_switch/id", "316\n");
	put("tracing/events/sched/sched_wakeup/id", "318\n");
	put("tracing/events/header_page", "");
	return 0;
}

static int remove_tree(void **state)
{
	(void)state;
	char command[400];
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static struct plait_event_spec parse(const char *text)
{
	struct plait_event_spec spec;
	struct plait_error *error = plait_event_parse_in(&roots, text, &spec);
	if (error)
		fail_msg("%s: %s", text, error->message);
	return spec;
}

static void refused(const char *text, enum plait_error_code code, const char *message, const char *advice)
{
	struct plait_event_spec spec;
	struct plait_error *error = plait_event_parse_in(&roots, text, &spec);
	if (!error)
		fail_msg("'%s' is taken", text);
	if (error->code != code || !strstr(error->message, message))
		fail_msg("'%s': %d '%s' lacks '%s'", text, (int)error->code, error->message, message);
	if (advice && (!error->advice || !strstr(error->advice, advice)))
		fail_msg("'%s': '%s' lacks '%s'", text, error->advice ? error->advice : "(none)", advice);
	plait_error_free(error);
}

static void test_terms(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t type;
		uint64_t config, config1, config2;
	} cases[] = {
		{ "cpu/event=0x3c/", 4, 0x3c, 0, 0 },
		{ "cpu/event=60,umask=1/", 4, 0x13c, 0, 0 },
		{ "cpu/event=0x5c0,edge/", 4, UINT64_C(0x5000400c0), 0, 0 }, /* split bits; a flag */
		{ "cpu/cpu-cycles/", 4, 0x3c, 0, 0 },
		{ "cpu/cpu-cycles,umask=2/", 4, 0x23c, 0, 0 },
		{ "cpu/mem-loads,ldlat=30/", 4, 0x1cd, 30, 0 }, /* what comes later holds */
		{ "cpu/config=0x1b7,config1=7,config2=9/", 4, 0x1b7, 7, 9 },
		{ "cpu/event=1,frontend=0xffffff/", 4, 1, 0, 0xffffff },
		{ "cpu//", 4, 0, 0, 0 },
		{ "power/energy-pkg/", 22, 2, 0, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plait_event_spec spec = parse(cases[i].text);
		assert_string_equal(spec.name, cases[i].text);
		assert_int_equal(spec.kind, PLAIT_EVENT_PMU);
		assert_int_equal(spec.type, cases[i].type);
		assert_true(spec.config == cases[i].config);
		assert_true(spec.config1 == cases[i].config1);
		assert_true(spec.config2 == cases[i].config2);
		struct perf_event_attr attr;
		plait_event_attributes(&spec, &attr);
		assert_true(attr.config1 == spec.config1 && attr.config2 == spec.config2);
	}
	struct plait_event_spec spec = parse("power/energy-pkg/");
	assert_string_equal(spec.unit_name, "Joules");
	assert_true(spec.scale > 2.328e-10 && spec.scale < 2.329e-10);
	spec = parse("cpu/cpu-cycles,name=mine,period=1000/upp");
	assert_string_equal(spec.name, "mine");
	assert_true(spec.has_rate && spec.period == 1000 && spec.exclude_kernel && spec.precise == 2);
	spec = parse("cpu/cpu-cycles,freq=50/:k");
	assert_true(spec.period == 0 && spec.frequency == 50 && spec.exclude_user);
}

static void test_wrong_terms(void **state)
{
	(void)state;
	refused("cpu/event=0x1000/", PLAIT_ERROR_USAGE, "too large for its term 'event'", NULL);
	refused("cpu/edge=2/", PLAIT_ERROR_USAGE, "too large", NULL);
	refused("cpu/umsk=1/", PLAIT_ERROR_USAGE, "no term 'umsk'", "umask");
	refused("cpu/cpu-cycle/", PLAIT_ERROR_USAGE, "no term 'cpu-cycle'", "cpu-cycles");
	refused("cpu/event=x/", PLAIT_ERROR_USAGE, "is no number 'x'", NULL);
	refused("cpu/event=/", PLAIT_ERROR_USAGE, "is no number", NULL);
	refused("cpu/event=-1/", PLAIT_ERROR_USAGE, "is no number", NULL);
	refused("cpu/event=1,/", PLAIT_ERROR_USAGE, "no term ''", NULL);
	refused("cpu/loop/", PLAIT_ERROR_USAGE, "by itself", NULL);
	refused("cpu/wants/", PLAIT_ERROR_USAGE, "parameters", NULL);
	refused("cpu/odd=1/", PLAIT_ERROR_USAGE, "does not know", NULL);
	refused("cpu/../", PLAIT_ERROR_USAGE, "no term", NULL);
	refused("cpu/cpu-cycles/x", PLAIT_ERROR_USAGE, "unknown modifier 'x'", NULL);
	refused("gpu/event=1/", PLAIT_ERROR_USAGE, "no PMU 'gpu'", "it has: cpu, power");
	refused("../event=1/", PLAIT_ERROR_USAGE, "no PMU", NULL);
	refused("cpu/cpu-cycles/ppp", PLAIT_ERROR_UNSUPPORTED, "that precisely", ":pp");
	refused("cycles:ppp", PLAIT_ERROR_UNSUPPORTED, "that precisely", ":pp");
	const struct plait_event_roots none = { .sysfs = "/nowhere", .tracefs = tracefs };
	struct plait_event_spec spec;
	struct plait_error *error = plait_event_parse_in(&none, "cpu/event=1/", &spec);
	assert_int_equal(error->code, PLAIT_ERROR_UNSUPPORTED);
	assert_non_null(strstr(error->message, "counts nothing"));
	plait_error_free(error);
}

/* What ARM's processors take without effect is refused; the kernel lists the events that they have. */
static void test_what_arm_ignores(void **state)
{
	(void)state;
	char arm_sysfs[320];
	const struct plait_event_roots arm = { .sysfs = arm_sysfs, .tracefs = tracefs };
	snprintf(arm_sysfs, sizeof(arm_sysfs), "%s/arm", root);
	put("arm/bus/event_source/devices/armv8_pmuv3_0/type", "8\n");
	put("arm/bus/event_source/devices/armv8_pmuv3_0/cpus", "0-1\n");
	put("arm/bus/event_source/devices/armv8_pmuv3_0/format/event", "config:0-15\n");
	put("arm/bus/event_source/devices/armv8_pmuv3_0/events/inst_retired", "event=0x0008\n");
	put("arm/bus/event_source/devices/armv8_pmuv3_0/events/cpu_cycles", "event=0x0011\n");
	put("arm/bus/event_source/devices/smmuv3/type", "10\n");
	put("arm/bus/event_source/devices/smmuv3/format/event", "config:0-15\n");
	static const char *const taken[] = {
		"r8",  "r11",	   "r11:u",	     "armv8_pmuv3_0/event=0x11/", "armv8_pmuv3_0/cpu_cycles/", "r39",
		"rc1", "cycles:u", "smmuv3/event=3/"
	};
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		struct plait_event_spec spec;
		struct plait_error *error = plait_event_parse_in(&arm, taken[i], &spec);
		if (error)
			fail_msg("%s: %s", taken[i], error->message);
	}
	static const struct {
		const char *text, *message, *advice;
	} refusals[] = {
		{ "cycles:p", "(armv8_pmuv3_0), and ignores the p", "leave modifier p out" },
		{ "instructions:ppp", "ignores the p", "leave modifier p out" },
		{ "r3", "does not have event 0x03", "plait list armv8_pmuv3_0" },
		{ "r10:u", "would count nothing", "plait list" },
		{ "armv8_pmuv3_0/event=0x24/", "does not have event 0x24", "plait list" },
	};
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct plait_event_spec spec;
		struct plait_error *error = plait_event_parse_in(&arm, refusals[i].text, &spec);
		if (!error)
			fail_msg("%s is taken", refusals[i].text);
		assert_int_equal(error->code, PLAIT_ERROR_UNSUPPORTED);
		if (!strstr(error->message, refusals[i].message) || !strstr(error->advice, refusals[i].advice))
			fail_msg("%s: %s; %s", refusals[i].text, error->message, error->advice);
		plait_error_free(error);
	}
}

/* Commas of terms do not separate events. */
static void test_terms_in_lists(void **state)
{
	(void)state;
	struct plait_event_list list = { 0 };
	assert_null(plait_event_list_parse_in(
		&roots, &list,
		"cpu/event=1,umask=2/u,{cpu-clock,cpu/cpu-cycles,edge/}:S,mem:0x10/8:w,sched:sched_switch"));
	assert_int_equal(list.specs.count, 5);
	assert_string_equal(list.specs.data[0].name, "cpu/event=1,umask=2/u");
	assert_string_equal(list.specs.data[2].name, "cpu/cpu-cycles,edge/");
	assert_true(list.specs.data[2].counting);
	assert_int_equal(list.specs.data[3].kind, PLAIT_EVENT_BREAKPOINT);
	assert_int_equal(list.specs.data[4].kind, PLAIT_EVENT_TRACEPOINT);
	plait_event_list_release(&list);
	put(PMU("msr/type"), "9\n");
	put(PMU("msr/format/event"), "config:0-63\n");
	put(PMU("msr/events/tsc"), "event=0x00\n");
	struct plait_error *error = plait_event_list_parse_in(&roots, &list, "{msr/tsc/,cpu-clock}:S");
	assert_non_null(strstr(error->message, "only counts"));
	assert_non_null(strstr(error->advice, "{cpu-clock,msr/tsc/}:S"));
	plait_error_free(error);
	plait_event_list_release(&list);
}

static void test_tracepoints(void **state)
{
	(void)state;
	struct plait_event_spec spec = parse("sched:sched_switch");
	assert_int_equal(spec.type, PERF_TYPE_TRACEPOINT);
	assert_int_equal(spec.config, 316);
	assert_int_equal(spec.kind, PLAIT_EVENT_TRACEPOINT);
	plait_event_set_rate(&spec, 0, 0);
	assert_int_equal(spec.period, 1); /* each one counts */
	plait_event_set_rate(&spec, 999, 0);
	assert_true(spec.period == 1 && !spec.frequency); /* whatever -F says */
	spec = parse("sched:sched_wakeup:k@1");
	assert_int_equal(spec.config, 318);
	assert_true(spec.exclude_user && spec.period == 1);
	refused("sched:sched_wakeup@10", PLAIT_ERROR_UNSUPPORTED, "each hit", "rate");
	refused("sched:sched_swich", PLAIT_ERROR_USAGE, "no event", "sched:sched_switch");
	refused("sched:*", PLAIT_ERROR_USAGE, "is a pattern", "plait list sched");
	refused("sched:sched_switch:p", PLAIT_ERROR_USAGE, "counted by the kernel", NULL);
	refused("../sched:sched_switch", PLAIT_ERROR_USAGE, "no event", NULL);
	refused("nothing:like_that", PLAIT_ERROR_USAGE, "no event", "plait list");
}

/* --- libpfm4 --- */

/* Whether both say the same, type and codes or that there is no such event. */
static bool same_as_library(const char *text, unsigned *ret_known)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	pfm_perf_encode_arg_t arguments = { .attr = &attr, .size = sizeof(arguments) };
	struct plait_event_spec spec = { 0 };
	int status = pfm_get_os_event_encoding(text, PFM_PLM0 | PFM_PLM3 | PFM_PLMH, PFM_OS_PERF_EVENT_EXT, &arguments);
	struct plait_error *error = plait_event_parse_in(&roots, text, &spec);
	bool refused = error != NULL;
	plait_error_free(error);
	if (status != PFM_SUCCESS)
		return refused;
	(*ret_known)++;
	return !refused && spec.type == attr.type && spec.config == attr.config && spec.config1 == attr.config1 &&
	       spec.config2 == attr.config2 && spec.exclude_kernel == attr.exclude_kernel &&
	       spec.exclude_user == attr.exclude_user && spec.kind == PLAIT_EVENT_PMU;
}

/* Every event of one PMU, alone and with each umask. */
static void check_pmu(const pfm_pmu_info_t *pmu, unsigned *names, unsigned *known)
{
	for (int i = pmu->first_event; i != -1; i = pfm_get_event_next(i)) {
		pfm_event_info_t event = { .size = sizeof(event) };
		char text[PLAIT_EVENT_NAME_SIZE];
		if (pfm_get_event_info(i, PFM_OS_PERF_EVENT_EXT, &event) != PFM_SUCCESS)
			continue;
		for (int j = -1; j < event.nattrs; j++) {
			pfm_event_attr_info_t attribute = { .size = sizeof(attribute) };
			if (j >= 0 &&
			    (pfm_get_event_attr_info(i, j, PFM_OS_PERF_EVENT_EXT, &attribute) != PFM_SUCCESS ||
			     attribute.type != PFM_ATTR_UMASK))
				continue;
			snprintf(text, sizeof(text), "%s::%s%s%s", pmu->name, event.name, j < 0 ? "" : ":",
				 j < 0 ? "" : attribute.name);
			if (!same_as_library(text, known))
				fail_msg("%s differs", text);
			++*names;
		}
	}
}

/* Refusing looks through all PMUs for a name, so only those that the library can encode here are taken whole; it
 * encodes for other processors when told to (libpfm(3)), which this test's start does. */
static void test_names_of_all_pmus(void **state)
{
	(void)state;
	assert_int_equal(pfm_initialize(), PFM_SUCCESS);
	unsigned names = 0, known = 0, pmus = 0;
	pfm_pmu_t pmu;
	pfm_for_all_pmus(pmu)
	{
		pfm_pmu_info_t info = { .size = sizeof(info) };
		if (pfm_get_pmu_info(pmu, &info) != PFM_SUCCESS || info.type != PFM_PMU_TYPE_CORE ||
		    pmu == PFM_PMU_PERF_EVENT || pmu == PFM_PMU_PERF_EVENT_RAW)
			continue;
		pmus++;
		check_pmu(&info, &names, &known);
	}
	print_message("%u names of %u PMUs, %u of them complete as they stand\n", names, pmus, known);
	assert_true(pmus >= 10);
	assert_true(known > 1000);
}

static void test_libpfm_names(void **state)
{
	(void)state;
	assert_int_equal(pfm_initialize(), PFM_SUCCESS);
	if (pfm_find_event("skl::MEM_LOAD_RETIRED:L3_MISS") < 0) {
		print_message("skipped: this libpfm4 has no tables of x86 processors\n");
		skip();
	}
	struct plait_event_spec spec = parse("skl::MEM_LOAD_RETIRED:L3_MISS:u");
	assert_true(spec.config == 0x5320d1 || (spec.config & 0xffff) == 0x20d1);
	assert_true(spec.exclude_kernel && !spec.exclude_user);
	struct plait_event_spec precise = parse("skl::MEM_LOAD_RETIRED:L3_MISS:upp@1000");
	assert_int_equal(precise.precise, 2);
	assert_true(precise.exclude_kernel && precise.period == 1000);
	assert_true(precise.config == spec.config);
	refused("skl::MEM_LOAD_RETIRED:L3_MIS", PLAIT_ERROR_UNSUPPORTED, "another processor", NULL);
	refused("MEM_LOAD_RETIRED_OF_ALL", PLAIT_ERROR_USAGE, "no event", NULL);
	refused("skl::NO_SUCH_EVENT", PLAIT_ERROR_USAGE, "no event", NULL);
}

/* A wrong umask of an event that this processor has is told the right ones. */
static void test_wrong_umask(void **state)
{
	(void)state;
	assert_int_equal(pfm_initialize(), PFM_SUCCESS);
	pfm_pmu_t pmu;
	pfm_for_all_pmus(pmu)
	{
		pfm_pmu_info_t info = { .size = sizeof(info) };
		if (pfm_get_pmu_info(pmu, &info) != PFM_SUCCESS || !info.is_present || info.type != PFM_PMU_TYPE_CORE ||
		    pmu == PFM_PMU_PERF_EVENT || pmu == PFM_PMU_PERF_EVENT_RAW)
			continue;
		for (int i = info.first_event; i != -1; i = pfm_get_event_next(i)) {
			pfm_event_info_t event = { .size = sizeof(event) };
			pfm_event_attr_info_t umask = { .size = sizeof(umask) };
			char text[PLAIT_EVENT_NAME_SIZE];
			if (pfm_get_event_info(i, PFM_OS_PERF_EVENT_EXT, &event) != PFM_SUCCESS || !event.nattrs ||
			    pfm_get_event_attr_info(i, 0, PFM_OS_PERF_EVENT_EXT, &umask) != PFM_SUCCESS ||
			    umask.type != PFM_ATTR_UMASK)
				continue;
			snprintf(text, sizeof(text), "%s:%sX", event.name, umask.name);
			refused(text, PLAIT_ERROR_USAGE, event.name, umask.name);
			return;
		}
	}
	print_message("skipped: libpfm4 does not know this processor\n");
	skip();
}

/* --- probes --- */

static __attribute__((noinline, used)) int probed_function(int x)
{
	asm volatile("");
	return x + 1;
}

/* The offset of a symbol, checked by the bytes of the file there. */
static void test_probes(void **state)
{
	(void)state;
	uint8_t there[16];
	struct plait_event_spec spec = parse("uprobe:/proc/self/exe:probed_function");
	assert_int_equal(spec.kind, PLAIT_EVENT_PROBE);
	assert_false(spec.probe_return);
	int fd = open("/proc/self/exe", O_RDONLY);
	assert_int_equal(pread(fd, there, sizeof(there), (off_t)spec.probe_offset), sizeof(there));
	close(fd);
	assert_memory_equal(there, (const void *)probed_function, sizeof(there));
	struct plait_event_spec plus = parse("uprobe:/proc/self/exe:probed_function+0x4@1");
	assert_int_equal(plus.probe_offset, spec.probe_offset + 4);
	assert_int_equal(plus.period, 1);
	struct plait_event_spec back = parse("uretprobe:/proc/self/exe:probed_function");
	assert_true(back.probe_return && back.probe_offset == spec.probe_offset);
	struct plait_event_spec number = parse("uprobe:/proc/self/exe:0x1234");
	assert_int_equal(number.probe_offset, 0x1234);
	assert_true(number.probe_path[0] == '/' && strstr(number.probe_path, "test_event_sources"));
	free(spec.probe_path);
	free(plus.probe_path);
	free(back.probe_path);
	free(number.probe_path);
	refused("uprobe:/proc/self/exe:probed_functio", PLAIT_ERROR_USAGE, "no function", "probed_function");
	refused("uprobe:/proc/self/exe:", PLAIT_ERROR_USAGE, "is not a probe", "FUNCTION");
	refused("uprobe:/proc/self/exe", PLAIT_ERROR_USAGE, "is not a probe", NULL);
	refused("uretprobe:/proc/self/exe:probed_function+1", PLAIT_ERROR_USAGE, "only a function returns", NULL);
	refused("uprobe:/proc/self/exe:probed_function+q", PLAIT_ERROR_USAGE, "is not a probe", NULL);
	refused("uprobe:/proc/self/status:x", PLAIT_ERROR_USAGE, "no ELF file", NULL);
	refused("uprobe:/nowhere/at/all:x", PLAIT_ERROR_NOT_FOUND, "/nowhere/at/all", NULL);
}

/* In the kernel: made, numbered, opened, and gone again; what a dead process left is gone too. */
static void test_probes_in_the_kernel(void **state)
{
	(void)state;
	const struct plait_event_roots host = { .sysfs = "/sys" };
	struct plait_tracefs open_tracefs;
	struct plait_event_list list = { 0 };
	assert_null(plait_event_list_parse(
		&list, "uprobe:/proc/self/exe:probed_function,cpu-clock,uretprobe:/proc/self/exe:probed_function"));
	struct plait_error *error = plait_event_list_prepare(&list);
	if (error) {
		print_message("skipped: %s\n", error->message);
		plait_error_free(error);
		plait_event_list_release(&list);
		skip();
	}
	assert_true(list.specs.data[0].config != list.specs.data[2].config);
	uint64_t id;
	char group[32];
	snprintf(group, sizeof(group), "plait_%d", (int)getpid());
	assert_null(plait_tracefs_open(&host, &open_tracefs));
	assert_true(plait_tracefs_id(&open_tracefs, group, "e0", &id) && id == list.specs.data[0].config);
	assert_true(plait_tracefs_id(&open_tracefs, group, "e2", &id) && id == list.specs.data[2].config);
	struct perf_event_attr attr;
	int fd;
	uint64_t count = 0;
	plait_event_attributes(&list.specs.data[0], &attr);
	attr.sample_period = 0;
	assert_null(plait_event_open(&list.specs.data[0], &attr, 0, -1, -1, &fd));
	for (int i = 0; i < 37; i++)
		probed_function(i);
	assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 37);
	close(fd);
	plait_event_list_release(&list);
	assert_false(plait_tracefs_id(&open_tracefs, group, "e0", &id));
	plait_tracefs_close(&open_tracefs);
}

int main(void)
{
	setenv("LIBPFM_ENCODE_INACTIVE", "1", 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terms),
		cmocka_unit_test(test_wrong_terms),
		cmocka_unit_test(test_what_arm_ignores),
		cmocka_unit_test(test_terms_in_lists),
		cmocka_unit_test(test_tracepoints),
		cmocka_unit_test(test_libpfm_names),
		cmocka_unit_test(test_wrong_umask),
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_probes_in_the_kernel),
		cmocka_unit_test(test_names_of_all_pmus),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
