#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cli/record/pipeline_internal.h"
#include "common/memory.h"

const struct plait_process_python *plait_pipeline_python(const struct plait_pipeline *pipeline, uint32_t pid)
{
	const uint64_t *value = plait_map_get(&pipeline->pythons, pid);
	return value ? (const struct plait_process_python *)(uintptr_t)*value : NULL;
}

void plait_pipeline_forget_python(struct plait_pipeline *pipeline, uint32_t pid)
{
	const uint64_t *value = plait_map_get(&pipeline->pythons, pid);
	if (!value)
		return;
	free((void *)(uintptr_t)*value);
	plait_map_remove(&pipeline->pythons, pid);
	pipeline->options.walker.forget(pipeline->options.walker.context, pid);
	plait_code_registry_forget(pipeline->codes, pid);
}

/* The entry of `pid`, made when it is not there. */
static struct plait_process_python *python_of(struct plait_pipeline *pipeline, uint32_t pid)
{
	const uint64_t *value = plait_map_get(&pipeline->pythons, pid);
	if (value)
		return (struct plait_process_python *)(uintptr_t)*value;
	struct plait_process_python *python = calloc(1, sizeof(*python));
	if (python && !plait_map_put(&pipeline->pythons, pid, (uint64_t)(uintptr_t)python)) {
		free(python);
		return NULL;
	}
	return python;
}

/* What `file` is, looked at on first sight. A CPython that is not known is noted. */
static struct plait_error *inspect_file(struct plait_pipeline *pipeline, const struct plait_module_file *file,
					const struct plait_python_binary **ret)
{
	while (pipeline->inspected.count <= file->id) {
		if (!plait_vec_push(&pipeline->inspected, (struct plait_inspected) { 0 }))
			return plait_error_no_memory();
	}
	struct plait_inspected *inspected = &pipeline->inspected.data[file->id];
	if (!inspected->done) {
		inspected->done = true;
		struct plait_error *error = plait_python_binary_inspect(file->image, file->image_size,
									file->reference.path, &inspected->binary);
		if (error) {
			struct plait_error *failure = plait_pipeline_note(
				pipeline, "%s: %s; its stacks are native only", file->reference.path, error->message);
			plait_error_free(error);
			PLAIT_TRY(failure);
		}
		if (plait_python_needs_thread_block())
			inspected->thread_block = plait_python_thread_block(file->image, file->image_size);
	}
	*ret = inspected->binary;
	return NULL;
}

/* Completes what is known of an interpreter's evaluator, once a file. Nearly all stacks pass it, so it is made ready to
 * be unwound as well: without a table that takes long enough for a burst of first samples to be lost. */
static void complete_evaluator(struct plait_pipeline *pipeline, const struct plait_module_file *file)
{
	struct plait_inspected *inspected = &pipeline->inspected.data[file->id];
	if (inspected->whole)
		return;
	inspected->whole = true;
	plait_python_binary_find_fragments(inspected->binary, file->image, file->image_size);
	size_t count;
	const struct plait_python_range *ranges = plait_python_binary_evaluator(inspected->binary, &count);
	const struct plait_unwind_place place = { .module = file->id,
						  .image = file->image,
						  .image_size = file->image_size };
	for (size_t i = 0; i < count; i++)
		plait_unwinder_prepare(pipeline->unwinder, &place, ranges[i].start);
}

/* Hands one runtime to the walker and keeps it. */
static struct plait_error *add_runtime(struct plait_pipeline *pipeline, struct plait_process_python *python,
				       const struct plait_python_runtime *runtime)
{
	if (python->count == PLAIT_RUNTIMES_MAX)
		return plait_pipeline_note(pipeline,
					   "process %u has more than %d CPython runtimes: only %d are followed",
					   runtime->pid, PLAIT_RUNTIMES_MAX, PLAIT_RUNTIMES_MAX);
	PLAIT_TRY(pipeline->options.walker.add_runtime(pipeline->options.walker.context, runtime));
	python->runtimes[python->count] = *runtime;
	plait_python_runtime_plan(runtime, &python->plans[python->count]);
	python->count++;
	return NULL;
}

/* Where memory cannot be read from here, what the file says is all there is to check; the walk has checks of its own.
 */
static struct plait_error *check_runtime(struct plait_pipeline *pipeline, const struct plait_python_runtime *runtime,
					 const struct plait_memory *memory)
{
	struct plait_walk_plan plan;
	uint64_t word;
	plait_python_runtime_plan(runtime, &plan);
	if (pipeline->options.walker.inside && !plait_memory_u64(memory, plan.runtime, &word))
		return NULL;
	return plait_python_runtime_check(runtime, memory);
}

/* Checks a runtime that is new, and follows it. */
static struct plait_error *follow_runtime(struct plait_pipeline *pipeline, struct plait_process_python *python,
					  const struct plait_python_runtime *runtime,
					  const struct plait_module_file *file)
{
	const struct plait_process *process = plait_process_map_process(pipeline->processes, runtime->pid);
	struct plait_memory memory = plait_memory_of_process((pid_t)runtime->pid);
	struct plait_error *error = check_runtime(pipeline, runtime, &memory);
	if (error) {
		struct plait_error *failure = plait_pipeline_note(
			pipeline, "the CPython in process %u (%s) cannot be read: %s; its stacks are native only",
			runtime->pid, process ? process->name : "", error->message);
		plait_error_free(error);
		return failure;
	}
	PLAIT_TRY(add_runtime(pipeline, python, runtime));
	complete_evaluator(pipeline, file); /* slow: only now that the walker knows the runtime */
	return NULL;
}

