/* x86-64: thread-local access as in "ELF Handling For Thread-Local Storage" (Drepper) and the x86-64 psABI; variant II,
 * the thread pointer is fsbase. */
#include "python_unwind/arch/arch.h"

#include <capstone/capstone.h>
#include <elf.h>

enum { MOST_INSTRUCTIONS = 32, MOST_SIZE = 15 };

/* What a register holds, as far as it matters for thread-locals. */
enum value_kind {
	VALUE_UNKNOWN = 0,
	VALUE_NUMBER,	    /* number */
	VALUE_ADDRESS,	    /* the address `got` */
	VALUE_WORD,	    /* the word at `got` + number */
	VALUE_POINTER,	    /* thread pointer + number */
	VALUE_BLOCK,	    /* __tls_get_addr(got) + number */
	VALUE_DESCRIPTOR,   /* what the descriptor at `got` gave + number */
	VALUE_POINTER_WORD, /* thread pointer + word at `got` + number */
	VALUE_POINTER_DESCRIPTOR,
};

struct value {
	enum value_kind kind;
	uint64_t got;
	int64_t number;
};

/* The sixteen general registers; 32 bit writes are treated as unknown values. */
static const x86_reg registers[] = {
	X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX, X86_REG_RSP, X86_REG_RBP, X86_REG_RSI, X86_REG_RDI,
	X86_REG_R8,  X86_REG_R9,  X86_REG_R10, X86_REG_R11, X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15,
};
enum { RAX = 0, RDI = 7, REGISTERS = 16 };

struct machine {
	struct value values[REGISTERS + 1]; /* the last stands for every other register */
	struct plait_access found;
	bool done;
};

static struct value *value_of(struct machine *machine, unsigned reg)
{
	unsigned i = 0;
	while (i < REGISTERS && registers[i] != reg)
		i++;
	return &machine->values[i];
}

static void found(struct machine *machine, enum plait_access_kind kind, uint64_t got, int64_t offset)
{
	machine->found = (struct plait_access) { .kind = kind, .got = got, .offset = offset };
	machine->done = true;
}

/* Sum of two values, where it still says something. */
static struct value sum(struct value a, struct value b)
{
	if (a.kind == VALUE_NUMBER || (b.kind == VALUE_POINTER && a.kind != VALUE_POINTER)) {
		struct value swap = a;
		a = b;
		b = swap;
	}
	int64_t number = (int64_t)((uint64_t)a.number + (uint64_t)b.number);
	if (b.kind == VALUE_NUMBER && a.kind == VALUE_ADDRESS)
		return (struct value) { VALUE_ADDRESS, a.got + (uint64_t)b.number, 0 };
	if (b.kind == VALUE_NUMBER)
		return (struct value) { a.kind, a.got, number };
	if (a.kind == VALUE_POINTER && b.kind == VALUE_WORD)
		return (struct value) { VALUE_POINTER_WORD, b.got, number };
	if (a.kind == VALUE_POINTER && b.kind == VALUE_DESCRIPTOR)
		return (struct value) { VALUE_POINTER_DESCRIPTOR, b.got, number };
	return (struct value) { 0 };
}

/* The address that a memory operand computes. */
static struct value effective_address(struct machine *machine, const cs_insn *insn, const x86_op_mem *mem)
{
	struct value result = { .kind = VALUE_NUMBER, .number = mem->disp };
	if (mem->segment == X86_REG_FS)
		result = (struct value) { .kind = VALUE_POINTER, .number = mem->disp };
	else if (mem->segment != X86_REG_INVALID)
		return (struct value) { 0 };
	if (mem->base == X86_REG_RIP)
		return (struct value) { .kind = VALUE_ADDRESS,
					.got = insn->address + insn->size + (uint64_t)mem->disp };
	if (mem->base != X86_REG_INVALID)
		result = sum(result, *value_of(machine, mem->base));
	if (mem->index != X86_REG_INVALID)
		result = mem->scale == 1 ? sum(result, *value_of(machine, mem->index)) : (struct value) { 0 };
	return result;
}

/* What a load gives. A load from a thread-local's address is what we look for. */
static struct value load(struct machine *machine, const cs_insn *insn, const x86_op_mem *mem)
{
	struct value address = effective_address(machine, insn, mem);
	switch (address.kind) {
	case VALUE_ADDRESS:
		return (struct value) { .kind = VALUE_WORD, .got = address.got };
	case VALUE_POINTER:
		if (address.number == 0) /* fs:0 holds the thread pointer */
			return (struct value) { .kind = VALUE_POINTER };
		found(machine, PLAIT_ACCESS_OFFSET, 0, address.number);
		break;
	case VALUE_BLOCK:
		found(machine, PLAIT_ACCESS_INDEX, address.got, address.number);
		break;
	case VALUE_POINTER_WORD:
		found(machine, PLAIT_ACCESS_GOT, address.got, address.number);
		break;
	case VALUE_POINTER_DESCRIPTOR:
		found(machine, PLAIT_ACCESS_DESCRIPTOR, address.got, address.number);
		break;
	default:
		break;
	}
	return (struct value) { 0 };
}

static struct value operand(struct machine *machine, const cs_insn *insn, const cs_x86_op *op)
{
	if (op->type == X86_OP_REG)
		return *value_of(machine, op->reg);
	if (op->type == X86_OP_IMM)
		return (struct value) { .kind = VALUE_NUMBER, .number = op->imm };
	return load(machine, insn, &op->mem);
}

