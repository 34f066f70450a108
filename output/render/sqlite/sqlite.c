/*
 * The recording as tables of a SQLite database: schema.sql, docs/sqlite.md. Stacks are numbered from 1 in depth-first
 * order, so that what a stack calls is a range of numbers.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/frame.h"
#include "output/render/export/export.h"
#include "output/render/json_document.h"
#include "output/render/renderers.h"
#include "output/render/sqlite/database.h"
#include "output/render/text_header.h"
#include "sqlite_schema.inc"

enum { QUALITIES = 1 << 7, NO_STACK = 1 << 6 /* in place of PLAIT_QUALITY_NO_STACK, far away */ };

struct writer {
	const struct plait_timeline *timeline;
	const struct plait_profile *profile;
	struct plait_database *database;
	uint32_t *number;	 /* by node of the tree: its id in stacks */
	uint64_t samples;	 /* written so far */
	bool quality[QUALITIES]; /* that some sample has */
};

static struct plait_error *put_recording(struct writer *writer)
{
	const struct plait_record_header *header = &writer->profile->header;
	const struct plait_trust *trust = &writer->profile->trust;
	char started[48] = "";
	plait_started_text(header->started_unix_ns, started, sizeof(started));
	PLAIT_TRY(plait_database_insert(
		writer->database, "recording",
		"ttttuttt"
		"uduu"
		"uuuuuuuuuu",
		header->command, header->host, header->kernel, header->architecture, (uint64_t)header->cpu_count,
		header->engine, header->plait_version, started, header->started_unix_ns,
		(double)writer->profile->duration / 1e9, (uint64_t)writer->profile->cut, writer->profile->throttled,
		trust->samples, trust->complete, trust->gap, trust->truncated, trust->unmerged, trust->unresolved,
		trust->derived, trust->checked, trust->no_stack, trust->lost));
	for (size_t i = 0; i < writer->profile->notes.count; i++)
		PLAIT_TRY(plait_database_insert(writer->database, "notes", "t", writer->profile->notes.data[i]));
	return NULL;
}

static struct plait_error *put_events(struct writer *writer)
{
	for (size_t i = 0; i < writer->profile->events.count; i++) {
		const struct plait_profile_event *event = &writer->profile->events.data[i];
		PLAIT_TRY(plait_database_insert(
			writer->database, "events", "uttuuunuuut", (uint64_t)i, event->record.name,
			event->record.unit_ns ? "ns" : "count", event->record.frequency, event->record.period,
			(uint64_t)event->traits.counting, event->traits.leader, event->count.value,
			event->count.enabled, event->count.running, event->record.note));
	}
	return NULL;
}

static struct plait_error *put_threads(struct writer *writer)
{
	for (size_t i = 0; i < writer->profile->processes.count; i++) {
		const struct plait_record_process *process = &writer->profile->processes.data[i].record;
		PLAIT_TRY(plait_database_insert(writer->database, "processes", "uunttt", (uint64_t)i,
						(uint64_t)process->pid, process->parent, process->name,
						process->command, process->python));
	}
	for (size_t i = 0; i < writer->profile->threads.count; i++) {
		const struct plait_record_thread *thread = &writer->profile->threads.data[i].record;
		PLAIT_TRY(plait_database_insert(writer->database, "threads", "unut", (uint64_t)i, thread->process,
						(uint64_t)thread->tid, thread->name));
	}
	return NULL;
}

static struct plait_error *put_modules(struct writer *writer)
{
	for (size_t i = 0; i < writer->profile->modules.count; i++) {
		const struct plait_record_module *module = &writer->profile->modules.data[i];
		char build_id[2 * sizeof(module->build_id.bytes) + 1] = "";
		for (size_t j = 0; j < module->build_id.size; j++)
			snprintf(build_id + 2 * j, 3, "%02x", module->build_id.bytes[j]);
		size_t size;
		const char *base = plait_label_base(module->path, &size);
		char *name PLAIT_FREE = strndup(base, size);
		if (!name)
			return plait_error_no_memory();
		PLAIT_TRY(plait_database_insert(writer->database, "modules", "utttu", (uint64_t)i, name, module->path,
						build_id, module->size));
	}
	return NULL;
}

static struct plait_error *put_function(struct writer *writer, uint32_t id)
{
	static const char *const kinds[] = { "python", "native", "kernel", "marker", "process", "thread" };
	const struct plait_label *label = &writer->profile->labels.all.data[id];
	return plait_database_insert(writer->database, "functions", "utttittuu", (uint64_t)id, kinds[label->kind],
				     label->name, label->file,
				     (int64_t)(label->kind == PLAIT_LABEL_PYTHON ? label->line : 0), label->module,
				     label->package, (uint64_t)label->machinery, (uint64_t)label->unresolved);
}

