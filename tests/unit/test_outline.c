/* links: plait_model */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "golden/random_profile.h"
#include "output/model/listing.h"

#define HEAD "header x\nevent cpu ns 999\nprocess 1 python3\nthread 1 main\n"

/* A tree and its outline. */
struct shown {
	struct plait_profile *profile;
	struct plait_calltree *tree;
	struct plait_outline *outline;
};

static struct shown show_profile(struct plait_profile *profile, double threshold)
{
	struct shown shown = { .profile = profile };
	struct plait_selection *selection;
	assert_null(plait_selection_create(profile, &(struct plait_view_options) { 0 }, &selection));
	assert_null(plait_calltree_create(profile, selection,
					  &(struct plait_calltree_options) { .grain = PLAIT_GRAIN_LINE }, &shown.tree));
	plait_selection_destroy(selection);
	assert_null(plait_outline_create(shown.tree, threshold, false, &shown.outline));
	return shown;
}

static struct shown show(const char *text, double threshold)
{
	return show_profile(profile_text_create(text), threshold);
}

static void end(struct shown *shown)
{
	plait_outline_destroy(shown->outline);
	plait_calltree_destroy(shown->tree);
	plait_profile_destroy(shown->profile);
}

/* The rows: "a b+ >c-": + closed, - open, one > a fork, (n) cut ones. */
static void assert_rows(const struct shown *shown, const char *wanted)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	for (size_t i = 0; i < shown->outline->rows.count; i++) {
		const struct plait_outline_row *row = &shown->outline->rows.data[i];
		fputs(i ? " " : "", out);
		for (uint32_t k = 0; k < shown->outline->branches.data[row->branch].depth; k++)
			fputc('>', out);
		if (row->node == PLAIT_NONE)
			fprintf(out, "(%u)", row->cut);
		else
			fprintf(out, "%s%s", plait_calltree_label(shown->tree, row->node)->name,
				row->state == PLAIT_OUTLINE_LEAF     ? ""
				: row->state == PLAIT_OUTLINE_CLOSED ? "+"
								     : "-");
	}
	fclose(out);
	assert_string_equal(text, wanted);
	free(text);
}

/* The row of the function `name`. */
static size_t row_named(const struct shown *shown, const char *name)
{
	for (size_t i = 0; i < shown->outline->rows.count; i++) {
		uint32_t node = shown->outline->rows.data[i].node;
		if (node != PLAIT_NONE && strcmp(plait_calltree_label(shown->tree, node)->name, name) == 0)
			return i;
	}
	fail_msg("no row %s", name);
	return 0;
}

static uint32_t node_named(const struct shown *shown, const char *name)
{
	for (uint32_t i = 1; i < shown->tree->nodes.count; i++) {
		if (strcmp(plait_calltree_label(shown->tree, i)->name, name) == 0)
			return i;
	}
	fail_msg("no node %s", name);
	return 0;
}

static void open_row(struct shown *shown, const char *name, bool wanted)
{
	bool changed;
	assert_null(plait_outline_open(shown->outline, row_named(shown, name), &changed));
	assert_int_equal(changed, wanted);
}

static void close_row(struct shown *shown, const char *name, bool wanted)
{
	bool changed;
	assert_null(plait_outline_close(shown->outline, row_named(shown, name), &changed));
	assert_int_equal(changed, wanted);
}

/* main calls work (c, d below b) and rest; e, f and g are small. */
static const char forks[] = HEAD "sample 1 50 - py main /a 1 | py work /a 2 | py b /a 3 | py c /a 4\n"
				 "sample 1 30 - py main /a 1 | py work /a 2 | py b /a 3 | py d /a 5\n"
				 "sample 1 17 - py main /a 1 | py rest /a 6\n"
				 "sample 1 1 - py main /a 1 | py work /a 2 | py e /a 7\n"
				 "sample 1 1 - py main /a 1 | py f /a 8\n"
				 "sample 1 1 - py main /a 1 | py g /a 9\n";

