/* links: plait_model */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "golden/random_profile.h"
#include "output/model/tables.h"

#define HEAD "event cpu ns 999\nprocess 1 python3\nthread 1 main\n"
#define NUMPY "/v/site-packages/numpy/m.so"

static struct plait_calltree *tree_of(const struct plait_profile *profile, struct plait_view_options view,
				      struct plait_calltree_options options)
{
	struct plait_selection *selection;
	struct plait_calltree *tree;
	assert_null(plait_selection_create(profile, &view, &selection));
	assert_null(plait_calltree_create(profile, selection, &options, &tree));
	plait_selection_destroy(selection);
	return tree;
}

/* The tree as text: "f:1(10/4)[...]", name:line(total/self)[children]. */
static char *tree_text(const struct plait_calltree *tree)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	uint32_t at = 0;
	bool leaving = false;
	while (plait_calltree_walk(tree, &at, &leaving)) {
		const struct plait_calltree_node *node = &tree->nodes.data[at];
		if (leaving) {
			fputs(node->first_child != PLAIT_NONE && at ? "]" : "", out);
			continue;
		}
		const struct plait_label *label = plait_calltree_label(tree, at);
		bool first = tree->nodes.data[node->parent].first_child == at;
		fprintf(out, "%s%s", first ? "" : " ", label->name);
		if (label->kind == PLAIT_LABEL_PYTHON)
			fprintf(out, ":%d", label->line);
		fprintf(out, "(%d/%d)%s", (int)node->total, (int)node->self,
			node->first_child != PLAIT_NONE ? "[" : "");
	}
	fclose(out);
	return text;
}

static void assert_tree(const char *profile_text, struct plait_view_options view, struct plait_calltree_options options,
			const char *wanted)
{
	struct plait_profile *profile = profile_text_create(profile_text);
	struct plait_calltree *tree = tree_of(profile, view, options);
	char *text = tree_text(tree);
	assert_string_equal(text, wanted);
	free(text);
	plait_calltree_destroy(tree);
	plait_profile_destroy(profile);
}

#define VIEW(...) ((struct plait_view_options) { __VA_ARGS__ })
#define OPTIONS(...) ((struct plait_calltree_options) { __VA_ARGS__ })

static const char mixed[] = HEAD "sample 2 10 - py f /a.py 1 1 | n g " NUMPY " | k read\n"
				 "sample 1 10 - py f /a.py 2 1 | n g " NUMPY "\n"
				 "sample 1 5 - py f /a.py 2 1\n";

static void stacks_share_their_outer_frames(void **state)
{
	(void)state;
	assert_tree(mixed, VIEW(0), OPTIONS(0), "f:1(20/0)[g(20/0)[read(20/20)]] f:2(15/5)[g(10/10)]");
	assert_tree(mixed, VIEW(0), OPTIONS(.grain = PLAIT_GRAIN_FUNCTION), "f:1(35/5)[g(30/10)[read(20/20)]]");
}

static void inverted_trees_begin_with_the_leaf(void **state)
{
	(void)state;
	assert_tree(mixed, VIEW(0), OPTIONS(.inverted = true),
		    "read(20/0)[g(20/0)[f:1(20/20)]] g(10/0)[f:2(10/10)] f:2(5/5)");
}

static void hidden_frames_leave_their_samples(void **state)
{
	(void)state;
	assert_tree(mixed, VIEW(.no_native = true), OPTIONS(0), "f:1(20/0)[read(20/20)] f:2(15/15)");
	assert_tree(mixed, VIEW(.no_kernel = true), OPTIONS(0), "f:1(20/0)[g(20/20)] f:2(15/5)[g(10/10)]");
	assert_tree(mixed, VIEW(.no_python = true), OPTIONS(0), "g(30/10)[read(20/20)] [hidden](5/5)");
	assert_tree(mixed, VIEW(.no_python = true), OPTIONS(.inverted = true),
		    "read(20/0)[g(20/20)] g(10/10) [hidden](5/5)");
	assert_tree(HEAD "sample 1 1 -\n", VIEW(0), OPTIONS(0), "[no stack](1/1)");
	assert_tree(HEAD "sample 1 1 g py f /a.py 1 | gap | n g /x.so\n", VIEW(.no_native = true), OPTIONS(0),
		    "f:1(1/1)");
}

