/*
 * Which samples and which frames a report shows.
 */
#ifndef PLAIT_OUTPUT_MODEL_SELECTION_H
#define PLAIT_OUTPUT_MODEL_SELECTION_H

#include "output/model/profile.h"

/* All zero: every sample of the first event that has any. Texts are borrowed. */
struct plait_view_options {
	const char *event;	    /* name of the event; NULL: the first one that has samples */
	bool all_events;	    /* whatever `event` says: samples of all events */
	const char *const *threads; /* only threads with one of these numbers or names */
	size_t thread_count;
	const char *const *pids; /* only these processes: decimal numbers */
	size_t pid_count;
	const char *const *patterns; /* only stacks with a frame whose collapsed text matches one of these extended
				      * regular expressions (a plain word is one, too) */
	size_t pattern_count;
	bool no_python, no_native, no_kernel; /* leave such frames out of the stacks; the samples stay */
	bool by_function;		      /* the tree puts the lines of a Python function together */
	bool by_thread;			      /* the tree and collapsed stacks begin with process and thread */
	bool inverted;			      /* the tree begins with the innermost function: callers below it */
};

struct plait_selection;

/* Compiles `options`. PLAIT_ERROR_USAGE when an event, thread or process is not in the recording, or a pattern is
 * wrong: the advice names what there is. The profile must be finished, and outlive the selection. */
struct plait_error *plait_selection_create(const struct plait_profile *profile,
					   const struct plait_view_options *options, struct plait_selection **ret);
void plait_selection_destroy(struct plait_selection *selection);

/* Whether samples of this thread, event and node (PLAIT_NONE: no stack) are shown. */
bool plait_selection_takes(const struct plait_selection *selection, uint32_t thread, uint32_t event, uint32_t node);

/* Whether frames with this label are shown. */
bool plait_selection_shows(const struct plait_selection *selection, uint32_t label);

/* Index of the event that is shown; PLAIT_NONE: all events, or the recording has none. */
uint32_t plait_selection_event(const struct plait_selection *selection);

/* Whether threads, processes or patterns narrow the samples. */
bool plait_selection_narrows(const struct plait_selection *selection);

#endif
