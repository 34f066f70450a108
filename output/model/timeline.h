/*
 * Samples in the order of time, each with its place in a call tree. A profile forgets when its samples were, so the
 * recording is read once more: memory grows with the number of distinct stacks, not with that of the samples.
 */
#ifndef PLAIT_OUTPUT_MODEL_TIMELINE_H
#define PLAIT_OUTPUT_MODEL_TIMELINE_H

#include "output/model/calltree.h"

typedef struct plait_error *(*plait_sample_take)(void *taker, const struct plait_record_sample *sample);

/* Gives every sample of the recording that a profile was made of, in its order, until `take` returns an error. */
struct plait_sample_feed {
	struct plait_error *(*read)(void *context, plait_sample_take take, void *taker);
	void *context;
};

/* The samples of one event on one thread. */
struct plait_lane {
	uint32_t thread, event;
	uint64_t samples;
};

struct plait_timed_sample {
	uint64_t time;	  /* ns since the recording began */
	uint64_t weight;  /* scaled as in the profile */
	uint32_t lane;	  /* index in timeline.lanes */
	uint32_t node;	  /* in timeline.tree */
	uint32_t quality; /* enum plait_quality */
};

struct plait_timeline {
	const struct plait_profile *profile;
	struct plait_selection *selection;
	struct plait_calltree *tree;	    /* grain LINE: nothing folded */
	PLAIT_VEC(struct plait_lane) lanes; /* by thread, then event; none is empty */
	const struct plait_sample_feed *feed;
	uint32_t *node_of;	  /* by node of the profile: the tree's; 0: none of its samples was taken */
	uint32_t node_of_none;	  /* of samples without a stack */
	struct plait_map lane_of; /* thread and event -> index */
};

/* What `view` selects (without an event in it: all events). `feed` is borrowed until the timeline is destroyed;
 * NULL is PLAIT_ERROR_UNSUPPORTED. */
struct plait_error *plait_timeline_create(const struct plait_profile *profile, const struct plait_view_options *view,
					  const struct plait_sample_feed *feed, struct plait_timeline **ret);
void plait_timeline_destroy(struct plait_timeline *timeline);

typedef struct plait_error *(*plait_timed_take)(void *taker, const struct plait_timed_sample *sample);

/* Every selected sample in the order of the recording. A sample at which counting events were read is one of each. */
struct plait_error *plait_timeline_read(const struct plait_timeline *timeline, plait_timed_take take, void *taker);

/* The same, one lane after the other. Reads the recording as often as it takes to keep no more than some 4 million
 * samples (128 MB) at once; a single lane with more is read without keeping any. */
struct plait_error *plait_timeline_read_lanes(const struct plait_timeline *timeline, plait_timed_take take,
					      void *taker);

/* The first event that has a lane; PLAIT_NONE: there are no samples. */
uint32_t plait_timeline_first_event(const struct plait_timeline *timeline);

/* Whether each sample of the event stands for one thing that happened (a probe, a tracepoint, a fault), not for a
 * share of a quantity. */
bool plait_event_is_occurrence(const struct plait_profile_event *event);

#endif
