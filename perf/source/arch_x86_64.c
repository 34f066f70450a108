#include "perf/source/arch.h"

#include <asm/perf_regs.h>

#define BIT(number) (UINT64_C(1) << (number))

/* Left: asm/perf_regs.h. Right: x86-64 psABI, figure 3.36. */
const struct plait_source_arch plait_source_arch = {
	.register_mask = BIT(PERF_REG_X86_AX) | BIT(PERF_REG_X86_BX) | BIT(PERF_REG_X86_CX) | BIT(PERF_REG_X86_DX) |
			 BIT(PERF_REG_X86_SI) | BIT(PERF_REG_X86_DI) | BIT(PERF_REG_X86_BP) | BIT(PERF_REG_X86_SP) |
			 BIT(PERF_REG_X86_IP) | BIT(PERF_REG_X86_R8) | BIT(PERF_REG_X86_R9) | BIT(PERF_REG_X86_R10) |
			 BIT(PERF_REG_X86_R11) | BIT(PERF_REG_X86_R12) | BIT(PERF_REG_X86_R13) | BIT(PERF_REG_X86_R14) |
			 BIT(PERF_REG_X86_R15),
	.pair_mask = BIT(PERF_REG_X86_SP) | BIT(PERF_REG_X86_IP),
	.dwarf_register = { [PERF_REG_X86_AX] = 0,
			    [PERF_REG_X86_DX] = 1,
			    [PERF_REG_X86_CX] = 2,
			    [PERF_REG_X86_BX] = 3,
			    [PERF_REG_X86_SI] = 4,
			    [PERF_REG_X86_DI] = 5,
			    [PERF_REG_X86_BP] = 6,
			    [PERF_REG_X86_SP] = 7,
			    [PERF_REG_X86_R8] = 8,
			    [PERF_REG_X86_R9] = 9,
			    [PERF_REG_X86_R10] = 10,
			    [PERF_REG_X86_R11] = 11,
			    [PERF_REG_X86_R12] = 12,
			    [PERF_REG_X86_R13] = 13,
			    [PERF_REG_X86_R14] = 14,
			    [PERF_REG_X86_R15] = 15,
			    [PERF_REG_X86_IP] = 16 },
	.dwarf_sp = 7,
	.dwarf_pc = 16,
};
