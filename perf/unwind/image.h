/*
 * An ELF file's code as the unwinder needs it: bytes at an address, and where the function around an address that has
 * no unwind table starts and ends. ELF64, little-endian. Every byte is from outside: what does not fit is ignored.
 */
#ifndef PLAIT_PERF_UNWIND_IMAGE_H
#define PLAIT_PERF_UNWIND_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perf/unwind/arch.h"

struct plait_image;

/* Reads the headers of the file at `bytes` (borrowed, used until destroy). NULL when memory ran out; a file that is
 * no ELF64 gives an image without code. Symbols are read at the first plait_image_function(). */
struct plait_image *plait_image_create(const uint8_t *bytes, size_t size);
/* NULL is allowed. */
void plait_image_destroy(struct plait_image *image);

/* The `size` bytes at ELF virtual address `address` of a loaded segment (an executable one if `executable`), in the
 * file itself; NULL when they are not there. */
const uint8_t *plait_image_bytes(const struct plait_image *image, uint64_t address, size_t size, bool executable);

/* The program's entry point (e_entry), 0 when it has none. */
uint64_t plait_image_entry(const struct plait_image *image);

/* The bounds of the function around `address`, which no FDE covers: from the nearest symbol at or below it, else from
 * the end of the FDE before it; in a PLT the entry. At most 1 MiB. False when nothing is known. */
bool plait_image_function(struct plait_image *image, uint64_t address, struct plait_function_code *ret);

#endif
