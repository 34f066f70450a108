#include "output/recording/reader.h"

#include <errno.h>
#include <zstd.h>

#include "common/bytes.h"
#include "common/cleanup.h"
#include "output/recording/block.h"
#include "output/recording/details.h"
#include "output/recording/format.h"
#include "output/recording/input.h"
#include "output/recording/samples.h"
#include "output/recording/strings.h"

struct plait_recording_reader {
	struct plait_input input;
	char *name; /* for errors */
	struct plait_crc32 crc;
	ZSTD_DCtx *zstd;
	struct plait_buffer content;
	struct plait_bytes block; /* what is left of the content */
	uint64_t block_offset;	  /* of the block in the file */
	uint32_t sequence;	  /* of the next block */

	struct plait_bytes section; /* what is left of the section */
	uint64_t section_kind;
	struct plait_sample_decoder samples;
	struct plait_detail_decoder details; /* of those samples */
	struct plait_bytes detail_payload;   /* for the SAMPLE section that follows; at NULL: none */
	uint64_t last_address[PLAIT_FRAME_UNMERGED + 1], last_start;
	uint32_t last_node_frame;

	struct plait_strings strings;
	uint32_t counts[PLAIT_SECTION_KINDS]; /* records of each kind so far */
	PLAIT_VEC(struct plait_record_symbol_function) functions;
	PLAIT_VEC(struct plait_record_function_line) lines;
	bool out_of_memory; /* why a parser failed */
	bool at_end;	    /* nothing more comes: the file ended, or it is damaged from here on */
};

static const char *const kind_names[PLAIT_SECTION_KINDS] = {
	[PLAIT_SECTION_STRINGS] = "STRINGS", [PLAIT_RECORD_HEADER] = "HEADER",
	[PLAIT_RECORD_EVENT] = "EVENT",	     [PLAIT_RECORD_PROCESS] = "PROCESS",
	[PLAIT_RECORD_THREAD] = "THREAD",    [PLAIT_RECORD_THREAD_NAME] = "THREAD_NAME",
	[PLAIT_RECORD_MODULE] = "MODULE",    [PLAIT_RECORD_CODE] = "CODE",
	[PLAIT_RECORD_FRAME] = "FRAME",	     [PLAIT_RECORD_NODE] = "NODE",
	[PLAIT_RECORD_SAMPLE] = "SAMPLE",    [PLAIT_RECORD_LOST] = "LOST",
	[PLAIT_RECORD_SYMBOL] = "SYMBOL",    [PLAIT_RECORD_NOTE] = "NOTE",
	[PLAIT_RECORD_END] = "END",	     [PLAIT_RECORD_EVENT_TRAITS] = "EVENT_TRAITS",
	[PLAIT_RECORD_COUNT] = "COUNT",	     [PLAIT_SECTION_DETAILS] = "DETAIL",
	[PLAIT_RECORD_SOURCE] = "SOURCE",    [PLAIT_RECORD_FUNCTION] = "FUNCTION",
};

/* --- errors: each of them ends the reading --- */

static struct plait_error *damaged(struct plait_recording_reader *reader, const char *what)
{
	reader->at_end = true;
	return plait_error_advise(plait_error_new(PLAIT_ERROR_INVALID, "%s is damaged: the block at byte %llu %s",
						  reader->name, (unsigned long long)reader->block_offset, what),
				  "what comes before that byte is good, and is all that can be used");
}

static struct plait_error *bad_section(struct plait_recording_reader *reader)
{
	char what[64];
	snprintf(what, sizeof(what), "holds a %s record that makes no sense", kind_names[reader->section_kind]);
	return damaged(reader, what);
}

static struct plait_error *no_memory(struct plait_recording_reader *reader)
{
	reader->at_end = true;
	return plait_error_no_memory();
}

static struct plait_error *take(struct plait_recording_reader *reader, size_t size, const uint8_t **ret_data,
				size_t *ret_size)
{
	int err = plait_input_take(&reader->input, size, ret_data, ret_size);
	if (!err)
		return NULL;
	reader->at_end = true;
	return err == ENOMEM ? plait_error_no_memory()
			     : plait_error_system(err, "cannot read the recording %s", reader->name);
}

