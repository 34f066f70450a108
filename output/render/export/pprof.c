/*
 * pprof's profile.proto (https://github.com/google/pprof/blob/main/proto/profile.proto), gzip-compressed: for each
 * event a number of samples and a sum of periods. A location is a frame of the recording, with its inlined functions as
 * lines.
 */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "output/render/export/export.h"
#include "output/render/export/gzip.h"
#include "output/render/renderers.h"
#include "output/render/text_header.h"

/* Field numbers of profile.proto. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE,
	PROFILE_MAPPING,
	PROFILE_LOCATION,
	PROFILE_FUNCTION,
	PROFILE_STRING,
	PROFILE_TIME = 9,
	PROFILE_DURATION,
	PROFILE_PERIOD_TYPE,
	PROFILE_PERIOD,
	PROFILE_COMMENT,
	PROFILE_DEFAULT_TYPE
};

/* A message while it is put together. */
typedef PLAIT_VEC(uint8_t) message;

struct writer {
	const struct plait_profile *profile;
	const struct plait_selection *selection;
	FILE *out;
	struct plait_strtab *strings;
	message message, part, packed; /* scratch */
	bool failed;		       /* no memory */
};

static void put_byte(struct writer *writer, message *to, uint8_t byte)
{
	if (!plait_vec_push(to, byte))
		writer->failed = true;
}

static void put_varint(struct writer *writer, message *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		put_byte(writer, to, (uint8_t)(value | 0x80));
	put_byte(writer, to, (uint8_t)value);
}

/* A number; 0 is what is there when nothing is. */
static void put_number(struct writer *writer, message *to, uint32_t field, uint64_t value)
{
	if (!value)
		return;
	put_varint(writer, to, (uint64_t)field << 3);
	put_varint(writer, to, value);
}

static void put_bytes(struct writer *writer, message *to, uint32_t field, const void *bytes, size_t size)
{
	put_varint(writer, to, (uint64_t)field << 3 | 2);
	put_varint(writer, to, size);
	for (size_t i = 0; i < size; i++)
		put_byte(writer, to, ((const uint8_t *)bytes)[i]);
}

static void put_message(struct writer *writer, message *to, uint32_t field, const message *part)
{
	put_bytes(writer, to, field, part->data, part->count);
}

/* Ends a field of the profile itself: writes writer->message. */
static void end(struct writer *writer, uint32_t field)
{
	message head = { 0 };
	put_varint(writer, &head, (uint64_t)field << 3 | 2);
	put_varint(writer, &head, writer->message.count);
	fwrite(head.data, 1, head.count, writer->out);
	if (writer->message.count)
		fwrite(writer->message.data, 1, writer->message.count, writer->out);
	writer->message.count = 0;
	plait_vec_free(&head);
}

static void end_number(struct writer *writer, uint32_t field, uint64_t value)
{
	put_number(writer, &writer->message, field, value);
	fwrite(writer->message.data, 1, writer->message.count, writer->out);
	writer->message.count = 0;
}

static uint64_t string(struct writer *writer, const char *text)
{
	uint32_t id = plait_strtab_add(writer->strings, text, strlen(text), NULL);
	writer->failed = writer->failed || id == UINT32_MAX;
	return id;
}

static void put_type(struct writer *writer, const char *type, const char *unit)
{
	put_number(writer, &writer->message, 1, string(writer, type));
	put_number(writer, &writer->message, 2, string(writer, unit));
}

static bool is_selected(const struct writer *writer, uint32_t event)
{
	uint32_t wanted = plait_selection_event(writer->selection);
	return (wanted == PLAIT_NONE || wanted == event) && writer->profile->events.data[event].trust.samples;
}

static void put_types(struct writer *writer)
{
	bool first = true;
	for (uint32_t i = 0; i < writer->profile->events.count; i++) {
		const struct plait_record_event *event = &writer->profile->events.data[i].record;
		if (!is_selected(writer, i))
			continue;
		char name[256] = "samples";
		if (!first)
			snprintf(name, sizeof(name), "%s:samples", event->name);
		put_type(writer, name, "count");
		end(writer, PROFILE_SAMPLE_TYPE);
		put_type(writer, event->name, event->unit_ns ? "nanoseconds" : "count");
		end(writer, PROFILE_SAMPLE_TYPE);
		if (first) {
			put_type(writer, event->name, event->unit_ns ? "nanoseconds" : "count");
			end(writer, PROFILE_PERIOD_TYPE);
			end_number(writer, PROFILE_PERIOD,
				   event->frequency && event->unit_ns ? 1000000000 / event->frequency : event->period);
			end_number(writer, PROFILE_DEFAULT_TYPE, string(writer, event->name));
		}
		first = false;
	}
}

/* Modules first, as pprof takes the first mapping for the program; then the kernel and code without a file. */
static uint64_t mapping_of(const struct plait_profile *profile, const struct plait_record_frame *frame)
{
	if (frame->kind == PLAIT_FRAME_KERNEL)
		return profile->modules.count + 1;
	if (frame->kind != PLAIT_FRAME_NATIVE)
		return 0;
	return frame->module == PLAIT_NONE ? profile->modules.count + 2 : (uint64_t)frame->module + 1;
}

