#include "output/render/html/source_lines.h"

#include <stdlib.h>
#include <string.h>

#include "output/render/source.h"

enum { AROUND = 5, LINES_MAX = 60000 };

struct wanted {
	const char *file;
	int32_t line;
};

static int compare_wanted(const void *a, const void *b)
{
	const struct wanted *left = a, *right = b;
	int order = strcmp(left->file, right->file);
	return order ? order : (left->line > right->line) - (left->line < right->line);
}

/* The lines of one file, ascending; lines around them are written once. */
static int32_t put_file(struct plait_json *json, const struct wanted *wanted, size_t count,
			const struct plait_render_options *options)
{
	int32_t next = 1, written = 0;
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
			written++;
		}
	}
	plait_json_close(json, ']');
	return written;
}

struct plait_error *plait_source_lines_put(struct plait_json *json, const struct plait_profile *profile,
					   const struct plait_render_options *options)
{
	PLAIT_VEC(struct wanted) wanted = { 0 };
	for (size_t i = 0; i < profile->labels.all.count; i++) {
		const struct plait_label *label = &profile->labels.all.data[i];
		if (label->kind != PLAIT_LABEL_PYTHON || label->line <= 0 || label->line > INT32_MAX - AROUND)
			continue;
		struct wanted line = { .file = label->file, .line = label->line };
		if (!plait_vec_push(&wanted, line)) {
			plait_vec_free(&wanted);
			return plait_error_no_memory();
		}
	}
	if (wanted.count)
		qsort(wanted.data, wanted.count, sizeof(*wanted.data), compare_wanted);
	plait_json_open(json, "sources", '{');
	int32_t left = LINES_MAX;
	for (size_t i = 0, next; i < wanted.count && options->source_line && left > 0; i = next) {
		const struct wanted *first = &wanted.data[i];
		for (next = i + 1; next < wanted.count && strcmp(wanted.data[next].file, first->file) == 0;)
			next++;
		if (!options->source_line(options->source_context, first->file, first->line))
			continue;
		plait_json_open_named(json, first->file, '{');
		left -= put_file(json, first, next - i, options);
		plait_json_bool(json, "changed",
				plait_source_state(options->source_context, first->file) == PLAIT_SOURCE_CHANGED);
		plait_json_close(json, '}');
	}
	plait_json_close(json, '}');
	plait_vec_free(&wanted);
	return NULL;
}
