/* x86-64, System V ABI. */
#include <elf.h>
#include <string.h>

#include "perf/unwind/arch_x86_64.h"

/* --- Rules that need no table --- */

static void entry_rule(struct plait_rule *ret)
{
	plait_rule_start(&plait_unwind_arch_x86_64, ret, RSP, 8);
}

static void frame_pointer_rule(struct plait_rule *ret)
{
	plait_rule_start(&plait_unwind_arch_x86_64, ret, RBP, 16);
	plait_rule_add(ret, RBP, PLAIT_RULE_AT_CFA, 0, -16);
}

/* --- Calls --- */

/* The length of a `call r/m64` without prefixes, from its ModRM and SIB bytes; 0 when it is another instruction. */
static size_t indirect_call_size(const uint8_t *code, size_t size)
{
	if (size < 2 || code[0] != 0xff || (code[1] >> 3 & 7) != 2)
		return 0;
	unsigned mode = code[1] >> 6, base = code[1] & 7;
	if (mode == 3)
		return 2;
	size_t length = 2;
	if (base == 4) { /* a SIB byte */
		if (size < 3)
			return 0;
		length = 3;
		base = code[2] & 7;
	}
	if (mode == 0)
		return base == 5 ? length + 4 : length;
	return length + (mode == 1 ? 1 : 4);
}

static bool call_before(const uint8_t *code, size_t size, uint64_t address, struct plait_call_site *ret)
{
	*ret = (struct plait_call_site) { 0 };
	if (size >= 5 && code[size - 5] == 0xe8) {
		int32_t distance;
		memcpy(&distance, code + size - 4, sizeof(distance));
		*ret = (struct plait_call_site) { .direct = true, .target = address + (uint64_t)(int64_t)distance };
		return true;
	}
	for (size_t length = 2; length <= 7 && length <= size; length++) {
		if (indirect_call_size(code + size - length, length) == length)
			return true;
	}
	return false;
}

/* --- Code known by its bytes --- */

#define PATTERN_BYTES 12

/* CPython's Objects/asm_trampoline.S, copied for each code object under -X perf. 3.12.1 and 3.13.0:
 * sub $8,%rsp; call *%rcx; add $8,%rsp; ret. From 3.13.1 and 3.14 on: push %rbp; mov %rsp,%rbp; call *%rcx; pop %rbp;
 * ret. */
static const uint8_t stub_plain[] = { 0x48, 0x83, 0xec, 0x08, 0xff, 0xd1, 0x48, 0x83, 0xc4, 0x08, 0xc3 };
static const uint8_t stub_framed[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd1, 0x5d, 0xc3 };

/* Where in a stub, and how far the stack pointer is below the CFA there. */
static const struct {
	const uint8_t *bytes;
	uint8_t size, pc, depth;
	bool saves_rbp;
} stub_states[] = {
	{ stub_plain, sizeof(stub_plain), 0, 8, false },   { stub_plain, sizeof(stub_plain), 4, 16, false },
	{ stub_plain, sizeof(stub_plain), 6, 16, false },  { stub_plain, sizeof(stub_plain), 10, 8, false },
	{ stub_framed, sizeof(stub_framed), 0, 8, false }, { stub_framed, sizeof(stub_framed), 1, 16, true },
	{ stub_framed, sizeof(stub_framed), 4, 16, true }, { stub_framed, sizeof(stub_framed), 6, 16, true },
	{ stub_framed, sizeof(stub_framed), 7, 8, false },
};

static bool stub_rule(const uint8_t *code, struct plait_rule *ret)
{
	for (size_t i = 0; i < sizeof(stub_states) / sizeof(stub_states[0]); i++) {
		if (memcmp(code + PATTERN_BYTES - stub_states[i].pc, stub_states[i].bytes, stub_states[i].size) != 0)
			continue;
		plait_rule_start(&plait_unwind_arch_x86_64, ret, RSP, stub_states[i].depth);
		ret->flags = PLAIT_RULE_VERIFY; /* all of the code is known: nothing is derived */
		if (stub_states[i].saves_rbp)
			plait_rule_add(ret, RBP, PLAIT_RULE_AT_CFA, 0, -16);
		return true;
	}
	return false;
}

/* A C library's sigreturn trampoline without CFI (musl): mov $15,%rax; syscall. The stack pointer is at the ucontext
 * (arch/x86/include/uapi/asm/sigcontext.h): the registers start at offset 40. */
static bool signal_rule(const uint8_t *code, struct plait_rule *ret)
{
	static const uint8_t long_form[] = { 0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 };
	static const uint8_t short_form[] = { 0xb8, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 };
	static const uint8_t order[] = { R8,  R9,  R10, R11, R12, R13, R14, R15, RDI,
					 RSI, RBP, RBX, RDX, RAX, RCX, RSP, RIP };
	code += PATTERN_BYTES;
	if (memcmp(code, long_form, sizeof(long_form)) != 0 && memcmp(code, short_form, sizeof(short_form)) != 0)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->flags = PLAIT_RULE_SIGNAL;
	ret->cfa.kind = PLAIT_RULE_AT_REGISTER;
	ret->cfa.source = RSP;
	for (size_t i = 0; i < sizeof(order); i++) {
		int32_t offset = 40 + 8 * (int32_t)i;
		if (order[i] == RSP)
			ret->cfa.value = offset;
		else
			plait_rule_add(ret, order[i], PLAIT_RULE_AT_REGISTER, RSP, offset);
	}
	return true;
}

static bool pattern_rule(const uint8_t *code, struct plait_rule *ret)
{
	return stub_rule(code, ret) || signal_rule(code, ret);
}

static const uint8_t pointer_order[] = { RSP, RBP, RBX, R12, R13, R14, R15, R11, R10, RAX, RCX, RDX, RSI, RDI, R8, R9 };

const struct plait_unwind_arch plait_unwind_arch_x86_64 = {
	.elf_machine = EM_X86_64,
	.register_count = RIP + 1,
	.sp = RSP,
	.pc = RIP,
	.fp = RBP,
	.return_address = RIP,
	.return_from_cfa = -8,
	.fp_from_cfa = -16,
	.callee_saved = CALLEE_SAVED,
	.pointer_order = pointer_order,
	.pointer_count = sizeof(pointer_order),
	.code_mask = UINT64_MAX,
	.call_bytes_max = 7,
	.plt_header_bytes = 16,
	.plt_entry_bytes = 16,
	.pattern_bytes = PATTERN_BYTES,
	.pattern_bytes_before = PATTERN_BYTES,
	.entry_rule = entry_rule,
	.frame_pointer_rule = frame_pointer_rule,
	.call_before = call_before,
	.pattern_rule = pattern_rule,
	.decode = plait_x86_64_decode,
};
