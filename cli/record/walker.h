/*
 * Who walks Python frames at the instant of a sample, and so must be told which process runs which CPython: the BPF
 * sampler, the agent inside of the process, or the engine that reads from outside.
 */
#ifndef PLAIT_CLI_RECORD_WALKER_H
#define PLAIT_CLI_RECORD_WALKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "python_unwind/runtime.h"

struct plait_walker {
	/* Samples of the runtime's process carry its frames from now on. At most two a process. */
	struct plait_error *(*add_runtime)(void *context, const struct plait_python_runtime *runtime);
	/* Process `pid` is gone or runs another program: it has no runtime any more. */
	void (*forget)(void *context, uint32_t pid);
	/* Process `pid` is gone: another one may get its number. */
	void (*unwatch)(void *context, uint32_t pid);
	/* The walk is in the process itself: its memory need not be readable from here. */
	bool inside;
	void *context;
};

#endif