static void everything_is_closed_at_first(void **state)
{
	(void)state;
	struct shown shown = show(forks, 2);
	assert_rows(&shown, "main+");
	end(&shown);
}

static void opening_goes_to_the_next_fork(void **state)
{
	(void)state;
	struct shown shown = show(forks, 2);
	open_row(&shown, "main", true);
	assert_rows(&shown, "main- >work+ >rest >(2)");
	open_row(&shown, "work", true); /* through b, to its fork */
	assert_rows(&shown, "main- >work- >b- >>c >>d >>(1) >rest >(2)");
	open_row(&shown, "work", false);
	open_row(&shown, "rest", false);
	close_row(&shown, "rest", false);
	close_row(&shown, "work", true);
	assert_rows(&shown, "main- >work+ >rest >(2)");
	end(&shown);
}

static void a_chain_is_closed_in_its_middle(void **state)
{
	(void)state;
	struct shown shown = show(forks, 2);
	open_row(&shown, "main", true);
	open_row(&shown, "work", true);
	close_row(&shown, "b", true);
	assert_rows(&shown, "main- >work- >b+ >rest >(2)");
	assert_int_equal(plait_outline_parent(shown.outline, row_named(&shown, "b")), row_named(&shown, "work"));
	assert_int_equal(plait_outline_parent(shown.outline, row_named(&shown, "rest")), row_named(&shown, "main"));
	assert_int_equal(plait_outline_parent(shown.outline, 0), 0);
	open_row(&shown, "b", true);
	assert_rows(&shown, "main- >work- >b- >>c >>d >>(1) >rest >(2)");
	end(&shown);
}

static void what_is_small_is_shown_when_asked_for(void **state)
{
	(void)state;
	bool changed;
	struct shown shown = show(forks, 2);
	open_row(&shown, "main", true);
	assert_null(plait_outline_open(shown.outline, 3, &changed)); /* the row of cut ones */
	assert_true(changed);
	assert_rows(&shown, "main- >work+ >rest >f >g");
	open_row(&shown, "work", true);
	assert_rows(&shown, "main- >work- >b- >>c >>d >>(1) >rest >f >g");
	assert_null(plait_outline_open(shown.outline, 5, &changed)); /* e goes off in the middle of a chain */
	assert_rows(&shown, "main- >work- >>b- >>>c >>>d >>e >rest >f >g");
	close_row(&shown, "main", true); /* forgets what was small below it */
	open_row(&shown, "main", true);
	assert_rows(&shown, "main- >work- >>b- >>>c >>>d >>e >rest >(2)");
	end(&shown);
}

static void small_ones_alone_are_shown_at_once(void **state)
{
	(void)state;
	struct shown shown = show(HEAD "sample 1 98 - py a /a 1\nsample 1 1 - py a /a 1 | py b /a 2\n"
				       "sample 1 1 - py a /a 1 | py c /a 3\n",
				  2);
	assert_rows(&shown, "a+");
	assert_int_equal(shown.outline->rows.data[0].cut, 2);
	open_row(&shown, "a", true);
	assert_rows(&shown, "a- >b >c");
	end(&shown);
}

static void folded_frames_are_shown_when_asked_for_again(void **state)
{
	(void)state;
	struct shown shown = show(HEAD "sample 1 9 - py a /a 1 | n n1 /x | n n2 /x | n n3 /x | py r /a 2 | py r /a 2 | "
				       "py r /a 2 | py z /a 3\n",
				  1);
	open_row(&shown, "a", true);
	assert_rows(&shown, "a- n1- n3- r- z");
	assert_int_equal(shown.outline->rows.data[2].folded, 1);
	assert_int_equal(shown.outline->rows.data[3].repeats, 3);
	open_row(&shown, "n3", true);
	assert_rows(&shown, "a- n1- n2+");
	open_row(&shown, "n2", true);
	assert_rows(&shown, "a- n1- n2- n3- r- r- r- z");
	assert_null(plait_outline_set(shown.outline, 1, true));
	assert_rows(&shown, "a- n1- n2- n3- r- r- r- z");
	end(&shown);
}

