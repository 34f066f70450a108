/* links: plait_model */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "compare_support.h"
#include "output/model/compare/gate.h"

#define HEAD "header python3 job.py\nevent cpu ns 999\nprocess 1 python3\nthread 1 main\nend 9\n"

static enum plait_compare_verdict own_of(const struct plait_comparison *comparison, const char *name)
{
	return compare_row(comparison, name)->figures[PLAIT_COMPARE_OWN].verdict;
}

/* One function takes 20 % more; what the others take of the whole falls, but they did not change. */
static void only_what_changed_is_told(void **state)
{
	(void)state;
	struct compare_case test;
	compare_case_begin(&test);
	compare_case_add(&test,
			 HEAD "sample 20000 1000 - n main /x | n f /x\nsample 15000 1000 - n main /x | n g /x\n"
			      "sample 5000 1000 - n main /x | n h /x\n",
			 0);
	compare_case_add(&test,
			 HEAD "sample 24000 1000 - n main /x | n f /x\nsample 15000 1000 - n main /x | n g /x\n"
			      "sample 5000 1000 - n main /x | n h /x\n",
			 1);
	struct plait_comparison *comparison = compare_case_run(&test, 1);
	assert_int_equal(own_of(comparison, "f"), PLAIT_COMPARE_SLOWER);
	assert_int_equal(own_of(comparison, "g"), PLAIT_COMPARE_UNDECIDED);
	assert_int_equal(own_of(comparison, "h"), PLAIT_COMPARE_UNDECIDED);
	const struct plait_compare_figure *f = &compare_row(comparison, "f")->figures[PLAIT_COMPARE_OWN];
	assert_true(fabs(f->change - 0.2) < 1e-9 && f->low > 0.15 && f->high < 0.25);
	assert_true(fabs(compare_row(comparison, "g")->figures[PLAIT_COMPARE_OWN].change) < 1e-9);
	assert_true(fabs(comparison->reference - 20.0 / 44) < 1e-9);
	compare_case_end(&test, comparison);
}

/* f takes six times as much, and is most of the new side then: that g takes a sixth on a machine that is six times
 * slower would be the smaller change. Of a part of a process's life nobody can know. */
static void the_machine_is_as_fast_as_before(void **state)
{
	(void)state;
	static const char *const heads[] = {
		HEAD, "header pid 42\nevent cpu ns 999\nprocess 1 python3\nthread 1 main\nend 9\n"
	};
	for (int attached = 0; attached < 2; attached++) {
		struct compare_case test;
		compare_case_begin(&test);
		char text[2][300];
		for (int side = 0; side < 2; side++) {
			snprintf(text[side], sizeof(text[side]),
				 "%ssample %d 1000 - n main /x | n f /x\nsample 6000 1000 - n main /x | n g /x\n",
				 heads[attached], side ? 24000 : 4000);
			compare_case_add(&test, text[side], (uint64_t)side);
		}
		struct plait_comparison *comparison = compare_case_run(&test, 1);
		assert_int_equal(own_of(comparison, "f"), attached ? PLAIT_COMPARE_UNDECIDED : PLAIT_COMPARE_SLOWER);
		assert_int_equal(own_of(comparison, "g"), attached ? PLAIT_COMPARE_FASTER : PLAIT_COMPARE_UNDECIDED);
		compare_case_end(&test, comparison);
	}
}

/* As in only_what_changed_is_told(), but everything is half as fast on the new side: proportions are the same. */
static void absolute_amounts_see_the_whole(void **state)
{
	(void)state;
	struct compare_case test;
	compare_case_begin(&test);
	test.options.absolute = true;
	compare_case_add(&test, HEAD "sample 6000 1000 - n main /x | n f /x\nsample 4000 1000 - n main /x | n g /x\n",
			 0);
	compare_case_add(&test, HEAD "sample 6000 2000 - n main /x | n f /x\nsample 4000 2000 - n main /x | n g /x\n",
			 1);
	struct plait_comparison *comparison = compare_case_run(&test, 1);
	assert_int_equal(comparison->whole.verdict, PLAIT_COMPARE_SLOWER);
	assert_true(fabs(comparison->whole.change - 1) < 1e-9);
	assert_int_equal(own_of(comparison, "f"), PLAIT_COMPARE_SLOWER);
	plait_comparison_destroy(comparison);
	test.options.absolute = false;
	comparison = compare_case_run(&test, 1);
	assert_int_equal(own_of(comparison, "f"), PLAIT_COMPARE_UNDECIDED);
	assert_int_equal(comparison->whole.verdict, PLAIT_COMPARE_SMALL);
	compare_case_end(&test, comparison);
}

