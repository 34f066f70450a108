#include "perf/unwind/table.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <string.h>

struct plait_table {
	Elf *elf;
	Dwarf_CFI *eh_frame; /* freed with the table */
	bool debug_frame_opened;
	Dwarf *dwarf;
	Dwarf_CFI *debug_frame; /* belongs to `dwarf`; NULL: none, or not opened yet */
};

/* Does the file have a .debug_frame? */
static bool has_debug_frame(Elf *elf)
{
	size_t names;
	if (elf_getshdrstrndx(elf, &names))
		return false;
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		GElf_Shdr header;
		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		const char *name = elf_strptr(elf, names, header.sh_name);
		if (name && (!strcmp(name, ".debug_frame") || !strcmp(name, ".zdebug_frame")))
			return true;
	}
	return false;
}

struct plait_table *plait_table_create(const uint8_t *bytes, size_t size)
{
	struct plait_table *table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	elf_version(EV_CURRENT);
	/* elf_memory() wants a non-const pointer, but reads only: a file of the host's byte order is used in place. */
	table->elf = elf_memory((char *)bytes, size);
	if (!table->elf || elf_kind(table->elf) != ELF_K_ELF)
		return table;
	table->eh_frame = dwarf_getcfi_elf(table->elf);
	return table;
}

/* The .debug_frame, opened when it is needed first: opening a Dwarf reads, and possibly inflates, every debug section.
 */
static Dwarf_CFI *debug_frame(struct plait_table *table)
{
	if (table->debug_frame_opened)
		return table->debug_frame;
	table->debug_frame_opened = true;
	if (table->elf && elf_kind(table->elf) == ELF_K_ELF && has_debug_frame(table->elf))
		table->dwarf = dwarf_begin_elf(table->elf, DWARF_C_READ, NULL);
	if (table->dwarf)
		table->debug_frame = dwarf_getcfi(table->dwarf);
	return table->debug_frame;
}

void plait_table_destroy(struct plait_table *table)
{
	if (!table)
		return;
	if (table->eh_frame)
		dwarf_cfi_end(table->eh_frame);
	if (table->dwarf)
		dwarf_end(table->dwarf);
	if (table->elf)
		elf_end(table->elf);
	free(table);
}

/* Is `op` "register plus constant"? */
static bool is_based(const Dwarf_Op *op, const struct plait_unwind_arch *arch, uint8_t *ret_register,
		     int64_t *ret_offset)
{
	uint64_t number;
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		number = op->atom - DW_OP_breg0;
		*ret_offset = (int64_t)op->number;
	} else if (op->atom == DW_OP_bregx) {
		number = op->number;
		*ret_offset = (int64_t)op->number2;
	} else {
		return false;
	}
	*ret_register = (uint8_t)number;
	return number < arch->register_count && number < PLAIT_REGISTER_COUNT;
}

/* A single register as a place: DW_OP_reg3, DW_OP_regx. */
static bool is_register(const Dwarf_Op *op, const struct plait_unwind_arch *arch, uint8_t *ret_register)
{
	uint64_t number;
	if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31)
		number = op->atom - DW_OP_reg0;
	else if (op->atom == DW_OP_regx)
		number = op->number;
	else
		return false;
	*ret_register = (uint8_t)number;
	return number < arch->register_count && number < PLAIT_REGISTER_COUNT;
}

/* Keeps an expression in the pool; -1 when that is not possible. */
static int32_t keep(struct plait_rule_pool *pool, const Dwarf_Op *ops, size_t count)
{
	struct plait_expression_op kept[PLAIT_EXPRESSION_OPS_MAX];
	if (count > PLAIT_EXPRESSION_OPS_MAX)
		return -1;
	for (size_t i = 0; i < count; i++)
		kept[i] = (struct plait_expression_op) { ops[i].atom, ops[i].number, ops[i].number2 };
	return plait_rule_pool_expression(pool, kept, count);
}

