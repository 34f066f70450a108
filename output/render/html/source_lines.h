/*
 * The source lines that a page shows: those around the Python lines with most samples.
 */
#ifndef PLAIT_OUTPUT_RENDER_HTML_SOURCE_LINES_H
#define PLAIT_OUTPUT_RENDER_HTML_SOURCE_LINES_H

#include "output/model/calltree.h"
#include "output/render/json_writer.h"
#include "output/render/render.h"

/* Writes the member "sources": by file an object with `lines`, an array of [number, text], and `changed`. Files that
 * are not there are left out. */
struct plait_error *plait_source_lines_put(struct plait_json *json, const struct plait_calltree *tree,
					   const struct plait_render_options *options);

#endif
