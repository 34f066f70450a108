/* AArch64: thread-local access as in "ELF for the Arm 64-bit Architecture", variant I: the thread pointer is tpidr_el0,
 * in front of the thread-locals. Instructions are words of 32 bits, whose fields are those of the Arm Architecture
 * Reference Manual (C4.1). */
#include "python_unwind/arch/arch.h"

#include <elf.h>
#include <string.h>

enum { MOST_INSTRUCTIONS = 32, REGISTERS = 32 };

/* What a register holds, as far as it matters for thread-locals. */
enum value_kind {
	VALUE_UNKNOWN = 0,
	VALUE_ADDRESS,	    /* the address `got` */
	VALUE_WORD,	    /* the word at `got`, + number */
	VALUE_POINTER,	    /* thread pointer + number */
	VALUE_BLOCK,	    /* __tls_get_addr(got) + number */
	VALUE_DESCRIPTOR,   /* what the descriptor at `got` gave, + number */
	VALUE_POINTER_WORD, /* thread pointer + word at `got` + number */
	VALUE_POINTER_DESCRIPTOR,
};

struct value {
	enum value_kind kind;
	uint64_t got;
	int64_t number;
};

struct machine {
	struct value values[REGISTERS]; /* 31: the stack pointer or zero, never anything here */
	struct plait_access found;
	bool done;
};

