/*
 * Base64 (RFC 4648) of what is written to a stream.
 */
#ifndef PLAIT_OUTPUT_RENDER_HTML_BASE64_H
#define PLAIT_OUTPUT_RENDER_HTML_BASE64_H

#include <stdio.h>

/* A stream whose bytes go to `out` in Base64, in lines. fclose() writes the rest and leaves `out` open. NULL: no
 * memory. */
FILE *plait_base64_open(FILE *out);

#endif
