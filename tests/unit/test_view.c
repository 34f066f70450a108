/* links: plait_cli */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "cli/view/scroll.h"
#include "cli/view/view.h"
#include "golden/random_profile.h"
#include "output/render/line.h"

#define HEAD "header job\nevent misses count 0\nevent cpu ns 999\nprocess 7 python3\nthread 7 main\n"

static const char job[] =
	HEAD "sample 3 50 - py main /src/a.py 1 1 | py work /src/a.py 6 5 | n matmul /lib/numpy/m.so\n"
	     "sample 2 30 - py main /src/a.py 1 1 | py rest /src/b.py 3 3 | k sys_read\n"
	     "thread 8 helper\n"
	     "sample 1 19 g py help /src/c.py 4 4 | gap | n deep /lib/x.so\n"
	     "sample 1 1 - py main /src/a.py 1 1 | py tiny /src/a.py 9 9\nend 2\n";

/* A view, and what it showed last: without colours. */
struct seen {
	struct plait_profile *profile;
	struct plait_view *view;
	struct plait_view_frame frame;
	char *text;
	bool quit;
};

static void look(struct seen *seen, uint32_t rows, uint32_t columns)
{
	char *colored = NULL;
	size_t size, used = 0;
	FILE *out = open_memstream(&colored, &size);
	assert_null(plait_view_draw(seen->view, rows, columns, out, &seen->frame));
	fclose(out);
	free(seen->text);
	seen->text = malloc(size + 1);
	for (const char *at = colored; *at;) {
		if (*at == '\033')
			at = strchr(at, 'm') + 1;
		else
			seen->text[used++] = *at++;
	}
	seen->text[used] = '\0';
	free(colored);
}

static struct seen see(struct plait_profile *profile, struct plait_view_setup setup)
{
	struct seen seen = { .profile = profile };
	setup.profile = profile;
	setup.recording = "run.plait";
	assert_null(plait_view_create(&setup, &seen.view));
	look(&seen, 24, 80);
	return seen;
}

static struct seen see_text(const char *text)
{
	return see(profile_text_create(text), (struct plait_view_setup) { .threshold = 2 });
}

static void press_key(struct seen *seen, uint32_t key)
{
	assert_null(plait_view_key(seen->view, key, &seen->quit));
}

static void press(struct seen *seen, const char *keys)
{
	for (; *keys; keys++)
		press_key(seen, (unsigned char)*keys);
	look(seen, 24, 80);
}

static void end(struct seen *seen)
{
	plait_view_destroy(seen->view);
	plait_profile_destroy(seen->profile);
	free(seen->text);
}

static void assert_shows(const struct seen *seen, const char *wanted)
{
	if (!strstr(seen->text, wanted))
		fail_msg("no '%s' in:\n%s", wanted, seen->text);
}

static void assert_shows_not(const struct seen *seen, const char *unwanted)
{
	if (strstr(seen->text, unwanted))
		fail_msg("there is '%s' in:\n%s", unwanted, seen->text);
}

/* The line that the cursor is in holds `wanted`. */
static void assert_cursor(const struct seen *seen, const char *wanted)
{
	const char *line = seen->text;
	for (uint32_t i = 0; i < seen->frame.highlight; i++)
		line = strchr(line, '\n') + 1;
	char text[512];
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
	if (!strstr(text, wanted))
		fail_msg("the cursor is not at '%s' but '%s'", wanted, text);
}

static void the_first_screen(void **state)
{
	(void)state;
	struct seen seen = see_text(job);
	assert_shows(&seen, "job  ");
	assert_shows(&seen, "complete 6 (85.71 %)   gap 1");
	assert_shows(&seen, "[1 tree] 2 callers  3 functions  4 lines");
	assert_shows(&seen, "cpu  7 samples");
	assert_shows(&seen, " total   self\n");
	assert_cursor(&seen, "▾ main");
	assert_shows(&seen, "matmul");
	press(&seen, "q");
	assert_true(seen.quit);
	end(&seen);
}

