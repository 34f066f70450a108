/* plait manual: man pages, from the same option tables as --help. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

static const struct plait_option options[] = { PLAIT_OPTION_END };

/* Text for roff: no character is taken for a command or a hyphenation. */
static void put_text(const char *text)
{
	bool start = true;
	for (; *text; text++) {
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
		start = *text == '\n';
	}
}

static void put_upper(const char *text)
{
	for (; *text; text++)
		putchar(toupper((unsigned char)*text));
}

static void put_option(const struct plait_option *option)
{
	puts(".TP");
	fputs("\\fB", stdout);
	if (option->letter)
		printf("\\-%c\\fR, \\fB", option->letter);
	fputs("\\-\\-", stdout);
	put_text(option->name);
	fputs("\\fR", stdout);
	if (option->argument)
		printf(" \\fI%s\\fR", option->argument);
	putchar('\n');
	put_text(option->help);
	putchar('\n');
}

static void put_statuses(const char *further)
{
	puts(".SH EXIT STATUS\n.TP\n0\nsuccess\n.TP\n1\nfailure, which is told on standard error\n.TP\n2\nwrong usage");
	if (further)
		puts(further);
}

static void put_command(const struct plait_command *command)
{
	fputs(".TH PLAIT\\-", stdout);
	put_upper(command->name);
	printf(" 1 \"\" \"plait " PLAIT_VERSION "\"\n.SH NAME\nplait\\-%s \\- ", command->name);
	put_text(command->summary);
	printf("\n.SH SYNOPSIS\n\\fBplait %s\\fR ", command->name);
	put_text(command->synopsis);
	puts("\n.SH OPTIONS");
	for (const struct plait_option *option = command->options; option->name; option++)
		put_option(option);
	puts(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nshow a summary of the options");
	if (command->details) {
		puts(".SH NOTES\n.nf");
		put_text(command->details);
		puts(".fi");
	}
	put_statuses(command->statuses);
	puts(".SH SEE ALSO\n\\fBplait\\fR(1)");
}

static void put_overview(void)
{
	puts(".TH PLAIT 1 \"\" \"plait " PLAIT_VERSION "\"\n.SH NAME\n"
	     "plait \\- a sampling profiler that shows native code and Python code as one stack\n.SH SYNOPSIS\n"
	     "\\fBplait\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH COMMANDS");
	for (const struct plait_command *const *command = plait_commands; *command; command++) {
		printf(".TP\n\\fBplait\\-%s\\fR(1)\n", (*command)->name);
		put_text((*command)->summary);
		putchar('\n');
	}
	put_statuses(PLAIT_STATUSES_OF_LAUNCH);
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	int first, status;
	if (!plait_command_begin(command, argc, argv, NULL, false, &first, &status))
		return status;
	if (argc == first) {
		put_overview();
		return PLAIT_EXIT_OK;
	}
	for (const struct plait_command *const *of = plait_commands; *of; of++) {
		if (strcmp((*of)->name, argv[first]) == 0) {
			put_command(*of);
			return PLAIT_EXIT_OK;
		}
	}
	return plait_fail(plait_error_new(PLAIT_ERROR_USAGE, "there is no command '%s'", argv[first]));
}

const struct plait_command plait_command_manual = {
	.name = "manual",
	.synopsis = "[COMMAND]",
	.summary = "print the man page of plait or of a command",
	.details = "plait manual record | man -l -\n",
	.options = options,
	.run = run,
};
