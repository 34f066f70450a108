#include "perf/agent/unsampled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/map.h"
#include "perf/process/proc.h"

/* CPU time without a sample that is worth a word: less may be chance. */
#define WORTH_MS 100
#define NAMED_MAX 3
#define DEPTH_MAX 64

static bool is_descendant(const struct plait_map *parents, uint64_t pid)
{
	for (int i = 0; i < DEPTH_MAX && pid > 1; i++) {
		const uint64_t *parent = plait_map_get(parents, pid);
		if (!parent)
			return false;
		if (*parent == (uint64_t)getpid())
			return true;
		pid = *parent;
	}
	return false;
}

static struct plait_unsampled_process *find(struct plait_unsampled *unsampled, uint32_t pid)
{
	for (size_t i = 0; i < unsampled->processes.count; i++) {
		if (unsampled->processes.data[i].pid == pid)
			return &unsampled->processes.data[i];
	}
	struct plait_unsampled_process process = { .pid = pid };
	if (!plait_vec_push(&unsampled->processes, process))
		return NULL;
	return &unsampled->processes.data[unsampled->processes.count - 1];
}

static uint64_t worth_ticks(void)
{
	return (uint64_t)sysconf(_SC_CLK_TCK) * WORTH_MS / 1000;
}

static struct plait_error *look_at(struct plait_unsampled *unsampled, uint32_t pid, uint64_t sampled)
{
	struct plait_proc_stat stat;
	struct plait_unsampled_process *process = find(unsampled, pid);
	if (!process)
		return plait_error_no_memory();
	if (!plait_proc_read_stat(pid, &stat))
		return NULL;
	if (sampled != process->sampled_ns || stat.cpu_ticks < process->ticks) {
		process->ticks = stat.cpu_ticks;
		process->sampled_ns = sampled;
	} else if (stat.cpu_ticks - process->ticks >= worth_ticks()) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/%u/comm", pid);
		plait_proc_read_name(path, process->name, sizeof(process->name));
		process->unsampled_ticks += stat.cpu_ticks - process->ticks;
		process->ticks = stat.cpu_ticks;
	}
	return NULL;
}

struct plait_error *plait_unsampled_look(struct plait_unsampled *unsampled,
					 uint64_t (*sampled_ns)(void *context, uint32_t pid), void *context)
{
	struct plait_map parents = { 0 };
	struct plait_error *error = plait_proc_parents(&parents);
	for (size_t i = 0; !error && i < parents.capacity; i++) {
		uint32_t pid = (uint32_t)parents.slots[i].key;
		if (parents.slots[i].used && is_descendant(&parents, pid))
			error = look_at(unsampled, pid, sampled_ns(context, pid));
	}
	plait_map_release(&parents);
	return error;
}

void plait_unsampled_describe(const struct plait_unsampled *unsampled, char *text, size_t size)
{
	char names[200] = "";
	unsigned count = 0;
	double seconds = 0;
	for (size_t i = 0; i < unsampled->processes.count; i++) {
		const struct plait_unsampled_process *process = &unsampled->processes.data[i];
		if (!process->unsampled_ticks)
			continue;
		seconds += (double)process->unsampled_ticks / (double)sysconf(_SC_CLK_TCK);
		if (count++ < NAMED_MAX)
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s (%u)",
				 count > 1 ? ", " : "", process->name, process->pid);
	}
	*text = '\0';
	if (count)
		snprintf(text, size,
			 "%.1f s of CPU time took no samples, in %u process%s: %s%s. The agent is not in programs that "
			 "are static, use another libc than glibc, or were started without LD_PRELOAD",
			 seconds, count, count > 1 ? "es" : "", names, count > NAMED_MAX ? ", ..." : "");
}

void plait_unsampled_release(struct plait_unsampled *unsampled)
{
	plait_vec_free(&unsampled->processes);
}
