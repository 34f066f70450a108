/*
 * For test_prologue.c: see arch_fixtures.h.
 */
#ifndef PLAIT_TESTS_UNIT_ARCH_AARCH64_FIXTURES_H
#define PLAIT_TESTS_UNIT_ARCH_AARCH64_FIXTURES_H

#define TEST_ENTRY_DEPTH 0 /* from the stack pointer at a function's entry to its CFA */

/* What a caller gets back: x19 to x29. */
static const uint8_t test_saved[] = { 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29 };

static inline uint64_t return_address_at_entry(const struct plait_registers *registers, const uint8_t *stack)
{
	(void)stack;
	return registers->value[30];
}

/* No .cfi directive: the assembler writes no FDE for any of these. */
#define FUNCTION(name, body)                                                                                           \
	__asm__(".pushsection .text\n.p2align 4\n.globl " #name "\n.type " #name ", %function\n" #name ":\n" body      \
		".size " #name ", . - " #name "\n.popsection\n");                                                      \
	void name(void)

/* OpenBLAS's kernels: room for all with one `sub`, vector registers first, x30 stored too as this one calls; then a big
 * aligned buffer. The loop comes back to code that lies before the clobbering of x20. */
FUNCTION(kernel_aligned, "sub sp, sp, #0xb0\n stp d8, d9, [sp]\n stp d10, d11, [sp, #16]\n stp d12, d13, [sp, #32]\n"
			 "stp d14, d15, [sp, #48]\n stp x19, x20, [sp, #64]\n stp x21, x22, [sp, #80]\n"
			 "stp x29, x30, [sp, #96]\n str x23, [sp, #112]\n"
			 "mov x29, sp\n sub x9, sp, #0x7, lsl #12\n and sp, x9, #-4096\n prfm pldl1keep, [x29, #64]\n"
			 "mov w19, #0\n"
			 "1: add w19, w19, #1\n cmp w19, #1\n b.eq 2f\n mov x21, #0\n"
			 "2: mov x20, #5\n str x19, [sp, #64]\n bl leaf_function\n cmp w19, #3\n b.lt 1b\n"
			 "add x22, x20, x20\n fmov x23, d0\n"
			 "mov sp, x29\n ldp d8, d9, [sp]\n ldp d10, d11, [sp, #16]\n ldp d12, d13, [sp, #32]\n"
			 "ldp d14, d15, [sp, #48]\n ldp x19, x20, [sp, #64]\n ldp x21, x22, [sp, #80]\n"
			 "ldp x29, x30, [sp, #96]\n ldr x23, [sp, #112]\n add sp, sp, #0xb0\n ret\n");

FUNCTION(leaf_function, "str x19, [sp, #-16]!\n mov x19, #1\n ldr x19, [sp], #16\n ret\n");

/* A frame record, a second exit in the middle, code behind the first `ret`. */
FUNCTION(two_exits, "stp x29, x30, [sp, #-64]!\n mov x29, sp\n stp x19, x28, [sp, #16]\n mov w19, #0\n b 2f\n"
		    "1: ldp x19, x28, [sp, #16]\n ldp x29, x30, [sp], #64\n ret\n"
		    "2: mov x28, #9\n sub sp, sp, #16\n bl leaf_function\n add sp, sp, #16\n"
		    "mov w0, w19\n mov w1, #0\n mov w2, w0\n nop\n nop\n nop\n"
		    "cbnz w19, 3f\n add w19, w19, #1\n b 2b\n"
		    "3: cmp w19, #2\n b.ge 1b\n add w19, w19, #1\n ldp x19, x28, [sp, #16]\n ldp x29, x30, [sp], #64\n"
		    "ret\n");

/* The old stack pointer is kept in the aligned frame only, and nowhere else once x9 is gone. */
FUNCTION(old_sp_in_memory,
	 "mov x9, sp\n sub x10, x9, #0x180\n and sp, x10, #-64\n str x9, [sp, #0x100]\n"
	 "stp x19, x30, [sp, #0x108]\n str x26, [sp, #0x118]\n mov x9, #0\n mov x10, #0\n mov x19, #0\n"
	 "mov x26, #3\n bl leaf_function\n nop\n"
	 "ldp x19, x30, [sp, #0x108]\n ldr x26, [sp, #0x118]\n ldr x9, [sp, #0x100]\n mov sp, x9\n ret\n");

/* Unscaled accesses and a signed return address, a tail call as the end. */
FUNCTION(lea_frame, "paciasp\n sub sp, sp, #0x90\n stur x25, [sp, #0x81]\n stp x24, x30, [sp, #0x70]\n mov x25, #4\n"
		    "mov x24, x25\n ldp x24, x30, [sp, #0x70]\n ldur x25, [sp, #0x81]\n"
		    "add sp, sp, #0x90\n autiasp\n b leaf_function\n");

/* Callee-saved registers and the return address parked in others; a frame of a computed size. */
FUNCTION(parked, "mov x10, x19\n mov x11, x29\n mov x12, x30\n mov x29, sp\n mov x19, #0x40\n sub sp, sp, x19\n"
		 "str x19, [sp]\n mov x30, #0\n mov sp, x29\n mov x29, x11\n mov x19, x10\n mov x30, x12\n ret\n");

/* Nothing on the stack at all, but branches. */
FUNCTION(bare_loop, "mov w2, #3\n 1: subs w2, w2, #1\n b.ne 1b\n ret\n");

/* No size: what follows the ret and the padding is another function, whose symbol is local and has no type. */
__asm__(".pushsection .text\n.p2align 4\n.globl unsized\n.type unsized, %function\nunsized:\n"
	"stp x19, x30, [sp, #-16]!\n bl 1f\n ldp x19, x30, [sp], #16\n ret\n"
	".p2align 4\n"
	"1: str x20, [sp, #-16]!\n sub sp, sp, #0x30\n mov x20, #1\n add sp, sp, #0x30\n ldr x20, [sp], #16\n ret\n"
	".popsection\n");
void unsized(void);

/* Calls a fixture with recognizable values in the callee-saved registers. */
#define VALUE(number, low)                                                                                             \
	"mov x" #number ", #" #low "\n movk x" #number ", #0xb0b0, lsl #32\n movk x" #number ", #0xb0b0, lsl #48\n"
__asm__(".pushsection .text\ncall_with_values:\n"
	"stp x29, x30, [sp, #-96]!\n stp x19, x20, [sp, #16]\n stp x21, x22, [sp, #32]\n stp x23, x24, [sp, #48]\n"
	"stp x25, x26, [sp, #64]\n stp x27, x28, [sp, #80]\n" VALUE(19, 19) VALUE(20, 20) VALUE(21, 21) VALUE(22, 22)
		VALUE(23, 23) VALUE(24, 24) VALUE(25, 25) VALUE(26, 26) VALUE(27, 27) VALUE(28, 28)
			VALUE(29, 29) "blr x0\n"
				      "ldp x19, x20, [sp, #16]\n ldp x21, x22, [sp, #32]\n ldp x23, x24, [sp, #48]\n"
				      "ldp x25, x26, [sp, #64]\n ldp x27, x28, [sp, #80]\n ldp x29, x30, [sp], #96\n "
				      "ret\n.popsection\n");
void call_with_values(void (*function)(void));

#endif