/* Addresses are those of the file: each mapping is said to begin at 0. */
static void put_mapping(struct writer *writer, uint64_t id, const char *name, const struct plait_build_id *build_id)
{
	char hex[2 * sizeof(build_id->bytes) + 1] = "";
	for (size_t i = 0; build_id && i < build_id->size; i++)
		snprintf(hex + 2 * i, 3, "%02x", build_id->bytes[i]);
	put_number(writer, &writer->message, 1, id);
	put_number(writer, &writer->message, 3, INT64_MAX);
	put_number(writer, &writer->message, 5, string(writer, name));
	put_number(writer, &writer->message, 6, string(writer, hex));
	for (uint32_t field = 7; field <= 10; field++) /* has functions, file names, lines, inlined frames */
		put_number(writer, &writer->message, field, 1);
	end(writer, PROFILE_MAPPING);
}

static void put_mappings(struct writer *writer)
{
	for (size_t i = 0; i < writer->profile->modules.count; i++) {
		const struct plait_record_module *module = &writer->profile->modules.data[i];
		put_mapping(writer, i + 1, module->path, &module->build_id);
	}
	put_mapping(writer, writer->profile->modules.count + 1, "[kernel.kallsyms]", NULL);
	put_mapping(writer, writer->profile->modules.count + 2, "[jit]", NULL);
}

static void put_location(struct writer *writer, uint32_t index)
{
	const struct plait_profile_frame *frame = &writer->profile->frames.data[index];
	put_number(writer, &writer->message, 1, (uint64_t)index + 1);
	put_number(writer, &writer->message, 2, mapping_of(writer->profile, &frame->record));
	put_number(writer, &writer->message, 3,
		   mapping_of(writer->profile, &frame->record) ? frame->record.address : 0);
	for (uint32_t i = 0; i < frame->label_count; i++) {
		const struct plait_label *label =
			&writer->profile->labels.all.data[writer->profile->frame_labels.data[frame->labels + i]];
		writer->part.count = 0;
		put_number(writer, &writer->part, 1, (uint64_t)label->function + 1);
		put_number(writer, &writer->part, 2, label->line > 0 ? (uint64_t)label->line : 0);
		put_message(writer, &writer->message, 4, &writer->part);
	}
	end(writer, PROFILE_LOCATION);
}

static void put_function(struct writer *writer, uint32_t id)
{
	const struct plait_label *label = &writer->profile->labels.all.data[id];
	bool plain = label->kind == PLAIT_LABEL_NATIVE || label->kind == PLAIT_LABEL_KERNEL;
	uint64_t name =
		string(writer, plain && !label->unresolved ? label->name : plait_export_name(writer->profile, label));
	put_number(writer, &writer->message, 1, (uint64_t)id + 1);
	put_number(writer, &writer->message, 2, name);
	put_number(writer, &writer->message, 3, name);
	put_number(writer, &writer->message, 4, string(writer, label->file));
	put_number(writer, &writer->message, 5,
		   label->kind == PLAIT_LABEL_PYTHON && label->line > 0 ? (uint64_t)label->line : 0);
	end(writer, PROFILE_FUNCTION);
}

static bool is_shown(const struct writer *writer, const struct plait_profile_frame *frame)
{
	return frame->label_count &&
	       plait_selection_shows(writer->selection, writer->profile->frame_labels.data[frame->labels]);
}

/* Thread and stack, then event: samples that differ only in the event become one with several values. */
static int compare_samples(const void *a, const void *b, void *context)
{
	const struct plait_profile *profile = context;
	const struct plait_profile_sample *left = &profile->samples.data[*(const uint32_t *)a];
	const struct plait_profile_sample *right = &profile->samples.data[*(const uint32_t *)b];
	if (left->thread != right->thread)
		return left->thread < right->thread ? -1 : 1;
	if (left->node != right->node)
		return left->node < right->node ? -1 : 1;
	return (left->event > right->event) - (left->event < right->event);
}

static void put_label(struct writer *writer, const char *key, const char *text, uint64_t number)
{
	writer->part.count = 0;
	put_number(writer, &writer->part, 1, string(writer, key));
	if (text)
		put_number(writer, &writer->part, 2, string(writer, text));
	put_number(writer, &writer->part, 3, number);
	put_message(writer, &writer->message, 3, &writer->part);
}

