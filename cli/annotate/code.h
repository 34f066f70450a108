/*
 * The machine code of a native function of a recording, taken apart.
 */
#ifndef PLAIT_CLI_ANNOTATE_CODE_H
#define PLAIT_CLI_ANNOTATE_CODE_H

#include "output/model/annotation.h"
#include "symbolize/disassemble/disassemble.h"
#include "symbolize/function.h"

/* Zeroed is empty. */
struct plait_annotate_code {
	struct plait_code_annotation annotation; /* its texts are in the rest of this, and in the profile */
	struct plait_disassembly disassembly;
	struct plait_symbolizer *symbolizer; /* of the file; NULL: the code is from the recording */
	struct plait_function_code file;
	bool has_lines;
};

/* Finds the code of the function that has the profile's frame `frame` (native, with a module and bounds): in the
 * recording, else in the module's file on this host, if its build-id is the same. PLAIT_ERROR_NOT_FOUND when it is in
 * neither. Release `ret` in any case. */
struct plait_error *plait_annotate_code_find(const struct plait_profile *profile,
					     const struct plait_selection *selection, uint32_t frame,
					     struct plait_annotate_code *ret);
void plait_annotate_code_release(struct plait_annotate_code *code);

#endif
