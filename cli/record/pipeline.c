#include "cli/record/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "cli/record/pipeline_internal.h"
#include "common/clock.h"
#include "common/memory.h"

struct plait_error *plait_pipeline_create(const struct plait_pipeline_options *options, struct plait_pipeline **ret)
{
	struct plait_pipeline *pipeline = calloc(1, sizeof(*pipeline));
	if (!pipeline)
		return plait_error_no_memory();
	pipeline->options = *options;
	pipeline->unknown_code = PLAIT_NONE;
	struct plait_error *error = plait_process_map_create(&pipeline->processes);
	if (!error && !(pipeline->source_names = plait_strtab_create()))
		error = plait_error_no_memory();
	if (!error)
		error = plait_unwinder_create(&pipeline->unwinder);
	if (!error)
		error = plait_code_registry_create(&pipeline->codes);
	if (!error)
		error = plait_symbolizer_create(&(struct plait_symbolizer_options) { 0 }, &pipeline->symbolizer);
	if (error) {
		plait_pipeline_destroy(pipeline);
		return error;
	}
	*ret = pipeline;
	return NULL;
}

static void destroy_pythons(struct plait_pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->pythons.capacity; i++) {
		if (pipeline->pythons.slots[i].used)
			free((void *)(uintptr_t)pipeline->pythons.slots[i].value);
	}
	plait_map_release(&pipeline->pythons);
	for (size_t i = 0; i < pipeline->inspected.count; i++)
		plait_python_binary_destroy(pipeline->inspected.data[i].binary);
	plait_vec_free(&pipeline->inspected);
}

void plait_pipeline_destroy(struct plait_pipeline *pipeline)
{
	if (!pipeline)
		return;
	plait_symbolizer_destroy(pipeline->symbolizer);
	plait_code_registry_destroy(pipeline->codes);
	plait_unwinder_destroy(pipeline->unwinder);
	destroy_pythons(pipeline);
	plait_process_map_destroy(pipeline->processes);
	plait_map_release(&pipeline->mappings_read);
	plait_map_release(&pipeline->process_ids);
	plait_map_release(&pipeline->thread_ids);
	plait_map_release(&pipeline->module_ids);
	plait_map_release(&pipeline->code_ids);
	plait_map_release(&pipeline->python_frames);
	plait_vec_free(&pipeline->places);
	plait_vec_free(&pipeline->leaf_samples);
	plait_vec_free(&pipeline->source_pids);
	plait_strtab_destroy(pipeline->source_names);
	plait_vec_free(&pipeline->stack);
	plait_vec_free(&pipeline->reads);
	plait_vec_free(&pipeline->anchors);
	plait_hybrid_stack_release(&pipeline->hybrid);
	for (size_t i = 0; i < pipeline->notes.count; i++)
		free(pipeline->notes.data[i]);
	plait_vec_free(&pipeline->notes);
	free(pipeline);
}

struct plait_pipeline_statistics plait_pipeline_statistics(const struct plait_pipeline *pipeline)
{
	struct plait_pipeline_statistics statistics = pipeline->statistics;
	statistics.unwind = plait_unwinder_statistics(pipeline->unwinder);
	return statistics;
}

/* ---- processes ---- */

struct inspection {
	struct plait_pipeline *pipeline;
	uint32_t pid;
	struct plait_error *error;
};

static bool inspect_mapping(void *context, const struct plait_mapping *mapping)
{
	struct inspection *inspection = context;
	if (mapping->protection & PROT_EXEC)
		inspection->error = plait_pipeline_inspect(inspection->pipeline, inspection->pid, mapping);
	return !inspection->error;
}

struct plait_error *plait_pipeline_scan(struct plait_pipeline *pipeline, uint32_t pid)
{
	PLAIT_TRY(plait_process_map_scan(pipeline->processes, pid));
	struct inspection inspection = { .pipeline = pipeline, .pid = pid };
	plait_process_map_each(pipeline->processes, pid, inspect_mapping, &inspection);
	return inspection.error;
}

/* Whether process `pid` still has a thread. */
static bool process_lives(uint32_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	FILE *maps = fopen(path, "re");
	if (!maps)
		return false;
	bool lives = fgetc(maps) != EOF; /* a zombie has no mappings; a process whose first thread ended has */
	fclose(maps);
	return lives;
}

