/*
 * What unwinding must know about an architecture: one constant table each, in arch_<name>*.c and nowhere else.
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

struct plait_unwind_arch {
	uint16_t elf_machine;	     /* EM_* */
	uint8_t register_count;	     /* DWARF registers that CFI may name, return address column included */
	uint8_t sp, pc, fp;	     /* DWARF numbers; pc is its index in struct plait_registers */
	uint8_t return_address;	     /* DWARF's return address column */
	int8_t return_from_cfa;	     /* the return address is at CFA + this in every frame; 0: at no fixed place */
	int8_t fp_from_cfa;	     /* and a kept frame pointer's saved value */
	uint64_t callee_saved;	     /* bit n: register n keeps its value over a call */
	uint64_t code_mask;	     /* AND on a return address: removes authentication bits */
	size_t call_bytes_max;	     /* longest call instruction */
	size_t pattern_bytes;	     /* bytes from pc that stub_rule and signal_rule may look at */
	size_t pattern_bytes_before; /* and before pc */

	/* The rule at a function's first instruction: nothing has been saved yet. */
	void (*entry_rule)(struct plait_rule *ret);
	/* The rule of a function that keeps a frame pointer. */
	void (*frame_pointer_rule)(struct plait_rule *ret);
	/* Does a call instruction end at `code + size`, whose address is `address`? Looks at the last bytes only. */
	bool (*call_before)(const uint8_t *code, size_t size, uint64_t address, struct plait_call_site *ret);
	/* Code that is known by its bytes: CPython's -X perf trampoline stubs (return address in them), and a C
	 * library's signal trampoline without CFI. `code` has pattern_bytes_before bytes before pc and pattern_bytes
	 * from it. False: neither. */
	bool (*pattern_rule)(const uint8_t *code, struct plait_rule *ret);
	/* Decodes a function in one pass and appends a row for each address from which another rule holds, ascending.
	 * False: no memory, or the decoder is not there; `ret` may have rows then. */
	bool (*decode)(const struct plait_function_code *code, struct plait_rule_pool *pool,
		       struct plait_rule_rows *ret);
};

/* The architecture that this program was built for (a sample's registers are the host's). */
const struct plait_unwind_arch *plait_unwind_arch_native(void);

#endif
