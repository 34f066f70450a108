/*
 * Starting the command that is to be recorded: the child waits until the events are open, then execs.
 */
#ifndef PLAIT_CLI_LAUNCH_H
#define PLAIT_CLI_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/error.h"

struct plait_launch {
	pid_t pid;	 /* of the child; 0: none */
	int go_fd;	 /* closing it lets the child exec */
	int status_fd;	 /* the child writes errno here when exec fails; closed by a good exec */
	int wait_status; /* as of waitpid(2), valid when `ended` */
	bool ended;
};

/* Forks a child that will run argv (NULL-terminated) once plait_launch_go() is called. The command is looked up in
 * PATH first, and `environment` (may be NULL) has what is added to the environment, "NAME=value" strings ended by NULL:
 * PLAIT_ERROR_NOT_FOUND or PLAIT_ERROR_PERMISSION when it cannot be run. */
struct plait_error *plait_launch_start(char *const *argv, char *const *environment, struct plait_launch *ret);

/* Lets the child exec, and waits until it did. An exec that failed is an error (the child is reaped). */
struct plait_error *plait_launch_go(struct plait_launch *launch, const char *name);

/* Reaps the child if it has ended; with `wait` blocks until it has (EINTR returns early). Returns launch->ended. */
bool plait_launch_reap(struct plait_launch *launch, bool wait);

/* Ends a child that has not been let go, and closes the descriptors. */
void plait_launch_release(struct plait_launch *launch);

/* Exits this process as the child ended: with its exit status, or by the same signal. Does not return. */
void plait_launch_exit_like(const struct plait_launch *launch) __attribute__((noreturn));

#endif
