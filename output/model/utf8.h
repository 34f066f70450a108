/*
 * UTF-8 from outside: names in recordings may hold anything.
 */
#ifndef PLAIT_OUTPUT_MODEL_UTF8_H
#define PLAIT_OUTPUT_MODEL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the code point at `text` (NUL-terminated, not at its end) into `*ret` and gives its length in bytes. Bytes
 * that are not valid UTF-8 (overlong, surrogate, cut off, too large) give 0: skip one byte then. */
size_t plait_utf8_decode(const char *text, uint32_t *ret);

/* Whether a code point could drive or confuse a terminal: C0 and C1 controls, DEL, line separators, and the marks that
 * change the direction of text. */
bool plait_utf8_is_control(uint32_t point);

#endif
