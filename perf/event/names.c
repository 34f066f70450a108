#include "perf/event/names.h"

#include <ctype.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>

static const struct generic_name {
	const char *name;
	uint32_t type;
	uint32_t config;
} generic_names[] = {
	{ "cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK },
	{ "task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK },
	{ "page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS },
	{ "faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS },
	{ "minor-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN },
	{ "major-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ },
	{ "context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES },
	{ "cs", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES },
	{ "cpu-migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS },
	{ "migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS },
	{ "alignment-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS },
	{ "emulation-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_EMULATION_FAULTS },
	{ "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	{ "cpu-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	{ "instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS },
	{ "cache-references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES },
	{ "cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES },
	{ "branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS },
	{ "branch-instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS },
	{ "branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES },
	{ "bus-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BUS_CYCLES },
	{ "stalled-cycles-frontend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_FRONTEND },
	{ "idle-cycles-frontend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_FRONTEND },
	{ "stalled-cycles-backend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND },
	{ "idle-cycles-backend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND },
	{ "ref-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES },
};

#define GENERIC_COUNT (sizeof(generic_names) / sizeof(generic_names[0]))

enum { READ = 1 << PERF_COUNT_HW_CACHE_OP_READ, WRITE = 1 << PERF_COUNT_HW_CACHE_OP_WRITE };
enum { PREFETCH = 1 << PERF_COUNT_HW_CACHE_OP_PREFETCH };

/* The cache events: each cache has loads, stores and prefetches (not all make sense), accesses and misses of each. */
static const struct cache_name {
	const char *name;
	unsigned operations;
} cache_names[PERF_COUNT_HW_CACHE_MAX] = {
	[PERF_COUNT_HW_CACHE_L1D] = { "L1-dcache", READ | WRITE | PREFETCH },
	[PERF_COUNT_HW_CACHE_L1I] = { "L1-icache", READ | PREFETCH },
	[PERF_COUNT_HW_CACHE_LL] = { "LLC", READ | WRITE | PREFETCH },
	[PERF_COUNT_HW_CACHE_DTLB] = { "dTLB", READ | WRITE | PREFETCH },
	[PERF_COUNT_HW_CACHE_ITLB] = { "iTLB", READ },
	[PERF_COUNT_HW_CACHE_BPU] = { "branch", READ },
	[PERF_COUNT_HW_CACHE_NODE] = { "node", READ | WRITE | PREFETCH },
};

static const char *const operation_suffixes[PERF_COUNT_HW_CACHE_OP_MAX][PERF_COUNT_HW_CACHE_RESULT_MAX] = {
	[PERF_COUNT_HW_CACHE_OP_READ] = { "loads", "load-misses" },
	[PERF_COUNT_HW_CACHE_OP_WRITE] = { "stores", "store-misses" },
	[PERF_COUNT_HW_CACHE_OP_PREFETCH] = { "prefetches", "prefetch-misses" },
};

#define CACHE_EVENT_COUNT (PERF_COUNT_HW_CACHE_MAX * PERF_COUNT_HW_CACHE_OP_MAX * PERF_COUNT_HW_CACHE_RESULT_MAX)

/* The name, type and config of event `index` of all known ones; false when that combination does not exist. */
static bool known_event(size_t index, char ret_name[PLAIT_EVENT_NAME_MAX], uint32_t *ret_type, uint64_t *ret_config)
{
	if (index < GENERIC_COUNT) {
		snprintf(ret_name, PLAIT_EVENT_NAME_MAX, "%s", generic_names[index].name);
		*ret_type = generic_names[index].type;
		*ret_config = generic_names[index].config;
		return true;
	}
	index -= GENERIC_COUNT;
	unsigned result = index % PERF_COUNT_HW_CACHE_RESULT_MAX;
	unsigned operation = index / PERF_COUNT_HW_CACHE_RESULT_MAX % PERF_COUNT_HW_CACHE_OP_MAX;
	unsigned cache = index / PERF_COUNT_HW_CACHE_RESULT_MAX / PERF_COUNT_HW_CACHE_OP_MAX;
	if (!(cache_names[cache].operations & 1U << operation))
		return false;
	snprintf(ret_name, PLAIT_EVENT_NAME_MAX, "%s-%s", cache_names[cache].name,
		 operation_suffixes[operation][result]);
	*ret_type = PERF_TYPE_HW_CACHE;
	*ret_config = cache | operation << 8 | result << 16;
	return true;
}

/* "r1a8": the CPU's own event number in hexadecimal, as perf takes it. */
static bool raw_event(const char *name, size_t length, uint64_t *ret_config)
{
	if (length < 2 || length > 17 || name[0] != 'r')
		return false;
	uint64_t config = 0;
	for (size_t i = 1; i < length; i++) {
		if (!isxdigit((unsigned char)name[i]))
			return false;
		int digit = tolower((unsigned char)name[i]);
		config = config << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
	}
	*ret_config = config;
	return true;
}

bool plait_event_name_find(const char *name, size_t length, uint32_t *ret_type, uint64_t *ret_config)
{
	for (size_t i = 0; i < GENERIC_COUNT + CACHE_EVENT_COUNT; i++) {
		char known[PLAIT_EVENT_NAME_MAX];
		uint32_t type;
		uint64_t config;
		if (!known_event(i, known, &type, &config))
			continue;
		if (strlen(known) != length || strncasecmp(known, name, length) != 0)
			continue;
		*ret_type = type;
		*ret_config = config;
		return true;
	}
	if (!raw_event(name, length, ret_config))
		return false;
	*ret_type = PERF_TYPE_RAW;
	return true;
}

void plait_event_names_offer(struct plait_nearest *nearest)
{
	for (size_t i = 0; i < GENERIC_COUNT + CACHE_EVENT_COUNT; i++) {
		char known[PLAIT_EVENT_NAME_MAX];
		uint32_t type;
		uint64_t config;
		if (known_event(i, known, &type, &config))
			plait_nearest_offer(nearest, known);
	}
}

bool plait_event_name_at(size_t index, char ret_name[PLAIT_EVENT_NAME_MAX], uint32_t *ret_type, uint64_t *ret_config)
{
	for (size_t i = 0; i < GENERIC_COUNT + CACHE_EVENT_COUNT; i++) {
		if (known_event(i, ret_name, ret_type, ret_config) && index-- == 0)
			return true;
	}
	return false;
}
