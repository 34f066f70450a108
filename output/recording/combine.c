#include "output/recording/combine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/map.h"
#include "common/strtab.h"
#include "common/vec.h"
#include "output/recording/reader.h"
#include "output/recording/writer.h"

/* Index in an input -> index in the result. */
typedef PLAIT_VEC(uint32_t) index_vec;

struct input {
	const char *path;
	struct plait_recording_reader *reader;
	struct plait_record next; /* not yet taken */
	bool more, ended, damaged;
	uint64_t shift; /* ns: its start after that of the result */
	uint64_t now;	/* time of its last sample or end, in the result */
	index_vec of[PLAIT_RECORD_COUNT];
	PLAIT_VEC(struct plait_record_count) counts; /* the last of each event, with its index in the result */
};

struct combiner {
	struct plait_recording_writer *writer;
	struct input *inputs;
	size_t count;
	struct plait_strtab *keys; /* what makes definitions equal */
	struct plait_map known;	   /* id in `keys` -> index in the result */
	PLAIT_VEC(struct plait_record_event_traits)
	traits;					   /* by event of the result; leader UINT32_MAX - 1: none yet */
	index_vec named;			   /* by frame of the result: 1 when it has names */
	PLAIT_VEC(struct plait_record_read) reads; /* scratch */
	uint64_t samples, end;
};

enum { NO_TRAITS = PLAIT_NONE - 1 };

static uint32_t map_index(const index_vec *of, uint32_t index)
{
	return index < of->count ? of->data[index] : PLAIT_NONE;
}

/* The index in the result of the definition that `text` describes, by which equal ones are known; writes `record` on
 * first sight. */
static struct plait_error *define(struct combiner *combiner, const char *text, const struct plait_record *record,
				  uint32_t *ret)
{
	uint32_t key = plait_strtab_add(combiner->keys, text, strlen(text), NULL);
	if (key == UINT32_MAX)
		return plait_error_no_memory();
	uint64_t *known = plait_map_get(&combiner->known, key);
	if (known) {
		*ret = (uint32_t)*known;
		return NULL;
	}
	uint32_t index = 0;
	PLAIT_TRY(plait_recording_writer_add(combiner->writer, record, &index));
	*ret = index;
	return plait_map_put(&combiner->known, key, index) ? NULL : plait_error_no_memory();
}

static struct plait_error *define_event(struct combiner *combiner, const struct plait_record *record, uint32_t *ret)
{
	const struct plait_record_event *event = &record->event;
	char *text PLAIT_FREE = NULL;
	if (asprintf(&text, "E\1%s\1%d\1%" PRIu64 "\1%" PRIu64, event->name, event->unit_ns, event->frequency,
		     event->frequency ? 0 : event->period) < 0)
		return plait_error_no_memory();
	PLAIT_TRY(define(combiner, text, record, ret));
	while (combiner->traits.count <= *ret)
		if (!plait_vec_push(&combiner->traits, (struct plait_record_event_traits) { .leader = NO_TRAITS }))
			return plait_error_no_memory();
	return NULL;
}

static struct plait_error *define_module(struct combiner *combiner, const struct plait_record *record, uint32_t *ret)
{
	const struct plait_record_module *module = &record->module;
	char hex[2 * sizeof(module->build_id.bytes) + 1] = "";
	for (size_t i = 0; i < module->build_id.size; i++)
		snprintf(hex + 2 * i, 3, "%02x", module->build_id.bytes[i]);
	char *text PLAIT_FREE = NULL;
	/* without a build-id only the same file is equal */
	if (asprintf(&text, "M\1%s\1%s\1%" PRIu64 "\1%" PRIu64 "\1%" PRIu64, module->path, hex,
		     *hex ? 0 : module->device, *hex ? 0 : module->inode, *hex ? 0 : module->size) < 0)
		return plait_error_no_memory();
	return define(combiner, text, record, ret);
}