/* --- records --- */

/* Each parser below fills `ret` from the cursor. It need not look at bytes->failed; it returns false when a number
 * makes no sense. */
typedef bool parse_function(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret);

static bool take_string(struct plait_recording_reader *reader, struct plait_bytes *bytes, const char **ret)
{
	uint64_t id = plait_bytes_uleb(bytes);
	*ret = id < reader->strings.texts.count ? reader->strings.texts.data[id] : "";
	return id == 0 || id < reader->strings.texts.count;
}

/* A number of 32 bits. */
static bool take_u32(struct plait_bytes *bytes, uint32_t *ret)
{
	uint64_t value = plait_bytes_uleb(bytes);
	*ret = (uint32_t)value;
	return value <= UINT32_MAX;
}

static bool take_s32(struct plait_bytes *bytes, int64_t base, int32_t *ret)
{
	int64_t value;
	if (__builtin_add_overflow(base, plait_bytes_zigzag(bytes), &value) || value < INT32_MIN || value > INT32_MAX)
		return false;
	*ret = (int32_t)value;
	return true;
}

/* An index of something that was defined before. */
static bool take_index(const struct plait_recording_reader *reader, struct plait_bytes *bytes,
		       enum plait_record_kind kind, uint32_t *ret)
{
	return take_u32(bytes, ret) && *ret < reader->counts[kind];
}

/* The same, or 0 for PLAIT_NONE and else one more. */
static bool take_optional(const struct plait_recording_reader *reader, struct plait_bytes *bytes,
			  enum plait_record_kind kind, uint32_t *ret)
{
	uint64_t value = plait_bytes_uleb(bytes);
	*ret = (uint32_t)(value - 1);
	return value <= reader->counts[kind];
}

static bool parse_header(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	struct plait_record_header *header = &ret->header;
	if (reader->counts[PLAIT_RECORD_HEADER] || !take_string(reader, bytes, &header->command) ||
	    !take_string(reader, bytes, &header->host) || !take_string(reader, bytes, &header->kernel) ||
	    !take_string(reader, bytes, &header->architecture) || !take_string(reader, bytes, &header->plait_version) ||
	    !take_string(reader, bytes, &header->engine))
		return false;
	header->started_unix_ns = plait_bytes_uleb(bytes);
	header->started_ns = plait_bytes_uleb(bytes);
	return take_u32(bytes, &header->cpu_count);
}

static bool parse_event(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	if (!take_string(reader, bytes, &ret->event.name))
		return false;
	uint64_t flags = plait_bytes_uleb(bytes);
	ret->event.unit_ns = flags & 1;
	ret->event.frequency = plait_bytes_uleb(bytes);
	ret->event.period = plait_bytes_uleb(bytes);
	return flags <= 1 && take_string(reader, bytes, &ret->event.note);
}

static bool parse_process(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	struct plait_record_process *process = &ret->process;
	if (!take_u32(bytes, &process->pid) || !take_optional(reader, bytes, PLAIT_RECORD_PROCESS, &process->parent))
		return false;
	process->time = plait_bytes_uleb(bytes);
	return take_string(reader, bytes, &process->name) && take_string(reader, bytes, &process->command) &&
	       take_string(reader, bytes, &process->python);
}

static bool parse_thread(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	return take_index(reader, bytes, PLAIT_RECORD_PROCESS, &ret->thread.process) &&
	       take_u32(bytes, &ret->thread.tid) && take_string(reader, bytes, &ret->thread.name);
}

static bool parse_thread_name(struct plait_recording_reader *reader, struct plait_bytes *bytes,
			      struct plait_record *ret)
{
	return take_index(reader, bytes, PLAIT_RECORD_THREAD, &ret->thread_name.thread) &&
	       take_string(reader, bytes, &ret->thread_name.name);
}

static bool parse_module(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	struct plait_record_module *module = &ret->module;
	if (!take_string(reader, bytes, &module->path))
		return false;
	uint64_t size = plait_bytes_uleb(bytes);
	if (size > PLAIT_BUILD_ID_MAX)
		return false;
	module->build_id = (struct plait_build_id) { .size = (uint8_t)size };
	plait_bytes_read(bytes, module->build_id.bytes, size);
	module->device = plait_bytes_uleb(bytes);
	module->inode = plait_bytes_uleb(bytes);
	module->size = plait_bytes_uleb(bytes);
	return true;
}

