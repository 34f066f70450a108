#include "output/model/data_source.h"

#include <linux/perf_event.h>

const char *plait_memory_level_name(enum plait_memory_level level)
{
	static const char *const names[PLAIT_MEMORY_LEVELS] = {
		[PLAIT_MEMORY_L1] = "L1",
		[PLAIT_MEMORY_LFB] = "LFB",
		[PLAIT_MEMORY_L2] = "L2",
		[PLAIT_MEMORY_L3] = "L3",
		[PLAIT_MEMORY_DRAM] = "DRAM",
		[PLAIT_MEMORY_REMOTE_CACHE] = "remote cache",
		[PLAIT_MEMORY_REMOTE_DRAM] = "remote DRAM",
		[PLAIT_MEMORY_OTHER] = "other",
	};
	return names[level];
}

/* Newer kernels number the level (mem_lvl_num, since 4.14) and say whether it was another socket's (mem_remote). */
static enum plait_memory_level numbered_level(union perf_mem_data_src source)
{
	switch (source.mem_lvl_num) {
	case PERF_MEM_LVLNUM_L1:
		return PLAIT_MEMORY_L1;
	case PERF_MEM_LVLNUM_L2:
		return PLAIT_MEMORY_L2;
	case PERF_MEM_LVLNUM_L3:
		return source.mem_remote ? PLAIT_MEMORY_REMOTE_CACHE : PLAIT_MEMORY_L3;
	case PERF_MEM_LVLNUM_LFB:
		return PLAIT_MEMORY_LFB;
	case PERF_MEM_LVLNUM_ANY_CACHE:
		return source.mem_remote ? PLAIT_MEMORY_REMOTE_CACHE : PLAIT_MEMORY_OTHER;
	case PERF_MEM_LVLNUM_RAM:
	case PERF_MEM_LVLNUM_PMEM:
		return source.mem_remote ? PLAIT_MEMORY_REMOTE_DRAM : PLAIT_MEMORY_DRAM;
	default:
		return PLAIT_MEMORY_OTHER;
	}
}

enum plait_memory_level plait_memory_level_of(uint64_t data_source)
{
	static const struct {
		uint64_t bits;
		enum plait_memory_level level;
	} levels[] = {
		{ PERF_MEM_LVL_REM_RAM1 | PERF_MEM_LVL_REM_RAM2, PLAIT_MEMORY_REMOTE_DRAM },
		{ PERF_MEM_LVL_REM_CCE1 | PERF_MEM_LVL_REM_CCE2, PLAIT_MEMORY_REMOTE_CACHE },
		{ PERF_MEM_LVL_LOC_RAM, PLAIT_MEMORY_DRAM },
		{ PERF_MEM_LVL_L3, PLAIT_MEMORY_L3 },
		{ PERF_MEM_LVL_L2, PLAIT_MEMORY_L2 },
		{ PERF_MEM_LVL_LFB, PLAIT_MEMORY_LFB },
		{ PERF_MEM_LVL_L1, PLAIT_MEMORY_L1 },
	};
	union perf_mem_data_src source = { .val = data_source };
	if (source.mem_lvl_num && source.mem_lvl_num != PERF_MEM_LVLNUM_NA)
		return numbered_level(source);
	for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (source.mem_lvl & levels[i].bits)
			return levels[i].level;
	return PLAIT_MEMORY_OTHER;
}

void plait_data_sources_add(struct plait_data_sources *memory, uint64_t data_source, uint64_t latency)
{
	union perf_mem_data_src source = { .val = data_source };
	memory->samples++;
	memory->levels[plait_memory_level_of(data_source)]++;
	memory->tlb_misses += (source.mem_dtlb & PERF_MEM_TLB_MISS) != 0;
	if (!latency)
		return;
	memory->timed++;
	memory->latency += latency;
	if (latency > memory->latency_max)
		memory->latency_max = latency;
}

void plait_data_sources_merge(struct plait_data_sources *memory, const struct plait_data_sources *more)
{
	memory->samples += more->samples;
	for (int i = 0; i < PLAIT_MEMORY_LEVELS; i++)
		memory->levels[i] += more->levels[i];
	memory->tlb_misses += more->tlb_misses;
	memory->timed += more->timed;
	memory->latency += more->latency;
	if (more->latency_max > memory->latency_max)
		memory->latency_max = more->latency_max;
}
