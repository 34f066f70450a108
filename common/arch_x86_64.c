#include "common/arch_x86_64.h"

#include <stdbool.h>

size_t plait_x86_64_vector_size(const uint8_t *code, size_t size)
{
	size_t prefix = size && code[0] == 0xc5 ? 2 : size && code[0] == 0xc4 ? 3 : size && code[0] == 0x62 ? 4 : 0;
	if (!prefix || size < prefix + 2)
		return 0;
	bool has_immediate = prefix > 2 && (code[1] & (prefix == 3 ? 31 : 7)) == 3; /* opcode map 0F3A */
	unsigned mode = code[prefix + 1] >> 6, base = code[prefix + 1] & 7;
	size_t length = prefix + 2 + has_immediate;
	if (mode != 3 && base == 4) {
		if (size < prefix + 3)
			return 0;
		base = code[prefix + 2] & 7;
		length++;
	}
	if (mode == 1)
		length += 1;
	else if (mode == 2 || (mode == 0 && base == 5))
		length += 4;
	return length <= size ? length : 0;
}