static void rows_open_and_close(void **state)
{
	(void)state;
	struct seen seen = see_text(job);
	press(&seen, "C");
	assert_shows(&seen, "▸ main");
	assert_shows_not(&seen, "matmul");
	press(&seen, "+");
	assert_shows(&seen, "▸ work");
	press(&seen, "j+");
	assert_shows(&seen, "matmul");
	assert_cursor(&seen, "▾ work");
	press(&seen, "-");
	assert_shows_not(&seen, "matmul");
	press(&seen, "-"); /* already closed: to where it is called from */
	assert_cursor(&seen, "▾ main");
	press(&seen, "\r");
	assert_shows(&seen, "▸ main");
	press(&seen, "E");
	assert_shows(&seen, "sys_read");
	press(&seen, "gH");
	assert_cursor(&seen, "matmul");
	press(&seen, "u");
	assert_cursor(&seen, "work");
	end(&seen);
}

static void tabs(void **state)
{
	(void)state;
	struct seen seen = see_text(job);
	press(&seen, "2");
	assert_shows(&seen, "[2 callers]");
	assert_cursor(&seen, "matmul");
	press(&seen, "3");
	assert_shows(&seen, "[3 functions]");
	assert_cursor(&seen, "matmul");
	press(&seen, "S");
	assert_cursor(&seen, "main");
	assert_shows(&seen, "sorted by total");
	press(&seen, "4");
	assert_shows(&seen, "Python line");
	assert_cursor(&seen, "work");
	assert_shows(&seen, "matmul"); /* below it */
	press(&seen, "-");
	assert_shows_not(&seen, "matmul");
	press(&seen, "\t");
	assert_shows(&seen, "[1 tree]");
	press_key(&seen, PLAIT_KEY_BACK_TAB);
	press(&seen, "");
	assert_shows(&seen, "[4 lines]");
	end(&seen);
}

static void a_function_is_followed_from_tab_to_tab(void **state)
{
	(void)state;
	struct seen seen = see_text(job);
	press(&seen, "C3/sys_read\rw");
	assert_shows(&seen, "[1 tree]");
	assert_cursor(&seen, "sys_read");
	press(&seen, "uw"); /* rest: it calls what costs, so its callers are none of the first rows */
	assert_shows(&seen, "[2 callers]");
	assert_cursor(&seen, "rest");
	press(&seen, "w");
	assert_shows(&seen, "[1 tree]");
	assert_cursor(&seen, "rest");
	end(&seen);
}

static void searching_finds_what_is_closed_and_cut(void **state)
{
	(void)state;
	struct seen seen = see_text(job);
	press(&seen, "C/tin");
	assert_shows(&seen, "\n/tin\n");
	assert_int_equal(seen.frame.cursor_row, 23);
	assert_int_equal(seen.frame.cursor_column, 4);
	press(&seen, "\r");
	assert_cursor(&seen, "tiny");
	assert_shows(&seen, "tin: 1 of 1");
	press(&seen, "/a\\.py\r"); /* a place; goes around */
	assert_cursor(&seen, "main");
	assert_shows(&seen, "1 of 3");
	press(&seen, "n");
	assert_cursor(&seen, "work");
	press(&seen, "NN");
	assert_cursor(&seen, "tiny");
	press(&seen, "/nothing like it\r");
	assert_shows(&seen, "nothing in the recording matches 'nothing like it'");
	press(&seen, "/(\r");
	assert_shows(&seen, "cannot search for '('");
	press(&seen, "/MATMUL\r");
	assert_shows(&seen, "nothing in the recording matches"); /* capitals are meant */
	press(&seen, "4/work\r");
	assert_cursor(&seen, "*");
	end(&seen);
}

