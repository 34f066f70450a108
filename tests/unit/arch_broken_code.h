/*
 * For test_unwind_anchor.c: code that no rule can leave, and code that leads astray.
 */
#ifndef PLAIT_TESTS_UNIT_ARCH_BROKEN_CODE_H
#define PLAIT_TESTS_UNIT_ARCH_BROKEN_CODE_H

/* broken_code() calls `function` with the stack pointer moved by an amount from memory, keeps the old one where nobody
 * knows, and clears the frame pointer: neither CFI nor prologue nor frame pointer leads out of it. */
void broken_code(void (*function)(void));

/* lying_code() calls `function` from a frame that decodes to a smaller one; the words at the wrong place are what the
 * caller planted: a return address, and a frame pointer. */
void lying_code(void (*function)(void), void *planted, volatile void *planted_frame);
/* The same with a table that lies. */
void lying_table(void (*function)(void), void *planted, volatile void *planted_frame);

#if defined(__x86_64__)

__asm__(".pushsection .text\n.p2align 4\n.type broken_code, @function\nbroken_code:\n"
	"push %rbp\n mov %rsp,%rax\n mov test_unwind_zero(%rip),%rcx\n lea -0x40(%rsp,%rcx),%rsp\n"
	"mov %rax,8(%rsp)\n xor %ebp,%ebp\n call *%rdi\n mov 8(%rsp),%rsp\n pop %rbp\n ret\n"
	".size broken_code, . - broken_code\n.popsection\n");

/* Decodes to a frame of 0x28 bytes, but has 0x108: the `add` is never executed. */
#define LYING_CODE(name, start, lie, end)                                                                              \
	__asm__(".pushsection .text\n.p2align 4\n.type " #name ", @function\n" #name ":\n" start                       \
		"push %rbp\n sub $0x100,%rsp\n mov %rsi,0x28(%rsp)\n mov %rdx,%rbp\n jmp 1f\n add $0xe0,%rsp\n" lie    \
		"1: call *%rdi\n add $0x100,%rsp\n pop %rbp\n ret\n" end ".size " #name ", . - " #name                 \
		"\n.popsection\n")
LYING_CODE(lying_code, "", "", "");
LYING_CODE(lying_table, ".cfi_startproc\n", ".cfi_def_cfa_offset 0x30\n", ".cfi_endproc\n");

#elif defined(__aarch64__)

/* Global: binutils lose the offset of a local symbol in a GOT entry. */
__asm__(".pushsection .text\n.p2align 4\n.globl broken_code\n.type broken_code, %function\nbroken_code:\n"
	"stp x29, x30, [sp, #-16]!\n mov x9, sp\n adrp x10, test_unwind_zero\n ldr x10, [x10, :lo12:test_unwind_zero]\n"
	"add x10, x10, #0x40\n neg x10, x10\n add x10, sp, x10\n mov sp, x10\n"
	"str x9, [sp, #8]\n mov x29, #0\n mov x30, #0\n blr x0\n ldr x9, [sp, #8]\n mov sp, x9\n"
	"ldp x29, x30, [sp], #16\n ret\n"
	".size broken_code, . - broken_code\n.popsection\n");

/* Stores its return address at a place that decodes to another one: the `add` is never executed. The words behind are
 * planted too: callees have their frame record at the lower end of their frames. */
#define LYING_CODE(name, start, lie, end)                                                                              \
	__asm__(".pushsection .text\n.p2align 4\n.globl " #name "\n.type " #name ", %function\n" #name ":\n" start     \
		"stp x29, x30, [sp, #-16]!\n sub sp, sp, #0x100\n stp x2, x1, [sp, #0x20]\n stp x2, x1, [sp, #0x30]\n" \
		"stp x2, x1, [sp, #0x40]\n mov x29, x2\n b 1f\n add sp, sp, #0xe0\n" lie                               \
		"1: blr x0\n add sp, sp, #0x100\n ldp x29, x30, [sp], #16\n ret\n" end ".size " #name ", . - " #name   \
		"\n.popsection\n")
LYING_CODE(lying_code, "", "", "");
LYING_CODE(lying_table, ".cfi_startproc\n", ".cfi_def_cfa_offset 0x30\n.cfi_offset 29, -16\n.cfi_offset 30, -8\n",
	   ".cfi_endproc\n");

#endif

#endif