/* Of two functions nobody can know which one changed: it is said of the smaller one. */
static void of_two_the_smaller_changed(void **state)
{
	(void)state;
	struct compare_case test;
	compare_case_begin(&test);
	compare_case_add(&test, HEAD "sample 14000 1000 - n g /x\nsample 6000 1000 - n f /x\n", 0);
	compare_case_add(&test, HEAD "sample 14000 1000 - n g /x\nsample 7200 1000 - n f /x\n", 1);
	struct plait_comparison *comparison = compare_case_run(&test, 1);
	assert_int_equal(own_of(comparison, "f"), PLAIT_COMPARE_SLOWER);
	assert_int_equal(own_of(comparison, "g"), PLAIT_COMPARE_UNDECIDED);
	compare_case_end(&test, comparison);
}

static void new_and_vanished_functions_are_told(void **state)
{
	(void)state;
	struct compare_case test;
	compare_case_begin(&test);
	compare_case_add(&test, HEAD "sample 900 1000 - n main /x | n f /x\nsample 100 1000 - n main /x | n old /x\n",
			 0);
	compare_case_add(&test, HEAD "sample 900 1000 - n main /x | n f /x\nsample 100 1000 - n main /x | n fresh /x\n",
			 1);
	struct plait_comparison *comparison = compare_case_run(&test, 1);
	assert_int_equal(own_of(comparison, "old"), PLAIT_COMPARE_REMOVED);
	assert_int_equal(own_of(comparison, "fresh"), PLAIT_COMPARE_ADDED);
	assert_true(isinf(compare_row(comparison, "fresh")->figures[PLAIT_COMPARE_OWN].change));
	assert_true(compare_row(comparison, "old")->figures[PLAIT_COMPARE_OWN].change == -1);
	compare_case_end(&test, comparison);
}

/* Another checkout, another environment, a newer library: the same functions. */
static void names_match_across_checkouts(void **state)
{
	(void)state;
	struct compare_case test;
	compare_case_begin(&test);
	compare_case_add(
		&test,
		HEAD "sample 50 1 - py main /home/a/proj/app/util.py 5 1 | py f /home/a/proj/lib/util.py 7 3\n"
		     "sample 50 1 - py g /usr/lib/python3.11/json/decoder.py 7 3 | py h "
		     "/e1/lib/python3.11/site-packages/pkg/m.py 2 1 | n dgemm "
		     "/e1/lib/python3.11/site-packages/numpy.libs/libopenblas64_p-r0-0cf96a72.3.23.so | n s /a/x.so\n",
		0);
	compare_case_add(
		&test,
		HEAD "sample 50 1 - py main /ci/42/app/util.py 6 2 | py f /ci/42/lib/util.py 9 5\n"
		     "sample 50 1 - py g /opt/lib/python3.12/json/decoder.py 9 3 | py h "
		     "/e2/lib/python3.12/site-packages/pkg/m.py 3 2 | n dgemm "
		     "/e2/lib/python3.12/site-packages/numpy.libs/libopenblas64_p-r0-ffffaaaa.3.23.so | n s /b/x.so\n",
		1);
	struct plait_comparison *comparison = compare_case_run(&test, 1);
	static const char *const names[] = { "main", "f", "g", "h", "dgemm", "s" };
	assert_int_equal(comparison->functions.rows.count, sizeof(names) / sizeof(names[0]) + 2); /* and 2 markers */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct plait_compare_figure *total =
			&compare_row(comparison, names[i])->figures[PLAIT_COMPARE_TOTAL];
		assert_int_equal(total->samples[PLAIT_COMPARE_BASE], 50);
		assert_int_equal(total->samples[PLAIT_COMPARE_NEW], 50);
	}
	assert_string_equal(compare_row(comparison, "f")->place, "lib/util.py");
	assert_string_equal(compare_row(comparison, "h")->place, "pkg/m.py");
	assert_string_equal(compare_row(comparison, "g")->place, "json/decoder.py");
	assert_string_equal(compare_row(comparison, "dgemm")->place, "libopenblas64_p-r0");
	compare_case_end(&test, comparison);
}

/* The source of /x.py: two versions, the second with two lines more on top, and one line changed. */
static const char *text_of(void *context, const char *file, int32_t line)
{
	static const char *const versions[2][9] = {
		{ "def f(x):", "    x = g(x)", "    x = g(x)", "    return h(x)", NULL },
		{ "import os", "", "def f(x):", "    x = g(x)", "    y = 1", "    x = g(x)", "    return h(x, y)",
		  NULL },
	};
	const char *const *lines = versions[*(const int *)context];
	int32_t count = 0;
	while (lines[count])
		count++;
	return strcmp(file, "/x.py") == 0 && line >= 1 && line <= count ? lines[line - 1] : NULL;
}