static bool parse_code(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	struct plait_record_code *code = &ret->code;
	return take_string(reader, bytes, &code->name) && take_string(reader, bytes, &code->qualname) &&
	       take_string(reader, bytes, &code->filename) && take_s32(bytes, 0, &code->first_line);
}

static uint64_t take_address(struct plait_recording_reader *reader, struct plait_bytes *bytes, unsigned kind)
{
	return reader->last_address[kind] += (uint64_t)plait_bytes_zigzag(bytes);
}

static bool parse_frame(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	struct plait_record_frame *frame = &ret->frame;
	*frame = (struct plait_record_frame) {
		.module = PLAIT_NONE, .process = PLAIT_NONE, .code = PLAIT_NONE, .column = -1, .end_column = -1
	};
	uint64_t kind = plait_bytes_uleb(bytes);
	if (kind > PLAIT_FRAME_UNMERGED)
		return false;
	frame->kind = (enum plait_frame_kind)kind;
	switch (frame->kind) {
	case PLAIT_FRAME_NATIVE:
		if (!take_optional(reader, bytes, PLAIT_RECORD_MODULE, &frame->module) ||
		    (frame->module == PLAIT_NONE &&
		     !take_optional(reader, bytes, PLAIT_RECORD_PROCESS, &frame->process)))
			return false;
		frame->address = take_address(reader, bytes, PLAIT_FRAME_NATIVE);
		return true;
	case PLAIT_FRAME_KERNEL:
		frame->address = take_address(reader, bytes, PLAIT_FRAME_KERNEL);
		return true;
	case PLAIT_FRAME_PYTHON:
		return take_index(reader, bytes, PLAIT_RECORD_CODE, &frame->code) && take_s32(bytes, 0, &frame->line) &&
		       take_s32(bytes, frame->line, &frame->end_line) && take_s32(bytes, 0, &frame->column) &&
		       take_s32(bytes, 0, &frame->end_column);
	case PLAIT_FRAME_GAP:
	case PLAIT_FRAME_TRUNCATED:
	case PLAIT_FRAME_UNMERGED:
		break;
	}
	return true;
}

static bool parse_node(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	uint64_t distance = plait_bytes_uleb(bytes);
	uint64_t frame = reader->last_node_frame + (uint64_t)plait_bytes_zigzag(bytes);
	uint32_t own = reader->counts[PLAIT_RECORD_NODE];
	if (distance > own || frame >= reader->counts[PLAIT_RECORD_FRAME])
		return false;
	ret->node.parent = distance ? own - (uint32_t)distance : PLAIT_NONE;
	ret->node.frame = reader->last_node_frame = (uint32_t)frame;
	return true;
}

static bool parse_lost(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	(void)reader;
	ret->lost.time = plait_bytes_uleb(bytes);
	ret->lost.count = plait_bytes_uleb(bytes);
	uint64_t flags = plait_bytes_uleb(bytes);
	ret->lost.throttled = flags & 1;
	return flags <= 1;
}

static bool parse_symbol(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	struct plait_record_symbol *symbol = &ret->symbol;
	if (!take_index(reader, bytes, PLAIT_RECORD_FRAME, &symbol->frame))
		return false;
	symbol->start = reader->last_start += (uint64_t)plait_bytes_zigzag(bytes);
	symbol->size = plait_bytes_uleb(bytes);
	uint64_t count = plait_bytes_uleb(bytes);
	reader->functions.count = 0;
	if (count > PLAIT_SYMBOL_FUNCTIONS_MAX || count > plait_bytes_left(bytes))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		struct plait_record_symbol_function function;
		if (!take_string(reader, bytes, &function.name) || !take_string(reader, bytes, &function.file) ||
		    !take_u32(bytes, &function.line))
			return false;
		if (!plait_vec_push(&reader->functions, function)) {
			reader->out_of_memory = true;
			return false;
		}
	}
	symbol->functions = reader->functions.data;
	symbol->count = (uint32_t)count;
	return true;
}

