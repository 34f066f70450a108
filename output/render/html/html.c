/*
 * One page that needs nothing else: the program of page.html, *.css and *.js, and between them the data, compressed:
 * "plait-meta" is JSON, "plait-data" is a sequence of LEB128 numbers, which data.js reads.
 */
#include <stdlib.h>
#include <string.h>

#include "output/render/export/export.h"
#include "output/render/export/gzip.h"
#include "output/render/html/base64.h"
#include "output/render/html/cells.h"
#include "output/render/html/source_lines.h"
#include "output/render/json_document.h"
#include "output/render/renderers.h"
#include "output/render/text_header.h"
#include "page.inc"

enum { CELLS_MAX = 600000 }; /* some 2 bytes each in the file */

static void put_number(FILE *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		putc_unlocked((int)(value & 0x7f) | 0x80, out);
	putc_unlocked((int)value, out);
}

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
	struct plait_error *error = plait_source_lines_put(&json, profile, options);
	plait_json_close(&json, '}');
	return error;
}

static void put_tree(const struct plait_calltree *tree, FILE *out)
{
	put_number(out, tree->nodes.count);
	for (size_t i = 1; i < tree->nodes.count; i++) {
		put_number(out, i - tree->nodes.data[i].parent);
		put_number(out, tree->nodes.data[i].label);
	}
}

/* The number of cells from `first` on that have the same lane and, with `node`, the same node. */
static size_t run_of(const struct plait_cells *cells, size_t first, bool node)
{
	size_t end = first;
	while (end < cells->all.count && cells->all.data[end].lane == cells->all.data[first].lane &&
	       (!node || cells->all.data[end].node == cells->all.data[first].node))
		end++;
	return end - first;
}

/* The cells of one node on one lane, the ones after the other. */
static void put_node(const struct plait_cell *cells, size_t count, uint64_t period, FILE *out)
{
	uint32_t bucket = 0;
	put_number(out, count);
	for (size_t i = 0; i < count; i++) {
		uint64_t usual;
		bool odd = __builtin_mul_overflow(period, (uint64_t)cells[i].samples, &usual) ||
			   usual != cells[i].weight || period >= 1ULL << 53;
		put_number(out, cells[i].bucket - bucket);
		put_number(out, (uint64_t)cells[i].samples << 1 | odd);
		if (odd)
			put_number(out, cells[i].weight);
		bucket = cells[i].bucket;
	}
}

static void put_cells(const struct plait_timeline *timeline, const struct plait_cells *cells, FILE *out)
{
	put_number(out, cells->buckets);
	put_number(out, cells->bucket_ns);
	put_number(out, cells->all.count);
	size_t at = 0;
	for (uint32_t lane = 0; lane < timeline->lanes.count; lane++) {
		size_t end = at, nodes = 0;
		while (end < cells->all.count && cells->all.data[end].lane == lane) {
			end += run_of(cells, end, true);
			nodes++;
		}
		put_number(out, nodes);
		uint64_t period = timeline->profile->events.data[timeline->lanes.data[lane].event].record.period;
		for (uint32_t before = 0; at < end;) {
			const struct plait_cell *first = &cells->all.data[at];
			size_t count = run_of(cells, at, true);
			put_number(out, first->node - before);
			put_node(first, count, period, out);
			before = first->node;
			at += count;
		}
	}
}

static struct plait_error *put_data(const struct plait_timeline *timeline, FILE *out)
{
	struct plait_cells cells;
	PLAIT_TRY(plait_cells_create(timeline, CELLS_MAX, &cells));
	put_tree(timeline->tree, out);
	put_cells(timeline, &cells, out);
	plait_cells_release(&cells);
	return NULL;
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
								    : put_data(timeline, packed);
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
