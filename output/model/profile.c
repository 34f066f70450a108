#include "output/model/profile.h"

#include <stdlib.h>
#include <string.h>

enum { EVENT_MAX = 1 << 16, FUNCTIONS_MAX = 1024 };

struct plait_profile *plait_profile_create(void)
{
	struct plait_profile *profile = calloc(1, sizeof(*profile));
	if (!profile)
		return NULL;
	profile->strings = plait_strtab_create();
	if (!profile->strings) {
		free(profile);
		return NULL;
	}
	profile->last_context = UINT64_MAX;
	struct plait_record_header *header = &profile->header;
	header->command = header->host = header->kernel = header->architecture = "";
	header->plait_version = header->engine = "";
	return profile;
}

void plait_profile_destroy(struct plait_profile *profile)
{
	if (!profile)
		return;
	plait_vec_free(&profile->events);
	plait_vec_free(&profile->processes);
	plait_vec_free(&profile->threads);
	plait_vec_free(&profile->modules);
	plait_vec_free(&profile->codes);
	plait_vec_free(&profile->frames);
	plait_vec_free(&profile->functions);
	plait_vec_free(&profile->nodes);
	plait_vec_free(&profile->samples);
	plait_vec_free(&profile->ratios);
	plait_vec_free(&profile->memories);
	plait_vec_free(&profile->notes);
	for (size_t i = 0; i < profile->sources.count; i++)
		free((void *)profile->sources.data[i].content);
	plait_vec_free(&profile->sources);
	for (size_t i = 0; i < profile->bundled.count; i++) {
		free((void *)profile->bundled.data[i].code);
		free((void *)profile->bundled.data[i].lines);
	}
	plait_vec_free(&profile->bundled);
	plait_vec_free(&profile->labels.all);
	plait_map_release(&profile->labels.by_text);
	plait_vec_free(&profile->frame_labels);
	plait_map_release(&profile->contexts);
	plait_map_release(&profile->sample_of);
	plait_strtab_destroy(profile->strings);
	free(profile->unresolved);
	free(profile);
}

/* Replaces `*text` (NULL: "") by the profile's own copy. False: no memory. */
static bool own(struct plait_profile *profile, const char **text)
{
	const char *from = *text ? *text : "";
	uint32_t id = plait_strtab_add(profile->strings, from, strlen(from), NULL);
	*text = id == UINT32_MAX ? "" : plait_strtab_get(profile->strings, id);
	return id != UINT32_MAX;
}

static struct plait_error *invalid(const char *what)
{
	return plait_error_new(PLAIT_ERROR_INVALID, "the recording is damaged: %s", what);
}

static bool is_index(uint32_t index, size_t count)
{
	return index < count;
}

static bool is_index_or_none(uint32_t index, size_t count)
{
	return index == PLAIT_NONE || index < count;
}

static struct plait_error *apply_header(struct plait_profile *profile, const struct plait_record *record)
{
	if (profile->has_header)
		return invalid("a second header");
	struct plait_record_header header = record->header;
	if (!own(profile, &header.command) || !own(profile, &header.host) || !own(profile, &header.kernel) ||
	    !own(profile, &header.architecture) || !own(profile, &header.plait_version) ||
	    !own(profile, &header.engine))
		return plait_error_no_memory();
	profile->header = header;
	profile->has_header = true;
	return NULL;
}

static struct plait_error *apply_event(struct plait_profile *profile, const struct plait_record *record)
{
	if (record->id != profile->events.count || record->id >= EVENT_MAX)
		return invalid("an event out of order");
	struct plait_profile_event event = { .record = record->event, .traits.leader = PLAIT_NONE, .scale = 1 };
	if (!own(profile, &event.record.name) || !own(profile, &event.record.note) ||
	    !plait_vec_push(&profile->events, event))
		return plait_error_no_memory();
	return NULL;
}

static struct plait_error *apply_process(struct plait_profile *profile, const struct plait_record *record)
{
	if (record->id != profile->processes.count || !is_index_or_none(record->process.parent, record->id))
		return invalid("a process out of order");
	struct plait_profile_process process = { .record = record->process };
	if (!own(profile, &process.record.name) || !own(profile, &process.record.command) ||
	    !own(profile, &process.record.python) || !plait_vec_push(&profile->processes, process))
		return plait_error_no_memory();
	return NULL;
}

static struct plait_error *apply_thread(struct plait_profile *profile, const struct plait_record *record)
{
	if (record->id != profile->threads.count || !is_index(record->thread.process, profile->processes.count))
		return invalid("a thread out of order");
	struct plait_profile_thread thread = { .record = record->thread };
	if (!own(profile, &thread.record.name) || !plait_vec_push(&profile->threads, thread))
		return plait_error_no_memory();
	return NULL;
}

