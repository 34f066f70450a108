/*
 * Functions as the unwind tables know them: the FDE (frame description entry) that covers an address.
 */
#ifndef PLAIT_PYTHON_UNWIND_BINARY_FDE_H
#define PLAIT_PYTHON_UNWIND_BINARY_FDE_H

#include "python_unwind/binary_elf.h"

struct plait_fde {
	uint64_t start, end; /* addresses in the file */
	/* The code at `start` is not a function's entry: its CFA rule is not the one that holds right after a call. So
	 * it is a part of some function that the compiler put elsewhere (".cold"). */
	bool fragment;
};

/* The FDE that covers `address`; false when there is none, or .eh_frame_hdr has no binary search table. */
bool plait_fde_find(const struct plait_elf *elf, uint64_t address, struct plait_fde *ret);

#endif
