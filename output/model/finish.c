/*
 * The end of filling a profile: names for what has none, labels, trust figures.
 */
#include <stdlib.h>
#include <string.h>

#include "common/frame.h"
#include "output/model/profile.h"

static struct plait_error *take_names(struct plait_profile *profile, uint32_t frame,
				      const struct plait_symbols *symbols)
{
	struct plait_record_symbol_function functions[PLAIT_SYMBOL_INLINE_MAX];
	struct plait_record record = { .kind = PLAIT_RECORD_SYMBOL,
				       .symbol = { .frame = frame, .functions = functions } };
	for (uint32_t i = 0; i < symbols->count && i < PLAIT_SYMBOL_INLINE_MAX; i++) {
		const struct plait_symbol *symbol = &symbols->at[i];
		functions[record.symbol.count++] = (struct plait_record_symbol_function) { .name = symbol->name,
											   .file = symbol->file,
											   .line = symbol->line };
		record.symbol.start = symbol->start; /* of the last, the outermost */
		record.symbol.size = symbol->size;
	}
	return record.symbol.count ? plait_profile_apply(profile, &record) : NULL;
}

static struct plait_error *name_frames(struct plait_profile *profile, plait_profile_namer namer, void *context)
{
	for (uint32_t i = 0; i < profile->frames.count; i++) {
		const struct plait_profile_frame *frame = &profile->frames.data[i];
		if (frame->record.kind > PLAIT_FRAME_KERNEL || frame->function_count)
			continue;
		struct plait_symbols symbols = { 0 };
		namer(context, profile, &frame->record, &symbols);
		PLAIT_TRY(take_names(profile, i, &symbols));
	}
	return NULL;
}

static bool frame_is_unresolved(const struct plait_profile *profile, const struct plait_profile_frame *frame)
{
	for (uint32_t i = 0; i < frame->label_count; i++) {
		uint32_t label = profile->frame_labels.data[frame->labels + i];
		if (profile->labels.all.data[label].unresolved)
			return true;
	}
	return false;
}

static void count_sample(struct plait_trust *trust, const struct plait_profile_sample *sample)
{
	uint32_t quality = sample->quality;
	bool stack = sample->node != PLAIT_NONE;
	trust->samples += sample->count;
	trust->complete += stack && !(quality & PLAIT_QUALITY_INCOMPLETE) ? sample->count : 0;
	trust->gap += quality & PLAIT_QUALITY_GAP ? sample->count : 0;
	trust->truncated += quality & PLAIT_QUALITY_TRUNCATED ? sample->count : 0;
	trust->unmerged += quality & PLAIT_QUALITY_UNMERGED ? sample->count : 0;
	trust->unresolved += quality & PLAIT_QUALITY_UNRESOLVED ? sample->count : 0;
	trust->derived += quality & PLAIT_QUALITY_DERIVED ? sample->count : 0;
	trust->checked += quality & PLAIT_QUALITY_CHECKED ? sample->count : 0;
	trust->no_stack += stack ? 0 : sample->count;
}

static struct plait_error *find_unresolved(struct plait_profile *profile)
{
	profile->unresolved = calloc(profile->nodes.count + 1, sizeof(*profile->unresolved));
	if (!profile->unresolved)
		return plait_error_no_memory();
	for (size_t i = 0; i < profile->nodes.count; i++) {
		const struct plait_record_node *node = &profile->nodes.data[i];
		profile->unresolved[i] = (node->parent != PLAIT_NONE && profile->unresolved[node->parent]) ||
					 frame_is_unresolved(profile, &profile->frames.data[node->frame]);
	}
	return NULL;
}

/* The recorder cannot know whether a frame has a name: names are looked up at its end, or now. */
static uint32_t quality_of(const struct plait_profile *profile, uint32_t node, uint32_t quality)
{
	quality &= 0xff & ~(uint32_t)PLAIT_QUALITY_UNRESOLVED;
	return node != PLAIT_NONE && profile->unresolved[node] ? quality | PLAIT_QUALITY_UNRESOLVED : quality;
}

uint32_t plait_profile_quality(const struct plait_profile *profile, const struct plait_record_sample *sample)
{
	return quality_of(profile, sample->node, sample->quality);
}

static void compute_trust(struct plait_profile *profile)
{
	for (size_t i = 0; i < profile->samples.count; i++) {
		struct plait_profile_sample *sample = &profile->samples.data[i];
		sample->quality = quality_of(profile, sample->node, sample->quality);
		struct plait_profile_event *event = &profile->events.data[sample->event];
		if (!event->traits.counting)
			count_sample(&profile->trust, sample);
		count_sample(&event->trust, sample);
		event->total = plait_saturating_add(event->total, sample->weight);
	}
}

#define ALWAYS_RUNNING 0.99 /* of the time: what is missing then is the opening and closing of events */

/* Events that shared a counter with others counted only while they had it. */
static void scale_events(struct plait_profile *profile)
{
	for (size_t i = 0; i < profile->events.count; i++) {
		struct plait_profile_event *event = &profile->events.data[i];
		double enabled = (double)event->count.enabled, running = (double)event->count.running;
		if (running > 0 && running < ALWAYS_RUNNING * enabled)
			event->scale = enabled / running;
	}
	for (size_t i = 0; i < profile->samples.count; i++) {
		struct plait_profile_sample *sample = &profile->samples.data[i];
		double weight = (double)sample->weight * profile->events.data[sample->event].scale;
		if (profile->events.data[sample->event].scale != 1)
			sample->weight = weight < 1.8e19 ? (uint64_t)(weight + 0.5) : UINT64_MAX;
	}
}

static struct plait_error *finish_metric(struct plait_profile *profile)
{
	if (profile->metric_text)
		PLAIT_TRY(plait_metric_resolve(profile, profile->metric_text, &profile->metric));
	profile->metric_text = NULL;
	while (profile->metric.name && profile->ratios.count < profile->samples.count)
		if (!plait_vec_push(&profile->ratios, (struct plait_ratio) { 0 }))
			return plait_error_no_memory();
	const struct plait_metric *metric = &profile->metric;
	for (size_t i = 0; metric->name && !metric->paired && i < profile->samples.count; i++) {
		const struct plait_profile_sample *sample = &profile->samples.data[i];
		/* Samples of one event weigh about the same: the sum of their squares follows from the sum. */
		double weight = (double)sample->weight, squares = weight * weight / (double)sample->count;
		struct plait_ratio *ratio = &profile->ratios.data[i];
		if (sample->event == metric->numerator)
			*ratio = (struct plait_ratio) { .a = weight, .aa = squares, .samples = sample->count };
		if (sample->event == metric->denominator)
			*ratio = (struct plait_ratio) { .b = weight, .bb = squares, .samples = sample->count };
	}
	return NULL;
}

struct plait_error *plait_profile_finish(struct plait_profile *profile, plait_profile_namer namer, void *context)
{
	if (namer)
		PLAIT_TRY(name_frames(profile, namer, context));
	PLAIT_TRY(finish_metric(profile));
	PLAIT_TRY(plait_labels_build(profile));
	PLAIT_TRY(find_unresolved(profile));
	scale_events(profile);
	compute_trust(profile);
	plait_map_release(&profile->contexts);
	plait_map_release(&profile->sample_of);
	profile->finished = true;
	return NULL;
}