static struct plait_error *define_code(struct combiner *combiner, const struct plait_record *record, uint32_t *ret)
{
	const struct plait_record_code *code = &record->code;
	char *text PLAIT_FREE = NULL;
	if (asprintf(&text, "C\1%s\1%s\1%s\1%" PRId32, code->name, code->qualname, code->filename, code->first_line) <
	    0)
		return plait_error_no_memory();
	return define(combiner, text, record, ret);
}

/* A record that defines something, with the indexes of the result. */
static struct plait_error *take_definition(struct combiner *combiner, struct input *input, struct plait_record *record)
{
	uint32_t index = 0;
	switch (record->kind) {
	case PLAIT_RECORD_EVENT:
		PLAIT_TRY(define_event(combiner, record, &index));
		break;
	case PLAIT_RECORD_MODULE:
		PLAIT_TRY(define_module(combiner, record, &index));
		break;
	case PLAIT_RECORD_CODE:
		PLAIT_TRY(define_code(combiner, record, &index));
		break;
	case PLAIT_RECORD_PROCESS:
		record->process.parent = map_index(&input->of[PLAIT_RECORD_PROCESS], record->process.parent);
		record->process.time += input->shift;
		PLAIT_TRY(plait_recording_writer_add(combiner->writer, record, &index));
		break;
	case PLAIT_RECORD_THREAD:
		record->thread.process = map_index(&input->of[PLAIT_RECORD_PROCESS], record->thread.process);
		PLAIT_TRY(plait_recording_writer_add(combiner->writer, record, &index));
		break;
	case PLAIT_RECORD_FRAME:
		record->frame.module = map_index(&input->of[PLAIT_RECORD_MODULE], record->frame.module);
		record->frame.process = map_index(&input->of[PLAIT_RECORD_PROCESS], record->frame.process);
		record->frame.code = map_index(&input->of[PLAIT_RECORD_CODE], record->frame.code);
		PLAIT_TRY(plait_recording_writer_add(combiner->writer, record, &index));
		break;
	default:
		record->node.parent = map_index(&input->of[PLAIT_RECORD_NODE], record->node.parent);
		record->node.frame = map_index(&input->of[PLAIT_RECORD_FRAME], record->node.frame);
		PLAIT_TRY(plait_recording_writer_add(combiner->writer, record, &index));
		break;
	}
	return plait_vec_push(&input->of[record->kind], index) ? NULL : plait_error_no_memory();
}

static struct plait_error *take_sample(struct combiner *combiner, struct input *input, struct plait_record *record)
{
	struct plait_record_sample *sample = &record->sample;
	sample->time += input->shift;
	sample->thread = map_index(&input->of[PLAIT_RECORD_THREAD], sample->thread);
	sample->event = map_index(&input->of[PLAIT_RECORD_EVENT], sample->event);
	sample->node = map_index(&input->of[PLAIT_RECORD_NODE], sample->node);
	combiner->reads.count = 0;
	for (uint32_t i = 0; i < sample->read_count; i++) {
		struct plait_record_read read = sample->reads[i];
		read.event = map_index(&input->of[PLAIT_RECORD_EVENT], read.event);
		if (!plait_vec_push(&combiner->reads, read))
			return plait_error_no_memory();
	}
	sample->reads = combiner->reads.data;
	combiner->samples++;
	return plait_recording_writer_add(combiner->writer, record, NULL);
}

static struct plait_error *take_traits(struct combiner *combiner, struct input *input, struct plait_record *record)
{
	struct plait_record_event_traits *traits = &record->event_traits;
	traits->event = map_index(&input->of[PLAIT_RECORD_EVENT], traits->event);
	traits->leader = map_index(&input->of[PLAIT_RECORD_EVENT], traits->leader);
	struct plait_record_event_traits *known = &combiner->traits.data[traits->event];
	if (known->leader == NO_TRAITS) {
		*known = *traits;
		return plait_recording_writer_add(combiner->writer, record, NULL);
	}
	if (known->counting != traits->counting || known->leader != traits->leader)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_INVALID,
							  "an event of %s is in another group there than in %s",
							  input->path, combiner->inputs[0].path),
					  "merge recordings that were made with the same -e");
	return NULL;
}

