/* links: plait_model */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "golden/profile_text.h"
#include "output/model/utf8.h"

#define HEAD "event cpu ns 999\nprocess 1 python3\nthread 1 main\n"

static const struct plait_label *label_of_frame(const struct plait_profile *profile, uint32_t frame, uint32_t index)
{
	assert_true(index < profile->frames.data[frame].label_count);
	return &profile->labels.all.data[profile->frame_labels.data[profile->frames.data[frame].labels + index]];
}

static void samples_are_counted_by_stack_thread_event_and_quality(void **state)
{
	(void)state;
	struct plait_profile *profile = plait_profile_create();
	profile_text_apply_all(profile, HEAD "sample 3 10 - py f /a.py 1\nsample 2 10 g py f /a.py 1\n");
	assert_int_equal(profile->samples.count, 2);
	struct plait_record record = { .kind = PLAIT_RECORD_SAMPLE };
	record.sample = (struct plait_record_sample) { .time = 9, .period = 5, .node = 0 };
	assert_null(plait_profile_apply(profile, &record));
	record.sample.node = PLAIT_NONE;
	assert_null(plait_profile_apply(profile, &record));
	assert_int_equal(profile->samples.count, 3);
	assert_int_equal(profile->samples.data[0].count, 4);
	assert_int_equal(profile->samples.data[0].weight, 35);
	assert_null(plait_profile_finish(profile, NULL, NULL));
	assert_int_equal(profile->trust.samples, 7);
	assert_int_equal(profile->trust.complete, 4);
	assert_int_equal(profile->trust.gap, 2);
	assert_int_equal(profile->trust.no_stack, 1);
	assert_int_equal(profile->events.data[0].total, 60);
	assert_int_equal(profile->duration, 9);
	plait_profile_destroy(profile);
}

static void trust_is_counted_for_all_and_for_each_event(void **state)
{
	(void)state;
	struct plait_profile *profile = profile_text_create(
		"header x\nevent a ns 1\nprocess 1 p\nthread 1 t\n"
		"sample 5 1 - py f /a.py 1\nsample 1 1 dt py f /a.py 1\nsample 1 1 c n ? /lib/x.so\n"
		"event b count 0\nsample 2 7 gu py f /a.py 1\nlost 3\nlost 4\nthrottled 9\n");
	assert_int_equal(profile->trust.samples, 9);
	assert_int_equal(profile->trust.complete, 6);
	assert_int_equal(profile->trust.derived, 1);
	assert_int_equal(profile->trust.truncated, 1);
	assert_int_equal(profile->trust.checked, 1);
	assert_int_equal(profile->trust.unresolved, 1);
	assert_int_equal(profile->trust.unmerged, 2);
	assert_int_equal(profile->trust.lost, 7);
	assert_int_equal(profile->throttled, 9);
	assert_int_equal(profile->events.data[0].trust.samples, 7);
	assert_int_equal(profile->events.data[1].trust.gap, 2);
	assert_int_equal(profile->events.data[1].trust.complete, 0);
	assert_int_equal(profile->events.data[1].total, 14);
	assert_true(profile->cut);
	plait_profile_destroy(profile);
}

/* Applies a record that must be refused as damage. */
static void refuse(struct plait_profile *profile, struct plait_record record)
{
	struct plait_error *error = plait_profile_apply(profile, &record);
	assert_non_null(error);
	assert_int_equal(error->code, PLAIT_ERROR_INVALID);
	plait_error_free(error);
}

