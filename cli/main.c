/* plait: the command table and the way into it. */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

/* clang-format off */
const struct plait_command *const plait_commands[] = {
	&plait_command_record, /* in the order of the help */
	&plait_command_report,
	&plait_command_view,
	&plait_command_annotate,
	&plait_command_export,
	&plait_command_diff,
	&plait_command_merge,
	&plait_command_script,
	&plait_command_stat,
	&plait_command_list,
	&plait_command_doctor,
	&plait_command_dump,
	&plait_command_completions,
	&plait_command_manual,
	NULL,
};
/* clang-format on */

int plait_fail(struct plait_error *error)
{
	int status = error->code == PLAIT_ERROR_USAGE ? PLAIT_EXIT_USAGE : PLAIT_EXIT_FAILURE;
	fprintf(stderr, "plait: %s\n", error->message);
	if (error->advice)
		fprintf(stderr, "       %s\n", error->advice);
	plait_error_free(error);
	return status;
}

bool plait_command_begin(const struct plait_command *command, int argc, char **argv, void *values, bool stop_at_word,
			 int *ret_first, int *ret_status)
{
	bool help;
	struct plait_error *error = plait_options_parse(command, argc, argv, values, stop_at_word, ret_first, &help);
	if (!error && !help)
		return true;
	if (!error)
		plait_options_print_help(command);
	*ret_status = error ? plait_fail(error) : PLAIT_EXIT_OK;
	return false;
}

void plait_say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("plait: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

static void print_usage(FILE *file)
{
	fputs("usage: plait COMMAND [OPTION...]\n\n"
	      "A sampling profiler that shows native code and Python code as one stack.\n\n",
	      file);
	for (const struct plait_command *const *command = plait_commands; *command; command++)
		fprintf(file, "  %-11s %s\n", (*command)->name, (*command)->summary);
	fputs("\nplait COMMAND --help shows the options of a command; plait --version shows the version.\n", file);
}

static int unknown_command(const char *word)
{
	const char *names[32];
	size_t count = 0;
	for (const struct plait_command *const *command = plait_commands; *command; command++)
		names[count++] = (*command)->name;
	names[count] = NULL;
	struct plait_error *error = plait_error_new(PLAIT_ERROR_USAGE, "there is no command '%s'", word);
	const char *nearest = plait_nearest_name(word, names);
	if (nearest)
		return plait_fail(plait_error_advise(error, "did you mean plait %s?", nearest));
	return plait_fail(plait_error_advise(error, "plait --help lists the commands"));
}

int main(int argc, char **argv)
{
	setlocale(LC_ALL, "");
	if (argc < 2) {
		print_usage(stderr);
		return PLAIT_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return PLAIT_EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts("plait " PLAIT_VERSION);
		return PLAIT_EXIT_OK;
	}
	for (const struct plait_command *const *command = plait_commands; *command; command++) {
		if (strcmp(argv[1], (*command)->name) == 0)
			return (*command)->run(*command, argc - 1, argv + 1);
	}
	return unknown_command(argv[1]);
}
