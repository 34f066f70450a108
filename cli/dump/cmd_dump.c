/* plait dump: what every thread of a process does now. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/dump/collect.h"
#include "cli/input.h"
#include "cli/pids.h"
#include "cli/terminal.h"
#include "common/map.h"
#include "output/render/source.h"
#include "perf/process/proc.h"
#include "perf/ptrace/capture.h"

enum { LINE_SIZE = 256 };

struct dump_options {
	struct plait_option_list pids;
	bool all, json, full, no_stop, locals;
	const char *color;
};

static const struct plait_option options[] = {
	PLAIT_OPTION(struct dump_options, pids, "pid", 'p', PLAIT_OPTION_LIST, "PID",
		     "the process (repeatable, comma-separated)"),
	PLAIT_OPTION(struct dump_options, all, "all", 'a', PLAIT_OPTION_FLAG, NULL,
		     "and every process that it has started"),
	PLAIT_OPTION(struct dump_options, locals, "locals", 'l', PLAIT_OPTION_FLAG, NULL,
		     "show the local variables of Python functions"),
	PLAIT_OPTION(struct dump_options, no_stop, "no-stop", 0, PLAIT_OPTION_FLAG, NULL,
		     "leave out the threads that would have to be stopped for a moment"),
	PLAIT_OPTION(struct dump_options, full, "full", 0, PLAIT_OPTION_FLAG, NULL,
		     "show the frames that only pass calls on inside CPython, too"),
	PLAIT_OPTION(struct dump_options, json, "json", 0, PLAIT_OPTION_FLAG, NULL, "print JSON (docs/dump.md)"),
	PLAIT_OPTION_CHOICE(struct dump_options, color, "color", 0, "WHEN", "auto always never",
			    "auto, always or never (default auto)"),
	PLAIT_OPTION_END,
};

/* Appends the descendants of `pids`. */
static struct plait_error *add_descendants(struct plait_number_list *pids)
{
	struct plait_map parents = { 0 };
	struct plait_error *error = plait_proc_parents(&parents);
	for (size_t i = 0; !error && i < pids->numbers.count; i++) {
		for (size_t k = 0; k < parents.capacity; k++) {
			if (!parents.slots[k].used || parents.slots[k].value != (uint64_t)pids->numbers.data[i] ||
			    parents.slots[k].key == (uint64_t)getpid())
				continue;
			if (!plait_vec_push(&pids->numbers, (int)parents.slots[k].key))
				error = plait_error_no_memory();
		}
	}
	plait_map_release(&parents);
	return error;
}

static struct plait_error *find_pids(const struct dump_options *values, struct plait_number_list *ret)
{
	if (!values->pids.texts.count)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_USAGE, "dump needs a process: -p PID"),
					  "for example: plait dump -p 4242");
	PLAIT_TRY(plait_pids_parse(&values->pids, ret));
	for (size_t i = 0; i < ret->numbers.count; i++)
		PLAIT_TRY(plait_capture_allowed(ret->numbers.data[i], false));
	return values->all ? add_descendants(ret) : NULL;
}

static struct plait_error *show(const struct dump_options *values, const char *recording,
				const struct plait_dump_list *list)
{
	struct plait_profile *profile;
	struct plait_error *damage = NULL;
	PLAIT_TRY(plait_input_read(recording, NULL, &profile, &damage));
	plait_error_free(damage);
	struct plait_dump dump = { .threads = list->threads.data, .count = list->threads.count, .full = values->full };
	struct plait_source_cache *sources = plait_source_cache_create(profile, LINE_SIZE);
	struct plait_render_options render = {
		.columns = plait_terminal_columns(STDOUT_FILENO),
		.ascii = plait_terminal_is_ascii(),
		.source_line = sources ? plait_source_read_line : NULL,
		.source_context = sources,
	};
	struct plait_error *error = plait_terminal_color(values->color, STDOUT_FILENO, &render.color);
	if (!error && values->json)
		error = plait_dump_write_json(profile, &dump, stdout);
	else if (!error)
		error = plait_dump_write_text(profile, &dump, &render, stdout);
	plait_source_cache_destroy(sources);
	plait_profile_destroy(profile);
	return error;
}

/* The stacks lie in a recording for a moment, in a folder of its own. */
static struct plait_error *dump(const struct dump_options *values, const struct plait_number_list *pids)
{
	const char *folder = getenv("TMPDIR");
	char name[PATH_MAX], recording[PATH_MAX + 16];
	snprintf(name, sizeof(name), "%s/plait-dump-XXXXXX", folder && *folder ? folder : "/tmp");
	if (!mkdtemp(name))
		return plait_error_new(PLAIT_ERROR_SYSTEM, "no folder can be made in %s",
				       folder && *folder ? folder : "/tmp");
	snprintf(recording, sizeof(recording), "%s/stacks.plait", name);
	struct plait_dump_options options = { .pids = pids->numbers.data,
					      .pid_count = pids->numbers.count,
					      .no_stop = values->no_stop,
					      .locals = values->locals };
	struct plait_dump_list list = { 0 };
	struct plait_error *error = plait_dump_collect(&options, recording, &list);
	if (!error)
		error = show(values, recording, &list);
	unlink(recording);
	rmdir(name);
	plait_dump_list_release(&list);
	return error;
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	struct dump_options values = { 0 };
	struct plait_number_list pids = { 0 };
	int first;
	bool help;
	int status = PLAIT_EXIT_OK;
	struct plait_error *error = plait_options_parse(command, argc, argv, &values, false, &first, &help);
	if (!error && help) {
		plait_options_print_help(command);
	} else {
		if (!error && first < argc)
			error = plait_error_new(PLAIT_ERROR_USAGE, "dump takes no argument but its options: '%s'",
						argv[first]);
		if (!error)
			error = find_pids(&values, &pids);
		if (!error)
			error = dump(&values, &pids);
		if (error)
			status = plait_fail(error);
	}
	plait_vec_free(&pids.numbers);
	plait_option_list_release(&values.pids);
	return status;
}

const struct plait_command plait_command_dump = {
	.name = "dump",
	.synopsis = "[OPTION...] -p PID",
	.summary = "print what every thread of a process does now, as one stack of Python and native code",
	.details = "Sleeping threads are not stopped; running ones are only where perf events or BPF are refused, for "
		   "less\n"
		   "than a millisecond each. docs/dump.md has the details.\n",
	.options = options,
	.run = run,
};
