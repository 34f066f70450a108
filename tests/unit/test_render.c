/* links: plait_render */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "golden/random_profile.h"
#include "output/model/outline.h"
#include "output/render/line.h"
#include "output/render/render.h"
#include "output/render/source.h"

#define HEAD "header x\nevent cpu ns 999\nprocess 1 python3\nthread 1 main\n"

static char *render(const struct plait_profile *profile, const char *name, struct plait_view_options view,
		    struct plait_render_options options)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct plait_sample_feed feed = { .read = profile_text_feed, .context = (void *)profile };
	options.feed = &feed;
	assert_null(plait_renderer_find(name)->write(profile, &view, &options, out));
	fclose(out);
	return text;
}

static void renderers_are_found_by_name(void **state)
{
	(void)state;
	assert_int_equal(plait_renderer_count, 14);
	for (size_t i = 0; i < plait_renderer_count; i++)
		assert_ptr_equal(plait_renderer_find(plait_renderers[i].name), &plait_renderers[i]);
	assert_null(plait_renderer_find("pdf"));
	assert_null(plait_renderer_find(""));
}

/* The rows of the default tree: "node:total/self flags" with f folded, r repeats x period, c cut, > depth. */
static char *rows_text(const char *profile_text, double threshold, bool full)
{
	struct plait_profile *profile = profile_text_create(profile_text);
	struct plait_view_options view = { 0 };
	struct plait_selection *selection;
	struct plait_calltree *tree;
	struct plait_outline *outline;
	assert_null(plait_selection_create(profile, &view, &selection));
	assert_null(plait_calltree_create(profile, selection,
					  &(struct plait_calltree_options) { .grain = PLAIT_GRAIN_LINE }, &tree));
	assert_null(plait_outline_create(tree, threshold, full, &outline));
	assert_null(plait_outline_open_all(outline, true));
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	for (size_t i = 0; i < outline->rows.count; i++) {
		const struct plait_outline_row *row = &outline->rows.data[i];
		fprintf(out, "%s%u%s %s %d/%d", i ? "; " : "", outline->branches.data[row->branch].depth,
			row->head ? (outline->branches.data[row->branch].last ? "L" : "T") : "",
			row->node == PLAIT_NONE ? "-" : plait_calltree_label(tree, row->node)->name, (int)row->total,
			(int)row->self);
		if (row->folded)
			fprintf(out, " f%u", row->folded);
		if (row->repeats)
			fprintf(out, " r%ux%u", row->repeats, row->period);
		if (row->cut)
			fprintf(out, " c%u", row->cut);
	}
	fclose(out);
	plait_outline_destroy(outline);
	plait_calltree_destroy(tree);
	plait_selection_destroy(selection);
	plait_profile_destroy(profile);
	return text;
}

static void assert_rows(const char *profile_text, double threshold, bool full, const char *wanted)
{
	char *text = rows_text(profile_text, threshold, full);
	assert_string_equal(text, wanted);
	free(text);
}

static void chains_are_not_indented(void **state)
{
	(void)state;
	assert_rows(HEAD
		    "sample 1 6 - py a /a 1 | py b /a 2 | py c /a 3\nsample 1 4 - py a /a 1 | py b /a 2 | py d /a 4\n",
		    1, false, "0L a 10/0; 0 b 10/0; 1T c 6/6; 1L d 4/4");
}

static void runs_of_native_frames_are_folded(void **state)
{
	(void)state;
	static const char text[] = HEAD "sample 1 10 - py a /a 1 | n n1 /x | n n2 /x | n n3 /x | n n4 /x | n y1 /y | n "
					"y2 /y | k k1 | k k2 | k k3\n";
	assert_rows(text, 1, false,
		    "0L a 10/0; 0 n1 10/0; 0 n4 10/0 f2; 0 y1 10/0; 0 y2 10/0; 0 k1 10/0; 0 k3 10/10 f1");
	assert_rows(text, 1, true,
		    "0L a 10/0; 0 n1 10/0; 0 n2 10/0; 0 n3 10/0; 0 n4 10/0; 0 y1 10/0; 0 y2 10/0; 0 k1 10/0; "
		    "0 k2 10/0; 0 k3 10/10");
}

