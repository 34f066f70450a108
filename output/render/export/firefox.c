/*
 * The processed profile format of the Firefox Profiler, version 70 (docs-developer/CHANGELOG-formats.md and
 * src/types/profile.ts of github.com/firefox-devtools/profiler, August 2026): samples of the shown event by thread, and
 * occurrences of the others as markers with their stacks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "output/render/export/export.h"
#include "output/render/renderers.h"

enum { FORMAT_VERSION = 70, GECKO_VERSION = 36 };

/* Categories, in the order in which they are written. */
enum { OTHER, PYTHON, NATIVE, LIBC, KERNEL, CATEGORIES };

static const struct {
	const char *name, *color;
} categories[CATEGORIES] = {
	[OTHER] = { "Other", "grey" },	   [PYTHON] = { "Python", "yellow" }, [NATIVE] = { "Native", "blue" },
	[LIBC] = { "C library", "green" }, [KERNEL] = { "Kernel", "orange" },
};

/* The columns of a thread's samples and markers, each a temporary file while the samples are read. */
enum { STACK, TIME, WEIGHT, CPU, MARKER_DATA, MARKER_TIME, MARKER_NAME, COLUMNS };

struct writer {
	const struct plait_timeline *timeline;
	struct plait_json json;
	struct plait_strtab *strings;
	uint32_t event; /* whose samples are samples */
	FILE *columns[COLUMNS];
	uint64_t samples, markers; /* in the columns */
	uint32_t thread;	   /* that they are of; PLAIT_NONE: none yet */
	uint32_t *twins;	   /* by process: how many before it had its pid */
	bool failed;
};

static uint64_t string(struct writer *writer, const char *text)
{
	uint32_t id = plait_strtab_add(writer->strings, text, strlen(text), NULL);
	writer->failed = writer->failed || id == UINT32_MAX;
	return id;
}

static int category_of(const struct plait_label *label)
{
	if (label->kind == PLAIT_LABEL_PYTHON)
		return PYTHON;
	if (label->kind == PLAIT_LABEL_KERNEL)
		return KERNEL;
	if (label->kind != PLAIT_LABEL_NATIVE)
		return OTHER;
	return plait_export_is_libc(label) ? LIBC : NATIVE;
}

/* `count` times the same word: a column that says nothing. */
static void put_same(struct plait_json *json, const char *key, const char *word, size_t count)
{
	plait_json_open(json, key, '[');
	for (size_t i = 0; i < count; i++)
		fprintf(json->out, i ? ",%s" : "%s", word);
	plait_json_close(json, ']');
}

