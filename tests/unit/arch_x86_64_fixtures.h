/*
 * For test_prologue.c: see arch_fixtures.h.
 */
#ifndef PLAIT_TESTS_UNIT_ARCH_X86_64_FIXTURES_H
#define PLAIT_TESTS_UNIT_ARCH_X86_64_FIXTURES_H

#define TEST_ENTRY_DEPTH 8 /* from the stack pointer at a function's entry to its CFA */

/* What a caller gets back: rbx, rbp, r12 to r15. */
static const uint8_t test_saved[] = { 3, 6, 12, 13, 14, 15 };

static inline uint64_t return_address_at_entry(const struct plait_registers *registers, const uint8_t *stack)
{
	(void)registers;
	uint64_t address;
	memcpy(&address, stack, sizeof(address));
	return address;
}

/* No .cfi directive: the assembler writes no FDE for any of these. */
#define FUNCTION(name, body)                                                                                           \
	__asm__(".pushsection .text\n.p2align 4\n.globl " #name "\n.type " #name ", @function\n" #name ":\n" body      \
		".size " #name ", . - " #name "\n.popsection\n");                                                      \
	void name(void)

/* OpenBLAS's dgemm_kernel_HASWELL: saves with mov into slots of rsp, rbx is the frame pointer, then a big
 * aligned buffer. The loop comes back to code that lies before the clobbering of r12. */
FUNCTION(kernel_aligned, "sub $0x60,%rsp\n mov %rbx,(%rsp)\n mov %rbp,0x8(%rsp)\n mov %r12,0x10(%rsp)\n"
			 "mov %r13,0x18(%rsp)\n mov %r14,0x20(%rsp)\n mov %r15,0x28(%rsp)\n"
			 "mov 0x68(%rsp),%r10\n mov %rsp,%rbx\n sub $0x7080,%rsp\n and $-0x1000,%rsp\n"
			 "xor %ecx,%ecx\n"
			 "1: inc %ecx\n cmp $1,%ecx\n je 2f\n xor %r13d,%r13d\n mov $7,%ebp\n"
			 "2: mov $5,%r12d\n mov %rcx,0x40(%rsp)\n call leaf_function\n cmp $3,%ecx\n jl 1b\n"
			 "lea (%r12,%r12),%r14\n mov %r14,%r15\n"
			 "mov %rbx,%rsp\n mov (%rsp),%rbx\n mov 0x8(%rsp),%rbp\n mov 0x10(%rsp),%r12\n"
			 "mov 0x18(%rsp),%r13\n mov 0x20(%rsp),%r14\n mov 0x28(%rsp),%r15\n add $0x60,%rsp\n ret\n");

FUNCTION(leaf_function, "push %rbx\n mov $1,%ebx\n pop %rbx\n ret\n");

/* Pushes, a second exit in the middle, code behind the first `ret`. */
FUNCTION(two_exits, "push %rbp\n mov %rsp,%rbp\n push %rbx\n push %r15\n sub $0x28,%rsp\n xor %ebx,%ebx\n"
		    "jmp 2f\n"
		    "1: add $0x28,%rsp\n pop %r15\n pop %rbx\n pop %rbp\n ret\n"
		    "2: mov $9,%r15d\n push $1\n push $2\n call leaf_function\n add $0x10,%rsp\n"
		    "mov %ebx,%eax\n xor %edx,%edx\n mov %eax,%ecx\n nop\n nop\n nop\n"
		    "test %ebx,%ebx\n jne 3f\n inc %ebx\n jmp 2b\n"
		    "3: cmp $2,%ebx\n jge 1b\n inc %ebx\n lea -0x10(%rbp),%rsp\n pop %r15\n pop %rbx\n leave\n ret\n");

/* The old stack pointer is kept in the aligned frame only, and nowhere else once rax is gone. */
FUNCTION(old_sp_in_memory, "mov %rsp,%rax\n sub $0x180,%rsp\n and $-64,%rsp\n mov %rax,0x100(%rsp)\n"
			   "mov %rbx,0x108(%rsp)\n mov %r14,0x110(%rsp)\n xor %eax,%eax\n xor %ebx,%ebx\n"
			   "mov $3,%r14d\n call leaf_function\n nop\n"
			   "mov 0x108(%rsp),%rbx\n mov 0x110(%rsp),%r14\n mov 0x100(%rsp),%rsp\n ret\n");

/* lea for the frame, a tail call as the end. */
FUNCTION(lea_frame, "lea -0x88(%rsp),%rsp\n mov %r13,0x80(%rsp)\n mov $4,%r13d\n mov 0x80(%rsp),%r13\n"
		    "lea 0x88(%rsp),%rsp\n jmp leaf_function\n");

/* Callee-saved registers parked in others; a frame of a computed size. */
FUNCTION(parked, "mov %rbx,%r10\n mov %rbp,%r11\n mov %rsp,%rbp\n mov $0x40,%ebx\n sub %rbx,%rsp\n"
		 "mov %rbx,(%rsp)\n mov %rbp,%rsp\n mov %r11,%rbp\n mov %r10,%rbx\n ret\n");

/* Nothing on the stack at all, but branches. */
FUNCTION(bare_loop, "mov $3,%ecx\n 1: dec %ecx\n jne 1b\n ret\n");

/* No size: what follows the ret and the padding is another function, whose symbol is local and has no type. */
__asm__(".pushsection .text\n.p2align 4\n.globl unsized\n.type unsized, @function\nunsized:\n"
	"push %rbx\n call 1f\n pop %rbx\n ret\n"
	".p2align 4, 0x90\n"
	"1: push %r12\n sub $0x30,%rsp\n mov $1,%r12d\n add $0x30,%rsp\n pop %r12\n ret\n.popsection\n");
void unsized(void);

/* Calls a fixture with recognizable values in the callee-saved registers. */
__asm__(".pushsection .text\ncall_with_values:\n"
	"push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n push %rax\n"
	"movabs $0xb0b0b0b000000003,%rbx\n movabs $0xb0b0b0b000000006,%rbp\n movabs $0xb0b0b0b00000000c,%r12\n"
	"movabs $0xb0b0b0b00000000d,%r13\n movabs $0xb0b0b0b00000000e,%r14\n movabs $0xb0b0b0b00000000f,%r15\n"
	"call *%rdi\n"
	"pop %rax\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n.popsection\n");
void call_with_values(void (*function)(void));

#endif
