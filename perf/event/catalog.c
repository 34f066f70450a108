#include "perf/event/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "perf/event/names.h"
#include "perf/event/pfm.h"
#include "perf/event/pmu.h"
#include "perf/event/tracefs.h"

enum { REFUSAL = 256 };

struct walk {
	const struct plait_event_roots *roots;
	plait_catalog_filter filter;
	plait_catalog_visitor visit;
	void *context;
	char processor[REFUSAL]; /* why the processor counts nothing; "": it does */
	char tracing[REFUSAL];	 /* why there are no tracepoints; "": there are */
};

static bool is_wanted(const struct walk *walk, enum plait_catalog_source source, const char *name,
		      const char *description)
{
	return walk->filter(walk->context, source, name, description);
}

static void hand_over(const struct walk *walk, enum plait_catalog_source source, const char *name,
		      const char *description, const char *refusal)
{
	struct plait_catalog_entry entry = { .source = source,
					     .name = name,
					     .description = description ? description : "",
					     .refusal = refusal && *refusal ? refusal : NULL };
	walk->visit(walk->context, &entry);
}

/* Some virtual machines let cycles be opened and then count nothing. */
static bool counts_nothing(const struct plait_event_spec *spec, int fd)
{
	uint64_t count = 0;
	bool surely = spec->type == PERF_TYPE_HARDWARE &&
		      (spec->config == PERF_COUNT_HW_CPU_CYCLES || spec->config == PERF_COUNT_HW_INSTRUCTIONS ||
		       spec->config == PERF_COUNT_HW_BRANCH_INSTRUCTIONS);
	for (volatile unsigned i = 0; surely && i < 100000; i++)
		;
	return surely && (read(fd, &count, sizeof(count)) != sizeof(count) || !count);
}

/* Opens the event as a counter of this process, or of a CPU where it cannot count for a process. Writes why not. */
static void try_spec(const struct plait_event_spec *spec, char ret[REFUSAL])
{
	struct perf_event_attr attr;
	int fd PLAIT_CLOSE = -1;
	plait_event_attributes(spec, &attr);
	attr.freq = 0;
	attr.sample_period = 0;
	attr.exclude_kernel = attr.exclude_hv = spec->kind != PLAIT_EVENT_PMU;
	struct plait_error *error = plait_event_open(spec, &attr, 0, -1, -1, &fd);
	if (error && spec->kind == PLAIT_EVENT_PMU) {
		struct plait_error *other = plait_event_open(spec, &attr, -1, 0, -1, &fd);
		if (!other || other->code == PLAIT_ERROR_PERMISSION) {
			plait_error_free(error);
			error = other;
		} else {
			plait_error_free(other);
		}
	}
	ret[0] = '\0';
	if (error)
		snprintf(ret, REFUSAL, "%.255s", error->message);
	else if (counts_nothing(spec, fd))
		snprintf(ret, REFUSAL, "it opens, and counts nothing");
	plait_error_free(error);
}

static void try_name(const struct walk *walk, const char *name, char ret[REFUSAL])
{
	struct plait_event_spec spec;
	struct plait_error *error = plait_event_parse_in(walk->roots, name, &spec);
	if (!error) {
		try_spec(&spec, ret);
		free(spec.probe_path);
		return;
	}
	snprintf(ret, REFUSAL, "%.255s", error->message);
	plait_error_free(error);
}

static void walk_groups(const struct walk *walk)
{
	static const char *const groups[][2] = {
		{ "ipc", "instructions a cycle" },
		{ "cache", "cache misses and references" },
		{ "branch", "branches and mispredicted ones" },
		{ "tlb", "loads that miss the data TLB" },
		{ "topdown", "slots: retiring, bad speculation, front end, back end" },
	};
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		const char *text;
		if (!is_wanted(walk, PLAIT_CATALOG_GROUP, groups[i][0], groups[i][1]))
			continue;
		struct plait_error *error = plait_event_predefined(groups[i][0], &text);
		hand_over(walk, PLAIT_CATALOG_GROUP, groups[i][0], groups[i][1], error ? error->message : NULL);
		plait_error_free(error);
	}
}

static void walk_generic(const struct walk *walk, enum plait_catalog_source source)
{
	char name[PLAIT_EVENT_NAME_MAX], refusal[REFUSAL];
	uint32_t type;
	uint64_t config;
	for (size_t i = 0; plait_event_name_at(i, name, &type, &config); i++) {
		bool software = type == PERF_TYPE_SOFTWARE;
		if (software != (source == PLAIT_CATALOG_SOFTWARE) || !is_wanted(walk, source, name, ""))
			continue;
		try_name(walk, name, refusal);
		hand_over(walk, source, name, "", refusal);
	}
}

static void visit_pmu(void *context, const char *pmu, const char *event)
{
	const struct walk *walk = context;
	char name[512], refusal[REFUSAL];
	if (!event)
		return;
	snprintf(name, sizeof(name), "%.200s/%.200s/", pmu, event);
	if (!is_wanted(walk, PLAIT_CATALOG_PMU, name, ""))
		return;
	try_name(walk, name, refusal);
	hand_over(walk, PLAIT_CATALOG_PMU, name, "", refusal);
}

static void visit_processor(void *context, const char *event, const char *umask, const char *description)
{
	const struct walk *walk = context;
	char name[512];
	snprintf(name, sizeof(name), "%.200s%s%.200s", event, umask ? ":" : "", umask ? umask : "");
	enum plait_catalog_source source = umask ? PLAIT_CATALOG_UMASK : PLAIT_CATALOG_PROCESSOR;
	if (is_wanted(walk, source, name, description))
		hand_over(walk, source, name, description, walk->processor);
}

static void visit_tracepoint(void *context, const char *name)
{
	const struct walk *walk = context;
	if (is_wanted(walk, PLAIT_CATALOG_TRACEPOINT, name, ""))
		hand_over(walk, PLAIT_CATALOG_TRACEPOINT, name, "", walk->tracing);
}

static void walk_tracepoints(struct walk *walk)
{
	struct plait_tracefs tracefs;
	struct plait_error *error = plait_tracefs_open(walk->roots, &tracefs);
	if (error) {
		if (is_wanted(walk, PLAIT_CATALOG_TRACEPOINT, "SYSTEM:NAME", ""))
			hand_over(walk, PLAIT_CATALOG_TRACEPOINT, "SYSTEM:NAME", "", error->message);
		plait_error_free(error);
		return;
	}
	try_name(walk, "sched:sched_switch", walk->tracing);
	plait_tracefs_each(&tracefs, visit_tracepoint, walk);
	plait_tracefs_close(&tracefs);
}

void plait_catalog_each(const struct plait_event_roots *roots, plait_catalog_filter filter, plait_catalog_visitor visit,
			void *context)
{
	struct walk walk = { .roots = roots, .filter = filter, .visit = visit, .context = context };
	walk_groups(&walk);
	walk_generic(&walk, PLAIT_CATALOG_SOFTWARE);
	walk_generic(&walk, PLAIT_CATALOG_HARDWARE);
	plait_pmu_each(roots, visit_pmu, &walk);
	try_name(&walk, "cycles", walk.processor);
	plait_pfm_each(visit_processor, &walk);
	walk_tracepoints(&walk);
}
