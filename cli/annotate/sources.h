/*
 * Source files for annotations: from the recording, else from this host if they are what was recorded.
 */
#ifndef PLAIT_CLI_ANNOTATE_SOURCES_H
#define PLAIT_CLI_ANNOTATE_SOURCES_H

#include "output/model/profile.h"

enum plait_source_state {
	PLAIT_SOURCE_RECORDED,	/* its text is in the recording */
	PLAIT_SOURCE_SAME,	/* the file here is the one that was recorded */
	PLAIT_SOURCE_CHANGED,	/* the file here is another one */
	PLAIT_SOURCE_UNCHECKED, /* the recording does not say what the file was */
	PLAIT_SOURCE_MISSING,
};

struct plait_sources;

/* NULL when memory ran out. `profile` is borrowed. */
struct plait_sources *plait_sources_create(const struct plait_profile *profile);
void plait_sources_destroy(struct plait_sources *sources);

/* A plait_source_line; the context is a struct plait_sources. Lines longer than 4 KiB are cut. */
const char *plait_sources_line(void *context, const char *file, int32_t line);

enum plait_source_state plait_sources_state(struct plait_sources *sources, const char *file);

#endif
