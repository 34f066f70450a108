#include "python_unwind/bpf/sampler.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "python_unwind/bpf/refusal.h"
#include "python_unwind/bpf/shared.h"
#include "sampler.skel.h"

#define STACK_DEFAULT (512u << 10)
#define STACK_MAX (1u << 20) /* as many pages as the program's loop takes steps for */
#define LOG_SIZE 1024

/* The pid namespace that the kernel boots with (PROC_PID_INIT_INO, include/linux/proc_ns.h). */
#define INITIAL_PID_NAMESPACE 0xeffffffcu

struct plait_sampler {
	struct sampler_bpf *skeleton;
	uint32_t epoch; /* of the runtime added last */
};

/* The end of what libbpf says during a load, verifier log included. */
struct load_log {
	char text[LOG_SIZE];
};

/* libbpf's print function has no context argument. Set only while this thread loads. */
static _Thread_local struct load_log *current_log;

/* Appends `line`, dropping what came first when it gets too long. */
static void append_log(struct load_log *log, const char *line)
{
	size_t have = strlen(log->text), more = strlen(line);
	if (more >= LOG_SIZE) {
		line += more - (LOG_SIZE - 1);
		more = LOG_SIZE - 1;
	}
	if (have + more >= LOG_SIZE) {
		size_t gone = have + more - (LOG_SIZE - 1);
		memmove(log->text, log->text + gone, have - gone);
		have -= gone;
	}
	memcpy(log->text + have, line, more + 1);
}

static int capture_print(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char *line PLAIT_FREE = NULL;
	if (!current_log || level == LIBBPF_DEBUG)
		return 0;
	if (vasprintf(&line, format, arguments) < 0) {
		line = NULL;
		return 0;
	}
	append_log(current_log, line);
	return 0;
}

/* Makes one line of the log's last lines. */
static void tidy_log(struct load_log *log)
{
	for (char *at = log->text; *at; at++) {
		if (*at == '\n')
			*at = at[1] ? ' ' : '\0';
	}
}

/* The inode number of our pid namespace when it is not the initial one, else 0. */
static uint32_t foreign_pid_namespace(void)
{
	struct stat status;
	if (stat("/proc/self/ns/pid", &status) != 0 || status.st_ino == INITIAL_PID_NAMESPACE)
		return 0;
	return (uint32_t)status.st_ino;
}

/* The programs of the stages: those with bpf_loop(), or those that older kernels take. */
struct stage_programs {
	struct bpf_program *called[STAGE_COUNT], *bounded[STAGE_COUNT];
};

static struct stage_programs stage_programs(const struct sampler_bpf *skeleton)
{
	return (struct stage_programs) {
		.called = {
			[STAGE_WALK] = skeleton->progs.stage_walk,
			[STAGE_NAMES] = skeleton->progs.stage_names,
			[STAGE_STACK] = skeleton->progs.stage_stack,
		},
		.bounded = {
			[STAGE_WALK] = skeleton->progs.stage_walk_bounded,
			[STAGE_NAMES] = skeleton->progs.stage_names_bounded,
			[STAGE_STACK] = skeleton->progs.stage_stack_bounded,
		},
	};
}

/* Loads the programs with the stages of one kind and enters these as the targets of the tail calls. */
static int load_stages(struct sampler_bpf *skeleton)
{
	struct stage_programs programs = stage_programs(skeleton);
	bool has_loop = libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop, NULL) == 1;
	for (uint32_t stage = 0; stage < STAGE_COUNT; stage++)
		bpf_program__set_autoload(has_loop ? programs.bounded[stage] : programs.called[stage], false);
	int err = sampler_bpf__load(skeleton);
	for (uint32_t stage = 0; stage < STAGE_COUNT && !err; stage++) {
		int fd = bpf_program__fd(has_loop ? programs.called[stage] : programs.bounded[stage]);
		err = bpf_map_update_elem(bpf_map__fd(skeleton->maps.stages), &stage, &fd, BPF_ANY);
	}
	return err;
}

static int load(struct sampler_bpf *skeleton, const struct plait_sampler_options *options)
{
	int cpus = libbpf_num_possible_cpus();
	uint32_t stack_size = options->stack_size ? options->stack_size : STACK_DEFAULT;
	if (cpus < 0)
		return cpus;
	skeleton->rodata->stack_limit = stack_size < STACK_MAX ? stack_size : STACK_MAX;
	skeleton->rodata->filter = options->filter;
	skeleton->rodata->pid_namespace = foreign_pid_namespace();
	int err = bpf_map__set_max_entries(skeleton->maps.scratches, (uint32_t)cpus);
	if (!err)
		err = bpf_map__set_max_entries(skeleton->maps.output, (uint32_t)cpus);
	return err ? err : load_stages(skeleton);
}

struct plait_error *plait_sampler_open(const struct plait_sampler_options *options, struct plait_sampler **ret)
{
	struct plait_sampler *sampler = calloc(1, sizeof(*sampler));
	if (!sampler)
		return plait_error_no_memory();