static void all_and_below(void **state)
{
	(void)state;
	struct shown shown = show(forks, 2);
	assert_null(plait_outline_open_all(shown.outline, true));
	assert_rows(&shown, "main- >work- >b- >>c >>d >>(1) >rest >(2)");
	assert_null(plait_outline_open_all(shown.outline, false));
	assert_rows(&shown, "main+");
	assert_null(plait_outline_open_below(shown.outline, 0, true));
	assert_rows(&shown, "main- >work- >b- >>c >>d >>(1) >rest >(2)");
	assert_null(plait_outline_open_below(shown.outline, row_named(&shown, "work"), false));
	assert_rows(&shown, "main- >work+ >rest >(2)");
	assert_null(plait_outline_set(shown.outline, 0, false));
	assert_rows(&shown, "main- >work+ >rest >f >g");
	end(&shown);
}

static void filling_begins_with_the_hottest(void **state)
{
	(void)state;
	struct shown shown = show(forks, 2);
	assert_null(plait_outline_fill(shown.outline, 1));
	assert_rows(&shown, "main+");
	assert_null(plait_outline_fill(shown.outline, 4));
	assert_rows(&shown, "main- >work+ >rest >(2)");
	assert_null(plait_outline_fill(shown.outline, 6)); /* of a chain of the hot path as much as there is room for */
	assert_rows(&shown, "main- >work- >b+ >rest >(2)");
	assert_null(plait_outline_fill(shown.outline, 8));
	assert_rows(&shown, "main- >work- >b- >>c >>d >>(1) >rest >(2)");
	end(&shown);
}

static void the_hot_path_takes_the_dearest_way(void **state)
{
	(void)state;
	struct shown shown = show(forks, 2);
	assert_int_equal(plait_outline_hot_end(shown.outline, 0), node_named(&shown, "c"));
	assert_int_equal(plait_outline_hot_end(shown.outline, node_named(&shown, "rest")), node_named(&shown, "rest"));
	assert_null(plait_outline_open_all(shown.outline, true));
	for (size_t i = 0; i < shown.outline->rows.count; i++)
		assert_int_equal(shown.outline->rows.data[i].hot, i < 4);
	end(&shown);
	shown = show(HEAD "sample 1 6 - py a /a 1\nsample 1 4 - py a /a 1 | py b /a 2\n", 1);
	assert_int_equal(plait_outline_hot_end(shown.outline, 0), node_named(&shown, "a")); /* more of it is its own */
	end(&shown);
}

static void revealing_opens_what_is_in_the_way(void **state)
{
	(void)state;
	struct shown shown = show(forks, 2);
	size_t row;
	assert_null(plait_outline_reveal(shown.outline, node_named(&shown, "d"), &row));
	assert_rows(&shown, "main- >work- >b- >>c >>d >>(1) >rest >(2)");
	assert_int_equal(row, 4);
	assert_null(plait_outline_open_all(shown.outline, false));
	assert_null(plait_outline_reveal(shown.outline, node_named(&shown, "g"), &row)); /* small */
	assert_rows(&shown, "main- >work+ >rest >f >g");
	assert_int_equal(row, 4);
	assert_null(plait_outline_reveal(shown.outline, node_named(&shown, "e"), &row)); /* small, beside a chain */
	assert_rows(&shown, "main- >work- >>b+ >>e >rest >f >g");
	assert_int_equal(row, 3);
	assert_int_equal(plait_outline_row_of(shown.outline, node_named(&shown, "d")), 2); /* in b, which is closed */
	end(&shown);
	shown = show(HEAD "sample 1 9 - py a /a 1 | n n1 /x | n n2 /x | n n3 /x\n", 1);
	assert_null(plait_outline_reveal(shown.outline, node_named(&shown, "n2"), &row)); /* folded */
	assert_rows(&shown, "a- n1- n2+");
	assert_int_equal(row, 2);
	end(&shown);
}

