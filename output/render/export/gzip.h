/*
 * Compressing what is written to a stream, with zlib.
 */
#ifndef PLAIT_OUTPUT_RENDER_EXPORT_GZIP_H
#define PLAIT_OUTPUT_RENDER_EXPORT_GZIP_H

#include <stdio.h>

#include "common/error.h"

/* A stream whose bytes go to `out` compressed (RFC 1952). fclose() ends the compressed stream and leaves `out` open; an
 * error of `out` shows there. NULL: no memory. */
FILE *plait_gzip_open(FILE *out);

#endif
