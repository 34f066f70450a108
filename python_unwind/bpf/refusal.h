/*
 * Why the kernel would not load the sampler, in words.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_REFUSAL_H
#define PLAIT_PYTHON_UNWIND_BPF_REFUSAL_H

#include "common/error.h"

/* An error for a load that failed with `err` (an errno value). `log` is what libbpf and the verifier said last. */
struct plait_error *plait_sampler_refusal(int err, const char *log);

#endif
