/*
 * The Trace Event Format (JSON) of chrome://tracing and Perfetto: frames as slices on the time line of each thread,
 * from the first sample that has them to the first that has them no more. Occurrences are instant events.
 */
#include <stdlib.h>

#include "common/cleanup.h"
#include "output/render/export/export.h"
#include "output/render/renderers.h"

enum { SILENCE_MIN = 10000000, SILENCE_PERIODS = 4 }; /* ns; nominal periods: after that the thread did not run */

struct track {
	uint32_t node; /* open on it */
	uint64_t time; /* of its last sample */
};

struct writer {
	const struct plait_timeline *timeline;
	struct plait_json json;
	struct plait_steps steps;
	struct track *tracks; /* by lane */
	uint32_t event;	      /* that slices are of */
	uint32_t *twins;      /* by process: how many before it had its pid */
};

enum { PID_LIMIT = 1 << 22 }; /* of the kernel: greater numbers are nobody's */

static void put_time(struct plait_json *json, uint64_t ns)
{
	fprintf(json->out, ",\"ts\":%llu.%03u", (unsigned long long)(ns / 1000), (unsigned int)(ns % 1000));
}

/* A viewer knows threads by their numbers alone: those of a process whose pid another one had are made different. */
static void put_ids(struct writer *writer, uint32_t thread)
{
	const struct plait_profile *profile = writer->timeline->profile;
	const struct plait_record_thread *record = &profile->threads.data[thread].record;
	uint64_t more = (uint64_t)writer->twins[record->process] * PID_LIMIT;
	plait_json_number(&writer->json, "pid", profile->processes.data[record->process].record.pid + more);
	plait_json_number(&writer->json, "tid", record->tid + more);
}

/* Opens one event of the trace; the caller closes it. */
static void begin(struct writer *writer, const char *phase, uint32_t thread)
{
	fputc('\n', writer->json.out);
	plait_json_open(&writer->json, NULL, '{');
	plait_json_string(&writer->json, "ph", phase);
	put_ids(writer, thread);
}

static void put_names(struct writer *writer)
{
	const struct plait_profile *profile = writer->timeline->profile;
	for (size_t i = 0; i < writer->timeline->lanes.count; i++) {
		uint32_t thread = writer->timeline->lanes.data[i].thread;
		if (i && writer->timeline->lanes.data[i - 1].thread == thread)
			continue; /* a thread's lanes are neighbours */
		const struct plait_record_thread *record = &profile->threads.data[thread].record;
		const char *const names[] = { profile->processes.data[record->process].record.name, record->name };
		for (int j = 0; j < 2; j++) {
			begin(writer, "M", thread);
			plait_json_string(&writer->json, "name", j ? "thread_name" : "process_name");
			plait_json_open(&writer->json, "args", '{');
			plait_json_string(&writer->json, "name", names[j]);
			plait_json_close(&writer->json, '}');
			plait_json_close(&writer->json, '}');
		}
	}
}

static void put_slice(struct writer *writer, const struct plait_lane *lane, uint32_t node, bool enter, uint64_t time)
{
	const struct plait_label *label = plait_calltree_label(writer->timeline->tree, node);
	static const char *const categories[] = { "python", "native", "kernel", "marker", "process", "thread" };
	begin(writer, enter ? "B" : "E", lane->thread);
	put_time(&writer->json, time);
	if (enter) {
		plait_json_string(&writer->json, "name", plait_export_name(writer->timeline->profile, label));
		plait_json_string(&writer->json, "cat", categories[label->kind]);
		if (label->kind == PLAIT_LABEL_PYTHON) {
			plait_json_open(&writer->json, "args", '{');
			plait_json_string(&writer->json, "file", label->file);
			plait_json_signed(&writer->json, "line", label->line);
			plait_json_close(&writer->json, '}');
		}
	}
	plait_json_close(&writer->json, '}');
}

static struct plait_error *move_to(struct writer *writer, uint32_t index, uint32_t node, uint64_t time)
{
	const struct plait_lane *lane = &writer->timeline->lanes.data[index];
	struct track *track = &writer->tracks[index];
	if (!plait_steps_between(writer->timeline->tree, track->node, node, &writer->steps))
		return plait_error_no_memory();
	for (size_t i = 0; i < writer->steps.leave.count; i++)
		put_slice(writer, lane, writer->steps.leave.data[i], false, time);
	for (size_t i = 0; i < writer->steps.enter.count; i++)
		put_slice(writer, lane, writer->steps.enter.data[i], true, time);
	track->node = node;
	return NULL;
}

