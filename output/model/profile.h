/*
 * A profile: a recording in memory, its samples counted by stack, thread, event and quality. Fill it with
 * plait_profile_apply() in the order of the recording, end with plait_profile_finish(), and it is constant from there.
 */
#ifndef PLAIT_OUTPUT_MODEL_PROFILE_H
#define PLAIT_OUTPUT_MODEL_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/strtab.h"
#include "output/model/label.h"
#include "output/model/data_source.h"
#include "output/model/metric.h"
#include "output/recording/reader.h"
#include "output/recording/record.h"
#include "symbolize/symbolizer.h"

/* How far the samples can be trusted, in numbers of samples. */
struct plait_trust {
	uint64_t samples;
	uint64_t complete; /* every native frame from the leaf to the thread's start and every Python frame, in place */
	uint64_t gap;	   /* native frames are missing at a marked place */
	uint64_t truncated;  /* outer frames are missing */
	uint64_t unmerged;   /* Python frames are missing or not in place */
	uint64_t unresolved; /* a frame has no name */
	uint64_t derived;    /* a frame was passed by a rule decoded from its prologue */
	uint64_t checked;    /* Python frames were read after the sample, and checked against it */
	uint64_t no_stack;   /* no frame at all */
	uint64_t lost;	     /* not among `samples`: taken by the kernel but never received. 0 in an event's figures, as
			      * the kernel does not say whose they were */
};

struct plait_profile_event {
	struct plait_record_event record;
	struct plait_record_event_traits traits; /* leader PLAIT_NONE and all else 0: not recorded */
	struct plait_record_count count;	 /* all 0: not recorded */
	struct plait_trust trust;		 /* of a counting event: of the samples of its leader that counted it */
	uint64_t total;				 /* of the periods: ns or occurrences */
	double scale; /* enabled / running: by what the weights were multiplied; 1: it always had a counter */
};

struct plait_profile_process {
	struct plait_record_process record;
	uint32_t label;
};

struct plait_profile_thread {
	struct plait_record_thread record; /* with the latest name */
	uint32_t label;
};

struct plait_profile_function {
	const char *name, *file; /* "" when not known */
	uint32_t line;
};

struct plait_profile_frame {
	struct plait_record_frame record;
	uint32_t functions, function_count; /* names, in profile.functions, innermost first; count 0: none */
	uint32_t labels, label_count;	    /* in profile.frame_labels, innermost first */
	uint64_t start, size;		    /* of the native function it lies in; size 0: not known */
};

/* Samples that differ only in time and period. */
struct plait_profile_sample {
	uint32_t node; /* leaf; PLAIT_NONE: no stack */
	uint32_t thread;
	uint32_t event;
	uint32_t quality; /* with PLAIT_QUALITY_UNRESOLVED once finished */
	uint64_t count;
	uint64_t weight; /* sum of periods */
};

/* Read freely, write never. */
struct plait_profile {
	struct plait_record_header header;
	PLAIT_VEC(struct plait_profile_event) events;
	PLAIT_VEC(struct plait_profile_process) processes;
	PLAIT_VEC(struct plait_profile_thread) threads;
	PLAIT_VEC(struct plait_record_module) modules;
	PLAIT_VEC(struct plait_record_code) codes;
	PLAIT_VEC(struct plait_profile_frame) frames;
	PLAIT_VEC(struct plait_profile_function) functions;
	PLAIT_VEC(struct plait_record_node) nodes; /* a parent comes before its children */
	bool *unresolved;			   /* by node: a frame up to it has no name; NULL until finished */
	PLAIT_VEC(struct plait_profile_sample) samples;
	struct plait_metric metric;
	PLAIT_VEC(struct plait_ratio) ratios;	       /* by sample, with a metric: what it says of it */
	PLAIT_VEC(struct plait_data_sources) memories; /* by sample, when any has a data source: where its data were */
	PLAIT_VEC(const char *) notes;
	PLAIT_VEC(struct plait_record_source) sources;	 /* files as they were; contents are owned */
	PLAIT_VEC(struct plait_record_function) bundled; /* machine code; code and lines are owned */
	uint64_t duration;				 /* ns */
	uint64_t throttled;				 /* times that the kernel throttled an event */
	bool cut;					 /* there is no END record */
	struct plait_trust trust;
	struct plait_labels labels;
	PLAIT_VEC(uint32_t) frame_labels;
	uint32_t label_no_stack, label_hidden; /* stand for samples without frames, and without visible ones */

	struct plait_strtab *strings;	/* owns every string above */
	struct plait_map contexts;	/* thread, event and quality -> number */
	struct plait_map sample_of;	/* context and node -> index in samples */
	uint64_t last_context, last_id; /* the context of the sample before */
	const char *metric_text;	/* asked for, not yet resolved; NULL: none */
	bool has_header, finished;
};

/* Names a NATIVE or KERNEL frame that the recording has no symbol for. `ret` is empty; count 0: not known. */
typedef void (*plait_profile_namer)(void *context, const struct plait_profile *profile,
				    const struct plait_record_frame *frame, struct plait_symbols *ret);

/* An empty profile, NULL when memory ran out. */
struct plait_profile *plait_profile_create(void);
void plait_profile_destroy(struct plait_profile *profile);

/* Asks for a metric, before the first record. What it needs is kept; a wrong one is told by plait_profile_finish(). */
struct plait_error *plait_profile_want_metric(struct plait_profile *profile, const char *text);

/* Adds a record; its strings are copied. An id or index that does not fit is PLAIT_ERROR_INVALID. */
struct plait_error *plait_profile_apply(struct plait_profile *profile, const struct plait_record *record);

/* Applies every record of `reader`. After an error the profile holds what came before it, and can be finished. */
struct plait_error *plait_profile_read(struct plait_profile *profile, struct plait_recording_reader *reader);

/* Adds a sentence for the reader of the report. */
struct plait_error *plait_profile_add_note(struct plait_profile *profile, const char *text);

/* Ends filling: names the frames without a symbol by `namer` (may be NULL), labels the frames, computes the trust
 * figures. Call it once. */
struct plait_error *plait_profile_finish(struct plait_profile *profile, plait_profile_namer namer, void *context);

/* The quality of one sample of the recording, with PLAIT_QUALITY_UNRESOLVED as far as names are known now. */
uint32_t plait_profile_quality(const struct plait_profile *profile, const struct plait_record_sample *sample);

/* The name of the function that has the frame, not of what is inlined there; "" when there is none. */
const char *plait_profile_function_of(const struct plait_profile *profile, const struct plait_profile_frame *frame);

/* a + b, but never more than UINT64_MAX: periods come from outside. */
static inline uint64_t plait_saturating_add(uint64_t a, uint64_t b)
{
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

#endif