/* Those that the stacks use. */
static struct plait_error *put_frames(struct writer *writer)
{
	const struct plait_calltree *tree = writer->timeline->tree;
	bool *known PLAIT_FREE = calloc(writer->profile->labels.all.count + 1, 2 * sizeof(*known));
	if (!known)
		return plait_error_no_memory();
	bool *known_function = known + writer->profile->labels.all.count;
	for (size_t i = 1; i < tree->nodes.count; i++) {
		uint32_t id = tree->nodes.data[i].label;
		const struct plait_label *label = &writer->profile->labels.all.data[id];
		if (!known_function[label->function])
			PLAIT_TRY(put_function(writer, label->function));
		if (!known[id])
			PLAIT_TRY(plait_database_insert(writer->database, "frames", "unit", (uint64_t)id,
							label->function, (int64_t)label->line, label->text));
		known_function[label->function] = known[id] = true;
	}
	return NULL;
}

/* A walk over the tree: what it has to remember. */
struct walk {
	uint32_t *last;	     /* by node: the greatest id at or below it */
	uint32_t *python;    /* by node: the id of the nearest Python frame, itself or a caller; PLAIT_NONE: none */
	uint32_t *functions; /* by label: how often its function is open */
	uint32_t *frames;    /* by label: how often it is open */
	uint32_t depth;
};

static void number_stacks(struct writer *writer, struct walk *walk)
{
	uint32_t count = 0, node = 0;
	bool leaving = false;
	while (plait_calltree_walk(writer->timeline->tree, &node, &leaving)) {
		if (!leaving)
			writer->number[node] = ++count;
		else
			walk->last[node] = count;
	}
}

static struct plait_error *enter(struct writer *writer, struct walk *walk, uint32_t node)
{
	const struct plait_calltree_node *at = &writer->timeline->tree->nodes.data[node];
	const struct plait_label *label = &writer->profile->labels.all.data[at->label];
	walk->python[node] = label->kind == PLAIT_LABEL_PYTHON ? writer->number[node] : walk->python[at->parent];
	return plait_database_insert(writer->database, "stacks", "nnnunnuu", writer->number[node],
				     at->parent ? writer->number[at->parent] : PLAIT_NONE, walk->last[node],
				     (uint64_t)++walk->depth, at->label, walk->python[node],
				     (uint64_t)(walk->functions[label->function]++ > 0),
				     (uint64_t)(walk->frames[at->label]++ > 0));
}

static struct plait_error *walk_stacks(struct writer *writer, struct walk *walk)
{
	const struct plait_calltree *tree = writer->timeline->tree;
	uint32_t node = 0;
	bool leaving = false;
	walk->python[0] = PLAIT_NONE;
	while (plait_calltree_walk(tree, &node, &leaving)) {
		if (!node)
			continue;
		if (!leaving) {
			PLAIT_TRY(enter(writer, walk, node));
			continue;
		}
		const struct plait_label *label = plait_calltree_label(tree, node);
		walk->functions[label->function]--;
		walk->frames[tree->nodes.data[node].label]--;
		walk->depth--;
	}
	return NULL;
}

static struct plait_error *put_stacks(struct writer *writer)
{
	size_t nodes = writer->timeline->tree->nodes.count, labels = writer->profile->labels.all.count;
	uint32_t *last PLAIT_FREE = calloc(nodes + 1, sizeof(*last));
	uint32_t *python PLAIT_FREE = calloc(nodes + 1, sizeof(*python));
	uint32_t *functions PLAIT_FREE = calloc(labels + 1, sizeof(*functions));
	uint32_t *frames PLAIT_FREE = calloc(labels + 1, sizeof(*frames));
	if (!last || !python || !functions || !frames)
		return plait_error_no_memory();
	struct walk walk = { .last = last, .python = python, .functions = functions, .frames = frames };
	number_stacks(writer, &walk);
	return walk_stacks(writer, &walk);
}

/* Sums of one event at a node. */
struct cost {
	uint64_t self, self_samples, total, total_samples;
};