static bool convert_cfa(const Dwarf_Op *ops, size_t count, const struct plait_unwind_arch *arch,
			struct plait_rule_pool *pool, struct plait_rule_entry *ret)
{
	uint8_t source;
	int64_t offset;
	if (count && is_based(&ops[0], arch, &source, &offset) && offset == (int32_t)offset &&
	    (count == 1 || (count == 2 && ops[1].atom == DW_OP_deref))) {
		ret->kind = count == 1 ? PLAIT_RULE_IS_REGISTER : PLAIT_RULE_AT_REGISTER;
		ret->source = source;
		ret->value = (int32_t)offset;
		return true;
	}
	ret->kind = PLAIT_RULE_IS_EXPRESSION;
	ret->value = keep(pool, ops, count);
	return ret->value >= 0;
}

/* One register's location description, in the forms that dwarf_frame_register() builds: an offset from the CFA, a
 * register, or an expression (which it starts with DW_OP_call_frame_cfa). */
static bool convert_register(const Dwarf_Op *ops, size_t count, uint8_t target, const struct plait_unwind_arch *arch,
			     struct plait_rule_pool *pool, struct plait_rule *ret)
{
	uint8_t source;
	int64_t offset;
	if (count == 1 && is_register(&ops[0], arch, &source))
		return plait_rule_add(ret, target, PLAIT_RULE_IS_REGISTER, source, 0);
	bool is_value = ops[count - 1].atom == DW_OP_stack_value;
	count -= is_value;
	if (count && ops[0].atom == DW_OP_call_frame_cfa) {
		bool plus = count == 2 && ops[1].atom == DW_OP_plus_uconst;
		if (count == 1 && is_value && target == arch->sp)
			return true; /* the default */
		if (count == 1 || plus)
			return plait_rule_add(ret, target, is_value ? PLAIT_RULE_IS_CFA : PLAIT_RULE_AT_CFA, 0,
					      plus ? (int64_t)ops[1].number : 0);
		if (count == 2 && is_based(&ops[1], arch, &source, &offset))
			return plait_rule_add(ret, target, is_value ? PLAIT_RULE_IS_REGISTER : PLAIT_RULE_AT_REGISTER,
					      source, offset);
	}
	int32_t id = keep(pool, ops, count);
	return id >= 0 &&
	       plait_rule_add(ret, target, is_value ? PLAIT_RULE_IS_EXPRESSION : PLAIT_RULE_AT_EXPRESSION, 0, id);
}

/* The rule of one register of `frame`, added to `ret` unless it is the default. */
static bool frame_register(Dwarf_Frame *frame, uint8_t target, const struct plait_unwind_arch *arch,
			   struct plait_rule_pool *pool, struct plait_rule *ret)
{
	Dwarf_Op memory[3], *ops;
	size_t count;
	bool is_return = target == arch->return_address;
	if (dwarf_frame_register(frame, target, memory, &ops, &count))
		return !is_return;
	if (count)
		return convert_register(ops, count, target, arch, pool, ret) || !is_return;
	/* libdw says undefined for what no CFI mentions, for rbx too: its table of the x86-64 ABI has 0 in rbx's place.
	 * A callee-saved register is the caller's then; only the return address can be truly undefined. */
	bool undefined = ops == memory;
	return !undefined || !is_return || plait_rule_add(ret, target, PLAIT_RULE_UNDEFINED, 0, 0);
}