static bool parse_note(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	return take_string(reader, bytes, &ret->note.text);
}

static bool parse_end(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	(void)reader;
	ret->end.time = plait_bytes_uleb(bytes);
	return true;
}

static bool parse_traits(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	struct plait_record_event_traits *traits = &ret->event_traits;
	if (!take_index(reader, bytes, PLAIT_RECORD_EVENT, &traits->event) ||
	    !take_optional(reader, bytes, PLAIT_RECORD_EVENT, &traits->leader))
		return false;
	uint64_t flags = plait_bytes_uleb(bytes), precise = plait_bytes_uleb(bytes);
	traits->counting = flags & 1;
	traits->precise = (uint8_t)precise;
	if (flags > 1 || precise > 3 || !take_u32(bytes, &traits->type))
		return false;
	traits->config = plait_bytes_uleb(bytes);
	traits->config1 = plait_bytes_uleb(bytes);
	traits->config2 = plait_bytes_uleb(bytes);
	return true;
}

static bool parse_count(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	if (!take_index(reader, bytes, PLAIT_RECORD_EVENT, &ret->count.event))
		return false;
	ret->count.value = plait_bytes_uleb(bytes);
	ret->count.enabled = plait_bytes_uleb(bytes);
	ret->count.running = plait_bytes_uleb(bytes);
	return true;
}

static bool parse_source(struct plait_recording_reader *reader, struct plait_bytes *bytes, struct plait_record *ret)
{
	struct plait_record_source *source = &ret->source;
	if (!take_string(reader, bytes, &source->path))
		return false;
	source->size = plait_bytes_uleb(bytes);
	source->hash = plait_bytes_uleb(bytes);
	uint64_t flags = plait_bytes_uleb(bytes);
	source->content = NULL;
	if (flags > 1 || (flags && source->size > PLAIT_SOURCE_MAX))
		return false;
	if (flags)
		source->content = plait_bytes_take(bytes, source->size);
	return true;
}

static bool parse_lines(struct plait_recording_reader *reader, struct plait_bytes *bytes, uint64_t count)
{
	uint32_t offset = 0;
	reader->lines.count = 0;
	for (uint64_t i = 0; i < count; i++) {
		struct plait_record_function_line line;
		uint64_t step = plait_bytes_uleb(bytes);
		if (step > UINT32_MAX - offset || !take_u32(bytes, &line.line) ||
		    !take_string(reader, bytes, &line.file))
			return false;
		line.offset = offset += (uint32_t)step;
		if (!plait_vec_push(&reader->lines, line)) {
			reader->out_of_memory = true;
			return false;
		}
	}
	return true;
}

static bool parse_function_code(struct plait_recording_reader *reader, struct plait_bytes *bytes,
				struct plait_record *ret)
{
	struct plait_record_function *function = &ret->function;
	if (!take_index(reader, bytes, PLAIT_RECORD_MODULE, &function->module))
		return false;
	function->start = plait_bytes_uleb(bytes);
	if (!take_string(reader, bytes, &function->name) || !take_u32(bytes, &function->code_size) ||
	    function->code_size > PLAIT_FUNCTION_CODE_MAX)
		return false;
	function->code = plait_bytes_take(bytes, function->code_size);
	uint64_t count = plait_bytes_uleb(bytes);
	if (count > PLAIT_FUNCTION_LINES_MAX || count > plait_bytes_left(bytes) || !parse_lines(reader, bytes, count))
		return false;
	function->lines = reader->lines.data;
	function->line_count = (uint32_t)count;
	return true;
}

static parse_function *const parsers[PLAIT_SECTION_KINDS] = {
	[PLAIT_RECORD_HEADER] = parse_header,
	[PLAIT_RECORD_EVENT] = parse_event,
	[PLAIT_RECORD_PROCESS] = parse_process,
	[PLAIT_RECORD_THREAD] = parse_thread,
	[PLAIT_RECORD_THREAD_NAME] = parse_thread_name,
	[PLAIT_RECORD_MODULE] = parse_module,
	[PLAIT_RECORD_CODE] = parse_code,
	[PLAIT_RECORD_FRAME] = parse_frame,
	[PLAIT_RECORD_NODE] = parse_node,
	[PLAIT_RECORD_LOST] = parse_lost,
	[PLAIT_RECORD_SYMBOL] = parse_symbol,
	[PLAIT_RECORD_NOTE] = parse_note,
	[PLAIT_RECORD_END] = parse_end,
	[PLAIT_RECORD_EVENT_TRAITS] = parse_traits,
	[PLAIT_RECORD_COUNT] = parse_count,
	[PLAIT_RECORD_SOURCE] = parse_source,
	[PLAIT_RECORD_FUNCTION] = parse_function_code,
};

