#include "python_unwind/binary.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "python_unwind/accessor.h"

static const char *const symbol_names[PLAIT_SYMBOL_COUNT] = {
	[PLAIT_SYMBOL_RUNTIME] = "_PyRuntime",
	[PLAIT_SYMBOL_VERSION] = "Py_Version",
	[PLAIT_SYMBOL_EVALUATOR] = "_PyEval_EvalFrameDefault",
	[PLAIT_SYMBOL_GET_CURRENT] = "PyThreadState_GetUnchecked",
	[PLAIT_SYMBOL_GET_CURRENT_OLD] = "_PyThreadState_UncheckedGet",
	[PLAIT_SYMBOL_GET_GILSTATE] = "PyGILState_GetThisThreadState",
	[PLAIT_SYMBOL_TSS_CURRENT] = "_Py_tss_tstate",
	[PLAIT_SYMBOL_TSS_GILSTATE] = "_Py_tss_gilstate",
	[PLAIT_SYMBOL_REF_DEBUG] = "_Py_NegativeRefcount",
	[PLAIT_SYMBOL_TRACE_REFS] = "_Py_PrintReferences",
};

/* All that is gathered before it is clear what the file is. */
struct inspection {
	struct plait_elf elf;
	const char *path;
	Elf64_Sym symbols[PLAIT_SYMBOL_COUNT];
	struct plait_debug_header header;
	uint64_t runtime; /* 0: not a CPython */
	bool has_table;
};

static bool has(const struct inspection *inspection, enum plait_binary_symbol symbol)
{
	return inspection->symbols[symbol].st_name;
}

/* Notes the symbol if it is one of ours. Link-time optimization may put ".lto_priv.0" behind a local name. */
static void note_symbol(struct inspection *inspection, const Elf64_Sym *symbol, const char *name)
{
	if (name[0] != '_' && name[0] != 'P')
		return;
	for (size_t i = 0; i < PLAIT_SYMBOL_COUNT; i++) {
		size_t length = strlen(symbol_names[i]);
		if (!strncmp(name, symbol_names[i], length) && (!name[length] || !strncmp(name + length, ".lto", 4)) &&
		    !inspection->symbols[i].st_name)
			inspection->symbols[i] = *symbol;
	}
}

static void read_symbols(struct inspection *inspection, uint32_t table)
{
	struct plait_elf_symbols symbols = plait_elf_symbols(&inspection->elf, table);
	Elf64_Sym symbol;
	const char *name;
	/* Large programs have a million local symbols: one fast search says that none of them is ours. */
	if (symbols.strings && !memmem(symbols.strings, symbols.strings_size, "_Py", 3))
		return;
	while (plait_elf_symbol_next(&symbols, &symbol, &name))
		note_symbol(inspection, &symbol, name);
}

/* Finds _PyRuntime. An extension module only refers to it, and a program that links libpython may hold a copy of it
 * (copy relocation), but neither has the evaluator. */
static void find_runtime(struct inspection *inspection)
{
	Elf64_Shdr section;
	bool has_section = plait_binary_section(&inspection->elf, ".PyRuntime", &section);
	if (has(inspection, PLAIT_SYMBOL_RUNTIME) && (has_section || has(inspection, PLAIT_SYMBOL_EVALUATOR)))
		inspection->runtime = inspection->symbols[PLAIT_SYMBOL_RUNTIME].st_value;
	else if (has_section)
		inspection->runtime = section.sh_addr;
	if (inspection->runtime)
		inspection->has_table = plait_debug_offsets_header(plait_elf_at(&inspection->elf, inspection->runtime),
								   &inspection->header);
}

static bool gather(struct inspection *inspection, const uint8_t *image, size_t size, const char *path)
{
	inspection->path = path;
	if (!plait_elf_open(image, size, &inspection->elf))
		return false;
	read_symbols(inspection, SHT_DYNSYM);
	if (!has(inspection, PLAIT_SYMBOL_RUNTIME) || !has(inspection, PLAIT_SYMBOL_EVALUATOR))
		read_symbols(inspection, SHT_SYMTAB);
	find_runtime(inspection);
	return inspection->runtime;
}

