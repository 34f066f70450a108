/*
 * Declarative command-line options. A command has one static array of struct plait_option whose targets are fields of
 * the command's own struct; parsing, `--help`, completions and man pages read the same array.
 *
 * How to add an option: add a field to the command's struct, a row to its array, a line to its page in docs/, and a
 * test in tests/e2e/test_cli.py, which compares `--help` with the docs.
 */
#ifndef PLAIT_CLI_OPTIONS_H
#define PLAIT_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/vec.h"

enum plait_option_kind {
	PLAIT_OPTION_FLAG,     /* bool: no argument */
	PLAIT_OPTION_STRING,   /* const char *: points into argv */
	PLAIT_OPTION_LIST,     /* struct plait_option_list: repeatable, comma-separated */
	PLAIT_OPTION_TEXTS,    /* struct plait_option_list: repeatable, not split at commas */
	PLAIT_OPTION_NUMBER,   /* uint64_t: decimal, with k or m (powers of 1000) behind it */
	PLAIT_OPTION_SIZE,     /* uint64_t: bytes, with K, M or G (powers of 1024) behind it */
	PLAIT_OPTION_DURATION, /* double: seconds, with ms, s, m or h behind it */
	PLAIT_OPTION_PERCENT,  /* double: 0 to 100, with or without % */
};

struct plait_option {
	const char *name; /* long name without dashes */
	char letter;	  /* short name, 0: none */
	enum plait_option_kind kind;
	const char *argument; /* name of the argument in the help: "FILE"; NULL for flags */
	const char *help;     /* one line */
	size_t offset;	      /* of the field in the command's struct */
	const char *choices;  /* what shells complete: words with spaces between them; NULL: not a choice */
};

#define PLAIT_OPTION(type, field, name_, letter_, kind_, argument_, help_)                                             \
	{                                                                                                              \
		.name = (name_), .letter = (letter_), .kind = (kind_), .argument = (argument_), .help = (help_),       \
		.offset = offsetof(type, field)                                                                        \
	}
/* A STRING with few values. */
#define PLAIT_OPTION_CHOICE(type, field, name_, letter_, argument_, choices_, help_)                                   \
	{                                                                                                              \
		.name = (name_), .letter = (letter_), .kind = PLAIT_OPTION_STRING, .argument = (argument_),            \
		.help = (help_), .offset = offsetof(type, field), .choices = (choices_)                                \
	}
#define PLAIT_OPTION_END                                                                                               \
	{                                                                                                              \
		.name = NULL                                                                                           \
	}

/* The texts of a LIST option. Elements are owned by the list: plait_option_list_release(). */
struct plait_option_list {
	PLAIT_VEC(char *) texts;
};

/* The further exit statuses of a command that starts one. */
#define PLAIT_STATUSES_OF_LAUNCH                                                                                       \
	".TP\n126, 127\nthe command to be run cannot be executed, or is not there\n.TP\nany other\nthat of the "       \
	"command"

struct plait_command {
	const char *name;
	const char *synopsis; /* what follows the name in the usage line */
	const char *summary;  /* one line */
	const char *details;  /* paragraphs for --help; NULL: none */
	const char *statuses; /* exit statuses besides 0, 1 and 2, as man pages have them (".TP\n3\n..."); NULL: none */
	const struct plait_option *options;
	int (*run)(const struct plait_command *command, int argc, char **argv); /* returns the exit status */
};

/* Parses argv[1..] into the fields of `values`. Options end at "--" (skipped) or, with `stop_at_word`, at the first
 * word that is not one; else words and options may be mixed, and words are moved to the end of argv.
 * `*ret_first` is the index of the first word. `*ret_help` is set when --help or -h was given. A wrong word is
 * PLAIT_ERROR_USAGE. */
struct plait_error *plait_options_parse(const struct plait_command *command, int argc, char **argv, void *values,
					bool stop_at_word, int *ret_first, bool *ret_help);

/* Prints the command's help to stdout. */
void plait_options_print_help(const struct plait_command *command);

void plait_option_list_release(struct plait_option_list *list);

/* The name in `names` (NULL-terminated) that is nearest to `word`, or NULL when none is near. */
const char *plait_nearest_name(const char *word, const char *const *names);

#endif
