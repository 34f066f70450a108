/* links: plait_perf */
/*
 * Rules decoded from code that has no unwind table: hand-written functions, single-stepped. At every instruction the
 * rule must give the CFA, the return address and the callee-saved registers that were there at the entry.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "perf/unwind/file_rules.h"
#include "test_unwind_support.h"

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

static void (*const fixtures[])(void) = { kernel_aligned, two_exits, old_sp_in_memory, lea_frame,
					  parked,	  bare_loop, unsized };
static const char *const names[] = { "kernel_aligned", "two_exits", "old_sp_in_memory", "lea_frame",
				     "parked",	       "bare_loop", "unsized" };
#define FIXTURES (sizeof(fixtures) / sizeof(fixtures[0]))

/* Calls a fixture with recognizable values in the callee-saved registers. */
__asm__(".pushsection .text\ncall_with_values:\n"
	"push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n push %rax\n"
	"movabs $0xb0b0b0b000000003,%rbx\n movabs $0xb0b0b0b000000006,%rbp\n movabs $0xb0b0b0b00000000c,%r12\n"
	"movabs $0xb0b0b0b00000000d,%r13\n movabs $0xb0b0b0b00000000e,%r14\n movabs $0xb0b0b0b00000000f,%r15\n"
	"call *%rdi\n"
	"pop %rax\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n.popsection\n");
void call_with_values(void (*function)(void));

static struct maps maps;
static struct moment moment;

struct fixture_run {
	struct plait_file_rules *rules;
	struct plait_rule_pool pool;
	uint64_t bias, entry_sp, return_address; /* entry_sp 0: not in the fixture yet */
	size_t steps, bad;
};

/* The frames of functions that a fixture calls are passed by their own rules first, up to the fixture's caller. */
static bool caller_is_found(struct fixture_run *run, size_t *ret_depth)
{
	static const int saved[] = { 3, 6, 12, 13, 14, 15 };
	const struct plait_unwind_arch *arch = plait_unwind_arch_native();
	struct plait_registers registers = moment.registers;
	struct plait_stack_piece piece = { moment.address + RED_ZONE, moment.data + RED_ZONE, moment.size - RED_ZONE };
	struct plait_stack stack = { &piece, 1, true };
	struct plait_rule_outcome outcome;
	for (*ret_depth = 0; *ret_depth < 4; ++*ret_depth) {
		uint64_t address = registers.value[16] - (*ret_depth > 0) - run->bias;
		uint32_t id = plait_file_rules_find(run->rules, &run->pool, address);
		const struct plait_rule *rule = plait_rule_pool_get(&run->pool, id);
		if (!rule || !(rule->flags & PLAIT_RULE_DERIVED) ||
		    plait_rule_evaluate(arch, &run->pool, rule, &stack, &registers, &outcome) != PLAIT_RULE_STEPPED)
			return false;
		plait_rule_apply(arch, rule, &outcome, &registers);
		if (outcome.cfa >= run->entry_sp + 8)
			break;
	}
	bool good = outcome.cfa == run->entry_sp + 8 && outcome.pc == run->return_address;
	for (size_t i = 0; i < sizeof(saved) / sizeof(saved[0]); i++)
		good &= (registers.valid >> saved[i] & 1) &&
			registers.value[saved[i]] == (0xb0b0b0b000000000 | (uint64_t)saved[i]);
	return good;
}

/* One stop; false when the fixture has returned. */
static bool check_stop(struct fixture_run *run, size_t fixture)
{
	uint64_t pc = moment.registers.value[16], sp = moment.registers.value[7];
	if (!run->entry_sp && pc == (uint64_t)fixtures[fixture]) {
		run->entry_sp = sp;
		memcpy(&run->return_address, moment.data + RED_ZONE, 8);
	}
	if (!run->entry_sp)
		return true;
	if (sp > run->entry_sp)
		return false;
	run->steps++;
	size_t depth;
	if (!caller_is_found(run, &depth)) {
		if (!run->bad++)
			print_error("%s: wrong at +%#lx, depth %zu\n", names[fixture], pc - (uint64_t)fixtures[fixture],
				    depth);
	}
	return true;
}

/* Steps a child through one fixture; false when this host refuses. */
static bool step_fixture(struct fixture_run *run, size_t fixture)
{
	int status;
	pid_t child = fork();
	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(3);
		raise(SIGSTOP);
		call_with_values(fixtures[fixture]);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		return false;
	for (int i = 0; i < 5000; i++) {
		struct user_regs_struct user;
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) || waitpid(child, &status, 0) != child ||
		    !WIFSTOPPED(status) || ptrace(PTRACE_GETREGS, child, NULL, &user))
			break;
		moment_from_user(&moment, &user);
		if (!moment_copy_stack(&moment, child, maps.stack_end) || !check_stop(run, fixture))
			break;
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return true;
}

