/* x86-64 instructions that capstone does not know (capstone 4, of Debian 12, lacks much of AVX-512), by Zydis. */
#include <Zydis/Zydis.h>
#include <string.h>

#include "common/arch_x86_64.h"
#include "symbolize/disassemble/arch_disassemble.h"

uint32_t plait_x86_64_disassemble(const uint8_t *code, size_t size, uint64_t address, char *ret, size_t ret_size)
{
	ZydisDisassembledInstruction instruction;
	*ret = '\0';
	if (!ZYAN_SUCCESS(ZydisDisassembleIntel(ZYDIS_MACHINE_MODE_LONG_64, address, code, size, &instruction)))
		return (uint32_t)plait_x86_64_vector_size(code, size);
	size_t length = strlen(instruction.text);
	length = length < ret_size ? length : ret_size - 1;
	memcpy(ret, instruction.text, length);
	ret[length] = '\0';
	return instruction.info.length;
}
