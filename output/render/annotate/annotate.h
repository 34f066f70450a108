/*
 * `plait annotate` as text and JSON: docs/annotate.md.
 */
#ifndef PLAIT_OUTPUT_RENDER_ANNOTATE_H
#define PLAIT_OUTPUT_RENDER_ANNOTATE_H

#include "output/model/annotation.h"
#include "output/render/render.h"

struct plait_annotate_options {
	const struct plait_render_options *render; /* its source_line gives the lines, white space at their start too */
	uint32_t event;				   /* index of the event that is shown */
	const char *note;      /* about the source or the code, a sentence ("it has changed since ..."); NULL: none */
	int32_t mark;	       /* Python: this line is marked, as one that `query` asks for; 0: none */
	const char *recording; /* its file, as the user named it: for the commands that show more */
};

/* Python source with the cost of each line; below, when `query` asks for a line, the native functions inside of it.
 * `hottest` (NULL: none) is the code of the first of them. An error of `out` is looked for and given. */
struct plait_error *plait_annotate_source_write(const struct plait_profile *profile,
						const struct plait_source_query *query,
						const struct plait_source_annotation *annotation,
						const struct plait_code_annotation *hottest,
						const struct plait_annotate_options *options, FILE *out);

/* Machine code with the cost of each instruction, its source lines in between. */
struct plait_error *plait_annotate_code_write(const struct plait_profile *profile,
					      const struct plait_code_annotation *annotation,
					      const struct plait_annotate_options *options, FILE *out);

/* The same as JSON. */
struct plait_error *plait_annotate_source_write_json(const struct plait_profile *profile,
						     const struct plait_source_query *query,
						     const struct plait_source_annotation *annotation,
						     const struct plait_code_annotation *hottest,
						     const struct plait_annotate_options *options, FILE *out);
struct plait_error *plait_annotate_code_write_json(const struct plait_profile *profile,
						   const struct plait_code_annotation *annotation,
						   const struct plait_annotate_options *options, FILE *out);

#endif
