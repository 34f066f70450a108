/* plait list: what this host can count. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "output/render/json_writer.h"
#include "output/render/line.h"
#include "perf/event/catalog.h"

struct list_options {
	bool json, no_pager;
	const char *color;
};

static const struct plait_option options[] = {
	PLAIT_OPTION(struct list_options, json, "json", 0, PLAIT_OPTION_FLAG, NULL, "write JSON"),
	PLAIT_OPTION_CHOICE(struct list_options, color, "color", 0, "WHEN", "auto always never",
			    "auto, always or never"),
	PLAIT_OPTION(struct list_options, no_pager, "no-pager", 0, PLAIT_OPTION_FLAG, NULL,
		     "do not page on a terminal"),
	PLAIT_OPTION_END,
};

enum { NAME_WIDTH = 34, REASONS = 16 };

/* What is being written. */
struct listing {
	const char *word; /* NULL: everything, but for what is long */
	FILE *out;
	struct plait_render_options render;
	struct plait_json json;
	bool as_json;
	int source;	/* of the entry before; -1: none */
	size_t skipped; /* entries of this source that only a WORD shows */
	size_t shown;
	char *reasons[REASONS]; /* owned; why events are marked, each once */
	size_t reason_count;
};

static const char *const titles[PLAIT_CATALOG_SOURCES] = {
	[PLAIT_CATALOG_GROUP] = "predefined groups (record -M NAME, stat -M NAME)",
	[PLAIT_CATALOG_SOFTWARE] = "counted by the kernel",
	[PLAIT_CATALOG_HARDWARE] = "processor and caches, generic names",
	[PLAIT_CATALOG_PMU] = "PMUs, as the kernel describes them (PMU/NAME,TERM=VALUE/)",
	[PLAIT_CATALOG_PROCESSOR] = "this processor's own events (EVENT:UMASK)",
	[PLAIT_CATALOG_TRACEPOINT] = "tracepoints",
};

static const char *const sources[PLAIT_CATALOG_SOURCES] = {
	[PLAIT_CATALOG_GROUP] = "group",	   [PLAIT_CATALOG_SOFTWARE] = "software",
	[PLAIT_CATALOG_HARDWARE] = "hardware",	   [PLAIT_CATALOG_PMU] = "pmu",
	[PLAIT_CATALOG_PROCESSOR] = "processor",   [PLAIT_CATALOG_UMASK] = "umask",
	[PLAIT_CATALOG_TRACEPOINT] = "tracepoint",
};

