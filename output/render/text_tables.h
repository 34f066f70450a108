/*
 * How text draws the rows of tables.
 */
#ifndef PLAIT_OUTPUT_RENDER_TEXT_TABLES_H
#define PLAIT_OUTPUT_RENDER_TEXT_TABLES_H

#include "output/model/tables.h"
#include "output/render/line.h"

/* Widths of the columns, and what they are made from. */
struct plait_table_layout {
	const struct plait_profile *profile;
	const struct plait_table *table;
	const struct plait_render_options *options;
	struct plait_line line; /* where the rows go */
	bool unit_ns;
	bool lines;	     /* the table of Python lines, else that of functions */
	bool marks;	     /* room for a mark in front of names */
	const bool *matches; /* by label: rows to be marked; NULL: none */
	double threshold;    /* per cent of all: less is left out */

	uint32_t name_at;     /* column */
	uint32_t name, place; /* widths */
};

/* Whether a row is worth a line: large enough, and not only machinery that passes calls on. */
bool plait_table_has_line(const struct plait_table_layout *layout, const struct plait_table_row *row);

/* Sets the widths so that the rows that have a line fit. */
void plait_table_measure(struct plait_table_layout *layout);

/* Each writes a line; `mark` is text in front of the name, two columns of it with `marks`, else "". */
void plait_table_put_titles(struct plait_table_layout *layout);
void plait_table_put_row(struct plait_table_layout *layout, const struct plait_table_row *row, const char *mark);
void plait_table_put_leaf(struct plait_table_layout *layout, const struct plait_table_leaf *leaf);

/* The line about the native functions of a line that were left out. */
void plait_table_put_cut_leaves(struct plait_table_layout *layout, uint32_t cut, uint64_t weight);

#endif
