#include "cli/annotate/code.h"

#include <stdio.h>
#include <string.h>

static const struct plait_record_function *bundled(const struct plait_profile *profile,
						   const struct plait_profile_frame *frame)
{
	for (size_t i = 0; i < profile->bundled.count; i++) {
		const struct plait_record_function *function = &profile->bundled.data[i];
		if (function->module == frame->record.module && frame->record.address >= function->start &&
		    frame->record.address - function->start < function->code_size)
			return function;
	}
	return NULL;
}

static struct plait_file_reference reference_of(const struct plait_record_module *module)
{
	return (struct plait_file_reference) {
		.path = module->path, .device = module->device, .inode = module->inode, .build_id = module->build_id
	};
}

/* Sets what the annotation is of. */
static void set_function(struct plait_annotate_code *code, uint32_t module, const char *name, uint64_t start,
			 uint32_t size)
{
	code->annotation.module = module;
	code->annotation.name = name;
	code->annotation.start = start;
	code->annotation.size = size;
}

/* The code from the module's file; `*ret_bytes` NULL: it is not here. */
static struct plait_error *read_file(const struct plait_profile *profile, const struct plait_profile_frame *frame,
				     struct plait_annotate_code *ret, const uint8_t **ret_bytes)
{
	struct plait_file_reference reference = reference_of(&profile->modules.data[frame->record.module]);
	PLAIT_TRY(plait_symbolizer_create(NULL, &ret->symbolizer));
	PLAIT_TRY(plait_symbolize_function(ret->symbolizer, &reference, frame->record.address, &ret->file));
	*ret_bytes = ret->file.code;
	set_function(ret, frame->record.module, ret->file.name, ret->file.start, ret->file.size);
	return NULL;
}

static struct plait_error *not_here(const struct plait_profile *profile, const struct plait_profile_frame *frame)
{
	const struct plait_record_module *module = &profile->modules.data[frame->record.module];
	char id[2 * PLAIT_BUILD_ID_MAX + 1] = "";
	for (uint8_t i = 0; i < module->build_id.size; i++)
		snprintf(id + 2 * i, 3, "%02x", module->build_id.bytes[i]);
	struct plait_error *error =
		plait_error_new(PLAIT_ERROR_NOT_FOUND,
				"the code of this function is not in the recording, and not on this host: %s%s%s",
				module->path, *id ? " with build-id " : " is not there", id);
	return plait_error_advise(error, "recordings hold the code of functions with at least 0.1 %% of the samples; "
					 "for others annotate where the file is");
}

/* The names of functions by where they begin, as far as the samples tell. */
static bool collect_names(const struct plait_profile *profile, uint32_t module, struct plait_map *ret)
{
	for (size_t i = 0; i < profile->frames.count; i++) {
		const struct plait_profile_frame *frame = &profile->frames.data[i];
		if (frame->record.kind != PLAIT_FRAME_NATIVE || frame->record.module != module || !frame->size)
			continue;
		const char *name = plait_profile_function_of(profile, frame);
		if (*name && !plait_map_put(ret, frame->start, (uint64_t)(uintptr_t)name))
			return false;
	}
	return true;
}

/* The name of what a call or jump goes to; "" when nothing tells. */
static const char *name_target(struct plait_annotate_code *code, const struct plait_profile *profile,
			       const struct plait_map *names, uint64_t target)
{
	const uint64_t *known = plait_map_get(names, target);
	if (known)
		return (const char *)(uintptr_t)*known;
	struct plait_symbols symbols = { .count = 0 };
	struct plait_file_reference file = reference_of(&profile->modules.data[code->annotation.module]);
	if (!code->symbolizer)
		return "";
	plait_error_free(plait_symbolize_file(code->symbolizer, &file, target, &symbols));
	const struct plait_symbol *symbol = symbols.count ? &symbols.at[symbols.count - 1] : NULL;
	return symbol && symbol->start == target && symbol->name ? symbol->name : "";
}

/* Row `i` of the line table: of the recording's `function`, or (NULL) of the file. */
static struct plait_record_function_line line_at(const struct plait_annotate_code *code,
						 const struct plait_record_function *function, size_t i)
{
	if (function)
		return function->lines[i];
	const struct plait_function_line *line = &code->file.lines.data[i];
	return (struct plait_record_function_line) { line->offset, line->line, line->file ? line->file : "" };
}

/* Sets the source of each row from the line table. */
static void set_lines(struct plait_annotate_code *code, const struct plait_record_function *function)
{
	size_t at = 0, count = function ? function->line_count : code->file.lines.count;
	code->has_lines = count > 0;
	for (size_t i = 0; i < code->annotation.rows.count && count; i++) {
		struct plait_code_row *row = &code->annotation.rows.data[i];
		while (at + 1 < count && line_at(code, function, at + 1).offset <= row->offset)
			at++;
		struct plait_record_function_line line = line_at(code, function, at);
		if (line.offset > row->offset)
			continue;
		row->file = line.file;
		row->line = line.line;
	}
}

static struct plait_error *make_rows(struct plait_annotate_code *code, const struct plait_profile *profile)
{
	struct plait_map names = { 0 };
	bool kept = collect_names(profile, code->annotation.module, &names);
	for (size_t i = 0; i < code->disassembly.instructions.count && kept; i++) {
		const struct plait_instruction *instruction = &code->disassembly.instructions.data[i];
		struct plait_code_row row = {
			.offset = instruction->offset,
			.size = instruction->size,
			.mnemonic = instruction->mnemonic,
			.operands = instruction->operands,
			.is_jump = instruction->kind == PLAIT_INSTRUCTION_JUMP,
			.is_call = instruction->kind == PLAIT_INSTRUCTION_CALL,
			.has_target = instruction->has_target,
			.target = instruction->target,
			.target_name =
				instruction->has_target ? name_target(code, profile, &names, instruction->target) : "",
			.file = "",
		};
		kept = plait_vec_push(&code->annotation.rows, row);
	}
	plait_map_release(&names);
	return kept ? NULL : plait_error_no_memory();
}

struct plait_error *plait_annotate_code_find(const struct plait_profile *profile,
					     const struct plait_selection *selection, uint32_t index,
					     struct plait_annotate_code *ret)
{
	*ret = (struct plait_annotate_code) { 0 };
	const struct plait_profile_frame *frame = &profile->frames.data[index];
	const struct plait_record_function *function = bundled(profile, frame);
	const uint8_t *bytes = function ? function->code : NULL;
	if (function)
		set_function(ret, function->module, function->name, function->start, function->code_size);
	else
		PLAIT_TRY(read_file(profile, frame, ret, &bytes));
	if (!bytes)
		return not_here(profile, frame);
	if (!ret->annotation.name || !*ret->annotation.name)
		ret->annotation.name = "[unknown]";
	ret->annotation.bundled = function != NULL;
	PLAIT_TRY(plait_disassemble(profile->header.architecture, bytes, ret->annotation.size, ret->annotation.start,
				    &ret->disassembly));
	PLAIT_TRY(make_rows(ret, profile));
	set_lines(ret, function);
	return plait_code_annotate(profile, selection, &ret->annotation);
}

void plait_annotate_code_release(struct plait_annotate_code *code)
{
	plait_code_annotation_release(&code->annotation);
	plait_disassembly_release(&code->disassembly);
	plait_function_code_release(&code->file);
	plait_symbolizer_destroy(code->symbolizer);
	*code = (struct plait_annotate_code) { 0 };
}
