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
#include "sampler_probe.skel.h"
#include "sampler_tracepoint.skel.h"

#define STACK_DEFAULT (512u << 10)
#define STACK_MAX (1u << 20) /* as many pages as the program's loop takes steps for */
#define LOG_SIZE 1024

/* The pid namespace that the kernel boots with (PROC_PID_INIT_INO, include/linux/proc_ns.h). */
#define INITIAL_PID_NAMESPACE 0xeffffffcu

/* The program for perf events is loaded always; the others, which share its maps, when they are wanted. */
enum kind { PERF_EVENT, TRACEPOINT, PROBE, KIND_COUNT };

struct plait_sampler {
	struct bpf_object *objects[KIND_COUNT];
	int counters, watched, runtimes, changes; /* maps: owned by the first object */
	uint64_t change;			  /* what `changes` says; never 0 */
	uint32_t epoch;				  /* of the runtime added last */
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

static struct bpf_object *open_kind(enum kind kind)
{
	size_t size = 0;
	const void *bytes = kind == PERF_EVENT	 ? sampler_bpf__elf_bytes(&size)
			    : kind == TRACEPOINT ? sampler_tracepoint_bpf__elf_bytes(&size)
						 : sampler_probe_bpf__elf_bytes(&size);
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "plait");
	return bpf_object__open_mem(bytes, size, &options);
}

/* Each stage is there twice: with bpf_loop(), or as older kernels take it. */
static struct bpf_program *stage_program(const struct bpf_object *object, enum stage stage, bool bounded)
{
	static const char *const names[STAGE_COUNT][2] = {
		[STAGE_WALK] = { "stage_walk", "stage_walk_bounded" },
		[STAGE_NAMES] = { "stage_names", "stage_names_bounded" },
		[STAGE_STACK] = { "stage_stack", "stage_stack_bounded" },
	};
	return bpf_object__find_program_by_name(object, names[stage][bounded]);
}

static int map_fd(const struct bpf_object *object, const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

/* Loads the programs with the stages of one kind of loop and enters these as the targets of the tail calls. */
static int load_stages(struct bpf_object *object)
{
	bool has_loop = libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop, NULL) == 1;
	for (uint32_t stage = 0; stage < STAGE_COUNT; stage++)
		bpf_program__set_autoload(stage_program(object, stage, has_loop), false);
	int err = bpf_object__load(object);
	for (uint32_t stage = 0; stage < STAGE_COUNT && !err; stage++) {
		int fd = bpf_program__fd(stage_program(object, stage, !has_loop));
		err = bpf_map_update_elem(map_fd(object, "stages"), &stage, &fd, BPF_ANY);
	}
	return err;
}

/* Sets the program's constants, before it is loaded. */
static void set_constants(struct bpf_object *object, enum kind kind, const struct plait_sampler_options *options,
			  int cpus)
{
	struct bpf_map *map;
	bpf_object__for_each_map(map, object)
	{
		size_t size;
		if (!strstr(bpf_map__name(map), ".rodata"))
			continue;
		/* older versions of libbpf say const, and let it be written all the same */
		struct sampler_bpf__rodata *constants = (void *)(uintptr_t)bpf_map__initial_value(map, &size);
		uint32_t stack_size = options->stack_size ? options->stack_size : STACK_DEFAULT;
		constants->stack_limit = stack_size < STACK_MAX ? stack_size : STACK_MAX;
		constants->sole = options->sole && kind == PERF_EVENT;
		constants->filter = options->filter || (kind != PERF_EVENT && !options->everything);
		constants->scratch_base = kind == PROBE ? (uint32_t)cpus : 0;
		constants->pid_namespace = foreign_pid_namespace();
	}
}

/* Makes the object's maps those of `first`, but for the constants and the stages. */
static int share_maps(struct bpf_object *object, const struct bpf_object *first)
{
	struct bpf_map *map;
	int err = 0;
	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);
		if (!err && !strstr(name, ".rodata") && strcmp(name, "stages") != 0)
			err = bpf_map__reuse_fd(map, map_fd(first, name));
	}
	return err;
}

static int size_maps(struct bpf_object *object, const struct plait_sampler_options *options, int cpus)
{
	int err = bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "scratches"),
					   (uint32_t)(options->probes ? 2 * cpus : cpus));
	return err ? err : bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "output"), (uint32_t)cpus);
}

static int load_kind(struct plait_sampler *sampler, enum kind kind, const struct plait_sampler_options *options)
{
	int cpus = libbpf_num_possible_cpus();
	if (cpus < 0)
		return cpus;
	struct bpf_object *object = open_kind(kind);
	if (!object)
		return -errno;
	sampler->objects[kind] = object;
	set_constants(object, kind, options, cpus);
	int err = kind == PERF_EVENT ? size_maps(object, options, cpus)
				     : share_maps(object, sampler->objects[PERF_EVENT]);
	return err ? err : load_stages(object);
}

