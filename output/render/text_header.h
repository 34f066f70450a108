/*
 * The head of every text report: what was recorded, and how far it can be trusted.
 */
#ifndef PLAIT_OUTPUT_RENDER_TEXT_HEADER_H
#define PLAIT_OUTPUT_RENDER_TEXT_HEADER_H

#include "output/render/line.h"

/* Writes the head and an empty line. `shown`: the samples that the selection takes. */
void plait_header_write(const struct plait_profile *profile, const struct plait_selection *selection, uint64_t shown,
			const struct plait_render_options *options, FILE *out);

/* Writes, in place of a table, that there are no samples. */
void plait_header_write_nothing(const struct plait_render_options *options, FILE *out);

/* Writes one line about the trust figures: "complete 11,871 (99.98 %)   gap 0 ...". */
void plait_header_write_trust(const struct plait_profile *profile, const struct plait_render_options *options,
			      FILE *out);

/* Whether the selected event counts nanoseconds. */
bool plait_selection_unit_ns(const struct plait_profile *profile, const struct plait_selection *selection);

/* Writes a sentence, broken at its spaces, and ends the line. */
void plait_line_sentence(struct plait_line *line, const char *text);

/* The error of `out`, if it has one. */
struct plait_error *plait_stream_error(FILE *out);

/* With a metric: its name, ending at `column`; and below a table what its figures mean. */
void plait_metric_put_title(struct plait_line *line, const struct plait_profile *profile, uint32_t column);
void plait_metric_put_foot(struct plait_line *line, const struct plait_profile *profile);

#endif
