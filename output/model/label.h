/*
 * Labels: what one line of a report calls a frame. A frame of the recording gives one label, or several when functions
 * were inlined into it. Labels are interned: the same function (and, in Python, line) has one id.
 */
#ifndef PLAIT_OUTPUT_MODEL_LABEL_H
#define PLAIT_OUTPUT_MODEL_LABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/map.h"
#include "common/vec.h"

enum plait_label_kind {
	PLAIT_LABEL_PYTHON,
	PLAIT_LABEL_NATIVE,
	PLAIT_LABEL_KERNEL,
	PLAIT_LABEL_MARKER,  /* [gap], [truncated], [unmerged], [no stack], [hidden] */
	PLAIT_LABEL_PROCESS, /* roots of a tree by thread */
	PLAIT_LABEL_THREAD,
};

/* Strings are owned by the profile. They hold what the recording held: not fit for a terminal, but for `text`. */
struct plait_label {
	enum plait_label_kind kind;
	const char *name;    /* PYTHON: qualified name; NATIVE, KERNEL: symbol or "0x1234"; MARKER: "[gap]" */
	const char *file;    /* PYTHON: path as recorded; NATIVE: source file or ""; else "" */
	const char *module;  /* NATIVE: base name of the module's path, or "jit"; KERNEL: "kernel"; else "" */
	const char *package; /* NATIVE: the module in short, "numpy", "libc": for people, ambiguous; else as module */
	int32_t line;	   /* PYTHON: the running line, 0: none. NATIVE: of the source file, not part of the identity */
	bool unresolved;   /* has no name */
	bool machinery;	   /* passes calls on inside CPython, or starts a thread: said little of interest */
	uint32_t function; /* the label that stands for the whole function: PYTHON has the first line there, unresolved
			    * NATIVE and KERNEL ones the name "[unknown]"; its own id when it is one itself */
	const char *text;  /* as in collapsed stacks: docs/formats.md */
};

struct plait_labels {
	PLAIT_VEC(struct plait_label) all;
	struct plait_map by_text; /* interned text and kind -> id */
};

struct plait_profile;

/* Fills labels, frame_labels and the frames' references to them from the rest of the profile. */
struct plait_error *plait_labels_build(struct plait_profile *profile);

/* The base name of a path, without the brackets of names such as "[vdso]": points into `path`; its length in
 * `*ret_size`. */
const char *plait_label_base(const char *path, size_t *ret_size);

/* The module in short: the package that a wheel's file lies in ("numpy"), else the base name without ".so" and what
 * follows, an ABI tag, or the hash of a vendored library. Writes at most `size` bytes. */
void plait_label_package(const char *path, char *ret, size_t size);

/* Whether a Python file is that of the import system, whose frames are machinery. */
bool plait_label_is_import(const char *file);

/* Whether a module of this base name is CPython itself. What has no name in it is machinery: a stripped CPython (that
 * of Debian) names only what it exports. */
bool plait_label_is_python_module(const char *module);

/* Whether a native symbol in a module of this base name only passes calls on inside CPython (method_vectorcall), or
 * belongs to the start of a program or thread (Py_BytesMain, __libc_start_main). */
bool plait_label_is_machinery(const char *symbol, const char *module);

#endif
