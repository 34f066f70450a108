#include "output/model/selection.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

struct plait_selection {
	const struct plait_profile *profile;
	uint32_t event;
	bool *threads; /* by thread; NULL: all */
	bool *nodes;   /* by node: a pattern matches in its stack; NULL: all */
	bool hide[PLAIT_LABEL_THREAD + 1];
	bool hide_gaps;
};

static bool *all_false(size_t count)
{
	return calloc(count + 1, sizeof(bool));
}

enum what { EVENT, THREAD, PROCESS };

/* Writes the name of event, thread or process `index`. */
static void put_name(FILE *out, const struct plait_profile *profile, enum what what, size_t index)
{
	if (what == EVENT) {
		fputs(profile->events.data[index].record.name, out);
	} else if (what == THREAD) {
		const struct plait_record_thread *thread = &profile->threads.data[index].record;
		fprintf(out, "%u (%s)", thread->tid, thread->name);
	} else {
		const struct plait_record_process *process = &profile->processes.data[index].record;
		fprintf(out, "%u (%s)", process->pid, process->name);
	}
}

/* The error for a name that the recording has not; the advice lists the first of those that it has. */
static struct plait_error *unknown(const struct plait_profile *profile, enum what what, const char *name)
{
	static const char *const nouns[] = { "event", "thread", "process" };
	enum { LISTED = 8 };
	char *names = NULL;
	size_t size;
	FILE *out = open_memstream(&names, &size);
	if (!out)
		return plait_error_no_memory();
	size_t count = what == EVENT	? profile->events.count
		       : what == THREAD ? profile->threads.count
					: profile->processes.count;
	for (size_t i = 0; i < count && i < LISTED; i++) {
		fputs(i ? ", " : "", out);
		put_name(out, profile, what, i);
	}
	fputs(count > LISTED ? ", ..." : "", out);
	fclose(out);
	struct plait_error *error =
		plait_error_new(PLAIT_ERROR_USAGE, "the recording has no %s '%s'", nouns[what], name);
	if (count && names)
		error = plait_error_advise(error, "it has: %s", names);
	free(names);
	return error;
}

static struct plait_error *choose_event(struct plait_selection *selection, const struct plait_view_options *options)
{
	const struct plait_profile *profile = selection->profile;
	selection->event = PLAIT_NONE;
	if (options->all_events)
		return NULL;
	for (uint32_t i = 0; i < profile->events.count; i++) {
		const struct plait_profile_event *event = &profile->events.data[i];
		if (options->event ? strcmp(event->record.name, options->event) == 0 : event->trust.samples > 0) {
			selection->event = i;
			return NULL;
		}
	}
	if (options->event)
		return unknown(profile, EVENT, options->event);
	selection->event = profile->events.count ? 0 : PLAIT_NONE;
	return NULL;
}

