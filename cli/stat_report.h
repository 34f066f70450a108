/*
 * What `plait stat` has counted, over one run or more, and how it is shown.
 */
#ifndef PLAIT_CLI_STAT_REPORT_H
#define PLAIT_CLI_STAT_REPORT_H

#include <stdio.h>

#include "cli/options.h"
#include "perf/event/counter.h"

/* Sums over the runs of one event. */
struct plait_stat_event {
	char name[PLAIT_EVENT_NAME_SIZE + 2];
	char *refusal;	     /* owned; NULL: it was counted */
	double sum, squares; /* of the scaled counts */
	uint64_t enabled, running;
};

/* Zeroed but for what is borrowed, it is empty. */
struct plait_stat {
	char **argv; /* NULL: none */
	const struct plait_option_list *pids;
	const struct plait_event_list *events;
	PLAIT_VEC(struct plait_stat_event) counts; /* by event */
	unsigned runs;
	double elapsed, user, system; /* s, sums; user and system negative: not known */
	double elapsed_squares;
	bool user_only;
};

/* Adds what one run has counted. */
struct plait_error *plait_stat_add(struct plait_stat *stat, const struct plait_counters *counters, double elapsed,
				   double user, double system);
void plait_stat_release(struct plait_stat *stat);

void plait_stat_write_text(const struct plait_stat *stat, FILE *out);
void plait_stat_write_json(const struct plait_stat *stat, FILE *out);

/* For PLAIT_CLEANUP. */
static inline void plait_counters_cleanup(struct plait_counters **counters)
{
	plait_counters_destroy(*counters);
}

#endif
