#include <stdlib.h>
#include <string.h>

#include "cli/record/pipeline_internal.h"

const struct plait_mapping *plait_pipeline_mapping(struct plait_pipeline *pipeline, uint64_t pc)
{
	struct plait_mapping *last = &pipeline->last_mapping;
	if (pc >= last->start && pc < last->end)
		return last;
	const struct plait_mapping *mapping = plait_process_map_find(pipeline->processes, pipeline->sample_pid, pc);
	if (!mapping)
		return NULL;
	*last = *mapping;
	return last;
}

/* Adds a FRAME; `*ret_new` says that it was not there before. */
static struct plait_error *add_frame(struct plait_pipeline *pipeline, const struct plait_record_frame *frame,
				     uint32_t *ret, bool *ret_new)
{
	struct plait_record record = { .kind = PLAIT_RECORD_FRAME, .frame = *frame };
	uint32_t index;
	PLAIT_TRY(plait_recording_writer_add(pipeline->options.writer, &record, &index));
	*ret_new = index >= pipeline->frame_count;
	if (*ret_new)
		pipeline->frame_count = index + 1;
	*ret = index;
	return NULL;
}

static struct plait_error *module_index(struct plait_pipeline *pipeline, const struct plait_module_file *file,
					uint32_t *ret)
{
	const uint64_t *known = plait_map_get(&pipeline->module_ids, file->id);
	if (known) {
		*ret = (uint32_t)*known;
		return NULL;
	}
	struct plait_record record = {
		.kind = PLAIT_RECORD_MODULE,
		.module = {
			.path = file->reference.path,
			.build_id = file->reference.build_id,
			.device = file->reference.device,
			.inode = file->reference.inode,
			.size = file->image_size,
		},
	};
	PLAIT_TRY(plait_recording_writer_add(pipeline->options.writer, &record, ret));
	return plait_map_put(&pipeline->module_ids, file->id, *ret) ? NULL : plait_error_no_memory();
}

/* Writes a SYMBOL record; nothing when no function is known. */
static struct plait_error *write_symbol(struct plait_pipeline *pipeline, uint32_t frame,
					const struct plait_symbols *symbols)
{
	if (!symbols->count)
		return NULL;
	struct plait_record_symbol_function functions[PLAIT_SYMBOL_INLINE_MAX];
	for (uint32_t i = 0; i < symbols->count; i++) {
		functions[i] = (struct plait_record_symbol_function) {
			.name = symbols->at[i].name ? symbols->at[i].name : "",
			.file = symbols->at[i].file ? symbols->at[i].file : "",
			.line = symbols->at[i].line,
		};
	}
	const struct plait_symbol *outermost = &symbols->at[symbols->count - 1];
	struct plait_record record = {
		.kind = PLAIT_RECORD_SYMBOL,
		.symbol = { .frame = frame,
			    .start = outermost->start,
			    .size = outermost->size,
			    .functions = functions,
			    .count = symbols->count },
	};
	return plait_recording_writer_add(pipeline->options.writer, &record, NULL);
}

/* Code in memory without a file (JIT): a perf map may name it, and is gone soon, so it is asked at once. */
static struct plait_error *anonymous_frame(struct plait_pipeline *pipeline, uint32_t process, uint64_t address,
					   uint32_t *quality, uint32_t *ret)
{
	struct plait_record_frame record = { .kind = PLAIT_FRAME_NATIVE,
					     .module = PLAIT_NONE,
					     .process = process,
					     .address = address,
					     .code = PLAIT_NONE };
	bool is_new;
	PLAIT_TRY(add_frame(pipeline, &record, ret, &is_new));
	struct plait_symbols symbols = { .count = 0 };
	PLAIT_TRY(plait_symbolize_perf_map(pipeline->symbolizer, pipeline->sample_pid, address, &symbols));
	if (!symbols.count)
		*quality |= PLAIT_QUALITY_UNRESOLVED;
	else if (is_new)
		PLAIT_TRY(write_symbol(pipeline, *ret, &symbols));
	return NULL;
}

struct plait_error *plait_pipeline_native_frame(struct plait_pipeline *pipeline, uint32_t process,
						const struct plait_native_frame *frame, uint32_t *quality,
						uint32_t *ret)
{
	uint64_t pc = frame->flags & PLAIT_NATIVE_EXACT_PC ? frame->pc : frame->pc - 1;
	const struct plait_mapping *mapping = plait_pipeline_mapping(pipeline, pc);
	const struct plait_module_file *file = mapping ? mapping->file : NULL;
	if (!file || !file->is_elf)
		return anonymous_frame(pipeline, process, pc, quality, ret);
	uint32_t module;
	PLAIT_TRY(module_index(pipeline, file, &module));
	struct plait_record_frame record = { .kind = PLAIT_FRAME_NATIVE,
					     .module = module,
					     .process = PLAIT_NONE,
					     .address = pc - mapping->bias,
					     .code = PLAIT_NONE };
	bool is_new;
	PLAIT_TRY(add_frame(pipeline, &record, ret, &is_new));
	struct plait_frame_place place = { .frame = *ret, .file = file->id, .address = record.address };
	return !is_new || plait_vec_push(&pipeline->places, place) ? NULL : plait_error_no_memory();
}

