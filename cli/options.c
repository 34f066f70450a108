#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

void plait_option_list_release(struct plait_option_list *list)
{
	for (size_t i = 0; i < list->texts.count; i++)
		free(list->texts.data[i]);
	plait_vec_free(&list->texts);
}

static struct plait_error *list_add(struct plait_option_list *list, const char *text, size_t size)
{
	char *copy = strndup(text, size);
	if (!copy || !plait_vec_push(&list->texts, copy)) {
		free(copy);
		return plait_error_no_memory();
	}
	return NULL;
}

/* Splits at commas outside of braces and slashes' event terms ("cpu/event=1,umask=2/" stays whole). */
static struct plait_error *list_split(struct plait_option_list *list, const char *text)
{
	int braces = 0;
	bool slashes = false;
	const char *start = text;
	for (const char *at = text;; at++) {
		if (*at == '{')
			braces++;
		else if (*at == '}')
			braces--;
		else if (*at == '/' && strchr(text, '='))
			slashes = !slashes;
		else if (!*at || (*at == ',' && !braces && !slashes)) {
			if (at > start)
				PLAIT_TRY(list_add(list, start, (size_t)(at - start)));
			if (!*at)
				return NULL;
			start = at + 1;
		}
	}
}

static struct plait_error *wrong_value(const struct plait_option *option, const char *text, const char *wanted)
{
	return plait_error_new(PLAIT_ERROR_USAGE, "--%s: '%s' is not %s", option->name, text, wanted);
}

/* A suffix and what it multiplies by. */
struct suffix {
	const char *text;
	double factor;
};

static bool parse_scaled(const char *text, const struct suffix *suffixes, double *ret)
{
	char *end;
	if (!isdigit((unsigned char)*text) && *text != '.')
		return false;
	errno = 0;
	double value = strtod(text, &end);
	if (end == text || errno || !isfinite(value) || value < 0)
		return false;
	for (const struct suffix *suffix = suffixes; suffix->text; suffix++) {
		if (strcmp(end, suffix->text) == 0) {
			*ret = value * suffix->factor;
			return true;
		}
	}
	return false;
}

static const struct suffix number_suffixes[] = { { "", 1 },    { "k", 1e3 }, { "K", 1e3 },
						 { "m", 1e6 }, { "M", 1e6 }, { 0 } };
static const struct suffix size_suffixes[] = { { "", 1 },
					       { "k", 1024 },
					       { "K", 1024 },
					       { "KiB", 1024 },
					       { "m", 1 << 20 },
					       { "M", 1 << 20 },
					       { "MiB", 1 << 20 },
					       { "g", 1 << 30 },
					       { "G", 1 << 30 },
					       { "GiB", 1 << 30 },
					       { 0 } };
static const struct suffix duration_suffixes[] = { { "", 1 },	{ "s", 1 },    { "ms", 1e-3 },
						   { "m", 60 }, { "h", 3600 }, { 0 } };
static const struct suffix percent_suffixes[] = { { "", 1 }, { "%", 1 }, { 0 } };

static struct plait_error *store_count(const struct plait_option *option, const char *text, void *field,
				       const struct suffix *suffixes, const char *wanted)
{
	double value;
	if (!parse_scaled(text, suffixes, &value) || value != floor(value) || value < 1 || value > 1e18)
		return wrong_value(option, text, wanted);
	*(uint64_t *)field = (uint64_t)value;
	return NULL;
}

static struct plait_error *store(const struct plait_option *option, const char *text, void *values)
{
	void *field = (char *)values + option->offset;
	double value;
	switch (option->kind) {
	case PLAIT_OPTION_FLAG:
		*(bool *)field = true;
		return NULL;
	case PLAIT_OPTION_STRING:
		*(const char **)field = text;
		return NULL;
	case PLAIT_OPTION_LIST:
		return list_split(field, text);
	case PLAIT_OPTION_TEXTS:
		return list_add(field, text, strlen(text));
	case PLAIT_OPTION_NUMBER:
		return store_count(option, text, field, number_suffixes, "a whole number above 0");
	case PLAIT_OPTION_SIZE:
		return store_count(option, text, field, size_suffixes, "a size such as 65536, 64K or 1M");
	case PLAIT_OPTION_DURATION:
		if (!parse_scaled(text, duration_suffixes, &value) || value <= 0)
			return wrong_value(option, text, "a time such as 10, 0.5, 500ms, 2m or 1h");
		*(double *)field = value;
		return NULL;
	case PLAIT_OPTION_PERCENT:
		if (!parse_scaled(text, percent_suffixes, &value) || value > 100)
			return wrong_value(option, text, "a percentage from 0 to 100");
		*(double *)field = value;
		return NULL;
	}
	return NULL;
}

static size_t edit_distance(const char *a, const char *b)
{
	size_t row[65], length_b = strnlen(b, 64);
	for (size_t j = 0; j <= length_b; j++)
		row[j] = j;
	for (size_t i = 0; a[i] && i < 64; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < length_b; j++) {
			size_t substitute = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			size_t least = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
			row[j + 1] = substitute < least ? substitute : least;
		}
	}
	return row[length_b];
}

