/*
 * Function bounds from `.eh_frame`, through the search table of `.eh_frame_hdr`: where a stripped file still says how
 * far the code around an address belongs together. No unwind rules are read here.
 */
#ifndef PLAIT_SYMBOLIZE_EH_FRAME_H
#define PLAIT_SYMBOLIZE_EH_FRAME_H

#include "symbolize/elf_image.h"

/* A view of an image's search table; nothing is owned. count 0: there is none. */
struct plait_eh_frame {
	const struct plait_elf_image *image;
	uint64_t base;	      /* address of .eh_frame_hdr, to which the table's numbers are relative */
	const uint8_t *table; /* pairs of int32: start of the code, address of the FDE; ascending */
	size_t count;
};

/* What the table says about an address. */
struct plait_eh_frame_bounds {
	uint64_t start, end; /* of the FDE that covers it; both 0: none does */
	uint64_t next;	     /* start of the first FDE above the address; UINT64_MAX: none */
};

/* The view of `image`, which must outlive it. */
struct plait_eh_frame plait_eh_frame_open(const struct plait_elf_image *image);

/* Looks `address` up, in O(log n). */
struct plait_eh_frame_bounds plait_eh_frame_find(const struct plait_eh_frame *frame, uint64_t address);

#endif