struct plait_error *plait_pipeline_kernel_frame(struct plait_pipeline *pipeline, uint64_t address, uint32_t *ret)
{
	struct plait_record_frame record = { .kind = PLAIT_FRAME_KERNEL,
					     .module = PLAIT_NONE,
					     .process = PLAIT_NONE,
					     .address = address,
					     .code = PLAIT_NONE };
	bool is_new;
	PLAIT_TRY(add_frame(pipeline, &record, ret, &is_new));
	struct plait_frame_place place = { .frame = *ret, .file = PLAIT_NONE, .address = address };
	return !is_new || plait_vec_push(&pipeline->places, place) ? NULL : plait_error_no_memory();
}

static struct plait_error *code_index(struct plait_pipeline *pipeline, const struct plait_code *code, uint32_t *ret)
{
	const uint64_t *known = plait_map_get(&pipeline->code_ids, code->id);
	if (known) {
		*ret = (uint32_t)*known;
		return NULL;
	}
	PLAIT_TRY(plait_pipeline_note_source(pipeline, code->filename));
	struct plait_record record = {
		.kind = PLAIT_RECORD_CODE,
		.code = { .name = code->name,
			  .qualname = code->qualname,
			  .filename = code->filename,
			  .first_line = code->first_line },
	};
	PLAIT_TRY(plait_recording_writer_add(pipeline->options.writer, &record, ret));
	return plait_map_put(&pipeline->code_ids, code->id, *ret) ? NULL : plait_error_no_memory();
}

/* A Python frame whose code object could not be read: it is there, it has no name. */
static struct plait_error *unknown_python_frame(struct plait_pipeline *pipeline, uint32_t *quality, uint32_t *ret)
{
	*quality |= PLAIT_QUALITY_UNRESOLVED;
	if (pipeline->unknown_code == PLAIT_NONE) {
		struct plait_record record = {
			.kind = PLAIT_RECORD_CODE,
			.code = { .name = "<unknown>", .qualname = "<unknown>", .filename = "<unknown>" },
		};
		PLAIT_TRY(plait_recording_writer_add(pipeline->options.writer, &record, &pipeline->unknown_code));
	}
	struct plait_record_frame record = { .kind = PLAIT_FRAME_PYTHON,
					     .module = PLAIT_NONE,
					     .process = PLAIT_NONE,
					     .code = pipeline->unknown_code,
					     .column = -1,
					     .end_column = -1 };
	bool is_new;
	return add_frame(pipeline, &record, ret, &is_new);
}

struct plait_error *plait_pipeline_python_frame(struct plait_pipeline *pipeline, const struct plait_python_frame *frame,
						uint32_t *quality, uint32_t *ret)
{
	const struct plait_code *code =
		plait_code_registry_find(pipeline->codes, pipeline->sample_pid, frame->code, frame->fingerprint);
	if (!code)
		return unknown_python_frame(pipeline, quality, ret);
	if (!code->complete)
		*quality |= PLAIT_QUALITY_UNRESOLVED;
	uint64_t key = (uint64_t)code->id << 32 | (uint32_t)frame->lasti;
	const uint64_t *known = plait_map_get(&pipeline->python_frames, key);
	if (known) {
		*ret = (uint32_t)*known;
		return NULL;
	}
	struct plait_position position = plait_code_position(code, frame->lasti);
	struct plait_record_frame record = {
		.kind = PLAIT_FRAME_PYTHON,
		.module = PLAIT_NONE,
		.process = PLAIT_NONE,
		.line = position.line,
		.end_line = position.end_line,
		.column = position.column,
		.end_column = position.end_column,
	};
	PLAIT_TRY(code_index(pipeline, code, &record.code));
	bool is_new;
	PLAIT_TRY(add_frame(pipeline, &record, ret, &is_new));
	return plait_map_put(&pipeline->python_frames, key, *ret) ? NULL : plait_error_no_memory();
}

struct plait_error *plait_pipeline_marker_frame(struct plait_pipeline *pipeline, enum plait_frame_kind kind,
						uint32_t *ret)
{
	struct plait_record_frame record = {
		.kind = kind, .module = PLAIT_NONE, .process = PLAIT_NONE, .code = PLAIT_NONE
	};
	bool is_new;
	return add_frame(pipeline, &record, ret, &is_new);
}

static struct plait_error *symbolize_place(struct plait_pipeline *pipeline, const struct plait_frame_place *place,
					   struct plait_symbols *ret)
{
	if (place->file == PLAIT_NONE)
		return plait_symbolize_kernel(pipeline->symbolizer, place->address, ret);
	const struct plait_module_file *file = plait_process_map_file(pipeline->processes, place->file);
	if (file->is_vdso)
		return plait_symbolize_image(pipeline->symbolizer, file->id, file->image, file->image_size,
					     place->address, ret);
	return plait_symbolize_file(pipeline->symbolizer, &file->reference, place->address, ret);
}

struct plait_error *plait_pipeline_bundle_symbols(struct plait_pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->places.count; i++) {
		struct plait_symbols symbols = { .count = 0 };
		PLAIT_TRY(symbolize_place(pipeline, &pipeline->places.data[i], &symbols));
		PLAIT_TRY(write_symbol(pipeline, pipeline->places.data[i].frame, &symbols));
	}
	return NULL;
}
