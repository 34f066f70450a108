#include "output/recording/writer.h"

#include <stdlib.h>
#include <zstd.h>

#include "common/cleanup.h"
#include "common/strtab.h"
#include "output/recording/block.h"
#include "output/recording/check.h"
#include "output/recording/details.h"
#include "output/recording/intern.h"
#include "output/recording/output_file.h"
#include "output/recording/samples.h"

/* A stack as the last add_stack saw it, outermost first: most stacks share most outer frames with the one before. */
struct step {
	uint32_t frame, node;
};

struct plait_recording_writer {
	struct plait_output_file file;
	struct plait_crc32 crc;
	ZSTD_CCtx *zstd;
	uint32_t sequence;

	struct plait_strtab *strings;
	uint64_t string_memory;
	uint32_t counts[PLAIT_SECTION_KINDS]; /* definitions of each kind so far */
	struct plait_frame_table frames;
	struct plait_node_table nodes;
	PLAIT_VEC(struct step) last_stack;

	/* What is pending for the next block. Definitions go by kind, in an order in which none needs a later one; all
	 * other records keep their order, as runs of one kind. */
	struct plait_buffer string_sizes, string_bytes;
	uint32_t string_count;
	struct plait_buffer definitions[PLAIT_SECTION_KINDS];
	struct plait_buffer body; /* finished runs */
	PLAIT_VEC(size_t) body_cuts;
	enum plait_record_kind run_kind; /* of the run that is open; SAMPLE: it is in `samples` */
	struct plait_buffer run;
	struct plait_sample_encoder samples;
	struct plait_detail_encoder details; /* of those samples */
	size_t mark;			     /* where the record that is being encoded began */
	uint64_t last_address[PLAIT_FRAME_UNMERGED + 1], last_start;
	uint32_t last_node_frame;

	struct plait_buffer content, block;
	PLAIT_VEC(size_t) cuts;
};

static bool defines(enum plait_record_kind kind)
{
	return kind >= PLAIT_RECORD_HEADER && kind <= PLAIT_RECORD_NODE && kind != PLAIT_RECORD_THREAD_NAME;
}

static size_t pending(const struct plait_recording_writer *writer)
{
	size_t size = writer->string_sizes.count + writer->string_bytes.count + writer->body.count + writer->run.count;
	for (int kind = PLAIT_RECORD_HEADER; kind <= PLAIT_RECORD_NODE; kind++)
		size += writer->definitions[kind].count;
	return size + plait_sample_encoder_size(&writer->samples) + writer->details.entries.count;
}

static struct plait_error *make_room(struct plait_recording_writer *writer)
{
	return pending(writer) >= PLAIT_BLOCK_CONTENT_GOAL ? plait_recording_writer_flush(writer) : NULL;
}

/* --- sections --- */

static void put_section(struct plait_buffer *to, int kind, const struct plait_buffer *payload)
{
	plait_buffer_uleb(to, (uint64_t)kind);
	plait_buffer_uleb(to, payload->count);
	plait_buffer_put(to, payload->data, payload->count);
}

/* Moves the open run to the body. */
static struct plait_error *end_run(struct plait_recording_writer *writer)
{
	struct plait_buffer samples PLAIT_CLEANUP(plait_buffer_free) = { 0 };
	size_t mark = writer->body.count, cuts[3] = { 0 };
	struct plait_buffer *payload = &writer->run;
	if (writer->samples.count) {
		payload = &samples;
		if (!plait_sample_encoder_write(&writer->samples, &samples, cuts))
			return plait_error_no_memory();
	}
	if (!payload->count)
		return NULL;
	if (!plait_vec_reserve(&writer->body_cuts, 3))
		return plait_error_no_memory();
	if (writer->details.entries.count)
		put_section(&writer->body, PLAIT_SECTION_DETAILS, &writer->details.entries);
	put_section(&writer->body, writer->run_kind, payload);
	if (writer->body.failed) {
		plait_buffer_rewind(&writer->body, mark);
		return plait_error_no_memory();
	}
	size_t start = writer->body.count - payload->count;
	for (int i = 0; i < 3 && cuts[i]; i++)
		plait_vec_push(&writer->body_cuts, start + cuts[i]);
	writer->run.count = 0;
	writer->last_start = 0;
	plait_sample_encoder_reset(&writer->samples);
	plait_detail_encoder_reset(&writer->details);
	return NULL;
}

