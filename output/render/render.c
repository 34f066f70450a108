#include "output/render/render.h"

#include <string.h>

#include "output/render/renderers.h"

const struct plait_renderer plait_renderers[] = {
	{ "tree", "call tree, text", NULL, plait_render_tree },
	{ "flat", "functions by their own share, text", NULL, plait_render_flat },
	{ "lines", "Python lines with the native functions below them, text", NULL, plait_render_lines },
	{ "memory", "where the data of each Python line were, text", NULL, plait_render_memory },
	{ "summary", "the hottest lines and functions, text", NULL, plait_render_summary },
	{ "collapsed", "one line a stack: flame graph tools read it", "collapsed", plait_render_collapsed },
	{ "json", "everything, for programs", "json", plait_render_json },
	{ "html", "one page for any browser, with everything in it", "html", plait_render_html },
	{ "speedscope", "www.speedscope.app", "speedscope.json", plait_render_speedscope },
	{ "pprof", "go tool pprof, and what reads its format", "pb.gz", plait_render_pprof },
	{ "firefox", "profiler.firefox.com", "firefox.json", plait_render_firefox },
	{ "chrome", "chrome://tracing and ui.perfetto.dev", "trace.json", plait_render_chrome },
	{ "callgrind", "KCachegrind and callgrind_annotate", "callgrind", plait_render_callgrind },
	{ "sqlite", "tables for SQL, pandas and DuckDB", "sqlite", plait_render_sqlite },
};

const size_t plait_renderer_count = sizeof(plait_renderers) / sizeof(plait_renderers[0]);

const struct plait_renderer *plait_renderer_find(const char *name)
{
	for (size_t i = 0; i < plait_renderer_count; i++) {
		if (strcmp(plait_renderers[i].name, name) == 0)
			return &plait_renderers[i];
	}
	return NULL;
}
