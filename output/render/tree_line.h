/*
 * How text draws the rows of a call tree.
 */
#ifndef PLAIT_OUTPUT_RENDER_TREE_LINE_H
#define PLAIT_OUTPUT_RENDER_TREE_LINE_H

#include "output/model/outline.h"
#include "output/render/line.h"

/* Widths of the columns, and what they are made from. */
struct plait_tree_layout {
	const struct plait_outline *outline;
	const struct plait_render_options *options;
	bool inverted;
	bool marks;	     /* say which rows are open and closed */
	const bool *matches; /* by label: rows to be marked; NULL: none */

	uint32_t levels; /* of indentation that are shown */
	uint32_t figures, name, place;
};

/* Sets the widths so that the rows fit; `name` and `place` never shrink. */
void plait_tree_measure(struct plait_tree_layout *layout);

/* What stands above the figures. */
void plait_tree_put_titles(struct plait_line *line, const struct plait_tree_layout *layout);

void plait_tree_put_row(struct plait_line *line, const struct plait_tree_layout *layout,
			const struct plait_outline_row *row);

#endif
