/* Engine bpf: perf events, and a BPF program that copies the stack and walks the Python frames. */
#include <stdio.h>
#include <unistd.h>

#include "cli/record/engine.h"
#include "cli/record/session.h"
#include "common/cleanup.h"
#include "perf/source/open.h"
#include "python_unwind/bpf/sampler.h"

static struct plait_error *add_runtime(void *context, const struct plait_python_runtime *runtime)
{
	return plait_sampler_add_runtime(context, runtime);
}

static void forget(void *context, uint32_t pid)
{
	plait_sampler_forget(context, pid);
}

static void unwatch(void *context, uint32_t pid)
{
	plait_sampler_unwatch(context, pid);
}

static bool has_kind(const struct plait_event_list *events, enum plait_event_kind kind)
{
	for (size_t i = 0; i < events->specs.count; i++) {
		if (events->specs.data[i].kind == kind && !events->specs.data[i].counting)
			return true;
	}
	return false;
}

/* Opens each event on this process and closes it again: an event that the host refuses must not cost the user the
 * recording that the new one would replace. */
static struct plait_error *try_events(const struct plait_session_options *options)
{
	for (size_t i = 0; i < options->events.specs.count; i++) {
		struct perf_event_attr attr;
		int fd PLAIT_CLOSE = -1;
		plait_event_attributes(&options->events.specs.data[i], &attr);
		attr.disabled = 1;
		if (options->events.specs.data[i].counting)
			attr.sample_period = 0;
		PLAIT_TRY(plait_event_open(&options->events.specs.data[i], &attr, 0, -1, -1, &fd));
	}
	return NULL;
}

static struct plait_error *bpf_prepare(struct plait_engine_run *run, struct plait_session_options *options)
{
	struct plait_sampler_options sampler = {
		.stack_size = options->stack_size,
		.sole = plait_source_is_sole(options->events.specs.data, options->events.specs.count),
		.filter = options->pid_count > 0,
		.everything = options->system_wide,
		.tracepoints = has_kind(&options->events, PLAIT_EVENT_TRACEPOINT),
		.probes = has_kind(&options->events, PLAIT_EVENT_PROBE),
	};
	struct plait_sampler *loaded = NULL;
	PLAIT_TRY(plait_sampler_open(&sampler, &loaded));
	run->own = loaded;
	run->walker = (struct plait_walker) {
		.add_runtime = add_runtime, .forget = forget, .unwatch = unwatch, .context = loaded
	};
	return try_events(options);
}

static struct plait_error *bpf_watch(struct plait_engine_run *run)
{
	for (size_t i = 0; i < run->options->pid_count; i++)
		PLAIT_TRY(plait_sampler_watch(run->own, (uint32_t)run->options->pids[i], false));
	return run->launch > 0 ? plait_sampler_watch(run->own, (uint32_t)run->launch, true) : NULL;
}

static struct plait_error *count_runs(void *context, struct plait_source_runs *ret)
{
	struct plait_sampler_runs runs;
	PLAIT_TRY(plait_sampler_count(context, &runs));
	*ret = (struct plait_source_runs) { .sampled = runs.sampled, .probed = runs.probed };
	return NULL;
}

static struct plait_error *bpf_open(struct plait_engine_run *run)
{
	const struct plait_session_options *options = run->options;
	struct plait_source_options source = {
		.events = options->events.specs.data,
		.event_count = options->events.specs.count,
		.pids = options->pids,
		.pid_count = options->pid_count,
		.launch = run->launch,
		.system_wide = options->system_wide,
		.filtered = options->pid_count > 0,
		.program = {
			.program_fd = plait_sampler_program_fd(run->own),
			.tracepoint_fd = plait_sampler_tracepoint_fd(run->own),
			.probe_fd = plait_sampler_probe_fd(run->own),
			.output_map_fd = plait_sampler_output_map_fd(run->own),
			.count = count_runs,
			.context = run->own,
		},
	};
	return plait_source_bpf_open(&source, &run->source);
}

/* What Linux before 6.12 does not do: hand groups with :S down to new threads. */
static void bpf_conclude(struct plait_engine_run *run, char *text, size_t size)
{
	struct plait_source_statistics statistics;
	plait_source_bpf_statistics(&run->source, &statistics);
	*text = '\0';
	if (statistics.joined_late)
		snprintf(text, size,
			 "this kernel does not hand groups with :S down to new threads: %llu of them were joined a "
			 "moment after their start (Linux 6.12 and later do)",
			 (unsigned long long)statistics.joined_late);
}

static void bpf_release(struct plait_engine_run *run)
{
	plait_sampler_close(run->own);
}

const struct plait_engine plait_engine_bpf = {
	.name = "bpf",
	.summary = "perf events and a BPF program: exact stacks, any event, attaching",
	.tells_mappings = true,
	.prepare = bpf_prepare,
	.watch = bpf_watch,
	.open = bpf_open,
	.conclude = bpf_conclude,
	.release = bpf_release,
};
