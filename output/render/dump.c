#include "output/render/dump.h"

#include <inttypes.h>
#include <string.h>

#include "output/render/json_frame.h"
#include "output/render/line.h"
#include "output/render/text_header.h"

enum { NAME_COLUMNS = 40, LOCATION_COLUMNS = 34 };

static const struct plait_profile_thread *find_thread(const struct plait_profile *profile, uint32_t pid, uint32_t tid,
						      uint32_t *ret_index)
{
	for (size_t i = profile->threads.count; i-- > 0;) {
		const struct plait_profile_thread *thread = &profile->threads.data[i];
		if (thread->record.tid == tid && profile->processes.data[thread->record.process].record.pid == pid) {
			*ret_index = (uint32_t)i;
			return thread;
		}
	}
	return NULL;
}

/* The last sample of the thread, or NULL. */
static const struct plait_profile_sample *find_sample(const struct plait_profile *profile, uint32_t pid, uint32_t tid)
{
	uint32_t index;
	if (!find_thread(profile, pid, tid, &index))
		return NULL;
	for (size_t i = profile->samples.count; i-- > 0;) {
		if (profile->samples.data[i].thread == index)
			return &profile->samples.data[i];
	}
	return NULL;
}

static const char *thread_name(const struct plait_profile *profile, const struct plait_dump_thread *thread)
{
	uint32_t index;
	const struct plait_profile_thread *found = find_thread(profile, thread->pid, thread->tid, &index);
	return found ? found->record.name : "";
}

static const char *process_name(const struct plait_profile *profile, uint32_t pid)
{
	for (size_t i = profile->processes.count; i-- > 0;) {
		if (profile->processes.data[i].record.pid == pid)
			return profile->processes.data[i].record.name;
	}
	return "";
}

/* proc(5), /proc/PID/stat, field 3. */
static const char *state_word(char state)
{
	switch (state) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "waiting for a device";
	case 'T':
		return "stopped by a signal";
	case 't':
		return "stopped by a debugger";
	case 'Z':
	case 'X':
	case '\0':
		return "ended";
	default:
		return "idle";
	}
}

static const char *how_word(enum plait_dump_how how)
{
	static const char *const words[] = { "not taken", "slept", "stopped", "sampled" };
	return words[how];
}

/* ---- text ---- */

static void put_location(struct plait_line *line, const struct plait_label *label,
			 const struct plait_record_frame *frame)
{
	char text[64] = "";
	size_t size;
	if (label->kind == PLAIT_LABEL_PYTHON) {
		const char *base = plait_label_base(label->file, &size);
		char place[300];
		int length = snprintf(place, sizeof(place), "%.*s", (int)(size < 200 ? size : 200), base);
		if (label->line > 0)
			length += snprintf(place + length, sizeof(place) - (size_t)length, ":%d", label->line);
		if (label->line > 0 && frame->column >= 0)
			snprintf(place + length, sizeof(place) - (size_t)length, ":%d", frame->column + 1);
		plait_line_put_tail(line, PLAIT_STYLE_DIM, place, LOCATION_COLUMNS);
	} else if (*label->package) {
		snprintf(text, sizeof(text), "[%.60s]", label->package);
		plait_line_put(line, PLAIT_STYLE_DIM, text, LOCATION_COLUMNS);
	}
}

static enum plait_style style_of(const struct plait_label *label)
{
	switch (label->kind) {
	case PLAIT_LABEL_PYTHON:
		return PLAIT_STYLE_PYTHON;
	case PLAIT_LABEL_KERNEL:
		return PLAIT_STYLE_KERNEL;
	case PLAIT_LABEL_MARKER:
		return PLAIT_STYLE_MARKER;
	default:
		return PLAIT_STYLE_NATIVE;
	}
}

