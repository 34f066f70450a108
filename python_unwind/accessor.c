#include "python_unwind/accessor.h"

#include "python_unwind/arch/arch.h"

static struct plait_tls_variable variable(enum plait_tls_kind kind, uint64_t address, int64_t offset)
{
	if (offset < INT32_MIN || offset > INT32_MAX)
		return (struct plait_tls_variable) { .kind = PLAIT_TLS_NONE };
	return (struct plait_tls_variable) { .kind = kind, .offset = (int32_t)offset, .module_address = address };
}

/* The value of the dynamic symbol that a relocation names; 0 for none, which stands for the module itself. */
static uint64_t symbol_value(const struct plait_elf *elf, uint32_t index)
{
	struct plait_elf_symbols symbols = plait_elf_symbols(elf, SHT_DYNSYM);
	Elf64_Sym symbol;
	if (!index || index >= symbols.count)
		return 0;
	memcpy(&symbol, symbols.symbols + index * sizeof(symbol), sizeof(symbol));
	return symbol.st_value;
}

/* The second word of the pair {module, offset} at `got`, as the dynamic linker will leave it. */
static int64_t pair_offset(const struct plait_elf *elf, const struct plait_python_arch *arch, uint64_t got)
{
	struct plait_elf_relocations relocations = plait_elf_relocations(elf);
	Elf64_Rela relocation;
	while (plait_elf_relocation_next(&relocations, &relocation)) {
		uint32_t type = ELF64_R_TYPE(relocation.r_info);
		if (relocation.r_offset == got + 8 && arch->relocation(type) == PLAIT_RELOCATION_TLS_OFFSET)
			return (int64_t)(symbol_value(elf, ELF64_R_SYM(relocation.r_info)) +
					 (uint64_t)relocation.r_addend);
	}
	struct plait_bytes bytes = plait_elf_at(elf, got + 8);
	return (int64_t)plait_bytes_u64(&bytes);
}

static struct plait_tls_variable by_code(const struct plait_elf *elf, const struct plait_python_arch *arch,
					 uint64_t function)
{
	struct plait_bytes code = plait_elf_at(elf, function);
	struct plait_access access = { 0 };
	if (code.failed || !arch->decode_access(code.at, plait_bytes_left(&code), function, &access))
		return variable(PLAIT_TLS_NONE, 0, 0);
	switch (access.kind) {
	case PLAIT_ACCESS_OFFSET:
		return variable(PLAIT_TLS_STATIC, 0, access.offset);
	case PLAIT_ACCESS_INDEX:
		return variable(PLAIT_TLS_DYNAMIC, access.got,
				(int64_t)((uint64_t)access.offset + (uint64_t)pair_offset(elf, arch, access.got)));
	case PLAIT_ACCESS_GOT:
		return variable(PLAIT_TLS_GOT, access.got, access.offset);
	case PLAIT_ACCESS_DESCRIPTOR:
		return variable(PLAIT_TLS_DESCRIPTOR, access.got, access.offset);
	}
	return variable(PLAIT_TLS_NONE, 0, 0);
}

/* In a library: any word that the dynamic linker fills in for the library's own block will do. */
static struct plait_tls_variable by_relocation(const struct plait_elf *elf, const struct plait_python_arch *arch,
					       int64_t value)
{
	struct plait_elf_relocations relocations = plait_elf_relocations(elf);
	Elf64_Rela relocation;
	while (plait_elf_relocation_next(&relocations, &relocation)) {
		if (ELF64_R_SYM(relocation.r_info))
			continue;
		int64_t offset = (int64_t)((uint64_t)value - (uint64_t)relocation.r_addend);
		switch (arch->relocation(ELF64_R_TYPE(relocation.r_info))) {
		case PLAIT_RELOCATION_TLS_MODULE:
			return variable(PLAIT_TLS_DYNAMIC, relocation.r_offset, value);
		case PLAIT_RELOCATION_TLS_POINTER:
			return variable(PLAIT_TLS_GOT, relocation.r_offset, offset);
		case PLAIT_RELOCATION_TLS_DESCRIPTOR:
			return variable(PLAIT_TLS_DESCRIPTOR, relocation.r_offset, offset);
		default:
			break;
		}
	}
	return variable(PLAIT_TLS_NONE, 0, 0);
}

static struct plait_tls_variable by_symbol(const struct plait_elf *elf, const struct plait_python_arch *arch,
					   const Elf64_Sym *symbol)
{
	Elf64_Phdr tls;
	if (ELF64_ST_TYPE(symbol->st_info) != STT_TLS || !plait_elf_segment(elf, PT_TLS, &tls) ||
	    symbol->st_value > INT32_MAX || tls.p_memsz > INT32_MAX)
		return variable(PLAIT_TLS_NONE, 0, 0);
	if (!plait_elf_is_program(elf))
		return by_relocation(elf, arch, (int64_t)symbol->st_value);
	return variable(PLAIT_TLS_STATIC, 0, arch->program_tls(tls.p_memsz, tls.p_align) + (int64_t)symbol->st_value);
}

struct plait_tls_variable plait_accessor_locate(const struct plait_elf *elf, const struct plait_accessor *accessor)
{
	struct plait_tls_variable result = variable(PLAIT_TLS_NONE, 0, 0);
	const struct plait_python_arch *arch = plait_python_arch_of(elf->header.e_machine);
	if (arch && accessor->function.st_value)
		result = by_code(elf, arch, accessor->function.st_value);
	if (arch && result.kind == PLAIT_TLS_NONE)
		result = by_symbol(elf, arch, &accessor->variable);
	return result;
}
