/*
 * How text reports write a label: a name, and where it is.
 */
#ifndef PLAIT_OUTPUT_RENDER_TEXT_LABEL_H
#define PLAIT_OUTPUT_RENDER_TEXT_LABEL_H

#include "output/render/line.h"

enum { PLAIT_PLACE_SIZE = 256 };

/* "train.py:41", "[numpy]", "[kernel]", or "". Long ones are cut. */
const char *plait_label_place(const struct plait_label *label, char ret[PLAIT_PLACE_SIZE]);

/* Adds the place of a label in at most `max` columns; a line number is kept when it is cut. */
void plait_label_put_place(struct plait_line *line, const struct plait_label *label, uint32_t max);

/* The colour that its kind has. */
enum plait_style plait_label_style(const struct plait_label *label);

/* The source line that it runs, without the white space around it, or NULL. Valid until the next call. */
const char *plait_label_source(const struct plait_label *label, const struct plait_render_options *options);

#endif