static void indexes_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	struct plait_profile *profile = plait_profile_create();
	refuse(profile, (struct plait_record) { .kind = PLAIT_RECORD_THREAD }); /* no process */
	refuse(profile, (struct plait_record) { .kind = PLAIT_RECORD_EVENT, .id = 1 });
	profile_text_apply_all(profile, "header x\n" HEAD "sample 1 1 - py f /a.py 1 | n g /lib/x.so\n");
	refuse(profile, (struct plait_record) { .kind = PLAIT_RECORD_HEADER });
	refuse(profile, (struct plait_record) { .kind = 99 });
	refuse(profile, (struct plait_record) { .kind = PLAIT_RECORD_PROCESS, .id = 1, .process.parent = 1 });
	refuse(profile, (struct plait_record) { .kind = PLAIT_RECORD_THREAD_NAME, .thread_name.thread = 1 });
	refuse(profile, (struct plait_record) { .kind = PLAIT_RECORD_MODULE, .id = 7 });
	refuse(profile, (struct plait_record) { .kind = PLAIT_RECORD_CODE, .id = 7 });
	struct plait_record frame = { .kind = PLAIT_RECORD_FRAME, .id = 2, .frame.kind = PLAIT_FRAME_NATIVE };
	frame.frame.module = 1;
	refuse(profile, frame);
	frame.frame.module = 0;
	frame.frame.process = 1;
	refuse(profile, frame);
	frame.frame.kind = PLAIT_FRAME_PYTHON;
	frame.frame.code = 1;
	refuse(profile, frame);
	frame.frame.kind = 6;
	refuse(profile, frame);
	struct plait_record node = { .kind = PLAIT_RECORD_NODE, .id = 2, .node = { 2, 0 } }; /* its own parent */
	refuse(profile, node);
	node.node = (struct plait_record_node) { 0, 2 };
	refuse(profile, node);
	struct plait_record sample = { .kind = PLAIT_RECORD_SAMPLE, .sample = { .node = 2 } };
	refuse(profile, sample);
	sample.sample = (struct plait_record_sample) { .thread = 1 };
	refuse(profile, sample);
	sample.sample = (struct plait_record_sample) { .event = 1 };
	refuse(profile, sample);
	refuse(profile, (struct plait_record) { .kind = PLAIT_RECORD_SYMBOL, .symbol = { .frame = 2 } });
	refuse(profile, (struct plait_record) { .kind = PLAIT_RECORD_SYMBOL, .symbol = { .count = 100000 } });
	assert_null(plait_profile_finish(profile, NULL, NULL));
	assert_int_equal(profile->trust.samples, 1);
	plait_profile_destroy(profile);
}

static void weights_never_wrap(void **state)
{
	(void)state;
	struct plait_profile *profile = profile_text_create(HEAD "sample 3 18446744073709551615 - py f /a.py 1\n");
	assert_true(profile->events.data[0].total == UINT64_MAX);
	plait_profile_destroy(profile);
	assert_true(plait_saturating_add(UINT64_MAX, 1) == UINT64_MAX);
	assert_int_equal(plait_saturating_add(1, 2), 3);
}

static void strings_are_copied(void **state)
{
	(void)state;
	struct plait_profile *profile = plait_profile_create();
	char text[] = "kept";
	assert_null(plait_profile_add_note(profile, text));
	text[0] = 'w';
	assert_string_equal(profile->notes.data[0], "kept");
	struct plait_record record = { .kind = PLAIT_RECORD_EVENT }; /* NULL texts are "" */
	assert_null(plait_profile_apply(profile, &record));
	assert_string_equal(profile->events.data[0].record.name, "");
	plait_profile_destroy(profile);
	plait_profile_destroy(NULL);
}

static void frames_get_labels(void **state)
{
	(void)state;
	struct plait_profile *profile =
		profile_text_create(HEAD "sample 1 1 - py C.f /src/a.py 7 3 | n outer,middle,inner "
					 "/usr/lib/libfoo.so.1 | k do_it | n ? [vdso]\n");
	const struct plait_label *label = label_of_frame(profile, 0, 0);
	assert_int_equal(label->kind, PLAIT_LABEL_PYTHON);
	assert_string_equal(label->text, "C.f (/src/a.py:7)");
	assert_string_equal(profile->labels.all.data[label->function].text, "C.f (/src/a.py:3)");
	assert_int_equal(profile->frames.data[1].label_count, 3);
	assert_string_equal(label_of_frame(profile, 1, 0)->text, "inner [libfoo.so.1]");
	assert_string_equal(label_of_frame(profile, 1, 2)->text, "outer [libfoo.so.1]");
	assert_string_equal(label_of_frame(profile, 1, 2)->package, "libfoo");
	assert_string_equal(label_of_frame(profile, 2, 0)->text, "do_it [kernel]");
	label = label_of_frame(profile, 3, 0);
	assert_true(label->unresolved);
	assert_memory_equal(label->text, "0x", 2);
	assert_string_equal(strchr(label->text, ' '), " [vdso]");
	assert_string_equal(profile->labels.all.data[label->function].text, "[unknown] [vdso]");
	plait_profile_destroy(profile);
}

