#include "perf/event/counter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"

/* One event on one thread or CPU. */
struct opened {
	int fd;
	uint32_t event;
};

/* What is known of one event. */
struct state {
	char name[PLAIT_EVENT_NAME_SIZE + 2];
	char *refusal; /* owned */
	bool user_only;
};

struct plait_counters {
	const struct plait_event_list *events;
	struct state *states; /* by event */
	PLAIT_VEC(struct opened) opened;
	bool launch;
};

static bool has_refusal(const struct plait_counters *counters, const struct plait_event_spec *spec)
{
	size_t index = (size_t)(spec - counters->events->specs.data);
	if (counters->states[index].refusal)
		return true;
	return spec->leader != PLAIT_EVENT_ALONE && counters->states[spec->leader].refusal;
}

static struct plait_error *open_one(const struct plait_counters *counters, size_t index, pid_t pid, int cpu,
				    int leader_fd, int *ret_fd)
{
	const struct plait_event_spec *spec = &counters->events->specs.data[index];
	struct perf_event_attr attr;
	plait_event_attributes(spec, &attr);
	attr.freq = 0;
	attr.sample_period = 0;
	attr.precise_ip = 0; /* of samples */
	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	attr.inherit = pid >= 0;
	attr.disabled = counters->launch && leader_fd < 0;
	attr.enable_on_exec = attr.disabled;
	if (counters->states[index].user_only)
		attr.exclude_kernel = attr.exclude_hv = 1;
	return plait_event_open(spec, &attr, pid, cpu, leader_fd, ret_fd);
}

/* Opens one event in one place. Refusals that concern the event itself are kept, others are errors. */
static struct plait_error *open_place(struct plait_counters *counters, size_t index, pid_t pid, int cpu, int leader_fd,
				      int *ret_fd)
{
	struct state *state = &counters->states[index];
	struct plait_error *error = open_one(counters, index, pid, cpu, leader_fd, ret_fd);
	const struct plait_event_spec *spec = &counters->events->specs.data[index];
	if (error && error->code == PLAIT_ERROR_PERMISSION && !spec->exclude_kernel && !spec->exclude_user &&
	    !state->user_only) {
		state->user_only = true;
		struct plait_error *again = open_one(counters, index, pid, cpu, leader_fd, ret_fd);
		if (!again) {
			plait_error_free(error);
			snprintf(state->name, sizeof(state->name), "%s:u", spec->name);
			error = NULL;
		} else if (again->code == PLAIT_ERROR_UNSUPPORTED) { /* rights would not help */
			plait_error_free(error);
			error = PLAIT_TAKE(again);
		}
		plait_error_free(again);
		state->user_only = !error;
	}
	bool own = error && (error->code == PLAIT_ERROR_UNSUPPORTED || error->code == PLAIT_ERROR_PERMISSION ||
			     (error->code == PLAIT_ERROR_SYSTEM && error->system_errno == EINVAL));
	if (!own)
		return error;
	state->refusal = strdup(error->message);
	plait_error_free(error);
	*ret_fd = -1;
	return state->refusal ? NULL : plait_error_no_memory();
}

/* All events on one thread, or one CPU. */
static struct plait_error *open_all(struct plait_counters *counters, pid_t pid, int cpu)
{
	int leader_fd = -1;
	for (size_t i = 0; i < counters->events->specs.count; i++) {
		const struct plait_event_spec *spec = &counters->events->specs.data[i];
		bool member = spec->leader != PLAIT_EVENT_ALONE && spec->leader != i;
		int fd;
		if (!member)
			leader_fd = -1;
		if (has_refusal(counters, spec))
			continue;
		PLAIT_TRY(open_place(counters, i, pid, cpu, member ? leader_fd : -1, &fd));
		if (fd < 0)
			continue;
		if (!plait_vec_push(&counters->opened, ((struct opened) { .fd = fd, .event = (uint32_t)i }))) {
			close(fd);
			return plait_error_no_memory();
		}
		if (spec->leader == i)
			leader_fd = fd;
	}
	return NULL;
}

static struct plait_error *open_cpus(struct plait_counters *counters)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	for (int cpu = 0; cpu < cpus; cpu++) {
		struct plait_error *error = open_all(counters, -1, cpu);
		if (error && error->system_errno != ENODEV) /* not online */
			return error;
		plait_error_free(error);
	}
	return NULL;
}

static struct plait_error *open_target(struct plait_counters *counters, const struct plait_counter_target *target)
{
	if (target->system_wide)
		return open_cpus(counters);
	if (target->launch > 0)
		return open_all(counters, target->launch, -1);
	for (size_t i = 0; i < target->pid_count; i++)
		PLAIT_TRY(open_all(counters, target->pids[i], -1));
	return NULL;
}

struct plait_error *plait_counters_open(const struct plait_event_list *events,
					const struct plait_counter_target *target, struct plait_counters **ret)
{
	struct plait_counters *counters = calloc(1, sizeof(*counters));
	struct state *states = calloc(events->specs.count + 1, sizeof(*states));
	if (!counters || !states) {
		free(counters);
		free(states);
		return plait_error_no_memory();
	}
	counters->events = events;
	counters->states = states;
	counters->launch = target->launch > 0;
	for (size_t i = 0; i < events->specs.count; i++)
		snprintf(states[i].name, sizeof(states[i].name), "%s", events->specs.data[i].name);
	struct plait_error *error = open_target(counters, target);
	if (!error && !counters->opened.count) {
		const char *why = states[0].refusal ? states[0].refusal : "the target has no threads";
		error = plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED, "nothing can be counted: %s", why),
					   "plait list shows what this host counts");
	}
	if (error) {
		plait_counters_destroy(counters);
		return error;
	}
	*ret = counters;
	return NULL;
}

void plait_counters_destroy(struct plait_counters *counters)
{
	if (!counters)
		return;
	for (size_t i = 0; i < counters->opened.count; i++)
		close(counters->opened.data[i].fd);
	for (size_t i = 0; i < counters->events->specs.count; i++)
		free(counters->states[i].refusal);
	plait_vec_free(&counters->opened);
	free(counters->states);
	free(counters);
}

struct plait_counter plait_counters_read(const struct plait_counters *counters, size_t index)
{
	const struct plait_event_spec *spec = &counters->events->specs.data[index];
	struct plait_counter counter = { .name = counters->states[index].name,
					 .refusal = counters->states[index].refusal };
	if (!counter.refusal && spec->leader != PLAIT_EVENT_ALONE)
		counter.refusal = counters->states[spec->leader].refusal;
	for (size_t i = 0; i < counters->opened.count; i++) {
		uint64_t words[3];
		if (counters->opened.data[i].event != index ||
		    read(counters->opened.data[i].fd, words, sizeof(words)) != sizeof(words))
			continue;
		counter.value += words[0];
		counter.enabled += words[1];
		counter.running += words[2];
	}
	return counter;
}

bool plait_counters_user_only(const struct plait_counters *counters)
{
	for (size_t i = 0; i < counters->events->specs.count; i++)
		if (counters->states[i].user_only)
			return true;
	return false;
}

uint64_t plait_counter_scaled(const struct plait_counter *counter)
{
	if (!counter->running || counter->running >= counter->enabled)
		return counter->value;
	unsigned __int128 product = (unsigned __int128)counter->value * counter->enabled + counter->running / 2;
	unsigned __int128 scaled = product / counter->running;
	return scaled > UINT64_MAX ? UINT64_MAX : (uint64_t)scaled;
}
