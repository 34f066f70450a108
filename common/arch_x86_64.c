#include "common/arch_x86_64.h"

#include <stdbool.h>

/* Size of a ModRM byte with the SIB byte and the displacement that it asks for; 0: they are not all there. */
static size_t operand_size(const uint8_t *code, size_t size)
{
	if (!size)
		return 0;
	unsigned mode = code[0] >> 6, base = code[0] & 7;
	size_t length = 1;
	if (mode != 3 && base == 4) {
		if (size < 2)
			return 0;
		base = code[1] & 7;
		length++;
	}
	if (mode == 1)
		length += 1;
	else if (mode == 2 || (mode == 0 && base == 5))
		length += 4;
	return length <= size ? length : 0;
}

size_t plait_x86_64_vector_size(const uint8_t *code, size_t size)
{
	size_t prefix = size && code[0] == 0xc5 ? 2 : size && code[0] == 0xc4 ? 3 : size && code[0] == 0x62 ? 4 : 0;
	if (!prefix || size < prefix + 2)
		return 0;
	bool has_immediate = prefix > 2 && (code[1] & (prefix == 3 ? 31 : 7)) == 3; /* opcode map 0F3A */
	size_t operand = operand_size(code + prefix + 1, size - prefix - 1);
	size_t length = prefix + 1 + operand + has_immediate;
	return operand && length <= size ? length : 0;
}

size_t plait_x86_64_prefetch_size(const uint8_t *code, size_t size)
{
	size_t prefix = size && (code[0] & 0xf0) == 0x40; /* REX */
	if (size < prefix + 3 || code[prefix] != 0x0f || code[prefix + 1] != 0x0d)
		return 0;
	size_t operand = operand_size(code + prefix + 2, size - prefix - 2);
	return operand ? prefix + 2 + operand : 0;
}