static bool put_strings(struct plait_recording_writer *writer)
{
	struct plait_buffer payload PLAIT_CLEANUP(plait_buffer_free) = { 0 };
	if (!writer->string_count)
		return true;
	plait_buffer_uleb(&payload, writer->string_count);
	plait_buffer_put(&payload, writer->string_sizes.data, writer->string_sizes.count);
	plait_buffer_put(&payload, writer->string_bytes.data, writer->string_bytes.count);
	put_section(&writer->content, PLAIT_SECTION_STRINGS, &payload);
	return !payload.failed && plait_vec_push(&writer->cuts, writer->content.count - writer->string_bytes.count) &&
	       plait_vec_push(&writer->cuts, writer->content.count);
}

/* Puts all that is pending into writer->content; false when memory ran out. */
static bool assemble(struct plait_recording_writer *writer)
{
	plait_buffer_rewind(&writer->content, 0);
	writer->cuts.count = 0;
	if (!put_strings(writer))
		return false;
	for (int kind = PLAIT_RECORD_HEADER; kind <= PLAIT_RECORD_NODE; kind++) {
		if (!writer->definitions[kind].count)
			continue;
		put_section(&writer->content, kind, &writer->definitions[kind]);
		if (!plait_vec_push(&writer->cuts, writer->content.count))
			return false;
	}
	for (size_t i = 0; i < writer->body_cuts.count; i++) {
		if (!plait_vec_push(&writer->cuts, writer->content.count + writer->body_cuts.data[i]))
			return false;
	}
	plait_buffer_put(&writer->content, writer->body.data, writer->body.count);
	return !writer->content.failed;
}

/* Forgets what was pending: it is in the file. */
static void reset_pending(struct plait_recording_writer *writer)
{
	writer->string_sizes.count = writer->string_bytes.count = writer->string_count = 0;
	for (int kind = 0; kind < PLAIT_SECTION_KINDS; kind++)
		writer->definitions[kind].count = 0;
	writer->body.count = 0;
	writer->body_cuts.count = 0;
	memset(writer->last_address, 0, sizeof(writer->last_address));
	writer->last_node_frame = 0;
}

struct plait_error *plait_recording_writer_flush(struct plait_recording_writer *writer)
{
	if (!pending(writer))
		return NULL;
	PLAIT_TRY(end_run(writer));
	if (!assemble(writer) || !plait_block_seal(writer->zstd, &writer->crc, writer->sequence, &writer->content,
						   writer->cuts.data, writer->cuts.count, &writer->block))
		return plait_error_no_memory();
	PLAIT_TRY(plait_output_file_append(&writer->file, writer->block.data, writer->block.count));
	writer->sequence++;
	reset_pending(writer);
	return NULL;
}

/* --- strings --- */

/* The bytes of a text that is too long that are kept: room for "...", and no character cut in two. */
static size_t cut_size(const char *text)
{
	size_t size = PLAIT_STRING_MAX - 3;
	while (size && ((unsigned char)text[size] & 0xc0) == 0x80)
		size--;
	return size;
}

static struct plait_error *intern(struct plait_recording_writer *writer, const char *text, uint64_t *ret_id)
{
	char *shortened PLAIT_FREE = NULL;
	size_t size = text ? strnlen(text, PLAIT_STRING_MAX + 1) : 0;
	if (size > PLAIT_STRING_MAX) {
		if (asprintf(&shortened, "%.*s...", (int)cut_size(text), text) < 0)
			return plait_error_no_memory();
		text = shortened;
		size = strlen(text);
	}
	if (writer->string_bytes.count >= PLAIT_BLOCK_CONTENT_GOAL)
		PLAIT_TRY(plait_recording_writer_flush(writer));
	/* Room first: once the table has the string, its definition must be on the way. */
	if (!plait_buffer_reserve(&writer->string_sizes, PLAIT_ULEB_MAX) ||
	    !plait_buffer_reserve(&writer->string_bytes, size)) {
		writer->string_sizes.failed = writer->string_bytes.failed = false;
		return plait_error_no_memory();
	}
	bool added;
	uint32_t id = plait_strtab_add(writer->strings, text ? text : "", size, &added);
	if (id == UINT32_MAX)
		return plait_error_no_memory();
	*ret_id = id;
	if (!added)
		return NULL;
	plait_buffer_uleb(&writer->string_sizes, size);
	plait_buffer_put(&writer->string_bytes, text, size);
	writer->string_count++;
	writer->string_memory += size + 16;
	return NULL;
}

