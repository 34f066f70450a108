/* Engine perf: perf events without BPF. The kernel copies the stack; Python frames are read right after. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/record/engine.h"
#include "cli/record/session.h"
#include "common/cleanup.h"
#include "perf/source/open.h"
#include "perf/ptrace/capture.h"
#include "perf/source/watch.h"
#include "python_unwind/outside/outside.h"

enum { STACK_MAX = 65528 /* sample_stack_user has 16 bits, and is a multiple of 8 */ };

struct own {
	struct plait_python_outside *outside;
	struct plait_error *no_watch; /* why Python frames cannot be checked; NULL: they can */
};

/* What runs in the kernel is not to be seen without rights: the events say so in their names. */
static void exclude_kernel(struct plait_event_spec *event)
{
	event->exclude_hypervisor = true;
	if (event->exclude_kernel)
		return;
	event->exclude_kernel = true;
	size_t length = strlen(event->name);
	bool has_modifier = strrchr(event->name, ':') && event->kind != PLAIT_EVENT_PMU;
	if (length + 3 < sizeof(event->name))
		strcpy(event->name + length, has_modifier ? "u" : ":u");
}

static struct plait_error *check_event(const struct plait_event_spec *event)
{
	if (event->kind == PLAIT_EVENT_TRACEPOINT || event->kind == PLAIT_EVENT_PROBE)
		return plait_error_advise(plait_error_new(PLAIT_ERROR_UNSUPPORTED,
							  "engine perf has no tracepoints and probes: %s", event->name),
					  "they need engine bpf: plait doctor says what this host allows");
	struct perf_event_attr attr;
	int fd PLAIT_CLOSE = -1;
	plait_event_attributes(event, &attr);
	attr.disabled = 1;
	if (event->counting)
		attr.sample_period = 0;
	return plait_event_open(event, &attr, 0, -1, -1, &fd);
}

static struct plait_error *perf_prepare(struct plait_engine_run *run, struct plait_session_options *options)
{
	if (options->system_wide)
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_UNSUPPORTED, "engine perf cannot record the whole machine"),
			"name processes: plait record -p PID");
	for (size_t i = 0; i < options->events.specs.count; i++) {
		exclude_kernel(&options->events.specs.data[i]);
		PLAIT_TRY(check_event(&options->events.specs.data[i]));
	}
	for (size_t i = 0; i < options->pid_count; i++)
		PLAIT_TRY(plait_capture_allowed(options->pids[i], false));
	struct own *own = calloc(1, sizeof(*own));
	run->own = own;
	if (!own)
		return plait_error_no_memory();
	own->no_watch = plait_watch_check();
	PLAIT_TRY(plait_python_outside_create(&own->outside));
	run->walker = plait_engine_outside_walker(own->outside);
	return NULL;
}

static struct plait_error *perf_open(struct plait_engine_run *run)
{
	const struct plait_session_options *options = run->options;
	struct own *own = run->own;
	uint32_t stack = options->stack_size ? options->stack_size : STACK_MAX;
	struct plait_source_options source = {
		.events = options->events.specs.data,
		.event_count = options->events.specs.count,
		.pids = options->pids,
		.pid_count = options->pid_count,
		.launch = run->launch,
		.program = { .program_fd = -1, .tracepoint_fd = -1, .probe_fd = -1, .output_map_fd = -1 },
		.stack_size = stack < STACK_MAX ? stack : STACK_MAX,
		.reader = plait_python_outside_reader(own->outside),
	};
	return plait_source_bpf_open(&source, &run->source);
}

static void perf_conclude(struct plait_engine_run *run, char *text, size_t size)
{
	const struct own *own = run->own;
	if (own->no_watch)
		snprintf(text, size, "no Python frame could be shown to belong to its sample: %s",
			 own->no_watch->message);
}

static void perf_release(struct plait_engine_run *run)
{
	struct own *own = run->own;
	if (!own)
		return;
	plait_python_outside_destroy(own->outside);
	plait_error_free(own->no_watch);
	free(own);
}

const struct plait_engine plait_engine_perf = {
	.name = "perf",
	.summary = "perf events without BPF: any event of own processes; Python frames are read after the sample and "
		   "checked",
	.tells_mappings = true,
	.prepare = perf_prepare,
	.open = perf_open,
	.conclude = perf_conclude,
	.release = perf_release,
};
