/*
 * Frames: what the unwinder found (native), and what the merge makes of native and Python frames (hybrid).
 */
#ifndef PLAIT_COMMON_FRAME_H
#define PLAIT_COMMON_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum plait_native_frame_flag {
	PLAIT_NATIVE_EXACT_PC = 1 << 0,	 /* pc is the running instruction (leaf, interrupted by a signal), not a return
					  * address: look names up at pc, else at pc - 1 */
	PLAIT_NATIVE_DERIVED = 1 << 1,	 /* this frame's caller was found by a rule decoded from its prologue */
	PLAIT_NATIVE_GAP = 1 << 2,	 /* unknown frames lie between this one and the next outer one */
	PLAIT_NATIVE_EVALUATOR = 1 << 3, /* pc lies in known evaluator code (set by the caller of merge, 3.8 and 3.9) */
};

/* One native frame: the part [sp, cfa) of the stack is its own. cfa == 0: unknown (only in the outermost frame of a
 * broken unwind, or before a gap). */
struct plait_native_frame {
	uint64_t pc;
	uint64_t sp;
	uint64_t cfa;
	uint32_t flags;	 /* enum plait_native_frame_flag */
	uint32_t module; /* index of the module that holds pc, as the unwinder's caller knows it; UINT32_MAX: none */
};

/* How the native unwinding of a sample ended. */
enum plait_unwind_end {
	PLAIT_UNWIND_COMPLETE,	/* the start of the thread was reached */
	PLAIT_UNWIND_TRUNCATED, /* the copied stack ended first */
	PLAIT_UNWIND_BROKEN,	/* no rule, or one that led nowhere */
	PLAIT_UNWIND_TOO_DEEP,	/* more frames than are kept */
	PLAIT_UNWIND_NONE,	/* no user registers: a kernel thread */
};

struct plait_stack;

/* Native frames of one sample, innermost first. */
struct plait_native_stack {
	struct plait_native_frame *frames;
	size_t count;
	enum plait_unwind_end end;
	const struct plait_stack *copy; /* the stack copy that was unwound, for the merge of 3.8 and 3.9; may be NULL */
};

enum plait_hybrid_kind {
	PLAIT_HYBRID_NATIVE,	/* index: into the native stack */
	PLAIT_HYBRID_PYTHON,	/* index: into the Python chain */
	PLAIT_HYBRID_GAP,	/* "[gap]": unknown native frames */
	PLAIT_HYBRID_TRUNCATED, /* "[truncated]": outer frames are missing from here on */
	PLAIT_HYBRID_UNMERGED,	/* "[unmerged]": the Python frames after it could not be placed, they are in order */
};

struct plait_hybrid_frame {
	uint32_t kind; /* enum plait_hybrid_kind */
	uint32_t index;
};

/* How far a sample's stack can be trusted: a set of these; 0 is exact and complete. */
enum plait_quality {
	PLAIT_QUALITY_CHECKED = 1 << 0,	   /* Python frames were read after the sample, and checked against it */
	PLAIT_QUALITY_DERIVED = 1 << 1,	   /* a frame was passed by a rule decoded from its prologue */
	PLAIT_QUALITY_GAP = 1 << 2,	   /* native frames are missing at a marked place */
	PLAIT_QUALITY_TRUNCATED = 1 << 3,  /* outer frames are missing */
	PLAIT_QUALITY_UNMERGED = 1 << 4,   /* Python frames are missing or not in place */
	PLAIT_QUALITY_UNRESOLVED = 1 << 5, /* a frame has no name */
};

/* What makes a sample's stack not complete: complete = every native frame from the leaf to the thread's start and
 * every Python frame, in place. */
#define PLAIT_QUALITY_INCOMPLETE (PLAIT_QUALITY_GAP | PLAIT_QUALITY_TRUNCATED | PLAIT_QUALITY_UNMERGED)

/* The merged stack, innermost first. */
struct plait_hybrid_stack {
	struct plait_hybrid_frame *frames;
	size_t count;
	size_t capacity;
	uint32_t quality; /* enum plait_quality, as far as the merge can tell */
};

#endif
