/*
 * One line of a text report while it is written: knows its column, cuts at the edge of the terminal, escapes what
 * could drive it.
 */
#ifndef PLAIT_OUTPUT_RENDER_LINE_H
#define PLAIT_OUTPUT_RENDER_LINE_H

#include "output/render/render.h"

enum plait_style {
	PLAIT_STYLE_PLAIN,
	PLAIT_STYLE_PYTHON,
	PLAIT_STYLE_NATIVE,
	PLAIT_STYLE_KERNEL,
	PLAIT_STYLE_MARKER,
	PLAIT_STYLE_DIM,
	PLAIT_STYLE_STRONG,
};

struct plait_line {
	FILE *out;
	const struct plait_render_options *options;
	uint32_t column; /* where the next text begins */
	uint32_t spaces; /* of these not yet written: none are at the end of a line */
};

/* The columns that `text` takes when it is escaped. */
uint32_t plait_text_width(const char *text, bool ascii);

/* Adds `text`, escaped, in at most `max` columns and never beyond the edge; what is cut ends in an ellipsis. */
void plait_line_put(struct plait_line *line, enum plait_style style, const char *text, uint32_t max);

/* The same, but what is cut is the beginning: for file names with a line. */
void plait_line_put_tail(struct plait_line *line, enum plait_style style, const char *text, uint32_t max);

/* Adds text that is known to be harmless. Not for anything out of a recording. */
void plait_line_format(struct plait_line *line, enum plait_style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Moves on to `column`, at least one space when the line has got that far already (but not at its start). */
void plait_line_move(struct plait_line *line, uint32_t column);

/* Adds one of several things, `gap` spaces after the one before; begins a new line, indented by `indent`, when it does
 * not fit. */
void plait_line_item(struct plait_line *line, enum plait_style style, const char *text, uint32_t gap, uint32_t indent);

/* Columns left; UINT32_MAX without an edge. */
uint32_t plait_line_left(const struct plait_line *line);

void plait_line_end(struct plait_line *line);

#endif