static struct plait_error *put_event_costs(struct writer *writer, uint32_t event, struct cost *costs)
{
	const struct plait_calltree *tree = writer->timeline->tree;
	for (size_t i = 0; i < tree->samples.count; i++) {
		const struct plait_profile_sample *sample =
			&writer->profile->samples.data[tree->samples.data[i].sample];
		struct cost *cost = &costs[tree->samples.data[i].node];
		if (sample->event != event)
			continue;
		cost->self = plait_saturating_add(cost->self, sample->weight);
		cost->self_samples += sample->count;
	}
	for (size_t i = tree->nodes.count; i-- > 1;) { /* parents come first */
		struct cost *cost = &costs[i], *parent = &costs[tree->nodes.data[i].parent];
		cost->total = plait_saturating_add(cost->total, cost->self);
		cost->total_samples += cost->self_samples;
		parent->total = plait_saturating_add(parent->total, cost->total);
		parent->total_samples += cost->total_samples;
	}
	uint32_t node = 0;
	bool leaving = false;
	while (plait_calltree_walk(tree, &node, &leaving)) { /* in the order of the ids */
		const struct cost *cost = &costs[node];
		if (!leaving && node && cost->total_samples)
			PLAIT_TRY(plait_database_insert(writer->database, "stack_costs", "nnuuuu", event,
							writer->number[node], cost->self, cost->self_samples,
							cost->total, cost->total_samples));
	}
	return NULL;
}

static struct plait_error *put_costs(struct writer *writer)
{
	size_t nodes = writer->timeline->tree->nodes.count;
	struct cost *costs PLAIT_FREE = calloc(nodes, sizeof(*costs));
	if (!costs)
		return plait_error_no_memory();
	for (uint32_t event = 0; event < writer->profile->events.count; event++) {
		memset(costs, 0, nodes * sizeof(*costs));
		PLAIT_TRY(put_event_costs(writer, event, costs));
	}
	return NULL;
}

static struct plait_error *put_sample(void *context, const struct plait_timed_sample *sample)
{
	struct writer *writer = context;
	const struct plait_lane *lane = &writer->timeline->lanes.data[sample->lane];
	uint32_t quality = sample->quality % NO_STACK;
	if (writer->timeline->tree->nodes.data[sample->node].label == writer->profile->label_no_stack)
		quality |= NO_STACK;
	writer->quality[quality] = true;
	return plait_database_insert(writer->database, "samples", "uunnnun", ++writer->samples, sample->time,
				     lane->event, lane->thread, writer->number[sample->node], sample->weight, quality);
}

static struct plait_error *put_qualities(struct writer *writer)
{
	for (uint32_t i = 0; i < QUALITIES; i++) {
		if (!writer->quality[i])
			continue;
		char words[128] = "";
		const char *word;
		uint32_t bits = (i % NO_STACK) | (i & NO_STACK ? PLAIT_QUALITY_NO_STACK : 0), bit;
		for (uint32_t left = bits; (word = plait_quality_word(left, &bit)); left &= ~bit)
			snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%s", *words ? "," : "", word);
		bool complete = !(bits & (PLAIT_QUALITY_INCOMPLETE | PLAIT_QUALITY_NO_STACK));
		PLAIT_TRY(plait_database_insert(
			writer->database, "qualities", "ntuuuuuuuu", i, words, (uint64_t)complete,
			(uint64_t) !!(i & PLAIT_QUALITY_CHECKED), (uint64_t) !!(i & PLAIT_QUALITY_DERIVED),
			(uint64_t) !!(i & PLAIT_QUALITY_GAP), (uint64_t) !!(i & PLAIT_QUALITY_TRUNCATED),
			(uint64_t) !!(i & PLAIT_QUALITY_UNMERGED), (uint64_t) !!(i & PLAIT_QUALITY_UNRESOLVED),
			(uint64_t) !!(i & NO_STACK)));
	}
	return NULL;
}

static struct plait_error *put_all(struct writer *writer, FILE *out)
{
	PLAIT_TRY(put_recording(writer));
	PLAIT_TRY(put_events(writer));
	PLAIT_TRY(put_threads(writer));
	PLAIT_TRY(put_modules(writer));
	PLAIT_TRY(put_frames(writer));
	PLAIT_TRY(put_stacks(writer));
	PLAIT_TRY(put_costs(writer));
	PLAIT_TRY(plait_timeline_read(writer->timeline, put_sample, writer));
	PLAIT_TRY(put_qualities(writer));
	return plait_database_copy(writer->database, out);
}

static struct plait_error *put_timeline(const struct plait_timeline *timeline, FILE *out)
{
	struct writer writer = { .timeline = timeline, .profile = timeline->profile };
	writer.number = calloc(timeline->tree->nodes.count + 1, sizeof(*writer.number));
	if (!writer.number)
		return plait_error_no_memory();
	struct plait_error *error = plait_database_create(sqlite_schema, &writer.database);
	if (!error)
		error = put_all(&writer, out);
	plait_database_destroy(writer.database);
	free(writer.number);
	return error;
}

struct plait_error *plait_render_sqlite(const struct plait_profile *profile, const struct plait_view_options *view,
					const struct plait_render_options *options, FILE *out)
{
	return plait_export_timeline(profile, view, options->feed, out, put_timeline);
}
