/*
 * What the sample source has to know about the architecture. One file defines it: arch_<name>.c.
 */
#ifndef PLAIT_PERF_SOURCE_ARCH_H
#define PLAIT_PERF_SOURCE_ARCH_H

#include <stdint.h>

struct plait_source_arch {
	uint64_t register_mask;	    /* perf_event_attr.sample_regs_user: what unwinding needs, */
	uint64_t pair_mask;	    /* and what tells to which run of the BPF program a sample belongs: sp, pc */
	uint8_t dwarf_register[64]; /* DWARF's number of the register that is bit n of the mask */
	uint8_t dwarf_sp, dwarf_pc;
};

extern const struct plait_source_arch plait_source_arch;

#endif
