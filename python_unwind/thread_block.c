#include "python_unwind/arch/arch.h"
#include "python_unwind/binary_elf.h"
#include "python_unwind/runtime.h"

enum { LEAST = 256, MOST = 1 << 16 }; /* bytes; any glibc has 1,500 to 2,500 */

bool plait_python_needs_thread_block(void)
{
	return plait_python_arch_native()->tp_behind_block;
}

static uint32_t value_of(const struct plait_elf *elf, uint64_t address)
{
	struct plait_bytes bytes = plait_elf_at(elf, address);
	uint32_t value = plait_bytes_u32(&bytes);
	return value >= LEAST && value <= MOST ? value : 0;
}

uint32_t plait_python_thread_block(const uint8_t *image, size_t image_size)
{
	static const uint32_t tables[] = { SHT_DYNSYM, SHT_SYMTAB };
	static const char name[] = "_thread_db_sizeof_pthread";
	struct plait_elf elf;
	if (!plait_elf_open(image, image_size, &elf))
		return 0;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct plait_elf_symbols symbols = plait_elf_symbols(&elf, tables[i]);
		Elf64_Sym symbol;
		const char *found;
		if (!symbols.strings || !memmem(symbols.strings, symbols.strings_size, name, sizeof(name)))
			continue;
		while (plait_elf_symbol_next(&symbols, &symbol, &found)) {
			if (!strcmp(found, name))
				return value_of(&elf, symbol.st_value);
		}
	}
	return 0;
}
