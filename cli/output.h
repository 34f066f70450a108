/*
 * Files that commands write.
 */
#ifndef PLAIT_CLI_OUTPUT_H
#define PLAIT_CLI_OUTPUT_H

#include <stdio.h>

#include "common/error.h"

typedef struct plait_error *(*plait_output_writer)(void *context, FILE *out);

/* Writes beside the file and puts it in its place when it is whole: what was there stays until then. A pipe or device
 * is written to. Says on stderr what was written: `about` is what it is. */
struct plait_error *plait_output_write(const char *path, const char *about, plait_output_writer writer, void *context);

#endif
