#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/record/pipeline_internal.h"
#include "common/cleanup.h"

/* The command line of `pid` with blanks between the words; "" when it cannot be read. */
static void read_command_line(uint32_t pid, char *ret, size_t size)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	int fd PLAIT_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, ret, size - 1) : 0;
	if (got < 0)
		got = 0;
	while (got > 0 && !ret[got - 1])
		got--;
	for (ssize_t i = 0; i < got; i++) {
		if (iscntrl((unsigned char)ret[i]))
			ret[i] = ' ';
	}
	ret[got] = '\0';
}

static struct plait_error *define_process(struct plait_pipeline *pipeline, uint32_t pid,
					  const struct plait_process *process, uint32_t *ret)
{
	char command[4096];
	read_command_line(pid, command, sizeof(command));
	const struct plait_process_python *python = plait_pipeline_python(pipeline, pid);
	uint64_t start = process && process->start_time > pipeline->options.started_ns
				 ? process->start_time - pipeline->options.started_ns
				 : 0;
	struct plait_record record = {
		.kind = PLAIT_RECORD_PROCESS,
		.process = {
			.pid = pid,
			.parent = PLAIT_NONE,
			.time = start,
			.name = process ? process->name : "?",
			.command = command,
			.python = python && python->count ?
					  plait_python_binary_description(python->runtimes[0].binary) :
					  "",
		},
	};
	return plait_recording_writer_add(pipeline->options.writer, &record, ret);
}

static struct plait_error *process_index(struct plait_pipeline *pipeline, uint32_t pid, uint32_t *ret)
{
	const struct plait_process *process = plait_process_map_process(pipeline->processes, pid);
	/* A process that the map never heard of is told apart by its pid alone. */
	uint64_t key = process ? process->serial : (1ULL << 32) + pid;
	const uint64_t *known = plait_map_get(&pipeline->process_ids, key);
	if (known) {
		*ret = (uint32_t)*known;
		return NULL;
	}
	uint32_t index;
	PLAIT_TRY(define_process(pipeline, pid, process, &index));
	if (!plait_map_put(&pipeline->process_ids, key, index))
		return plait_error_no_memory();
	*ret = index;
	return NULL;
}

struct plait_error *plait_pipeline_thread(struct plait_pipeline *pipeline, uint32_t pid, uint32_t tid,
					  uint32_t *ret_process, uint32_t *ret_thread)
{
	uint32_t process = 0;
	PLAIT_TRY(process_index(pipeline, pid, &process));
	uint64_t key = (uint64_t)process << 32 | tid;
	const uint64_t *known = plait_map_get(&pipeline->thread_ids, key);
	uint32_t index;
	if (known) {
		index = (uint32_t)*known;
	} else {
		const char *name = plait_process_map_thread_name(pipeline->processes, tid);
		struct plait_record record = {
			.kind = PLAIT_RECORD_THREAD,
			.thread = { .process = process, .tid = tid, .name = name ? name : "" },
		};
		PLAIT_TRY(plait_recording_writer_add(pipeline->options.writer, &record, &index));
		if (!plait_map_put(&pipeline->thread_ids, key, index))
			return plait_error_no_memory();
	}
	*ret_process = process;
	*ret_thread = index;
	return NULL;
}

struct plait_error *plait_pipeline_rename(struct plait_pipeline *pipeline, uint32_t pid, uint32_t tid, const char *name)
{
	const struct plait_process *process = plait_process_map_process(pipeline->processes, pid);
	const uint64_t *index = process ? plait_map_get(&pipeline->process_ids, process->serial) : NULL;
	const uint64_t *thread = index ? plait_map_get(&pipeline->thread_ids, *index << 32 | tid) : NULL;
	if (!thread)
		return NULL; /* it has no sample yet: its name is asked for then */
	struct plait_record record = {
		.kind = PLAIT_RECORD_THREAD_NAME,
		.thread_name = { .thread = (uint32_t)*thread, .name = name },
	};
	return plait_recording_writer_add(pipeline->options.writer, &record, NULL);
}

struct plait_error *plait_pipeline_note(struct plait_pipeline *pipeline, const char *format, ...)
{
	char *text PLAIT_FREE = NULL;
	va_list arguments;
	va_start(arguments, format);
	int size = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (size < 0) {
		text = NULL;
		return plait_error_no_memory();
	}
	for (size_t i = 0; i < pipeline->notes.count; i++) {
		if (strcmp(pipeline->notes.data[i], text) == 0)
			return NULL;
	}
	if (!plait_vec_push(&pipeline->notes, text))
		return plait_error_no_memory();
	const char *kept = PLAIT_TAKE(text);
	struct plait_record record = { .kind = PLAIT_RECORD_NOTE, .note = { .text = kept } };
	return plait_recording_writer_add(pipeline->options.writer, &record, NULL);
}

const char *plait_pipeline_next_note(struct plait_pipeline *pipeline)
{
	return pipeline->notes_told < pipeline->notes.count ? pipeline->notes.data[pipeline->notes_told++] : NULL;
}
