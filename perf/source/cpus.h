/*
 * The lists that decide how many events are opened: CPUs, and threads of a process.
 */
#ifndef PLAIT_PERF_SOURCE_CPUS_H
#define PLAIT_PERF_SOURCE_CPUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/vec.h"

struct plait_number_list {
	PLAIT_VEC(int) numbers;
};

/* Appends what a list of the kernel's names, for example "0-3,8". Text that is none, and numbers above a million, give
 * PLAIT_ERROR_INVALID. */
struct plait_error *plait_cpus_parse(const char *text, struct plait_number_list *ret);

/* Appends the CPUs that are online. */
struct plait_error *plait_cpus_online(struct plait_number_list *ret);

/* Appends the threads that process `pid` has now; PLAIT_ERROR_NOT_FOUND when there is no such process. */
struct plait_error *plait_threads_of(pid_t pid, struct plait_number_list *ret);

#endif
