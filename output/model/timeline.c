#include "output/model/timeline.h"

#include <stdlib.h>

#include "common/cleanup.h"

enum { KEPT_MAX = 4 << 20 }; /* samples */

static uint64_t lane_key(uint32_t thread, uint32_t event)
{
	return (uint64_t)thread << 32 | event;
}

static int compare_lanes(const void *a, const void *b)
{
	const struct plait_lane *left = a, *right = b;
	uint64_t left_key = lane_key(left->thread, left->event), right_key = lane_key(right->thread, right->event);
	return (left_key > right_key) - (left_key < right_key);
}

/* Counts the selected samples into lanes, and notes where their stacks are in the tree. */
static struct plait_error *find_lanes(struct plait_timeline *timeline)
{
	const struct plait_profile *profile = timeline->profile;
	for (size_t i = 0; i < timeline->tree->samples.count; i++) {
		const struct plait_calltree_sample *placed = &timeline->tree->samples.data[i];
		const struct plait_profile_sample *sample = &profile->samples.data[placed->sample];
		*(sample->node == PLAIT_NONE ? &timeline->node_of_none : &timeline->node_of[sample->node]) =
			placed->node;
		uint64_t key = lane_key(sample->thread, sample->event);
		uint64_t *known = plait_map_get(&timeline->lane_of, key);
		if (!known) {
			struct plait_lane lane = { .thread = sample->thread, .event = sample->event };
			if (!plait_map_put(&timeline->lane_of, key, timeline->lanes.count) ||
			    !plait_vec_push(&timeline->lanes, lane))
				return plait_error_no_memory();
		}
		struct plait_lane *lane = &timeline->lanes.data[known ? *known : timeline->lanes.count - 1];
		lane->samples += sample->count;
	}
	if (timeline->lanes.count)
		qsort(timeline->lanes.data, timeline->lanes.count, sizeof(*timeline->lanes.data), compare_lanes);
	for (size_t i = 0; i < timeline->lanes.count; i++) {
		const struct plait_lane *lane = &timeline->lanes.data[i];
		*plait_map_get(&timeline->lane_of, lane_key(lane->thread, lane->event)) = i;
	}
	return NULL;
}

static struct plait_error *fill(struct plait_timeline *timeline, const struct plait_view_options *view)
{
	struct plait_view_options all = *view;
	all.all_events = !view->event;
	all.by_thread = all.inverted = false;
	PLAIT_TRY(plait_selection_create(timeline->profile, &all, &timeline->selection));
	struct plait_calltree_options wanted = { .grain = PLAIT_GRAIN_LINE, .keep_samples = true };
	PLAIT_TRY(plait_calltree_create(timeline->profile, timeline->selection, &wanted, &timeline->tree));
	timeline->node_of = calloc(timeline->profile->nodes.count + 1, sizeof(*timeline->node_of));
	return timeline->node_of ? find_lanes(timeline) : plait_error_no_memory();
}

struct plait_error *plait_timeline_create(const struct plait_profile *profile, const struct plait_view_options *view,
					  const struct plait_sample_feed *feed, struct plait_timeline **ret)
{
	if (!feed)
		return plait_error_new(PLAIT_ERROR_UNSUPPORTED, "this format needs the times of the samples");
	struct plait_timeline *timeline = calloc(1, sizeof(*timeline));
	if (!timeline)
		return plait_error_no_memory();
	timeline->profile = profile;
	timeline->feed = feed;
	struct plait_error *error = fill(timeline, view);
	if (error) {
		plait_timeline_destroy(timeline);
		return error;
	}
	*ret = timeline;
	return NULL;
}

void plait_timeline_destroy(struct plait_timeline *timeline)
{
	if (!timeline)
		return;
	plait_calltree_destroy(timeline->tree);
	plait_selection_destroy(timeline->selection);
	plait_vec_free(&timeline->lanes);
	plait_map_release(&timeline->lane_of);
	free(timeline->node_of);
	free(timeline);
}

/* A reading while it goes on. */
struct reading {
	const struct plait_timeline *timeline;
	plait_timed_take take;
	void *taker;
};

static uint64_t scaled(uint64_t weight, double scale)
{
	double product = (double)weight * scale;
	return scale == 1 ? weight : product < 1.8e19 ? (uint64_t)(product + 0.5) : UINT64_MAX;
}

