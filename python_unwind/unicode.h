/*
 * Characters of CPython's str objects as UTF-8.
 */
#ifndef PLAIT_PYTHON_UNWIND_UNICODE_H
#define PLAIT_PYTHON_UNWIND_UNICODE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The `size` bytes at `text`, which are code points of `kind` (1, 2 or 4) bytes each, as new NUL-terminated valid UTF-8
 * that the caller frees; NULL when memory ran out. A cut code point at the end is left out; `*ret_size` is without the
 * NUL.
 *
 * What UTF-8 cannot say becomes U+FFFD: surrogates, numbers above U+10FFFF, and U+0000 (it would end the text). The
 * escapes of undecodable file name bytes (U+DC80 to U+DCFF, PEP 383) become the bytes again where these are valid
 * UTF-8: so a name read under an ASCII locale is shown as it is.
 */
char *plait_unicode_to_utf8(const uint8_t *text, size_t size, unsigned kind, size_t *ret_size);

#endif
