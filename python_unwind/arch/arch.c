#include "python_unwind/arch/arch.h"

#include <elf.h>

const struct plait_python_arch *plait_python_arch_of(uint16_t machine)
{
	static const struct plait_python_arch *const all[] = { &plait_python_arch_x86_64, &plait_python_arch_aarch64 };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i]->machine == machine)
			return all[i];
	}
	return NULL;
}

const struct plait_python_arch *plait_python_arch_native(void)
{
	return plait_python_arch_of(PLAIT_MACHINE);
}