/* --- blocks and sections --- */

/* Whether only zeros come: what a file system may leave behind a file when the machine went down. */
static struct plait_error *only_zeros(struct plait_recording_reader *reader, const uint8_t *data, size_t size,
				      bool *ret_zeros)
{
	while (size) {
		for (size_t i = 0; i < size; i++) {
			if (data[i])
				return NULL;
		}
		PLAIT_TRY(take(reader, 1 << 16, &data, &size));
	}
	*ret_zeros = true;
	return NULL;
}

static struct plait_error *block_error(struct plait_recording_reader *reader, enum plait_block_status status)
{
	switch (status) {
	case PLAIT_BLOCK_BAD_CHECKSUM:
		return damaged(reader, "does not match its checksum");
	case PLAIT_BLOCK_BAD_FRAME:
		return damaged(reader, "cannot be decompressed");
	case PLAIT_BLOCK_NO_MEMORY:
		return no_memory(reader);
	case PLAIT_BLOCK_OK:
		break;
	}
	return NULL;
}

/* Reads and decompresses the next block; `*ret_more` false when the file ends, in order or not. */
static struct plait_error *next_block(struct plait_recording_reader *reader, bool *ret_more)
{
	const uint8_t *data;
	size_t size;
	struct plait_block_header header;
	reader->block_offset = reader->input.offset;
	*ret_more = false;
	PLAIT_TRY(take(reader, PLAIT_BLOCK_HEADER_SIZE, &data, &size));
	if (size && reader->counts[PLAIT_RECORD_END])
		return damaged(reader, "comes after the end of the recording");
	if (size < PLAIT_BLOCK_HEADER_SIZE)
		return NULL;
	if (!plait_block_header_get(&reader->crc, data, &header)) {
		bool zeros = false;
		PLAIT_TRY(only_zeros(reader, data, size, &zeros));
		return zeros ? NULL : damaged(reader, "does not begin with a whole block header");
	}
	if (header.sequence != reader->sequence)
		return damaged(reader, "is not the one that belongs there: a part of the file is missing");
	PLAIT_TRY(take(reader, header.compressed_size, &data, &size));
	if (size < header.compressed_size)
		return NULL;
	PLAIT_TRY(block_error(reader, plait_block_open(reader->zstd, &reader->crc, &header, data, &reader->content)));
	reader->sequence++;
	reader->block = plait_bytes(reader->content.data, reader->content.count);
	*ret_more = true;
	return NULL;
}

static struct plait_error *add_strings(struct plait_recording_reader *reader)
{
	struct plait_bytes payload = reader->section;
	reader->section.at = reader->section.end;
	switch (plait_strings_add(&reader->strings, payload)) {
	case PLAIT_STRINGS_INVALID:
		return bad_section(reader);
	case PLAIT_STRINGS_TOO_LARGE:
		return damaged(reader, "brings more text than a recording may hold");
	case PLAIT_STRINGS_NO_MEMORY:
		return no_memory(reader);
	case PLAIT_STRINGS_OK:
		break;
	}
	return NULL;
}

static struct plait_error *start_samples(struct plait_recording_reader *reader)
{
	struct plait_bytes payload = reader->section;
	struct plait_sample_bounds bounds = {
		.threads = reader->counts[PLAIT_RECORD_THREAD],
		.events = reader->counts[PLAIT_RECORD_EVENT],
		.nodes = reader->counts[PLAIT_RECORD_NODE],
	};
	struct plait_bytes details = reader->detail_payload;
	reader->detail_payload = (struct plait_bytes) { 0 };
	reader->section.at = reader->section.end;
	if (plait_sample_decoder_start(&reader->samples, payload, &bounds) &&
	    plait_detail_decoder_start(&reader->details, details, bounds.events))
		return NULL;
	reader->samples.left = 0;
	return bad_section(reader);
}

