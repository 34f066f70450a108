/* plait completions: what bash, zsh and fish complete, from the same option tables as --help. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

static const struct plait_option options[] = { PLAIT_OPTION_END };

/* The text with what a shell sees in single quotes made harmless: 'it'\''s'. */
static void put_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
	putchar('\'');
}

/* Every option of a command, "--help" behind them. */
static void put_bash_options(const struct plait_command *command)
{
	for (const struct plait_option *option = command->options; option->name; option++) {
		printf("--%s ", option->name);
		if (option->letter)
			printf("-%c ", option->letter);
	}
	fputs("--help -h", stdout);
}

/* What may follow an option that takes something: choices, or words of the shell's own kinds. */
static void put_bash_values(const struct plait_option *option)
{
	printf("\t\t--%s", option->name);
	if (option->letter)
		printf("|-%c", option->letter);
	if (option->choices)
		printf(") mapfile -t COMPREPLY < <(compgen -W \"%s\" -- \"$cur\");", option->choices);
	else if (strcmp(option->argument, "FILE") == 0)
		printf(") compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\");");
	else if (strcmp(option->argument, "PID") == 0)
		printf(") mapfile -t COMPREPLY < <(compgen -W \"$(cd /proc && echo [0-9]*)\" -- \"$cur\");");
	else
		printf(") COMPREPLY=();");
	puts(" return;;");
}

static void put_bash(void)
{
	puts("# bash completion of plait: eval \"$(plait completions bash)\", or a file in bash-completion's folder\n"
	     "_plait() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} i\n"
	     "\tif [ \"$COMP_CWORD\" -eq 1 ]; then");
	fputs("\t\tmapfile -t COMPREPLY < <(compgen -W \"", stdout);
	for (const struct plait_command *const *command = plait_commands; *command; command++)
		printf("%s ", (*command)->name);
	puts("help --help --version\" -- \"$cur\")\n\t\treturn\n\tfi\n"
	     "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	     "\t\tif [ \"${COMP_WORDS[i]}\" = -- ]; then\n"
	     "\t\t\tcompopt -o filenames 2>/dev/null\n"
	     "\t\t\tmapfile -t COMPREPLY < <(if [ $((i + 1)) -eq \"$COMP_CWORD\" ]; then compgen -c -- \"$cur\"; else "
	     "compgen -f -- \"$cur\"; fi)\n\t\t\treturn\n\t\tfi\n\tdone\n\tcase $command in");
	for (const struct plait_command *const *command = plait_commands; *command; command++) {
		printf("\t%s)\n\t\tcase $prev in\n", (*command)->name);
		for (const struct plait_option *option = (*command)->options; option->name; option++)
			if (option->kind != PLAIT_OPTION_FLAG)
				put_bash_values(option);
		fputs("\t\tesac\n\t\tcase $cur in\n\t\t-*) mapfile -t COMPREPLY < <(compgen -W \"", stdout);
		put_bash_options(*command);
		puts("\" -- \"$cur\"); return;;\n\t\tesac;;");
	}
	puts("\tesac\n\tcompopt -o filenames 2>/dev/null\n\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n}\n"
	     "complete -F _plait plait");
}

/* The text inside of a zsh specification's brackets. */
static void put_zsh_text(const char *text)
{
	for (; *text; text++) {
		if (strchr("[]:\\", *text))
			putchar('\\');
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
}

static void put_zsh_option(const struct plait_option *option)
{
	bool many = option->kind == PLAIT_OPTION_LIST || option->kind == PLAIT_OPTION_TEXTS;
	const char *star = many ? "*" : "";
	if (option->letter)
		printf("\t\t\t%s{-%c,--%s}'[", many ? "'*'" : "", option->letter, option->name);
	else
		printf("\t\t\t'%s--%s[", star, option->name);
	put_zsh_text(option->help);
	putchar(']');
	if (option->kind != PLAIT_OPTION_FLAG) {
		printf(":%s:", option->argument);
		if (option->choices)
			printf("(%s)", option->choices);
		else if (strcmp(option->argument, "FILE") == 0)
			fputs("_files", stdout);
		else if (strcmp(option->argument, "PID") == 0)
			fputs("_pids", stdout);
	}
	puts("' \\");
}

static void put_zsh(void)
{
	puts("#compdef plait\n# zsh completion of plait: a file _plait in a folder of $fpath\n_plait() {\n"
	     "\tlocal -a commands\n\tcommands=(");
	for (const struct plait_command *const *command = plait_commands; *command; command++) {
		printf("\t\t'%s:", (*command)->name);
		put_zsh_text((*command)->summary);
		puts("'");
	}
	puts("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command commands\n\t\treturn\n\tfi\n"
	     "\tlocal command=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n\tcase $command in");
	for (const struct plait_command *const *command = plait_commands; *command; command++) {
		printf("\t%s)\n\t\t_arguments -s \\\n", (*command)->name);
		for (const struct plait_option *option = (*command)->options; option->name; option++)
			put_zsh_option(option);
		puts("\t\t\t{-h,--help}'[show this help]' \\\n\t\t\t'*:: :_normal -p plait';;");
	}
	puts("\tesac\n}\n_plait \"$@\"");
}

static void put_fish(void)
{
	puts("# fish completion of plait: plait completions fish | source\ncomplete -c plait -n __fish_use_subcommand "
	     "-f");
	for (const struct plait_command *const *command = plait_commands; *command; command++) {
		printf("complete -c plait -n __fish_use_subcommand -f -a %s -d ", (*command)->name);
		put_quoted((*command)->summary);
		putchar('\n');
		for (const struct plait_option *option = (*command)->options; option->name; option++) {
			printf("complete -c plait -n '__fish_seen_subcommand_from %s' -l %s", (*command)->name,
			       option->name);
			if (option->letter)
				printf(" -s %c", option->letter);
			if (option->choices)
				printf(" -x -a '%s'", option->choices);
			else if (option->kind != PLAIT_OPTION_FLAG && strcmp(option->argument, "PID") == 0)
				fputs(" -x -a '(__fish_complete_pids)'", stdout);
			else if (option->kind != PLAIT_OPTION_FLAG)
				fputs(strcmp(option->argument, "FILE") == 0 ? " -r -F" : " -x", stdout);
			fputs(" -d ", stdout);
			put_quoted(option->help);
			putchar('\n');
		}
		printf("complete -c plait -n '__fish_seen_subcommand_from %s' -l help -s h -d 'show this help'\n",
		       (*command)->name);
	}
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	int first, status;
	if (!plait_command_begin(command, argc, argv, NULL, false, &first, &status))
		return status;
	const char *shell = argc - first == 1 ? argv[first] : "";
	if (strcmp(shell, "bash") == 0)
		put_bash();
	else if (strcmp(shell, "zsh") == 0)
		put_zsh();
	else if (strcmp(shell, "fish") == 0)
		put_fish();
	else
		return plait_fail(plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "which shell?"),
						     "plait completions bash, zsh or fish"));
	return PLAIT_EXIT_OK;
}

const struct plait_command plait_command_completions = {
	.name = "completions",
	.synopsis = "bash|zsh|fish",
	.summary = "print what a shell needs to complete commands and options",
	.details = "bash: eval \"$(plait completions bash)\"   zsh: > _plait in a folder of $fpath\n"
		   "fish: plait completions fish | source\n",
	.options = options,
	.run = run,
};