static void finding_goes_around(void **state)
{
	(void)state;
	struct shown shown = show(forks, 2);
	bool *matches = calloc(shown.profile->labels.all.count + 1, sizeof(*matches));
	assert_int_equal(plait_outline_find(shown.outline, 0, true, matches), PLAIT_NONE);
	uint32_t b = node_named(&shown, "b"), g = node_named(&shown, "g");
	matches[shown.tree->nodes.data[b].label] = matches[shown.tree->nodes.data[g].label] = true;
	assert_int_equal(plait_outline_find(shown.outline, PLAIT_NONE, true, matches), b);
	assert_int_equal(plait_outline_find(shown.outline, b, true, matches), g);
	assert_int_equal(plait_outline_find(shown.outline, g, true, matches), b);
	assert_int_equal(plait_outline_find(shown.outline, b, false, matches), g);
	matches[shown.tree->nodes.data[g].label] = false;
	assert_int_equal(plait_outline_find(shown.outline, b, true, matches), b);
	free(matches);
	end(&shown);
}

static void an_empty_tree_has_no_rows(void **state)
{
	(void)state;
	struct shown shown = show(HEAD, 1);
	size_t row;
	assert_rows(&shown, "");
	assert_null(plait_outline_fill(shown.outline, 10));
	assert_null(plait_outline_reveal(shown.outline, PLAIT_NONE, &row));
	assert_null(plait_outline_open_all(shown.outline, true));
	assert_rows(&shown, "");
	assert_int_equal(plait_outline_hot_end(shown.outline, 0), 0);
	end(&shown);
}

/* Whatever is opened and closed: every node can be revealed, and every row is that of its node. */
static void random_trees_keep_their_promises(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 60; seed++) {
		struct shown shown = show_profile(random_profile(seed), seed % 3 * 4);
		uint32_t state_of = seed, count = (uint32_t)shown.tree->nodes.count;
		struct plait_outline *outline = shown.outline;
		for (int step = 0; step < 60 && outline->rows.count; step++) {
			size_t row = random_next(&state_of) % outline->rows.count;
			bool changed, flag = random_next(&state_of) % 2;
			switch (random_next(&state_of) % 5) {
			case 0:
				assert_null(plait_outline_close(outline, row, &changed));
				break;
			case 1:
				assert_null(plait_outline_open_below(outline, row, flag));
				break;
			case 2:
				assert_null(plait_outline_set(outline, random_next(&state_of) % 20, flag));
				break;
			default:
				assert_null(plait_outline_open(outline, row, &changed));
			}
			for (size_t i = 1; i < outline->rows.count; i++) {
				size_t parent = plait_outline_parent(outline, i);
				bool top = outline->branches.data[outline->rows.data[i].branch].depth <= 1;
				assert_true(parent < i || (parent == i && top && outline->rows.data[i].head));
			}
			assert_null(plait_outline_fill(outline, row + 5));
			uint32_t node = 1 + random_next(&state_of) % (count - 1);
			assert_null(plait_outline_reveal(outline, node, &row));
			assert_int_equal(outline->rows.data[row].node, node);
		}
		end(&shown);
	}
}

/* ---- listings ---- */

static void assert_listing(const struct plait_listing *listing, const char *wanted)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	for (size_t i = 0; i < listing->rows.count; i++) {
		const struct plait_listing_row *row = &listing->rows.data[i];
		uint32_t label = plait_listing_label(listing, i);
		fputs(i ? " " : "", out);
		if (label == PLAIT_NONE)
			fprintf(out, "(%u %d)", row->cut, (int)row->cut_weight);
		else
			fprintf(out, "%s%s%s", row->leaf != PLAIT_NONE ? ">" : "",
				listing->profile->labels.all.data[label].name,
				row->state == PLAIT_OUTLINE_LEAF     ? ""
				: row->state == PLAIT_OUTLINE_CLOSED ? "+"
								     : "-");
	}
	fclose(out);
	assert_string_equal(text, wanted);
	free(text);
}

