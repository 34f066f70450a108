/* plait diff: what got slower or faster between recordings, and what of it may be noise. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/view_options.h"
#include "common/cleanup.h"
#include "output/render/diff/diff.h"
#include "output/render/source.h"

enum { LINE_SIZE = 512 }; /* bytes of a source line: more is cut */

#define THRESHOLD 0.5  /* per cent */
#define ERROR_RATE 5.0 /* per cent */
#define RUN_NOISE 25.0 /* per cent: what bench/diff saw between runs of one program, with some room */

struct diff_options {
	struct plait_view_values view;
	struct plait_option_list base, new, fail_functions;
	const char *format, *output, *color, *fail_above;
	bool absolute, functions, lines, full, ascii, no_pager;
	double threshold, error_rate, run_noise;
	uint64_t columns;
};

static const struct plait_option options[] = {
	PLAIT_OPTION_CHOICE(struct diff_options, format, "format", 0, "FORMAT", "text html json",
			    "text, html or json (default text)"),
	PLAIT_OPTION(struct diff_options, output, "output", 'o', PLAIT_OPTION_STRING, "FILE",
		     "write to FILE, - for standard output (default for html: diff.html)"),
	PLAIT_OPTION(struct diff_options, base, "base", 0, PLAIT_OPTION_TEXTS, "FILE",
		     "one more recording of the base side (repeatable)"),
	PLAIT_OPTION(struct diff_options, new, "new", 0, PLAIT_OPTION_TEXTS, "FILE",
		     "one more recording of the new side (repeatable)"),
	PLAIT_OPTION(struct diff_options, absolute, "absolute", 0, PLAIT_OPTION_FLAG, NULL,
		     "compare amounts (CPU seconds, events), not proportions: for equal work"),
	PLAIT_OPTION(struct diff_options, functions, "functions", 0, PLAIT_OPTION_FLAG, NULL,
		     "text: the tables of functions (default)"),
	PLAIT_OPTION(struct diff_options, lines, "lines", 0, PLAIT_OPTION_FLAG, NULL,
		     "text: the tables of Python lines"),
	PLAIT_OPTION(struct diff_options, fail_above, "fail-above", 0, PLAIT_OPTION_STRING, "PERCENT",
		     "exit 3 when a function got slower by more, and it is not noise"),
	PLAIT_OPTION(struct diff_options, fail_functions, "fail-function", 0, PLAIT_OPTION_TEXTS, "NAME:PERCENT",
		     "the same for one function (repeatable)"),
	PLAIT_OPTION(struct diff_options, threshold, "threshold", 0, PLAIT_OPTION_PERCENT, "PERCENT",
		     "do not test what is a smaller share of the whole (default 0.5)"),
	PLAIT_OPTION(struct diff_options, error_rate, "error-rate", 0, PLAIT_OPTION_PERCENT, "PERCENT",
		     "how often equal programs may show any difference (default 5)"),
	PLAIT_OPTION(struct diff_options, run_noise, "run-noise", 0, PLAIT_OPTION_PERCENT, "PERCENT",
		     "with one recording a side: noise from run to run to assume (default 25)"),
	PLAIT_VIEW_OPTIONS(struct diff_options, view),
	PLAIT_OPTION(struct diff_options, full, "full", 0, PLAIT_OPTION_FLAG, NULL, "text: every row"),
	PLAIT_OPTION(struct diff_options, columns, "columns", 0, PLAIT_OPTION_NUMBER, "N",
		     "fit lines into N columns (default: the terminal's)"),
	PLAIT_OPTION_CHOICE(struct diff_options, color, "color", 0, "WHEN", "auto always never",
			    "auto, always or never"),
	PLAIT_OPTION(struct diff_options, ascii, "ascii", 0, PLAIT_OPTION_FLAG, NULL,
		     "draw with ASCII characters only"),
	PLAIT_OPTION(struct diff_options, no_pager, "no-pager", 0, PLAIT_OPTION_FLAG, NULL,
		     "do not page on a terminal"),
	PLAIT_OPTION_END,
};