static int load(struct plait_sampler *sampler, const struct plait_sampler_options *options)
{
	int err = load_kind(sampler, PERF_EVENT, options);
	if (err)
		return err;
	sampler->counters = map_fd(sampler->objects[PERF_EVENT], "counters");
	sampler->watched = map_fd(sampler->objects[PERF_EVENT], "watched");
	sampler->runtimes = map_fd(sampler->objects[PERF_EVENT], "runtimes");
	sampler->changes = map_fd(sampler->objects[PERF_EVENT], "changes");
	if (options->tracepoints)
		err = load_kind(sampler, TRACEPOINT, options);
	if (!err && options->probes)
		err = load_kind(sampler, PROBE, options);
	return err;
}

struct plait_error *plait_sampler_open(const struct plait_sampler_options *options, struct plait_sampler **ret)
{
	struct plait_sampler *sampler = calloc(1, sizeof(*sampler));
	if (!sampler)
		return plait_error_no_memory();

	struct load_log log = { .text = "" };
	libbpf_set_print(capture_print);
	current_log = &log;
	int err = load(sampler, options);
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
	for (int kind = KIND_COUNT; kind-- > 0;)
		bpf_object__close(sampler->objects[kind]);
	free(sampler);
}

static int program_fd(const struct plait_sampler *sampler, enum kind kind)
{
	const struct bpf_object *object = sampler->objects[kind];
	return object ? bpf_program__fd(bpf_object__find_program_by_name(object, "sample")) : -1;
}

int plait_sampler_program_fd(const struct plait_sampler *sampler)
{
	return program_fd(sampler, PERF_EVENT);
}

int plait_sampler_tracepoint_fd(const struct plait_sampler *sampler)
{
	return program_fd(sampler, TRACEPOINT);
}

int plait_sampler_probe_fd(const struct plait_sampler *sampler)
{
	return program_fd(sampler, PROBE);
}

int plait_sampler_output_map_fd(const struct plait_sampler *sampler)
{
	return map_fd(sampler->objects[PERF_EVENT], "output");
}

/* Sum of a counter over all CPUs. */
static struct plait_error *read_counter(struct plait_sampler *sampler, uint32_t counter, uint64_t *ret)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values PLAIT_FREE = cpus > 0 ? calloc((size_t)cpus, sizeof(*values)) : NULL;
	if (!values)
		return plait_error_no_memory();
	if (bpf_map_lookup_elem(sampler->counters, &counter, values) != 0)
		return plait_error_system(errno, "cannot read the sampler's counters");
	*ret = 0;
	for (int i = 0; i < cpus; i++)
		*ret += values[i];
	return NULL;
}

struct plait_error *plait_sampler_count(struct plait_sampler *sampler, struct plait_sampler_runs *ret)
{
	PLAIT_TRY(read_counter(sampler, SAMPLER_RUNS, &ret->sampled));
	PLAIT_TRY(read_counter(sampler, SAMPLER_PROBE_RUNS, &ret->probed));
	return read_counter(sampler, SAMPLER_DROPPED, &ret->dropped);
}

struct plait_error *plait_sampler_watch(struct plait_sampler *sampler, uint32_t pid, bool from_exec)
{
	uint32_t watch = from_exec ? SAMPLER_WATCH_FROM_EXEC : SAMPLER_WATCH_NOW;
	if (bpf_map_update_elem(sampler->watched, &pid, &watch, BPF_ANY) != 0)
		return plait_error_system(errno, "cannot have process %u sampled", pid);
	return NULL;
}

static bool find_runtime(const struct plait_sampler *sampler, uint32_t pid, uint32_t slot, struct sampler_runtime *ret)
{
	struct sampler_runtime_key key = { .tgid = pid, .slot = slot };
	return bpf_map_lookup_elem(sampler->runtimes, &key, ret) == 0;
}

/* To be called after each change of `runtimes`: the program has kept what it found there before. False: it has not been
 * told. */
static bool tell_change(struct plait_sampler *sampler)
{
	uint32_t zero = 0;
	sampler->change++;
	return bpf_map_update_elem(sampler->changes, &zero, &sampler->change, BPF_ANY) == 0;
}

static struct plait_error *put_runtime(struct plait_sampler *sampler, uint32_t pid, uint32_t slot,
				       const struct sampler_runtime *value)
{
	struct sampler_runtime_key key = { .tgid = pid, .slot = slot };
	if (bpf_map_update_elem(sampler->runtimes, &key, value, BPF_ANY) == 0 && tell_change(sampler))
		return NULL;
	struct plait_error *error = plait_error_system(errno, "cannot have the Python frames of process %u read", pid);
	return plait_error_advise(
		error, "the table of Python processes holds %u",
		bpf_map__max_entries(bpf_object__find_map_by_name(sampler->objects[PERF_EVENT], "runtimes")));
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
		bpf_map_delete_elem(sampler->runtimes, &key);
	}
	tell_change(sampler);
}

void plait_sampler_unwatch(struct plait_sampler *sampler, uint32_t pid)
{
	bpf_map_delete_elem(sampler->watched, &pid);
}
