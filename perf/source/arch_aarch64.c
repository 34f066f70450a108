#include "perf/source/arch.h"

/* asm/perf_regs.h: bits 0 to 28 are x0 to x28, then x29, lr, sp and pc. DWARF numbers them so, too; pc, which has no
 * number, is where plait keeps it. */
const struct plait_source_arch plait_source_arch = {
	.register_mask = (UINT64_C(1) << 33) - 1,
	.pair_mask = UINT64_C(3) << 31,
	.dwarf_register = { 0,	1,  2,	3,  4,	5,  6,	7,  8,	9,  10, 11, 12, 13, 14, 15, 16,
			    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32 },
	.dwarf_sp = 31,
	.dwarf_pc = 32,
};
