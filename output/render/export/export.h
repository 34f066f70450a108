/*
 * What the formats of other programs have in common.
 */
#ifndef PLAIT_OUTPUT_RENDER_EXPORT_EXPORT_H
#define PLAIT_OUTPUT_RENDER_EXPORT_EXPORT_H

#include "common/vec.h"
#include "output/model/timeline.h"
#include "output/render/json_writer.h"

/* The name of a frame for viewers that show nothing else of it: a Python function's name, "symbol [module]". */
const char *plait_export_name(const struct plait_profile *profile, const struct plait_label *label);

/* Whether a frame is the C library's: a colour and category of its own. */
bool plait_export_is_libc(const struct plait_label *label);

/* "cpu-clock: worker 42/43", for titles: event, thread, pid and tid. Writes at most `size` bytes. */
void plait_export_lane_name(const struct plait_timeline *timeline, const struct plait_lane *lane, char *ret,
			    size_t size);

/* By process: how many before it had its pid. There are such after an exec, and when recordings were merged. The caller
 * frees it; NULL: no memory. */
uint32_t *plait_export_twins(const struct plait_profile *profile);

/* The nodes to leave and to enter on the way from one node of a call tree to another. */
struct plait_steps {
	PLAIT_VEC(uint32_t) leave; /* innermost first */
	PLAIT_VEC(uint32_t) enter; /* outermost first */
};

/* Fills `steps`, whose vectors are used again. False: no memory. */
bool plait_steps_between(const struct plait_calltree *tree, uint32_t from, uint32_t to, struct plait_steps *steps);
void plait_steps_release(struct plait_steps *steps);

/* Makes a timeline of `view`, calls `write`, and gives its error or that of `out`. */
struct plait_error *plait_export_timeline(const struct plait_profile *profile, const struct plait_view_options *view,
					  const struct plait_sample_feed *feed, FILE *out,
					  struct plait_error *(*write)(const struct plait_timeline *timeline,
								       FILE *out));

#endif
