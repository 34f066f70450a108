/* links: plait_model */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "golden/random_profile.h"
#include "output/model/tables.h"

#define HEAD "event cpu ns 999\nprocess 1 python3\nthread 1 main\n"

static struct plait_table table_of(const struct plait_profile *profile, bool lines, bool no_python)
{
	struct plait_view_options view = { .no_python = no_python };
	struct plait_selection *selection;
	struct plait_table table;
	assert_null(plait_selection_create(profile, &view, &selection));
	assert_null(lines ? plait_table_by_line(profile, selection, &table)
			  : plait_table_by_function(profile, selection, &table));
	plait_selection_destroy(selection);
	return table;
}

/* The table as text: "f:1(total/self){leaf 3} ...". */
static char *table_text(const struct plait_profile *profile, const struct plait_table *table)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	for (size_t i = 0; i < table->rows.count; i++) {
		const struct plait_table_row *row = &table->rows.data[i];
		const struct plait_label *label = &profile->labels.all.data[row->label];
		fprintf(out, "%s%s", i ? " " : "", label->name);
		if (label->kind == PLAIT_LABEL_PYTHON)
			fprintf(out, ":%d", label->line);
		fprintf(out, "(%d/%d)", (int)row->total, (int)row->self);
		for (uint32_t j = 0; j < row->leaf_count; j++) {
			const struct plait_table_leaf *leaf = &table->leaves.data[row->leaves + j];
			fprintf(out, "{%s %d}", profile->labels.all.data[leaf->label].name, (int)leaf->weight);
		}
	}
	fclose(out);
	return text;
}

static void assert_table(const char *profile_text, bool lines, const char *wanted, int outside)
{
	struct plait_profile *profile = profile_text_create(profile_text);
	struct plait_table table = table_of(profile, lines, false);
	char *text = table_text(profile, &table);
	assert_string_equal(text, wanted);
	assert_int_equal(table.outside, outside);
	free(text);
	plait_table_release(&table);
	plait_profile_destroy(profile);
}

static void functions_count_once_a_stack(void **state)
{
	(void)state;
	static const char text[] = HEAD "sample 1 10 - *5 py f /a.py 2 1 | py g /a.py 9 8 | *3 py f /a.py 3 1\n"
					"sample 1 4 - py g /a.py 9 8 | py f /a.py 2 1 | py g /a.py 9 8\n"
					"sample 1 1 - n main /x | n f /x\n";
	assert_table(text, false, "f:1(14/10) g:8(14/4) f(1/1) main(1/0)", 0);
}

static void lines_own_what_their_native_code_spends(void **state)
{
	(void)state;
	static const char text[] = HEAD "sample 1 60 - py f /a.py 1 | py g /a.py 5 | n outer /x.so | n kernel /y.so\n"
					"sample 1 20 - py f /a.py 1 | py g /a.py 5 | n outer /x.so\n"
					"sample 1 10 - py f /a.py 1 | py g /a.py 5\n"
					"sample 1 7 - py f /a.py 1 | n sorted /p | py f /a.py 1 | k read\n"
					"sample 1 3 - n start /p | k clone\n";
	assert_table(text, true, "g:5(90/90){kernel 60}{outer 20} f:1(97/7){read 7}", 3);
}

static void a_line_in_recursion_counts_once(void **state)
{
	(void)state;
	assert_table(HEAD "sample 2 5 - *900 py f /a.py 2 1\nsample 1 5 - *3 py f /a.py 2 1 | py f /a.py 1 1\n", true,
		     "f:2(15/10) f:1(5/5)", 0);
}

static void no_python_leaves_everything_outside(void **state)
{
	(void)state;
	struct plait_profile *profile = profile_text_create(HEAD "sample 2 5 - py f /a.py 2 1 | n g /x.so\n");
	struct plait_table table = table_of(profile, true, true);
	assert_int_equal(table.rows.count, 0);
	assert_int_equal(table.outside, 10);
	assert_int_equal(table.samples, 2);
	plait_table_release(&table);
	plait_profile_destroy(profile);
}

/* The functions of each stack, each once, counted in the plainest way. */
static uint64_t total_by_hand(const struct plait_profile *profile, uint32_t event, uint32_t function)
{
	uint64_t total = 0;
	for (size_t i = 0; i < profile->samples.count; i++) {
		const struct plait_profile_sample *sample = &profile->samples.data[i];
		bool found = sample->node == PLAIT_NONE && function == profile->label_no_stack;
		for (uint32_t node = sample->node; node != PLAIT_NONE; node = profile->nodes.data[node].parent) {
			const struct plait_profile_frame *frame =
				&profile->frames.data[profile->nodes.data[node].frame];
			for (uint32_t j = 0; j < frame->label_count; j++) {
				uint32_t label = profile->frame_labels.data[frame->labels + j];
				found = found || profile->labels.all.data[label].function == function;
			}
		}
		total += found && sample->event == event ? sample->weight : 0;
	}
	return total;
}

static void sums_hold_for_random_profiles(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 300; seed++) {
		struct plait_profile *profile = random_profile(seed * 2246822519U);
		uint64_t weight = profile->events.data[1].total;
		struct plait_table flat = table_of(profile, false, false), lines = table_of(profile, true, false);
		uint64_t self = 0, own = lines.outside;
		for (size_t i = 0; i < flat.rows.count; i++) {
			const struct plait_table_row *row = &flat.rows.data[i];
			self += row->self;
			assert_true(row->total >= row->self && row->total <= weight);
			assert_int_equal(row->total, total_by_hand(profile, 1, row->label));
		}
		for (size_t i = 0; i < lines.rows.count; i++) {
			const struct plait_table_row *row = &lines.rows.data[i];
			uint64_t leaves = 0;
			for (uint32_t j = 0; j < row->leaf_count; j++)
				leaves += lines.leaves.data[row->leaves + j].weight;
			assert_true(leaves <= row->self && row->self <= row->total);
			own += row->self;
		}
		assert_int_equal(self, weight);
		assert_int_equal(own, weight);
		plait_table_release(&flat);
		plait_table_release(&lines);
		plait_profile_destroy(profile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_count_once_a_stack),
		cmocka_unit_test(lines_own_what_their_native_code_spends),
		cmocka_unit_test(a_line_in_recursion_counts_once),
		cmocka_unit_test(no_python_leaves_everything_outside),
		cmocka_unit_test(sums_hold_for_random_profiles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
