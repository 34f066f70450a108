/*
 * Second opinions on instructions that capstone does not know, one function an architecture.
 */
#ifndef PLAIT_SYMBOLIZE_ARCH_DISASSEMBLE_H
#define PLAIT_SYMBOLIZE_ARCH_DISASSEMBLE_H

#include <stddef.h>
#include <stdint.h>

/* Writes the instruction at `code` as text ("mnemonic operands"), cut to `ret_size` bytes. Returns its length; with an
 * empty text, when only that is known; 0 when nothing is. */
uint32_t plait_x86_64_disassemble(const uint8_t *code, size_t size, uint64_t address, char *ret, size_t ret_size);

#endif