/* The recordings of both sides, and what was made of them. */
struct inputs {
	PLAIT_VEC(struct plait_compare_input) all; /* the base's first */
	PLAIT_VEC(struct plait_sample_feed) feeds;
	size_t base_count;
};

struct limits {
	PLAIT_VEC(struct plait_gate_function) functions;
	PLAIT_VEC(const char *) names;
	PLAIT_VEC(char *) owned;
	struct plait_gate gate;
};

/* A per cent value from 0 on; NAN: it is none. */
static double percent_of(const char *text)
{
	char *end;
	double value = *text >= '0' && *text <= '9' ? strtod(text, &end) : NAN;
	return !isfinite(value) || (*end && strcmp(end, "%") != 0) ? NAN : value;
}

/* "NAME:PERCENT"; the name may have colons. */
static struct plait_error *add_limit(struct limits *limits, const char *text)
{
	const char *colon = strrchr(text, ':');
	double percent = colon && colon > text ? percent_of(colon + 1) : NAN;
	if (isnan(percent))
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE, "--fail-function: '%s' is not NAME:PERCENT", text),
			"for example --fail-function train.step:5%%");
	char *name = strndup(text, (size_t)(colon - text));
	if (!name || !plait_vec_push(&limits->owned, name)) {
		free(name);
		return plait_error_no_memory();
	}
	struct plait_gate_function limit = { name, percent };
	return plait_vec_push(&limits->functions, limit) && plait_vec_push(&limits->names, name)
		       ? NULL
		       : plait_error_no_memory();
}

static struct plait_error *read_limits(const struct diff_options *values, struct limits *limits)
{
	for (size_t i = 0; i < values->fail_functions.texts.count; i++)
		PLAIT_TRY(add_limit(limits, values->fail_functions.texts.data[i]));
	limits->gate.functions = limits->functions.data;
	limits->gate.function_count = limits->functions.count;
	limits->gate.has_above = values->fail_above != NULL;
	limits->gate.above = values->fail_above ? percent_of(values->fail_above) : 0;
	if (isnan(limits->gate.above))
		return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "--fail-above: '%s' is not a percentage",
							  values->fail_above),
					  "for example --fail-above 5%%");
	return NULL;
}

static void limits_release(struct limits *limits)
{
	for (size_t i = 0; i < limits->owned.count; i++)
		free(limits->owned.data[i]);
	plait_vec_free(&limits->owned);
	plait_vec_free(&limits->functions);
	plait_vec_free(&limits->names);
}

/* The text of a line when the file is known to be the one that ran. */
static const char *line_text(void *context, const char *file, int32_t line)
{
	enum plait_source_state state = plait_source_state(context, file);
	if (state != PLAIT_SOURCE_RECORDED && state != PLAIT_SOURCE_SAME)
		return NULL;
	return plait_source_read_line(context, file, line);
}

static struct plait_error *read_input(struct inputs *inputs, const char *path, bool *ret_damaged)
{
	struct plait_profile *profile;
	struct plait_error *damage, *error = plait_input_read(path, NULL, &profile, &damage);
	if (error)
		return error;
	struct plait_compare_input input = { .path = path,
					     .profile = profile,
					     .line_text = line_text,
					     .line_context = plait_source_cache_create(profile, LINE_SIZE),
					     .damaged = damage != NULL };
	struct plait_sample_feed feed = { .read = plait_input_feed, .context = (void *)path };
	plait_view_tell_damage(damage, "what came before the damage is compared", ret_damaged);
	if (!input.line_context || !plait_vec_push(&inputs->all, input)) {
		plait_source_cache_destroy(input.line_context);
		plait_profile_destroy(profile);
		return plait_error_no_memory();
	}
	return plait_vec_push(&inputs->feeds, feed) ? NULL : plait_error_no_memory();
}

static struct plait_error *read_list(struct inputs *inputs, const struct plait_option_list *list, bool *ret_damaged)
{
	for (size_t i = 0; i < list->texts.count; i++)
		PLAIT_TRY(read_input(inputs, list->texts.data[i], ret_damaged));
	return NULL;
}

