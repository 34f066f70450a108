/* plait export: a recording as a file for another program. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/view_options.h"
#include "common/cleanup.h"
#include "output/render/render.h"
#include "output/render/source.h"

enum { LINE_SIZE = 512 }; /* bytes of a source line: more is cut */

struct export_options {
	struct plait_view_values view;
	const char *format, *output;
	bool by_thread;
};

static const struct plait_option options[] = {
	PLAIT_OPTION_CHOICE(struct export_options, format, "format", 'F', "FORMAT",
			    "html speedscope pprof firefox chrome callgrind sqlite collapsed json",
			    "html (default), speedscope, pprof, firefox, chrome, callgrind, sqlite, collapsed or json"),
	PLAIT_OPTION(struct export_options, output, "output", 'o', PLAIT_OPTION_STRING, "FILE",
		     "write to FILE, - for standard output (default: named after the recording)"),
	PLAIT_OPTION(struct export_options, by_thread, "by-thread", 0, PLAIT_OPTION_FLAG, NULL,
		     "collapsed, json: put the process and the thread in front of each stack"),
	PLAIT_VIEW_OPTIONS(struct export_options, view),
	PLAIT_OPTION_END,
};

static struct plait_error *choose_format(const char *name, const struct plait_renderer **ret)
{
	const struct plait_renderer *renderer = plait_renderer_find(name);
	if (renderer && renderer->extension) {
		*ret = renderer;
		return NULL;
	}
	const char *names[16];
	char list[256] = "";
	size_t count = 0;
	for (size_t i = 0; i < plait_renderer_count && count + 1 < 16; i++) {
		if (!plait_renderers[i].extension)
			continue;
		names[count++] = plait_renderers[i].name;
		strncat(list, count > 1 ? ", " : "", sizeof(list) - strlen(list) - 1);
		strncat(list, plait_renderers[i].name, sizeof(list) - strlen(list) - 1);
	}
	names[count] = NULL;
	struct plait_error *error = plait_error_new(PLAIT_ERROR_USAGE, "there is no format '%s'", name);
	const char *nearest = plait_nearest_name(name, names);
	return nearest ? plait_error_advise(error, "did you mean %s? formats: %s", nearest, list)
		       : plait_error_advise(error, "formats: %s", list);
}

/* "run.plait" becomes "run.html". */
static char *default_output(const char *input, const char *extension)
{
	const char *dot = strrchr(input, '.');
	size_t stem = dot && strcmp(dot, ".plait") == 0 ? (size_t)(dot - input) : strlen(input);
	char *name;
	return asprintf(&name, "%.*s.%s", (int)stem, input, extension) < 0 ? NULL : name;
}

static struct plait_error *render(const struct export_options *values, const struct plait_renderer *renderer,
				  const struct plait_profile *profile, const char *input, FILE *out)
{
	struct plait_sample_feed feed = { .read = plait_input_feed, .context = (void *)input };
	struct plait_render_options render = {
		.threshold = -1,
		.source_line = plait_source_read_line,
		.source_context = plait_source_cache_create(profile, LINE_SIZE),
		.feed = &feed,
	};
	if (!render.source_context)
		return plait_error_no_memory();
	struct plait_view_options view = plait_view_of(&values->view);
	view.by_thread = values->by_thread;
	struct plait_error *error = renderer->write(profile, &view, &render, out);
	plait_source_cache_destroy(render.source_context);
	return error;
}

/* What render() needs. */
struct rendering {
	const struct export_options *values;
	const struct plait_renderer *renderer;
	const struct plait_profile *profile;
	const char *input;
};

static struct plait_error *render_to(void *context, FILE *out)
{
	const struct rendering *rendering = context;
	return render(rendering->values, rendering->renderer, rendering->profile, rendering->input, out);
}

static struct plait_error *export_to(const struct export_options *values, const struct plait_renderer *renderer,
				     const struct plait_profile *profile, const char *input)
{
	if (!values->output || strcmp(values->output, "-") != 0) {
		char *name PLAIT_FREE = values->output ? NULL : default_output(input, renderer->extension);
		if (!values->output && !name)
			return plait_error_no_memory();
		struct rendering rendering = { values, renderer, profile, input };
		return plait_output_write(values->output ? values->output : name, renderer->about, render_to,
					  &rendering);
	}
	bool binary = strcmp(renderer->name, "pprof") == 0 || strcmp(renderer->name, "sqlite") == 0;
	if (binary && isatty(STDOUT_FILENO))
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE, "%s's format is not for a terminal", renderer->name),
			"name a file: -o profile.%s", renderer->extension);
	struct plait_error *error = render(values, renderer, profile, input, stdout);
	if (fflush(stdout) != 0 && !error)
		error = plait_error_system(errno, "cannot write the export");
	return error;
}

static struct plait_error *export(void *context, int argc, char **argv, int first, bool *ret_damaged)
{
	const struct export_options *values = context;
	const struct plait_renderer *renderer = NULL;
	PLAIT_TRY(choose_format(values->format ? values->format : "html", &renderer));
	if (argc - first > 1)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE, "export takes one recording, not %d", argc - first),
			"plait merge puts several into one");
	const char *input = first < argc ? argv[first] : "profile.plait";
	struct plait_profile *profile;
	struct plait_error *damage;
	PLAIT_TRY(plait_input_read(input, NULL, &profile, &damage));
	struct plait_error *error = export_to(values, renderer, profile, input);
	plait_profile_destroy(profile);
	plait_view_tell_damage(damage, "the export has what came before the damage", ret_damaged);
	return error;
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	struct export_options values = { 0 };
	return plait_view_command_run(command, argc, argv, &values, &values.view, export);
}

const struct plait_command plait_command_export = {
	.name = "export",
	.synopsis = "[OPTION...] [FILE]",
	.summary = "write a recording for a browser or another program: HTML, speedscope, pprof, ...",
	.details = "FILE is profile.plait unless named. docs/export.md says what each format holds.\n",
	.options = options,
	.run = run,
};
