/*
 * Samples as columns: one SAMPLE section of a block. A section is self-contained; all that it predicts from is inside.
 */
#ifndef PLAIT_OUTPUT_RECORDING_SAMPLES_H
#define PLAIT_OUTPUT_RECORDING_SAMPLES_H

#include "common/bytes.h"
#include "common/map.h"
#include "common/vec.h"
#include "output/recording/buffer.h"
#include "output/recording/format.h"

/*
 * What a sample is predicted from: the last one of the same thread and event. The next time is expected at
 * time + interval; an error e that fits one byte moves interval by floor(e / 8), so that jitter is smoothed, any other
 * sets it to what was seen, so that a pause or a change of rate costs two samples.
 */
struct plait_lane {
	uint32_t thread, event;
	uint64_t time, interval; /* microseconds */
	uint64_t period;
	uint32_t node, quality;
};

struct plait_sample_encoder {
	struct plait_buffer columns[PLAIT_COLUMN_COUNT];
	uint64_t count;
	uint64_t time;	/* of the last sample, microseconds */
	uint32_t first; /* last value of column FIRST */
	PLAIT_VEC(struct plait_lane) lanes;
	struct plait_map lane_of; /* thread << 32 | event -> lane */
	struct plait_map node_of; /* node -> index in FIRST */
};

/* Adds one sample (its indexes are valid). False when memory ran out; the sample is not added then. */
bool plait_sample_encoder_add(struct plait_sample_encoder *encoder, const struct plait_record_sample *sample);

/* Bytes of the columns so far. */
size_t plait_sample_encoder_size(const struct plait_sample_encoder *encoder);

/* Appends the section's payload to `ret`; `ret_cuts` gets the offsets in it where one large column ends and another
 * begins (worth a compression table of its own). False (and ret rewound) when memory ran out. The encoder is kept. */
bool plait_sample_encoder_write(const struct plait_sample_encoder *encoder, struct plait_buffer *ret,
				size_t ret_cuts[3]);

/* Empties the encoder for the next section. */
void plait_sample_encoder_reset(struct plait_sample_encoder *encoder);

/* Frees what the encoder holds. */
void plait_sample_encoder_release(struct plait_sample_encoder *encoder);

/* Definitions that samples may refer to. */
struct plait_sample_bounds {
	uint32_t threads, events, nodes;
};

struct plait_sample_decoder {
	struct plait_bytes columns[PLAIT_COLUMN_COUNT];
	bool empty[PLAIT_COLUMN_COUNT];
	uint64_t left; /* samples still to come */
	uint64_t time;
	uint32_t first;
	struct plait_sample_bounds bounds;
	PLAIT_VEC(struct plait_lane) lanes;
	PLAIT_VEC(uint32_t) nodes; /* of column FIRST */
};

enum plait_sample_status {
	PLAIT_SAMPLE_OK,
	PLAIT_SAMPLE_INVALID,
	PLAIT_SAMPLE_NO_MEMORY,
};

/* Starts with a section's payload, which must stay until the last sample. False when it is not one. */
bool plait_sample_decoder_start(struct plait_sample_decoder *decoder, struct plait_bytes payload,
				const struct plait_sample_bounds *bounds);

/* The next sample; there is one while decoder->left is not 0. After the last, INVALID also when columns have more. */
enum plait_sample_status plait_sample_decoder_next(struct plait_sample_decoder *decoder,
						   struct plait_record_sample *ret);

/* Frees what the decoder holds. */
void plait_sample_decoder_release(struct plait_sample_decoder *decoder);

#endif
