#include "common/bytes.h"

uint64_t plait_bytes_uleb(struct plait_bytes *bytes)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = plait_bytes_u8(bytes);
		uint64_t part = byte & 0x7f;
		if (shift == 63 && part > 1)
			break;
		value |= part << shift;
		if (!(byte & 0x80))
			return bytes->failed ? 0 : value;
	}
	bytes->failed = true;
	return 0;
}