/* Interns `count` texts (NULL is ""); refuses more than a reader would hold. */
static struct plait_error *intern_all(struct plait_recording_writer *writer, const char *const *texts, size_t count,
				      uint64_t *ret_ids)
{
	for (size_t i = 0; i < count; i++) {
		if (writer->string_memory > PLAIT_STRINGS_MAX - PLAIT_STRING_MAX - 16)
			return plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED,
								  "%s has no room for more names: they take %u MiB",
								  writer->file.path, PLAIT_STRINGS_MAX >> 20),
						  "begin another recording");
		PLAIT_TRY(intern(writer, texts[i], &ret_ids[i]));
	}
	return NULL;
}

/* --- records --- */

/* Where records of `kind` go. Strings must have been interned before (that may flush). */
static struct plait_error *begin(struct plait_recording_writer *writer, enum plait_record_kind kind,
				 struct plait_buffer **ret)
{
	if (defines(kind)) {
		*ret = &writer->definitions[kind];
	} else {
		if (writer->run_kind != kind)
			PLAIT_TRY(end_run(writer));
		writer->run_kind = kind;
		*ret = &writer->run;
	}
	writer->mark = (*ret)->count;
	return NULL;
}

static struct plait_error *commit(struct plait_recording_writer *writer, struct plait_buffer *buffer)
{
	if (!buffer->failed)
		return NULL;
	plait_buffer_rewind(buffer, writer->mark);
	return plait_error_no_memory();
}

static void put_all(struct plait_buffer *buffer, const uint64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		plait_buffer_uleb(buffer, values[i]);
}