static void native_frames_with_a_share_are_not_folded(void **state)
{
	(void)state;
	assert_rows(HEAD "sample 1 90 - n n1 /x | n n2 /x | n n3 /x | n n4 /x\nsample 1 10 - n n1 /x | n n2 /x\n", 1,
		    false, "0L n1 100/0; 0 n2 100/10; 0 n4 90/90 f1");
	assert_rows(HEAD "sample 1 995 - n n1 /x | n n2 /x | n n3 /x | n n4 /x\nsample 1 5 - n n1 /x | n n2 /x\n", 1,
		    false, "0L n1 1000/0; 0 n4 995/995 f2");
}

static void recursion_is_one_row_a_round(void **state)
{
	(void)state;
	assert_rows(HEAD "sample 1 10 - *900 py f /a 1\n", 1, false, "0L f 10/10 r900x1");
	assert_rows(HEAD "sample 1 10 - *2 py f /a 1\n", 1, false, "0L f 10/0; 0 f 10/10");
	assert_rows(HEAD
		    "sample 1 10 - py f /a 1 | py g /a 2 | py f /a 1 | py g /a 2 | py f /a 1 | py g /a 2 | py f /a 1\n",
		    1, false, "0L f 10/0 r3x2; 0 g 10/0; 0 f 10/10");
	assert_rows(HEAD "sample 1 10 - *4 py f /a 1\nsample 1 90 - *6 py f /a 1\n", 1, false, "0L f 100/100 r6x1");
	assert_rows(HEAD "sample 1 10 - *3 py f /a 1\n", 1, true, "0L f 10/0; 0 f 10/0; 0 f 10/10");
}

static void frames_without_a_name_are_no_recursion(void **state)
{
	(void)state;
	assert_rows(HEAD "sample 1 9 - n f /y | n ? /x | n ? /x | n ? /x | n ? /x\n", 1, false,
		    "0L f 9/0; 0 [unknown] 9/0; 0 [unknown] 9/9 f2");
	assert_rows(HEAD "sample 1 9 - py f /a 1 | n ? /x | py f /a 1 | n ? /x | py f /a 1 | n ? /x\n", 1, false,
		    "0L f 9/0 r3x2; 0 [unknown] 9/9");
}

static void small_branches_are_cut_and_counted(void **state)
{
	(void)state;
	static const char text[] =
		HEAD "sample 1 500 - py a /a 1 | py b /a 2\nsample 1 490 - py a /a 1 | py c /a 3\n"
		     "sample 1 4 - py a /a 1 | py d /a 4\nsample 1 6 - py a /a 1 | py e /a 5 | py f /a 6\n";
	assert_rows(text, 1, false, "0L a 1000/0; 1T b 500/500; 1T c 490/490; 1L - 10/0 c2");
	assert_rows(text, 0.5, false, "0L a 1000/0; 1T b 500/500; 1T c 490/490; 1T e 6/0; 1 f 6/6; 1L - 4/0 c1");
	assert_rows(text, 100, false, "0L a 1000/0 c4");
	assert_rows(text, 0, false, "0L a 1000/0; 1T b 500/500; 1T c 490/490; 1T e 6/0; 1 f 6/6; 1L d 4/4");
}

static void what_is_cut_along_a_chain_is_counted_at_its_end(void **state)
{
	(void)state;
	static const char text[] =
		HEAD "sample 1 990 - py a /a 1 | py b /a 2 | py c /a 3\n"
		     "sample 1 5 - py a /a 1 | py x /a 9\nsample 1 5 - py a /a 1 | py b /a 2 | py y /a 9\n";
	assert_rows(text, 1, false, "0L a 1000/0; 0 b 995/0; 0 c 990/990 c2");
}

static void many_small_branches_together_get_a_row(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	fputs(HEAD "sample 1 80 - py a /a 1 | py b /a 2\n", out);
	for (int i = 0; i < 40; i++)
		fprintf(out, "sample 1 1 - py a /a 1 | py c%d /a 3\n", i);
	fclose(out);
	assert_rows(text, 1, false, "0L a 120/0; 1T b 80/80; 1L - 40/0 c40");
	free(text);
}

static void deep_trees_need_no_deep_stack(void **state)
{
	(void)state;
	struct plait_profile *profile = plait_profile_create();
	profile_text_apply_all(profile, HEAD "sample 1 10 - *300000 n f /x\nsample 1 10 - *299990 n f /x | n g /x\n");
	assert_null(plait_profile_finish(profile, NULL, NULL));
	for (size_t i = 0; i < plait_renderer_count; i++) {
		struct plait_render_options options = { .threshold = 0, .columns = 80, .full = i == 0 };
		free(render(profile, plait_renderers[i].name, (struct plait_view_options) { 0 }, options));
	}
	plait_profile_destroy(profile);
}

