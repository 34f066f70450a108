/* links: plait_render */
/* What is put into a database is read from the stream that it was copied to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "output/recording/record.h"
#include "output/render/sqlite/database.h"

/* The only row of the only column that `sql` gives for a database at `path`, as text. */
static void assert_answer(const char *path, const char *sql, const char *wanted)
{
	sqlite3 *sqlite;
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_open_v2(path, &sqlite, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(sqlite, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(statement, 0), wanted);
	assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
	sqlite3_finalize(statement);
	sqlite3_close(sqlite);
}

static void rows_come_back(void **state)
{
	(void)state;
	struct plait_database *database;
	assert_null(plait_database_create("CREATE TABLE a (t TEXT, u, i, n, d); CREATE TABLE b (t)", &database));
	assert_null(plait_database_insert(database, "a", "tuind", "gr\xc3\xbc\xdf", UINT64_MAX, (int64_t)-3, PLAIT_NONE,
					  0.5));
	for (uint64_t i = 0; i < 10000; i++)
		assert_null(plait_database_insert(database, "b", "u", i));
	char path[] = "/tmp/plait-test-XXXXXX";
	FILE *out = fdopen(mkstemp(path), "w");
	assert_null(plait_database_copy(database, out));
	assert_int_equal(fclose(out), 0);
	plait_database_destroy(database);
	assert_answer(path, "SELECT t || '|' || u || '|' || i || '|' || ifnull(n, 'none') || '|' || d FROM a",
		      "gr\xc3\xbc\xef\xbf\xbd|9223372036854775807|-3|none|0.5");
	assert_answer(path, "SELECT count(*) || '|' || sum(t) FROM b", "10000|49995000");
	assert_answer(path, "PRAGMA integrity_check", "ok");
	unlink(path);
}

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	struct plait_database *database;
	struct plait_error *error = plait_database_create("CREATE TABEL a (t)", &database);
	assert_non_null(strstr(error->message, "syntax error"));
	plait_error_free(error);
	assert_null(plait_database_create("CREATE TABLE a (t)", &database));
	error = plait_database_insert(database, "nowhere", "t", "");
	assert_non_null(strstr(error->message, "no such table: nowhere"));
	plait_error_free(error);
	plait_database_destroy(database);
	plait_database_destroy(NULL);
}

static void a_folder_that_is_not_there(void **state)
{
	(void)state;
	char *old = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;
	struct plait_database *database;
	setenv("TMPDIR", "/nowhere/at/all", 1);
	struct plait_error *error = plait_database_create("", &database);
	assert_string_equal(error->message, "cannot create a file in /nowhere/at/all: No such file or directory");
	assert_non_null(error->advice);
	plait_error_free(error);
	if (old)
		setenv("TMPDIR", old, 1);
	else
		unsetenv("TMPDIR");
	free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(a_folder_that_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
