/*
 * Processes named on the command line.
 */
#ifndef PLAIT_CLI_PIDS_H
#define PLAIT_CLI_PIDS_H

#include "cli/options.h"
#include "perf/source/cpus.h"

/* Appends the process ids of a LIST option; each must be a process that is there. */
struct plait_error *plait_pids_parse(const struct plait_option_list *list, struct plait_number_list *ret);

/* Whether there is such a process. */
bool plait_pid_lives(pid_t pid);

#endif
