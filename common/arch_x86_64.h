/*
 * x86-64 machine code, as far as more than one folder needs to know it.
 */
#ifndef PLAIT_COMMON_ARCH_X86_64_H
#define PLAIT_COMMON_ARCH_X86_64_H

#include <stddef.h>
#include <stdint.h>

/* The length of a VEX or EVEX instruction at `code`, for those that a disassembler older than them does not know; 0
 * when it is none, or longer than `size`. (Intel SDM volume 2, 2.3.5 and 2.7: prefix, opcode, ModRM, SIB, displacement,
 * immediate.) */
size_t plait_x86_64_vector_size(const uint8_t *code, size_t size);

/* Size of AMD's hint to fetch a cache line (0F 0D: PREFETCH, PREFETCHW), which changes nothing; 0: it is none. Capstone
 * 4 does not know the first of them. */
size_t plait_x86_64_prefetch_size(const uint8_t *code, size_t size);

#endif
