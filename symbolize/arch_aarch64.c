#include <elf.h>
#include <string.h>

#include "symbolize/arch.h"

static uint32_t word_at(const uint8_t *code, size_t index)
{
	uint32_t word;
	memcpy(&word, code + 4 * index, sizeof(word));
	return word;
}

/* What adrp at `address` gives. */
static uint64_t page_of(uint32_t adrp, uint64_t address)
{
	uint64_t pages = (adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3); /* 21 bits, signed */
	return (address & ~0xfffULL) + (((pages ^ 1 << 20) - (1 << 20)) << 12);
}

/* A PLT entry is [bti c]; adrp x16, page; ldr x17, [x16, #offset]; add x16, x16, #offset; [autia1716]; br x17, and
 * fills 16 bytes, or 24 with branch protection ("ELF for the Arm 64-bit Architecture"; binutils' bfd/elfnn-aarch64.c).
 */
static bool plt_slot(const uint8_t *code, size_t size, uint64_t address, uint64_t *ret_slot, uint32_t *ret_size)
{
	size_t at = size >= 4 && word_at(code, 0) == 0xd503245f, count = size / 4; /* bti c */
	if (count < at + 4 || (word_at(code, at) & 0x9f00001f) != 0x90000010)
		return false;
	uint32_t adrp = word_at(code, at), ldr = word_at(code, at + 1), add = word_at(code, at + 2);
	size_t jump = at + 3;
	jump += word_at(code, jump) == 0xd503219f; /* autia1716 */
	if ((ldr & 0xffc003ff) != 0xf9400211 || (add & 0xffc003ff) != 0x91000210 || count <= jump ||
	    word_at(code, jump) != 0xd61f0220)
		return false;
	*ret_slot = page_of(adrp, address + 4 * at) + (uint64_t)(ldr >> 10 & 0xfff) * 8;
	*ret_size = jump == 3 ? 16 : 24;
	if (*ret_size > size)
		*ret_size = (uint32_t)(4 * (jump + 1));
	return true;
}

static enum plait_got_kind got_kind(uint32_t relocation_type)
{
	switch (relocation_type) {
	case R_AARCH64_JUMP_SLOT:
	case R_AARCH64_GLOB_DAT:
		return PLAIT_GOT_SYMBOL;
	case R_AARCH64_IRELATIVE:
		return PLAIT_GOT_RESOLVER;
	default:
		return PLAIT_GOT_OTHER;
	}
}

const struct plait_symbolize_arch plait_symbolize_arch_aarch64 = {
	.machine = EM_AARCH64,
	.plt_slot = plt_slot,
	.got_kind = got_kind,
	.plt_entry_size = 16,
	.plt_step = 4,
};