static struct plait_error *read_inputs(const struct diff_options *values, int count, char **words,
				       struct inputs *inputs, bool *ret_damaged)
{
	size_t named = values->base.texts.count && values->new.texts.count;
	if (count != 2 && !(count == 0 && named))
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE, "diff takes two recordings, not %d", count),
			"plait diff BASE NEW, and more of each side with --base FILE and --new FILE");
	if (count)
		PLAIT_TRY(read_input(inputs, words[0], ret_damaged));
	PLAIT_TRY(read_list(inputs, &values->base, ret_damaged));
	inputs->base_count = inputs->all.count;
	if (count)
		PLAIT_TRY(read_input(inputs, words[1], ret_damaged));
	PLAIT_TRY(read_list(inputs, &values->new, ret_damaged));
	for (size_t i = 0; i < inputs->all.count; i++)
		inputs->all.data[i].feed = &inputs->feeds.data[i];
	return NULL;
}

static void inputs_release(struct inputs *inputs)
{
	for (size_t i = 0; i < inputs->all.count; i++) {
		plait_source_cache_destroy(inputs->all.data[i].line_context);
		plait_profile_destroy((struct plait_profile *)inputs->all.data[i].profile);
	}
	plait_vec_free(&inputs->all);
	plait_vec_free(&inputs->feeds);
}

/* What writing needs. */
struct writing {
	const struct diff_options *values;
	const struct plait_diff *diff;
	int fd; /* that decides on colours and columns */
};

static struct plait_error *write_diff(void *context, FILE *out)
{
	const struct writing *writing = context;
	const struct diff_options *values = writing->values;
	const char *format = values->format ? values->format : "text";
	if (strcmp(format, "json") == 0)
		return plait_diff_json(writing->diff, out);
	if (strcmp(format, "html") == 0)
		return plait_diff_html(writing->diff, out);
	struct plait_render_options render = {
		.columns = values->columns    ? (uint32_t)values->columns
			   : writing->fd >= 0 ? plait_terminal_columns(writing->fd)
					      : 0,
		.ascii = values->ascii || plait_terminal_is_ascii(),
		.full = values->full,
	};
	PLAIT_TRY(plait_terminal_color(values->color, writing->fd, &render.color));
	return plait_diff_text(writing->diff, &render, out);
}

static struct plait_error *write_out(const struct diff_options *values, const struct plait_diff *diff)
{
	struct writing writing = { values, diff, STDOUT_FILENO };
	bool html = values->format && strcmp(values->format, "html") == 0;
	const char *output = values->output ? values->output : html ? "diff.html" : "-";
	if (strcmp(output, "-") != 0) {
		writing.fd = -1;
		return plait_output_write(output, "comparison", write_diff, &writing);
	}
	struct plait_pager pager;
	plait_pager_start(&pager, !values->no_pager && (!values->format || strcmp(values->format, "text") == 0));
	struct plait_error *error = write_diff(&writing, pager.out);
	struct plait_error *failure = plait_pager_finish(&pager);
	if (!error)
		return failure;
	plait_error_free(failure);
	return error;
}

/* Says on stderr which limits are broken, and by what. */
static void tell_failures(const struct plait_comparison *comparison, const struct plait_gate_result *result)
{
	for (size_t i = 0; i < result->failures.count; i++) {
		const struct plait_gate_failure *failure = &result->failures.data[i];
		const struct plait_compare_row *row = failure->row;
		const struct plait_compare_figure *figure = row ? &row->figures[failure->figure] : &comparison->whole;
		const char *name = row ? row->label->name : "everything together";
		const char *what = failure->figure == PLAIT_COMPARE_OWN ? "own cost" : "total cost";
		if (figure->verdict == PLAIT_COMPARE_ADDED)
			plait_say("limit broken: %s (%s) is new, %.2f %% of all (%s)", name, row->place,
				  100 * figure->share[PLAIT_COMPARE_NEW], what);
		else
			plait_say("limit broken: %s%s%s%s got slower by %.1f %% (95 %% interval %.1f to %.1f), allowed "
				  "%g %% (%s)",
				  name, row ? " (" : "", row ? row->place : "", row ? ")" : "", 100 * figure->change,
				  100 * figure->low, 100 * figure->high, failure->allowed, what);
	}
}