static struct plait_error *apply_thread_name(struct plait_profile *profile, const struct plait_record *record)
{
	if (!is_index(record->thread_name.thread, profile->threads.count))
		return invalid("the name of an unknown thread");
	const char *name = record->thread_name.name;
	if (!own(profile, &name))
		return plait_error_no_memory();
	profile->threads.data[record->thread_name.thread].record.name = name;
	return NULL;
}

static struct plait_error *apply_module(struct plait_profile *profile, const struct plait_record *record)
{
	if (record->id != profile->modules.count)
		return invalid("a module out of order");
	struct plait_record_module module = record->module;
	if (!own(profile, &module.path) || !plait_vec_push(&profile->modules, module))
		return plait_error_no_memory();
	return NULL;
}

static struct plait_error *apply_code(struct plait_profile *profile, const struct plait_record *record)
{
	if (record->id != profile->codes.count)
		return invalid("a code object out of order");
	struct plait_record_code code = record->code;
	if (!own(profile, &code.name) || !own(profile, &code.qualname) || !own(profile, &code.filename) ||
	    !plait_vec_push(&profile->codes, code))
		return plait_error_no_memory();
	return NULL;
}

static struct plait_error *apply_frame(struct plait_profile *profile, const struct plait_record *record)
{
	const struct plait_record_frame *frame = &record->frame;
	bool fits = record->id == profile->frames.count && frame->kind <= PLAIT_FRAME_UNMERGED;
	if (frame->kind == PLAIT_FRAME_NATIVE)
		fits = fits && is_index_or_none(frame->module, profile->modules.count) &&
		       is_index_or_none(frame->process, profile->processes.count);
	if (frame->kind == PLAIT_FRAME_PYTHON)
		fits = fits && is_index(frame->code, profile->codes.count);
	if (!fits)
		return invalid("a frame out of order");
	if (!plait_vec_push(&profile->frames, (struct plait_profile_frame) { .record = *frame }))
		return plait_error_no_memory();
	return NULL;
}

static struct plait_error *apply_node(struct plait_profile *profile, const struct plait_record *record)
{
	if (record->id != profile->nodes.count || !is_index_or_none(record->node.parent, record->id) ||
	    !is_index(record->node.frame, profile->frames.count))
		return invalid("a stack out of order");
	if (!plait_vec_push(&profile->nodes, record->node))
		return plait_error_no_memory();
	return NULL;
}

/* A small number for a sample's thread, event and quality. False: no memory. */
static bool context_of(struct plait_profile *profile, const struct plait_record_sample *sample, uint64_t *ret)
{
	uint64_t key = (uint64_t)sample->thread << 32 | sample->event << 8 | (sample->quality & 0xff);
	if (key != profile->last_context) {
		uint64_t *known = plait_map_get(&profile->contexts, key);
		uint64_t id = known ? *known : profile->contexts.count;
		if (!known && !plait_map_put(&profile->contexts, key, id))
			return false;
		profile->last_context = key;
		profile->last_id = id;
	}
	*ret = profile->last_id;
	return true;
}

/* Counts `weight` of an event at the sample's place; `*ret_index` is where. */
static struct plait_error *count_sample(struct plait_profile *profile, const struct plait_record_sample *sample,
					uint64_t weight, uint64_t *ret_index)
{
	uint64_t context;
	if (!context_of(profile, sample, &context))
		return plait_error_no_memory();
	uint64_t key = context << 32 | sample->node;
	uint64_t *known = plait_map_get(&profile->sample_of, key);
	uint64_t index = known ? *known : profile->samples.count;
	if (!known) {
		struct plait_profile_sample fresh = { .node = sample->node,
						      .thread = sample->thread,
						      .event = sample->event,
						      .quality = sample->quality & 0xff };
		if (!plait_vec_reserve(&profile->samples, 1) || !plait_map_put(&profile->sample_of, key, index))
			return plait_error_no_memory();
		profile->samples.data[profile->samples.count++] = fresh;
	}
	struct plait_profile_sample *sum = &profile->samples.data[index];
	sum->count++;
	sum->weight = plait_saturating_add(sum->weight, weight);
	*ret_index = index;
	return NULL;
}