/* PY_VERSION_HEX; with only the minor version set when more is not known, 0 when nothing is. */
static uint32_t find_version(const struct inspection *inspection)
{
	if (inspection->has_table)
		return inspection->header.version;
	if (has(inspection, PLAIT_SYMBOL_VERSION)) {
		uint64_t address = inspection->symbols[PLAIT_SYMBOL_VERSION].st_value;
		struct plait_bytes bytes = plait_elf_at(&inspection->elf, address);
		uint32_t version = plait_bytes_u32(&bytes);
		if (version)
			return version;
	}
	uint16_t minor = plait_binary_minor_by_name(&inspection->elf, inspection->path);
	return minor && minor < 256 ? 3u << 24 | (uint32_t)minor << 16 : 0;
}

/* "3.13.0rc1 free-threaded debug"; "3.9" where the patch level is not known. */
static void describe(struct plait_python_binary *binary)
{
	uint32_t version = binary->version;
	char patch[8] = "", level[8] = "";
	unsigned serial = version & 15;
	if (version & 0xffff)
		snprintf(patch, sizeof(patch), ".%u", version >> 8 & 255);
	const char *name = (version >> 4 & 15) == 10   ? "a"
			   : (version >> 4 & 15) == 11 ? "b"
			   : (version >> 4 & 15) == 12 ? "rc"
						       : "";
	if (*name)
		snprintf(level, sizeof(level), "%s%u", name, serial);
	snprintf(binary->description, sizeof(binary->description), "%u.%u%s%s%s%s", version >> 24, version >> 16 & 255,
		 patch, level, binary->free_threaded ? " free-threaded" : "", binary->debug ? " debug" : "");
}

static struct plait_error *unsupported(const struct inspection *inspection, const struct plait_python_binary *binary,
				       const char *why)
{
	return plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED, "%s is CPython %s, %s", inspection->path,
						  binary->version ? binary->description : "of an unknown version", why),
				  "Its stacks will show native frames only; Python frames can be read from CPython 3.8 "
				  "to 3.15");
}

static struct plait_error *find_layout(const struct inspection *inspection, struct plait_python_binary *binary)
{
	uint16_t minor = binary->version >> 16 & 255;
	if (inspection->elf.header.e_machine != PLAIT_MACHINE)
		return unsupported(inspection, binary, "but for another architecture");
	if (binary->version >> 24 == 3)
		binary->layout = plait_layout_find(inspection->elf.header.e_machine, minor, binary->free_threaded);
	if (!binary->layout)
		return unsupported(inspection, binary, "whose structures are not known");
	if (!!binary->layout->table_size != inspection->has_table)
		return unsupported(inspection, binary, "but its table of offsets is missing or unexpected");
	if (!inspection->has_table && has(inspection, PLAIT_SYMBOL_TRACE_REFS))
		return unsupported(inspection, binary, "but built with Py_TRACE_REFS, which moves every field");
	const char *why;
	struct plait_bytes table = plait_elf_at(&inspection->elf, binary->runtime);
	if (!plait_layout_fields(binary->layout, table, binary->fields, &why))
		return unsupported(inspection, binary, why);
	return NULL;
}

/* A thread-local of the runtime. Only where the exported function does not tell, the local symbols are looked at. */
static struct plait_tls_variable find_thread_local(struct inspection *inspection, enum plait_binary_symbol function,
						   enum plait_binary_symbol variable)
{
	struct plait_accessor accessor = { .function = inspection->symbols[function] };
	struct plait_tls_variable found = plait_accessor_locate(&inspection->elf, &accessor);
	if (found.kind != PLAIT_TLS_NONE)
		return found;
	read_symbols(inspection, SHT_SYMTAB);
	accessor.variable = inspection->symbols[variable];
	return plait_accessor_locate(&inspection->elf, &accessor);
}