static void tell_blindness(const struct plait_gate *gate, const struct plait_gate_result *result)
{
	if (result->unsure)
		plait_say(
			"limit of %g %%: in %zu of %zu functions such a change may not be noticed, as these recordings "
			"are too few or too short (\"found from\")",
			gate->above, result->unsure, result->judged);
}

static struct plait_error *compare(const struct diff_options *values, const struct inputs *inputs,
				   struct limits *limits, int *ret_status)
{
	struct plait_view_options view = plait_view_of(&values->view);
	struct plait_compare_options wanted = { .view = &view,
						.absolute = values->absolute,
						.threshold = values->threshold,
						.error_rate = values->error_rate / 100,
						.run_noise = values->run_noise / 100,
						.always = limits->names.data,
						.always_count = limits->names.count };
	struct plait_comparison *comparison;
	PLAIT_TRY(plait_comparison_create(inputs->all.data, inputs->base_count, inputs->all.count - inputs->base_count,
					  &wanted, &comparison));
	struct plait_gate_result result = { 0 };
	struct plait_diff diff = { .comparison = comparison,
				   .gate = &limits->gate,
				   .result = &result,
				   .functions = values->functions || !values->lines,
				   .lines = values->lines };
	struct plait_error *error = plait_gate_check(comparison, &limits->gate, &result);
	if (!error)
		error = write_out(values, &diff);
	if (!error) {
		tell_failures(comparison, &result);
		tell_blindness(&limits->gate, &result);
		if (result.failures.count)
			*ret_status = PLAIT_EXIT_GATE;
	}
	plait_gate_result_release(&result);
	plait_comparison_destroy(comparison);
	return error;
}

static struct plait_error *check_format(const struct diff_options *values)
{
	static const char *const formats[] = { "text", "html", "json" };
	for (size_t i = 0; i < 3; i++) {
		if (!values->format || strcmp(values->format, formats[i]) == 0)
			return values->error_rate > 0
				       ? NULL
				       : plait_error_new(PLAIT_ERROR_USAGE, "--error-rate must be above 0");
	}
	return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "there is no format '%s'", values->format),
				  "formats: text, html, json");
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	struct diff_options values = { .threshold = THRESHOLD, .error_rate = ERROR_RATE, .run_noise = RUN_NOISE };
	struct inputs inputs = { 0 };
	struct limits limits = { 0 };
	int first, status = PLAIT_EXIT_OK;
	if (plait_command_begin(command, argc, argv, &values, false, &first, &status)) {
		bool damaged = false;
		struct plait_error *error = check_format(&values);
		if (!error)
			error = read_limits(&values, &limits);
		if (!error)
			error = read_inputs(&values, argc - first, argv + first, &inputs, &damaged);
		if (!error)
			error = compare(&values, &inputs, &limits, &status);
		if (error)
			status = plait_fail(error);
		else if (damaged && status == PLAIT_EXIT_OK)
			status = PLAIT_EXIT_FAILURE;
	}
	inputs_release(&inputs);
	limits_release(&limits);
	plait_option_list_release(&values.base);
	plait_option_list_release(&values.new);
	plait_option_list_release(&values.fail_functions);
	plait_view_values_release(&values.view);
	return status;
}

const struct plait_command plait_command_diff = {
	.name = "diff",
	.synopsis = "[OPTION...] BASE NEW",
	.summary = "compare recordings: what got slower or faster, and what of it may be noise",
	.details =
		"Exit status 3: a limit of --fail-above or --fail-function is broken. docs/compare.md has an example\n"
		"for continuous integration, and says what is compared and how.\n",
	.options = options,
	.run = run,
};
