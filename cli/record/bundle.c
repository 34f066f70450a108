/* What the end of a recording adds so that it can be annotated anywhere: the machine code of the hot native functions,
 * and what the source files were. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/record/pipeline_internal.h"
#include "common/cleanup.h"
#include "common/file.h"
#include "common/source_hash.h"
#include "symbolize/function.h"

enum {
	FUNCTION_MAX = 256 << 10, /* bytes of one function's code */
	FUNCTIONS_SIZE_MAX = 4 << 20,
	FUNCTION_SHARE_MIN = 1000, /* a function with less than 1/1000 of the samples is not hot */
	SOURCE_MAX = 16 << 20,	   /* bytes of one file: the format's limit */
	SOURCES_SIZE_MAX = 64 << 20,
	SOURCES_MAX = 1 << 16,
};

/* A function that samples fell into. */
struct hot {
	uint32_t file; /* process map's id */
	uint64_t start, address, samples;
};

struct bundle {
	struct plait_pipeline *pipeline;
	PLAIT_VEC(struct hot) functions;
	struct plait_strtab *done; /* paths of sources that are written */
	size_t code_size, source_size;
};

struct plait_error *plait_pipeline_count_leaf(struct plait_pipeline *pipeline, uint32_t frame)
{
	while (pipeline->leaf_samples.count <= frame) {
		if (!plait_vec_push(&pipeline->leaf_samples, 0))
			return plait_error_no_memory();
	}
	pipeline->leaf_samples.data[frame]++;
	return NULL;
}

struct plait_error *plait_pipeline_note_source(struct plait_pipeline *pipeline, const char *path)
{
	bool is_new;
	if (!path || path[0] == '<' || plait_strtab_count(pipeline->source_names) > SOURCES_MAX)
		return NULL;
	if (plait_strtab_add(pipeline->source_names, path, strlen(path), &is_new) == UINT32_MAX ||
	    (is_new && !plait_vec_push(&pipeline->source_pids, pipeline->sample_pid)))
		return plait_error_no_memory();
	return NULL;
}

static int by_function(const void *a, const void *b)
{
	const struct hot *x = a, *y = b;
	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return (x->start > y->start) - (x->start < y->start);
}

static int by_samples(const void *a, const void *b)
{
	const struct hot *x = a, *y = b;
	if (x->samples != y->samples)
		return x->samples > y->samples ? -1 : 1;
	return by_function(a, b);
}

/* The functions of the places that were leaves, hottest first. */
static struct plait_error *find_hot(struct bundle *bundle)
{
	struct plait_pipeline *pipeline = bundle->pipeline;
	for (size_t i = 0; i < pipeline->places.count; i++) {
		const struct plait_frame_place *place = &pipeline->places.data[i];
		if (place->file == PLAIT_NONE || place->frame >= pipeline->leaf_samples.count ||
		    !pipeline->leaf_samples.data[place->frame])
			continue;
		const struct plait_module_file *file = plait_process_map_file(pipeline->processes, place->file);
		struct plait_symbols symbols;
		if (file->is_vdso)
			continue;
		PLAIT_TRY(plait_symbolize_file(pipeline->symbolizer, &file->reference, place->address, &symbols));
		if (!symbols.count || !symbols.at[symbols.count - 1].size)
			continue;
		struct hot hot = { place->file, symbols.at[symbols.count - 1].start, place->address,
				   pipeline->leaf_samples.data[place->frame] };
		if (!plait_vec_push(&bundle->functions, hot))
			return plait_error_no_memory();
	}
	if (!bundle->functions.count)
		return NULL;
	qsort(bundle->functions.data, bundle->functions.count, sizeof(struct hot), by_function);
	size_t kept = 0;
	for (size_t i = 1; i < bundle->functions.count; i++) {
		if (by_function(&bundle->functions.data[kept], &bundle->functions.data[i]) == 0)
			bundle->functions.data[kept].samples += bundle->functions.data[i].samples;
		else
			bundle->functions.data[++kept] = bundle->functions.data[i];
	}
	bundle->functions.count = kept + 1;
	qsort(bundle->functions.data, bundle->functions.count, sizeof(struct hot), by_samples);
	return NULL;
}

