/*
 * Has a thread written a word of its memory since? A hardware watchpoint that notices the first write and then stands
 * still, so that a word that is written all the time costs the thread one exception. The thread is not stopped.
 */
#ifndef PLAIT_PERF_SOURCE_WATCH_H
#define PLAIT_PERF_SOURCE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

struct plait_watch {
	int fd; /* -1: watches nothing */
};

#define PLAIT_WATCH_NONE ((struct plait_watch) { .fd = -1 })

/* Whether this host has watchpoints for us; the error says why not. */
struct plait_error *plait_watch_check(void);

/* From now on watches the 8 bytes at `address` (a multiple of 8) for writes of thread `tid`, in user mode, in place of
 * what was watched before. False when that is refused; then nothing is watched. */
bool plait_watch_set(struct plait_watch *watch, pid_t tid, uint64_t address);

/* Whether the thread has not written there since, for sure. */
bool plait_watch_is_untouched(const struct plait_watch *watch);

/* Watches nothing afterwards. */
void plait_watch_release(struct plait_watch *watch);

#endif
