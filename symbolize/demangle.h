/*
 * Readable names for mangled C++ (Itanium ABI) and Rust (legacy and v0) symbols. The names come from files of other
 * users, so the output is cut off at a limit however short the input is.
 */
#ifndef PLAIT_SYMBOLIZE_DEMANGLE_H
#define PLAIT_SYMBOLIZE_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

enum { PLAIT_DEMANGLE_MAX = 4096 };

/* Writes the demangled name (without parameters and return type; Rust without the hash) and a NUL byte to `ret`, which
 * has room for PLAIT_DEMANGLE_MAX bytes. Returns false, with `ret` undefined, when `name` is not mangled or its
 * readable form is longer than that. */
bool plait_demangle(const char *name, char *ret);

#endif
