/*
 * What unwinding must know about an architecture: one constant table each, in arch_<name>*.c and nowhere else. All of
 * them are built everywhere, as they are pure.
 */
#ifndef PLAIT_PERF_UNWIND_ARCH_H
#define PLAIT_PERF_UNWIND_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plait_rule;
struct plait_rule_pool;
struct plait_rule_rows;

/* Code of one function, for the prologue decoder. */
struct plait_function_code {
	const uint8_t *bytes; /* at `start` */
	uint64_t start, end;  /* ELF virtual addresses */
	bool one_function;    /* a symbol says so; else more functions may follow before `end` */
};

/* What the instruction before a return address says. */
struct plait_call_site {
	bool direct;	 /* the target is known */
	uint64_t target; /* of a direct call, in the address space of the return address given */
};

/* Where control goes on behind an instruction. */
enum plait_flow {
	PLAIT_FLOW_ON,	    /* to the next one; also calls by a register */
	PLAIT_FLOW_BRANCH,  /* to the next one or elsewhere */
	PLAIT_FLOW_PADDING, /* it does nothing; this and those below may be the last before a function */
	PLAIT_FLOW_CALL,    /* to the next one, if it ever returns */
	PLAIT_FLOW_JUMP,    /* elsewhere */
	PLAIT_FLOW_LEAVE,   /* elsewhere, it does not say where: returns, jumps by a register; or nowhere */
};

struct plait_unwind_arch {
	uint16_t elf_machine;	      /* EM_* */
	uint8_t register_count;	      /* DWARF registers that CFI may name, return address column included */
	uint8_t sp, pc, fp;	      /* DWARF numbers; pc is its index in struct plait_registers */
	uint8_t return_address;	      /* DWARF's return address column */
	int8_t return_from_cfa;	      /* a call puts the return address at CFA + this; 0: into a register */
	int8_t fp_from_cfa;	      /* and a kept frame pointer's saved value */
	uint64_t callee_saved;	      /* bit n: register n keeps its value over a call */
	const uint8_t *pointer_order; /* the registers that may point into a frame, the best to go by first */
	size_t pointer_count;
	uint64_t code_mask;	  /* AND on a return address: removes authentication bits */
	size_t call_bytes_max;	  /* longest call instruction */
	size_t instruction_bytes; /* of each instruction; 0: they differ */
	/* Bytes of a procedure linkage table's first entry, and of each other; 0: those leave the stack alone. */
	uint32_t plt_header_bytes, plt_entry_bytes;
	size_t pattern_bytes;	     /* bytes from pc that stub_rule and signal_rule may look at */
	size_t pattern_bytes_before; /* and before pc */

	/* The rule at a function's first instruction: nothing has been saved yet. */
	void (*entry_rule)(struct plait_rule *ret);
	/* The rule of a function that keeps a frame pointer. With PLAIT_RULE_BOUND its CFA is only known not to lie
	 * below what it says. */
	void (*frame_pointer_rule)(struct plait_rule *ret);
	/* Does a call instruction end at `code + size`, whose address is `address`? Looks at the last bytes only. */
	bool (*call_before)(const uint8_t *code, size_t size, uint64_t address, struct plait_call_site *ret);
	/* What each of the `count` instructions at `code` does, as enum plait_flow. Where instruction_bytes is set. */
	void (*flows)(const uint8_t *code, size_t count, uint8_t *ret);
	/* How many instructions further the branch, call or jump at `code` leads. The same. */
	int64_t (*distance)(const uint8_t *code);
	/* Code that is known by its bytes: CPython's -X perf trampoline stubs (return address in them), and a C
	 * library's signal trampoline without CFI. `code` has pattern_bytes_before bytes before pc and pattern_bytes
	 * from it. False: neither. */
	bool (*pattern_rule)(const uint8_t *code, struct plait_rule *ret);
	/* Decodes a function in one pass and appends a row for each address from which another rule holds, ascending.
	 * False: no memory, or the decoder is not there; `ret` may have rows then. */
	bool (*decode)(const struct plait_function_code *code, struct plait_rule_pool *pool,
		       struct plait_rule_rows *ret);
};

/* The registers that a caller does not get back from a call besides those that the callee changed: the return address
 * column where it is a register of its own, which the call overwrites. */
static inline uint64_t plait_unwind_arch_link(const struct plait_unwind_arch *arch)
{
	return (uint64_t)(arch->pc != arch->return_address) << arch->return_address;
}

extern const struct plait_unwind_arch plait_unwind_arch_x86_64, plait_unwind_arch_aarch64;

/* The one of an ELF machine, NULL for others. */
const struct plait_unwind_arch *plait_unwind_arch_of(uint16_t elf_machine);

/* The architecture that this program was built for (a sample's registers are the host's). */
const struct plait_unwind_arch *plait_unwind_arch_native(void);

#endif