static int64_t sign_extended(uint64_t value, unsigned bits)
{
	return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

static void found(struct machine *machine, enum plait_access_kind kind, struct value address)
{
	machine->found = (struct plait_access) { .kind = kind, .got = address.got, .offset = address.number };
	machine->done = true;
}

static struct value plus_number(struct value value, int64_t number)
{
	if (value.kind == VALUE_ADDRESS)
		value.got += (uint64_t)number;
	else if (value.kind != VALUE_UNKNOWN)
		value.number += number;
	return value;
}

/* Sum of two values, where it still says something. */
static struct value sum(struct value a, struct value b)
{
	if (b.kind == VALUE_POINTER && a.kind != VALUE_POINTER) {
		struct value swap = a;
		a = b;
		b = swap;
	}
	int64_t number = (int64_t)((uint64_t)a.number + (uint64_t)b.number);
	if (a.kind == VALUE_POINTER && b.kind == VALUE_WORD)
		return (struct value) { VALUE_POINTER_WORD, b.got, number };
	if (a.kind == VALUE_POINTER && b.kind == VALUE_DESCRIPTOR)
		return (struct value) { VALUE_POINTER_DESCRIPTOR, b.got, number };
	return (struct value) { 0 };
}

/* What a load of 8 bytes gives. A load from a thread-local's address is what we look for. */
static struct value load(struct machine *machine, struct value address)
{
	switch (address.kind) {
	case VALUE_ADDRESS:
		return (struct value) { .kind = VALUE_WORD, .got = address.got };
	case VALUE_POINTER:
		found(machine, PLAIT_ACCESS_OFFSET, address);
		break;
	case VALUE_BLOCK:
		found(machine, PLAIT_ACCESS_INDEX, address);
		break;
	case VALUE_POINTER_WORD:
		found(machine, PLAIT_ACCESS_GOT, address);
		break;
	case VALUE_POINTER_DESCRIPTOR:
		found(machine, PLAIT_ACCESS_DESCRIPTOR, address);
		break;
	default:
		break;
	}
	return (struct value) { 0 };
}

/* bl, blr: to __tls_get_addr with its argument in x0, or to the function of the descriptor at x0 (which keeps all
 * registers but x0 and x30); else nothing is known after. */
static void call(struct machine *machine, bool indirect, struct value target)
{
	struct value argument = machine->values[0];
	if (indirect && target.kind == VALUE_WORD && argument.kind == VALUE_ADDRESS && target.got == argument.got) {
		machine->values[0] = (struct value) { .kind = VALUE_DESCRIPTOR, .got = target.got };
		return;
	}
	memset(machine->values, 0, sizeof(machine->values));
	if (!indirect && argument.kind == VALUE_ADDRESS)
		machine->values[0] = (struct value) { .kind = VALUE_BLOCK, .got = argument.got };
}

static bool is_hint(uint32_t word) /* nop, bti, paciasp, autiasp ... */
{
	return (word & 0xfffff01f) == 0xd503201f;
}

/* The value that an instruction puts into the register of its lowest five bits; unknown for all that are not needed. */
static struct value result(struct machine *machine, uint32_t word, uint64_t address)
{
	struct value n = machine->values[word >> 5 & 31], m = machine->values[word >> 16 & 31];
	uint64_t immediate = word >> 10 & 0xfff;
	if ((word & 0xffffffe0) == 0xd53bd040) /* mrs, tpidr_el0 */
		return (struct value) { .kind = VALUE_POINTER };
	if ((word & 0x1f000000) == 0x10000000) { /* adr, adrp */
		int64_t distance = sign_extended((word >> 5 & 0x7ffff) << 2 | (word >> 29 & 3), 21);
		bool page = word >> 31;
		uint64_t base = page ? address & ~0xfffULL : address;
		return (struct value) { .kind = VALUE_ADDRESS, .got = base + (uint64_t)distance * (page ? 4096 : 1) };
	}
	if ((word & 0xff800000) == 0x91000000) /* add, immediate */
		return plus_number(n, (int64_t)(word >> 22 & 1 ? immediate << 12 : immediate));
	if ((word & 0xff800000) == 0xd1000000) /* sub, immediate */
		return plus_number(n, -(int64_t)(word >> 22 & 1 ? immediate << 12 : immediate));
	if ((word & 0xffe0fc00) == 0x8b000000) /* add, register */
		return sum(n, m);
	if ((word & 0xffe0ffe0) == 0xaa0003e0) /* mov, register */
		return m;
	if ((word & 0xffc00000) == 0xf9400000) /* ldr, immediate */
		return load(machine, plus_number(n, (int64_t)(immediate * 8)));
	if ((word & 0xffe00c00) == 0xf8400000) /* ldur */
		return load(machine, plus_number(n, sign_extended(word >> 12 & 0x1ff, 9)));
	if ((word & 0xffe0fc00) == 0xf8606800) /* ldr, register */
		return load(machine, sum(n, m));
	return (struct value) { 0 };
}

/* Follows one instruction. False when the function ends. */
static bool step(struct machine *machine, uint32_t word, uint64_t address)
{
	if (is_hint(word))
		return true;
	if ((word & 0xfc000000) == 0x94000000) { /* bl */
		call(machine, false, (struct value) { 0 });
		return true;
	}
	if ((word & 0xfffffc1f) == 0xd63f0000) { /* blr */
		call(machine, true, machine->values[word >> 5 & 31]);
		return true;
	}
	if ((word & 0x1c000000) == 0x14000000 && (word & 0xfff00000) != 0xd5300000) /* other branches than mrs */
		return false;
	bool stores_pair = (word & 0x3a400000) == 0x28000000, loads_pair = (word & 0x3a400000) == 0x28400000;
	if (stores_pair)
		return true;
	machine->values[word & 31] = result(machine, word, address);
	if (loads_pair)
		machine->values[word >> 10 & 31] = (struct value) { 0 };
	machine->values[31] = (struct value) { 0 };
	return true;
}

static uint32_t word_at(const uint8_t *code, size_t index)
{
	uint32_t word;
	memcpy(&word, code + 4 * index, sizeof(word));
	return word;
}

static bool decode_access(const uint8_t *code, size_t size, uint64_t address, struct plait_access *ret)
{
	struct machine machine = { 0 };
	for (size_t i = 0; i < MOST_INSTRUCTIONS && 4 * i + 4 <= size && !machine.done; i++) {
		if (!step(&machine, word_at(code, i), address + 4 * i))
			break;
	}
	if (machine.done)
		*ret = machine.found;
	return machine.done;
}

static bool visit_jumps(const uint8_t *code, size_t size, uint64_t address,
			bool (*visit)(void *context, uint64_t target), void *context)
{
	for (size_t i = 0; 4 * i + 4 <= size; i++) {
		uint32_t word = word_at(code, i);
		int64_t distance;
		if ((word & 0xfc000000) == 0x14000000) /* b */
			distance = sign_extended(word & 0x3ffffff, 26);
		else if ((word & 0xff000000) == 0x54000000 || (word & 0x7e000000) == 0x34000000) /* b.cond, cbz */
			distance = sign_extended(word >> 5 & 0x7ffff, 19);
		else if ((word & 0x7e000000) == 0x36000000) /* tbz */
			distance = sign_extended(word >> 5 & 0x3fff, 14);
		else
			continue;
		if (!visit(context, address + 4 * i + (uint64_t)distance * 4))
			return false;
	}
	return true;
}

static enum plait_arch_relocation relocation(uint32_t type)
{
	switch (type) {
	case R_AARCH64_TLS_DTPMOD:
		return PLAIT_RELOCATION_TLS_MODULE;
	case R_AARCH64_TLS_DTPREL:
		return PLAIT_RELOCATION_TLS_OFFSET;
	case R_AARCH64_TLS_TPREL:
		return PLAIT_RELOCATION_TLS_POINTER;
	case R_AARCH64_TLSDESC:
		return PLAIT_RELOCATION_TLS_DESCRIPTOR;
	default:
		return PLAIT_RELOCATION_OTHER;
	}
}

/* Behind a thread control block of two words. */
static int64_t program_tls(uint64_t size, uint64_t align)
{
	(void)size;
	if (align & (align - 1) || !align || align > 1 << 20)
		align = 1;
	return (int64_t)((16 + align - 1) & ~(align - 1));
}

/* struct pthread is on a list: its neighbour leads back to it. Behind 24 words of padding (nptl/descr.h). */
static bool thread_lives(const struct plait_memory *memory, uint64_t thread_id)
{
	uint64_t list = thread_id + 24 * sizeof(uint64_t), next, back;
	return plait_memory_u64(memory, list, &next) && plait_memory_u64(memory, next + sizeof(next), &back) &&
	       back == list;
}

const struct plait_python_arch plait_python_arch_aarch64 = {
	.machine = EM_AARCH64,
	.tp_behind_block = true, /* TLS_TCB_AT_TP is 0, TLS_DTV_AT_TP 1 (sysdeps/aarch64/nptl/tls.h) */
	.tsd_offset = 0x110,	 /* glibc 2.36 to 2.43: _thread_db_pthread_specific says 0x310, 32 pairs before it */
	.tid_offset = 0xd0,
	.dtv_offset = 0,
	.tls_static_limit = 65536, /* no memory lies below (vm.mmap_min_addr), no static TLS block is larger */
	.entry_cfa_register = 31,  /* sp: the return address is in x30 */
	.entry_cfa_offset = 0,
	.decode_access = decode_access,
	.visit_jumps = visit_jumps,
	.relocation = relocation,
	.program_tls = program_tls,
	.thread_lives = thread_lives,
};
