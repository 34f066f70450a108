/*
 * What a user wants annotated: "train.py", "train.py:41", "train.py:step", "dgemm_kernel", "memcpy@libc.so.6",
 * "0x1234@libfoo.so", or the name of a Python function.
 */
#ifndef PLAIT_CLI_ANNOTATE_TARGET_H
#define PLAIT_CLI_ANNOTATE_TARGET_H

#include "output/model/annotation.h"

struct plait_annotate_target {
	bool is_python;
	struct plait_source_query query; /* Python; `function` is owned by the target */
	char *function;
	uint32_t frame; /* native: a frame in the function */
};

/* Finds what `text` names among what was sampled. PLAIT_ERROR_USAGE when nothing has the name, or several have: the
 * advice names what there is. Release `ret` in any case. */
struct plait_error *plait_annotate_target_find(const struct plait_profile *profile, const char *text,
					       struct plait_annotate_target *ret);
void plait_annotate_target_release(struct plait_annotate_target *target);

#endif