/* A C library tells how its thread blocks are laid out: the runtimes that waited for that can be followed. */
static struct plait_error *note_thread_block(struct plait_pipeline *pipeline, struct plait_process_python *python,
					     uint32_t thread_block)
{
	python->thread_block = thread_block;
	uint32_t count = python->waiting_count;
	python->waiting_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		python->waiting[i].thread_block = thread_block;
		PLAIT_TRY(follow_runtime(pipeline, python, &python->waiting[i], python->waiting_files[i]));
	}
	return NULL;
}

/* Keeps a runtime until the process's C library is seen. */
static void wait_for_library(struct plait_process_python *python, const struct plait_python_runtime *runtime,
			     const struct plait_module_file *file)
{
	for (uint32_t i = 0; i < python->waiting_count; i++) {
		if (python->waiting[i].binary == runtime->binary && python->waiting[i].bias == runtime->bias)
			return;
	}
	if (python->waiting_count == PLAIT_RUNTIMES_MAX)
		return;
	python->waiting_files[python->waiting_count] = file;
	python->waiting[python->waiting_count++] = *runtime;
}

enum { WAITED_MAX = 200 }; /* samples: a dynamic linker is done long before */

struct plait_error *plait_pipeline_check_waiting(struct plait_pipeline *pipeline, uint32_t pid)
{
	const uint64_t *value = plait_python_needs_thread_block() ? plait_map_get(&pipeline->pythons, pid) : NULL;
	struct plait_process_python *python = value ? (struct plait_process_python *)(uintptr_t)*value : NULL;
	if (!python || !python->waiting_count || ++python->waited != WAITED_MAX)
		return NULL;
	const struct plait_process *process = plait_process_map_process(pipeline->processes, pid);
	return plait_pipeline_note(
		pipeline,
		"the CPython in process %u (%s) cannot be read: no file of the process says how large the C "
		"library's thread blocks are, as glibc's libc.so.6 does; its stacks are native only",
		pid, process ? process->name : "");
}

static bool is_followed(const struct plait_process_python *python, const struct plait_python_binary *binary,
			uint64_t bias)
{
	for (uint32_t i = 0; i < python->count; i++) {
		if (python->runtimes[i].binary == binary && python->runtimes[i].bias == bias)
			return true;
	}
	return false;
}

struct plait_error *plait_pipeline_inspect(struct plait_pipeline *pipeline, uint32_t pid,
					   const struct plait_mapping *mapping)
{
	if (!mapping->file || !mapping->file->is_elf || !mapping->file->image || mapping->file->is_vdso)
		return NULL;
	const struct plait_python_binary *binary = NULL;
	PLAIT_TRY(inspect_file(pipeline, mapping->file, &binary));
	const struct plait_process *process = plait_process_map_process(pipeline->processes, pid);
	uint32_t thread_block = pipeline->inspected.data[mapping->file->id].thread_block;
	if ((!binary && !thread_block) || !process)
		return NULL;
	struct plait_process_python *python = python_of(pipeline, pid);
	if (!python)
		return plait_error_no_memory();
	python->serial = process->serial;
	if (thread_block)
		PLAIT_TRY(note_thread_block(pipeline, python, thread_block));
	if (!binary || is_followed(python, binary, mapping->bias))
		return NULL;
	struct plait_python_runtime runtime = {
		.binary = binary,
		.pid = pid,
		.bias = mapping->bias,
		.start_stack = process->start_stack,
		.thread_block = python->thread_block,
	};
	if (plait_python_needs_thread_block() && !python->thread_block) {
		wait_for_library(python, &runtime, mapping->file);
		return NULL;
	}
	return follow_runtime(pipeline, python, &runtime, mapping->file);
}

struct plait_error *plait_pipeline_fork_python(struct plait_pipeline *pipeline, uint32_t parent, uint32_t child)
{
	const struct plait_process_python *from = plait_pipeline_python(pipeline, parent);
	const struct plait_process *process = plait_process_map_process(pipeline->processes, child);
	plait_pipeline_forget_python(pipeline, child); /* an earlier process with this pid */
	if (!from || !process)
		return NULL;
	struct plait_process_python copy = *from; /* python_of() may move the table, not the entry; still: a copy */
	struct plait_process_python *python = python_of(pipeline, child);
	if (!python)
		return plait_error_no_memory();
	python->serial = process->serial;
	python->thread_block = copy.thread_block;
	for (uint32_t i = 0; i < copy.count; i++) {
		copy.runtimes[i].pid = child;
		PLAIT_TRY(add_runtime(pipeline, python, &copy.runtimes[i]));
	}
	return NULL;
}

bool plait_pipeline_is_evaluator(const struct plait_pipeline *pipeline, uint32_t file, uint64_t address)
{
	if (file >= pipeline->inspected.count || !pipeline->inspected.data[file].binary)
		return false;
	size_t count;
	const struct plait_python_range *ranges =
		plait_python_binary_evaluator(pipeline->inspected.data[file].binary, &count);
	for (size_t i = 0; i < count; i++) {
		if (address >= ranges[i].start && address < ranges[i].end)
			return true;
	}
	return false;
}
