/*
 * What depends on the architecture whose code is looked at: one arch_<name>.c each, chosen by the file's e_machine (so
 * recordings of one architecture can be reported on another).
 */
#ifndef PLAIT_SYMBOLIZE_ARCH_H
#define PLAIT_SYMBOLIZE_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a relocation's GOT slot gets its value. */
enum plait_got_kind {
	PLAIT_GOT_OTHER = 0,
	PLAIT_GOT_SYMBOL,   /* the relocation's symbol */
	PLAIT_GOT_RESOLVER, /* what the function at the addend returns (IFUNC) */
};

struct plait_symbolize_arch {
	uint16_t machine; /* EM_... */
	/* If the `size` bytes of code at `address` begin with a jump through a GOT slot: the slot's address, and the
	 * entry's size where its code tells that (`*ret_size` is left alone where it does not). */
	bool (*plt_slot)(const uint8_t *code, size_t size, uint64_t address, uint64_t *ret_slot, uint32_t *ret_size);
	enum plait_got_kind (*got_kind)(uint32_t relocation_type);
	uint32_t plt_entry_size; /* where the section does not say */
	uint32_t plt_step;	 /* entries may begin at any multiple of this; 0: at multiples of their size */
};

extern const struct plait_symbolize_arch plait_symbolize_arch_x86_64, plait_symbolize_arch_aarch64;

#endif