/* No byte of a report may be a control but the line end, and its own colours. */
static void check_harmless(const char *text, bool color)
{
	for (const char *at = text; *at; at++) {
		unsigned char byte = (unsigned char)*at;
		if (color && byte == 0x1b) {
			size_t size = strspn(at + 2, "0123456789");
			assert_true(at[1] == '[' && at[2 + size] == 'm' && size <= 2);
			continue;
		}
		assert_true(byte == '\n' || byte >= 0x20);
		assert_int_not_equal(byte, 0x7f);
		assert_false(byte == 0xc2 && (unsigned char)at[1] < 0xa0); /* C1 */
	}
}

static void check_widths(const char *text, uint32_t columns)
{
	char line[4096];
	while (*text) {
		size_t size = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)size, text);
		assert_true(plait_text_width(line, false) <= columns);
		assert_true(size == 0 || line[size - 1] != ' ');
		text += size + 1;
	}
}

static void text_reports_fit_and_do_no_harm(void **state)
{
	(void)state;
	static const uint32_t widths[] = { 0, 20, 40, 80, 133 };
	for (uint32_t seed = 1; seed <= 60; seed++) {
		struct plait_profile *profile = random_profile(seed * 3266489917U);
		for (size_t i = 0; i < 4 * 5 * 4; i++) {
			bool color = i % 2, inverted = i / 2 % 2;
			uint32_t columns = widths[i / 4 % 5];
			struct plait_view_options view = { .inverted = inverted, .by_thread = seed % 2 };
			struct plait_render_options options = {
				.columns = columns, .color = color, .threshold = seed % 3 - 1.0, .full = seed % 4 == 0
			};
			char *text = render(profile, plait_renderers[i / 20].name, view, options);
			check_harmless(text, color);
			if (columns >= 40 && !color)
				check_widths(text, columns);
			free(text);
		}
		char *text = render(profile, "collapsed", (struct plait_view_options) { 0 },
				    (struct plait_render_options) { 0 });
		check_harmless(text, false);
		free(text);
		plait_profile_destroy(profile);
	}
}

static void ascii_is_ascii(void **state)
{
	(void)state;
	static const char *const names[] = { "tree", "flat", "lines", "summary" };
	struct plait_profile *profile = random_profile(77);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct plait_render_options options = { .columns = 50, .ascii = true, .threshold = 0 };
		char *text = render(profile, names[i], (struct plait_view_options) { 0 }, options);
		for (const char *at = text; *at; at++)
			assert_true((unsigned char)*at < 0x80);
		free(text);
	}
	plait_profile_destroy(profile);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void collapsed_counts_every_sample_once(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 200; seed++) {
		struct plait_profile *profile = random_profile(seed * 668265263U);
		struct plait_view_options view = { .no_native = seed % 3 == 0, .by_thread = seed % 2 };
		char *text = render(profile, "collapsed", view, (struct plait_render_options) { 0 });
		char *rest = text, *stacks[512];
		uint64_t sum = 0;
		size_t count = 0;
		for (char *line; (line = strsep(&rest, "\n")) && *line;) {
			char *space = strrchr(line, ' ');
			assert_non_null(space);
			sum += strtoull(space + 1, NULL, 10);
			*space = '\0';
			stacks[count++] = line;
		}
		assert_int_equal(sum, profile->events.data[1].trust.samples);
		qsort(stacks, count, sizeof(*stacks), compare_lines);
		for (size_t i = 1; i < count; i++)
			assert_string_not_equal(stacks[i - 1], stacks[i]);
		free(text);
		plait_profile_destroy(profile);
	}
}

static void script_skips_what_is_not_selected(void **state)
{
	(void)state;
	struct plait_profile *profile =
		profile_text_create(HEAD "sample 1 5 g py f /a.py 1 | gap | n g /x.so\nthread 2 other\n");
	struct plait_view_options view = { .threads = (const char *const[]) { "main" },
					   .thread_count = 1,
					   .no_python = true };
	struct plait_selection *selection;
	assert_null(plait_selection_create(profile, &view, &selection));
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct plait_record_sample sample = { .time = 1500000000, .period = 5, .node = 2, .quality = 4 };
	assert_null(plait_script_write(profile, selection, &sample, false, out));
	sample.thread = 1;
	assert_null(plait_script_write(profile, selection, &sample, false, out));
	sample.thread = 2;
	struct plait_error *error = plait_script_write(profile, selection, &sample, false, out);
	assert_int_equal(error->code, PLAIT_ERROR_INVALID);
	plait_error_free(error);
	fclose(out);
	assert_string_equal(text, "python3 1/1 1.500000: 5 cpu: gap\n\tg [x.so]\n\t[gap]\n\n");
	free(text);
	plait_selection_destroy(selection);
	plait_profile_destroy(profile);
}

