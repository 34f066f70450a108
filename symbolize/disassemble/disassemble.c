#include "symbolize/disassemble/disassemble.h"

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/disassemble/arch_disassemble.h"

static const struct {
	const char *name;
	cs_arch arch;
	cs_mode mode;
	/* What capstone does not know; NULL: nothing does. */
	uint32_t (*more)(const uint8_t *code, size_t size, uint64_t address, char *ret, size_t ret_size);
	uint32_t step; /* to go on by when nothing tells a length */
} architectures[] = {
	{ "x86_64", CS_ARCH_X86, CS_MODE_64, plait_x86_64_disassemble, 1 },
	{ "aarch64", CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, NULL, 4 },
};

static bool in_group(const cs_insn *insn, uint8_t group)
{
	for (uint8_t i = 0; insn->id && insn->detail && i < insn->detail->groups_count; i++) {
		if (insn->detail->groups[i] == group)
			return true;
	}
	return false;
}

static enum plait_instruction_kind kind_of(const cs_insn *insn)
{
	if (in_group(insn, CS_GRP_CALL) || strcmp(insn->mnemonic, "bl") == 0 || strcmp(insn->mnemonic, "blr") == 0)
		return PLAIT_INSTRUCTION_CALL;
	if (in_group(insn, CS_GRP_RET))
		return PLAIT_INSTRUCTION_RETURN;
	return in_group(insn, CS_GRP_JUMP) ? PLAIT_INSTRUCTION_JUMP : PLAIT_INSTRUCTION_OTHER;
}

/* The target of a direct jump is the last operand, a plain number ("0x1234", "x0, #0x1234"). Cuts it off. */
static bool take_target(char *operands, uint64_t *ret)
{
	char *last = strrchr(operands, ' ');
	last = last ? last + 1 : operands;
	char *number = *last == '#' ? last + 1 : last, *end;
	if (strchr(operands, '[') || *number < '0' || *number > '9')
		return false;
	*ret = strtoull(number, &end, 0);
	if (*end)
		return false;
	*last = '\0';
	return true;
}

static struct plait_instruction convert(const cs_insn *insn, uint64_t address)
{
	struct plait_instruction instruction = {
		.offset = (uint32_t)(insn->address - address),
		.size = insn->size,
		.kind = kind_of(insn),
	};
	snprintf(instruction.mnemonic, sizeof(instruction.mnemonic), "%.23s", insn->mnemonic);
	size_t size = 0;
	for (const char *at = insn->op_str; *at && size + 1 < sizeof(instruction.operands); at++) {
		if (at[strspn(at, " ")] != ',' || *at == ',') /* capstone 4: "zmm9 , zmm5" */
			instruction.operands[size++] = *at;
	}
	instruction.operands[size] = '\0';
	if (instruction.kind == PLAIT_INSTRUCTION_JUMP || instruction.kind == PLAIT_INSTRUCTION_CALL)
		instruction.has_target = take_target(instruction.operands, &instruction.target);
	return instruction;
}

/* What capstone does not know: `text` of somebody else, or the bytes. */
static struct plait_instruction convert_unknown(const uint8_t *code, uint32_t size, uint64_t offset, const char *text)
{
	struct plait_instruction instruction = { .offset = (uint32_t)offset, .size = size };
	size_t used = 0, mnemonic = strcspn(text, " ");
	if (*text) {
		snprintf(instruction.mnemonic, sizeof(instruction.mnemonic), "%.*s", (int)mnemonic, text);
		snprintf(instruction.operands, sizeof(instruction.operands), "%s",
			 text + mnemonic + strspn(text + mnemonic, " "));
		return instruction;
	}
	snprintf(instruction.mnemonic, sizeof(instruction.mnemonic), ".byte");
	for (size_t i = 0; i < size && used + 8 < sizeof(instruction.operands); i++)
		used += (size_t)snprintf(instruction.operands + used, sizeof(instruction.operands) - used, "%s0x%02x",
					 i ? ", " : "", code[i]);
	return instruction;
}

struct plait_error *plait_disassemble(const char *architecture, const uint8_t *code, size_t size, uint64_t address,
				      struct plait_disassembly *ret)
{
	*ret = (struct plait_disassembly) { 0 };
	size_t i = 0, count = sizeof(architectures) / sizeof(architectures[0]);
	while (i < count && strcmp(architectures[i].name, architecture) != 0)
		i++;
	csh handle;
	if (i == count || cs_open(architectures[i].arch, architectures[i].mode, &handle) != CS_ERR_OK)
		return plait_error_new(PLAIT_ERROR_UNSUPPORTED,
				       "this build cannot take code of the architecture '%s' apart", architecture);
	cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
	cs_insn *insn = cs_malloc(handle);
	bool kept = insn != NULL;
	uint64_t at = address;
	while (kept && size) {
		if (cs_disasm_iter(handle, &code, &size, &at, insn)) {
			kept = plait_vec_push(&ret->instructions, convert(insn, address));
			continue;
		}
		char text[128] = "";
		uint32_t skip = architectures[i].more ? architectures[i].more(code, size, at, text, sizeof(text)) : 0;
		skip = skip ? skip : architectures[i].step;
		skip = skip < size ? skip : (uint32_t)size;
		kept = plait_vec_push(&ret->instructions, convert_unknown(code, skip, at - address, text));
		code += skip;
		size -= skip;
		at += skip;
	}
	if (insn)
		cs_free(insn, 1);
	cs_close(&handle);
	return kept ? NULL : plait_error_no_memory();
}

void plait_disassembly_release(struct plait_disassembly *disassembly)
{
	plait_vec_free(&disassembly->instructions);
}