/* A call: to __tls_get_addr with its argument in rdi, or through a descriptor in rax; else nothing is known after. */
static void call(struct machine *machine, const cs_insn *insn)
{
	const cs_x86_op *op = &insn->detail->x86.operands[0];
	struct value target = { 0 }, argument = machine->values[RDI];
	if (op->type == X86_OP_MEM && op->mem.segment == X86_REG_INVALID)
		target = effective_address(machine, insn, &op->mem);
	if (target.kind == VALUE_ADDRESS && op->mem.base == X86_REG_RAX) {
		machine->values[RAX] = (struct value) { .kind = VALUE_DESCRIPTOR, .got = target.got };
		return; /* descriptor calls keep all other registers */
	}
	for (unsigned i = 0; i < REGISTERS; i++)
		machine->values[i] = (struct value) { 0 };
	if (argument.kind == VALUE_ADDRESS)
		machine->values[RAX] = (struct value) { .kind = VALUE_BLOCK, .got = argument.got };
}

/* Follows one instruction. False when the function ends. */
static bool step(csh handle, struct machine *machine, const cs_insn *insn)
{
	const cs_x86 *x86 = &insn->detail->x86;
	if (insn->id == X86_INS_RET || insn->id == X86_INS_JMP)
		return false;
	if (insn->id == X86_INS_CALL) {
		call(machine, insn);
		return true;
	}
	const cs_x86_op *to = &x86->operands[0], *from = &x86->operands[1];
	bool to_register = x86->op_count == 2 && to->type == X86_OP_REG && to->size == 8;
	if (to_register && (insn->id == X86_INS_MOV || insn->id == X86_INS_MOVABS)) {
		*value_of(machine, to->reg) = operand(machine, insn, from);
	} else if (to_register && insn->id == X86_INS_LEA) {
		*value_of(machine, to->reg) = effective_address(machine, insn, &from->mem);
	} else if (to_register && insn->id == X86_INS_ADD) {
		*value_of(machine, to->reg) = sum(*value_of(machine, to->reg), operand(machine, insn, from));
	} else {
		cs_regs read, written;
		uint8_t reads = 0, writes = 0;
		if (cs_regs_access(handle, insn, read, &reads, written, &writes) != CS_ERR_OK)
			return false;
		for (unsigned i = 0; i < writes; i++) {
			if (written[i] != X86_REG_RSP)
				*value_of(machine, written[i]) = (struct value) { 0 };
		}
	}
	machine->values[REGISTERS] = (struct value) { 0 };
	return true;
}

static bool decode_access(const uint8_t *code, size_t size, uint64_t address, struct plait_access *ret)
{
	csh handle;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK)
		return false;
	cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
	cs_insn *insn = cs_malloc(handle);
	struct machine machine = { 0 };
	if (size > MOST_INSTRUCTIONS * MOST_SIZE)
		size = MOST_INSTRUCTIONS * MOST_SIZE;
	while (insn && !machine.done && cs_disasm_iter(handle, &code, &size, &address, insn) &&
	       step(handle, &machine, insn))
		;
	cs_free(insn, 1);
	cs_close(&handle);
	if (machine.done)
		*ret = machine.found;
	return machine.done;
}

static bool visit_jumps(const uint8_t *code, size_t size, uint64_t address,
			bool (*visit)(void *context, uint64_t target), void *context)
{
	csh handle;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK)
		return false;
	cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
	cs_option(handle, CS_OPT_SKIPDATA, CS_OPT_ON);
	cs_insn *insn = cs_malloc(handle);
	bool more = insn;
	while (more && cs_disasm_iter(handle, &code, &size, &address, insn)) {
		/* The detail of bytes that are no instruction (id 0) is not set. */
		if (insn->id && cs_insn_group(handle, insn, CS_GRP_JUMP) &&
		    insn->detail->x86.operands[0].type == X86_OP_IMM)
			more = visit(context, (uint64_t)insn->detail->x86.operands[0].imm);
	}
	cs_free(insn, 1);
	cs_close(&handle);
	return more;
}

static enum plait_arch_relocation relocation(uint32_t type)
{
	switch (type) {
	case R_X86_64_DTPMOD64:
		return PLAIT_RELOCATION_TLS_MODULE;
	case R_X86_64_DTPOFF64:
		return PLAIT_RELOCATION_TLS_OFFSET;
	case R_X86_64_TPOFF64:
		return PLAIT_RELOCATION_TLS_POINTER;
	case R_X86_64_TLSDESC:
		return PLAIT_RELOCATION_TLS_DESCRIPTOR;
	default:
		return PLAIT_RELOCATION_OTHER;
	}
}

static int64_t program_tls(uint64_t size, uint64_t align)
{
	if (align & (align - 1) || !align)
		align = 1;
	return -(int64_t)((size + align - 1) & ~(align - 1));
}

/* struct pthread begins with tcbhead_t, which holds its own address. */
static bool thread_lives(const struct plait_memory *memory, uint64_t thread_id)
{
	uint64_t self;
	return plait_memory_u64(memory, thread_id, &self) && self == thread_id;
}

const struct plait_python_arch plait_python_arch_x86_64 = {
	.machine = EM_X86_64,
	/* 0x310 in glibc 2.36 to 2.43; libc.so.6 itself says so in _thread_db_pthread_specific (0x510, the second-level
	 * table that follows 32 pairs of 16 bytes). */
	.tsd_offset = 0x310,
	.tid_offset = 0x2d0, /* glibc 2.12 to 2.42: behind the 704 bytes of tcbhead_t and a list's two pointers */
	.dtv_offset = 8,     /* tcbhead_t: tcb, dtv, self (sysdeps/x86_64/nptl/tls.h) */
	.tls_static_limit = 0,
	.entry_cfa_register = 7, /* rsp + 8: the call pushed the return address */
	.entry_cfa_offset = 8,
	.decode_access = decode_access,
	.visit_jumps = visit_jumps,
	.relocation = relocation,
	.program_tls = program_tls,
	.thread_lives = thread_lives,
};