static void lines_open_and_close(void **state)
{
	(void)state;
	struct plait_profile *profile =
		profile_text_create(HEAD "sample 1 60 - py a /a 1 | n big /x\nsample 1 3 - py a /a 1 | n small /x\n"
					 "sample 1 2 - py a /a 1 | n tiny /x\nsample 1 35 - py a /a 1 | py b /a 2\n");
	struct plait_selection *selection;
	struct plait_table table;
	struct plait_listing *listing;
	bool changed, *matches = calloc(profile->labels.all.count + 1, sizeof(*matches));
	assert_null(plait_selection_create(profile, &(struct plait_view_options) { 0 }, &selection));
	assert_null(plait_table_by_line(profile, selection, &table));
	assert_null(plait_listing_create(profile, &table, 5, false, &listing));
	assert_listing(listing, "a+ b");
	assert_null(plait_listing_open(listing, 0, &changed));
	assert_listing(listing, "a- >big (2 5) b");
	assert_null(plait_listing_open(listing, 0, &changed));
	assert_false(changed);
	assert_null(plait_listing_open(listing, 2, &changed));
	assert_listing(listing, "a- >big >small >tiny b");
	matches[plait_listing_label(listing, 4)] = matches[plait_listing_label(listing, 1)] = true;
	assert_int_equal(plait_listing_find(listing, 0, true, matches), 1);
	assert_int_equal(plait_listing_find(listing, 1, true, matches), 4);
	assert_int_equal(plait_listing_find(listing, 4, true, matches), 1);
	assert_int_equal(plait_listing_find(listing, 0, false, matches), 4);
	assert_null(plait_listing_close(listing, 3, &changed)); /* from below */
	assert_listing(listing, "a+ b");
	assert_null(plait_listing_close(listing, 1, &changed));
	assert_false(changed);
	assert_int_equal(plait_listing_find(listing, 0, true, matches), 1);
	assert_null(plait_listing_open_all(listing, true, 50));
	assert_listing(listing, "a- >big (2 5) b");
	assert_null(plait_listing_sort(listing, true));
	assert_listing(listing, "a- >big (2 5) b");
	assert_int_equal(plait_listing_row_of(listing, 1), 3);
	plait_listing_destroy(listing);
	plait_table_release(&table);
	plait_selection_destroy(selection);
	plait_profile_destroy(profile);
	free(matches);
}

static void tables_sort_by_total(void **state)
{
	(void)state;
	struct plait_profile *profile = profile_text_create(HEAD "sample 1 9 - py a /a 1 | py b /a 2 | py c /a 3\n"
								 "sample 1 2 - py a /a 1 | py b /a 2\n");
	struct plait_selection *selection;
	struct plait_table table;
	struct plait_listing *listing;
	assert_null(plait_selection_create(profile, &(struct plait_view_options) { 0 }, &selection));
	assert_null(plait_table_by_function(profile, selection, &table));
	assert_null(plait_listing_create(profile, &table, 1, false, &listing));
	assert_listing(listing, "c b a");
	assert_null(plait_listing_sort(listing, true));
	assert_listing(listing, "b a c");
	assert_null(plait_listing_sort(listing, false));
	assert_listing(listing, "c b a");
	plait_listing_destroy(listing);
	plait_table_release(&table);
	plait_selection_destroy(selection);
	plait_profile_destroy(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_closed_at_first),
		cmocka_unit_test(opening_goes_to_the_next_fork),
		cmocka_unit_test(a_chain_is_closed_in_its_middle),
		cmocka_unit_test(what_is_small_is_shown_when_asked_for),
		cmocka_unit_test(small_ones_alone_are_shown_at_once),
		cmocka_unit_test(folded_frames_are_shown_when_asked_for_again),
		cmocka_unit_test(all_and_below),
		cmocka_unit_test(filling_begins_with_the_hottest),
		cmocka_unit_test(the_hot_path_takes_the_dearest_way),
		cmocka_unit_test(revealing_opens_what_is_in_the_way),
		cmocka_unit_test(finding_goes_around),
		cmocka_unit_test(an_empty_tree_has_no_rows),
		cmocka_unit_test(random_trees_keep_their_promises),
		cmocka_unit_test(lines_open_and_close),
		cmocka_unit_test(tables_sort_by_total),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
