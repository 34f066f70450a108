/*
 * What stopping a thread must know about the architecture. One file defines it: arch_<name>.c.
 */
#ifndef PLAIT_PERF_PTRACE_ARCH_H
#define PLAIT_PERF_PTRACE_ARCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/sample.h"

/* The user registers of a stopped thread by their DWARF numbers, its thread pointer, and whether it is in a system
 * call. False when they cannot be had, or the thread has another ABI. */
bool plait_ptrace_registers(pid_t tid, struct plait_registers *ret, uint64_t *ret_tp, bool *ret_in_call);

/* DWARF numbers. */
extern const uint8_t plait_ptrace_sp, plait_ptrace_pc;

#endif