/* Of the counts of an event the last one holds. */
static struct plait_error *take_count(struct input *input, const struct plait_record_count *count)
{
	struct plait_record_count last = *count;
	last.event = map_index(&input->of[PLAIT_RECORD_EVENT], count->event);
	for (size_t i = 0; i < input->counts.count; i++) {
		if (input->counts.data[i].event != last.event)
			continue;
		input->counts.data[i] = last;
		return NULL;
	}
	return plait_vec_push(&input->counts, last) ? NULL : plait_error_no_memory();
}

/* Writes what the inputs counted of one event. */
static struct plait_error *put_count(struct combiner *combiner, uint32_t event)
{
	struct plait_record record = { .kind = PLAIT_RECORD_COUNT, .count.event = event };
	bool any = false;
	for (size_t i = 0; i < combiner->count; i++) {
		const struct input *input = &combiner->inputs[i];
		for (size_t j = 0; j < input->counts.count; j++) {
			const struct plait_record_count *count = &input->counts.data[j];
			if (count->event != event)
				continue;
			record.count.value += count->value;
			record.count.enabled += count->enabled;
			record.count.running += count->running;
			any = true;
		}
	}
	return any ? plait_recording_writer_add(combiner->writer, &record, NULL) : NULL;
}

/* Names of a frame, unless an input before gave it some. */
static struct plait_error *take_symbol(struct combiner *combiner, struct input *input, struct plait_record *record)
{
	uint32_t frame = map_index(&input->of[PLAIT_RECORD_FRAME], record->symbol.frame);
	while (combiner->named.count <= frame)
		if (!plait_vec_push(&combiner->named, 0))
			return plait_error_no_memory();
	if (combiner->named.data[frame])
		return NULL;
	combiner->named.data[frame] = 1;
	record->symbol.frame = frame;
	return plait_recording_writer_add(combiner->writer, record, NULL);
}

/* Writes `record` if none with this key was written before. */
static struct plait_error *take_once(struct combiner *combiner, struct plait_record *record, char *key)
{
	char *text PLAIT_FREE = key;
	bool added = false;
	if (!text || plait_strtab_add(combiner->keys, text, strlen(text), &added) == UINT32_MAX)
		return plait_error_no_memory();
	return added ? plait_recording_writer_add(combiner->writer, record, NULL) : NULL;
}

static struct plait_error *take_other(struct combiner *combiner, struct input *input, struct plait_record *record)
{
	char *key = NULL;
	switch (record->kind) {
	case PLAIT_RECORD_THREAD_NAME:
		record->thread_name.thread = map_index(&input->of[PLAIT_RECORD_THREAD], record->thread_name.thread);
		return plait_recording_writer_add(combiner->writer, record, NULL);
	case PLAIT_RECORD_LOST:
		record->lost.time += input->shift;
		return plait_recording_writer_add(combiner->writer, record, NULL);
	case PLAIT_RECORD_SYMBOL:
		return take_symbol(combiner, input, record);
	case PLAIT_RECORD_EVENT_TRAITS:
		return take_traits(combiner, input, record);
	case PLAIT_RECORD_COUNT:
		return take_count(input, &record->count);
	case PLAIT_RECORD_NOTE:
		return take_once(combiner, record, asprintf(&key, "N\1%s", record->note.text) < 0 ? NULL : key);
	case PLAIT_RECORD_SOURCE:
		return take_once(combiner, record,
				 asprintf(&key, "S\1%s\1%d", record->source.path, record->source.content != NULL) < 0
					 ? NULL
					 : key);
	case PLAIT_RECORD_FUNCTION:
		record->function.module = map_index(&input->of[PLAIT_RECORD_MODULE], record->function.module);
		return take_once(
			combiner, record,
			asprintf(&key, "F\1%" PRIu32 "\1%" PRIu64, record->function.module, record->function.start) < 0
				? NULL
				: key);
	default:
		return NULL; /* headers were read before; END is written at the end */
	}
}

