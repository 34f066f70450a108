/* links: plait_model */
/* Ratios and their errors; where the data of a sample was. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <linux/perf_event.h>

#include "golden/profile_text.h"
#include "output/model/data_source.h"
#include "output/model/metric.h"
#include "output/model/tables.h"

static const struct plait_metric plain = { .name = "a/b", .factor = 1 };

static void test_value(void **state)
{
	(void)state;
	struct plait_ratio ratio = { 0 };
	double value, error;
	for (int i = 0; i < 9; i++)
		plait_ratio_add(&ratio, 2, 4);
	assert_false(plait_ratio_value(&ratio, &plain, &value, &error)); /* too few */
	plait_ratio_add(&ratio, 2, 4);
	assert_true(plait_ratio_value(&ratio, &plain, &value, &error));
	assert_true(value == 0.5 && error == 0); /* all say the same */
	struct plait_metric percent = { .name = "x", .factor = 100, .percent = true };
	plait_ratio_add(&ratio, 4, 4);
	assert_true(plait_ratio_value(&ratio, &percent, &value, &error));
	assert_true(fabs(value - 100 * 24.0 / 44.0) < 1e-9 && error > 0);
	struct plait_ratio none = { .samples = 100, .a = 5 };
	assert_false(plait_ratio_value(&none, &plain, &value, &error)); /* nothing to divide by */
}

/* Sets that were added say what their samples would have said together. */
static void test_merge(void **state)
{
	(void)state;
	struct plait_ratio all = { 0 }, one = { 0 }, other = { 0 }, merged = { 0 }, scaled = { 0 };
	for (int i = 0; i < 20; i++) {
		plait_ratio_add(&all, i, 2 * i + 1);
		plait_ratio_add(i % 3 ? &one : &other, i, 2 * i + 1);
		plait_ratio_add(&scaled, 3.0 * i, 5.0 * (2 * i + 1));
	}
	plait_ratio_merge(&merged, &one, 1, 1);
	plait_ratio_merge(&merged, &other, 1, 1);
	assert_memory_equal(&merged, &all, sizeof(all));
	memset(&merged, 0, sizeof(merged));
	plait_ratio_merge(&merged, &all, 3, 5);
	assert_true(fabs(merged.ab - scaled.ab) < 1e-9 && fabs(merged.aa - scaled.aa) < 1e-9 && merged.a == scaled.a);
}

static uint64_t state_of_random = 88172645463325252u;

static double random_unit(void)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return (double)(state_of_random >> 11) / 9007199254740992.0;
}

/* Of 2000 sets of 60 samples, the interval of about 95 % holds the true ratio. */
static void test_interval_holds(void **state)
{
	(void)state;
	int held = 0, sets = 2000;
	for (int set = 0; set < sets; set++) {
		struct plait_ratio ratio = { 0 };
		for (int i = 0; i < 60; i++) {
			double b = 1000 + 500 * random_unit();
			plait_ratio_add(&ratio, b * (0.2 + 2 * random_unit()), b); /* 1.2 on average */
		}
		double value, error;
		assert_true(plait_ratio_value(&ratio, &plain, &value, &error));
		held += fabs(value - 1.2) <= error;
	}
	print_message("  the interval held the truth in %.1f %%\n", 100.0 * held / sets);
	assert_in_range(held, sets * 93 / 100, sets * 97 / 100);
}

static const char group[] = "header x\nevent cycles count 999\ntraits 0 sampling 0\nevent instructions:u count 0\n"
			    "traits 0 counting 0\nevent cpu/slots/ count 0\ntraits - sampling 0\nprocess 1 p\n"
			    "thread 1 p\nreads 100 250\nsample 20 100 - n f /m\nend 1\n";

static void test_resolve(void **state)
{
	(void)state;
	struct plait_profile *profile = profile_text_create(group);
	struct plait_metric metric;
	assert_null(plait_metric_resolve(profile, "ipc", &metric)); /* "instructions:u" will do */
	assert_true(metric.numerator == 1 && metric.denominator == 0 && metric.paired && metric.leader == 0);
	assert_null(plait_metric_resolve(profile, "cpu/slots//cycles", &metric)); /* slashes of its own */
	assert_true(metric.numerator == 2 && metric.denominator == 0 && !metric.paired);
	assert_null(plait_metric_resolve(profile, "cycles/instructions:u", &metric));
	assert_true(metric.numerator == 0 && metric.denominator == 1);
	struct plait_error *error = plait_metric_resolve(profile, "miss-rate", &metric);
	assert_non_null(strstr(error->message, "cache-misses and cache-references"));
	assert_non_null(strstr(error->advice, "ipc, cpi"));
	plait_error_free(error);
	error = plait_metric_resolve(profile, "nonsense", &metric);
	assert_int_equal(error->code, PLAIT_ERROR_USAGE);
	plait_error_free(error);
	plait_profile_destroy(profile);
}