/* This program's own file. */
static const struct image *own_image(uint64_t *ret_bias)
{
	struct plait_unwind_place place = { 0 };
	maps_read(&maps, getpid());
	assert_true(maps_find(&maps, (uint64_t)bare_loop, &place));
	*ret_bias = place.bias;
	return &maps.images[place.module];
}

/* Steps through a fixture with the rules of this program's file, as it is or without its section headers (and so
 * without symbols). False: this host does not let it. */
static bool run_fixture(size_t fixture, bool stripped)
{
	struct fixture_run run = { 0 };
	const struct image *image = own_image(&run.bias);
	Elf64_Ehdr *header = (Elf64_Ehdr *)(uintptr_t)image->bytes;
	if (stripped)
		header->e_shoff = header->e_shnum = header->e_shstrndx = 0;
	run.rules = plait_file_rules_create(plait_unwind_arch_native(), image->bytes, image->size);
	assert_non_null(run.rules);
	assert_true(plait_rule_pool_init(&run.pool));
	bool stepped = step_fixture(&run, fixture);
	plait_file_rules_destroy(run.rules);
	plait_rule_pool_release(&run.pool);
	maps_release(&maps);
	if (!stepped) {
		print_message("skipped: this host does not let a process trace its child\n");
		return false;
	}
	assert_true(run.steps >= 6);
	assert_int_equal(run.bad, 0);
	return true;
}

static void every_instruction_of_a_kernel_has_its_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < FIXTURES; i++) {
		if (!run_fixture(i, false))
			skip();
	}
}

/* Only functions that begin with a push or by making room on the stack are found then. */
static void without_symbols_functions_are_found_between_those_with_a_table(void **state)
{
	(void)state;
	static void (*const found[])(void) = { kernel_aligned, two_exits, unsized };
	for (size_t i = 0; i < FIXTURES; i++) {
		for (size_t j = 0; j < sizeof(found) / sizeof(found[0]); j++) {
			if (fixtures[i] == found[j] && !run_fixture(i, true))
				skip();
		}
	}
}

static void rows_of(const uint8_t *bytes, size_t size, bool one_function, struct plait_rule_pool *pool,
		    struct plait_rule_rows *ret)
{
	struct plait_function_code code = {
		.bytes = bytes, .start = 0x1000, .end = 0x1000 + size, .one_function = one_function
	};
	assert_true(plait_rule_pool_init(pool));
	*ret = (struct plait_rule_rows) { 0 };
	assert_true(plait_unwind_arch_native()->decode(&code, pool, ret));
}

/* The CFA's offset from rsp at `address`; -1: no rule, or another register. */
static int cfa_offset(const struct plait_rule_pool *pool, const struct plait_rule_rows *rows, uint64_t address)
{
	const struct plait_rule *rule = NULL;
	for (size_t i = 0; i < rows->rows.count && rows->rows.data[i].address <= address; i++)
		rule = plait_rule_pool_get(pool, rows->rows.data[i].rule);
	return rule && rule->cfa.kind == PLAIT_RULE_IS_REGISTER && rule->cfa.source == 7 ? rule->cfa.value : -1;
}

static void vector_instructions_newer_than_the_decoder_are_passed(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0x53,							    /* push %rbx */
		0x62, 0xf5, 0x7c, 0x48, 0x58, 0xc1,			    /* vaddph %zmm1,%zmm0,%zmm0 (AVX512-FP16) */
		0x62, 0xf5, 0x7c, 0x48, 0x58, 0x44, 0x24, 0x01,		    /* vaddph 0x40(%rsp),%zmm0,%zmm0 */
		0xc4, 0xe2, 0x73, 0x5e, 0xc2,				    /* tdpbssd %tmm1,%tmm2,%tmm0 (AMX) */
		0x62, 0xf3, 0x7c, 0x48, 0x08, 0x05, 1,	  2,	3, 4, 0x05, /* vrndscaleph $5,0x4030201(%rip),%zmm0 */
		0x48, 0x83, 0xec, 0x10,					    /* sub $16,%rsp */
		0x90,							    /* nop */
	};
	struct plait_rule_pool pool;
	struct plait_rule_rows rows;
	rows_of(code, sizeof(code), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1001), 16);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000 + sizeof(code) - 1), 32);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
}