static void put_occurrence(struct writer *writer, const struct plait_lane *lane,
			   const struct plait_timed_sample *sample)
{
	const struct plait_calltree *tree = writer->timeline->tree;
	begin(writer, "i", lane->thread);
	put_time(&writer->json, sample->time);
	plait_json_string(&writer->json, "s", "t");
	plait_json_string(&writer->json, "name", writer->timeline->profile->events.data[lane->event].record.name);
	plait_json_open(&writer->json, "args", '{');
	plait_json_open(&writer->json, "stack", '[');
	for (uint32_t node = sample->node; node; node = tree->nodes.data[node].parent)
		plait_json_string(&writer->json, NULL, plait_calltree_label(tree, node)->text);
	plait_json_close(&writer->json, ']');
	plait_json_close(&writer->json, '}');
	plait_json_close(&writer->json, '}');
}

/* For how long a sample stands at most, ns. */
static uint64_t span_of(const struct plait_record_event *event)
{
	uint64_t period = event->frequency ? 1000000000 / event->frequency : event->unit_ns ? event->period : 0;
	uint64_t span = period < UINT64_MAX / SILENCE_PERIODS ? period * SILENCE_PERIODS : period;
	return span > SILENCE_MIN ? span : SILENCE_MIN;
}

static struct plait_error *take(void *context, const struct plait_timed_sample *sample)
{
	struct writer *writer = context;
	const struct plait_lane *lane = &writer->timeline->lanes.data[sample->lane];
	const struct plait_profile_event *event = &writer->timeline->profile->events.data[lane->event];
	struct track *track = &writer->tracks[sample->lane];
	if (plait_event_is_occurrence(event)) {
		put_occurrence(writer, lane, sample);
		return NULL;
	}
	if (lane->event != writer->event)
		return NULL;
	uint64_t span = span_of(&event->record);
	uint64_t time = sample->time > track->time ? sample->time : track->time;
	if (track->node && time - track->time > span)
		PLAIT_TRY(move_to(writer, sample->lane, 0, track->time + span / SILENCE_PERIODS));
	track->time = time;
	return move_to(writer, sample->lane, sample->node, time);
}

static struct plait_error *put_all(const struct plait_timeline *timeline, FILE *out)
{
	struct track *tracks PLAIT_FREE = calloc(timeline->lanes.count + 1, sizeof(*tracks));
	uint32_t *twins PLAIT_FREE = plait_export_twins(timeline->profile);
	if (!tracks || !twins)
		return plait_error_no_memory();
	struct writer writer = { .timeline = timeline,
				 .json = { .out = out },
				 .tracks = tracks,
				 .twins = twins,
				 .event = plait_timeline_first_event(timeline) };
	plait_json_open(&writer.json, NULL, '{');
	plait_json_string(&writer.json, "displayTimeUnit", "ms");
	plait_json_open(&writer.json, "otherData", '{');
	plait_json_string(&writer.json, "command", timeline->profile->header.command);
	plait_json_string(&writer.json, "recorder", "plait " PLAIT_VERSION);
	plait_json_close(&writer.json, '}');
	plait_json_open(&writer.json, "traceEvents", '[');
	put_names(&writer);
	struct plait_error *error = plait_timeline_read(timeline, take, &writer);
	for (uint32_t i = 0; !error && i < timeline->lanes.count; i++)
		error = move_to(&writer, i, 0,
				tracks[i].time +
					span_of(&timeline->profile->events.data[timeline->lanes.data[i].event].record) /
						SILENCE_PERIODS);
	plait_json_close(&writer.json, ']');
	plait_json_close(&writer.json, '}');
	fputc('\n', out);
	plait_steps_release(&writer.steps);
	return error;
}

struct plait_error *plait_render_chrome(const struct plait_profile *profile, const struct plait_view_options *view,
					const struct plait_render_options *options, FILE *out)
{
	return plait_export_timeline(profile, view, options->feed, out, put_all);
}