static void a_full_disk_is_an_error(void **state)
{
	(void)state;
	FILE *full = fopen("/dev/full", "w");
	if (!full)
		skip();
	setvbuf(full, NULL, _IONBF, 0);
	struct plait_profile *profile = profile_text_create(HEAD "sample 1 5 - py f /a.py 1\n");
	struct plait_sample_feed feed = { .read = profile_text_feed, .context = profile };
	for (size_t i = 0; i < plait_renderer_count; i++) {
		clearerr(full);
		struct plait_error *error =
			plait_renderers[i].write(profile, &(struct plait_view_options) { 0 },
						 &(struct plait_render_options) { .feed = &feed }, full);
		assert_non_null(error);
		assert_int_equal(error->system_errno, ENOSPC);
		plait_error_free(error);
	}
	fclose(full);
	plait_profile_destroy(profile);
}

static void wrong_views_are_refused_before_anything_is_written(void **state)
{
	(void)state;
	struct plait_profile *profile = profile_text_create(HEAD);
	struct plait_view_options view = { .event = "nothing" };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct plait_sample_feed feed = { .read = profile_text_feed, .context = profile };
	for (size_t i = 0; i < plait_renderer_count; i++) {
		struct plait_error *error =
			plait_renderers[i].write(profile, &view, &(struct plait_render_options) { .feed = &feed }, out);
		assert_int_equal(error->code, PLAIT_ERROR_USAGE);
		plait_error_free(error);
	}
	fclose(out);
	assert_int_equal(size, 0);
	free(text);
	plait_profile_destroy(profile);
}

static void source_lines_come_from_regular_files(void **state)
{
	(void)state;
	char path[] = "/tmp/plait-source-XXXXXX", pipe_path[64];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	static const char text[] = "first \t\r\n\n    third";
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	struct plait_source_cache *source = plait_source_cache_create(NULL, 512);
	for (int round = 0; round < 2; round++) {
		assert_string_equal(plait_source_read_line(source, path, 1), "first");
		assert_string_equal(plait_source_read_line(source, path, 2), "");
		assert_string_equal(plait_source_read_line(source, path, 3), "    third");
		assert_null(plait_source_read_line(source, path, 4));
		assert_null(plait_source_read_line(source, path, 0));
		assert_null(plait_source_read_line(source, path, -1));
		unlink(path); /* it is kept */
	}
	snprintf(pipe_path, sizeof(pipe_path), "%s.pipe", path);
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	assert_null(plait_source_read_line(source, pipe_path, 1)); /* and does not wait */
	unlink(pipe_path);
	assert_null(plait_source_read_line(source, "/dev/zero", 1));
	assert_null(plait_source_read_line(source, "/tmp", 1));
	assert_null(plait_source_read_line(source, "/nonexistent/file.py", 1));
	assert_null(plait_source_read_line(source, "<string>", 1));
	assert_null(plait_source_read_line(source, "", 1));
	plait_source_cache_destroy(source);
	plait_source_cache_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renderers_are_found_by_name),
		cmocka_unit_test(chains_are_not_indented),
		cmocka_unit_test(runs_of_native_frames_are_folded),
		cmocka_unit_test(native_frames_with_a_share_are_not_folded),
		cmocka_unit_test(recursion_is_one_row_a_round),
		cmocka_unit_test(frames_without_a_name_are_no_recursion),
		cmocka_unit_test(small_branches_are_cut_and_counted),
		cmocka_unit_test(what_is_cut_along_a_chain_is_counted_at_its_end),
		cmocka_unit_test(many_small_branches_together_get_a_row),
		cmocka_unit_test(deep_trees_need_no_deep_stack),
		cmocka_unit_test(text_reports_fit_and_do_no_harm),
		cmocka_unit_test(ascii_is_ascii),
		cmocka_unit_test(collapsed_counts_every_sample_once),
		cmocka_unit_test(script_skips_what_is_not_selected),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(wrong_views_are_refused_before_anything_is_written),
		cmocka_unit_test(source_lines_come_from_regular_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
