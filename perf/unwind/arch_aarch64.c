/* AArch64, "Procedure Call Standard for the Arm 64-bit Architecture". */
#include <elf.h>
#include <string.h>

#include "perf/unwind/arch_aarch64.h"

/* --- Rules that need no table --- */

static void entry_rule(struct plait_rule *ret)
{
	plait_rule_start(&plait_unwind_arch_aarch64, ret, SP, 0);
}

/* A frame record: x29 points to the caller's x29 and the return address. It lies somewhere in the frame. */
static void frame_pointer_rule(struct plait_rule *ret)
{
	plait_rule_start(&plait_unwind_arch_aarch64, ret, FP, 16);
	ret->flags |= PLAIT_RULE_BOUND;
	plait_rule_add(ret, FP, PLAIT_RULE_AT_CFA, 0, -16);
	plait_rule_add(ret, LR, PLAIT_RULE_AT_CFA, 0, -8);
}

/* --- Calls --- */

static bool call_before(const uint8_t *code, size_t size, uint64_t address, struct plait_call_site *ret)
{
	*ret = (struct plait_call_site) { 0 };
	if (size < 4 || address % 4)
		return false;
	uint32_t word = plait_aarch64_word(code + size - 4);
	if (plait_aarch64_is_bl(word)) {
		int64_t distance = (int64_t)((uint64_t)word << 38) >> 36; /* 26 bits, in words */
		*ret = (struct plait_call_site) { .direct = true, .target = address - 4 + (uint64_t)distance };
		return true;
	}
	return plait_aarch64_is_blr(word);
}

/* The flow that the upper byte of an instruction tells (C4.1, branches), or that it does not. */
enum { OTHER = 0xff };
static const uint8_t flow_by_upper_byte[256] = {
	[0x00] = OTHER,
	[0x14 ... 0x17] = PLAIT_FLOW_JUMP,
	[0x34 ... 0x37] = PLAIT_FLOW_BRANCH, /* cbz, tbz */
	[0x54] = PLAIT_FLOW_BRANCH,	     /* b.cond */
	[0x94 ... 0x97] = PLAIT_FLOW_CALL,
	[0xb4 ... 0xb7] = PLAIT_FLOW_BRANCH,
	[0xd4 ... 0xd7] = OTHER,
};

static enum plait_flow other_flow(uint32_t word)
{
	if (plait_aarch64_is_padding(word))
		return PLAIT_FLOW_PADDING;
	bool is_break = (word & 0xffe0001f) == 0xd4200000; /* brk: what must not be reached */
	return plait_aarch64_is_return(word) || plait_aarch64_is_jump(word) || is_break ? PLAIT_FLOW_LEAVE
											: PLAIT_FLOW_ON;
}

static void flows(const uint8_t *code, size_t count, uint8_t *ret)
{
	for (size_t i = 0; i < count; i++, code += 4) {
		ret[i] = flow_by_upper_byte[code[3]];
		if (ret[i] == OTHER)
			ret[i] = (uint8_t)other_flow(plait_aarch64_word(code));
	}
}

/* `bits` of the word from bit `low` on, signed. */
static int64_t field(uint32_t word, unsigned low, unsigned bits)
{
	return (int64_t)((uint64_t)word << (64 - low - bits)) >> (64 - bits);
}

static int64_t distance(const uint8_t *code)
{
	uint32_t word = plait_aarch64_word(code);
	if ((word & 0x7c000000) == 0x14000000) /* b, bl */
		return field(word, 0, 26);
	return (word & 0x7e000000) == 0x36000000 ? field(word, 5, 14) /* tbz */ : field(word, 5, 19);
}

/* --- Code known by its bytes --- */

enum { PATTERN_BYTES = 8, PATTERN_BYTES_BEFORE = 24 };

static bool is_move(uint32_t word)
{
	return (word & 0xffe0ffe0) == 0xaa0003e0;
}

