/*
 * Where the runtime keeps a thread-local pointer: by the code of the exported function that returns it, or by its
 * symbol where the file still has one.
 */
#ifndef PLAIT_PYTHON_UNWIND_ACCESSOR_H
#define PLAIT_PYTHON_UNWIND_ACCESSOR_H

#include "python_unwind/binary_elf.h"
#include "python_unwind/walk_plan.h"

/* What to go by: either may have st_value 0 (absent). */
struct plait_accessor {
	Elf64_Sym function; /* `return variable;` */
	Elf64_Sym variable; /* of type STT_TLS */
};

/* Where the variable is; module_address is an address in the file, to which the bias is to be added. Kind
 * PLAIT_TLS_NONE when it cannot be told. */
struct plait_tls_variable plait_accessor_locate(const struct plait_elf *elf, const struct plait_accessor *accessor);

#endif