/* Events that take no samples are counted where their leader's fell. */
static struct plait_error *count_members(struct plait_profile *profile, const struct plait_record_sample *sample)
{
	for (uint32_t i = 0; i < sample->read_count; i++) {
		struct plait_record_sample member = *sample;
		uint64_t index;
		member.event = sample->reads[i].event;
		if (!is_index(member.event, profile->events.count))
			return invalid("a count of an unknown event");
		if (member.event != sample->event && profile->events.data[member.event].traits.counting)
			PLAIT_TRY(count_sample(profile, &member, sample->reads[i].value, &index));
	}
	return NULL;
}

static double read_of(const struct plait_record_sample *sample, uint32_t event)
{
	for (uint32_t i = 0; i < sample->read_count; i++)
		if (sample->reads[i].event == event)
			return (double)sample->reads[i].value;
	return 0;
}

/* What sample number `index` says of the metric. */
static struct plait_error *count_ratio(struct plait_profile *profile, const struct plait_record_sample *sample,
				       uint64_t index)
{
	const struct plait_metric *metric = &profile->metric;
	if (profile->metric_text) {
		struct plait_error *error = plait_metric_resolve(profile, profile->metric_text, &profile->metric);
		if (error) { /* told at the end: there may be more events */
			plait_error_free(error);
			return NULL;
		}
		profile->metric_text = NULL;
	}
	if (!metric->name)
		return NULL;
	while (profile->ratios.count < profile->samples.count)
		if (!plait_vec_push(&profile->ratios, (struct plait_ratio) { 0 }))
			return plait_error_no_memory();
	struct plait_ratio *ratio = &profile->ratios.data[index];
	if (metric->paired && sample->event == metric->leader && sample->read_count)
		plait_ratio_add(ratio, read_of(sample, metric->numerator), read_of(sample, metric->denominator));
	return NULL;
}

static struct plait_error *count_memory(struct plait_profile *profile, const struct plait_record_sample *sample,
					uint64_t index)
{
	if (!(sample->details & PLAIT_DETAIL_DATA_SOURCE))
		return NULL;
	while (profile->memories.count <= index)
		if (!plait_vec_push(&profile->memories, (struct plait_data_sources) { 0 }))
			return plait_error_no_memory();
	plait_data_sources_add(&profile->memories.data[index], sample->data_source,
			       sample->details & PLAIT_DETAIL_LATENCY ? sample->latency : 0);
	return NULL;
}

static struct plait_error *apply_sample(struct plait_profile *profile, const struct plait_record_sample *sample)
{
	if (!is_index(sample->thread, profile->threads.count) || !is_index(sample->event, profile->events.count) ||
	    !is_index_or_none(sample->node, profile->nodes.count))
		return invalid("a sample of something unknown");
	uint64_t index;
	PLAIT_TRY(count_sample(profile, sample, sample->period, &index));
	PLAIT_TRY(count_members(profile, sample));
	PLAIT_TRY(count_ratio(profile, sample, index));
	PLAIT_TRY(count_memory(profile, sample, index));
	if (sample->time > profile->duration)
		profile->duration = sample->time;
	return NULL;
}

static struct plait_error *apply_traits(struct plait_profile *profile, const struct plait_record_event_traits *traits)
{
	if (!is_index(traits->event, profile->events.count) || !is_index_or_none(traits->leader, profile->events.count))
		return invalid("traits of an unknown event");
	profile->events.data[traits->event].traits = *traits;
	return NULL;
}

static struct plait_error *apply_count(struct plait_profile *profile, const struct plait_record_count *count)
{
	if (!is_index(count->event, profile->events.count))
		return invalid("the count of an unknown event");
	profile->events.data[count->event].count = *count;
	return NULL;
}

struct plait_error *plait_profile_want_metric(struct plait_profile *profile, const char *text)
{
	if (!own(profile, &text))
		return plait_error_no_memory();
	profile->metric_text = text;
	return NULL;
}

static struct plait_error *apply_symbol(struct plait_profile *profile, const struct plait_record_symbol *symbol)
{
	if (!is_index(symbol->frame, profile->frames.count) || symbol->count > FUNCTIONS_MAX)
		return invalid("the name of an unknown frame");
	struct plait_profile_frame *frame = &profile->frames.data[symbol->frame];
	uint32_t first = (uint32_t)profile->functions.count;
	for (uint32_t i = 0; i < symbol->count; i++) {
		struct plait_profile_function function = { .name = symbol->functions[i].name,
							   .file = symbol->functions[i].file,
							   .line = symbol->functions[i].line };
		if (!own(profile, &function.name) || !own(profile, &function.file) ||
		    !plait_vec_push(&profile->functions, function))
			return plait_error_no_memory();
	}
	frame->functions = first;
	frame->function_count = symbol->count;
	frame->start = symbol->start;
	frame->size = symbol->size;
	return NULL;
}

