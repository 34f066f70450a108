/*
 * Reading a recording into a profile, as every command that shows one does.
 */
#ifndef PLAIT_CLI_INPUT_H
#define PLAIT_CLI_INPUT_H

#include "common/error.h"
#include "output/model/timeline.h"

/* Reads the recording at `path`. A recording damaged in the middle gives a profile of what came before the damage and
 * sets `*ret_damage` (owned by the caller); else it is NULL. A recording that was cut off has no names of its own:
 * then the files are asked, by build-id. `metric` (may be NULL) is what plait_profile_want_metric() takes. */
struct plait_error *plait_input_read(const char *path, const char *metric, struct plait_profile **ret,
				     struct plait_error **ret_damage);

/* The read function of a struct plait_sample_feed whose context is the path of a recording. What is damaged was told
 * already: the samples before it count. */
struct plait_error *plait_input_feed(void *context, plait_sample_take take, void *taker);

#endif
