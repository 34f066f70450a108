/*
 * Shared by the two files of this architecture. DWARF numbers the registers as the machine does: 0 to 30 x0 to x30, 31
 * sp. Instructions are words of 32 bits; their fields are those of the Arm Architecture Reference Manual, C4.1.
 */
#ifndef PLAIT_PERF_UNWIND_ARCH_AARCH64_H
#define PLAIT_PERF_UNWIND_ARCH_AARCH64_H

#include <string.h>

#include "perf/unwind/arch.h"
#include "perf/unwind/rule.h"

enum { X19 = 19, X28 = 28, FP = 29, LR = 30, SP = 31, PC = 32 };

static inline uint32_t plait_aarch64_word(const uint8_t *code)
{
	uint32_t word;
	memcpy(&word, code, sizeof(word));
	return word;
}

static inline bool plait_aarch64_is_bl(uint32_t word)
{
	return (word & 0xfc000000) == 0x94000000;
}

/* blr, and the forms that authenticate the target (blraa and the like). */
static inline bool plait_aarch64_is_blr(uint32_t word)
{
	return (word & 0xfefff000) == 0xd63f0000;
}

static inline bool plait_aarch64_is_return(uint32_t word) /* ret, retaa, retab */
{
	return (word & 0xfffff800) == 0xd65f0000 || (word & 0xfffffbff) == 0xd65f0bff;
}

static inline bool plait_aarch64_is_jump(uint32_t word) /* b, br, braa ... */
{
	return (word & 0xfc000000) == 0x14000000 || (word & 0xfefff000) == 0xd61f0000;
}

static inline bool plait_aarch64_is_padding(uint32_t word) /* nop, udf #0 */
{
	return word == 0xd503201f || word == 0;
}

/* The trampoline behind a signal handler: mov x8,#139 (rt_sigreturn); svc #0. */
static inline bool plait_aarch64_is_signal_return(const uint8_t *code)
{
	return plait_aarch64_word(code) == 0xd2801168 && plait_aarch64_word(code + 4) == 0xd4000001;
}

/* The rule for such a trampoline. */
void plait_aarch64_signal_rule(struct plait_rule *ret);

/* struct plait_unwind_arch.decode */
bool plait_aarch64_decode(const struct plait_function_code *code, struct plait_rule_pool *pool,
			  struct plait_rule_rows *ret);

#endif