static void recursion_is_kept_in_the_tree(void **state)
{
	(void)state;
	assert_tree(HEAD "sample 1 4 - *3 py f /a.py 1\n", VIEW(0), OPTIONS(0), "f:1(4/0)[f:1(4/0)[f:1(4/4)]]");
}

static void inlined_functions_are_inside(void **state)
{
	(void)state;
	assert_tree(HEAD "sample 1 1 - n a,b,c /x.so\n", VIEW(0), OPTIONS(0), "a(1/0)[b(1/0)[c(1/1)]]");
	assert_tree(HEAD "sample 1 1 - n a,b,c /x.so\n", VIEW(0), OPTIONS(.inverted = true), "c(1/0)[b(1/0)[a(1/1)]]");
}

static void unknown_frames_of_a_module_are_one(void **state)
{
	(void)state;
	static const char text[] = HEAD "sample 1 1 - n ? /x.so\nsample 1 1 - n ? /x.so\n";
	assert_tree(text, VIEW(0), OPTIONS(.grain = PLAIT_GRAIN_LINE), "[unknown](2/2)");
	struct plait_profile *profile = profile_text_create(text);
	struct plait_calltree *tree = tree_of(profile, VIEW(0), OPTIONS(.grain = PLAIT_GRAIN_EXACT));
	assert_int_equal(tree->nodes.count, 3); /* two addresses */
	plait_calltree_destroy(tree);
	plait_profile_destroy(profile);
}

static void machinery_is_folded_but_where_time_is_spent(void **state)
{
	(void)state;
	static const char text[] =
		HEAD "sample 1 8 - n _start /bin/p | py f /a.py 1 | n PyObject_Call /usr/bin/python3 | py g /a.py 5\n"
		     "sample 1 4 - n _start /bin/p | py f /a.py 1 | n PyObject_Call /usr/bin/python3\n"
		     "sample 1 2 - n _start /bin/p | n clone /x.so\n";
	assert_tree(text, VIEW(0), OPTIONS(.fold_machinery = true),
		    "f:1(12/0)[g:5(8/8) PyObject_Call(4/4)] clone(2/2)");
	assert_tree(text, VIEW(0), OPTIONS(.fold_machinery = true, .inverted = true),
		    "g:5(8/0)[f:1(8/8)] PyObject_Call(4/0)[f:1(4/4)] clone(2/2)");
	assert_tree(text, VIEW(.no_python = true), OPTIONS(.fold_machinery = true), "PyObject_Call(12/12) clone(2/2)");
}

static void the_import_system_and_a_stripped_python_are_machinery(void **state)
{
	(void)state;
	static const char text[] = HEAD "sample 1 8 - py f /a.py 1 | n ? /usr/bin/python3.11 | py _load "
					"<frozen\\x20importlib._bootstrap> 7 | py g /g.py 1\n"
					"sample 1 4 - py f /a.py 1 | n ? /usr/bin/python3.11 | n ? /x.so\n"
					"sample 1 2 - py f /a.py 1 | n ? /usr/bin/python3.11\n";
	assert_tree(text, VIEW(0), OPTIONS(.grain = PLAIT_GRAIN_LINE, .fold_machinery = true),
		    "f:1(14/0)[g:1(8/8) [unknown](4/4) [unknown](2/2)]");
}

static void trees_by_thread_begin_with_process_and_thread(void **state)
{
	(void)state;
	static const char text[] = "event cpu ns 999\nprocess 1 p\nthread 1 t\nsample 1 1 - py f /a.py 1\n"
				   "thread 2 u\nsample 1 2 - py f /a.py 1\nname v\n"
				   "process 9 q\nthread 9 q\nsample 1 4 - py f /a.py 1 | py g /a.py 2\n";
	assert_tree(text, VIEW(0), OPTIONS(.by_thread = true),
		    "q:9(4/0)[q:9(4/0)[f:1(4/0)[g:2(4/4)]]] p:1(3/0)[v:2(2/0)[f:1(2/2)] t:1(1/0)[f:1(1/1)]]");
}

