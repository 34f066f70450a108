/*
 * Where a report goes: plain stdout, or a terminal with colours, a width, and a pager.
 */
#ifndef PLAIT_CLI_TERMINAL_H
#define PLAIT_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/error.h"

/* Whether colours fit `fd`: `when` is "auto" (or NULL: a terminal, NO_COLOR not set), "always" or "never". Another
 * word is PLAIT_ERROR_USAGE. */
struct plait_error *plait_terminal_color(const char *when, int fd, bool *ret);

/* Columns of the terminal at `fd`: COLUMNS, or what the terminal says; 0 when it is none. */
uint32_t plait_terminal_columns(int fd);

/* Whether the locale's characters are not UTF-8. */
bool plait_terminal_is_ascii(void);

struct plait_pager {
	FILE *out; /* write here */
	pid_t pid; /* 0: no pager, out is stdout */
};

/* Starts a pager ($PLAIT_PAGER, $PAGER, less) when stdout is a terminal and `wanted`; out is stdout else. */
void plait_pager_start(struct plait_pager *pager, bool wanted);

/* Flushes and waits for the pager. Writing that failed is an error, but for a reader that closed its end. */
struct plait_error *plait_pager_finish(struct plait_pager *pager);

#endif