static struct plait_error *handle_process_event(struct plait_pipeline *pipeline, const struct plait_source_event *event)
{
	pipeline->last_mapping.end = 0;
	PLAIT_TRY(plait_process_map_apply(pipeline->processes, event));
	switch (event->kind) {
	case PLAIT_SOURCE_MAP: {
		const struct plait_mapping *mapping =
			plait_process_map_find(pipeline->processes, event->pid, event->map.start);
		return mapping ? plait_pipeline_inspect(pipeline, event->pid, mapping) : NULL;
	}
	case PLAIT_SOURCE_FORK:
		if (event->pid != event->fork.parent_pid)
			return plait_pipeline_fork_python(pipeline, event->fork.parent_pid, event->pid);
		return NULL;
	case PLAIT_SOURCE_EXEC:
		plait_pipeline_forget_python(pipeline, event->pid);
		return NULL;
	case PLAIT_SOURCE_NAME:
		return plait_pipeline_rename(pipeline, event->pid, event->tid, event->name);
	case PLAIT_SOURCE_EXIT:
		if (event->pid == event->tid && !process_lives(event->pid)) {
			plait_pipeline_forget_python(pipeline, event->pid);
			pipeline->options.walker.unwatch(pipeline->options.walker.context, event->pid);
		}
		return NULL;
	default:
		return NULL;
	}
}

/* The plan of the CPython that a code object belongs to; NULL: it is none of this process image. */
static const struct plait_walk_plan *plan_of(const struct plait_pipeline *pipeline, const struct plait_wire_code *code)
{
	const struct plait_process_python *python = plait_pipeline_python(pipeline, code->pid);
	for (uint32_t i = 0; python && i < python->count; i++) {
		if (python->plans[i].runtime == code->runtime)
			return &python->plans[i];
	}
	return NULL;
}

static struct plait_error *handle_code(struct plait_pipeline *pipeline, const struct plait_wire_code *code)
{
	const struct plait_walk_plan *plan = plan_of(pipeline, code);
	if (!plan)
		return NULL; /* of a process image that is gone: so are its frames' names */
	struct plait_memory memory = plait_memory_of_process((pid_t)code->pid);
	return plait_code_registry_add(pipeline->codes, plan, code, &memory);
}

/* ---- samples ---- */

/* A library may have come since the mappings were read; a look that was later than the sample needs no other. */
static const struct plait_mapping *read_mappings_again(struct plait_pipeline *pipeline, uint64_t pc)
{
	const uint64_t *looked = plait_map_get(&pipeline->mappings_read, pipeline->sample_pid);
	if (!pipeline->options.reads_mappings || (looked && *looked > pipeline->sample_time))
		return NULL;
	plait_map_put(&pipeline->mappings_read, pipeline->sample_pid, plait_clock_ns(CLOCK_MONOTONIC));
	plait_error_free(plait_pipeline_scan(pipeline, pipeline->sample_pid));
	pipeline->last_mapping.end = 0;
	return plait_pipeline_mapping(pipeline, pc);
}

static bool find_place(void *context, uint64_t pc, struct plait_unwind_place *ret)
{
	const struct plait_mapping *mapping = plait_pipeline_mapping(context, pc);
	if (!mapping)
		mapping = read_mappings_again(context, pc);
	if (!mapping || !(mapping->protection & PROT_EXEC))
		return false;
	const struct plait_module_file *file = mapping->file;
	*ret = (struct plait_unwind_place) {
		.module = file ? file->id : UINT32_MAX,
		.bias = mapping->bias,
		.image = file && file->is_elf ? file->image : NULL,
		.image_size = file && file->is_elf ? file->image_size : 0,
		.start = mapping->start,
		.end = mapping->end,
	};
	return true;
}

/* Memory of the sample's process. Its last samples are unwound when it has ended: then code without a file (that of
 * -X perf, of a JIT) is what it was when it was read last. */