static void what_cannot_be_decoded_has_no_rule(void **state)
{
	(void)state;
	static const uint8_t code[] = { 0x50, 0x06, 0x58, 0xc3 }; /* push %rax; (invalid); pop %rax; ret */
	struct plait_rule_pool pool;
	struct plait_rule_rows rows;
	rows_of(code, sizeof(code), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1001), -1);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1003), -1);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);

	/* The stack pointer from memory: nobody knows where it points. */
	static const uint8_t switches[] = { 0x48, 0x8b, 0x20, 0x90 }; /* mov (%rax),%rsp; nop */
	rows_of(switches, sizeof(switches), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1003), -1);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
}

static void functions_without_bounds_begin_behind_padding(void **state)
{
	(void)state;
	uint8_t code[48];
	memset(code, 0x90, sizeof(code));
	memcpy(code, (const uint8_t[]) { 0x48, 0x83, 0xec, 0x18, 0xc3, 0xcc }, 6);	/* sub $24,%rsp; ret; int3 */
	memcpy(code + 16, (const uint8_t[]) { 0x55, 0x5d, 0xc3, 0x00, 0x00, 0x00 }, 6); /* push; pop %rbp; ret; 0 */
	memcpy(code + 22, (const uint8_t[10]) { 0 }, 10);
	code[32] = 0x53; /* push %rbx */
	struct plait_rule_pool pool;
	struct plait_rule_rows rows;
	rows_of(code, sizeof(code), false, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1004), 32);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1010), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1011), 16);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1012), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1020), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1021), 16);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
	/* The same bytes as one function: its own frame holds to the end. */
	rows_of(code, sizeof(code), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1010), 32);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
}

static void plt_entries_without_a_table_are_decoded(void **state)
{
	(void)state;
	static const uint8_t first[] = { 0xff, 0x35, 1, 0, 0, 0, 0xff, 0x25, 2, 0, 0, 0, 0x0f, 0x1f, 0x40, 0 };
	static const uint8_t other[] = { 0xff, 0x25, 1, 0, 0, 0, 0x68, 2, 0, 0, 0, 0xe9, 0xe0, 0xff, 0xff, 0xff };
	struct plait_rule_pool pool;
	struct plait_rule_rows rows;
	rows_of(first, sizeof(first), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000), 16);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1006), 24);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
	rows_of(other, sizeof(other), true, &pool, &rows);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1000), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x1006), 8);
	assert_int_equal(cfa_offset(&pool, &rows, 0x100b), 16);
	plait_vec_free(&rows.rows);
	plait_rule_pool_release(&pool);
}

#define CALL(...) ((const uint8_t[]) { __VA_ARGS__ }), sizeof((const uint8_t[]) { __VA_ARGS__ })

static bool is_call(const uint8_t *code, size_t size)
{
	struct plait_call_site call;
	return plait_unwind_arch_native()->call_before(code, size, 0x401000, &call);
}

static void calls_are_told_from_other_instructions(void **state)
{
	(void)state;
	struct plait_call_site call;
	static const uint8_t direct[] = { 0x90, 0x90, 0xe8, 0xfb, 0xff, 0xff, 0xff };
	assert_true(plait_unwind_arch_native()->call_before(direct, sizeof(direct), 0x401000, &call));
	assert_true(call.direct);
	assert_int_equal(call.target, 0x400ffb);
	assert_true(is_call(CALL(0xff, 0xd0)));				       /* *%rax */
	assert_true(is_call(CALL(0x90, 0x41, 0xff, 0xd4)));		       /* *%r12 */
	assert_true(is_call(CALL(0xff, 0x10)));				       /* *(%rax) */
	assert_true(is_call(CALL(0xff, 0x14, 0x24)));			       /* *(%rsp) */
	assert_true(is_call(CALL(0xff, 0x14, 0xc5, 0, 0, 0, 0)));	       /* *0(,%rax,8) */
	assert_true(is_call(CALL(0xff, 0x50, 0x28)));			       /* *0x28(%rax) */
	assert_true(is_call(CALL(0xff, 0x54, 0x24, 0x08)));		       /* *8(%rsp) */
	assert_true(is_call(CALL(0xff, 0x15, 1, 2, 3, 4)));		       /* *x(%rip) */
	assert_true(is_call(CALL(0xff, 0x90, 1, 2, 3, 4)));		       /* *x(%rax) */
	assert_true(is_call(CALL(0xff, 0x94, 0x24, 1, 2, 3, 4)));	       /* *x(%rsp) */
	assert_false(is_call(CALL(0xff, 0xe0)));			       /* jmp *%rax */
	assert_false(is_call(CALL(0xff, 0x25, 1, 2, 3, 4)));		       /* jmp *x(%rip) */
	assert_false(is_call(CALL(0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90))); /* nop */
	assert_false(is_call(CALL(0xe9, 1, 2, 3, 4)));			       /* jmp */
	assert_false(is_call(CALL(0xd0)));
	assert_false(is_call(CALL(0xff, 0x50)));
}

