/*
 * What an ELF file of CPython says about itself: the inside of struct plait_python_binary. Private to this folder.
 */
#ifndef PLAIT_PYTHON_UNWIND_BINARY_H
#define PLAIT_PYTHON_UNWIND_BINARY_H

#include "python_unwind/debug_offsets.h"
#include "python_unwind/evaluator.h"
#include "python_unwind/runtime.h"

struct plait_python_binary {
	uint32_t version; /* PY_VERSION_HEX; until 3.10 without the patch level */
	bool free_threaded, debug;
	char description[64];
	uint64_t runtime; /* address of _PyRuntime in the file */
	const struct plait_layout *layout;
	uint32_t fields[PLAIT_FIELD_COUNT];
	struct plait_tls_variable tls_current, tls_gilstate; /* module_address: in the file */
	struct plait_evaluator evaluator;
};

/* Symbols of interest, each with st_name 0 when the file has not got it. */
enum plait_binary_symbol {
	PLAIT_SYMBOL_RUNTIME,
	PLAIT_SYMBOL_VERSION,
	PLAIT_SYMBOL_EVALUATOR,
	PLAIT_SYMBOL_GET_CURRENT,     /* PyThreadState_GetUnchecked, 3.13+ */
	PLAIT_SYMBOL_GET_CURRENT_OLD, /* _PyThreadState_UncheckedGet */
	PLAIT_SYMBOL_GET_GILSTATE,
	PLAIT_SYMBOL_TSS_CURRENT,
	PLAIT_SYMBOL_TSS_GILSTATE,
	PLAIT_SYMBOL_REF_DEBUG,	 /* with Py_DEBUG */
	PLAIT_SYMBOL_TRACE_REFS, /* with Py_TRACE_REFS, which puts two words in front of every object */
	PLAIT_SYMBOL_COUNT
};

/* Of a version: what the file's names or strings say. 3.N as N; 0 when they say nothing. */
uint16_t plait_binary_minor_by_name(const struct plait_elf *elf, const char *path);

#endif