static void text_of_labels_cannot_break_a_line(void **state)
{
	(void)state;
	struct plait_profile *profile = profile_text_create(
		HEAD "sample 1 1 - py a;b\\x0ac\\x1b\\x7f\\xff\\xc2\\x85\\xc3\\xa9 /x;y\\x0d.py 1\n");
	assert_string_equal(label_of_frame(profile, 0, 0)->text, "a:b?c????\xc3\xa9 (/x:y?.py:1)");
	plait_profile_destroy(profile);
}

static void one_name(void *context, const struct plait_profile *profile, const struct plait_record_frame *frame,
		     struct plait_symbols *ret)
{
	(void)profile;
	++*(int *)context;
	if (frame->kind == PLAIT_FRAME_KERNEL)
		return; /* not known */
	ret->at[0] = (struct plait_symbol) { .name = "late", .file = "late.c", .line = 3 };
	ret->count = 1;
}

static void a_namer_names_only_what_has_no_name(void **state)
{
	(void)state;
	struct plait_profile *profile = plait_profile_create();
	profile_text_apply_all(profile, HEAD "sample 1 1 - py f /a.py 1 | n g /lib/x.so | n ? /lib/x.so\n"
					     "sample 1 1 - k ? | gap\n");
	int calls = 0;
	assert_null(plait_profile_finish(profile, one_name, &calls));
	assert_int_equal(calls, 2);
	assert_string_equal(label_of_frame(profile, 1, 0)->name, "g");
	assert_string_equal(label_of_frame(profile, 2, 0)->name, "late");
	assert_string_equal(label_of_frame(profile, 2, 0)->file, "late.c");
	assert_true(label_of_frame(profile, 3, 0)->unresolved);
	assert_int_equal(profile->trust.unresolved, 1);
	plait_profile_destroy(profile);
}

static void quality_says_unresolved_as_names_are_known_now(void **state)
{
	(void)state;
	struct plait_profile *profile =
		profile_text_create(HEAD "sample 1 1 m n f /x.so\nsample 1 1 - n ? /x.so | n g /x.so\n");
	struct plait_record_sample sample = { .node = 0, .quality = PLAIT_QUALITY_UNRESOLVED | PLAIT_QUALITY_GAP };
	assert_int_equal(plait_profile_quality(profile, &sample), PLAIT_QUALITY_GAP);
	sample = (struct plait_record_sample) { .node = 2 };
	assert_int_equal(plait_profile_quality(profile, &sample), PLAIT_QUALITY_UNRESOLVED);
	assert_int_equal(profile->trust.unresolved, 1);
	plait_profile_destroy(profile);
}

static void assert_base(const char *path, const char *base, const char *package)
{
	size_t size;
	char text[128];
	const char *found = plait_label_base(path, &size);
	assert_int_equal(size, strlen(base));
	assert_memory_equal(found, base, size);
	plait_label_package(path, text, sizeof(text));
	assert_string_equal(text, package);
}