/* One state of the -X perf stubs: bytes before pc, bytes from it, and what holds there. */
static void assert_stub(const char *before, size_t before_size, const char *after, size_t after_size, int cfa,
			bool saves_rbp)
{
	const struct plait_unwind_arch *arch = plait_unwind_arch_native();
	uint8_t code[64];
	struct plait_rule rule;
	memset(code, 0xcc, sizeof(code));
	memcpy(code + arch->pattern_bytes_before - before_size, before, before_size);
	memcpy(code + arch->pattern_bytes_before, after, after_size);
	assert_true(arch->pattern_rule(code, &rule));
	assert_int_equal(rule.cfa.source, 7);
	assert_int_equal(rule.cfa.value, cfa);
	assert_int_equal(rule.flags, PLAIT_RULE_VERIFY);
	assert_int_equal(plait_rule_find(&rule, 16)->value, -8);
	assert_int_equal(!!plait_rule_find(&rule, 6), saves_rbp);
	/* One byte off, and it is something else. */
	code[arch->pattern_bytes_before + after_size - 1] ^= 1;
	assert_false(arch->pattern_rule(code, &rule));
}

static void trampoline_stubs_are_known_by_their_bytes(void **state)
{
	(void)state;
	static const char plain[] = "\x48\x83\xec\x08\xff\xd1\x48\x83\xc4\x08\xc3";
	static const char framed[] = "\x55\x48\x89\xe5\xff\xd1\x5d\xc3";
	assert_stub("", 0, plain, 11, 8, false);
	assert_stub(plain, 4, plain + 4, 7, 16, false);
	assert_stub(plain, 6, plain + 6, 5, 16, false);
	assert_stub(plain, 10, plain + 10, 1, 8, false);
	assert_stub("\xf3\x0f\x1e\xfa", 4, framed, 8, 8, false);
	assert_stub(framed, 1, framed + 1, 7, 16, true);
	assert_stub(framed, 4, framed + 4, 4, 16, true);
	assert_stub(framed, 6, framed + 6, 2, 16, true);
	assert_stub(framed, 7, framed + 7, 1, 8, false);
}

static void a_signal_trampoline_without_cfi_is_known_by_its_bytes(void **state)
{
	(void)state;
	const struct plait_unwind_arch *arch = plait_unwind_arch_native();
	uint8_t code[64];
	struct plait_rule rule;
	memset(code, 0xcc, sizeof(code));
	memcpy(code + arch->pattern_bytes_before, "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", 9);
	assert_true(arch->pattern_rule(code, &rule));
	assert_int_equal(rule.flags, PLAIT_RULE_SIGNAL);
	/* As the kernel lays it out: uc_mcontext's gregs in the order of <sys/ucontext.h>. */
	size_t registers = offsetof(ucontext_t, uc_mcontext.gregs);
	assert_int_equal(rule.cfa.kind, PLAIT_RULE_AT_REGISTER);
	assert_int_equal(rule.cfa.value, registers + 8 * REG_RSP);
	assert_int_equal(plait_rule_find(&rule, 16)->value, registers + 8 * REG_RIP);
	assert_int_equal(plait_rule_find(&rule, 3)->value, registers + 8 * REG_RBX);
	assert_int_equal(plait_rule_find(&rule, 0)->value, registers + 8 * REG_RAX);
	assert_int_equal(plait_rule_find(&rule, 10)->value, registers + 8 * REG_R10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_instruction_of_a_kernel_has_its_rule),
		cmocka_unit_test(without_symbols_functions_are_found_between_those_with_a_table),
		cmocka_unit_test(vector_instructions_newer_than_the_decoder_are_passed),
		cmocka_unit_test(what_cannot_be_decoded_has_no_rule),
		cmocka_unit_test(functions_without_bounds_begin_behind_padding),
		cmocka_unit_test(plt_entries_without_a_table_are_decoded),
		cmocka_unit_test(calls_are_told_from_other_instructions),
		cmocka_unit_test(trampoline_stubs_are_known_by_their_bytes),
		cmocka_unit_test(a_signal_trampoline_without_cfi_is_known_by_its_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
