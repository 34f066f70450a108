/*
 * What the two texts of `plait annotate` share.
 */
#ifndef PLAIT_OUTPUT_RENDER_ANNOTATE_TEXT_H
#define PLAIT_OUTPUT_RENDER_ANNOTATE_TEXT_H

#include "output/render/annotate/annotate.h"
#include "output/render/line.h"

/* Adds `part` as per cent of `whole`, right-aligned before `column`; nothing for 0. */
void plait_annotate_put_share(struct plait_line *line, uint64_t part, uint64_t whole, uint32_t column,
			      enum plait_style style);

/* Writes "cpu-clock: 1.23 s of its own (45.6 % of all), 2.3 s (85 %) with what it calls; 1,230 samples". */
void plait_annotate_put_cost(struct plait_line *line, const struct plait_profile *profile, uint32_t event,
			     const struct plait_cost *cost, uint64_t all);

/* Writes the rows of `annotation` that are worth it: with `hottest` only the hottest `hottest` ones (0: all that are
 * hot, and what is around them; with options->render->full all). */
struct plait_error *plait_annotate_put_code(struct plait_line *line, const struct plait_code_annotation *annotation,
					    uint32_t hottest);

#endif