static void siblings_of_equal_weight_are_ordered_by_name(void **state)
{
	(void)state;
	assert_tree(HEAD "sample 1 1 - py b /a.py 1\nsample 1 1 - py a /a.py 1\nsample 1 1 - py c /a.py 1\n", VIEW(0),
		    OPTIONS(0), "a:1(1/1) b:1(1/1) c:1(1/1)");
}

static void an_empty_profile_gives_a_root(void **state)
{
	(void)state;
	assert_tree("", VIEW(0), OPTIONS(0), "");
	assert_tree(HEAD, VIEW(0), OPTIONS(.by_thread = true, .inverted = true), "");
}

/* The sums of a tree, whatever its options: selves add up to the root, and every total to its parts. */
static void check_sums(const struct plait_calltree *tree, uint64_t samples, uint64_t weight)
{
	const struct plait_calltree_node *nodes = tree->nodes.data;
	uint64_t self = 0, self_samples = 0;
	for (size_t i = 0; i < tree->nodes.count; i++) {
		uint64_t children = 0, previous = UINT64_MAX;
		for (uint32_t child = nodes[i].first_child; child != PLAIT_NONE; child = nodes[child].next_sibling) {
			assert_int_equal(nodes[child].parent, i);
			assert_true(child > i && nodes[child].total <= previous);
			previous = nodes[child].total;
			children += nodes[child].total;
		}
		assert_int_equal(nodes[i].total, nodes[i].self + children);
		self += nodes[i].self;
		self_samples += nodes[i].self_samples;
	}
	assert_int_equal(self, weight);
	assert_int_equal(nodes[0].total, weight);
	assert_int_equal(self_samples, samples);
	assert_int_equal(nodes[0].total_samples, samples);
	assert_int_equal(nodes[0].self, 0);
}

static void sums_hold_for_random_profiles(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 150; seed++) {
		struct plait_profile *profile = random_profile(seed * 2654435761U);
		uint64_t weight = profile->events.data[1].total, samples = profile->events.data[1].trust.samples;
		for (uint32_t bits = 0; bits < 64; bits++) {
			struct plait_view_options view = { .no_native = bits & 1, .no_python = bits & 2 };
			struct plait_calltree_options options = { .grain = bits % 3,
								  .inverted = bits & 4,
								  .by_thread = bits & 8,
								  .fold_machinery = bits & 16,
								  .keep_samples = bits & 32 };
			struct plait_calltree *tree = tree_of(profile, view, options);
			check_sums(tree, samples, weight);
			uint64_t kept = 0;
			for (size_t i = 0; i < tree->samples.count; i++)
				kept += profile->samples.data[tree->samples.data[i].sample].count;
			assert_int_equal(kept, bits & 32 ? samples : 0);
			plait_calltree_destroy(tree);
		}
		plait_profile_destroy(profile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_share_their_outer_frames),
		cmocka_unit_test(inverted_trees_begin_with_the_leaf),
		cmocka_unit_test(hidden_frames_leave_their_samples),
		cmocka_unit_test(recursion_is_kept_in_the_tree),
		cmocka_unit_test(inlined_functions_are_inside),
		cmocka_unit_test(unknown_frames_of_a_module_are_one),
		cmocka_unit_test(machinery_is_folded_but_where_time_is_spent),
		cmocka_unit_test(the_import_system_and_a_stripped_python_are_machinery),
		cmocka_unit_test(trees_by_thread_begin_with_process_and_thread),
		cmocka_unit_test(siblings_of_equal_weight_are_ordered_by_name),
		cmocka_unit_test(an_empty_profile_gives_a_root),
		cmocka_unit_test(sums_hold_for_random_profiles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