	struct load_log log = { .text = "" };
	libbpf_set_print(capture_print);
	current_log = &log;
	int err = 0;
	sampler->skeleton = sampler_bpf__open();
	if (!sampler->skeleton)
		err = -errno;
	else
		err = load(sampler->skeleton, options);
	current_log = NULL;
	if (err) {
		tidy_log(&log);
		plait_sampler_close(sampler);
		return plait_sampler_refusal(-err, log.text);
	}
	*ret = sampler;
	return NULL;
}

void plait_sampler_close(struct plait_sampler *sampler)
{
	if (!sampler)
		return;
	sampler_bpf__destroy(sampler->skeleton);
	free(sampler);
}

int plait_sampler_program_fd(const struct plait_sampler *sampler)
{
	return bpf_program__fd(sampler->skeleton->progs.sample);
}

int plait_sampler_output_map_fd(const struct plait_sampler *sampler)
{
	return bpf_map__fd(sampler->skeleton->maps.output);
}

/* Sum of a counter over all CPUs. */
static struct plait_error *read_counter(struct plait_sampler *sampler, uint32_t counter, uint64_t *ret)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values PLAIT_FREE = cpus > 0 ? calloc((size_t)cpus, sizeof(*values)) : NULL;
	if (!values)
		return plait_error_no_memory();
	if (bpf_map_lookup_elem(bpf_map__fd(sampler->skeleton->maps.counters), &counter, values) != 0)
		return plait_error_system(errno, "cannot read the sampler's counters");
	*ret = 0;
	for (int i = 0; i < cpus; i++)
		*ret += values[i];
	return NULL;
}

struct plait_error *plait_sampler_count(struct plait_sampler *sampler, uint64_t *ret_runs, uint64_t *ret_dropped)
{
	uint64_t runs = 0, dropped = 0;
	PLAIT_TRY(read_counter(sampler, SAMPLER_RUNS, &runs));
	PLAIT_TRY(read_counter(sampler, SAMPLER_DROPPED, &dropped));
	*ret_runs = runs;
	*ret_dropped = dropped;
	return NULL;
}

struct plait_error *plait_sampler_watch(struct plait_sampler *sampler, uint32_t pid)
{
	uint32_t yes = 1;
	if (bpf_map_update_elem(bpf_map__fd(sampler->skeleton->maps.watched), &pid, &yes, BPF_ANY) != 0)
		return plait_error_system(errno, "cannot have process %u sampled", pid);
	return NULL;
}

static bool find_runtime(const struct plait_sampler *sampler, uint32_t pid, uint32_t slot, struct sampler_runtime *ret)
{
	struct sampler_runtime_key key = { .tgid = pid, .slot = slot };
	return bpf_map_lookup_elem(bpf_map__fd(sampler->skeleton->maps.runtimes), &key, ret) == 0;
}

static struct plait_error *put_runtime(const struct plait_sampler *sampler, uint32_t pid, uint32_t slot,
				       const struct sampler_runtime *value)
{
	struct sampler_runtime_key key = { .tgid = pid, .slot = slot };
	if (bpf_map_update_elem(bpf_map__fd(sampler->skeleton->maps.runtimes), &key, value, BPF_ANY) == 0)
		return NULL;
	struct plait_error *error = plait_error_system(errno, "cannot have the Python frames of process %u read", pid);
	return plait_error_advise(error, "the table of Python processes holds %u",
				  bpf_map__max_entries(sampler->skeleton->maps.runtimes));
}

struct plait_error *plait_sampler_add_runtime(struct plait_sampler *sampler, const struct plait_python_runtime *runtime)
{
	struct sampler_runtime added = { .epoch = ++sampler->epoch }, first;
	plait_python_runtime_plan(runtime, &added.plan);
	/* Another image's entries are stale; the same runtime again replaces itself. */
	if (!find_runtime(sampler, runtime->pid, 0, &first) || first.plan.start_stack != added.plan.start_stack)
		return put_runtime(sampler, runtime->pid, 0, &added);
	if (first.plan.runtime == added.plan.runtime) {
		added.more = first.more;
		return put_runtime(sampler, runtime->pid, 0, &added);
	}
	/* The second one must be there before the first one names it. */
	PLAIT_TRY(put_runtime(sampler, runtime->pid, 1, &added));
	first.more = 1;
	return put_runtime(sampler, runtime->pid, 0, &first);
}

void plait_sampler_forget(struct plait_sampler *sampler, uint32_t pid)
{
	/* Code objects that were seen are keyed by process image and epoch: no need to hunt for them. */
	for (uint32_t slot = 0; slot < SAMPLER_RUNTIMES_MAX; slot++) {
		struct sampler_runtime_key key = { .tgid = pid, .slot = slot };
		bpf_map_delete_elem(bpf_map__fd(sampler->skeleton->maps.runtimes), &key);
	}
	bpf_map_delete_elem(bpf_map__fd(sampler->skeleton->maps.watched), &pid);
}
