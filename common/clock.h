/*
 * Reading a clock.
 */
#ifndef PLAIT_COMMON_CLOCK_H
#define PLAIT_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/* `clock` in ns. Async-signal-safe. */
static inline uint64_t plait_clock_ns(clockid_t clock)
{
	struct timespec time = { 0 };
	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

#endif
