/*
 * The header of the architecture that the BPF program is built for.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_ARCH_H
#define PLAIT_PYTHON_UNWIND_BPF_ARCH_H

#if defined(__TARGET_ARCH_arm64)
#include "python_unwind/bpf/arch_aarch64.h"
#elif defined(__TARGET_ARCH_x86)
#include "python_unwind/bpf/arch_x86_64.h"
#else
#error "no architecture"
#endif

#endif
