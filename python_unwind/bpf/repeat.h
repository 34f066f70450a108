/*
 * Loops that the verifier looks at once.
 *
 * It follows a bounded loop through every iteration, which takes it a second for the loops here, and every recording
 * begins with that. bpf_loop() (Linux 5.17, commit e6f2dd0f8067) is checked for one call of its body. Kernels without
 * it get the bounded loop, and in a program of their own: before 5.13 a program may not even mention a callback.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_REPEAT_H
#define PLAIT_PYTHON_UNWIND_BPF_REPEAT_H

#include "python_unwind/bpf/kernel.h"

/* Defines repeat_<body>(kind, times, context), which calls body(context) until it returns false, `times` times at
 * most. `kind` is a constant. */
#define DEFINE_REPEAT(body)                                                                                            \
	static __attribute__((noinline)) long body##_call(plait_u32 i, void *context)                                  \
	{                                                                                                              \
		(void)i;                                                                                               \
		return !body(context);                                                                                 \
	}                                                                                                              \
	static inline void repeat_##body(enum loop_kind kind, plait_u32 times, void *context)                          \
	{                                                                                                              \
		if (kind == LOOP_CALLED) {                                                                             \
			bpf_loop(times, body##_call, context, 0);                                                      \
			return;                                                                                        \
		}                                                                                                      \
		for (plait_u32 i = 0; i < times; i++) {                                                                \
			asm volatile("" ::: "memory"); /* a loop that is entered in its middle is refused (5.10) */    \
			if (!body(context))                                                                            \
				break;                                                                                 \
		}                                                                                                      \
	}

/* Defines program <stage> and its twin <stage>_bounded, of which the loader takes one. */
#define DEFINE_STAGE(stage)                                                                                            \
	SEC(PLAIT_PROGRAM)                                                                                             \
	int stage(plait_context *ctx)                                                                                  \
	{                                                                                                              \
		return run_##stage(ctx, LOOP_CALLED);                                                                  \
	}                                                                                                              \
	SEC(PLAIT_PROGRAM)                                                                                             \
	int stage##_bounded(plait_context *ctx)                                                                        \
	{                                                                                                              \
		return run_##stage(ctx, LOOP_BOUNDED);                                                                 \
	}

enum loop_kind {
	LOOP_BOUNDED,
	LOOP_CALLED, /* by bpf_loop() */
};

/* What a body has: contexts of BPF programs can be handed on only through the caller's stack. */
struct repeat {
	plait_context *ctx;
	struct scratch *scratch;
	plait_u32 at;	 /* the body's own counter, */
	plait_u32 limit; /* and its end */
	plait_u32 failed;
};

#endif
