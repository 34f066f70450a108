/*
 * An annotation as text or JSON: what `plait annotate` prints, and `plait view` shows.
 */
#ifndef PLAIT_CLI_ANNOTATE_SHOW_H
#define PLAIT_CLI_ANNOTATE_SHOW_H

#include "cli/annotate/target.h"
#include "output/render/annotate/annotate.h"
#include "output/render/source.h"

enum { PLAIT_ANNOTATE_LINE_SIZE = 4096 }; /* bytes of a source line: more is cut */

/* All of it is borrowed. */
struct plait_annotate_show {
	const struct plait_profile *profile;
	const struct plait_selection *selection;
	struct plait_source_cache *sources;
	const struct plait_render_options *render; /* reads source lines from `sources` */
	const char *recording;			   /* its file, as the user named it */
	const struct plait_annotate_target *target;
	int32_t mark; /* a Python line to be marked; 0: none */
	bool json;
};

/* Writes what the target costs; the selection must have an event. PLAIT_ERROR_NOT_FOUND when the code is nowhere. */
struct plait_error *plait_annotate_show(const struct plait_annotate_show *show, FILE *out);

#endif