/* A member is an event of its own: its counts, not the number of samples; the trust figures count no sample twice. */
static void test_members(void **state)
{
	(void)state;
	struct plait_profile *profile = profile_text_create(group);
	assert_int_equal(profile->events.data[0].total, 2000);
	assert_int_equal(profile->events.data[1].total, 5000);
	assert_int_equal(profile->trust.samples, 20);
	assert_int_equal(profile->events.data[1].trust.samples, 20);
	struct plait_view_options view = { .event = "instructions:u" };
	struct plait_selection *selection;
	struct plait_table table;
	assert_null(plait_selection_create(profile, &view, &selection));
	assert_null(plait_table_by_function(profile, selection, &table));
	assert_int_equal(table.rows.data[0].self, 5000);
	plait_table_release(&table);
	plait_selection_destroy(selection);
	plait_profile_destroy(profile);
}

static void test_levels(void **state)
{
	(void)state;
#define LEVEL(bits) (PERF_MEM_S(OP, LOAD) | PERF_MEM_S(LVL, HIT) | (bits))
	static const struct {
		uint64_t source;
		enum plait_memory_level level;
	} cases[] = {
		{ LEVEL(PERF_MEM_S(LVL, L1)), PLAIT_MEMORY_L1 },
		{ LEVEL(PERF_MEM_S(LVL, LFB)), PLAIT_MEMORY_LFB },
		{ LEVEL(PERF_MEM_S(LVL, L2)), PLAIT_MEMORY_L2 },
		{ LEVEL(PERF_MEM_S(LVL, L3)), PLAIT_MEMORY_L3 },
		{ LEVEL(PERF_MEM_S(LVL, LOC_RAM)), PLAIT_MEMORY_DRAM },
		{ LEVEL(PERF_MEM_S(LVL, REM_RAM1)), PLAIT_MEMORY_REMOTE_DRAM },
		{ LEVEL(PERF_MEM_S(LVL, REM_CCE1)), PLAIT_MEMORY_REMOTE_CACHE },
		{ LEVEL(PERF_MEM_S(LVL, IO)), PLAIT_MEMORY_OTHER },
		{ PERF_MEM_S(LVL, NA), PLAIT_MEMORY_OTHER },
		{ 0, PLAIT_MEMORY_OTHER },
		{ PERF_MEM_S(LVLNUM, L1), PLAIT_MEMORY_L1 },
		{ PERF_MEM_S(LVLNUM, L3), PLAIT_MEMORY_L3 },
		{ PERF_MEM_S(LVLNUM, RAM), PLAIT_MEMORY_DRAM },
		{ PERF_MEM_S(LVLNUM, RAM) | PERF_MEM_S(REMOTE, REMOTE), PLAIT_MEMORY_REMOTE_DRAM },
		{ PERF_MEM_S(LVLNUM, ANY_CACHE) | PERF_MEM_S(REMOTE, REMOTE), PLAIT_MEMORY_REMOTE_CACHE },
		{ PERF_MEM_S(LVLNUM, NA) | LEVEL(PERF_MEM_S(LVL, L2)), PLAIT_MEMORY_L2 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (plait_memory_level_of(cases[i].source) != cases[i].level)
			fail_msg("case %zu: %s", i, plait_memory_level_name(plait_memory_level_of(cases[i].source)));
	struct plait_data_sources sources = { 0 };
	plait_data_sources_add(&sources, LEVEL(PERF_MEM_S(LVL, L3)) | PERF_MEM_S(TLB, MISS), 40);
	plait_data_sources_add(&sources, LEVEL(PERF_MEM_S(LVL, L3)) | PERF_MEM_S(TLB, HIT), 60);
	plait_data_sources_add(&sources, LEVEL(PERF_MEM_S(LVL, L1)), 0);
	struct plait_data_sources twice = sources;
	plait_data_sources_merge(&twice, &sources);
	assert_int_equal(twice.samples, 6);
	assert_int_equal(twice.levels[PLAIT_MEMORY_L3], 4);
	assert_int_equal(twice.tlb_misses, 2);
	assert_int_equal(twice.timed, 4);
	assert_int_equal(twice.latency, 200);
	assert_int_equal(twice.latency_max, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_value),	cmocka_unit_test(test_merge),	cmocka_unit_test(test_interval_holds),
		cmocka_unit_test(test_resolve), cmocka_unit_test(test_members), cmocka_unit_test(test_levels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