const char *plait_nearest_name(const char *word, const char *const *names)
{
	const char *nearest = NULL;
	size_t least = strlen(word) / 3 + 2;
	for (; *names; names++) {
		size_t distance = edit_distance(word, *names);
		if (distance < least) {
			least = distance;
			nearest = *names;
		}
	}
	return nearest;
}

static struct plait_error *unknown_option(const struct plait_command *command, const char *word)
{
	const char *names[64];
	size_t count = 0;
	for (const struct plait_option *option = command->options; option->name && count < 63; option++)
		names[count++] = option->name;
	names[count] = NULL;
	const char *nearest = strncmp(word, "--", 2) == 0 ? plait_nearest_name(word + 2, names) : NULL;
	struct plait_error *error =
		plait_error_new(PLAIT_ERROR_USAGE, "plait %s has no option '%s'", command->name, word);
	if (nearest)
		return plait_error_advise(error, "did you mean --%s?", nearest);
	return plait_error_advise(error, "plait %s --help lists the options", command->name);
}

static const struct plait_option *find_long(const struct plait_command *command, const char *name, size_t size)
{
	for (const struct plait_option *option = command->options; option->name; option++) {
		if (strncmp(option->name, name, size) == 0 && !option->name[size])
			return option;
	}
	return NULL;
}

static const struct plait_option *find_letter(const struct plait_command *command, char letter)
{
	for (const struct plait_option *option = command->options; option->name; option++) {
		if (option->letter == letter)
			return option;
	}
	return NULL;
}

/* The state of one parse: what is being read. */
struct parser {
	const struct plait_command *command;
	int argc;
	char **argv;
	int at;
	void *values;
	bool help;
};

/* `inline_value`: what is attached to the option itself, or NULL. */
static struct plait_error *take_option(struct parser *parser, const struct plait_option *option, const char *shown,
				       const char *inline_value)
{
	if (option->kind == PLAIT_OPTION_FLAG) {
		if (inline_value)
			return plait_error_new(PLAIT_ERROR_USAGE, "%s takes no value", shown);
		return store(option, NULL, parser->values);
	}
	if (!inline_value) {
		if (parser->at + 1 >= parser->argc)
			return plait_error_new(PLAIT_ERROR_USAGE, "%s needs a value: %s", shown, option->argument);
		inline_value = parser->argv[++parser->at];
	}
	return store(option, inline_value, parser->values);
}

static struct plait_error *parse_long(struct parser *parser, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t size = equals ? (size_t)(equals - word - 2) : strlen(word + 2);
	if (strcmp(word, "--help") == 0) {
		parser->help = true;
		return NULL;
	}
	const struct plait_option *option = find_long(parser->command, word + 2, size);
	if (!option)
		return unknown_option(parser->command, word);
	return take_option(parser, option, word, equals ? equals + 1 : NULL);
}

/* One word of short options: -a, -ab, -o FILE, -oFILE. */
static struct plait_error *parse_short(struct parser *parser, const char *word)
{
	for (const char *letter = word + 1; *letter; letter++) {
		char shown[3] = { '-', *letter, 0 };
		const struct plait_option *option = find_letter(parser->command, *letter);
		if (*letter == 'h' && !option) {
			parser->help = true;
			continue;
		}
		if (!option)
			return unknown_option(parser->command, shown);
		if (option->kind != PLAIT_OPTION_FLAG)
			return take_option(parser, option, shown, letter[1] ? letter + 1 : NULL);
		PLAIT_TRY(take_option(parser, option, shown, NULL));
	}
	return NULL;
}

struct plait_error *plait_options_parse(const struct plait_command *command, int argc, char **argv, void *values,
					bool stop_at_word, int *ret_first, bool *ret_help)
{
	struct parser parser = { .command = command, .argc = argc, .argv = argv, .at = 1, .values = values };
	char **words PLAIT_FREE = calloc((size_t)argc + 1, sizeof(*words));
	if (!words)
		return plait_error_no_memory();
	int word_count = 0;
	for (; parser.at < argc; parser.at++) {
		char *word = argv[parser.at];
		if (strcmp(word, "--") == 0) {
			parser.at++;
			break;
		}
		bool is_option = word[0] == '-' && word[1];
		if (!is_option && stop_at_word)
			break;
		if (!is_option)
			words[word_count++] = word;
		else
			PLAIT_TRY(word[1] == '-' ? parse_long(&parser, word) : parse_short(&parser, word));
	}
	*ret_first = parser.at - word_count;
	memcpy(&argv[*ret_first], words, (size_t)word_count * sizeof(*words));
	*ret_help = parser.help;
	return NULL;
}

static void print_option(const struct plait_option *option)
{
	char left[64];
	char letter[8] = "    ";
	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name, option->argument ? " " : "",
		 option->argument ? option->argument : "");
	if (strlen(left) > 26)
		printf("  %s\n  %-26s  %s\n", left, "", option->help);
	else
		printf("  %-26s  %s\n", left, option->help);
}

void plait_options_print_help(const struct plait_command *command)
{
	printf("usage: plait %s %s\n\n%s\n\n", command->name, command->synopsis, command->summary);
	for (const struct plait_option *option = command->options; option->name; option++)
		print_option(option);
	printf("  %-26s  %s\n", "-h, --help", "show this help");
	if (command->details)
		printf("\n%s", command->details);
}
