#include "perf/event/core_pmu.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "perf/event/pmu.h"

/*
 * Numbers of events that are the same on all ARMv8 processors, and which of them a processor has is known to the
 * kernel, which lists those (Arm Architecture Reference Manual, "PMU events and event numbers";
 * drivers/perf/arm_pmuv3.c, armv8pmu_event_attr_is_visible()). The names of those above 0x38 came with later kernels.
 */
#define ARM_COMMON_LAST 0x38
#define ARM_EVENT_MASK 0xffff

/* What is looked for in the PMUs of the processor: there are several where its cores differ. */
struct search {
	const struct plait_event_roots *roots;
	const struct plait_event_spec *spec;
	char name[64]; /* of the first, or of the one that spec is for; "": none */
	bool says;     /* one says how precise it can be */
	int most;      /* what it says */
	bool is_arm;
	bool is_for_it; /* the event is one of the processor's PMUs */
	bool listed;
};

static bool read_number(const struct search *search, const char *pmu, const char *file, unsigned long *ret)
{
	char path[PATH_MAX], line[32];
	snprintf(path, sizeof(path), "%s/bus/event_source/devices/%s/%s", search->roots->sysfs, pmu, file);
	FILE *stream PLAIT_FCLOSE = fopen(path, "re");
	char *end;
	if (!stream || !fgets(line, sizeof(line), stream))
		return false;
	*ret = strtoul(line, &end, 0);
	return end != line;
}

/* Only PMUs of processors have a file that names their CPUs, "cpus"; on x86-64 there is one PMU, "cpu". */
static bool is_core(const struct search *search, const char *pmu)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/bus/event_source/devices/%s/cpus", search->roots->sysfs, pmu);
	return strcmp(pmu, "cpu") == 0 || access(path, F_OK) == 0;
}

static void look_at_event(struct search *search, const char *pmu, const char *event)
{
	char path[PATH_MAX], line[64];
	unsigned code;
	snprintf(path, sizeof(path), "%s/bus/event_source/devices/%s/events/%s", search->roots->sysfs, pmu, event);
	FILE *stream PLAIT_FCLOSE = fopen(path, "re");
	if (stream && fgets(line, sizeof(line), stream) && sscanf(line, "event=%x", &code) == 1)
		search->listed |= code == (search->spec->config & ARM_EVENT_MASK);
}

static void look(void *context, const char *pmu, const char *event)
{
	struct search *search = context;
	unsigned long number;
	if (!is_core(search, pmu))
		return;
	if (event) {
		look_at_event(search, pmu, event);
		return;
	}
	bool own = read_number(search, pmu, "type", &number) && number == search->spec->type;
	if (!*search->name || own)
		snprintf(search->name, sizeof(search->name), "%.63s", pmu);
	search->is_for_it |= own || search->spec->type == PERF_TYPE_RAW;
	search->is_arm |= strncmp(pmu, "armv8_", 6) == 0 || strncmp(pmu, "armv9_", 6) == 0;
	if (!search->says && read_number(search, pmu, "caps/max_precise", &number) && number <= 3) {
		search->says = true;
		search->most = (int)number;
	}
}

static struct plait_error *check_precise(const struct search *search, const char *text)
{
	int precise = search->spec->precise;
	if (search->says && precise > search->most)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_UNSUPPORTED, "event '%.200s': this processor cannot sample %s",
					text, search->most ? "that precisely" : "precisely"),
			search->most ? "the most it can is :%.*s" : "leave modifier p out%.*s", search->most, "ppp");
	if (search->says || !*search->name || strcmp(search->name, "cpu") == 0)
		return NULL;
	return plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED,
						  "event '%.200s': this processor cannot sample precisely: the kernel "
						  "opens the event for its PMU (%s), and ignores the p",
						  text, search->name),
				  "leave modifier p out");
}

static struct plait_error *check_number(const struct search *search, const char *text)
{
	unsigned number = search->spec->config & ARM_EVENT_MASK;
	if (!search->is_arm || !search->is_for_it || search->listed || number > ARM_COMMON_LAST)
		return NULL;
	return plait_error_advise(
		plait_error_new(PLAIT_ERROR_UNSUPPORTED,
				"event '%.200s': this processor does not have event 0x%02x: it is not "
				"among those of its PMU (%s), and would count nothing",
				text, number, search->name),
		"plait list %s shows what it has", search->name);
}

bool plait_core_pmu_exists(const struct plait_event_roots *roots)
{
	const struct plait_event_spec none = { .type = UINT32_MAX };
	struct search search = { .roots = roots, .spec = &none };
	plait_pmu_each(roots, look, &search);
	return *search.name != '\0';
}

struct plait_error *plait_core_pmu_check(const struct plait_event_roots *roots, const char *text,
					 const struct plait_event_spec *spec)
{
	struct search search = { .roots = roots, .spec = spec };
	if (!spec->precise && spec->kind != PLAIT_EVENT_PMU && spec->type != PERF_TYPE_RAW)
		return NULL;
	plait_pmu_each(roots, look, &search);
	if (spec->precise)
		PLAIT_TRY(check_precise(&search, text));
	return check_number(&search, text);
}
