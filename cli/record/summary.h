/*
 * What `record` says when it has ended.
 */
#ifndef PLAIT_CLI_SUMMARY_H
#define PLAIT_CLI_SUMMARY_H

#include "cli/record/session.h"

/* Prints to stderr: length, samples, size; the hottest lines and functions; how far the recording can be trusted; the
 * commands that show more. */
void plait_print_summary(const char *path, const struct plait_session_result *result);

#endif
