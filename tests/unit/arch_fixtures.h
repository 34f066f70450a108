/*
 * Hand-written functions without an unwind table, for tests that run them: those of this machine.
 */
#ifndef PLAIT_TESTS_UNIT_ARCH_FIXTURES_H
#define PLAIT_TESTS_UNIT_ARCH_FIXTURES_H

#include <string.h>

#include "common/sample.h"

#if defined(__x86_64__)
#include "unit/arch_x86_64_fixtures.h"
#elif defined(__aarch64__)
#include "unit/arch_aarch64_fixtures.h"
#endif

static void (*const fixtures[])(void) = { kernel_aligned, two_exits, old_sp_in_memory, lea_frame,
					  parked,	  bare_loop, unsized };
static const char *const names[] = { "kernel_aligned", "two_exits", "old_sp_in_memory", "lea_frame",
				     "parked",	       "bare_loop", "unsized" };
#define FIXTURES (sizeof(fixtures) / sizeof(fixtures[0]))

#endif
