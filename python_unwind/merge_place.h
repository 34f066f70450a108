/*
 * The part of the merge that decides where each activation's Python frames go. Private to merge.c and merge_place.c.
 *
 * "Slot i" is the place directly inner to native frame i (so outer to frame i - 1); slot `count` is the outer end.
 */
#ifndef PLAIT_PYTHON_UNWIND_MERGE_PLACE_H
#define PLAIT_PYTHON_UNWIND_MERGE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/frame.h"
#include "common/sample.h"

#define PLAIT_MERGE_NONE UINT32_MAX

enum plait_merge_place {
	PLAIT_PLACE_UNKNOWN = 0,
	PLAIT_PLACE_FRAME,    /* `at` is the native frame that this activation is */
	PLAIT_PLACE_BEYOND,   /* outer to everything that was unwound of a cut native stack */
	PLAIT_PLACE_UNMERGED, /* `at` is a slot: the nearest that can be said */
};

/* One activation of the evaluator, as the Python chain tells it. */
struct plait_merge_activation {
	uint64_t anchor;	/* 0: none known */
	uint32_t first, count;	/* its Python frames in the chain; count 0 is normal */
	uint32_t place;		/* enum plait_merge_place */
	uint32_t at;		/* see there */
	uint32_t next_unmerged; /* the next one in the same slot, or PLAIT_MERGE_NONE */
};

/* What is known of one native frame, and of the slot with its index. */
struct plait_merge_native {
	uint32_t owner;				/* the activation that this frame is, or PLAIT_MERGE_NONE */
	uint32_t anchors;			/* how many anchors lie in it */
	uint32_t by_address;			/* element i: the frame with the i-th lowest sp */
	uint32_t first_unmerged, last_unmerged; /* of the slot with this index; PLAIT_MERGE_NONE: empty */
	bool bare;				/* an activation whose Python frames are not in the chain */
};

struct plait_merge {
	const struct plait_native_stack *native;
	const struct plait_python_chain *python;
	struct plait_merge_activation *activations; /* innermost first */
	size_t activation_count;
	struct plait_merge_native *natives; /* native->count + 1 of them: the last is for slot `count` */
	bool cut;			    /* the native stack does not reach the start of the thread */
};

/* Whether native frame `i` is an opcode handler of a tail-call build (3.14+): evaluator code directly inside another
 * frame of evaluator code of the same file. Handlers tail-jump, so there is at most one an activation; elsewhere two
 * frames of evaluator code always have the call machinery between them. */
bool plait_merge_is_handler(const struct plait_merge *merge, size_t i);

/* 3.10 and later: by stack address. Gives every activation a place. */
void plait_merge_place_by_anchor(struct plait_merge *merge);

/* 3.8 and 3.9: by order. Gives every activation a place. */
void plait_merge_place_by_order(struct plait_merge *merge);

#endif
