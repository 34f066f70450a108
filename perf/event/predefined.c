/* Groups that need no knowledge of the processor: record -M ipc. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "perf/event/roots.h"

/* The first event samples. It is cycles wherever time should say where the others are looked at: what a member counted
 * between two samples belongs to what ran between them. */
static const struct predefined {
	const char *name, *events;
} predefined[] = {
	{ "ipc", "{cycles,instructions}:S" },
	{ "cache", "{cycles,instructions,cache-references,cache-misses}:S" },
	{ "branch", "{cycles,instructions,branches,branch-misses}:S" },
	{ "tlb", "{cycles,instructions,dTLB-loads,dTLB-load-misses}:S" },
	{ "topdown", "{cpu/slots/,cpu/topdown-retiring/,cpu/topdown-bad-spec/,cpu/topdown-fe-bound/,"
		     "cpu/topdown-be-bound/}:S" },
};

/* Opens the group's events as counters of this process, in one group. */
static struct plait_error *try_group(const struct plait_event_list *list)
{
	int fds[8], count = 0;
	struct plait_error *error = NULL;
	for (size_t i = 0; !error && i < list->specs.count && i < 8; i++) {
		struct perf_event_attr attr;
		plait_event_attributes(&list->specs.data[i], &attr);
		attr.sample_period = 0;
		attr.exclude_kernel = attr.exclude_hv = 1; /* so that the answer does not depend on rights */
		error = plait_event_open(&list->specs.data[i], &attr, 0, -1, count ? fds[0] : -1, &fds[count]);
		count += !error;
	}
	while (count > 0)
		close(fds[--count]);
	return error;
}

struct plait_error *plait_event_predefined(const char *name, const char **ret_text)
{
	for (size_t i = 0; i < sizeof(predefined) / sizeof(predefined[0]); i++) {
		if (strcmp(predefined[i].name, name) != 0)
			continue;
		struct plait_event_list list = { 0 };
		struct plait_error *error = plait_event_list_parse(&list, predefined[i].events);
		if (!error)
			error = try_group(&list);
		plait_event_list_release(&list);
		if (error)
			return plait_error_context(error, "group %s is %s", name, predefined[i].events);
		*ret_text = predefined[i].events;
		return NULL;
	}
	return plait_error_advise(
		plait_error_new(PLAIT_ERROR_USAGE, "there is no predefined group '%.60s'", name),
		"groups are ipc, cache, branch, tlb and topdown; any other is written {a,b}:S with -e");
}