static bool read_process(void *context, uint64_t address, void *ret, size_t size)
{
	struct plait_pipeline *pipeline = context;
	const struct plait_process *process = plait_process_map_process(pipeline->processes, pipeline->sample_pid);
	uint32_t serial = process ? process->serial : 0;
	struct plait_code_bytes *known =
		&pipeline->code_bytes[plait_hash_u64(address ^ (uint64_t)serial << 48) % PLAIT_CODE_BYTES_COUNT];
	struct plait_memory memory = plait_memory_of_process((pid_t)pipeline->sample_pid);
	bool fits = size <= sizeof(known->bytes);
	if (plait_memory_read(&memory, address, ret, size)) {
		if (fits) {
			*known = (struct plait_code_bytes) { .pid = pipeline->sample_pid,
							     .serial = serial,
							     .address = address,
							     .size = (uint32_t)size };
			memcpy(known->bytes, ret, size);
		}
		return true;
	}
	if (!fits || known->pid != pipeline->sample_pid || known->serial != serial || known->address != address ||
	    known->size != size)
		return false;
	memcpy(ret, known->bytes, size);
	return true;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

/* The anchors of the sample's Python chain, ascending. */
static struct plait_error *collect_anchors(struct plait_pipeline *pipeline, const struct plait_python_chain *python)
{
	pipeline->anchors.count = 0;
	bool sorted = true;
	for (size_t i = 0; i < python->count; i++) {
		uint64_t anchor = python->frames[i].anchor;
		if (!anchor || python->status == PLAIT_WALK_BROKEN)
			continue;
		sorted &= !pipeline->anchors.count || pipeline->anchors.data[pipeline->anchors.count - 1] < anchor;
		if (!plait_vec_push(&pipeline->anchors, anchor))
			return plait_error_no_memory();
	}
	if (!sorted)
		qsort(pipeline->anchors.data, pipeline->anchors.count, sizeof(uint64_t), compare_u64);
	return NULL;
}

static void mark_evaluators(struct plait_pipeline *pipeline, struct plait_native_stack *native)
{
	for (size_t i = 0; i < native->count; i++) {
		struct plait_native_frame *frame = &native->frames[i];
		if (frame->module >= pipeline->inspected.count || !pipeline->inspected.data[frame->module].binary)
			continue;
		uint64_t pc = frame->flags & PLAIT_NATIVE_EXACT_PC ? frame->pc : frame->pc - 1;
		const struct plait_mapping *mapping = plait_pipeline_mapping(pipeline, pc);
		if (mapping && plait_pipeline_is_evaluator(pipeline, frame->module, pc - mapping->bias))
			frame->flags |= PLAIT_NATIVE_EVALUATOR;
	}
}

/* Unwinds and merges the user part of a sample into pipeline->hybrid. `*ret_checked`: it has Python frames that were
 * read after the sample. */
static struct plait_error *unwind_and_merge(struct plait_pipeline *pipeline, const struct plait_sample *sample,
					    struct plait_native_stack *ret_native, bool *ret_checked)
{
	PLAIT_TRY(collect_anchors(pipeline, &sample->python));
	struct plait_unwind_input input = {
		.registers = &sample->registers,
		.stack = &sample->stack,
		.anchors = pipeline->anchors.data,
		.anchor_count = pipeline->anchors.count,
		.find = find_place,
		.read = read_process,
		.context = pipeline,
	};
	plait_unwind(pipeline->unwinder, &input, ret_native);
	ret_native->copy = &sample->stack;
	mark_evaluators(pipeline, ret_native);
	*ret_checked = sample->python.checked && plait_merge_is_proven(ret_native, &sample->python);
	bool lost = sample->python.checked && !*ret_checked;
	const struct plait_python_chain none = { .status = PLAIT_WALK_LOST };
	return plait_merge(ret_native, lost ? &none : &sample->python, &pipeline->hybrid);
}

static struct plait_error *push_frame(struct plait_pipeline *pipeline, uint32_t frame)
{
	return plait_vec_push(&pipeline->stack, frame) ? NULL : plait_error_no_memory();
}

static struct plait_error *hybrid_frame(struct plait_pipeline *pipeline, const struct plait_hybrid_frame *frame,
					const struct plait_native_stack *native, const struct plait_sample *sample,
					uint32_t process, uint32_t *quality, uint32_t *ret)
{
	switch ((enum plait_hybrid_kind)frame->kind) {
	case PLAIT_HYBRID_NATIVE:
		return plait_pipeline_native_frame(pipeline, process, &native->frames[frame->index], quality, ret);
	case PLAIT_HYBRID_PYTHON:
		return plait_pipeline_python_frame(pipeline, &sample->python.frames[frame->index], quality, ret);
	case PLAIT_HYBRID_GAP:
		return plait_pipeline_marker_frame(pipeline, PLAIT_FRAME_GAP, ret);
	case PLAIT_HYBRID_TRUNCATED:
		return plait_pipeline_marker_frame(pipeline, PLAIT_FRAME_TRUNCATED, ret);
	case PLAIT_HYBRID_UNMERGED:
		return plait_pipeline_marker_frame(pipeline, PLAIT_FRAME_UNMERGED, ret);
	}
	return plait_error_new(PLAIT_ERROR_INVALID, "the merge gave a frame of unknown kind %u", frame->kind);
}

/* The recording's frame indexes of the whole stack, innermost first: kernel, then user. */
static struct plait_error *build_stack(struct plait_pipeline *pipeline, const struct plait_sample *sample,
				       const struct plait_native_stack *native, uint32_t process, uint32_t *quality)
{
	uint32_t index;
	pipeline->stack.count = 0;
	for (size_t i = 0; i < sample->kernel_count; i++) {
		PLAIT_TRY(plait_pipeline_kernel_frame(pipeline, sample->kernel_chain[i], &index));
		PLAIT_TRY(push_frame(pipeline, index));
	}
	for (size_t i = 0; i < pipeline->hybrid.count; i++) {
		PLAIT_TRY(
			hybrid_frame(pipeline, &pipeline->hybrid.frames[i], native, sample, process, quality, &index));
		PLAIT_TRY(push_frame(pipeline, index));
	}
	return NULL;
}

/* What else is known of the sample; `reads` of the record are those of the source. */
static struct plait_error *add_details(struct plait_pipeline *pipeline, const struct plait_sample *sample,
				       struct plait_record_sample *record)
{
	record->details = (sample->has_address ? PLAIT_DETAIL_ADDRESS : 0) |
			  (sample->has_data_source ? PLAIT_DETAIL_DATA_SOURCE : 0) |
			  (sample->latency ? PLAIT_DETAIL_LATENCY : 0) | (sample->exact_ip ? PLAIT_DETAIL_EXACT_IP : 0);
	record->address = sample->address;
	record->data_source = sample->data_source;
	record->latency = sample->latency;
	pipeline->reads.count = 0;
	for (size_t i = 0; i < sample->read_count; i++) {
		struct plait_record_read read = { .event = sample->reads[i].event, .value = sample->reads[i].value };
		if (!plait_vec_push(&pipeline->reads, read))
			return plait_error_no_memory();
	}
	record->reads = pipeline->reads.data;
	record->read_count = (uint32_t)pipeline->reads.count;
	return NULL;
}

static struct plait_error *write_sample(struct plait_pipeline *pipeline, const struct plait_sample *sample,
					uint32_t thread, uint32_t quality)
{
	uint32_t node;
	PLAIT_TRY(plait_recording_writer_add_stack(pipeline->options.writer, pipeline->stack.data,
						   pipeline->stack.count, &node));
	uint64_t started = pipeline->options.started_ns;
	struct plait_record record = {
		.kind = PLAIT_RECORD_SAMPLE,
		.sample = {
			.time = sample->time > started ? sample->time - started : 0,
			.thread = thread,
			.event = sample->event,
			.period = sample->period,
			.node = node,
			.quality = quality,
		},
	};
	PLAIT_TRY(add_details(pipeline, sample, &record.sample));
	if (pipeline->stack.count)
		PLAIT_TRY(plait_pipeline_count_leaf(pipeline, pipeline->stack.data[0]));
	pipeline->statistics.samples++;
	pipeline->statistics.incomplete += (quality & PLAIT_QUALITY_INCOMPLETE) != 0;
	pipeline->statistics.last_time = sample->time;
	return plait_recording_writer_add(pipeline->options.writer, &record, NULL);
}

static struct plait_error *handle_sample(struct plait_pipeline *pipeline, const struct plait_sample *sample)
{
	uint64_t begin = pipeline->options.measure ? plait_clock_ns(CLOCK_MONOTONIC) : 0;
	if (pipeline->sample_pid != sample->pid) {
		pipeline->sample_pid = sample->pid;
		pipeline->last_mapping.end = 0;
	}
	pipeline->sample_time = sample->time;
	if (!plait_process_map_process(pipeline->processes,
				       sample->pid)) /* its records were lost, or it is new to us */
		plait_error_free(plait_pipeline_scan(pipeline, sample->pid));
	PLAIT_TRY(plait_pipeline_check_waiting(pipeline, sample->pid));
	uint32_t process, thread;
	PLAIT_TRY(plait_pipeline_thread(pipeline, sample->pid, sample->tid, &process, &thread));
	struct plait_native_stack native;
	bool checked;
	PLAIT_TRY(unwind_and_merge(pipeline, sample, &native, &checked));
	if (pipeline->options.measure)
		pipeline->statistics.unwind_ns += plait_clock_ns(CLOCK_MONOTONIC) - begin;
	uint32_t quality = pipeline->hybrid.quality | (checked ? PLAIT_QUALITY_CHECKED : 0);
	PLAIT_TRY(build_stack(pipeline, sample, &native, process, &quality));
	return write_sample(pipeline, sample, thread, quality);
}

static struct plait_error *write_lost(struct plait_pipeline *pipeline, const struct plait_source_event *event)
{
	bool throttled = event->kind == PLAIT_SOURCE_THROTTLE;
	uint64_t count = throttled ? 1 : event->count;
	*(throttled ? &pipeline->statistics.throttled : &pipeline->statistics.lost) += count;
	struct plait_record record = {
		.kind = PLAIT_RECORD_LOST,
		.lost = { .time = event->time - pipeline->options.started_ns, .count = count, .throttled = throttled },
	};
	return plait_recording_writer_add(pipeline->options.writer, &record, NULL);
}

struct plait_error *plait_pipeline_handle(void *context, const struct plait_source_event *event)
{
	struct plait_pipeline *pipeline = context;
	switch (event->kind) {
	case PLAIT_SOURCE_SAMPLE:
		return handle_sample(pipeline, &event->sample);
	case PLAIT_SOURCE_CODE:
		return handle_code(pipeline, event->code);
	case PLAIT_SOURCE_LOST:
	case PLAIT_SOURCE_THROTTLE:
		return write_lost(pipeline, event);
	default:
		return handle_process_event(pipeline, event);
	}
}