/* A record that is a list of unsigned numbers. */
static struct plait_error *put_numbers(struct plait_recording_writer *writer, enum plait_record_kind kind,
				       const uint64_t *values, size_t count)
{
	struct plait_buffer *buffer;
	PLAIT_TRY(begin(writer, kind, &buffer));
	put_all(buffer, values, count);
	return commit(writer, buffer);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PUT_NUMBERS(writer, kind, ...)                                                                                 \
	put_numbers(writer, kind, (const uint64_t[]) { __VA_ARGS__ }, COUNT(((const uint64_t[]) { __VA_ARGS__ })))

static struct plait_error *put_header(struct plait_recording_writer *writer, const struct plait_record_header *header)
{
	const char *texts[] = { header->command,      header->host,	     header->kernel,
				header->architecture, header->plait_version, header->engine };
	uint64_t ids[COUNT(texts)];
	PLAIT_TRY(intern_all(writer, texts, COUNT(texts), ids));
	return PUT_NUMBERS(writer, PLAIT_RECORD_HEADER, ids[0], ids[1], ids[2], ids[3], ids[4], ids[5],
			   header->started_unix_ns, header->started_ns, header->cpu_count);
}

static struct plait_error *put_event(struct plait_recording_writer *writer, const struct plait_record_event *event)
{
	uint64_t ids[2];
	PLAIT_TRY(intern_all(writer, (const char *[]) { event->name, event->note }, 2, ids));
	return PUT_NUMBERS(writer, PLAIT_RECORD_EVENT, ids[0], event->unit_ns, event->frequency, event->period, ids[1]);
}

/* An index that may be PLAIT_NONE, as 0, or else one more. */
static uint64_t optional(uint32_t index)
{
	return index == PLAIT_NONE ? 0 : (uint64_t)index + 1;
}

static struct plait_error *put_process(struct plait_recording_writer *writer,
				       const struct plait_record_process *process)
{
	uint64_t ids[3];
	PLAIT_TRY(intern_all(writer, (const char *[]) { process->name, process->command, process->python }, 3, ids));
	return PUT_NUMBERS(writer, PLAIT_RECORD_PROCESS, process->pid, optional(process->parent), process->time, ids[0],
			   ids[1], ids[2]);
}

static struct plait_error *put_thread(struct plait_recording_writer *writer, const struct plait_record_thread *thread)
{
	uint64_t id;
	PLAIT_TRY(intern_all(writer, &thread->name, 1, &id));
	return PUT_NUMBERS(writer, PLAIT_RECORD_THREAD, thread->process, thread->tid, id);
}

static struct plait_error *put_thread_name(struct plait_recording_writer *writer,
					   const struct plait_record_thread_name *thread_name)
{
	uint64_t id;
	PLAIT_TRY(intern_all(writer, &thread_name->name, 1, &id));
	return PUT_NUMBERS(writer, PLAIT_RECORD_THREAD_NAME, thread_name->thread, id);
}

static struct plait_error *put_module(struct plait_recording_writer *writer, const struct plait_record_module *module)
{
	uint64_t id;
	PLAIT_TRY(intern_all(writer, &module->path, 1, &id));
	struct plait_buffer *buffer;
	PLAIT_TRY(begin(writer, PLAIT_RECORD_MODULE, &buffer));
	plait_buffer_uleb(buffer, id);
	plait_buffer_uleb(buffer, module->build_id.size);
	plait_buffer_put(buffer, module->build_id.bytes, module->build_id.size);
	put_all(buffer, (uint64_t[]) { module->device, module->inode, module->size }, 3);
	return commit(writer, buffer);
}

static struct plait_error *put_code(struct plait_recording_writer *writer, const struct plait_record_code *code)
{
	uint64_t ids[3];
	PLAIT_TRY(intern_all(writer, (const char *[]) { code->name, code->qualname, code->filename }, 3, ids));
	struct plait_buffer *buffer;
	PLAIT_TRY(begin(writer, PLAIT_RECORD_CODE, &buffer));
	put_all(buffer, ids, 3);
	plait_buffer_zigzag(buffer, (uint64_t)(int64_t)code->first_line);
	return commit(writer, buffer);
}

/* The frame with what its kind does not use set to none. */
static struct plait_frame_key normalize(const struct plait_record_frame *frame)
{
	struct plait_frame_key key = { .kind = frame->kind,
				       .module = PLAIT_NONE,
				       .process = PLAIT_NONE,
				       .code = PLAIT_NONE,
				       .column = -1,
				       .end_column = -1 };
	if (frame->kind == PLAIT_FRAME_NATIVE) {
		key.module = frame->module;
		key.process = frame->module == PLAIT_NONE ? frame->process : PLAIT_NONE;
	}
	if (frame->kind == PLAIT_FRAME_NATIVE || frame->kind == PLAIT_FRAME_KERNEL)
		key.address = frame->address;
	if (frame->kind == PLAIT_FRAME_PYTHON) {
		key.code = frame->code;
		key.line = frame->line;
		key.end_line = frame->end_line;
		key.column = frame->column;
		key.end_column = frame->end_column;
	}
	return key;
}

static void encode_frame(struct plait_recording_writer *writer, struct plait_buffer *buffer,
			 const struct plait_frame_key *key)
{
	plait_buffer_uleb(buffer, key->kind);
	if (key->kind == PLAIT_FRAME_NATIVE) {
		plait_buffer_uleb(buffer, optional(key->module));
		if (key->module == PLAIT_NONE)
			plait_buffer_uleb(buffer, optional(key->process));
	}
	if (key->kind == PLAIT_FRAME_NATIVE || key->kind == PLAIT_FRAME_KERNEL) {
		plait_buffer_zigzag(buffer, key->address - writer->last_address[key->kind]);
		writer->last_address[key->kind] = key->address;
	}
	if (key->kind == PLAIT_FRAME_PYTHON) {
		plait_buffer_uleb(buffer, key->code);
		plait_buffer_zigzag(buffer, (uint64_t)(int64_t)key->line);
		plait_buffer_zigzag(buffer, (uint64_t)((int64_t)key->end_line - key->line));
		plait_buffer_zigzag(buffer, (uint64_t)(int64_t)key->column);
		plait_buffer_zigzag(buffer, (uint64_t)(int64_t)key->end_column);
	}
}

static struct plait_error *add_frame(struct plait_recording_writer *writer, const struct plait_record_frame *frame,
				     uint32_t *ret_id)
{
	struct plait_frame_key key = normalize(frame);
	struct plait_buffer *buffer = &writer->definitions[PLAIT_RECORD_FRAME];
	if (!plait_buffer_reserve(buffer, 6 * PLAIT_ULEB_MAX)) {
		buffer->failed = false;
		return plait_error_no_memory();
	}
	bool added;
	uint32_t id = plait_frame_table_add(&writer->frames, &key, &added);
	if (id == PLAIT_NONE)
		return plait_error_no_memory();
	if (added)
		encode_frame(writer, buffer, &key);
	writer->counts[PLAIT_RECORD_FRAME] += added;
	if (ret_id)
		*ret_id = id;
	return NULL;
}

static struct plait_error *add_node(struct plait_recording_writer *writer, uint32_t parent, uint32_t frame,
				    uint32_t *ret_id)
{
	uint32_t node = plait_node_table_find(&writer->nodes, parent, frame);
	if (node == PLAIT_NONE) {
		struct plait_buffer *buffer = &writer->definitions[PLAIT_RECORD_NODE];
		if (!plait_buffer_reserve(buffer, 2 * PLAIT_ULEB_MAX) ||
		    (node = plait_node_table_add(&writer->nodes, parent, frame)) == PLAIT_NONE) {
			buffer->failed = false;
			return plait_error_no_memory();
		}
		plait_buffer_uleb(buffer, parent == PLAIT_NONE ? 0 : node - parent);
		plait_buffer_zigzag(buffer, (uint64_t)frame - writer->last_node_frame);
		writer->last_node_frame = frame;
		writer->counts[PLAIT_RECORD_NODE]++;
	}
	if (ret_id)
		*ret_id = node;
	return NULL;
}

static struct plait_error *put_symbol(struct plait_recording_writer *writer, const struct plait_record_symbol *symbol)
{
	uint64_t(*ids)[2] = calloc(symbol->count ? symbol->count : 1, sizeof(*ids));
	uint64_t(*guard)[2] PLAIT_FREE = ids;
	if (!guard)
		return plait_error_no_memory();
	for (uint32_t i = 0; i < symbol->count; i++) {
		const struct plait_record_symbol_function *function = &symbol->functions[i];
		PLAIT_TRY(intern_all(writer, (const char *[]) { function->name, function->file }, 2, ids[i]));
	}
	struct plait_buffer *buffer;
	PLAIT_TRY(begin(writer, PLAIT_RECORD_SYMBOL, &buffer));
	plait_buffer_uleb(buffer, symbol->frame);
	plait_buffer_zigzag(buffer, symbol->start - writer->last_start);
	plait_buffer_uleb(buffer, symbol->size);
	plait_buffer_uleb(buffer, symbol->count);
	for (uint32_t i = 0; i < symbol->count; i++)
		put_all(buffer, (uint64_t[]) { ids[i][0], ids[i][1], symbol->functions[i].line }, 3);
	PLAIT_TRY(commit(writer, buffer));
	writer->last_start = symbol->start;
	return NULL;
}

static struct plait_error *put_sample(struct plait_recording_writer *writer, const struct plait_record_sample *sample)
{
	struct plait_buffer *unused;
	PLAIT_TRY(begin(writer, PLAIT_RECORD_SAMPLE, &unused));
	/* Room for both first: a sample must not lose its details, nor these their sample. */
	size_t mark = writer->details.entries.count;
	uint64_t skipped = writer->details.skipped;
	if (!plait_detail_encoder_add(&writer->details, sample))
		return plait_error_no_memory();
	if (plait_sample_encoder_add(&writer->samples, sample))
		return NULL;
	plait_buffer_rewind(&writer->details.entries, mark);
	writer->details.skipped = skipped;
	return plait_error_no_memory();
}

static struct plait_error *put_traits(struct plait_recording_writer *writer,
				      const struct plait_record_event_traits *traits)
{
	return PUT_NUMBERS(writer, PLAIT_RECORD_EVENT_TRAITS, traits->event, optional(traits->leader), traits->counting,
			   traits->precise, traits->type, traits->config, traits->config1, traits->config2);
}

static struct plait_error *put_source(struct plait_recording_writer *writer, const struct plait_record_source *source)
{
	uint64_t id;
	PLAIT_TRY(intern_all(writer, &source->path, 1, &id));
	struct plait_buffer *buffer;
	PLAIT_TRY(begin(writer, PLAIT_RECORD_SOURCE, &buffer));
	put_all(buffer, (uint64_t[]) { id, source->size, source->hash, source->content != NULL }, 4);
	if (source->content)
		plait_buffer_put(buffer, source->content, source->size);
	return commit(writer, buffer);
}

static struct plait_error *put_function(struct plait_recording_writer *writer,
					const struct plait_record_function *function)
{
	uint64_t name, *files PLAIT_FREE = calloc(function->line_count + 1, sizeof(*files));
	if (!files)
		return plait_error_no_memory();
	PLAIT_TRY(intern_all(writer, &function->name, 1, &name));
	for (uint32_t i = 0; i < function->line_count; i++)
		PLAIT_TRY(intern_all(writer, &function->lines[i].file, 1, &files[i]));
	struct plait_buffer *buffer;
	PLAIT_TRY(begin(writer, PLAIT_RECORD_FUNCTION, &buffer));
	put_all(buffer, (uint64_t[]) { function->module, function->start, name, function->code_size }, 4);
	plait_buffer_put(buffer, function->code, function->code_size);
	plait_buffer_uleb(buffer, function->line_count);
	uint32_t offset = 0;
	for (uint32_t i = 0; i < function->line_count; i++) {
		put_all(buffer, (uint64_t[]) { function->lines[i].offset - offset, function->lines[i].line, files[i] },
			3);
		offset = function->lines[i].offset;
	}
	return commit(writer, buffer);
}

static struct plait_error *put_note(struct plait_recording_writer *writer, const struct plait_record_note *note)
{
	uint64_t id;
	PLAIT_TRY(intern_all(writer, &note->text, 1, &id));
	return PUT_NUMBERS(writer, PLAIT_RECORD_NOTE, id);
}

static struct plait_error *put_record(struct plait_recording_writer *writer, const struct plait_record *record)
{
	switch (record->kind) {
	case PLAIT_RECORD_HEADER:
		return put_header(writer, &record->header);
	case PLAIT_RECORD_EVENT:
		return put_event(writer, &record->event);
	case PLAIT_RECORD_PROCESS:
		return put_process(writer, &record->process);
	case PLAIT_RECORD_THREAD:
		return put_thread(writer, &record->thread);
	case PLAIT_RECORD_THREAD_NAME:
		return put_thread_name(writer, &record->thread_name);
	case PLAIT_RECORD_MODULE:
		return put_module(writer, &record->module);
	case PLAIT_RECORD_CODE:
		return put_code(writer, &record->code);
	case PLAIT_RECORD_SAMPLE:
		return put_sample(writer, &record->sample);
	case PLAIT_RECORD_LOST:
		return PUT_NUMBERS(writer, PLAIT_RECORD_LOST, record->lost.time, record->lost.count,
				   record->lost.throttled);
	case PLAIT_RECORD_SYMBOL:
		return put_symbol(writer, &record->symbol);
	case PLAIT_RECORD_NOTE:
		return put_note(writer, &record->note);
	case PLAIT_RECORD_END:
		return PUT_NUMBERS(writer, PLAIT_RECORD_END, record->end.time);
	case PLAIT_RECORD_EVENT_TRAITS:
		return put_traits(writer, &record->event_traits);
	case PLAIT_RECORD_COUNT:
		return PUT_NUMBERS(writer, PLAIT_RECORD_COUNT, record->count.event, record->count.value,
				   record->count.enabled, record->count.running);
	case PLAIT_RECORD_SOURCE:
		return put_source(writer, &record->source);
	case PLAIT_RECORD_FUNCTION:
		return put_function(writer, &record->function);
	case PLAIT_RECORD_FRAME:
	case PLAIT_RECORD_NODE:
		break; /* interned: add_frame(), add_node() */
	}
	return NULL;
}

struct plait_error *plait_recording_writer_add(struct plait_recording_writer *writer, const struct plait_record *record,
					       uint32_t *ret_id)
{
	if (!plait_record_is_valid(writer->counts, record))
		return plait_error_new(PLAIT_ERROR_INVALID,
				       "a record of kind %d does not fit what %s has defined before it",
				       (int)record->kind, writer->file.path);
	PLAIT_TRY(make_room(writer));
	if (record->kind == PLAIT_RECORD_FRAME)
		return add_frame(writer, &record->frame, ret_id);
	if (record->kind == PLAIT_RECORD_NODE)
		return add_node(writer, record->node.parent, record->node.frame, ret_id);
	uint32_t *count = &writer->counts[record->kind];
	if (*count >= PLAIT_NONE - 1 && defines(record->kind))
		return plait_error_new(PLAIT_ERROR_UNSUPPORTED, "%s has no more ids", writer->file.path);
	PLAIT_TRY(put_record(writer, record));
	if (defines(record->kind)) {
		if (ret_id)
			*ret_id = *count;
		++*count;
	}
	return NULL;
}

struct plait_error *plait_recording_writer_add_stack(struct plait_recording_writer *writer, const uint32_t *frames,
						     size_t count, uint32_t *ret_node)
{
	PLAIT_TRY(make_room(writer));
	if (count > writer->last_stack.count &&
	    !plait_vec_reserve(&writer->last_stack, count - writer->last_stack.count))
		return plait_error_no_memory();
	struct step *steps = writer->last_stack.data;
	uint32_t node = PLAIT_NONE;
	size_t depth = 0;
	for (; depth < count && depth < writer->last_stack.count; depth++) {
		if (steps[depth].frame != frames[count - 1 - depth])
			break;
		node = steps[depth].node;
	}
	writer->last_stack.count = depth;
	for (; depth < count; depth++) {
		uint32_t frame = frames[count - 1 - depth];
		if (frame >= writer->counts[PLAIT_RECORD_FRAME])
			return plait_error_new(PLAIT_ERROR_INVALID, "a stack names frame %u, of %u", frame,
					       writer->counts[PLAIT_RECORD_FRAME]);
		PLAIT_TRY(add_node(writer, node, frame, &node));
		steps[depth] = (struct step) { frame, node };
		writer->last_stack.count = depth + 1;
	}
	*ret_node = node;
	return NULL;
}

/* --- lifetime --- */

static void writer_free(struct plait_recording_writer *writer)
{
	ZSTD_freeCCtx(writer->zstd);
	plait_strtab_destroy(writer->strings);
	plait_frame_table_release(&writer->frames);
	plait_node_table_release(&writer->nodes);
	plait_vec_free(&writer->last_stack);
	plait_buffer_free(&writer->string_sizes);
	plait_buffer_free(&writer->string_bytes);
	for (int kind = 0; kind < PLAIT_SECTION_KINDS; kind++)
		plait_buffer_free(&writer->definitions[kind]);
	plait_buffer_free(&writer->body);
	plait_vec_free(&writer->body_cuts);
	plait_buffer_free(&writer->run);
	plait_sample_encoder_release(&writer->samples);
	plait_detail_encoder_release(&writer->details);
	plait_buffer_free(&writer->content);
	plait_buffer_free(&writer->block);
	plait_vec_free(&writer->cuts);
	free(writer);
}

static struct plait_error *write_start(struct plait_recording_writer *writer, const struct plait_record_header *header)
{
	uint8_t start[PLAIT_RECORDING_HEADER_SIZE];
	plait_file_header_put(start);
	PLAIT_TRY(plait_output_file_append(&writer->file, start, sizeof(start)));
	PLAIT_TRY(put_header(writer, header));
	return plait_recording_writer_flush(writer);
}

struct plait_error *plait_recording_writer_create(const char *path, const struct plait_record_header *header,
						  struct plait_recording_writer **ret)
{
	struct plait_recording_writer *writer = calloc(1, sizeof(*writer));
	if (!writer)
		return plait_error_no_memory();
	writer->zstd = ZSTD_createCCtx();
	writer->strings = plait_strtab_create();
	plait_crc32_init(&writer->crc);
	struct plait_error *error =
		writer->zstd && writer->strings ? plait_output_file_open(path, &writer->file) : plait_error_no_memory();
	if (error) {
		writer_free(writer);
		return error;
	}
	error = write_start(writer, header);
	if (error) {
		writer->file.size = 0; /* nothing worth keeping */
		plait_recording_writer_abandon(writer);
		return error;
	}
	*ret = writer;
	return NULL;
}

uint64_t plait_recording_writer_size(const struct plait_recording_writer *writer)
{
	return writer->file.size;
}

struct plait_error *plait_recording_writer_finish(struct plait_recording_writer *writer, uint64_t time)
{
	struct plait_record end = { .kind = PLAIT_RECORD_END, .end.time = time };
	struct plait_error *error = make_room(writer);
	if (!error)
		error = put_record(writer, &end);
	if (!error)
		error = plait_recording_writer_flush(writer);
	struct plait_error *closing = plait_output_file_close(&writer->file);
	writer_free(writer);
	if (!error)
		return closing;
	plait_error_free(closing);
	return error;
}

void plait_recording_writer_abandon(struct plait_recording_writer *writer)
{
	if (!writer)
		return;
	plait_output_file_abandon(&writer->file);
	writer_free(writer);
}
