/*
 * The state of one walk over a thread's Python frames, and the reading of fields from bytes that were fetched. Part of
 * the walk that is compiled into the BPF program too: fixed-width types, no pointers kept, no calls.
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_STATE_H
#define PLAIT_PYTHON_UNWIND_WALK_STATE_H

#include <stdbool.h>

#include "common/sample_wire.h"
#include "python_unwind/walk_plan.h"

/* Words of the buffer that structures are fetched into. Twice what a plan may ask for (256 bytes): then a mask that an
 * old BPF verifier understands bounds size and offsets. */
#define PLAIT_WALK_WORDS 64

/* Frames of one activation and its callers lie next to each other (3.11+: _PyThreadState_PushFrame), so that many are
 * fetched at once: up to PLAIT_WALK_PIECE bytes, into a buffer of twice that, for the same reason, and what an offset
 * may reach. */
#define PLAIT_WALK_PIECE 2048
#define PLAIT_WALK_PIECE_WORDS ((2 * PLAIT_WALK_PIECE + 256) / 8 + 1)

/* Thread states of one thread that are walked, at most: interpreters that call each other. A power of two. */
#define PLAIT_WALK_CHAINS 8

enum plait_walk_step {
	PLAIT_STEP_FRAME, /* one frame more */
	PLAIT_STEP_SKIP,  /* nothing to show: go on */
	PLAIT_STEP_END,	  /* plait_walk.status says how */
	PLAIT_STEP_BAD,	  /* internal: a check failed */
};

enum plait_walk_shift {
	PLAIT_SHIFT_NONE = 0,
	PLAIT_SHIFT_OUTWARDS, /* a CFrame fewer than frames: the innermost frame has none */
	PLAIT_SHIFT_INWARDS,  /* a CFrame more than frames: the innermost CFrame has no frame yet */
};

struct plait_walk {
	struct plait_walk_plan plan; /* set by the caller */
	plait_u64 tp;		     /* set by the caller: the thread pointer */
	plait_u32 first_tid; /* set by the caller: of a process's first thread, whose `tp` may be stale, its id in
			      * its own pid namespace; else 0 */

	plait_u64 pending; /* another thread state of this thread, to be walked after this one; 0: none */
	plait_u64 walked[PLAIT_WALK_CHAINS]; /* the thread states whose chains were walked, */
	plait_u64 interp;	/* of the search: the interpreter whose thread states are looked through, */
	plait_u64 interp_next;	/* the one after it, */
	plait_u64 candidate;	/* and the thread state to look at next; 0: the next interpreter's first */
	plait_u64 frame;	/* the next frame; 0: the chain's end */
	plait_u64 cframe;	/* 3.10 to 3.12: CFrame of the activation that `frame` belongs to */
	plait_u64 root;		/* 3.10 to 3.12: address of tstate->root_cframe, where the CFrames end */
	plait_u64 base_frame;	/* 3.15: where the frames end; 0: none */
	plait_u64 caller;	/* 3.11, 3.12: the innermost CFrame's `previous`; 0: it has none */
	plait_u64 code;		/* whose header lies in code_words; 0: of none */
	plait_u64 fingerprint;	/* of that */
	plait_u64 piece;	/* address of what lies in piece_words, */
	plait_u64 inner;	/* and the frame that was read last; 0: none */
	plait_u64 shift_cframe; /* 3.10: `cframe` at the first chain's end */
	plait_u64 mark;		/* cycle detection (Brent): an earlier frame, */
	plait_u32 lap, power;	/* steps since it, and how many until it moves on */

	plait_u32 count;       /* frames handed out */
	plait_u32 flushed;     /* of these, how many the caller has sent on */
	plait_u32 chain_start; /* `count` where this thread state's frames start */
	plait_u32 steps;       /* frames read of this chain, shown or not */
	plait_u32 unpaired;    /* 3.10: frames for which no CFrame was left */
	plait_u32 innermost;   /* 1: still in the innermost activation, which 3.11 and 3.12 may not have filled in */
	plait_u32 repaired;    /* 1: started over already */
	plait_u32 closed;      /* 1: the chain may end here (the last frame ended its activation) */
	plait_u32 chains;      /* and their number */
	plait_u32 searching;   /* 1: between two chains, looking for a further thread state */
	plait_u32 looked;      /* thread states and interpreters that were looked at in the search */
	plait_u32 shift;       /* 3.10: enum plait_walk_shift, of the first chain, valid after its end */
	plait_u32 shift_end;   /* `count` at that end */
	plait_u32 status;      /* enum plait_walk_status, valid after PLAIT_STEP_END */

	plait_u32 piece_size; /* bytes in piece_words */
	plait_u32 piece_at;   /* offset in piece_words of the frame that was read last */

	plait_u64 words[PLAIT_WALK_WORDS];	       /* the thread state being read */
	plait_u64 code_words[PLAIT_WALK_WORDS];	       /* a frame's code object (see `code`), or a CFrame */
	plait_u64 piece_words[PLAIT_WALK_PIECE_WORDS]; /* frames */
};

/* Any field of a fetched structure. */
typedef plait_u64 __attribute__((may_alias)) plait_walk_field_u64;
typedef plait_u32 __attribute__((may_alias)) plait_walk_field_u32;

/* Fields lie at multiples of their size. An offset beyond the buffer wraps round: plans come from our own tables, the
 * mask is for the verifier. */
static inline plait_u64 plait_walk_u64(const plait_u64 *words, plait_u32 offset)
{
	return *(const plait_walk_field_u64 *)((const char *)words + (offset & (8 * PLAIT_WALK_WORDS - 8)));
}

static inline plait_u32 plait_walk_u32(const plait_u64 *words, plait_u32 offset)
{
	return *(const plait_walk_field_u32 *)((const char *)words + (offset & (8 * PLAIT_WALK_WORDS - 4)));
}

/* Finalizer of MurmurHash3 (public domain). */
static inline plait_u64 plait_walk_mix(plait_u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ (x >> 33);
}

/*
 * Tells code objects at the same address apart (freed ones come back at once). `code` holds the object's first
 * plan->code_size bytes. co_version where the version has it and it is not 0 (0: the counter overflowed, or a static
 * object), else a mix of the pointers, with the top bit set so that the two kinds never meet.
 */
static inline plait_u64 plait_walk_fingerprint(const struct plait_walk_plan *plan, const plait_u64 *code)
{
	if (plan->code_version != PLAIT_NO_OFFSET) {
		plait_u32 version = plait_walk_u32(code, plan->code_version);
		if (version)
			return version;
	}
	const plait_u64 odd = 0x9e3779b97f4a7c15ULL;
	plait_u64 mix = plait_walk_u64(code, plan->code_name);
	mix = mix * odd + plait_walk_u64(code, plan->code_filename);
	mix = mix * odd + plait_walk_u64(code, plan->code_linetable);
	mix = plait_walk_mix(mix * odd + plait_walk_u32(code, plan->code_first_line));
	return mix | 1ULL << 63;
}

#endif