/* Enters the next section of the block. */
static struct plait_error *next_section(struct plait_recording_reader *reader)
{
	reader->section_kind = plait_bytes_uleb(&reader->block);
	uint64_t size = plait_bytes_uleb(&reader->block);
	const void *payload = plait_bytes_take(&reader->block, size);
	if (!payload)
		return damaged(reader, "holds a section that is longer than the block");
	reader->section = plait_bytes(payload, size);
	memset(reader->last_address, 0, sizeof(reader->last_address));
	reader->last_start = 0;
	reader->last_node_frame = 0;
	if (reader->counts[PLAIT_RECORD_END])
		return damaged(reader, "has records after the END record");
	if (reader->detail_payload.at && reader->section_kind != PLAIT_RECORD_SAMPLE)
		return damaged(reader, "holds a DETAIL section without samples");
	if (reader->section_kind == PLAIT_SECTION_STRINGS)
		return add_strings(reader);
	if (reader->section_kind >= PLAIT_SECTION_KINDS) {
		reader->section.at = reader->section.end; /* of a later minor version */
		return NULL;
	}
	if (!reader->counts[PLAIT_RECORD_HEADER] && reader->section_kind != PLAIT_RECORD_HEADER)
		return damaged(reader, "comes before the HEADER record");
	if (reader->section_kind == PLAIT_SECTION_DETAILS) {
		reader->detail_payload = reader->section;
		reader->section.at = reader->section.end;
		return NULL;
	}
	return reader->section_kind == PLAIT_RECORD_SAMPLE ? start_samples(reader) : NULL;
}

static struct plait_error *next_sample(struct plait_recording_reader *reader, struct plait_record *ret)
{
	ret->kind = PLAIT_RECORD_SAMPLE;
	ret->id = 0;
	enum plait_sample_status status = plait_sample_decoder_next(&reader->samples, &ret->sample);
	if (status == PLAIT_SAMPLE_OK)
		status = plait_detail_decoder_next(&reader->details, &ret->sample);
	if (status == PLAIT_SAMPLE_OK && !reader->samples.left && !plait_detail_decoder_done(&reader->details))
		status = PLAIT_SAMPLE_INVALID;
	switch (status) {
	case PLAIT_SAMPLE_INVALID:
		return bad_section(reader);
	case PLAIT_SAMPLE_NO_MEMORY:
		return no_memory(reader);
	case PLAIT_SAMPLE_OK:
		break;
	}
	return NULL;
}

static bool defines(enum plait_record_kind kind)
{
	return kind >= PLAIT_RECORD_EVENT && kind <= PLAIT_RECORD_NODE && kind != PLAIT_RECORD_THREAD_NAME;
}

static struct plait_error *next_record(struct plait_recording_reader *reader, struct plait_record *ret)
{
	enum plait_record_kind kind = (enum plait_record_kind)reader->section_kind;
	ret->kind = kind;
	ret->id = defines(kind) ? reader->counts[kind] : 0;
	if (reader->counts[PLAIT_RECORD_END] || ret->id >= PLAIT_NONE - 1 ||
	    !parsers[kind](reader, &reader->section, ret) || reader->section.failed)
		return reader->out_of_memory ? no_memory(reader) : bad_section(reader);
	if (reader->counts[kind] < PLAIT_NONE)
		reader->counts[kind]++;
	return NULL;
}

struct plait_error *plait_recording_reader_next(struct plait_recording_reader *reader, struct plait_record *ret,
						bool *ret_more)
{
	*ret_more = true;
	while (!reader->at_end) {
		if (reader->samples.left)
			return next_sample(reader, ret);
		if (plait_bytes_left(&reader->section))
			return next_record(reader, ret);
		if (plait_bytes_left(&reader->block)) {
			PLAIT_TRY(next_section(reader));
			continue;
		}
		if (reader->detail_payload.at)
			return damaged(reader, "holds a DETAIL section without samples");
		bool more;
		PLAIT_TRY(next_block(reader, &more));
		reader->at_end = !more;
	}
	*ret_more = false;
	return NULL;
}