static void put_frame(struct plait_line *line, const struct plait_label *label, const struct plait_record_frame *frame)
{
	plait_line_move(line, 4);
	plait_line_put(line, style_of(label), label->name, NAME_COLUMNS);
	plait_line_move(line, 4 + NAME_COLUMNS + 1);
	put_location(line, label, frame);
	const char *source = NULL;
	const struct plait_render_options *options = line->options;
	if (label->kind == PLAIT_LABEL_PYTHON && label->line > 0 && options->source_line)
		source = options->source_line(options->source_context, label->file, label->line);
	if (source) {
		source += strspn(source, " \t");
		plait_line_move(line, 4 + NAME_COLUMNS + 1 + LOCATION_COLUMNS + 1);
		plait_line_put(line, PLAIT_STYLE_PLAIN, source, UINT32_MAX);
	}
	plait_line_end(line);
}

/* The locals of a thread's Python frame of that number. */
static void put_locals(struct plait_line *line, const struct plait_dump_thread *thread, uint32_t frame)
{
	for (size_t i = 0; i < thread->local_count; i++) {
		const struct plait_dump_local *local = &thread->locals[i];
		if (local->frame != frame)
			continue;
		plait_line_move(line, 8);
		plait_line_put(line, PLAIT_STYLE_DIM, local->name, 40);
		plait_line_format(line, PLAIT_STYLE_DIM, " = ");
		plait_line_put(line, PLAIT_STYLE_PLAIN, local->value, UINT32_MAX);
		plait_line_end(line);
	}
}

static void put_stack(const struct plait_profile *profile, const struct plait_dump *dump,
		      const struct plait_dump_thread *thread, uint32_t node, struct plait_line *line)
{
	uint32_t python = 0;
	for (; node != PLAIT_NONE; node = profile->nodes.data[node].parent) {
		const struct plait_profile_frame *frame = &profile->frames.data[profile->nodes.data[node].frame];
		for (uint32_t i = 0; i < frame->label_count; i++) {
			const struct plait_label *label =
				&profile->labels.all.data[profile->frame_labels.data[frame->labels + i]];
			if (!label->machinery || dump->full)
				put_frame(line, label, &frame->record);
		}
		if (frame->record.kind == PLAIT_FRAME_PYTHON)
			put_locals(line, thread, python++);
	}
}

static void put_thread(const struct plait_profile *profile, const struct plait_dump_thread *thread,
		       struct plait_line *line)
{
	plait_line_format(line, PLAIT_STYLE_PLAIN, "  thread %" PRIu32, thread->tid);
	plait_line_move(line, 20);
	plait_line_put(line, PLAIT_STYLE_STRONG, thread_name(profile, thread), 16);
	plait_line_move(line, 38);
	plait_line_format(line, PLAIT_STYLE_PLAIN, "%s%s", state_word(thread->state),
			  thread->attached ? ", has the GIL" : "");
	if (thread->how == PLAIT_DUMP_STOPPED)
		plait_line_format(line, PLAIT_STYLE_DIM, "   (stopped for %.2f ms)", (double)thread->stopped_ns / 1e6);
	if (thread->how == PLAIT_DUMP_NOT && thread->reason)
		plait_line_format(line, PLAIT_STYLE_MARKER, "   (no stack: %s)", thread->reason);
	plait_line_end(line);
}

struct plait_error *plait_dump_write_text(const struct plait_profile *profile, const struct plait_dump *dump,
					  const struct plait_render_options *options, FILE *out)
{
	struct plait_line line = { .out = out, .options = options };
	for (size_t i = 0; i < dump->count; i++) {
		const struct plait_dump_thread *thread = &dump->threads[i];
		if (!i || thread->pid != thread[-1].pid) {
			if (i)
				plait_line_end(&line);
			plait_line_format(&line, PLAIT_STYLE_STRONG, "process %" PRIu32 " ", thread->pid);
			plait_line_put(&line, PLAIT_STYLE_STRONG, process_name(profile, thread->pid), 40);
			plait_line_end(&line);
		}
		put_thread(profile, thread, &line);
		const struct plait_profile_sample *sample =
			thread->how == PLAIT_DUMP_NOT ? NULL : find_sample(profile, thread->pid, thread->tid);
		if (sample)
			put_stack(profile, dump, thread, sample->node, &line);
	}
	return plait_stream_error(out);
}

/* ---- JSON ---- */

