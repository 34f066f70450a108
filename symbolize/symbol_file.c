#include "symbolize/symbol_file.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/debug_file.h"
#include "symbolize/dwarf_lines.h"
#include "symbolize/eh_frame.h"
#include "symbolize/elf_symbols.h"

struct plait_symbol_file {
	struct plait_mapped_file main;
	uint8_t *copy;			/* of an image in memory, instead of `main` */
	struct plait_elf_image image;	/* of `main` or `copy`; data NULL: only the debug file is there */
	struct plait_mapped_file debug; /* the separate debug file */
	struct plait_elf_image debug_image;
	uint8_t *mini; /* unpacked .gnu_debugdata */
	struct plait_elf_image mini_image;
	struct plait_elf_symbols *symbols;
	struct plait_eh_frame eh_frame;
	struct plait_dwarf *dwarf; /* NULL: none */
};

static bool same_build_id(const struct plait_build_id *a, const struct plait_build_id *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Maps `path` as the main file. With `sure`, its build-id must be there and equal; else it must not differ. */
static bool open_main(struct plait_symbol_file *file, const char *path, const struct plait_build_id *wanted, bool sure)
{
	if (!path || path[0] != '/' || !plait_mapped_file_open(path, &file->main))
		return false;
	if (plait_elf_image_open(file->main.data, file->main.size, &file->image)) {
		const struct plait_build_id *found = &file->image.build_id;
		bool unknown = wanted->size == 0 || found->size == 0;
		if (unknown ? !sure : same_build_id(found, wanted))
			return true;
	}
	plait_mapped_file_close(&file->main);
	file->image = (struct plait_elf_image) { 0 };
	return false;
}

static bool has_table(const struct plait_elf_image *image)
{
	struct plait_elf_section section;
	return plait_elf_section_of_type(image, SHT_SYMTAB, &section);
}

/* The chain of sources of names, in order. What an earlier one names at an address, a later one does not rename, except
 * by a better symbol (see elf_symbols.h). */
static bool load(struct plait_symbol_file *file, const struct plait_debug_file_query *query, bool no_inlines)
{
	const struct plait_elf_image *image = file->image.data ? &file->image : NULL;
	bool complete = image && has_table(image) && plait_elf_has_dwarf(image);
	bool ok = (file->symbols = plait_elf_symbols_create()) != NULL;

	/* 1. the file's own .symtab */
	if (ok && image)
		ok = plait_elf_symbols_add(file->symbols, image, SHT_SYMTAB);
	/* 2. the separate debug file's .symtab */
	if (ok && !complete && plait_debug_file_find(query, &file->debug, &file->debug_image))
		ok = plait_elf_symbols_add(file->symbols, &file->debug_image, SHT_SYMTAB);
	/* 3. the mini debug info's .symtab */
	if (ok && image && !has_table(image) && plait_debug_data_unpack(image, &file->mini, &file->mini_image))
		ok = plait_elf_symbols_add(file->symbols, &file->mini_image, SHT_SYMTAB);
	/* 4. .dynsym, and the jumps to other files' functions */
	if (ok && image)
		ok = plait_elf_symbols_add(file->symbols, image, SHT_DYNSYM) &&
		     plait_elf_symbols_add_plt(file->symbols, image);
	ok = ok && plait_elf_symbols_finish(file->symbols, image);
	/* 5. DWARF, for inlined functions and lines, and for names where there is no symbol */
	if (ok && !no_inlines && file->debug.data && plait_elf_has_dwarf(&file->debug_image))
		file->dwarf = plait_dwarf_open(file->debug.fd, query->debug_directory);
	if (ok && !no_inlines && !file->dwarf && file->main.data && plait_elf_has_dwarf(image))
		file->dwarf = plait_dwarf_open(file->main.fd, query->debug_directory);
	/* 6. unwind tables, which tell the bounds of functions that nothing names */
	if (image)
		file->eh_frame = plait_eh_frame_open(image);
	return ok;
}

static const char *debug_directory(const struct plait_symbolizer_options *options)
{
	return options->debug_directory ? options->debug_directory : "/usr/lib/debug";
}

struct plait_error *plait_symbol_file_open(const struct plait_file_reference *reference,
					   const struct plait_symbolizer_options *options,
					   struct plait_symbol_file **ret)
{
	struct plait_symbol_file *file = calloc(1, sizeof(*file));
	if (!file)
		return plait_error_no_memory();
	bool opened = open_main(file, reference->open_path, &reference->build_id, false) ||
		      open_main(file, reference->path, &reference->build_id, reference->open_path != NULL);
	struct plait_debug_file_query query = {
		.debug_directory = debug_directory(options),
		.path = reference->path,
		.open_path = reference->open_path,
		.image = opened ? &file->image : NULL,
		.build_id = opened && file->image.build_id.size ? file->image.build_id : reference->build_id,
	};
	if (!load(file, &query, options->no_inlines)) {
		plait_symbol_file_close(file);
		return plait_error_no_memory();
	}
	if (!opened && !file->debug.data) {
		plait_symbol_file_close(file);
		file = NULL;
	}
	*ret = file;
	return NULL;
}

struct plait_error *plait_symbol_file_open_image(const void *image, size_t size,
						 const struct plait_symbolizer_options *options,
						 struct plait_symbol_file **ret)
{
	struct plait_symbol_file *file = calloc(1, sizeof(*file));
	if (file)
		file->copy = malloc(size ? size : 1);
	if (!file || !file->copy) {
		free(file);
		return plait_error_no_memory();
	}
	memcpy(file->copy, image, size);
	if (!plait_elf_image_open(file->copy, size, &file->image)) {
		plait_symbol_file_close(file);
		*ret = NULL;
		return NULL;
	}
	struct plait_debug_file_query query = {
		.debug_directory = debug_directory(options),
		.image = &file->image,
		.build_id = file->image.build_id,
	};
	if (!load(file, &query, options->no_inlines)) {
		plait_symbol_file_close(file);
		return plait_error_no_memory();
	}
	*ret = file;
	return NULL;
}

void plait_symbol_file_close(struct plait_symbol_file *file)
{
	if (!file)
		return;
	plait_dwarf_close(file->dwarf);
	plait_elf_symbols_destroy(file->symbols);
	plait_mapped_file_close(&file->main);
	plait_mapped_file_close(&file->debug);
	free(file->copy);
	free(file->mini);
	free(file);
}

/* Fills one function from a symbol table's entry. False: no memory. */
static bool from_symbol(const struct plait_elf_symbol *symbol, struct plait_names *names, struct plait_symbol *ret)
{
	ret->name = plait_names_add_function(names, symbol->name, symbol->name_size, symbol->is_plt ? "@plt" : "");
	ret->start = symbol->start;
	ret->size = symbol->size;
	return ret->name != NULL;
}

/* Fills one function from DWARF. False: no memory. */
static bool from_frame(const struct plait_dwarf_frame *frame, struct plait_names *names, struct plait_symbol *ret)
{
	*ret = (struct plait_symbol) { .line = frame->line, .start = frame->start, .size = frame->end - frame->start };
	if (frame->name)
		ret->name = plait_names_add_function(names, frame->name, strlen(frame->name), "");
	if (frame->file)
		ret->file = plait_names_add(names, frame->file, strlen(frame->file));
	return (!frame->name || ret->name) && (!frame->file || ret->file);
}

struct plait_error *plait_symbol_file_find(struct plait_symbol_file *file, uint64_t address, struct plait_names *names,
					   struct plait_symbols *ret)
{
	struct plait_dwarf_frame frames[PLAIT_SYMBOL_INLINE_MAX];
	uint32_t count = file->dwarf ? plait_dwarf_find(file->dwarf, address, frames) : 0;
	const struct plait_elf_symbol *symbol = plait_elf_symbols_find(file->symbols, address);
	bool ok = true;
	if (symbol && count && frames[count - 1].name)
		symbol = plait_elf_symbols_alias(file->symbols, symbol, frames[count - 1].name);
	ret->count = count;
	for (uint32_t i = 0; ok && i < count; i++)
		ok = from_frame(&frames[i], names, &ret->at[i]);
	if (ok && symbol && count == 0)
		ret->at[ret->count++] = (struct plait_symbol) { 0 };
	/* The function itself goes by its symbol, as in every other tool ("f.cold", "f.constprop.0"); but a label
	 * without a size is a weaker word than DWARF. */
	struct plait_symbol *function = ret->count ? &ret->at[ret->count - 1] : NULL;
	if (ok && symbol && (symbol->sized || !function->name))
		ok = from_symbol(symbol, names, function);
	if (!ok)
		return plait_error_no_memory();
	if (ret->count == 0 || function->size == 0) {
		struct plait_eh_frame_bounds bounds = plait_eh_frame_find(&file->eh_frame, address);
		if (bounds.end && !function)
			ret->at[ret->count++] = (struct plait_symbol) { 0 };
		if (bounds.end) {
			ret->at[ret->count - 1].start = bounds.start;
			ret->at[ret->count - 1].size = bounds.end - bounds.start;
		}
	}
	return NULL;
}

struct line_taker {
	struct plait_names *names;
	struct plait_function_code *code;
	const char *last_file; /* as libdw has it, and as it is kept */
	const char *last_kept;
};

static bool take_row(void *context, const struct plait_dwarf_row *row)
{
	struct line_taker *taker = context;
	struct plait_function_code *code = taker->code;
	if (row->file != taker->last_file) {
		taker->last_file = row->file;
		taker->last_kept = row->file ? plait_names_add(taker->names, row->file, strlen(row->file)) : NULL;
		if (row->file && !taker->last_kept)
			return false;
	}
	struct plait_function_line line = {
		.offset = row->address > code->start ? (uint32_t)(row->address - code->start) : 0,
		.line = row->line,
		.file = taker->last_kept,
	};
	/* Of rows for the same address the last one holds; a row like the one before says nothing. */
	struct plait_function_line *last = code->lines.count ? &code->lines.data[code->lines.count - 1] : NULL;
	if (last && last->offset == line.offset)
		*last = line;
	else if (!last || last->line != line.line || last->file != line.file)
		return plait_vec_push(&code->lines, line);
	return true;
}

struct plait_error *plait_symbol_file_function(struct plait_symbol_file *file, uint64_t address,
					       struct plait_names *names, struct plait_function_code *ret)
{
	struct plait_symbols symbols;
	PLAIT_TRY(plait_symbol_file_find(file, address, names, &symbols));
	const struct plait_symbol *function = symbols.count ? &symbols.at[symbols.count - 1] : NULL;
	if (!function || !function->size || function->size > PLAIT_FUNCTION_CODE_MAX || !file->image.data)
		return NULL;
	struct plait_bytes bytes = plait_elf_bytes_at(&file->image, function->start);
	const uint8_t *code = plait_bytes_take(&bytes, function->size);
	if (!code)
		return NULL;
	ret->name = function->name;
	ret->start = function->start;
	ret->size = (uint32_t)function->size;
	ret->code = code;
	struct line_taker taker = { .names = names, .code = ret };
	if (file->dwarf && !plait_dwarf_each_row(file->dwarf, ret->start, ret->start + ret->size, take_row, &taker))
		return plait_error_no_memory();
	return NULL;
}

void plait_function_code_release(struct plait_function_code *code)
{
	plait_vec_free(&code->lines);
}
