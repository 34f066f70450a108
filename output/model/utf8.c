#include "output/model/utf8.h"

size_t plait_utf8_decode(const char *text, uint32_t *ret)
{
	const uint8_t *at = (const uint8_t *)text;
	if (at[0] < 0x80) {
		*ret = at[0];
		return 1;
	}
	size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc0 ? 2 : 0;
	if (!length || at[0] > 0xf4)
		return 0;
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t point = at[0] & (0x7f >> length);
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80) /* the final NUL, too */
			return 0;
		point = point << 6 | (at[i] & 0x3f);
	}
	if (point < smallest[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret = point;
	return length;
}

bool plait_utf8_is_control(uint32_t point)
{
	if (point < 0x20 || (point >= 0x7f && point < 0xa0))
		return true;
	/* U+061C, U+200E, U+200F: direction marks; U+2028, U+2029: separators; U+202A to E, U+2066 to 9: embeddings */
	return point == 0x61c || point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069);
}