/* A copy of `size` bytes, never NULL but when memory ran out. */
static void *copy_of(const void *bytes, size_t size)
{
	void *copy = malloc(size ? size : 1);
	if (copy && size)
		memcpy(copy, bytes, size);
	return copy;
}

static struct plait_error *apply_source(struct plait_profile *profile, const struct plait_record_source *record)
{
	struct plait_record_source source = *record;
	if (source.content)
		source.content = copy_of(source.content, source.size);
	if (!own(profile, &source.path) || (record->content && !source.content) ||
	    !plait_vec_push(&profile->sources, source)) {
		free((void *)source.content);
		return plait_error_no_memory();
	}
	return NULL;
}

static struct plait_error *apply_function(struct plait_profile *profile, const struct plait_record_function *record)
{
	if (!is_index(record->module, profile->modules.count))
		return invalid("code of an unknown module");
	struct plait_record_function function = *record;
	struct plait_record_function_line *lines = copy_of(record->lines, record->line_count * sizeof(*lines));
	function.code = copy_of(record->code, record->code_size);
	function.lines = lines;
	bool kept = lines && function.code && own(profile, &function.name);
	for (uint32_t i = 0; kept && i < function.line_count; i++)
		kept = own(profile, &lines[i].file);
	if (!kept || !plait_vec_push(&profile->bundled, function)) {
		free((void *)function.code);
		free(lines);
		return plait_error_no_memory();
	}
	return NULL;
}

struct plait_error *plait_profile_add_note(struct plait_profile *profile, const char *text)
{
	if (!own(profile, &text) || !plait_vec_push(&profile->notes, text))
		return plait_error_no_memory();
	return NULL;
}

static void apply_end(struct plait_profile *profile, uint64_t time)
{
	profile->cut = false;
	if (time > profile->duration)
		profile->duration = time;
}

struct plait_error *plait_profile_apply(struct plait_profile *profile, const struct plait_record *record)
{
	switch (record->kind) {
	case PLAIT_RECORD_HEADER:
		profile->cut = true; /* until the END record */
		return apply_header(profile, record);
	case PLAIT_RECORD_EVENT:
		return apply_event(profile, record);
	case PLAIT_RECORD_PROCESS:
		return apply_process(profile, record);
	case PLAIT_RECORD_THREAD:
		return apply_thread(profile, record);
	case PLAIT_RECORD_THREAD_NAME:
		return apply_thread_name(profile, record);
	case PLAIT_RECORD_MODULE:
		return apply_module(profile, record);
	case PLAIT_RECORD_CODE:
		return apply_code(profile, record);
	case PLAIT_RECORD_FRAME:
		return apply_frame(profile, record);
	case PLAIT_RECORD_NODE:
		return apply_node(profile, record);
	case PLAIT_RECORD_SAMPLE:
		return apply_sample(profile, &record->sample);
	case PLAIT_RECORD_LOST:
		if (record->lost.throttled)
			profile->throttled = plait_saturating_add(profile->throttled, record->lost.count);
		else
			profile->trust.lost = plait_saturating_add(profile->trust.lost, record->lost.count);
		return NULL;
	case PLAIT_RECORD_SYMBOL:
		return apply_symbol(profile, &record->symbol);
	case PLAIT_RECORD_NOTE:
		return plait_profile_add_note(profile, record->note.text);
	case PLAIT_RECORD_END:
		apply_end(profile, record->end.time);
		return NULL;
	case PLAIT_RECORD_EVENT_TRAITS:
		return apply_traits(profile, &record->event_traits);
	case PLAIT_RECORD_COUNT:
		return apply_count(profile, &record->count);
	case PLAIT_RECORD_SOURCE:
		return apply_source(profile, &record->source);
	case PLAIT_RECORD_FUNCTION:
		return apply_function(profile, &record->function);
	}
	return invalid("a record of unknown kind");
}

struct plait_error *plait_profile_read(struct plait_profile *profile, struct plait_recording_reader *reader)
{
	for (;;) {
		struct plait_record record;
		bool more = false;
		PLAIT_TRY(plait_recording_reader_next(reader, &record, &more));
		if (!more)
			return NULL;
		PLAIT_TRY(plait_profile_apply(profile, &record));
	}
}

const char *plait_profile_function_of(const struct plait_profile *profile, const struct plait_profile_frame *frame)
{
	return frame->function_count ? profile->functions.data[frame->functions + frame->function_count - 1].name : "";
}
