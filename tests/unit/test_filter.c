/* links: plait_model */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "golden/profile_text.h"
#include "output/model/selection.h"

static const char text[] = "event cpu ns 999\nevent misses count 0\nprocess 10 python3\nthread 10 main\n"
			   "sample 1 1 - py f /src/a.py 1 | n dgemm /lib/libopenblas.so | k read\n"
			   "thread 11 python3\nname pool\n"
			   "sample 1 1 - py g /src/b.py 7 | gap\n"
			   "process 20 sh\nthread 20 sh\nsample 1 1 - n f(x) /bin/sh\nsample 1 1 -\n";

#define TEXTS(...)                                                                                                     \
	(const char *const[])                                                                                          \
	{                                                                                                              \
		__VA_ARGS__                                                                                            \
	}
#define VIEW(...) ((struct plait_view_options) { __VA_ARGS__ })

/* Which of the four samples are taken: "1010". */
static void assert_takes(struct plait_view_options view, const char *wanted)
{
	struct plait_profile *profile = profile_text_create(text);
	struct plait_selection *selection;
	assert_null(plait_selection_create(profile, &view, &selection));
	char got[8] = "";
	for (size_t i = 0; i < profile->samples.count; i++) {
		const struct plait_profile_sample *sample = &profile->samples.data[i];
		strcat(got, plait_selection_takes(selection, sample->thread, 1, sample->node) ? "1" : "0");
		assert_false(!view.all_events && plait_selection_takes(selection, sample->thread, 0, sample->node));
	}
	assert_string_equal(got, wanted);
	plait_selection_destroy(selection);
	plait_profile_destroy(profile);
}

static void assert_refused(struct plait_view_options view, const char *message, const char *advice)
{
	struct plait_profile *profile = profile_text_create(text);
	struct plait_selection *selection = NULL;
	struct plait_error *error = plait_selection_create(profile, &view, &selection);
	assert_non_null(error);
	assert_null(selection);
	assert_int_equal(error->code, PLAIT_ERROR_USAGE);
	assert_non_null(strstr(error->message, message));
	assert_non_null(strstr(error->advice, advice));
	plait_error_free(error);
	plait_profile_destroy(profile);
}

static void the_first_event_with_samples_is_shown(void **state)
{
	(void)state;
	assert_takes(VIEW(0), "1111");
	assert_takes(VIEW(.event = "misses"), "1111");
	assert_takes(VIEW(.all_events = true), "1111");
	struct plait_profile *profile = profile_text_create(text);
	struct plait_selection *selection;
	assert_null(plait_selection_create(profile, &VIEW(.event = "cpu"), &selection));
	assert_int_equal(plait_selection_event(selection), 0);
	assert_false(plait_selection_narrows(selection));
	plait_selection_destroy(selection);
	plait_profile_destroy(profile);
}

static void threads_are_numbers_or_latest_names(void **state)
{
	(void)state;
	assert_takes(VIEW(.threads = TEXTS("10"), .thread_count = 1), "1000");
	assert_takes(VIEW(.threads = TEXTS("pool", "20"), .thread_count = 2), "0111");
	assert_refused(VIEW(.threads = TEXTS("python3"), .thread_count = 1), "no thread 'python3'", "11 (pool)");
	assert_refused(VIEW(.threads = TEXTS(""), .thread_count = 1), "no thread ''", "10 (main)");
	assert_refused(VIEW(.threads = TEXTS("10", "4294967306"), .thread_count = 2), "'4294967306'", "");
}

static void processes_are_numbers(void **state)
{
	(void)state;
	assert_takes(VIEW(.pids = TEXTS("10"), .pid_count = 1), "1100");
	assert_takes(VIEW(.pids = TEXTS("10", "20"), .pid_count = 2), "1111");
	assert_takes(VIEW(.pids = TEXTS("10"), .pid_count = 1, .threads = TEXTS("pool", "sh"), .thread_count = 2),
		     "0100");
	assert_refused(VIEW(.pids = TEXTS("sh"), .pid_count = 1), "no process 'sh'", "10 (python3), 20 (sh)");
	assert_refused(VIEW(.pids = TEXTS("11"), .pid_count = 1), "no process '11'", "20 (sh)");
}

static void patterns_match_any_frame(void **state)
{
	(void)state;
	assert_takes(VIEW(.patterns = TEXTS("dgemm"), .pattern_count = 1), "1000");
	assert_takes(VIEW(.patterns = TEXTS("b\\.py:7\\)$"), .pattern_count = 1), "0100");
	assert_takes(VIEW(.patterns = TEXTS("^f"), .pattern_count = 1), "1010");
	assert_takes(VIEW(.patterns = TEXTS("\\[kernel\\]", "gap"), .pattern_count = 2), "1100");
	assert_takes(VIEW(.patterns = TEXTS("DGEMM"), .pattern_count = 1), "0000");
	assert_takes(VIEW(.patterns = TEXTS(""), .pattern_count = 1), "1110"); /* any frame, but one */
	assert_takes(VIEW(.patterns = TEXTS("dgemm"), .pattern_count = 1, .no_native = true), "1000");
	assert_refused(VIEW(.patterns = TEXTS("(["), .pattern_count = 1), "cannot filter by '(['",
		       "regular expression");
}

static void unknown_events_are_refused(void **state)
{
	(void)state;
	assert_refused(VIEW(.event = "cycles"), "no event 'cycles'", "cpu, misses");
}

static void frames_are_shown_by_kind(void **state)
{
	(void)state;
	struct plait_profile *profile = profile_text_create(text);
	struct plait_selection *selection;
	assert_null(plait_selection_create(profile, &VIEW(.no_native = true, .no_kernel = true), &selection));
	int shown = 0;
	for (uint32_t i = 0; i < profile->frame_labels.count; i++)
		shown += plait_selection_shows(selection, profile->frame_labels.data[i]);
	assert_int_equal(shown, 2); /* the Python frames: a gap is one of native frames */
	plait_selection_destroy(selection);
	plait_selection_destroy(NULL);
	plait_profile_destroy(profile);
}

static void a_recording_without_events_is_empty(void **state)
{
	(void)state;
	struct plait_profile *profile = profile_text_create("");
	struct plait_selection *selection;
	assert_null(plait_selection_create(profile, &VIEW(0), &selection));
	assert_true(plait_selection_event(selection) == PLAIT_NONE);
	plait_selection_destroy(selection);
	struct plait_error *error = plait_selection_create(profile, &VIEW(.event = "x"), &selection);
	assert_non_null(error);
	assert_null(error->advice);
	plait_error_free(error);
	plait_profile_destroy(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_event_with_samples_is_shown),
		cmocka_unit_test(threads_are_numbers_or_latest_names),
		cmocka_unit_test(processes_are_numbers),
		cmocka_unit_test(patterns_match_any_frame),
		cmocka_unit_test(unknown_events_are_refused),
		cmocka_unit_test(frames_are_shown_by_kind),
		cmocka_unit_test(a_recording_without_events_is_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
