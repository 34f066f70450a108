/*
 * Which native functions a reader does not want to see between the lines. A frame is never hidden where the time is
 * spent in it, only where it passes a call on.
 */
#include "output/model/label.h"

#include <stdlib.h>
#include <string.h>

/* Sorted. Of the C library and the kernel's thread start: in any module. */
static const char *const start_names[] = {
	"__clone",
	"__clone3",
	"__libc_start_call_main",
	"__libc_start_main",
	"__libc_start_main_impl",
	"__libc_start_main@@GLIBC_2.34",
	"_start",
	"clone",
	"clone3",
	"start_thread",
};

/* Sorted. Unmistakable names of CPython, which may be linked into any program. */
static const char *const any_module_prefixes[] = {
	"PyEval_EvalCode",
	"PyEval_EvalFrame",
	"PyFunction_Vectorcall",
	"PyImport_Exec",

	"PyImport_Import",
	"Py_InitializeFromConfig",
	"pyinit_",
	"PyNumber_",
	"PyObject_Call",
	"PyObject_GetAttr",
	"PyObject_GetItem",
	"PyObject_GetIter",
	"PyObject_RichCompare",
	"PyObject_SetAttr",
	"PyObject_SetItem",
	"PyObject_Vectorcall",
	"PyRun_",
	"PySequence_GetItem",
	"PyVectorcall_",
	"Py_BytesMain",
	"Py_RunMain",
	"_PyEval_",
	"_PyFunction_Vectorcall",
	"_PyObject_Call",
	"_PyObject_FastCall",
	"_PyObject_GenericGetAttr",
	"_PyObject_GetMethod",
	"_PyObject_MakeTpCall",
	"_PyObject_Vectorcall",
	"_PyRun_",
	"_PyVectorcall_",
	"_Py_RunMain",
	"pymain_",
};

/* Sorted. Static functions of CPython: only in its own executable or library. */
static const char *const python_prefixes[] = {
	"_PyCFunctionFast",
	"binary_iop1",
	"binary_op1",
	"builtin___build_class__",
	"builtin___import__",
	"builtin_eval",
	"builtin_exec",
	"call_attribute",
	"call_method",
	"cfunction_call",
	"cfunction_vectorcall",
	"classmethoddescr_call",
	"do_call_core",
	"do_richcompare",
	"exec_code_in_module",
	"function_code_fastcall",
	"gen_iternext",
	"gen_send_ex",
	"import_find_and_load",
	"import_name",
	"init_import_site",
	"init_interp_main",
	"method_call",
	"method_vectorcall",
	"methoddescr_call",
	"object_vacall",
	"partial_call",
	"partial_vectorcall",
	"property_descr_get",
	"pythread_wrapper",
	"run_eval_code_obj",
	"run_mod",
	"slot_",
	"ternary_iop",
	"ternary_op",
	"thread_run",
	"tp_new_wrapper",
	"type_call",
	"type_vectorcall",
	"vectorcall_",
	"wrap_",
	"wrapper_call",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool any_prefix(const char *text, const char *const *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (has_prefix(text, prefixes[i]))
			return true;
	}
	return false;
}

static bool is_one_of(const char *text, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(text, names[i]) == 0)
			return true;
	}
	return false;
}

bool plait_label_is_import(const char *file)
{
	/* _bootstrap and _bootstrap_external: CPython leaves them out of tracebacks of imports, too
	 * (remove_importlib_frames in Python/import.c) */
	return has_prefix(file, "<frozen importlib._bootstrap");
}

bool plait_label_is_python_module(const char *module)
{
	return has_prefix(module, "python") || has_prefix(module, "libpython");
}

bool plait_label_is_machinery(const char *symbol, const char *module)
{
	if (is_one_of(symbol, start_names, COUNT(start_names)))
		return true;
	if (any_prefix(symbol, any_module_prefixes, COUNT(any_module_prefixes)))
		return true;
	if (!plait_label_is_python_module(module))
		return false;
	return strcmp(symbol, "main") == 0 || any_prefix(symbol, python_prefixes, COUNT(python_prefixes));
}