static void filters_and_menus_narrow_the_samples(void **state)
{
	(void)state;
	struct seen seen = see_text(job);
	press(&seen, "fmatmul\r");
	assert_shows(&seen, "only stacks with matmul: 3 of 7 samples (42.86 %)");
	assert_shows_not(&seen, "sys_read");
	press(&seen, "f");
	assert_shows(&seen, "stacks with: matmul");
	press(&seen, "\x15(\r");
	assert_shows(&seen, "cannot filter by '('");
	assert_shows(&seen, "only stacks with matmul");
	press(&seen, "f\x15\r");
	assert_shows_not(&seen, "only");
	press(&seen, "t");
	assert_shows(&seen, "Which thread?");
	assert_cursor(&seen, "all threads");
	press(&seen, "jj");
	assert_cursor(&seen, "helper");
	press(&seen, "\r");
	assert_shows(&seen, "only thread 8: 2 of 7 samples");
	press(&seen, "tq");
	assert_false(seen.quit);
	press(&seen, "tg\rp\x1b");
	assert_shows_not(&seen, "only");
	press(&seen, "s");
	assert_shows(&seen, "Which event?");
	assert_cursor(&seen, "* cpu");
	press(&seen, "k\r");
	assert_shows(&seen, "misses  0 samples");
	assert_shows(&seen, "no samples to show");
	press(&seen, "+-\rEeCHanNu34"); /* nothing to do anything with */
	assert_shows(&seen, "no samples to show");
	end(&seen);
}

static void frames_and_cuts(void **state)
{
	(void)state;
	struct seen seen = see_text(job);
	press(&seen, "m\r\x1b");
	assert_shows(&seen, "without native frames");
	assert_shows_not(&seen, "matmul");
	press(&seen, "m\rjjj\r\x1b");
	assert_shows(&seen, "[process]");
	press(&seen, "m\r\x1bL\x15");
	press(&seen, "200\r");
	assert_shows(&seen, "'200' is no percentage");
	press(&seen, "EL\x15");
	assert_shows(&seen, "cut below per cent: ");
	press(&seen, "0\r");
	assert_shows(&seen, "tiny");
	end(&seen);
}

static void text_over_the_tabs(void **state)
{
	(void)state;
	struct seen seen = see_text(job);
	press(&seen, "?");
	assert_shows(&seen, "Open and close");
	press(&seen, "q");
	assert_shows(&seen, "[1 tree]");
	press(&seen, "i");
	assert_shows(&seen, "also recorded");
	press(&seen, "\x1b");
	press(&seen, "gHua");
	assert_shows(&seen, "/src/a.py  work");
	assert_shows(&seen, "native functions that it ran:");
	assert_cursor(&seen, "6▶");
	press(&seen, "oo");
	assert_shows(&seen, "native functions that this line ran:");
	press(&seen, "/matmul\r");
	assert_cursor(&seen, "matmul");
	press(&seen, "qEGa");
	assert_shows(&seen, "its code cannot be shown"); /* where it begins and ends is not recorded */
	press(&seen, "ka");
	assert_shows(&seen, "this row is no function"); /* a gap */
	press(&seen, "gjjjja");
	assert_shows(&seen, "code of the kernel");
	end(&seen);
}

static void annotations_begin_at_the_line_asked_for(void **state)
{
	(void)state;
	struct seen seen = see_text(HEAD "sample 1 90 - py f /a.py 5 4\nsample 1 10 - py f /a.py 16 4\n");
	press(&seen, "/a.py:16\ra");
	assert_cursor(&seen, "16▶");
	press(&seen, "H");
	assert_cursor(&seen, " 5");
	press(&seen, "H");
	assert_cursor(&seen, "16▶");
	press(&seen, "H");
	assert_shows(&seen, "that was the last one");
	press(&seen, "?");
	assert_shows(&seen, "Open and close");
	press(&seen, "q"); /* back to where it was */
	assert_cursor(&seen, "16▶");
	press(&seen, "q3a"); /* a function: at its hottest row */
	assert_cursor(&seen, " 5");
	end(&seen);
}

