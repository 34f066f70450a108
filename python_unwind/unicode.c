#include "python_unwind/unicode.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT 0xfffd

/* Code points in their storage: PyUnicode_READ of any kind. */
struct points {
	const uint8_t *text;
	size_t count;
	unsigned kind;
};

static uint32_t point_at(const struct points *points, size_t i)
{
	const uint8_t *at = points->text + i * points->kind;
	uint32_t value = at[0];

	if (points->kind >= 2)
		value |= (uint32_t)at[1] << 8;
	if (points->kind == 4)
		value |= (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
	return value;
}

/* The byte that code point `i` stands for by the surrogateescape error handler, or 0. */
static uint8_t escaped_byte(const struct points *points, size_t i)
{
	uint32_t point = i < points->count ? point_at(points, i) : 0;

	return point >= 0xdc80 && point <= 0xdcff ? point & 0xff : 0;
}

/* Length of the UTF-8 sequence that starts with `lead`, and the range of its second byte (Unicode, table 3-7). */
static unsigned sequence_length(uint8_t lead, uint8_t *ret_low, uint8_t *ret_high)
{
	*ret_low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	*ret_high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 4;
	return 0;
}

/* Writes the well-formed UTF-8 sequence that the escapes from code point `i` on spell. Returns its length, 0: none. */
static unsigned put_escaped(const struct points *points, size_t i, char *out)
{
	uint8_t low, high;
	unsigned length = sequence_length(escaped_byte(points, i), &low, &high);

	for (unsigned k = 0; k < length; k++) {
		uint8_t byte = escaped_byte(points, i + k);
		if (k > 0 && (byte < low || byte > high))
			return 0;
		if (k > 0) {
			low = 0x80;
			high = 0xbf;
		}
		out[k] = (char)byte;
	}
	return length;
}

static unsigned put_point(uint32_t point, char *out)
{
	if (point == 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		point = REPLACEMENT;
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xc0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xe0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

char *plait_unicode_to_utf8(const uint8_t *text, size_t size, unsigned kind, size_t *ret_size)
{
	struct points points = { .text = text, .kind = kind };

	if (kind == 1 || kind == 2 || kind == 4)
		points.count = size / kind;
	/* A code point takes at most four bytes, and put_escaped() writes no more than one byte for each. */
	char *utf8 = points.count < SIZE_MAX / 8 ? malloc(points.count * 4 + 4) : NULL;
	if (!utf8)
		return NULL;
	size_t used = 0;
	for (size_t i = 0; i < points.count;) {
		unsigned escaped = put_escaped(&points, i, utf8 + used);
		used += escaped ? escaped : put_point(point_at(&points, i), utf8 + used);
		i += escaped ? escaped : 1;
	}
	utf8[used] = '\0';
	*ret_size = used;
	return utf8;
}