/* Samples first to end of `order`: of one thread and stack. */
static void put_sample(struct writer *writer, const uint32_t *order, size_t count)
{
	const struct plait_profile *profile = writer->profile;
	const struct plait_profile_sample *first = &profile->samples.data[order[0]];
	writer->packed.count = 0;
	for (uint32_t node = first->node; node != PLAIT_NONE; node = profile->nodes.data[node].parent) {
		uint32_t frame = profile->nodes.data[node].frame;
		if (is_shown(writer, &profile->frames.data[frame]))
			put_varint(writer, &writer->packed, (uint64_t)frame + 1);
	}
	if (!writer->packed.count) /* the stand-ins' locations come after those of frames */
		put_varint(writer, &writer->packed, profile->frames.count + (first->node == PLAIT_NONE ? 1 : 2));
	put_message(writer, &writer->message, 1, &writer->packed);
	writer->packed.count = 0;
	for (uint32_t event = 0; event < profile->events.count; event++) {
		uint64_t samples = 0, weight = 0;
		if (!is_selected(writer, event))
			continue;
		for (size_t i = 0; i < count; i++) {
			const struct plait_profile_sample *sample = &profile->samples.data[order[i]];
			samples += sample->event == event ? sample->count : 0;
			weight = plait_saturating_add(weight, sample->event == event ? sample->weight : 0);
		}
		put_varint(writer, &writer->packed, samples);
		put_varint(writer, &writer->packed, weight);
	}
	put_message(writer, &writer->message, 2, &writer->packed);
	const struct plait_record_thread *thread = &profile->threads.data[first->thread].record;
	const struct plait_record_process *process = &profile->processes.data[thread->process].record;
	put_label(writer, "thread", thread->name, 0);
	put_label(writer, "tid", NULL, thread->tid);
	put_label(writer, "process", process->name, 0);
	put_label(writer, "pid", NULL, process->pid);
	end(writer, PROFILE_SAMPLE);
}

static struct plait_error *put_samples(struct writer *writer)
{
	const struct plait_profile *profile = writer->profile;
	uint32_t *order PLAIT_FREE = calloc(profile->samples.count + 1, sizeof(*order));
	if (!order)
		return plait_error_no_memory();
	size_t count = 0;
	for (uint32_t i = 0; i < profile->samples.count; i++) {
		const struct plait_profile_sample *sample = &profile->samples.data[i];
		if (is_selected(writer, sample->event) &&
		    plait_selection_takes(writer->selection, sample->thread, sample->event, sample->node))
			order[count++] = i;
	}
	qsort_r(order, count, sizeof(*order), compare_samples, (void *)profile);
	for (size_t i = 0, next; i < count; i = next) {
		const struct plait_profile_sample *first = &profile->samples.data[order[i]];
		for (next = i + 1; next < count; next++) {
			const struct plait_profile_sample *other = &profile->samples.data[order[next]];
			if (other->thread != first->thread || other->node != first->node)
				break;
		}
		put_sample(writer, order + i, next - i);
	}
	return NULL;
}

/* Locations without a frame: of samples that have no stack, or no frame that is shown. */
static void put_stand_in(struct writer *writer, uint64_t id, uint32_t label)
{
	put_number(writer, &writer->message, 1, id);
	writer->part.count = 0;
	put_number(writer, &writer->part, 1, (uint64_t)label + 1);
	put_message(writer, &writer->message, 4, &writer->part);
	end(writer, PROFILE_LOCATION);
}

static struct plait_error *put_all(struct writer *writer)
{
	const struct plait_profile *profile = writer->profile;
	put_types(writer);
	PLAIT_TRY(put_samples(writer));
	put_mappings(writer);
	for (uint32_t i = 0; i < profile->frames.count; i++)
		put_location(writer, i);
	put_stand_in(writer, profile->frames.count + 1, profile->label_no_stack);
	put_stand_in(writer, profile->frames.count + 2, profile->label_hidden);
	for (uint32_t i = 0; i < profile->labels.all.count; i++)
		put_function(writer, i);
	end_number(writer, PROFILE_TIME, profile->header.started_unix_ns);
	end_number(writer, PROFILE_DURATION, profile->duration);
	end_number(writer, PROFILE_COMMENT, string(writer, profile->header.command));
	for (uint32_t i = 0; i < plait_strtab_count(writer->strings); i++) {
		const char *text = plait_strtab_get(writer->strings, i);
		put_bytes(writer, &writer->message, PROFILE_STRING, text, strlen(text));
		fwrite(writer->message.data, 1, writer->message.count, writer->out);
		writer->message.count = 0;
	}
	return writer->failed ? plait_error_no_memory() : plait_stream_error(writer->out);
}

struct plait_error *plait_render_pprof(const struct plait_profile *profile, const struct plait_view_options *view,
				       const struct plait_render_options *options, FILE *out)
{
	(void)options;
	struct plait_view_options all = *view;
	all.all_events = !view->event;
	struct plait_selection *selection;
	PLAIT_TRY(plait_selection_create(profile, &all, &selection));
	struct writer writer = { .profile = profile,
				 .selection = selection,
				 .out = plait_gzip_open(out),
				 .strings = plait_strtab_create() };
	struct plait_error *error = writer.out && writer.strings ? put_all(&writer) : plait_error_no_memory();
	if (writer.out && fclose(writer.out) != 0 && !error)
		error = plait_stream_error(out);
	plait_strtab_destroy(writer.strings);
	plait_vec_free(&writer.message);
	plait_vec_free(&writer.part);
	plait_vec_free(&writer.packed);
	plait_selection_destroy(selection);
	return error ? error : plait_stream_error(out);
}
