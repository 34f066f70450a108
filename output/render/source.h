/*
 * Source lines for reports and annotations: from the recording, else from the files that are still there.
 */
#ifndef PLAIT_OUTPUT_RENDER_SOURCE_H
#define PLAIT_OUTPUT_RENDER_SOURCE_H

#include "output/model/profile.h"

enum plait_source_state {
	PLAIT_SOURCE_RECORDED,	/* its text is in the recording */
	PLAIT_SOURCE_SAME,	/* the file here is the one that was recorded */
	PLAIT_SOURCE_CHANGED,	/* the file here is another one */
	PLAIT_SOURCE_UNCHECKED, /* the recording does not say what the file was */
	PLAIT_SOURCE_MISSING,
};

struct plait_source_cache;

/* An empty cache of files; NULL when memory ran out. `profile` is borrowed; NULL: only the files that are there count.
 * Lines are cut to less than `line_size` bytes. */
struct plait_source_cache *plait_source_cache_create(const struct plait_profile *profile, size_t line_size);
void plait_source_cache_destroy(struct plait_source_cache *source);

/* A plait_source_line with a struct plait_source_cache as context. Only regular files of at most 16 MiB are read, never
 * a pipe or device: the names come from a recording. */
const char *plait_source_read_line(void *context, const char *file, int32_t line);

/* Where the text of `file` comes from. */
enum plait_source_state plait_source_state(struct plait_source_cache *source, const char *file);

#endif
