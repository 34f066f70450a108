/*
 * What the process map needs of an ELF file: its build-id, and how mappings of it relate to its virtual addresses.
 */
#ifndef PLAIT_PERF_PROCESS_ELF_NOTES_H
#define PLAIT_PERF_PROCESS_ELF_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/module.h"

/* Whether the bytes are a 64 bit little-endian ELF file with program headers inside its bounds. */
bool plait_elf_is_valid(const uint8_t *image, size_t size);

/* The GNU build-id note (type NT_GNU_BUILD_ID, 3) of a valid file; size 0 when it has none. */
struct plait_build_id plait_elf_build_id(const uint8_t *image, size_t size);

/* The load bias of a mapping at `start` of file offset `offset` of a valid file: address - bias is the ELF virtual
 * address. Where PT_LOADs share the offset's page, the executable one is meant when `executable`. Returns false when no
 * PT_LOAD has the offset. */
bool plait_elf_bias(const uint8_t *image, uint64_t start, uint64_t offset, bool executable, uint64_t *ret);

#endif