static void put_json_locals(struct plait_json *json, const struct plait_dump_thread *thread, uint32_t frame)
{
	plait_json_open(json, "locals", '[');
	for (size_t i = 0; i < thread->local_count; i++) {
		if (thread->locals[i].frame != frame)
			continue;
		plait_json_open(json, NULL, '{');
		plait_json_string(json, "name", thread->locals[i].name);
		plait_json_string(json, "value", thread->locals[i].value);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
}

static void put_json_stack(const struct plait_profile *profile, const struct plait_dump *dump,
			   const struct plait_dump_thread *thread, uint32_t node, struct plait_json *json)
{
	uint32_t python = 0;
	plait_json_open(json, "frames", '[');
	for (; node != PLAIT_NONE; node = profile->nodes.data[node].parent) {
		const struct plait_profile_frame *frame = &profile->frames.data[profile->nodes.data[node].frame];
		for (uint32_t i = 0; i < frame->label_count; i++) {
			const struct plait_label *label =
				&profile->labels.all.data[profile->frame_labels.data[frame->labels + i]];
			if (label->machinery && !dump->full)
				continue;
			plait_json_open(json, NULL, '{');
			plait_json_frame(json, "function", label);
			if (label->kind == PLAIT_LABEL_PYTHON && frame->record.column >= 0) {
				plait_json_signed(json, "column", frame->record.column + 1);
				plait_json_signed(json, "end_line", frame->record.end_line);
				plait_json_signed(json, "end_column", frame->record.end_column + 1);
			}
			if (label->kind == PLAIT_LABEL_PYTHON && thread->local_count)
				put_json_locals(json, thread, python);
			plait_json_close(json, '}');
		}
		python += frame->record.kind == PLAIT_FRAME_PYTHON;
	}
	plait_json_close(json, ']');
}

static void put_json_thread(const struct plait_profile *profile, const struct plait_dump *dump,
			    const struct plait_dump_thread *thread, struct plait_json *json)
{
	char state[2] = { thread->state ? thread->state : 'X', '\0' };
	plait_json_open(json, NULL, '{');
	plait_json_number(json, "tid", thread->tid);
	plait_json_string(json, "name", thread_name(profile, thread));
	plait_json_string(json, "state", state);
	plait_json_bool(json, "gil", thread->attached);
	plait_json_string(json, "how", how_word(thread->how));
	if (thread->how == PLAIT_DUMP_STOPPED)
		plait_json_seconds(json, "stopped", thread->stopped_ns);
	if (thread->how == PLAIT_DUMP_NOT && thread->reason)
		plait_json_string(json, "reason", thread->reason);
	const struct plait_profile_sample *sample =
		thread->how == PLAIT_DUMP_NOT ? NULL : find_sample(profile, thread->pid, thread->tid);
	if (sample) {
		plait_json_quality(json, "quality", sample->quality);
		put_json_stack(profile, dump, thread, sample->node, json);
	}
	plait_json_close(json, '}');
}

struct plait_error *plait_dump_write_json(const struct plait_profile *profile, const struct plait_dump *dump, FILE *out)
{
	struct plait_json json = { .out = out };
	plait_json_open(&json, NULL, '{');
	plait_json_string(&json, "format", "plait-dump");
	plait_json_number(&json, "version", 1);
	plait_json_open(&json, "processes", '[');
	for (size_t i = 0; i < dump->count; i++) {
		bool first = !i || dump->threads[i].pid != dump->threads[i - 1].pid;
		bool last = i + 1 == dump->count || dump->threads[i].pid != dump->threads[i + 1].pid;
		if (first) {
			plait_json_open(&json, NULL, '{');
			plait_json_number(&json, "pid", dump->threads[i].pid);
			plait_json_string(&json, "name", process_name(profile, dump->threads[i].pid));
			plait_json_open(&json, "threads", '[');
		}
		put_json_thread(profile, dump, &dump->threads[i], &json);
		if (last) {
			plait_json_close(&json, ']');
			plait_json_close(&json, '}');
		}
	}
	plait_json_close(&json, ']');
	plait_json_close(&json, '}');
	fputc('\n', out);
	return plait_stream_error(out);
}