static struct plait_error *take(struct combiner *combiner, struct input *input)
{
	struct plait_record *record = &input->next;
	switch (record->kind) {
	case PLAIT_RECORD_EVENT:
	case PLAIT_RECORD_PROCESS:
	case PLAIT_RECORD_THREAD:
	case PLAIT_RECORD_MODULE:
	case PLAIT_RECORD_CODE:
	case PLAIT_RECORD_FRAME:
	case PLAIT_RECORD_NODE:
		return take_definition(combiner, input, record);
	case PLAIT_RECORD_SAMPLE:
		return take_sample(combiner, input, record);
	default:
		return take_other(combiner, input, record);
	}
}

/* Reads the next record. Damage ends the input there. */
static struct plait_error *advance(struct combiner *combiner, struct input *input)
{
	struct plait_error *error = plait_recording_reader_next(input->reader, &input->next, &input->more);
	if (error && error->code != PLAIT_ERROR_INVALID)
		return error;
	if (error) {
		plait_error_free(error);
		input->damaged = true;
		input->more = false;
	}
	if (!input->more)
		return NULL;
	uint64_t time = input->next.kind == PLAIT_RECORD_SAMPLE ? input->next.sample.time
			: input->next.kind == PLAIT_RECORD_END	? input->next.end.time
								: 0;
	input->ended = input->ended || input->next.kind == PLAIT_RECORD_END;
	if (time + input->shift > input->now)
		input->now = time + input->shift;
	if (input->now > combiner->end)
		combiner->end = input->now;
	return NULL;
}

/* The input whose next record is the earliest: definitions have the time of the sample before. */
static struct input *earliest(struct combiner *combiner)
{
	struct input *best = NULL;
	for (size_t i = 0; i < combiner->count; i++) {
		struct input *input = &combiner->inputs[i];
		if (input->more && (!best || input->now < best->now))
			best = input;
	}
	return best;
}

static struct plait_error *combine(struct combiner *combiner)
{
	for (size_t i = 0; i < combiner->count; i++)
		PLAIT_TRY(advance(combiner, &combiner->inputs[i]));
	for (struct input *input; (input = earliest(combiner));) {
		PLAIT_TRY(take(combiner, input));
		PLAIT_TRY(advance(combiner, input));
	}
	for (uint32_t event = 0; event < combiner->traits.count; event++)
		PLAIT_TRY(put_count(combiner, event));
	return NULL;
}

/* "one", or "one (and 3 others)" when the inputs differ. */
static char *common_text(const char *first, size_t others)
{
	char *text;
	if (others ? asprintf(&text, "%s (and %zu other%s)", first, others, others > 1 ? "s" : "") < 0
		   : (text = strdup(first)) == NULL)
		return NULL;
	return text;
}

struct header_texts {
	char *command, *host, *engine;
};

/* The header of the result from those of the inputs, each the first record of its input. */
static struct plait_error *make_header(struct combiner *combiner, struct header_texts *texts,
				       struct plait_record_header *ret)
{
	struct plait_record_header header = combiner->inputs[0].next.header;
	size_t commands = 0, hosts = 0, engines = 0;
	for (size_t i = 1; i < combiner->count; i++) {
		const struct plait_record_header *other = &combiner->inputs[i].next.header;
		commands += strcmp(other->command, header.command) != 0;
		engines += strcmp(other->engine, header.engine) != 0;
		if (strcmp(other->host, header.host) != 0) {
			hosts++;
			header.cpu_count += other->cpu_count;
		}
		if (other->started_unix_ns < header.started_unix_ns) {
			header.started_unix_ns = other->started_unix_ns;
			header.started_ns = other->started_ns;
		}
	}
	texts->command = common_text(header.command, commands);
	texts->host = common_text(header.host, hosts);
	texts->engine = common_text(header.engine, engines);
	if (!texts->command || !texts->host || !texts->engine)
		return plait_error_no_memory();
	header.command = texts->command;
	header.host = texts->host;
	header.engine = texts->engine;
	for (size_t i = 0; i < combiner->count; i++)
		combiner->inputs[i].shift = combiner->inputs[i].next.header.started_unix_ns - header.started_unix_ns;
	*ret = header;
	return NULL;
}