static void put_meta(struct writer *writer)
{
	struct plait_json *json = &writer->json;
	const struct plait_profile *profile = writer->timeline->profile;
	const struct plait_record_header *header = &profile->header;
	uint64_t frequency = writer->event == PLAIT_NONE ? 0 : profile->events.data[writer->event].record.frequency;
	plait_json_open(json, "meta", '{');
	plait_json_double(json, "interval", frequency ? 1000.0 / (double)frequency : 1);
	plait_json_number(json, "startTime", header->started_unix_ns / 1000000);
	plait_json_number(json, "profilingStartTime", 0);
	plait_json_double(json, "profilingEndTime", (double)profile->duration / 1e6);
	plait_json_number(json, "processType", 0);
	plait_json_number(json, "stackwalk", 1);
	plait_json_string(json, "product", header->command);
	plait_json_string(json, "importedFrom", "plait");
	plait_json_string(json, "oscpu", header->kernel);
	plait_json_string(json, "abi", header->architecture);
	plait_json_number(json, "logicalCPUs", header->cpu_count);
	plait_json_number(json, "version", GECKO_VERSION);
	plait_json_number(json, "preprocessedProfileVersion", FORMAT_VERSION);
	plait_json_bool(json, "symbolicated", true);
	plait_json_bool(json, "symbolicationNotSupported", true);
	plait_json_bool(json, "usesOnlyOneStackType", true);
	plait_json_bool(json, "sourceCodeIsNotOnSearchfox", true);
	plait_json_open(json, "sampleUnits", '{');
	plait_json_string(json, "time", "ms");
	plait_json_string(json, "eventDelay", "ms");
	plait_json_string(json, "threadCPUDelta", "ns");
	plait_json_close(json, '}');
	plait_json_open(json, "categories", '[');
	for (int i = 0; i < CATEGORIES; i++) {
		plait_json_open(json, NULL, '{');
		plait_json_string(json, "name", categories[i].name);
		plait_json_string(json, "color", categories[i].color);
		plait_json_open(json, "subcategories", '[');
		plait_json_string(json, NULL, "Other");
		plait_json_close(json, ']');
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
	fputs(",\"markerSchema\":[{\"name\":\"occurrence\",\"tooltipLabel\":\"{marker.name}\",\"tableLabel\":"
	      "\"{marker.name}\",\"chartLabel\":\"{marker.name}\",\"display\":[\"marker-chart\",\"marker-table\","
	      "\"timeline-overview\"],\"fields\":[{\"key\":\"count\",\"label\":\"Count\",\"format\":\"integer\"}]}]",
	      json->out);
	plait_json_close(json, '}');
}

/* The build-id as it is, and as symbol servers ask for it: a GUID of its first 16 bytes, little-endian, and age 0. */
static void put_ids(struct plait_json *json, const struct plait_build_id *id)
{
	static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	char code[2 * sizeof(id->bytes) + 1] = "", breakpad[2 * sizeof(order) + 2] = "";
	for (size_t i = 0; i < id->size; i++)
		snprintf(code + 2 * i, 3, "%02x", id->bytes[i]);
	for (size_t i = 0; i < sizeof(order) && id->size; i++)
		snprintf(breakpad + 2 * i, 3, "%02X", order[i] < id->size ? id->bytes[order[i]] : 0);
	if (id->size)
		strcat(breakpad, "0");
	plait_json_string(json, "breakpadId", breakpad);
	if (id->size)
		plait_json_string(json, "codeId", code);
	else
		plait_json_null(json, "codeId");
}

static void put_libs(struct writer *writer)
{
	struct plait_json *json = &writer->json;
	const struct plait_profile *profile = writer->timeline->profile;
	plait_json_open(json, "libs", '[');
	for (size_t i = 0; i < profile->modules.count; i++) {
		const struct plait_record_module *module = &profile->modules.data[i];
		const char *slash = strrchr(module->path, '/');
		const char *base = slash ? slash + 1 : module->path;
		plait_json_open(json, NULL, '{');
		plait_json_string(json, "arch", profile->header.architecture);
		plait_json_string(json, "name", base);
		plait_json_string(json, "path", module->path);
		plait_json_string(json, "debugName", base);
		plait_json_string(json, "debugPath", module->path);
		put_ids(json, &module->build_id);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
}

/* What a column over all labels holds. */
enum column { CATEGORY, FUNC, LINE, NAME, SOURCE, SOURCE_NAME };

static int64_t cell(struct writer *writer, enum column column, uint32_t index)
{
	const struct plait_profile *profile = writer->timeline->profile;
	const struct plait_label *label = &profile->labels.all.data[index];
	bool symbol = label->kind == PLAIT_LABEL_NATIVE && !label->unresolved;
	switch (column) {
	case CATEGORY:
		return category_of(label);
	case FUNC:
		return label->function;
	case LINE:
		return label->line > 0 ? label->line : -1;
	case NAME:
		return (int64_t)string(writer, symbol ? label->name : plait_export_name(profile, label));
	case SOURCE:
		return *label->file ? (int64_t)index : -1;
	case SOURCE_NAME:
		break;
	}
	return (int64_t)string(writer, label->file);
}

/* -1 is written as `none`. */
static void put_column(struct writer *writer, const char *key, enum column column, const char *none)
{
	struct plait_json *json = &writer->json;
	const struct plait_profile *profile = writer->timeline->profile;
	plait_json_open(json, key, '[');
	for (uint32_t i = 0; i < profile->labels.all.count; i++) {
		int64_t value = cell(writer, column, i);
		fputs(i ? "," : "", json->out);
		if (value < 0)
			fputs(none, json->out);
		else
			fprintf(json->out, "%lld", (long long)value);
	}
	plait_json_close(json, ']');
}

/* By label: index of the library of a native frame that has it; -1: none. */
static void put_frame_libs(struct writer *writer)
{
	const struct plait_profile *profile = writer->timeline->profile;
	int64_t *libs PLAIT_FREE = malloc((profile->labels.all.count + 1) * sizeof(*libs));
	if (!libs) {
		writer->failed = true;
		return;
	}
	for (size_t i = 0; i < profile->labels.all.count; i++)
		libs[i] = -1;
	for (size_t i = 0; i < profile->frames.count; i++) {
		const struct plait_profile_frame *frame = &profile->frames.data[i];
		if (frame->record.kind != PLAIT_FRAME_NATIVE || frame->record.module == PLAIT_NONE)
			continue;
		for (uint32_t j = 0; j < frame->label_count; j++) {
			uint32_t label = profile->frame_labels.data[frame->labels + j];
			libs[label] = libs[profile->labels.all.data[label].function] = frame->record.module;
		}
	}
	plait_json_open(&writer->json, "lib", '[');
	for (size_t i = 0; i < profile->labels.all.count; i++)
		fprintf(writer->json.out, i ? ",%lld" : "%lld", (long long)libs[i]);
	plait_json_close(&writer->json, ']');
}

static void put_stacks(struct writer *writer)
{
	struct plait_json *json = &writer->json;
	const struct plait_calltree *tree = writer->timeline->tree;
	plait_json_open(json, "stackTable", '{');
	plait_json_open(json, "frame", '[');
	for (size_t i = 1; i < tree->nodes.count; i++)
		fprintf(json->out, i > 1 ? ",%u" : "%u", tree->nodes.data[i].label);
	plait_json_close(json, ']');
	plait_json_open(json, "prefixOffset", '[');
	for (size_t i = 1; i < tree->nodes.count; i++) {
		uint32_t parent = tree->nodes.data[i].parent;
		fprintf(json->out, i > 1 ? ",%u" : "%u", parent ? (uint32_t)i - parent : 0);
	}
	plait_json_close(json, ']');
	plait_json_number(json, "length", tree->nodes.count - 1);
	plait_json_close(json, '}');
}

/* Frames and functions are labels, whose numbers they share. */
static void put_shared(struct writer *writer)
{
	struct plait_json *json = &writer->json;
	size_t labels = writer->timeline->profile->labels.all.count;
	plait_json_open(json, "shared", '{');
	put_stacks(writer);
	plait_json_open(json, "frameTable", '{');
	put_same(json, "address", "-1", labels);
	put_frame_libs(writer);
	put_same(json, "inlineDepth", "0", labels);
	put_column(writer, "category", CATEGORY, "null");
	put_same(json, "subcategory", "0", labels);
	put_column(writer, "func", FUNC, "0");
	put_same(json, "nativeSymbol", "null", labels);
	put_same(json, "innerWindowID", "null", labels);
	put_column(writer, "line", LINE, "null");
	put_same(json, "column", "null", labels);
	put_same(json, "originalLocation", "null", labels);
	plait_json_number(json, "length", labels);
	plait_json_close(json, '}');
	plait_json_open(json, "funcTable", '{');
	put_column(writer, "name", NAME, "0");
	put_same(json, "isJS", "false", labels);
	put_same(json, "relevantForJS", "false", labels);
	put_same(json, "resource", "-1", labels);
	put_column(writer, "source", SOURCE, "null");
	put_column(writer, "lineNumber", LINE, "null");
	put_same(json, "columnNumber", "null", labels);
	put_same(json, "originalLocation", "null", labels);
	plait_json_number(json, "length", labels);
	plait_json_close(json, '}');
	fputs(",\"resourceTable\":{\"length\":0,\"name\":[],\"host\":[],\"type\":[]},\"nativeSymbols\":{\"length\":0,"
	      "\"libIndex\":[],\"address\":[],\"name\":[],\"functionSize\":[]},\"sourceLocationTable\":{\"length\":0,"
	      "\"source\":[],\"line\":[],\"column\":[]}",
	      json->out);
	plait_json_open(json, "sources", '{');
	put_same(json, "id", "null", labels);
	put_column(writer, "filename", SOURCE_NAME, "0");
	put_same(json, "startLine", "1", labels);
	put_same(json, "startColumn", "1", labels);
	put_same(json, "sourceMapURL", "null", labels);
	put_same(json, "content", "null", labels);
	plait_json_number(json, "length", labels);
	plait_json_close(json, '}');
}

static void put_thread_head(struct writer *writer, uint32_t index)
{
	struct plait_json *json = &writer->json;
	const struct plait_profile *profile = writer->timeline->profile;
	const struct plait_record_thread *thread = &profile->threads.data[index].record;
	const struct plait_record_process *process = &profile->processes.data[thread->process].record;
	char number[32];
	fputc('\n', json->out);
	plait_json_open(json, NULL, '{');
	plait_json_string(json, "processType", "default");
	plait_json_string(json, "processName", process->name);
	plait_json_double(json, "processStartupTime", 0);
	plait_json_null(json, "processShutdownTime");
	plait_json_double(json, "registerTime", 0);
	plait_json_null(json, "unregisterTime");
	plait_json_open(json, "pausedRanges", '[');
	plait_json_close(json, ']');
	plait_json_bool(json, "showMarkersInTimeline", true);
	plait_json_string(json, "name", thread->name);
	plait_json_bool(json, "isMainThread", thread->tid == process->pid);
	uint32_t twins = writer->twins[thread->process];
	snprintf(number, sizeof(number), twins ? "%u.%u" : "%u", process->pid, twins);
	plait_json_string(json, "pid", number);
	plait_json_number(json, "tid", thread->tid);
}

/* Empties the columns into text files of their own. False: no memory. */
static bool reset_columns(struct writer *writer)
{
	for (int i = 0; i < COLUMNS; i++) {
		if (writer->columns[i])
			fclose(writer->columns[i]);
		writer->columns[i] = tmpfile();
		if (!writer->columns[i])
			return false;
	}
	writer->samples = writer->markers = 0;
	return true;
}

/* Writes a column that was kept. */
static void put_kept(struct writer *writer, const char *key, int column)
{
	char bytes[1 << 14];
	plait_json_open(&writer->json, key, '[');
	rewind(writer->columns[column]);
	for (size_t size; (size = fread(bytes, 1, sizeof(bytes), writer->columns[column])) > 0;)
		fwrite(bytes, 1, size, writer->json.out);
	writer->failed = writer->failed || ferror(writer->columns[column]);
	plait_json_close(&writer->json, ']');
}

static void put_samples(struct writer *writer)
{
	struct plait_json *json = &writer->json;
	plait_json_open(json, "samples", '{');
	put_kept(writer, "stack", STACK);
	put_kept(writer, "time", TIME);
	put_kept(writer, "weight", WEIGHT);
	bool unit_ns = writer->timeline->profile->events.data[writer->event].record.unit_ns;
	if (unit_ns)
		put_kept(writer, "threadCPUDelta", CPU);
	plait_json_string(json, "weightType", unit_ns ? "tracing-ms" : "samples");
	plait_json_number(json, "length", writer->samples);
	plait_json_close(json, '}');
}

static void put_markers(struct writer *writer)
{
	struct plait_json *json = &writer->json;
	plait_json_open(json, "markers", '{');
	put_kept(writer, "data", MARKER_DATA);
	put_kept(writer, "name", MARKER_NAME);
	put_kept(writer, "startTime", MARKER_TIME);
	put_same(json, "endTime", "null", writer->markers);
	put_same(json, "phase", "0", writer->markers); /* instant */
	put_same(json, "category", "0", writer->markers);
	plait_json_number(json, "length", writer->markers);
	plait_json_close(json, '}');
}

static void end_thread(struct writer *writer)
{
	if (writer->thread == PLAIT_NONE)
		return;
	put_thread_head(writer, writer->thread);
	put_samples(writer);
	put_markers(writer);
	plait_json_close(&writer->json, '}');
}

static void put_sample(struct writer *writer, const struct plait_timed_sample *sample, bool unit_ns)
{
	const char *comma = writer->samples++ ? "," : "";
	fprintf(writer->columns[STACK], "%s%u", comma, sample->node - 1);
	fprintf(writer->columns[TIME], "%s%.6f", comma, (double)sample->time / 1e6);
	if (unit_ns)
		fprintf(writer->columns[WEIGHT], "%s%.6f", comma, (double)sample->weight / 1e6);
	fprintf(writer->columns[unit_ns ? CPU : WEIGHT], "%s%llu", comma, (unsigned long long)sample->weight);
}

static void put_marker(struct writer *writer, const struct plait_timed_sample *sample, const char *event)
{
	const char *comma = writer->markers++ ? "," : "";
	double time = (double)sample->time / 1e6;
	fprintf(writer->columns[MARKER_DATA],
		"%s{\"type\":\"occurrence\",\"count\":%llu,\"cause\":{\"time\":%.6f,\"stack\":%u}}", comma,
		(unsigned long long)sample->weight, time, sample->node - 1);
	fprintf(writer->columns[MARKER_TIME], "%s%.6f", comma, time);
	fprintf(writer->columns[MARKER_NAME], "%s%llu", comma, (unsigned long long)string(writer, event));
}

static struct plait_error *take(void *context, const struct plait_timed_sample *sample)
{
	struct writer *writer = context;
	const struct plait_lane *lane = &writer->timeline->lanes.data[sample->lane];
	const struct plait_profile_event *event = &writer->timeline->profile->events.data[lane->event];
	bool marker = lane->event != writer->event;
	if (marker && !plait_event_is_occurrence(event))
		return NULL; /* a thread's samples are of one event */
	if (lane->thread != writer->thread) {
		end_thread(writer);
		writer->thread = lane->thread;
		if (!reset_columns(writer))
			return plait_error_system(errno, "cannot make a temporary file");
	}
	if (marker)
		put_marker(writer, sample, event->record.name);
	else
		put_sample(writer, sample, event->record.unit_ns);
	return NULL;
}

static void put_strings(struct writer *writer)
{
	plait_json_open(&writer->json, "stringArray", '[');
	for (uint32_t i = 0; i < plait_strtab_count(writer->strings); i++)
		plait_json_string(&writer->json, NULL, plait_strtab_get(writer->strings, i));
	plait_json_close(&writer->json, ']');
}

static struct plait_error *put_all(const struct plait_timeline *timeline, FILE *out)
{
	struct writer writer = {
		.timeline = timeline, .json = { .out = out }, .strings = plait_strtab_create(), .thread = PLAIT_NONE
	};
	uint32_t *twins PLAIT_FREE = plait_export_twins(timeline->profile);
	if (!writer.strings || !twins) {
		plait_strtab_destroy(writer.strings);
		return plait_error_no_memory();
	}
	writer.twins = twins;
	writer.event = plait_timeline_first_event(timeline);
	struct plait_json *json = &writer.json;
	plait_json_open(json, NULL, '{');
	put_meta(&writer);
	put_libs(&writer);
	plait_json_open(json, "threads", '[');
	struct plait_error *error = plait_timeline_read_lanes(timeline, take, &writer);
	if (!error)
		end_thread(&writer);
	plait_json_close(json, ']');
	put_shared(&writer);
	put_strings(&writer); /* last: what comes before adds to them */
	plait_json_close(json, '}');
	plait_json_close(json, '}');
	fputc('\n', out);
	for (int i = 0; i < COLUMNS; i++)
		if (writer.columns[i])
			fclose(writer.columns[i]);
	plait_strtab_destroy(writer.strings);
	return error ? error : writer.failed ? plait_error_no_memory() : NULL;
}

struct plait_error *plait_render_firefox(const struct plait_profile *profile, const struct plait_view_options *view,
					 const struct plait_render_options *options, FILE *out)
{
	return plait_export_timeline(profile, view, options->feed, out, put_all);
}
