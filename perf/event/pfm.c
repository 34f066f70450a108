#include "perf/event/pfm.h"

#include <perfmon/pfmlib_perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The PMU named "perf" has the kernel's generic events once more, under the names of their constants. */
static bool is_processor(const pfm_pmu_info_t *pmu)
{
	return pmu->type == PFM_PMU_TYPE_CORE && pmu->pmu != PFM_PMU_PERF_EVENT && pmu->pmu != PFM_PMU_PERF_EVENT_RAW;
}

/* Length of the event's own name, behind "pmu::" and before ":UMASK". */
static const char *event_part(const char *text, size_t *ret_length)
{
	const char *pmu = strstr(text, "::");
	const char *name = pmu ? pmu + 2 : text;
	*ret_length = strcspn(name, ":");
	return name;
}

/* Finds the PMU, present or not as wanted, that has an event of this name. */
static bool find_pmu(const char *text, bool present, pfm_pmu_info_t *ret_pmu, pfm_event_info_t *ret_event)
{
	size_t length;
	const char *name = event_part(text, &length);
	pfm_pmu_t pmu;
	pfm_for_all_pmus(pmu)
	{
		*ret_pmu = (pfm_pmu_info_t) { .size = sizeof(*ret_pmu) };
		if (pfm_get_pmu_info(pmu, ret_pmu) != PFM_SUCCESS || !is_processor(ret_pmu) ||
		    ret_pmu->is_present != present)
			continue;
		if (name != text && (strncasecmp(ret_pmu->name, text, strlen(ret_pmu->name)) != 0 ||
				     text[strlen(ret_pmu->name)] != ':'))
			continue;
		for (int i = ret_pmu->first_event; i != -1; i = pfm_get_event_next(i)) {
			*ret_event = (pfm_event_info_t) { .size = sizeof(*ret_event) };
			if (pfm_get_event_info(i, PFM_OS_NONE, ret_event) == PFM_SUCCESS &&
			    strlen(ret_event->name) == length && strncasecmp(ret_event->name, name, length) == 0)
				return true;
		}
	}
	return false;
}

/* The event is there; what follows its name is wrong. */
static struct plait_error *explain(const char *text, const pfm_pmu_info_t *pmu, const pfm_event_info_t *event, int why)
{
	struct plait_nearest umasks = { 0 };
	size_t length;
	const char *name = event_part(text, &length);
	umasks.name = name[length] ? name + length + 1 : "";
	umasks.length = strcspn(umasks.name, ":=");
	char *all = NULL;
	size_t size;
	FILE *out = open_memstream(&all, &size);
	if (!out)
		return plait_error_no_memory();
	for (int i = 0; i < event->nattrs; i++) {
		pfm_event_attr_info_t attribute = { .size = sizeof(attribute) };
		if (pfm_get_event_attr_info(event->idx, i, PFM_OS_PERF_EVENT_EXT, &attribute) != PFM_SUCCESS ||
		    attribute.type != PFM_ATTR_UMASK)
			continue;
		plait_nearest_offer(&umasks, attribute.name);
		fprintf(out, "%s%s", ftell(out) ? ", " : "its umasks are ", attribute.name);
	}
	fclose(out);
	struct plait_error *error = plait_error_new(PLAIT_ERROR_USAGE, "event '%.200s': %s (%s of %s)", text,
						    pfm_strerror(why), event->name, pmu->desc);
	error = plait_nearest_advise(&umasks, error, all && *all ? all : "plait list shows what it takes");
	free(all);
	return error;
}

enum plait_pfm_result plait_pfm_parse(const char *text, struct plait_event_spec *spec, struct plait_error **ret_error)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	pfm_perf_encode_arg_t arguments = { .attr = &attr, .size = sizeof(arguments) };
	*ret_error = NULL;
	if (pfm_initialize() != PFM_SUCCESS)
		return PLAIT_PFM_UNKNOWN;
	int status = pfm_get_os_event_encoding(text, PFM_PLM0 | PFM_PLM3 | PFM_PLMH, PFM_OS_PERF_EVENT_EXT, &arguments);
	if (status != PFM_SUCCESS) {
		pfm_pmu_info_t pmu;
		pfm_event_info_t event;
		if (status == PFM_ERR_NOTFOUND || !find_pmu(text, true, &pmu, &event))
			return PLAIT_PFM_UNKNOWN;
		*ret_error = explain(text, &pmu, &event, status);
		return PLAIT_PFM_WRONG;
	}
	spec->kind = PLAIT_EVENT_PMU;
	spec->type = attr.type;
	spec->config = attr.config;
	spec->config1 = attr.config1;
	spec->config2 = attr.config2;
	spec->exclude_user = attr.exclude_user;
	spec->exclude_kernel = attr.exclude_kernel;
	spec->exclude_hypervisor = attr.exclude_hv;
	spec->precise = attr.precise_ip;
	if (attr.sample_period) { /* freq= and period= share a word */
		spec->has_rate = true;
		spec->frequency = attr.freq ? attr.sample_freq : 0;
		spec->period = attr.freq ? 0 : attr.sample_period;
	}
	return PLAIT_PFM_FOUND;
}

const char *plait_pfm_elsewhere(const char *text)
{
	pfm_pmu_info_t pmu;
	pfm_event_info_t event;
	if (pfm_initialize() != PFM_SUCCESS)
		return NULL;
	return find_pmu(text, false, &pmu, &event) ? pmu.desc : NULL;
}

static void each_umask(const pfm_event_info_t *event,
		       void (*visit)(void *context, const char *event, const char *umask, const char *description),
		       void *context)
{
	for (int i = 0; i < event->nattrs; i++) {
		pfm_event_attr_info_t attribute = { .size = sizeof(attribute) };
		if (pfm_get_event_attr_info(event->idx, i, PFM_OS_PERF_EVENT_EXT, &attribute) == PFM_SUCCESS &&
		    attribute.type == PFM_ATTR_UMASK)
			visit(context, event->name, attribute.name, attribute.desc ? attribute.desc : "");
	}
}

void plait_pfm_each(void (*visit)(void *context, const char *event, const char *umask, const char *description),
		    void *context)
{
	pfm_pmu_t pmu;
	if (pfm_initialize() != PFM_SUCCESS)
		return;
	pfm_for_all_pmus(pmu)
	{
		pfm_pmu_info_t info = { .size = sizeof(info) };
		if (pfm_get_pmu_info(pmu, &info) != PFM_SUCCESS || !is_processor(&info) || !info.is_present)
			continue;
		for (int i = info.first_event; i != -1; i = pfm_get_event_next(i)) {
			pfm_event_info_t event = { .size = sizeof(event) };
			if (pfm_get_event_info(i, PFM_OS_PERF_EVENT_EXT, &event) != PFM_SUCCESS)
				continue;
			visit(context, event.name, NULL, event.desc ? event.desc : "");
			each_umask(&event, visit, context);
		}
	}
}

static void offer(void *context, const char *event, const char *umask, const char *description)
{
	(void)description;
	if (!umask)
		plait_nearest_offer(context, event);
}

void plait_pfm_offer(struct plait_nearest *nearest)
{
	plait_pfm_each(offer, nearest);
}
