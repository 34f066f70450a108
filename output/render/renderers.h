/*
 * The write functions of the formats: see struct plait_renderer.
 */
#ifndef PLAIT_OUTPUT_RENDER_RENDERERS_H
#define PLAIT_OUTPUT_RENDER_RENDERERS_H

#include "output/render/render.h"

#define PLAIT_RENDER_DECLARE(name)                                                                                     \
	struct plait_error *plait_render_##name(const struct plait_profile *profile,                                   \
						const struct plait_view_options *view,                                 \
						const struct plait_render_options *options, FILE *out)

PLAIT_RENDER_DECLARE(tree);
PLAIT_RENDER_DECLARE(flat);
PLAIT_RENDER_DECLARE(lines);
PLAIT_RENDER_DECLARE(memory);
PLAIT_RENDER_DECLARE(summary);
PLAIT_RENDER_DECLARE(collapsed);
PLAIT_RENDER_DECLARE(json);
PLAIT_RENDER_DECLARE(html);
PLAIT_RENDER_DECLARE(speedscope);
PLAIT_RENDER_DECLARE(pprof);
PLAIT_RENDER_DECLARE(firefox);
PLAIT_RENDER_DECLARE(chrome);
PLAIT_RENDER_DECLARE(callgrind);
PLAIT_RENDER_DECLARE(sqlite);

#endif
