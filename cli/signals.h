/*
 * Signals while a command is recorded. Ctrl-C at a terminal reaches the launched command by itself, as without plait;
 * a signal sent to plait alone is passed on to it. When plait is attached, the first signal ends the recording.
 */
#ifndef PLAIT_CLI_SIGNALS_H
#define PLAIT_CLI_SIGNALS_H

#include <stdbool.h>
#include <sys/types.h>

/* Installs the handlers. Until a child is named every signal asks to end the recording. */
void plait_signals_install(void);

/* From now on signals are passed on to `child`, the launched command. */
void plait_signals_pass_to(pid_t child);

/* Whether a signal asks to end the recording: the first one when attached, the second one that was passed on when a
 * command was launched. */
bool plait_signals_stop_requested(void);

/* Puts back the dispositions found at install; nothing when there was none. */
void plait_signals_restore(void);

#endif