static bool convert_frame(Dwarf_Frame *frame, const struct plait_unwind_arch *arch, struct plait_rule_pool *pool,
			  struct plait_rule *ret)
{
	Dwarf_Op *ops;
	size_t count;
	bool is_signal = false;
	memset(ret, 0, sizeof(*ret));
	/* Another return address column than the architecture's would need code that no compiler tests. */
	if (dwarf_frame_info(frame, NULL, NULL, &is_signal) != arch->return_address)
		return false;
	ret->flags = is_signal ? PLAIT_RULE_SIGNAL : 0;
	if (dwarf_frame_cfa(frame, &ops, &count))
		return false;
	/* An undefined return address ends the stack, whether or not the CFA is known. */
	if (!frame_register(frame, arch->return_address, arch, pool, ret))
		return false;
	const struct plait_rule_entry *return_entry = plait_rule_find(ret, arch->return_address);
	bool outermost = return_entry && return_entry->kind == PLAIT_RULE_UNDEFINED;
	if (!convert_cfa(ops, count, arch, pool, &ret->cfa)) {
		if (!outermost)
			return false;
		ret->cfa = (struct plait_rule_entry) { .kind = PLAIT_RULE_IS_REGISTER, .source = arch->sp };
	}
	for (uint8_t target = 0; target < arch->register_count; target++) {
		if (target != arch->return_address && !frame_register(frame, target, arch, pool, ret))
			return false;
	}
	return true;
}

static bool find(Dwarf_CFI *cfi, const struct plait_unwind_arch *arch, struct plait_rule_pool *pool, uint64_t address,
		 struct plait_rule *ret)
{
	Dwarf_Frame *frame;
	if (!cfi || dwarf_cfi_addrframe(cfi, address, &frame))
		return false;
	bool converted = convert_frame(frame, arch, pool, ret);
	free(frame);
	return converted;
}

static bool find_in_either(struct plait_table *table, const struct plait_unwind_arch *arch,
			   struct plait_rule_pool *pool, uint64_t address, struct plait_rule *ret)
{
	return find(table->eh_frame, arch, pool, address, ret) || find(debug_frame(table), arch, pool, address, ret);
}

/* What `rule` says of the return address, when that is at or above the CFA; else NULL. */
static const struct plait_rule_entry *return_above(const struct plait_unwind_arch *arch, const struct plait_rule *rule)
{
	const struct plait_rule_entry *entry = plait_rule_find(rule, arch->return_address);
	bool above = entry && entry->kind == PLAIT_RULE_AT_CFA && entry->value >= 0 && entry->value < 4096;
	return above ? entry : NULL;
}

/*
 * glibc's _dl_runtime_resolve on AArch64 does not count the two words that the procedure linkage table has pushed
 * before it (sysdeps/aarch64/dl-trampoline.S). So its CFA is too low, which shows:
 *   - the return address is stored at or above it: the true one is above that word;
 *   - at the entry, whose rule is like any function's, the next instruction's rule says so;
 *   - at the end it is below the stack pointer: all has been popped, nothing is saved any more.
 */
static void raise_cfa(struct plait_table *table, const struct plait_unwind_arch *arch, struct plait_rule_pool *pool,
		      uint64_t address, struct plait_rule *rule)
{
	if (rule->cfa.kind != PLAIT_RULE_IS_REGISTER || rule->cfa.source != arch->sp)
		return;
	if (rule->cfa.value < 0) {
		rule->cfa.value = 0;
		rule->count = 0;
		return;
	}
	struct plait_rule next;
	const struct plait_rule_entry *entry = return_above(arch, rule);
	bool is_entry = !rule->count && !rule->cfa.value;
	if (is_entry && find_in_either(table, arch, pool, address + 4, &next))
		entry = return_above(arch, &next);
	if (!entry)
		return;
	int32_t missing = entry->value + (int32_t)sizeof(uint64_t);
	rule->cfa.value += missing;
	for (size_t i = 0; i < rule->count; i++) {
		if (rule->entries[i].kind == PLAIT_RULE_AT_CFA || rule->entries[i].kind == PLAIT_RULE_IS_CFA)
			rule->entries[i].value -= missing;
	}
}

bool plait_table_rule(struct plait_table *table, const struct plait_unwind_arch *arch, struct plait_rule_pool *pool,
		      uint64_t address, struct plait_rule *ret)
{
	if (!find_in_either(table, arch, pool, address, ret))
		return false;
	if (!arch->return_from_cfa)
		raise_cfa(table, arch, pool, address, ret);
	return true;
}
