/* `plait script`: docs/formats.md. */
#include <inttypes.h>

#include "output/render/json_frame.h"
#include "output/render/render.h"
#include "output/render/text_header.h"
#include "output/model/utf8.h"

/* Calls `put` for each frame of the stack that is shown, innermost first; returns their number. */
static size_t each_frame(const struct plait_profile *profile, const struct plait_selection *selection, uint32_t node,
			 void (*put)(struct plait_json *json, const struct plait_label *label), struct plait_json *json)
{
	size_t count = 0;
	for (; node != PLAIT_NONE; node = profile->nodes.data[node].parent) {
		const struct plait_profile_frame *frame = &profile->frames.data[profile->nodes.data[node].frame];
		for (uint32_t i = 0; i < frame->label_count; i++) {
			uint32_t label = profile->frame_labels.data[frame->labels + i];
			if (!plait_selection_shows(selection, label))
				continue;
			put(json, &profile->labels.all.data[label]);
			count++;
		}
	}
	return count;
}

static void put_text_frame(struct plait_json *json, const struct plait_label *label)
{
	putc_unlocked('\t', json->out);
	fputs_unlocked(label->text, json->out);
	putc_unlocked('\n', json->out);
}

static void put_json_frame(struct plait_json *json, const struct plait_label *label)
{
	plait_json_frame(json, NULL, label);
}

/* A name in the text format: controls could break the line. */
static void put_name(FILE *out, const char *name)
{
	while (*name) {
		uint32_t point;
		size_t length = plait_utf8_decode(name, &point);
		if (!length || plait_utf8_is_control(point))
			fputc('?', out);
		else
			fwrite(name, 1, length, out);
		name += length ? length : 1;
	}
}

static void put_quality(FILE *out, uint32_t quality)
{
	uint32_t bit;
	const char *separator = "";
	for (const char *word; (word = plait_quality_word(quality, &bit)); quality &= ~bit) {
		fprintf(out, "%s%s", separator, word);
		separator = ",";
	}
	if (!*separator)
		fputs("exact", out);
}

/* Lines "\t= NAME VALUE" for what the sample has besides. */
static void write_details(const struct plait_profile *profile, const struct plait_record_sample *sample, FILE *out)
{
	for (uint32_t i = 0; i < sample->read_count; i++) {
		fputs("\t= ", out);
		put_name(out, profile->events.data[sample->reads[i].event].record.name);
		fprintf(out, " %" PRIu64 "\n", sample->reads[i].value);
	}
	if (sample->details & PLAIT_DETAIL_ADDRESS)
		fprintf(out, "\t= address 0x%" PRIx64 "\n", sample->address);
	if (sample->details & PLAIT_DETAIL_DATA_SOURCE)
		fprintf(out, "\t= data source 0x%" PRIx64 "\n", sample->data_source);
	if (sample->details & PLAIT_DETAIL_LATENCY)
		fprintf(out, "\t= latency %" PRIu64 "\n", sample->latency);
}

static void write_text(const struct plait_profile *profile, const struct plait_selection *selection,
		       const struct plait_record_sample *sample, uint32_t quality, FILE *out)
{
	const struct plait_record_thread *thread = &profile->threads.data[sample->thread].record;
	const struct plait_record_process *process = &profile->processes.data[thread->process].record;
	put_name(out, process->name);
	fprintf(out, " %" PRIu32 "/%" PRIu32 " %" PRIu64 ".%06" PRIu64 ": %" PRIu64 " ", process->pid, thread->tid,
		sample->time / 1000000000, sample->time % 1000000000 / 1000, sample->period);
	put_name(out, profile->events.data[sample->event].record.name);
	fputs(": ", out);
	put_quality(out, quality);
	fputc('\n', out);
	write_details(profile, sample, out);
	struct plait_json json = { .out = out };
	if (!each_frame(profile, selection, sample->node, put_text_frame, &json))
		fprintf(out, "\t%s\n", sample->node == PLAIT_NONE ? "[no stack]" : "[hidden]");
	fputc('\n', out);
}

static void write_json(const struct plait_profile *profile, const struct plait_selection *selection,
		       const struct plait_record_sample *sample, uint32_t quality, FILE *out)
{
	const struct plait_record_thread *thread = &profile->threads.data[sample->thread].record;
	const struct plait_record_process *process = &profile->processes.data[thread->process].record;
	struct plait_json json = { .out = out };
	plait_json_open(&json, NULL, '{');
	plait_json_seconds(&json, "time", sample->time);
	plait_json_string(&json, "process", process->name);
	plait_json_number(&json, "pid", process->pid);
	plait_json_string(&json, "thread", thread->name);
	plait_json_number(&json, "tid", thread->tid);
	plait_json_string(&json, "event", profile->events.data[sample->event].record.name);
	plait_json_number(&json, "period", sample->period);
	plait_json_quality(&json, "quality", quality);
	if (sample->read_count) {
		plait_json_open(&json, "counts", '[');
		for (uint32_t i = 0; i < sample->read_count; i++) {
			plait_json_open(&json, NULL, '{');
			plait_json_string(&json, "event", profile->events.data[sample->reads[i].event].record.name);
			plait_json_number(&json, "value", sample->reads[i].value);
			plait_json_close(&json, '}');
		}
		plait_json_close(&json, ']');
	}
	if (sample->details & PLAIT_DETAIL_ADDRESS)
		plait_json_number(&json, "address", sample->address);
	if (sample->details & PLAIT_DETAIL_DATA_SOURCE)
		plait_json_number(&json, "data_source", sample->data_source);
	if (sample->details & PLAIT_DETAIL_LATENCY)
		plait_json_number(&json, "latency", sample->latency);
	plait_json_open(&json, "frames", '[');
	each_frame(profile, selection, sample->node, put_json_frame, &json);
	plait_json_close(&json, ']');
	plait_json_close(&json, '}');
	fputc('\n', out);
}

struct plait_error *plait_script_write(const struct plait_profile *profile, const struct plait_selection *selection,
				       const struct plait_record_sample *sample, bool json, FILE *out)
{
	if (sample->thread >= profile->threads.count || sample->event >= profile->events.count ||
	    (sample->node != PLAIT_NONE && sample->node >= profile->nodes.count))
		return plait_error_new(PLAIT_ERROR_INVALID, "the recording changed while it was read");
	for (uint32_t i = 0; i < sample->read_count; i++)
		if (sample->reads[i].event >= profile->events.count)
			return plait_error_new(PLAIT_ERROR_INVALID, "the recording changed while it was read");
	if (!plait_selection_takes(selection, sample->thread, sample->event, sample->node))
		return NULL;
	uint32_t quality = plait_profile_quality(profile, sample);
	quality |= sample->node == PLAIT_NONE ? PLAIT_QUALITY_NO_STACK : 0;
	if (json)
		write_json(profile, selection, sample, quality, out);
	else
		write_text(profile, selection, sample, quality, out);
	return plait_stream_error(out);
}
