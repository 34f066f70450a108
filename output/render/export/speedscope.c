/*
 * speedscope's file format (https://www.speedscope.app/file-format-schema.json): one evented profile for each event and
 * thread. Its axis is the event's own quantity (CPU time, misses), not the time of day, so that widths are costs; what
 * does not change from one sample to the next costs nothing in the file.
 */
#include <stdlib.h>

#include "output/render/export/export.h"
#include "output/render/renderers.h"

struct writer {
	const struct plait_timeline *timeline;
	struct plait_json json;
	struct plait_steps steps;
	uint32_t lane; /* that is open; PLAIT_NONE: none yet */
	uint32_t node; /* of the sample before */
	uint64_t at;   /* cost so far in this lane */
};

static void put_frames(struct plait_json *json, const struct plait_profile *profile)
{
	plait_json_open(json, "shared", '{');
	plait_json_open(json, "frames", '[');
	for (size_t i = 0; i < profile->labels.all.count; i++) {
		const struct plait_label *label = &profile->labels.all.data[i];
		fputc('\n', json->out);
		plait_json_open(json, NULL, '{');
		plait_json_string(json, "name", plait_export_name(profile, label));
		if (*label->file)
			plait_json_string(json, "file", label->file);
		if (label->line > 0)
			plait_json_signed(json, "line", label->line);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
	plait_json_close(json, '}');
}

static void put_step(struct writer *writer, const char *type, uint32_t node)
{
	struct plait_json *json = &writer->json;
	plait_json_open(json, NULL, '{');
	plait_json_string(json, "type", type);
	plait_json_number(json, "frame", writer->timeline->tree->nodes.data[node].label);
	plait_json_number(json, "at", writer->at);
	plait_json_close(json, '}');
}

static struct plait_error *move_to(struct writer *writer, uint32_t node)
{
	if (!plait_steps_between(writer->timeline->tree, writer->node, node, &writer->steps))
		return plait_error_no_memory();
	for (size_t i = 0; i < writer->steps.leave.count; i++)
		put_step(writer, "C", writer->steps.leave.data[i]);
	for (size_t i = 0; i < writer->steps.enter.count; i++)
		put_step(writer, "O", writer->steps.enter.data[i]);
	writer->node = node;
	return NULL;
}

static struct plait_error *end_lane(struct writer *writer)
{
	if (writer->lane == PLAIT_NONE)
		return NULL;
	PLAIT_TRY(move_to(writer, 0));
	plait_json_close(&writer->json, ']');
	plait_json_number(&writer->json, "startValue", 0);
	plait_json_number(&writer->json, "endValue", writer->at);
	plait_json_close(&writer->json, '}');
	return NULL;
}

static void begin_lane(struct writer *writer, uint32_t index)
{
	const struct plait_timeline *timeline = writer->timeline;
	const struct plait_lane *lane = &timeline->lanes.data[index];
	char name[256];
	plait_export_lane_name(timeline, lane, name, sizeof(name));
	fputc('\n', writer->json.out);
	plait_json_open(&writer->json, NULL, '{');
	plait_json_string(&writer->json, "type", "evented");
	plait_json_string(&writer->json, "name", name);
	plait_json_string(&writer->json, "unit",
			  timeline->profile->events.data[lane->event].record.unit_ns ? "nanoseconds" : "none");
	plait_json_open(&writer->json, "events", '[');
	writer->lane = index;
	writer->at = 0;
}

static struct plait_error *take(void *context, const struct plait_timed_sample *sample)
{
	struct writer *writer = context;
	if (sample->lane != writer->lane) {
		PLAIT_TRY(end_lane(writer));
		begin_lane(writer, sample->lane);
	}
	PLAIT_TRY(move_to(writer, sample->node));
	writer->at = plait_saturating_add(writer->at, sample->weight);
	return NULL;
}

static struct plait_error *put_all(const struct plait_timeline *timeline, FILE *out)
{
	struct writer writer = { .timeline = timeline, .json = { .out = out }, .lane = PLAIT_NONE };
	struct plait_json *json = &writer.json;
	plait_json_open(json, NULL, '{');
	plait_json_string(json, "$schema", "https://www.speedscope.app/file-format-schema.json");
	plait_json_string(json, "exporter", "plait " PLAIT_VERSION);
	plait_json_string(json, "name", timeline->profile->header.command);
	plait_json_number(json, "activeProfileIndex", 0);
	put_frames(json, timeline->profile);
	plait_json_open(json, "profiles", '[');
	struct plait_error *error = plait_timeline_read_lanes(timeline, take, &writer);
	if (!error)
		error = end_lane(&writer);
	plait_json_close(json, ']');
	plait_json_close(json, '}');
	fputc('\n', out);
	plait_steps_release(&writer.steps);
	return error;
}

struct plait_error *plait_render_speedscope(const struct plait_profile *profile, const struct plait_view_options *view,
					    const struct plait_render_options *options, FILE *out)
{
	return plait_export_timeline(profile, view, options->feed, out, put_all);
}