bool plait_recording_reader_cut(const struct plait_recording_reader *reader)
{
	return !reader->counts[PLAIT_RECORD_END];
}

/* --- lifetime --- */

static struct plait_error *not_a_recording(const struct plait_recording_reader *reader, const uint8_t *data,
					   size_t size)
{
	if (!size)
		return plait_error_new(PLAIT_ERROR_INVALID, "%s is empty, not a plait recording", reader->name);
	if (size >= 8 && !memcmp(data, "PERFILE2", 8))
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_INVALID, "%s is a recording of perf, not of plait", reader->name),
			"read it with perf report");
	return plait_error_advise(plait_error_new(PLAIT_ERROR_INVALID, "%s is not a plait recording", reader->name),
				  "name a file that plait record wrote");
}

static struct plait_error *check_file_header(struct plait_recording_reader *reader)
{
	const uint8_t *data;
	size_t size;
	PLAIT_TRY(take(reader, PLAIT_RECORDING_HEADER_SIZE, &data, &size));
	size_t known = size < PLAIT_RECORDING_MAGIC_SIZE ? size : PLAIT_RECORDING_MAGIC_SIZE;
	if (!size || memcmp(data, PLAIT_RECORDING_MAGIC, known))
		return not_a_recording(reader, data, size);
	if (size < PLAIT_RECORDING_HEADER_SIZE)
		return plait_error_new(PLAIT_ERROR_INVALID, "%s ends in its first %zu bytes: nothing was recorded",
				       reader->name, size);
	struct plait_bytes bytes = plait_bytes(data, size);
	plait_bytes_take(&bytes, PLAIT_RECORDING_MAGIC_SIZE);
	unsigned major = plait_bytes_u16(&bytes), minor = plait_bytes_u16(&bytes);
	uint32_t flags = plait_bytes_u32(&bytes);
	if (major == PLAIT_RECORDING_MAJOR && !(flags & ~(uint32_t)PLAIT_RECORDING_FLAGS))
		return NULL;
	return plait_error_advise(
		plait_error_new(PLAIT_ERROR_UNSUPPORTED,
				"%s has format version %u.%u, flags %#x; this plait reads versions %u.x without flags",
				reader->name, major, minor, flags, PLAIT_RECORDING_MAJOR),
		"read it with the plait that wrote it, or a newer one");
}

/* A reader of `input`, which it takes over also when it fails. */
static struct plait_error *reader_create(const char *name, struct plait_input *input,
					 struct plait_recording_reader **ret)
{
	struct plait_recording_reader *reader = calloc(1, sizeof(*reader));
	if (!reader) {
		plait_input_close(input);
		return plait_error_no_memory();
	}
	reader->input = *input;
	reader->name = strdup(name);
	reader->zstd = ZSTD_createDCtx();
	plait_crc32_init(&reader->crc);
	struct plait_error *error = reader->name && reader->zstd ? check_file_header(reader) : plait_error_no_memory();
	if (error) {
		plait_recording_reader_destroy(reader);
		return error;
	}
	*ret = reader;
	return NULL;
}

struct plait_error *plait_recording_reader_open(const char *path, struct plait_recording_reader **ret)
{
	struct plait_input input;
	PLAIT_TRY(plait_input_open(path, &input));
	return reader_create(path, &input, ret);
}

struct plait_error *plait_recording_reader_open_memory(const void *data, size_t size,
						       struct plait_recording_reader **ret)
{
	struct plait_input input = { .fd = -1, .data = size ? data : (const void *)"", .size = size };
	return reader_create("the recording", &input, ret);
}

void plait_recording_reader_destroy(struct plait_recording_reader *reader)
{
	if (!reader)
		return;
	plait_input_close(&reader->input);
	free(reader->name);
	ZSTD_freeDCtx(reader->zstd);
	plait_buffer_free(&reader->content);
	plait_sample_decoder_release(&reader->samples);
	plait_strings_release(&reader->strings);
	plait_detail_decoder_release(&reader->details);
	plait_vec_free(&reader->functions);
	plait_vec_free(&reader->lines);
	free(reader);
}