/* The number that `text` is, or UINT32_MAX (which no thread has). */
static uint32_t number_of(const char *text)
{
	uint64_t number = 0;
	for (const char *at = text; *at; at++) {
		if (!isdigit((unsigned char)*at) || number > UINT32_MAX / 10)
			return UINT32_MAX;
		number = number * 10 + (uint64_t)(*at - '0');
	}
	return *text && number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

static struct plait_error *select_threads(struct plait_selection *selection, const struct plait_view_options *options,
					  bool *ret_threads)
{
	const struct plait_profile *profile = selection->profile;
	for (size_t i = 0; i < options->thread_count; i++) {
		const char *wanted = options->threads[i];
		uint32_t tid = number_of(wanted);
		bool found = false;
		for (size_t j = 0; j < profile->threads.count; j++) {
			const struct plait_record_thread *thread = &profile->threads.data[j].record;
			if ((tid != UINT32_MAX && thread->tid == tid) || strcmp(thread->name, wanted) == 0)
				ret_threads[j] = found = true;
		}
		if (!found)
			return unknown(profile, THREAD, wanted);
	}
	return NULL;
}

/* Keeps of `threads` only those of the processes that are asked for. */
static struct plait_error *select_processes(struct plait_selection *selection, const struct plait_view_options *options,
					    bool *threads)
{
	const struct plait_profile *profile = selection->profile;
	bool *processes PLAIT_FREE = all_false(profile->processes.count);
	if (!processes)
		return plait_error_no_memory();
	for (size_t i = 0; i < options->pid_count; i++) {
		uint32_t pid = number_of(options->pids[i]);
		bool found = false;
		for (size_t j = 0; j < profile->processes.count; j++) {
			if (pid != UINT32_MAX && profile->processes.data[j].record.pid == pid)
				processes[j] = found = true;
		}
		if (!found)
			return unknown(profile, PROCESS, options->pids[i]);
	}
	for (size_t i = 0; i < profile->threads.count; i++)
		threads[i] = threads[i] && processes[profile->threads.data[i].record.process];
	return NULL;
}

static struct plait_error *choose_threads(struct plait_selection *selection, const struct plait_view_options *options)
{
	if (!options->thread_count && !options->pid_count)
		return NULL;
	size_t count = selection->profile->threads.count;
	selection->threads = all_false(count);
	if (!selection->threads)
		return plait_error_no_memory();
	if (options->thread_count)
		PLAIT_TRY(select_threads(selection, options, selection->threads));
	else
		memset(selection->threads, true, count);
	return options->pid_count ? select_processes(selection, options, selection->threads) : NULL;
}

/* Sets `matches` of every label whose text matches `pattern`. */
static struct plait_error *match_labels(const struct plait_profile *profile, const char *pattern, bool *matches)
{
	regex_t regex;
	int result = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (result != 0) {
		char why[128];
		regerror(result, &regex, why, sizeof(why));
		struct plait_error *error =
			plait_error_new(PLAIT_ERROR_USAGE, "cannot filter by '%s': %s", pattern, why);
		return plait_error_advise(error, "give a part of a name, or an extended regular expression (grep -E)");
	}
	for (size_t i = 0; i < profile->labels.all.count; i++)
		matches[i] = matches[i] || regexec(&regex, profile->labels.all.data[i].text, 0, NULL, 0) == 0;
	regfree(&regex);
	return NULL;
}

static bool frame_matches(const struct plait_profile *profile, uint32_t index, const bool *labels)
{
	const struct plait_profile_frame *frame = &profile->frames.data[index];
	for (uint32_t i = 0; i < frame->label_count; i++) {
		if (labels[profile->frame_labels.data[frame->labels + i]])
			return true;
	}
	return false;
}

static struct plait_error *choose_nodes(struct plait_selection *selection, const struct plait_view_options *options)
{
	const struct plait_profile *profile = selection->profile;
	if (!options->pattern_count)
		return NULL;
	bool *labels PLAIT_FREE = all_false(profile->labels.all.count);
	selection->nodes = all_false(profile->nodes.count);
	if (!labels || !selection->nodes)
		return plait_error_no_memory();
	for (size_t i = 0; i < options->pattern_count; i++)
		PLAIT_TRY(match_labels(profile, options->patterns[i], labels));
	for (size_t i = 0; i < profile->nodes.count; i++) {
		const struct plait_record_node *node = &profile->nodes.data[i];
		selection->nodes[i] = (node->parent != PLAIT_NONE && selection->nodes[node->parent]) ||
				      frame_matches(profile, node->frame, labels);
	}
	return NULL;
}

static struct plait_error *fill(struct plait_selection *selection, const struct plait_view_options *options)
{
	selection->hide[PLAIT_LABEL_PYTHON] = options->no_python;
	selection->hide[PLAIT_LABEL_NATIVE] = options->no_native;
	selection->hide[PLAIT_LABEL_KERNEL] = options->no_kernel;
	selection->hide_gaps = options->no_native;
	PLAIT_TRY(choose_event(selection, options));
	PLAIT_TRY(choose_threads(selection, options));
	return choose_nodes(selection, options);
}

struct plait_error *plait_selection_create(const struct plait_profile *profile,
					   const struct plait_view_options *options, struct plait_selection **ret)
{
	struct plait_selection *selection = calloc(1, sizeof(*selection));
	if (!selection)
		return plait_error_no_memory();
	selection->profile = profile;
	struct plait_error *error = fill(selection, options);
	if (error) {
		plait_selection_destroy(selection);
		return error;
	}
	*ret = selection;
	return NULL;
}

void plait_selection_destroy(struct plait_selection *selection)
{
	if (!selection)
		return;
	free(selection->threads);
	free(selection->nodes);
	free(selection);
}

bool plait_selection_takes(const struct plait_selection *selection, uint32_t thread, uint32_t event, uint32_t node)
{
	if (selection->event != PLAIT_NONE && event != selection->event)
		return false;
	if (selection->threads && !selection->threads[thread])
		return false;
	return !selection->nodes || (node != PLAIT_NONE && selection->nodes[node]);
}

bool plait_selection_shows(const struct plait_selection *selection, uint32_t label)
{
	const struct plait_label *shown = &selection->profile->labels.all.data[label];
	if (selection->hide_gaps && shown->kind == PLAIT_LABEL_MARKER && strcmp(shown->name, "[gap]") == 0)
		return false;
	return !selection->hide[shown->kind];
}

uint32_t plait_selection_event(const struct plait_selection *selection)
{
	return selection->event;
}

bool plait_selection_narrows(const struct plait_selection *selection)
{
	return selection->threads || selection->nodes;
}
