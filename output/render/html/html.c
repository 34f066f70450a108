/*
 * One page that needs nothing else: the program of page.html, *.css and *.js, and between them the data, compressed:
 * "plait-meta" is JSON, "plait-data" is what page_data.h describes.
 */
#include <stdlib.h>
#include <string.h>

#include "output/render/export/export.h"
#include "output/render/export/gzip.h"
#include "output/render/html/base64.h"
#include "output/render/html/page_data.h"
#include "output/render/html/source_lines.h"
#include "output/render/json_document.h"
#include "output/render/renderers.h"
#include "output/render/text_header.h"
#include "page.inc"

static void put_labels(struct plait_json *json, const struct plait_profile *profile)
{
	plait_json_open(json, "labels", '[');
	for (size_t i = 0; i < profile->labels.all.count; i++) {
		const struct plait_label *label = &profile->labels.all.data[i];
		plait_json_open(json, NULL, '{');
		plait_json_number(json, "kind", label->kind);
		plait_json_string(json, "name",
				  label->unresolved ? profile->labels.all.data[label->function].name : label->name);
		if (label->unresolved)
			plait_json_bool(json, "unknown", true);
		if (*label->file)
			plait_json_string(json, "file", label->file);
		if (*label->module)
			plait_json_string(json, "module", label->module);
		if (*label->package && strcmp(label->package, label->module) != 0)
			plait_json_string(json, "package", label->package);
		plait_json_signed(json, "line", label->line);
		plait_json_number(json, "function", label->function);
		if (label->machinery)
			plait_json_bool(json, "machinery", true);
		if (plait_export_is_libc(label))
			plait_json_bool(json, "libc", true);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
}

static void put_lanes(struct plait_json *json, const struct plait_timeline *timeline)
{
	plait_json_open(json, "lanes", '[');
	for (size_t i = 0; i < timeline->lanes.count; i++) {
		plait_json_open(json, NULL, '{');
		plait_json_number(json, "thread", timeline->lanes.data[i].thread);
		plait_json_number(json, "event", timeline->lanes.data[i].event);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
}

static struct plait_error *put_meta(const struct plait_timeline *timeline, const struct plait_render_options *options,
				    FILE *out)
{
	const struct plait_profile *profile = timeline->profile;
	struct plait_json json = { .out = out };
	plait_json_open(&json, NULL, '{');
	plait_json_recording(&json, profile);
	plait_json_trust(&json, "trust", &profile->trust, true);
	put_labels(&json, profile);
	put_lanes(&json, timeline);
	struct plait_error *error = plait_source_lines_put(&json, timeline->tree, options);
	plait_json_close(&json, '}');
	return error;
}

/* A script element whose text is what `part` writes, compressed, in Base64. */
static struct plait_error *put_part(const struct plait_timeline *timeline, const struct plait_render_options *options,
				    const char *id, FILE *out)
{
	fprintf(out, "<script type=\"text/plain\" id=\"%s\">\n", id);
	FILE *text = plait_base64_open(out);
	FILE *packed = text ? plait_gzip_open(text) : NULL;
	struct plait_error *error = !packed			    ? plait_error_no_memory()
				    : strcmp(id, "plait-meta") == 0 ? put_meta(timeline, options, packed)
								    : plait_page_data_put(timeline, packed);
	int failed = packed && fclose(packed) != 0;
	failed |= text && fclose(text) != 0;
	fputs("\n</script>\n", out);
	return error ? error : failed ? plait_stream_error(out) : NULL;
}

struct plait_error *plait_render_html(const struct plait_profile *profile, const struct plait_view_options *view,
				      const struct plait_render_options *options, FILE *out)
{
	struct plait_timeline *timeline;
	PLAIT_TRY(plait_timeline_create(profile, view, options->feed, &timeline));
	fwrite(page_head, 1, sizeof(page_head), out);
	struct plait_error *error = put_part(timeline, options, "plait-meta", out);
	if (!error)
		error = put_part(timeline, options, "plait-data", out);
	fwrite(page_tail, 1, sizeof(page_tail), out);
	plait_timeline_destroy(timeline);
	return error ? error : plait_stream_error(out);
}
