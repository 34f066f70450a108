/*
 * Loops that the verifier looks at once.
 *
 * It follows a bounded loop through every iteration, which takes it a second for the loops here, and every recording
 * begins with that. bpf_loop() (Linux 5.17, commit e6f2dd0f8067) is checked for one call of its body. Kernels without
 * it get the bounded loop.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_REPEAT_H
#define PLAIT_PYTHON_UNWIND_BPF_REPEAT_H

#include "python_unwind/bpf/kernel.h"

/* Defines repeat_<body>(times, context), which calls body(context) until it returns false, `times` times at most. */
#define DEFINE_REPEAT(body)                                                                                            \
	static __attribute__((noinline)) long body##_call(plait_u32 i, void *context)                                  \
	{                                                                                                              \
		(void)i;                                                                                               \
		return !body(context);                                                                                 \
	}                                                                                                              \
	static inline void repeat_##body(plait_u32 times, void *context)                                               \
	{                                                                                                              \
		if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {                                     \
			bpf_loop(times, body##_call, context, 0);                                                      \
			return;                                                                                        \
		}                                                                                                      \
		for (plait_u32 i = 0; i < times; i++)                                                                  \
			if (!body(context))                                                                            \
				break;                                                                                 \
	}

/* What a body has: contexts of BPF programs can be handed on only through the caller's stack. */
struct repeat {
	struct bpf_perf_event_data *ctx;
	plait_u32 at;	 /* the body's own counter */
	plait_u32 limit; /* and its end */
	plait_u32 failed;
};

#endif
