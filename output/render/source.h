/*
 * Source lines for reports, from the files that are still there.
 */
#ifndef PLAIT_OUTPUT_RENDER_SOURCE_H
#define PLAIT_OUTPUT_RENDER_SOURCE_H

#include <stdint.h>

struct plait_source_cache;

/* An empty cache of files; NULL when memory ran out. */
struct plait_source_cache *plait_source_cache_create(void);
void plait_source_cache_destroy(struct plait_source_cache *source);

/* A plait_source_line with a struct plait_source_cache as context. Only regular files of at most 16 MiB are read, never
 * a pipe or device: the names come from a recording. */
const char *plait_source_read_line(void *context, const char *file, int32_t line);

#endif
