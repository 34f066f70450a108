#include "cli/record/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/record/live_line.h"
#include "cli/terminal.h"
#include "output/render/render.h"

/* Says on standard error how much unwinding cost, for benchmarks: with PLAIT_MEASURE set. */
static void print_measures(const struct plait_pipeline_statistics *statistics)
{
	if (!statistics->unwind_ns || !statistics->samples)
		return;
	fprintf(stderr,
		"  unwind and merge %.0f ns a sample   steps %" PRIu64 "   cache hits %" PRIu64 "   gaps %" PRIu64 "\n",
		(double)statistics->unwind_ns / (double)statistics->samples, statistics->unwind.steps,
		statistics->unwind.cache_hits, statistics->unwind.gaps);
}

static void print_hottest(const char *path)
{
	struct plait_profile *profile;
	struct plait_error *damage = NULL;
	struct plait_error *error = plait_input_read(path, NULL, &profile, &damage);
	const struct plait_renderer *renderer = plait_renderer_find("summary");
	if (!error && renderer) {
		struct plait_render_options render = {
			.columns = plait_terminal_columns(STDERR_FILENO),
			.ascii = plait_terminal_is_ascii(),
			.threshold = -1,
		};
		struct plait_view_options view = { 0 };
		error = plait_terminal_color(NULL, STDERR_FILENO, &render.color);
		if (!error)
			error = renderer->write(profile, &view, &render, stderr);
		plait_profile_destroy(profile);
	}
	plait_error_free(damage);
	if (error)
		plait_fail(error);
}

void plait_print_summary(const char *path, const struct plait_session_result *result)
{
	const struct plait_pipeline_statistics *statistics = &result->statistics;
	char samples[32], lost[32], size[32];
	fprintf(stderr, "  %.1f s   %s samples   lost %s   %s\n", result->seconds,
		plait_format_number(statistics->samples, samples), plait_format_number(statistics->lost, lost),
		plait_format_bytes(result->bytes, size));
	print_measures(statistics);
	print_hottest(path);
	const char *name = strcmp(path, "profile.plait") == 0 ? "" : path;
	fprintf(stderr, "See more: plait report%s%s   plait report --lines%s%s   plait script%s%s\n", *name ? " " : "",
		name, *name ? " " : "", name, *name ? " " : "", name);
}