static void damage_and_a_cut_are_told(void **state)
{
	(void)state;
	struct plait_profile *profile = profile_text_create(job);
	profile->cut = true;
	struct seen seen = see(profile, (struct plait_view_setup) { .threshold = 1 });
	assert_shows(&seen, "note: the recording was cut off");
	end(&seen);
	seen = see(profile_text_create(job),
		   (struct plait_view_setup) { .threshold = 1, .damage = "block 3 is \033[2Jbroken" });
	assert_shows(&seen, "damaged: block 3 is \\x1b[2Jbroken");
	press(&seen, "i");
	assert_shows(&seen, "what came before the damage");
	end(&seen);
}

static void options_hold_from_the_start(void **state)
{
	(void)state;
	const char *thread = "helper";
	struct plait_view_setup setup = { .threshold = 1,
					  .tab = PLAIT_TAB_LINES,
					  .options = { .threads = &thread, .thread_count = 1 } };
	struct seen seen = see(profile_text_create(job), setup);
	assert_shows(&seen, "[4 lines]");
	assert_shows(&seen, "only thread helper: 2 of 7");
	end(&seen);
	struct plait_profile *profile = profile_text_create(job);
	setup.profile = profile;
	thread = "nobody";
	struct plait_view *view;
	struct plait_error *error = plait_view_create(&setup, &view);
	assert_int_equal(error->code, PLAIT_ERROR_USAGE);
	plait_error_free(error);
	plait_profile_destroy(profile);
}

/* Fits the screen, and cannot drive the terminal. */
static void assert_fits(const struct seen *seen, uint32_t rows, uint32_t columns, bool ascii)
{
	uint32_t count = 0;
	for (char *line = seen->text, *next; *line; line = next, count++) {
		next = line + strcspn(line, "\n");
		assert_true(*next == '\n');
		*next++ = '\0';
		for (const char *at = line; *at; at++)
			assert_true((unsigned char)*at >= ' ' && *at != 0x7f && (!ascii || (unsigned char)*at < 0x80));
		if (plait_text_width(line, ascii) > columns)
			fail_msg("%u columns, %u wanted: %s", plait_text_width(line, ascii), columns, line);
	}
	assert_true(count <= rows);
	assert_true(seen->frame.highlight == UINT32_MAX || seen->frame.highlight < rows);
	assert_true(seen->frame.cursor_row == UINT32_MAX || seen->frame.cursor_row < rows);
}

/* Random keys on screens of any size. */
static void no_key_and_no_size_breaks_it(void **state)
{
	(void)state;
	static const char keys[] = "jjjkkgG +-+-\r\rleECHuw1234\t\tS/nNfstpmLFao?i\x1bq\x08\x15xy()";
	for (uint32_t seed = 1; seed <= 40; seed++) {
		uint32_t random = seed;
		bool ascii = seed % 2;
		struct seen seen = see(random_profile(seed),
				       (struct plait_view_setup) { .threshold = seed % 4 * 3, .ascii = ascii });
		for (int step = 0; step < 250; step++) {
			uint32_t rows = 1 + random_next(&random) % 30, columns = 1 + random_next(&random) % 130;
			uint32_t special = PLAIT_KEY_UP + random_next(&random) % (PLAIT_KEY_OTHER - PLAIT_KEY_UP + 1);
			press_key(&seen, random_next(&random) % 4
						 ? (uint32_t)keys[random_next(&random) % (sizeof(keys) - 1)]
						 : special);
			look(&seen, rows, columns);
			assert_fits(&seen, rows, columns, ascii);
		}
		end(&seen);
	}
}