/* Addresses and machine code mean something for one architecture. */
static struct plait_error *check_architectures(const struct combiner *combiner)
{
	const struct input *first = &combiner->inputs[0];
	for (size_t i = 1; i < combiner->count; i++) {
		const struct input *input = &combiner->inputs[i];
		if (strcmp(input->next.header.architecture, first->next.header.architecture) != 0)
			return plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED,
								  "%s is of an %s machine, %s of an %s one",
								  first->path, first->next.header.architecture,
								  input->path, input->next.header.architecture),
						  "merge recordings of one architecture");
	}
	return NULL;
}

/* Opens an input and reads its header. */
static struct plait_error *open_input(struct input *input)
{
	PLAIT_TRY(plait_recording_reader_open(input->path, &input->reader));
	PLAIT_TRY(plait_recording_reader_next(input->reader, &input->next, &input->more));
	if (!input->more || input->next.kind != PLAIT_RECORD_HEADER)
		return plait_error_new(PLAIT_ERROR_INVALID, "%s has no header: nothing was recorded", input->path);
	return NULL;
}

/* Ends the result. Where an input has no end, frames may have no names: then the result has no end either, so that
 * reports look names up as they do for such a recording. */
static struct plait_error *end_result(struct combiner *combiner, struct plait_combined *ret)
{
	for (size_t i = 0; i < combiner->count; i++) {
		ret->damaged += combiner->inputs[i].damaged;
		ret->cut += !combiner->inputs[i].ended && !combiner->inputs[i].damaged;
	}
	struct plait_error *error = plait_recording_writer_flush(combiner->writer);
	ret->size = plait_recording_writer_size(combiner->writer);
	ret->samples = combiner->samples;
	if (!error && !ret->damaged && !ret->cut)
		return plait_recording_writer_finish(combiner->writer, combiner->end);
	plait_recording_writer_abandon(combiner->writer);
	return error;
}

static struct plait_error *combine_to(struct combiner *combiner, const char *output, struct plait_combined *ret)
{
	struct header_texts texts = { 0 };
	struct plait_record_header header;
	for (size_t i = 0; i < combiner->count; i++)
		PLAIT_TRY(open_input(&combiner->inputs[i]));
	PLAIT_TRY(check_architectures(combiner));
	struct plait_error *error = make_header(combiner, &texts, &header);
	if (!error)
		error = plait_recording_writer_create(output, &header, &combiner->writer);
	free(texts.command);
	free(texts.host);
	free(texts.engine);
	if (error)
		return error;
	error = combine(combiner);
	if (error) {
		plait_recording_writer_abandon(combiner->writer);
		return error;
	}
	return end_result(combiner, ret);
}

struct plait_error *plait_recordings_combine(const char *const *paths, size_t count, const char *output,
					     struct plait_combined *ret)
{
	struct combiner combiner = { .count = count };
	struct plait_combined combined = { 0 };
	combiner.inputs = calloc(count, sizeof(*combiner.inputs));
	combiner.keys = plait_strtab_create();
	struct plait_error *error = NULL;
	if (!combiner.inputs || !combiner.keys)
		error = plait_error_no_memory();
	for (size_t i = 0; !error && i < count; i++)
		combiner.inputs[i].path = paths[i];
	if (!error)
		error = combine_to(&combiner, output, &combined);
	for (size_t i = 0; combiner.inputs && i < count; i++) {
		plait_recording_reader_destroy(combiner.inputs[i].reader);
		plait_vec_free(&combiner.inputs[i].counts);
		for (size_t kind = 0; kind < PLAIT_RECORD_COUNT; kind++)
			plait_vec_free(&combiner.inputs[i].of[kind]);
	}
	free(combiner.inputs);
	plait_strtab_destroy(combiner.keys);
	plait_map_release(&combiner.known);
	plait_vec_free(&combiner.traits);
	plait_vec_free(&combiner.named);
	plait_vec_free(&combiner.reads);
	if (!error)
		*ret = combined;
	return error;
}
