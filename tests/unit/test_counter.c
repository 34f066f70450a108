/* links: plait_perf plait_common */
/* Counting: the scaling, and counters of this process and of a child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "perf/event/counter.h"

static uint64_t scaled(uint64_t value, uint64_t enabled, uint64_t running)
{
	struct plait_counter counter = { .value = value, .enabled = enabled, .running = running };
	return plait_counter_scaled(&counter);
}

static void test_scaling(void **state)
{
	(void)state;
	assert_int_equal(scaled(100, 1000, 1000), 100);
	assert_int_equal(scaled(100, 1000, 500), 200);
	assert_int_equal(scaled(100, 3, 2), 150);
	assert_int_equal(scaled(1, 1000, 3), 333);
	assert_int_equal(scaled(100, 1000, 0), 100); /* never ran: nothing to scale by */
	assert_int_equal(scaled(100, 500, 1000), 100);
	assert_true(scaled(UINT64_MAX / 2, 4, 2) == UINT64_MAX - 1);
	assert_true(scaled(UINT64_MAX, 1000000, 1) == UINT64_MAX); /* no wrapping around */
	assert_true(scaled(UINT64_C(1) << 60, 7000000000, 3500000000) == UINT64_C(1) << 61);
}

static struct plait_counters *open_or_skip(struct plait_event_list *list, const char *text,
					   const struct plait_counter_target *target)
{
	struct plait_counters *counters = NULL;
	assert_null(plait_event_list_parse(list, text));
	struct plait_error *error = plait_counters_open(list, target, &counters);
	if (error) {
		print_message("skipped: %s\n", error->message);
		plait_error_free(error);
		plait_event_list_release(list);
		skip();
	}
	return counters;
}

enum { PAGES = 100 };

static void touch(void)
{
	char *pages = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(pages, PAGES * 4096, MADV_NOHUGEPAGE);
	for (int i = 0; i < PAGES; i++)
		((volatile char *)pages)[i * 4096] = 1;
	munmap(pages, PAGES * 4096);
}

/* Exactly the pages that are touched, in this process and in a child that starts later. */
static void test_own_process(void **state)
{
	(void)state;
	struct plait_event_list list = { 0 };
	pid_t self = getpid();
	struct plait_counters *counters =
		open_or_skip(&list, "page-faults:u,{task-clock:u,context-switches:u}",
			     &(struct plait_counter_target) { .pids = &self, .pid_count = 1 });
	touch(); /* what only the first time faults in, a sanitizer's shadow for one */
	uint64_t before = plait_counters_read(counters, 0).value;
	touch();
	uint64_t after = plait_counters_read(counters, 0).value;
	assert_in_range(after - before, PAGES, PAGES + 20);
	pid_t child = fork();
	if (child == 0) {
		touch();
		_exit(0);
	}
	waitpid(child, NULL, 0);
	assert_true(plait_counters_read(counters, 0).value >= after + PAGES);
	struct plait_counter clock = plait_counters_read(counters, 1);
	assert_string_equal(clock.name, "task-clock:u");
	assert_true(clock.value > 0 && clock.running > 0 && clock.running <= clock.enabled);
	plait_counters_destroy(counters);
	plait_event_list_release(&list);
}

/* An event that the host lacks is kept with the reason; the others count. */
static void test_refused_event(void **state)
{
	(void)state;
	struct plait_event_list list = { 0 };
	pid_t self = getpid();
	struct plait_counters *counters = open_or_skip(
		&list, "task-clock:u,r1ffffffff:u", &(struct plait_counter_target) { .pids = &self, .pid_count = 1 });
	struct plait_counter raw = plait_counters_read(counters, 1);
	if (raw.refusal)
		assert_non_null(strstr(raw.refusal, "r1ffffffff"));
	assert_null(plait_counters_read(counters, 0).refusal);
	plait_counters_destroy(counters);
	plait_event_list_release(&list);
}

static void test_no_process(void **state)
{
	(void)state;
	struct plait_event_list list = { 0 };
	struct plait_counters *counters = NULL;
	pid_t nobody = 0x3fffffff;
	assert_null(plait_event_list_parse(&list, "task-clock:u"));
	struct plait_error *error = plait_counters_open(
		&list, &(struct plait_counter_target) { .pids = &nobody, .pid_count = 1 }, &counters);
	assert_non_null(error);
	assert_null(counters);
	plait_error_free(error);
	plait_event_list_release(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scaling),
		cmocka_unit_test(test_own_process),
		cmocka_unit_test(test_refused_event),
		cmocka_unit_test(test_no_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