static struct plait_error *give(const struct reading *reading, const struct plait_record_sample *sample, uint32_t event,
				uint64_t weight)
{
	const struct plait_timeline *timeline = reading->timeline;
	if (!plait_selection_takes(timeline->selection, sample->thread, event, sample->node))
		return NULL;
	uint64_t *lane = plait_map_get(&timeline->lane_of, lane_key(sample->thread, event));
	uint32_t node = sample->node == PLAIT_NONE ? timeline->node_of_none : timeline->node_of[sample->node];
	if (!lane || !node)
		return NULL; /* the file has changed since the profile was made */
	struct plait_timed_sample timed = {
		.time = sample->time,
		.weight = scaled(weight, timeline->profile->events.data[event].scale),
		.lane = (uint32_t)*lane,
		.node = node,
		.quality = plait_profile_quality(timeline->profile, sample),
	};
	return reading->take(reading->taker, &timed);
}

static struct plait_error *take_sample(void *context, const struct plait_record_sample *sample)
{
	const struct reading *reading = context;
	const struct plait_profile *profile = reading->timeline->profile;
	if (sample->thread >= profile->threads.count || sample->event >= profile->events.count ||
	    (sample->node != PLAIT_NONE && sample->node >= profile->nodes.count))
		return NULL;
	PLAIT_TRY(give(reading, sample, sample->event, sample->period));
	for (uint32_t i = 0; i < sample->read_count; i++) {
		const struct plait_record_read *read = &sample->reads[i];
		if (read->event < profile->events.count && read->event != sample->event &&
		    profile->events.data[read->event].traits.counting)
			PLAIT_TRY(give(reading, sample, read->event, read->value));
	}
	return NULL;
}

struct plait_error *plait_timeline_read(const struct plait_timeline *timeline, plait_timed_take take, void *taker)
{
	struct reading reading = { .timeline = timeline, .take = take, .taker = taker };
	return timeline->feed->read(timeline->feed->context, take_sample, &reading);
}

/* Some lanes, kept until they can be given in order. */
struct batch {
	size_t first, end;		    /* lanes */
	struct plait_timed_sample *samples; /* those of the first lane first; NULL: given at once */
	uint64_t *next;			    /* by lane - first: where its next sample goes */
	uint64_t *limit;		    /* by lane - first: where those of the next lane begin */
	plait_timed_take take;
	void *taker;
};

static struct plait_error *keep(void *context, const struct plait_timed_sample *sample)
{
	struct batch *batch = context;
	if (sample->lane < batch->first || sample->lane >= batch->end)
		return NULL;
	if (!batch->samples)
		return batch->take(batch->taker, sample);
	size_t lane = sample->lane - batch->first;
	if (batch->next[lane] < batch->limit[lane])
		batch->samples[batch->next[lane]++] = *sample;
	return NULL;
}

static struct plait_error *read_batch(const struct plait_timeline *timeline, struct batch *batch)
{
	size_t lanes = batch->end - batch->first;
	uint64_t *next PLAIT_FREE = calloc(lanes, sizeof(*next));
	uint64_t *limit PLAIT_FREE = calloc(lanes, sizeof(*limit));
	struct plait_timed_sample *samples PLAIT_FREE = NULL;
	uint64_t total = 0;
	if (!next || !limit)
		return plait_error_no_memory();
	for (size_t i = 0; i < lanes; i++) {
		next[i] = total;
		total += timeline->lanes.data[batch->first + i].samples;
		limit[i] = total;
	}
	if (lanes > 1) {
		samples = calloc(total, sizeof(*samples));
		if (!samples)
			return plait_error_no_memory();
	}
	batch->samples = samples;
	batch->next = next;
	batch->limit = limit;
	PLAIT_TRY(plait_timeline_read(timeline, keep, batch));
	for (size_t i = 0; samples && i < lanes; i++) {
		for (uint64_t at = i ? limit[i - 1] : 0; at < next[i]; at++)
			PLAIT_TRY(batch->take(batch->taker, &samples[at]));
	}
	return NULL;
}

struct plait_error *plait_timeline_read_lanes(const struct plait_timeline *timeline, plait_timed_take take, void *taker)
{
	struct batch batch = { .take = take, .taker = taker };
	while (batch.end < timeline->lanes.count) {
		batch.first = batch.end++;
		uint64_t total = timeline->lanes.data[batch.first].samples;
		while (batch.end < timeline->lanes.count && total + timeline->lanes.data[batch.end].samples <= KEPT_MAX)
			total += timeline->lanes.data[batch.end++].samples;
		PLAIT_TRY(read_batch(timeline, &batch));
	}
	return NULL;
}

bool plait_event_is_occurrence(const struct plait_profile_event *event)
{
	return !event->record.unit_ns && !event->record.frequency && event->record.period == 1 &&
	       !event->traits.counting;
}

uint32_t plait_timeline_first_event(const struct plait_timeline *timeline)
{
	uint32_t first = PLAIT_NONE;
	for (size_t i = 0; i < timeline->lanes.count; i++) {
		if (timeline->lanes.data[i].event < first)
			first = timeline->lanes.data[i].event;
	}
	return first;
}
