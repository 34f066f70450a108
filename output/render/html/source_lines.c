#include "output/render/html/source_lines.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "output/render/source.h"

enum { AROUND = 5, WANTED_MAX = 8000 };

struct wanted {
	const char *file;
	int32_t line;
	uint64_t samples;
};

struct wanted_lines {
	PLAIT_VEC(struct wanted) all;
};

static int compare_samples(const void *a, const void *b)
{
	const struct wanted *left = a, *right = b;
	return (left->samples < right->samples) - (left->samples > right->samples);
}

static int compare_wanted(const void *a, const void *b)
{
	const struct wanted *left = a, *right = b;
	int order = strcmp(left->file, right->file);
	return order ? order : (left->line > right->line) - (left->line < right->line);
}

/* The lines with most samples, by file and line. */
static struct plait_error *choose_lines(const struct plait_calltree *tree, struct wanted_lines *ret)
{
	const struct plait_profile *profile = tree->profile;
	uint64_t *samples PLAIT_FREE = calloc(profile->labels.all.count + 1, sizeof(*samples));
	if (!samples)
		return plait_error_no_memory();
	for (size_t i = 1; i < tree->nodes.count; i++) { /* a function is shown where it begins */
		uint32_t label = tree->nodes.data[i].label, function = profile->labels.all.data[label].function;
		samples[label] += tree->nodes.data[i].total_samples;
		if (function != label)
			samples[function] += tree->nodes.data[i].total_samples;
	}
	for (size_t i = 0; i < profile->labels.all.count; i++) {
		const struct plait_label *label = &profile->labels.all.data[i];
		struct wanted line = { .file = label->file, .line = label->line, .samples = samples[i] };
		if (label->kind == PLAIT_LABEL_PYTHON && samples[i] && label->line > 0 &&
		    label->line <= INT32_MAX - AROUND && !plait_vec_push(&ret->all, line))
			return plait_error_no_memory();
	}
	if (!ret->all.count)
		return NULL;
	qsort(ret->all.data, ret->all.count, sizeof(*ret->all.data), compare_samples);
	if (ret->all.count > WANTED_MAX)
		ret->all.count = WANTED_MAX;
	qsort(ret->all.data, ret->all.count, sizeof(*ret->all.data), compare_wanted);
	return NULL;
}

/* The lines of one file, ascending; lines around them are written once. */
static void put_file(struct plait_json *json, const struct wanted *wanted, size_t count,
		     const struct plait_render_options *options)
{
	int32_t next = 1;
	plait_json_open(json, "lines", '[');
	for (size_t i = 0; i < count; i++) {
		int32_t first = wanted[i].line > AROUND ? wanted[i].line - AROUND : 1;
		for (int32_t line = first > next ? first : next; line <= wanted[i].line + AROUND; line++) {
			const char *text = options->source_line(options->source_context, wanted[i].file, line);
			if (!text)
				break;
			plait_json_open(json, NULL, '[');
			plait_json_signed(json, NULL, line);
			plait_json_string(json, NULL, text);
			plait_json_close(json, ']');
			next = line + 1;
		}
	}
	plait_json_close(json, ']');
}

struct plait_error *plait_source_lines_put(struct plait_json *json, const struct plait_calltree *tree,
					   const struct plait_render_options *options)
{
	struct wanted_lines wanted = { 0 };
	struct plait_error *error = choose_lines(tree, &wanted);
	plait_json_open(json, "sources", '{');
	for (size_t i = 0, next; !error && i < wanted.all.count && options->source_line; i = next) {
		const struct wanted *first = &wanted.all.data[i];
		for (next = i + 1; next < wanted.all.count && strcmp(wanted.all.data[next].file, first->file) == 0;)
			next++;
		if (!options->source_line(options->source_context, first->file, first->line))
			continue;
		plait_json_open_named(json, first->file, '{');
		put_file(json, first, next - i, options);
		plait_json_bool(json, "changed",
				plait_source_state(options->source_context, first->file) == PLAIT_SOURCE_CHANGED);
		plait_json_close(json, '}');
	}
	plait_json_close(json, '}');
	plait_vec_free(&wanted.all);
	return error;
}