static void what_is_written_is_any_character(void **state)
{
	(void)state;
	struct seen seen = see_text(HEAD "sample 1 1 - py \xe8\xa8\x88 /a.py 1 1\n");
	press(&seen, "/");
	press_key(&seen, 0x8a08);
	press(&seen, "x");
	press_key(&seen, PLAIT_KEY_BACKSPACE);
	press(&seen, "");
	assert_shows(&seen, "/\xe8\xa8\x88\n");
	press(&seen, "\r");
	assert_shows(&seen, "1 of 1");
	press(&seen, "/");
	press_key(&seen, 0x9b); /* a control */
	press(&seen, "");
	assert_shows(&seen, "/\\x9b\n");
	press_key(&seen, PLAIT_KEY_BACKSPACE);
	press_key(&seen, PLAIT_KEY_BACKSPACE);
	press(&seen, "");
	assert_shows(&seen, "?: keys"); /* nothing is left: the prompt is gone */
	end(&seen);
}

static void lists_scroll(void **state)
{
	(void)state;
	struct plait_scroll scroll = { 0 };
	plait_scroll_fit(&scroll, 100, 10);
	plait_scroll_down(&scroll, 9);
	assert_int_equal(scroll.top, 0);
	plait_scroll_down(&scroll, 1);
	assert_int_equal(scroll.at, 10);
	assert_int_equal(scroll.top, 1);
	plait_scroll_page(&scroll, 9, 1);
	assert_int_equal(scroll.at, 19);
	assert_int_equal(scroll.top, 10);
	plait_scroll_to(&scroll, 70);
	assert_int_equal(scroll.top, 65);
	plait_scroll_down(&scroll, 1000);
	assert_int_equal(scroll.at, 99);
	assert_int_equal(scroll.top, 90);
	plait_scroll_up(&scroll, 1000);
	assert_int_equal(scroll.at + scroll.top, 0);
	plait_scroll_to(&scroll, 50);
	plait_scroll_fit(&scroll, 20, 30);
	assert_int_equal(scroll.at, 19);
	assert_int_equal(scroll.top, 0);
	plait_scroll_fit(&scroll, 0, 30);
	plait_scroll_down(&scroll, 3);
	assert_int_equal(scroll.at, 0);
}

static void every_key_of_the_help_does_something(void **state)
{
	(void)state;
	size_t headings = 0;
	for (size_t i = 0; i < plait_key_help_count; i++)
		headings += !plait_key_helps[i].keys;
	assert_int_equal(headings, 6);
	for (const char *key = "kjbgGuH+l-eEFLCSwstpfm/nNaoi?hq1234"; *key; key++) {
		bool told = false;
		assert_int_not_equal(plait_key_action((unsigned char)*key), PLAIT_ACTION_NONE);
		for (size_t i = 0; i < plait_key_help_count; i++)
			told = told || (plait_key_helps[i].keys && strchr(plait_key_helps[i].keys, *key));
		if (!told)
			fail_msg("the help does not tell '%c'", *key);
	}
	assert_int_equal(plait_key_action(PLAIT_KEY_OTHER), PLAIT_ACTION_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_screen),
		cmocka_unit_test(rows_open_and_close),
		cmocka_unit_test(tabs),
		cmocka_unit_test(a_function_is_followed_from_tab_to_tab),
		cmocka_unit_test(searching_finds_what_is_closed_and_cut),
		cmocka_unit_test(filters_and_menus_narrow_the_samples),
		cmocka_unit_test(frames_and_cuts),
		cmocka_unit_test(text_over_the_tabs),
		cmocka_unit_test(annotations_begin_at_the_line_asked_for),
		cmocka_unit_test(damage_and_a_cut_are_told),
		cmocka_unit_test(options_hold_from_the_start),
		cmocka_unit_test(no_key_and_no_size_breaks_it),
		cmocka_unit_test(what_is_written_is_any_character),
		cmocka_unit_test(lists_scroll),
		cmocka_unit_test(every_key_of_the_help_does_something),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
