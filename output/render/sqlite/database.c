#include "output/render/sqlite/database.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "output/model/utf8.h"
#include "output/model/profile.h"

enum { TABLES_MAX = 16, COLUMNS_MAX = 32, COPY_SIZE = 1 << 16 };

struct insert {
	char *table;
	sqlite3_stmt *statement;
};

struct plait_database {
	sqlite3 *sqlite;
	int file;     /* what sqlite writes to */
	char *folder; /* that it lies in */
	struct insert inserts[TABLES_MAX];
	size_t insert_count;
};

static struct plait_error *failed(const struct plait_database *database)
{
	int code = sqlite3_errcode(database->sqlite);
	if (code == SQLITE_NOMEM)
		return plait_error_no_memory();
	struct plait_error *error = plait_error_new(PLAIT_ERROR_SYSTEM, "cannot write the database in %s: %s",
						    database->folder, sqlite3_errmsg(database->sqlite));
	return plait_error_advise(error, "TMPDIR names another folder for it");
}

static struct plait_error *execute(const struct plait_database *database, const char *sql)
{
	return sqlite3_exec(database->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK ? NULL : failed(database);
}

/* Opens a database at a new name, which is gone when this returns. */
static struct plait_error *open_file(struct plait_database *database)
{
	char path[PATH_MAX];
	const char *folder = getenv("TMPDIR");
	database->folder = strdup(folder && *folder ? folder : "/var/tmp");
	if (!database->folder)
		return plait_error_no_memory();
	if (snprintf(path, sizeof(path), "%s/plait-XXXXXX", database->folder) >= (int)sizeof(path))
		return plait_error_system(ENAMETOOLONG, "cannot create a file in $TMPDIR");
	database->file = mkstemp(path);
	if (database->file < 0)
		return plait_error_advise(plait_error_system(errno, "cannot create a file in %s", database->folder),
					  "TMPDIR names another folder for it");
	struct plait_error *error = NULL;
	if (sqlite3_open_v2(path, &database->sqlite, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		error = database->sqlite ? failed(database) : plait_error_no_memory();
	/* Nobody else sees the file, and it is thrown away when anything fails. Without a journal sqlite does not mind
	 * that the name is gone. */
	if (!error)
		error = execute(database, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
					  "PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY; BEGIN");
	unlink(path);
	return error;
}

struct plait_error *plait_database_create(const char *schema, struct plait_database **ret)
{
	struct plait_database *database = calloc(1, sizeof(*database));
	if (!database)
		return plait_error_no_memory();
	database->file = -1;
	struct plait_error *error = open_file(database);
	if (!error)
		error = execute(database, schema);
	if (error) {
		plait_database_destroy(database);
		return error;
	}
	*ret = database;
	return NULL;
}

static void close_sqlite(struct plait_database *database)
{
	for (size_t i = 0; i < database->insert_count; i++) {
		sqlite3_finalize(database->inserts[i].statement);
		free(database->inserts[i].table);
	}
	database->insert_count = 0;
	sqlite3_close(database->sqlite);
	database->sqlite = NULL;
}

void plait_database_destroy(struct plait_database *database)
{
	if (!database)
		return;
	close_sqlite(database);
	if (database->file >= 0)
		close(database->file);
	free(database->folder);
	free(database);
}

static struct plait_error *find_insert(struct plait_database *database, const char *table, size_t columns,
				       sqlite3_stmt **ret)
{
	for (size_t i = 0; i < database->insert_count; i++) {
		if (strcmp(database->inserts[i].table, table) == 0) {
			*ret = database->inserts[i].statement;
			return NULL;
		}
	}
	char sql[128 + 2 * COLUMNS_MAX];
	int length = snprintf(sql, 128, "INSERT INTO %s VALUES (", table);
	for (size_t i = 0; i < columns; i++, length += 2)
		memcpy(sql + length, i + 1 < columns ? "?," : "?)", 3);
	struct insert *insert = &database->inserts[database->insert_count];
	insert->table = strdup(table);
	if (!insert->table)
		return plait_error_no_memory();
	database->insert_count++;
	if (sqlite3_prepare_v2(database->sqlite, sql, -1, &insert->statement, NULL) != SQLITE_OK)
		return failed(database);
	*ret = insert->statement;
	return NULL;
}

static bool is_utf8(const char *text)
{
	uint32_t point;
	for (size_t length; *text; text += length) {
		length = plait_utf8_decode(text, &point);
		if (!length)
			return false;
	}
	return true;
}

static int bind_text(sqlite3_stmt *statement, int column, const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	if (is_utf8(text)) /* stays where it is until the statement has run */
		return sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC);
	char *clean = malloc(strlen(text) * strlen(replacement) + 1), *end = clean;
	if (!clean)
		return SQLITE_NOMEM;
	while (*text) {
		uint32_t point;
		size_t length = plait_utf8_decode(text, &point);
		end = mempcpy(end, length ? text : replacement, length ? length : strlen(replacement));
		text += length ? length : 1;
	}
	*end = '\0';
	return sqlite3_bind_text(statement, column, clean, -1, free);
}

static int bind_number(sqlite3_stmt *statement, int column, uint64_t value)
{
	return sqlite3_bind_int64(statement, column, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

static int bind_index(sqlite3_stmt *statement, int column, uint32_t value)
{
	return value == PLAIT_NONE ? sqlite3_bind_null(statement, column)
				   : sqlite3_bind_int64(statement, column, value);
}

struct plait_error *plait_database_insert(struct plait_database *database, const char *table, const char *columns, ...)
{
	sqlite3_stmt *statement = NULL;
	PLAIT_TRY(find_insert(database, table, strlen(columns), &statement));
	va_list values;
	va_start(values, columns);
	int code = SQLITE_OK;
	for (int i = 1; columns[i - 1] && code == SQLITE_OK; i++) {
		switch (columns[i - 1]) {
		case 't':
			code = bind_text(statement, i, va_arg(values, const char *));
			break;
		case 'u':
			code = bind_number(statement, i, va_arg(values, uint64_t));
			break;
		case 'i':
			code = sqlite3_bind_int64(statement, i, va_arg(values, int64_t));
			break;
		case 'n':
			code = bind_index(statement, i, va_arg(values, uint32_t));
			break;
		default:
			code = sqlite3_bind_double(statement, i, va_arg(values, double));
			break;
		}
	}
	va_end(values);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_NOMEM)
		return plait_error_no_memory();
	struct plait_error *error = code == SQLITE_DONE ? NULL : failed(database);
	sqlite3_reset(statement);
	return error;
}

struct plait_error *plait_database_copy(struct plait_database *database, FILE *out)
{
	PLAIT_TRY(execute(database, "COMMIT"));
	close_sqlite(database);
	char *bytes PLAIT_FREE = malloc(COPY_SIZE);
	if (!bytes)
		return plait_error_no_memory();
	for (off_t at = 0;;) {
		ssize_t size = pread(database->file, bytes, COPY_SIZE, at);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return plait_error_system(errno, "cannot read the database in %s", database->folder);
		if (size == 0 || fwrite(bytes, 1, (size_t)size, out) != (size_t)size)
			return NULL; /* the stream keeps its error */
		at += size;
	}
}
