/*
 * A new SQLite database that becomes a stream's content: SQLite needs a file that it can seek in, a stream may be a
 * pipe.
 */
#ifndef PLAIT_OUTPUT_RENDER_SQLITE_DATABASE_H
#define PLAIT_OUTPUT_RENDER_SQLITE_DATABASE_H

#include <stdio.h>

#include "common/error.h"

struct plait_database;

/* A database with what `schema` creates, in a file without a name under $TMPDIR (/var/tmp where it is not set): it goes
 * away with the process, however that ends. */
struct plait_error *plait_database_create(const char *schema, struct plait_database **ret);
void plait_database_destroy(struct plait_database *database);

/* Inserts a row. `columns` has a letter for each column of the table and says what the argument is: t text (bytes that
 * are not UTF-8 become U+FFFD), u uint64_t (more than INT64_MAX becomes that), i int64_t, n uint32_t (PLAIT_NONE is
 * NULL), d double. All rows of a table have the same letters. */
struct plait_error *plait_database_insert(struct plait_database *database, const char *table, const char *columns, ...);

/* Ends the filling, and writes the database to `out`, which is not flushed. */
struct plait_error *plait_database_copy(struct plait_database *database, FILE *out);

#endif