static const struct plait_compare_row *line_at(const struct plait_comparison *comparison, int32_t base, int32_t new)
{
	for (size_t i = 0; i < comparison->lines.rows.count; i++) {
		const struct plait_compare_row *row = &comparison->lines.rows.data[i];
		if (row->lines[0] == base && row->lines[1] == new)
			return row;
	}
	return NULL;
}

static void lines_match_by_text(void **state)
{
	(void)state;
	static const int versions[] = { 0, 1 };
	struct compare_case test;
	compare_case_begin(&test);
	compare_case_add(&test,
			 HEAD "sample 5 1 - py f /x.py 2 1\nsample 6 1 - py f /x.py 3 1\nsample 7 1 - py f /x.py 4 1\n",
			 0);
	compare_case_add(&test,
			 HEAD "sample 5 1 - py f /x.py 4 3\nsample 6 1 - py f /x.py 6 3\nsample 7 1 - py f /x.py 7 3\n",
			 1);
	for (int i = 0; i < 2; i++) {
		test.inputs[i].line_text = text_of;
		test.inputs[i].line_context = (void *)&versions[i];
	}
	struct plait_comparison *comparison = compare_case_run(&test, 1);
	assert_non_null(line_at(comparison, 2, 4)); /* the first of two equal lines ... */
	assert_non_null(line_at(comparison, 3, 6)); /* ... and the second */
	assert_non_null(line_at(comparison, 4, 0)); /* a changed line is another line */
	assert_non_null(line_at(comparison, 0, 7));
	assert_string_equal(line_at(comparison, 2, 4)->text, "x = g(x)");
	assert_false(line_at(comparison, 2, 4)->guessed);
	plait_comparison_destroy(comparison);
	test.inputs[0].line_text = NULL; /* not known: by the distance from the definition, and it is said */
	comparison = compare_case_run(&test, 1);
	assert_non_null(line_at(comparison, 2, 4));
	assert_non_null(line_at(comparison, 4, 6));
	assert_true(line_at(comparison, 4, 6)->guessed);
	assert_non_null(strstr(comparison->notes.data[comparison->notes.count - 1], "are not judged"));
	compare_case_end(&test, comparison);
}

static void assert_refused(struct compare_case *test, const char *said)
{
	struct plait_comparison *comparison = NULL;
	struct plait_error *error = compare_case_try(test, 1, &comparison);
	assert_non_null(error);
	assert_null(comparison);
	assert_int_equal(error->code, PLAIT_ERROR_USAGE);
	assert_non_null(strstr(error->message, said));
	plait_error_free(error);
}

static void what_cannot_be_compared_is_refused(void **state)
{
	(void)state;
	static const char good[] = HEAD "sample 50 1000 - n f /x\n";
	struct compare_case test;
	compare_case_begin(&test);
	compare_case_add(&test, good, 0);
	compare_case_add(&test, "event faults count 0\nprocess 1 a\nthread 1 b\nsample 9 1 - n f /x\n", 1);
	assert_refused(&test, "has no event 'cpu'");
	compare_case_end(&test, NULL);
	compare_case_begin(&test);
	compare_case_add(&test, good, 0);
	compare_case_add(&test, "event cpu count 0\nprocess 1 a\nthread 1 b\nsample 9 1 - n f /x\n", 1);
	assert_refused(&test, "is a time in one recording and a number in another");
	compare_case_end(&test, NULL);
	compare_case_begin(&test);
	compare_case_add(&test, good, 0);
	compare_case_add(&test, HEAD, 1);
	assert_refused(&test, "b.plait has no samples of cpu");
	compare_case_end(&test, NULL);
	compare_case_begin(&test);
	test.options.absolute = true;
	compare_case_add(&test, good, 0);
	compare_case_add(&test, good, 1);
	((struct plait_profile *)test.inputs[1].profile)->cut = true;
	assert_refused(&test, "b.plait was cut off");
	test.inputs[0].damaged = true;
	assert_refused(&test, "a.plait is damaged");
	compare_case_end(&test, NULL);
}

