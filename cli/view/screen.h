/*
 * The terminal: curses, signals, and putting everything back.
 *
 * One screen at a time: signal handlers have no context argument.
 */
#ifndef PLAIT_CLI_VIEW_SCREEN_H
#define PLAIT_CLI_VIEW_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/view/view.h"
#include "common/error.h"

/* PLAIT_ERROR_UNSUPPORTED when stdin or stdout is no terminal, or TERM is one that cannot be drawn on. */
struct plait_error *plait_screen_check(void);

/* Takes the terminal that stdin and stdout are, which was checked. From here on a signal that ends the program puts the
 * terminal back first. */
struct plait_error *plait_screen_open(bool color);

/* Puts the terminal back. Nothing when it is not taken. */
void plait_screen_close(void);

/* Rows and columns, as they are now. */
void plait_screen_size(uint32_t *ret_rows, uint32_t *ret_columns);

/* Shows `text`: lines with the colours of line.h. */
void plait_screen_show(const char *text, const struct plait_view_frame *frame);

/* Waits for a key. False: a signal asks to end. `*ret_resized`: no key, but the frame is not right any more. */
bool plait_screen_read(uint32_t *ret_key, bool *ret_resized);

/* Ends the program by the signal that asked for it, as it would have without a handler; nothing when none did. */
void plait_screen_die(void);

#endif