/* They came with 3.12 (_Py_tss_tstate) and 3.15 (_Py_tss_gilstate, in place of the key). */
static void find_thread_locals(struct inspection *inspection, struct plait_python_binary *binary)
{
	enum plait_binary_symbol current =
		has(inspection, PLAIT_SYMBOL_GET_CURRENT) ? PLAIT_SYMBOL_GET_CURRENT : PLAIT_SYMBOL_GET_CURRENT_OLD;
	if (binary->layout->shape >= PLAIT_SHAPE_CFRAME_SHIM)
		binary->tls_current = find_thread_local(inspection, current, PLAIT_SYMBOL_TSS_CURRENT);
	if (binary->fields[PLAIT_FIELD_runtime_autotsskey] == PLAIT_NO_OFFSET)
		binary->tls_gilstate =
			find_thread_local(inspection, PLAIT_SYMBOL_GET_GILSTATE, PLAIT_SYMBOL_TSS_GILSTATE);
}

/* Adds what the compiler says itself of the evaluator's parts: symbols "_PyEval_EvalFrameDefault.cold" and the like. */
static void add_named_parts(struct plait_evaluator *evaluator, const struct plait_elf *elf)
{
	struct plait_elf_symbols symbols = plait_elf_symbols(elf, SHT_SYMTAB);
	const char *name, *whole = symbol_names[PLAIT_SYMBOL_EVALUATOR];
	Elf64_Sym symbol;
	while (plait_elf_symbol_next(&symbols, &symbol, &name)) {
		if (!strncmp(name, whole, strlen(whole)) && name[strlen(whole)] == '.')
			plait_evaluator_add(evaluator, symbol.st_value, symbol.st_value + symbol.st_size);
	}
}

void plait_python_binary_find_fragments(struct plait_python_binary *binary, const uint8_t *image, size_t image_size)
{
	struct plait_elf elf;
	if (!plait_elf_open(image, image_size, &elf))
		return;
	add_named_parts(&binary->evaluator, &elf);
	plait_evaluator_add_fragments(&binary->evaluator, &elf);
}

struct plait_error *plait_python_binary_inspect(const uint8_t *image, size_t image_size, const char *path,
						struct plait_python_binary **ret)
{
	struct inspection inspection = { 0 };
	if (!gather(&inspection, image, image_size, path)) {
		*ret = NULL;
		return NULL;
	}
	struct plait_python_binary *binary PLAIT_FREE = calloc(1, sizeof(*binary));
	if (!binary)
		return plait_error_no_memory();
	binary->runtime = inspection.runtime;
	binary->version = find_version(&inspection);
	binary->free_threaded = inspection.has_table && inspection.header.free_threaded;
	binary->debug = has(&inspection, PLAIT_SYMBOL_REF_DEBUG);
	describe(binary);
	PLAIT_TRY(find_layout(&inspection, binary));
	find_thread_locals(&inspection, binary);
	const Elf64_Sym *evaluator = &inspection.symbols[PLAIT_SYMBOL_EVALUATOR];
	plait_evaluator_add(&binary->evaluator, evaluator->st_value, evaluator->st_value + evaluator->st_size);
	*ret = PLAIT_TAKE(binary);
	return NULL;
}

void plait_python_binary_destroy(struct plait_python_binary *binary)
{
	free(binary);
}

uint32_t plait_python_binary_version(const struct plait_python_binary *binary)
{
	return binary->version;
}

const char *plait_python_binary_description(const struct plait_python_binary *binary)
{
	return binary->description;
}

const struct plait_python_range *plait_python_binary_evaluator(const struct plait_python_binary *binary,
							       size_t *ret_count)
{
	*ret_count = binary->evaluator.count;
	return binary->evaluator.ranges;
}
