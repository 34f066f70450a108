/*
 * The commands: one file each, cmd_<name>.c, which defines one const struct plait_command.
 *
 * How to add a command: write cmd_<name>.c, declare its struct here, add it to the table in main.c
 * (tests/e2e/test_cli.py then checks its --help), and describe it in README.md.
 */
#ifndef PLAIT_CLI_COMMANDS_H
#define PLAIT_CLI_COMMANDS_H

#include "cli/options.h"

/* Exit statuses besides those of a launched command. */
enum {
	PLAIT_EXIT_OK = 0,
	PLAIT_EXIT_FAILURE = 1,
	PLAIT_EXIT_USAGE = 2,
	PLAIT_EXIT_GATE = 3, /* plait diff: a limit is broken */
	PLAIT_EXIT_CANNOT_EXECUTE = 126,
	PLAIT_EXIT_NOT_FOUND = 127,
};

extern const struct plait_command plait_command_annotate;
extern const struct plait_command plait_command_completions;
extern const struct plait_command plait_command_diff;
extern const struct plait_command plait_command_doctor;
extern const struct plait_command plait_command_dump;
extern const struct plait_command plait_command_export;
extern const struct plait_command plait_command_list;
extern const struct plait_command plait_command_manual;
extern const struct plait_command plait_command_merge;
extern const struct plait_command plait_command_record;
extern const struct plait_command plait_command_report;
extern const struct plait_command plait_command_script;
extern const struct plait_command plait_command_stat;
extern const struct plait_command plait_command_view;

/* All of them, ending in NULL. */
extern const struct plait_command *const plait_commands[];

/* Parses as plait_options_parse(). Whether the command goes on; else help or an error was printed, and `*ret_status` is
 * the exit status. */
bool plait_command_begin(const struct plait_command *command, int argc, char **argv, void *values, bool stop_at_word,
			 int *ret_first, int *ret_status);

/* Prints "plait: <message>" and the advice to stderr, frees the error, and gives the exit status that fits it
 * (2 for PLAIT_ERROR_USAGE, else 1). */
int plait_fail(struct plait_error *error);

/* Prints "plait: <text>" to stderr. */
void plait_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
