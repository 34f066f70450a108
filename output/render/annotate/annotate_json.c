/* Annotations as JSON: docs/annotate.md. */
#include <string.h>

#include "output/render/annotate/annotate.h"
#include "output/render/json_frame.h"
#include "output/render/text_header.h"

enum { FORMAT_VERSION = 1 };

static void put_cost(struct plait_json *json, const struct plait_cost *cost)
{
	plait_json_number(json, "own", cost->own);
	plait_json_number(json, "total", cost->total);
	plait_json_number(json, "samples", cost->samples);
}

/* What both forms begin with. */
static void put_head(struct plait_json *json, const struct plait_profile *profile, const char *kind,
		     const struct plait_annotate_options *options, uint64_t all)
{
	const struct plait_record_event *event = &profile->events.data[options->event].record;
	plait_json_open(json, NULL, '{');
	plait_json_string(json, "format", "plait-annotation");
	plait_json_number(json, "version", FORMAT_VERSION);
	plait_json_string(json, "kind", kind);
	plait_json_string(json, "event", event->name);
	plait_json_string(json, "unit", event->unit_ns ? "ns" : "count");
	plait_json_number(json, "all", all);
	if (options->note)
		plait_json_string(json, "note", options->note);
}

static void put_code(struct plait_json *json, const char *key, const struct plait_profile *profile,
		     const struct plait_code_annotation *annotation)
{
	plait_json_open(json, key, '{');
	plait_json_string(json, "name", annotation->name);
	plait_json_string(json, "module", profile->modules.data[annotation->module].path);
	plait_json_number(json, "start", annotation->start);
	plait_json_number(json, "size", annotation->size);
	plait_json_bool(json, "bundled", annotation->bundled);
	plait_json_bool(json, "exact", annotation->exact);
	put_cost(json, &annotation->cost);
	plait_json_open(json, "instructions", '[');
	for (size_t i = 0; i < annotation->rows.count; i++) {
		const struct plait_code_row *row = &annotation->rows.data[i];
		plait_json_open(json, NULL, '{');
		plait_json_number(json, "offset", row->offset);
		plait_json_number(json, "size", row->size);
		plait_json_string(json, "mnemonic", row->mnemonic);
		plait_json_string(json, "operands", row->operands);
		if (row->has_target)
			plait_json_number(json, "target", row->target);
		if (row->has_target && *row->target_name)
			plait_json_string(json, "target_name", row->target_name);
		if (row->line) {
			plait_json_string(json, "file", row->file);
			plait_json_number(json, "line", row->line);
		}
		if (row->cost.total)
			put_cost(json, &row->cost);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
	plait_json_close(json, '}');
}

static void put_lines(struct plait_json *json, const struct plait_source_query *query,
		      const struct plait_source_annotation *annotation, const struct plait_annotate_options *options)
{
	const struct plait_render_options *render = options->render;
	plait_json_open(json, "lines", '[');
	for (size_t i = 0; i < annotation->lines.count; i++) {
		const struct plait_line_cost *line = &annotation->lines.data[i];
		const char *text = render->source_line
					   ? render->source_line(render->source_context, query->file, line->line)
					   : NULL;
		plait_json_open(json, NULL, '{');
		plait_json_signed(json, "line", line->line);
		put_cost(json, &line->cost);
		if (text)
			plait_json_string(json, "text", text);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
	plait_json_open(json, "spans", '[');
	for (size_t i = 0; i < annotation->spans.count; i++) {
		const struct plait_span_cost *span = &annotation->spans.data[i];
		plait_json_open(json, NULL, '{');
		plait_json_signed(json, "line", span->line);
		plait_json_signed(json, "end_line", span->end_line);
		plait_json_signed(json, "column", span->column);
		plait_json_signed(json, "end_column", span->end_column);
		put_cost(json, &span->cost);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
}

struct plait_error *plait_annotate_source_write_json(const struct plait_profile *profile,
						     const struct plait_source_query *query,
						     const struct plait_source_annotation *annotation,
						     const struct plait_code_annotation *hottest,
						     const struct plait_annotate_options *options, FILE *out)
{
	struct plait_json json = { .out = out };
	put_head(&json, profile, "python", options, annotation->all);
	plait_json_string(&json, "file", query->file);
	if (query->function)
		plait_json_string(&json, "function", query->function);
	if (query->line)
		plait_json_signed(&json, "line", query->line);
	put_cost(&json, &annotation->cost);
	put_lines(&json, query, annotation, options);
	plait_json_open(&json, "natives", '[');
	for (size_t i = 0; i < annotation->natives.count; i++) {
		const struct plait_native_cost *native = &annotation->natives.data[i];
		plait_json_open(&json, NULL, '{');
		plait_json_frame(&json, "frame", &profile->labels.all.data[native->label]);
		plait_json_number(&json, "own", native->weight);
		plait_json_number(&json, "samples", native->samples);
		plait_json_close(&json, '}');
	}
	plait_json_close(&json, ']');
	if (hottest)
		put_code(&json, "hottest", profile, hottest);
	plait_json_close(&json, '}');
	fputc('\n', out);
	return plait_stream_error(out);
}

struct plait_error *plait_annotate_code_write_json(const struct plait_profile *profile,
						   const struct plait_code_annotation *annotation,
						   const struct plait_annotate_options *options, FILE *out)
{
	struct plait_json json = { .out = out };
	put_head(&json, profile, "native", options, annotation->all);
	put_code(&json, "function", profile, annotation);
	plait_json_close(&json, '}');
	fputc('\n', out);
	return plait_stream_error(out);
}
