#include <elf.h>
#include <string.h>

#include "symbolize/arch.h"

/* A PLT entry starts with [endbr64] [bnd] jmp *slot(%rip), in lazy, IBT (.plt.sec) and non-lazy (.plt.got) tables alike
 * (x86-64 psABI, "Procedure Linkage Table"). */
static bool plt_slot(const uint8_t *code, size_t size, uint64_t address, uint64_t *ret_slot, uint32_t *ret_size)
{
	(void)ret_size;
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	size_t at = 0;
	if (size >= sizeof(endbr64) && memcmp(code, endbr64, sizeof(endbr64)) == 0)
		at += sizeof(endbr64);
	if (at < size && code[at] == 0xf2)
		at++;
	int32_t displacement;
	if (size - at < 6 || code[at] != 0xff || code[at + 1] != 0x25)
		return false;
	memcpy(&displacement, code + at + 2, sizeof(displacement));
	*ret_slot = address + at + 6 + (uint64_t)(int64_t)displacement;
	return true;
}

static enum plait_got_kind got_kind(uint32_t relocation_type)
{
	switch (relocation_type) {
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_GLOB_DAT:
		return PLAIT_GOT_SYMBOL;
	case R_X86_64_IRELATIVE:
		return PLAIT_GOT_RESOLVER;
	default:
		return PLAIT_GOT_OTHER;
	}
}

const struct plait_symbolize_arch plait_symbolize_arch_x86_64 = {
	.machine = EM_X86_64,
	.plt_slot = plt_slot,
	.got_kind = got_kind,
	.plt_entry_size = 16,
};