static void what_differs_is_noted(void **state)
{
	(void)state;
	struct compare_case test;
	compare_case_begin(&test);
	compare_case_add(&test, HEAD "sample 50 1000 - n f /x\n", 0);
	compare_case_add(&test,
			 "header python3 job.py --fast\nevent cpu ns 99\nprocess 1 a\nthread 1 b\nlost 50\nsample 9 1 "
			 "- n f /x\n",
			 1);
	struct plait_profile *other = (struct plait_profile *)test.inputs[1].profile;
	other->header.engine = "ptrace";
	other->header.host = "elsewhere";
	other->cut = true;
	struct plait_comparison *comparison = compare_case_run(&test, 1);
	static const char *const wanted[] = { "hosts",	 "engines",	"commands",   "99 Hz",
					      "cut off", "lost 84.7 %", "--run-noise" };
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		bool found = false;
		for (size_t j = 0; j < comparison->notes.count; j++)
			found = found || strstr(comparison->notes.data[j], wanted[i]);
		if (!found)
			fail_msg("no note says '%s'", wanted[i]);
	}
	compare_case_end(&test, comparison);
}

static size_t failures_of(const struct plait_comparison *comparison, const struct plait_gate *gate)
{
	struct plait_gate_result result = { 0 };
	assert_null(plait_gate_check(comparison, gate, &result));
	size_t count = result.failures.count;
	plait_gate_result_release(&result);
	return count;
}

static void gates_fail_on_what_is_told_and_large(void **state)
{
	(void)state;
	struct compare_case test;
	compare_case_begin(&test);
	compare_case_add(&test,
			 HEAD "sample 6000 1000 - py A.f /x.py 2 1\nsample 9000 1000 - n g /x\nsample 9000 1000 - n h "
			      "/x\nsample 30 9 - n tiny /x\n",
			 0);
	compare_case_add(&test,
			 HEAD "sample 7200 1000 - py A.f /x.py 2 1\nsample 9000 1000 - n g /x\nsample 9000 1000 - n h "
			      "/x\nsample 50 9 - n tiny /x\n",
			 1);
	struct plait_comparison *comparison = compare_case_run(&test, 1);
	assert_int_equal(failures_of(comparison, &(struct plait_gate) { .has_above = true, .above = 15 }),
			 2); /* own, total */
	assert_int_equal(failures_of(comparison, &(struct plait_gate) { .has_above = true, .above = 25 }), 0);
	const struct plait_gate_function functions[] = { { "f", 10 }, { "g", 10 }, { "A.f", 30 }, { "tiny", 5 } };
	assert_int_equal(failures_of(comparison, &(struct plait_gate) { .functions = functions, .function_count = 1 }),
			 2);
	assert_int_equal(
		failures_of(comparison, &(struct plait_gate) { .functions = functions + 1, .function_count = 3 }), 0);
	const struct plait_gate_function unknown = { "nobody", 5 };
	struct plait_gate_result result = { 0 };
	struct plait_error *error = plait_gate_check(
		comparison, &(struct plait_gate) { .functions = &unknown, .function_count = 1 }, &result);
	assert_non_null(error);
	assert_int_equal(error->code, PLAIT_ERROR_USAGE);
	plait_error_free(error);
	compare_case_end(&test, comparison);
}

/* Both sides' stacks in one tree: its sums are the sides' weights. */
static void the_tree_has_both_sides(void **state)
{
	(void)state;
	struct compare_case test;
	compare_case_begin(&test);
	compare_case_add(&test, HEAD "sample 5 10 - n main /x | n f /x\nsample 2 10 - n main /x\n", 0);
	compare_case_add(&test, HEAD "sample 3 10 - n main /x | n f /x | n g /x\nsample 4 10 - n main /x\n", 1);
	struct plait_comparison *comparison = compare_case_run(&test, 1);
	assert_int_equal(comparison->nodes.count, 4);
	double sums[2] = { 0, 0 };
	for (size_t i = 1; i < comparison->nodes.count; i++) {
		assert_true(comparison->nodes.data[i].parent < i);
		sums[0] += comparison->nodes.data[i].own[0];
		sums[1] += comparison->nodes.data[i].own[1];
	}
	assert_true(sums[0] == 70 && sums[1] == 70);
	compare_case_end(&test, comparison);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_changed_is_told),
		cmocka_unit_test(the_machine_is_as_fast_as_before),
		cmocka_unit_test(absolute_amounts_see_the_whole),
		cmocka_unit_test(of_two_the_smaller_changed),
		cmocka_unit_test(new_and_vanished_functions_are_told),
		cmocka_unit_test(names_match_across_checkouts),
		cmocka_unit_test(lines_match_by_text),
		cmocka_unit_test(what_cannot_be_compared_is_refused),
		cmocka_unit_test(what_differs_is_noted),
		cmocka_unit_test(gates_fail_on_what_is_told_and_large),
		cmocka_unit_test(the_tree_has_both_sides),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
