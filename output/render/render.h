/*
 * Renderers: a finished profile in, text out. Stable formats are described in docs/formats.md.
 *
 * How to add a format: write <name>.c with one write function, declare it in renderers.h, add it to the array in
 * render.c, describe it in docs/formats.md when others may parse it, and add a golden in tests/golden/.
 */
#ifndef PLAIT_OUTPUT_RENDER_RENDER_H
#define PLAIT_OUTPUT_RENDER_RENDER_H

#include <stdio.h>

#include "output/model/timeline.h"

/* Gives the text of a Python file's line, without its line end, or NULL. Valid until the next call. */
typedef const char *(*plait_source_line)(void *context, const char *file, int32_t line);

struct plait_render_options {
	uint32_t columns; /* of the terminal; 0: no limit */
	bool color;	  /* with terminal colours */
	bool ascii;	  /* nothing but ASCII: the locale is not UTF-8 */
	bool full;	  /* nothing folded: every native frame, every level of a recursion */
	double threshold; /* per cent: what is smaller is left out and counted; negative: the format's own */
	plait_source_line source_line; /* NULL: no source text */
	void *source_context;
	const struct plait_sample_feed *feed; /* for formats with time in them; NULL: they fail */
};

struct plait_renderer {
	const char *name;
	const char *about;     /* one line */
	const char *extension; /* of the files that `plait export` makes; NULL: for reports only */
	/* Writes the report. `out` is not flushed and not closed; an error of its own is looked for and given. */
	struct plait_error *(*write)(const struct plait_profile *profile, const struct plait_view_options *view,
				     const struct plait_render_options *options, FILE *out);
};

/* tree, flat, lines, memory, summary; collapsed, json, and those of export/. */
extern const struct plait_renderer plait_renderers[];
extern const size_t plait_renderer_count;

/* The renderer of that name, or NULL. */
const struct plait_renderer *plait_renderer_find(const char *name);

/* `plait script`: one sample. The caller reads the recording twice: into a profile, and once more for its samples.
 * `json` gives one object a line. What `selection` does not take is skipped, what it does not show left out. */
struct plait_error *plait_script_write(const struct plait_profile *profile, const struct plait_selection *selection,
				       const struct plait_record_sample *sample, bool json, FILE *out);

#endif
