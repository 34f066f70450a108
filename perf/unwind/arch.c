#include "perf/unwind/arch.h"

#include <elf.h>

const struct plait_unwind_arch *plait_unwind_arch_of(uint16_t elf_machine)
{
	static const struct plait_unwind_arch *const all[] = { &plait_unwind_arch_x86_64, &plait_unwind_arch_aarch64 };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i]->elf_machine == elf_machine)
			return all[i];
	}
	return NULL;
}

const struct plait_unwind_arch *plait_unwind_arch_native(void)
{
	return plait_unwind_arch_of(PLAIT_MACHINE);
}