static void modules_have_a_base_name_and_a_short_one(void **state)
{
	(void)state;
	assert_base("/usr/bin/python3.11", "python3.11", "python3.11");
	assert_base("/usr/lib/libc.so.6", "libc.so.6", "libc");
	assert_base("/opt/libpython3.12.so.1.0", "libpython3.12.so.1.0", "libpython3.12");
	assert_base("/v/site-packages/numpy/_core/_umath.cpython-313-x86_64-linux-gnu.so",
		    "_umath.cpython-313-x86_64-linux-gnu.so", "numpy");
	assert_base("/v/site-packages/numpy.libs/libscipy_openblas64_-6bb31eeb.so", "libscipy_openblas64_-6bb31eeb.so",
		    "libscipy_openblas64_");
	assert_base("/v/site-packages/x.libs/libgfortran-040039e1-0352e75f.so.5.0.0",
		    "libgfortran-040039e1-0352e75f.so.5.0.0", "libgfortran");
	assert_base("/v/site-packages/_cffi.abi3.so", "_cffi.abi3.so", "_cffi");
	assert_base("/tmp/x.so (deleted)", "x.so", "x");
	assert_base("[vdso]", "vdso", "vdso");
	assert_base(".so", ".so", ".so");
	assert_base("", "", "");
	assert_base("/", "/", "/");
	char cut[4];
	plait_label_package("/usr/lib/libfoo.so", cut, sizeof(cut));
	assert_string_equal(cut, "lib");
}

static void machinery_is_what_passes_calls_on(void **state)
{
	(void)state;
	assert_true(plait_label_is_machinery("_PyEval_EvalFrameDefault", "uwsgi"));
	assert_true(plait_label_is_machinery("method_vectorcall", "python3.11"));
	assert_true(plait_label_is_machinery("run_mod", "libpython3.11.so.1.0"));
	assert_true(plait_label_is_machinery("main", "python3"));
	assert_true(plait_label_is_machinery("__libc_start_main_impl", "libc.so.6"));
	assert_true(plait_label_is_import("<frozen importlib._bootstrap_external>"));
	assert_false(plait_label_is_import("/usr/lib/python3/importlib/_bootstrap.py"));
	assert_false(plait_label_is_machinery("main", "uwsgi"));
	assert_false(plait_label_is_machinery("maintain", "python3"));
	assert_false(plait_label_is_machinery("method_vectorcall", "libfoo.so"));
	assert_false(plait_label_is_machinery("builtin_sorted", "python3.11"));
	assert_false(plait_label_is_machinery("start_threads", "libc.so.6"));
}

static void utf8_is_decoded_strictly(void **state)
{
	(void)state;
	uint32_t point = 0;
	assert_int_equal(plait_utf8_decode("a", &point), 1);
	assert_int_equal(point, 'a');
	assert_int_equal(plait_utf8_decode("\xc3\xa9", &point), 2);
	assert_int_equal(point, 0xe9);
	assert_int_equal(plait_utf8_decode("\xf0\x9f\x98\x80", &point), 4);
	assert_int_equal(point, 0x1f600);
	const char *const bad[] = {
		"\x80",	       "\xc0\x80",     "\xc1\xbf", "\xe0\x80\x80",     "\xed\xa0\x80",	   "\xc3",
		"\xe2\x82",    "\xf0\x9f\x98", "\xff",	   "\xf4\x90\x80\x80", "\xf0\x80\x80\x80", "\xf5\x80\x80\x80",
		"\xe2\x28\xa1"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(plait_utf8_decode(bad[i], &point), 0);
	assert_true(plait_utf8_is_control(0x1b) && plait_utf8_is_control(0x9b) && plait_utf8_is_control(0x202e));
	assert_false(plait_utf8_is_control(' ') || plait_utf8_is_control(0xa0) || plait_utf8_is_control(0x200d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_are_counted_by_stack_thread_event_and_quality),
		cmocka_unit_test(trust_is_counted_for_all_and_for_each_event),
		cmocka_unit_test(indexes_that_do_not_fit_are_refused),
		cmocka_unit_test(weights_never_wrap),
		cmocka_unit_test(strings_are_copied),
		cmocka_unit_test(frames_get_labels),
		cmocka_unit_test(text_of_labels_cannot_break_a_line),
		cmocka_unit_test(a_namer_names_only_what_has_no_name),
		cmocka_unit_test(quality_says_unresolved_as_names_are_known_now),
		cmocka_unit_test(modules_have_a_base_name_and_a_short_one),
		cmocka_unit_test(machinery_is_what_passes_calls_on),
		cmocka_unit_test(utf8_is_decoded_strictly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