/* CPython's Objects/asm_trampoline.S, copied for each code object under -X perf: [paciasp]; stp x29,x30,[sp,#-16]!;
 * mov x29,sp; [moves]; blr x3; ldp x29,x30,[sp],#16; [autiasp]; ret. Between stp and ldp; elsewhere it has no frame. */
static bool stub_rule(const uint8_t *code, struct plait_rule *ret)
{
	const uint8_t *at = code + PATTERN_BYTES_BEFORE;
	uint32_t word = plait_aarch64_word(at);
	bool returned = word == 0xa8c17bfd && plait_aarch64_word(at - 4) == 0xd63f0060;
	if (!returned && word != 0xd63f0060 && word != 0x910003fd && !is_move(word))
		return false;
	at -= returned ? 8 : 4;
	if (!returned && word == 0x910003fd)
		at += 4; /* mov x29,sp itself: the next to look at */
	while (at > code && is_move(plait_aarch64_word(at)))
		at -= 4;
	if (at < code + 4 || plait_aarch64_word(at) != 0x910003fd || plait_aarch64_word(at - 4) != 0xa9bf7bfd)
		return false;
	plait_rule_start(&plait_unwind_arch_aarch64, ret, SP, 16);
	ret->flags = PLAIT_RULE_VERIFY; /* all of the code is known: nothing is derived */
	plait_rule_add(ret, FP, PLAIT_RULE_AT_CFA, 0, -16);
	plait_rule_add(ret, LR, PLAIT_RULE_AT_CFA, 0, -8);
	return true;
}

/* The stack pointer is at struct rt_sigframe: 128 bytes of siginfo, then a ucontext (arch/arm64/kernel/signal.c), whose
 * sigcontext has x0 to x30, sp and pc (asm/sigcontext.h). */
#define SIGNAL_REGISTERS 312

void plait_aarch64_signal_rule(struct plait_rule *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->flags = PLAIT_RULE_SIGNAL;
	ret->cfa.kind = PLAIT_RULE_AT_REGISTER;
	ret->cfa.source = SP;
	ret->cfa.value = SIGNAL_REGISTERS + 8 * SP;
	for (uint8_t i = 0; i <= LR; i++)
		plait_rule_add(ret, i, PLAIT_RULE_AT_REGISTER, SP, SIGNAL_REGISTERS + 8 * (int64_t)i);
	plait_rule_add(ret, PC, PLAIT_RULE_AT_REGISTER, SP, SIGNAL_REGISTERS + 8 * PC);
}

static bool pattern_rule(const uint8_t *code, struct plait_rule *ret)
{
	if (plait_aarch64_is_signal_return(code + PATTERN_BYTES_BEFORE)) {
		plait_aarch64_signal_rule(ret);
		return true;
	}
	return stub_rule(code, ret);
}

static const uint8_t pointer_order[] = { SP, FP, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 9, 10, 11, 12,
					 13, 14, 15, 16, 17, 8,	 7,  6,	 5,  4,	 3,  2,	 1, 0,	18 };

const struct plait_unwind_arch plait_unwind_arch_aarch64 = {
	.elf_machine = EM_AARCH64,
	.register_count = SP + 1,
	.sp = SP,
	.pc = PC,
	.fp = FP,
	.return_address = LR,
	.callee_saved = (1ULL << LR) - (1ULL << X19), /* x19 to x28, x29 */
	.pointer_order = pointer_order,
	.pointer_count = sizeof(pointer_order),
	/* User addresses have 48 bits unless a program asks for more; above are authentication bits (PAC). */
	.code_mask = (1ULL << 48) - 1,
	.call_bytes_max = 4,
	.instruction_bytes = 4,
	.pattern_bytes = PATTERN_BYTES,
	.pattern_bytes_before = PATTERN_BYTES_BEFORE,
	.plt_header_bytes = 32,
	.entry_rule = entry_rule,
	.frame_pointer_rule = frame_pointer_rule,
	.call_before = call_before,
	.flows = flows,
	.distance = distance,
	.pattern_rule = pattern_rule,
	.decode = plait_aarch64_decode,
};