static bool holds(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

static bool filter(void *context, enum plait_catalog_source source, const char *name, const char *description)
{
	struct listing *listing = context;
	if (listing->word)
		return holds(name, listing->word) || holds(description, listing->word);
	if (listing->as_json || (source != PLAIT_CATALOG_UMASK && source != PLAIT_CATALOG_TRACEPOINT))
		return true;
	listing->skipped += source == PLAIT_CATALOG_TRACEPOINT;
	return false;
}

/* A refusal without what it is about: "group NAME is EVENTS: ", "event NAME: ", "opening event NAME: ". */
static const char *reason_of(const char *refusal)
{
	const char *event = strncmp(refusal, "group ", 6) == 0 ? strstr(refusal, ": event ") : NULL;
	const char *text = event ? event + 2 : refusal;
	bool named = strncmp(text, "event ", 6) == 0 || strncmp(text, "opening event ", 14) == 0;
	const char *colon = named ? strstr(text, ": ") : NULL;
	return colon ? colon + 2 : text;
}

/* The number of a reason, counted from 1; 0: there are too many. */
static size_t reason_number(struct listing *listing, const struct plait_catalog_entry *entry)
{
	const char *text = reason_of(entry->refusal);
	for (size_t i = 0; i < listing->reason_count; i++) {
		if (strcmp(listing->reasons[i], text) == 0)
			return i + 1;
	}
	if (listing->reason_count == REASONS || !(listing->reasons[listing->reason_count] = strdup(text)))
		return 0;
	return ++listing->reason_count;
}

static void put_title(struct listing *listing, int source)
{
	struct plait_line line = { .out = listing->out, .options = &listing->render };
	if (listing->source >= 0)
		fputc('\n', listing->out);
	plait_line_put(&line, PLAIT_STYLE_STRONG, titles[source], UINT32_MAX);
	plait_line_end(&line);
	listing->source = source;
}

static void put_text(struct listing *listing, const struct plait_catalog_entry *entry)
{
	struct plait_line line = { .out = listing->out, .options = &listing->render };
	bool umask = entry->source == PLAIT_CATALOG_UMASK;
	int source = umask ? PLAIT_CATALOG_PROCESSOR : (int)entry->source;
	if (source != listing->source)
		put_title(listing, source);
	enum plait_style style = entry->refusal ? PLAIT_STYLE_DIM : PLAIT_STYLE_PLAIN;
	if (entry->refusal)
		plait_line_format(&line, PLAIT_STYLE_DIM, "-%zu", reason_number(listing, entry));
	plait_line_move(&line, umask ? 6 : 4);
	plait_line_put(&line, style, entry->name, UINT32_MAX);
	if (*entry->description) {
		plait_line_move(&line, line.column + 2 > NAME_WIDTH ? line.column + 2 : NAME_WIDTH);
		plait_line_put(&line, PLAIT_STYLE_DIM, entry->description, UINT32_MAX);
	}
	plait_line_end(&line);
}

static void put_json(struct listing *listing, const struct plait_catalog_entry *entry)
{
	fputc('\n', listing->out);
	plait_json_open(&listing->json, NULL, '{');
	plait_json_string(&listing->json, "source", sources[entry->source]);
	plait_json_string(&listing->json, "name", entry->name);
	plait_json_string(&listing->json, "description", entry->description);
	plait_json_bool(&listing->json, "counts", !entry->refusal);
	plait_json_string(&listing->json, "reason", entry->refusal ? entry->refusal : "");
	plait_json_close(&listing->json, '}');
}

static void show(void *context, const struct plait_catalog_entry *entry)
{
	struct listing *listing = context;
	listing->shown++;
	if (listing->as_json)
		put_json(listing, entry);
	else
		put_text(listing, entry);
}

/* What the names do not say. */
static void put_more(struct listing *listing)
{
	FILE *out = listing->out;
	if (!listing->word) {
		fprintf(out, "\ntracepoints: %zu of them (plait list WORD), for example sched:sched_switch\n",
			listing->skipped);
		fputs("probes:      uprobe:/path/lib.so:FUNCTION, uretprobe:/path/lib.so:FUNCTION\n"
		      "breakpoints: mem:0xADDRESS/8:w\n"
		      "raw codes:   r01c2, cpu/event=0xc2,umask=0x01/\n",
		      out);
		fputs("\nplait list WORD shows every name and description with WORD in it, umasks and tracepoints "
		      "too.\n",
		      out);
	}
	if (listing->reason_count)
		fputs("\nnot countable here:\n", out);
	for (size_t i = 0; i < listing->reason_count; i++)
		fprintf(out, "-%zu  %s\n", i + 1, listing->reasons[i]);
}

static struct plait_error *list(const struct list_options *values, const char *word)
{
	const struct plait_event_roots roots = { .sysfs = "/sys" };
	struct listing listing = {
		.word = word,
		.as_json = values->json,
		.source = -1,
		.render = { .columns = plait_terminal_columns(STDOUT_FILENO), .ascii = plait_terminal_is_ascii() },
	};
	PLAIT_TRY(plait_terminal_color(values->color, STDOUT_FILENO, &listing.render.color));
	struct plait_pager pager;
	plait_pager_start(&pager, !values->no_pager && !values->json);
	listing.out = listing.json.out = pager.out;
	if (values->json)
		plait_json_open(&listing.json, NULL, '[');
	plait_catalog_each(&roots, filter, show, &listing);
	if (values->json) {
		plait_json_close(&listing.json, ']');
		fputc('\n', listing.out);
	} else {
		put_more(&listing);
	}
	for (size_t i = 0; i < listing.reason_count; i++)
		free(listing.reasons[i]);
	struct plait_error *error = plait_pager_finish(&pager);
	if (!error && !listing.shown)
		error = plait_error_advise(plait_error_new(PLAIT_ERROR_NOT_FOUND, "no event has '%s' in it", word),
					   "plait list shows them all");
	return error;
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	struct list_options values = { 0 };
	int first, status;
	if (!plait_command_begin(command, argc, argv, &values, false, &first, &status))
		return status;
	struct plait_error *error = NULL;
	if (argc - first > 1)
		error = plait_error_new(PLAIT_ERROR_USAGE, "list takes one word, not %d", argc - first);
	if (!error)
		error = list(&values, first < argc ? argv[first] : NULL);
	return error ? plait_fail(error) : PLAIT_EXIT_OK;
}

const struct plait_command plait_command_list = {
	.name = "list",
	.synopsis = "[OPTION...] [WORD]",
	.summary = "show the events that this host can count",
	.details = "With WORD: those with it in their name or description, umasks and tracepoints too.\n",
	.options = options,
	.run = run,
};
