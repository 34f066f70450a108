/*
 * Machine code as text, by capstone, and by Zydis where that does not know an instruction.
 */
#ifndef PLAIT_SYMBOLIZE_DISASSEMBLE_H
#define PLAIT_SYMBOLIZE_DISASSEMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/vec.h"

enum plait_instruction_kind {
	PLAIT_INSTRUCTION_OTHER,
	PLAIT_INSTRUCTION_JUMP,
	PLAIT_INSTRUCTION_CALL,
	PLAIT_INSTRUCTION_RETURN,
};

struct plait_instruction {
	uint32_t offset, size; /* bytes */
	enum plait_instruction_kind kind;
	bool has_target; /* JUMP, CALL: where to is in the instruction itself */
	uint64_t target; /* absolute */
	char mnemonic[24];
	char operands[104]; /* of a known target: what comes before it ("x0, "), the target itself is left to the reader
			     */
};

struct plait_disassembly {
	PLAIT_VEC(struct plait_instruction) instructions; /* ascending, without holes */
};

/* Takes the `size` bytes of code at `code`, which run at `address`, apart. `architecture` is uname(2)'s machine:
 * "x86_64" or "aarch64"; another one is PLAIT_ERROR_UNSUPPORTED. What neither knows comes as ".byte".
 * Release `ret` in any case. */
struct plait_error *plait_disassemble(const char *architecture, const uint8_t *code, size_t size, uint64_t address,
				      struct plait_disassembly *ret);
void plait_disassembly_release(struct plait_disassembly *disassembly);

#endif