/* Writes a SOURCE record, once a path. What cannot be read has none: the report says that it is not known. */
static struct plait_error *write_source(struct bundle *bundle, const char *path, uint32_t pid)
{
	bool is_new;
	if (plait_strtab_add(bundle->done, path, strlen(path), &is_new) == UINT32_MAX)
		return plait_error_no_memory();
	if (!is_new || (!pid && path[0] != '/'))
		return NULL;
	char *content PLAIT_FREE = NULL;
	size_t size;
	if (pid) { /* the process may see other files than we */
		char *own PLAIT_FREE = NULL;
		if (asprintf(&own, "/proc/%u/%s%s", pid, path[0] == '/' ? "root" : "cwd/", path) < 0) {
			own = NULL;
			return plait_error_no_memory();
		}
		content = plait_file_read(own, SOURCE_MAX, &size);
	}
	if (!content)
		content = plait_file_read(path, SOURCE_MAX, &size);
	if (!content)
		return NULL;
	bool whole = bundle->pipeline->options.bundle_sources && size <= SOURCES_SIZE_MAX - bundle->source_size;
	bundle->source_size += whole ? size : 0;
	struct plait_record record = {
		.kind = PLAIT_RECORD_SOURCE,
		.source = { .path = path,
			    .size = size,
			    .hash = plait_source_hash(content, size),
			    .content = whole ? (const uint8_t *)content : NULL },
	};
	return plait_recording_writer_add(bundle->pipeline->options.writer, &record, NULL);
}

static struct plait_error *write_code(struct bundle *bundle, uint32_t module, const struct plait_function_code *code)
{
	PLAIT_VEC(struct plait_record_function_line) lines = { 0 };
	struct plait_error *error = NULL;
	for (size_t i = 0; i < code->lines.count && !error; i++) {
		const struct plait_function_line *line = &code->lines.data[i];
		const char *file = line->file ? line->file : "";
		if (!plait_vec_push(&lines, (struct plait_record_function_line) { line->offset, line->line, file }))
			error = plait_error_no_memory();
		else
			error = write_source(bundle, file, 0);
	}
	struct plait_record record = {
		.kind = PLAIT_RECORD_FUNCTION,
		.function = { .module = module,
			      .start = code->start,
			      .name = code->name ? code->name : "",
			      .code = code->code,
			      .code_size = code->size,
			      .lines = lines.data,
			      .line_count = (uint32_t)lines.count },
	};
	if (!error)
		error = plait_recording_writer_add(bundle->pipeline->options.writer, &record, NULL);
	bundle->code_size += code->size;
	plait_vec_free(&lines);
	return error;
}

static struct plait_error *write_functions(struct bundle *bundle)
{
	struct plait_pipeline *pipeline = bundle->pipeline;
	for (size_t i = 0; i < bundle->functions.count; i++) {
		const struct hot *hot = &bundle->functions.data[i];
		if (hot->samples * FUNCTION_SHARE_MIN < pipeline->statistics.samples)
			break;
		const struct plait_module_file *file = plait_process_map_file(pipeline->processes, hot->file);
		const uint64_t *module = plait_map_get(&pipeline->module_ids, hot->file);
		struct plait_function_code code;
		struct plait_error *error =
			plait_symbolize_function(pipeline->symbolizer, &file->reference, hot->address, &code);
		if (!error && module && code.code && code.size <= FUNCTION_MAX &&
		    code.size <= FUNCTIONS_SIZE_MAX - bundle->code_size)
			error = write_code(bundle, (uint32_t)*module, &code);
		plait_function_code_release(&code);
		PLAIT_TRY(error);
	}
	return NULL;
}

struct plait_error *plait_pipeline_bundle_code(struct plait_pipeline *pipeline)
{
	struct bundle bundle = { .pipeline = pipeline, .done = plait_strtab_create() };
	struct plait_error *error = bundle.done ? find_hot(&bundle) : plait_error_no_memory();
	for (uint32_t i = 0; !error && i < pipeline->source_pids.count; i++)
		error = write_source(&bundle, plait_strtab_get(pipeline->source_names, i + 1),
				     pipeline->source_pids.data[i]);
	if (!error)
		error = write_functions(&bundle);
	plait_vec_free(&bundle.functions);
	plait_strtab_destroy(bundle.done);
	return error;
}
