/*
 * The sorted index of unwind table entries (.eh_frame_hdr, Linux Standard Base 5.0 section 10.6.2), for one question:
 * which hole between two FDEs does an address lie in?
 */
#ifndef PLAIT_PERF_UNWIND_FDE_INDEX_H
#define PLAIT_PERF_UNWIND_FDE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

struct plait_image;

struct plait_fde_index {
	uint64_t address; /* of the header, which the entries are relative to */
	uint64_t table;	  /* address of the first entry */
	uint64_t count;	  /* 0: no index */
};

/* Reads the header at `address`, `size` bytes. Only the layout that every linker writes is known (a table of signed
 * 32 bit pairs relative to the header); any other gives an empty index. */
void plait_fde_index_init(struct plait_fde_index *index, const struct plait_image *image, uint64_t address,
			  uint64_t size);

/* The hole around `address`: from the end of the last FDE that starts at or below it (*ret_start, 0 when there is
 * none) to the start of the next one (*ret_end, UINT64_MAX when there is none). False when no FDE lies below, or when
 * that FDE covers the address. */
bool plait_fde_index_hole(const struct plait_fde_index *index, const struct plait_image *image, uint64_t address,
			  uint64_t *ret_start, uint64_t *ret_end);

#endif
