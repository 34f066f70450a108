/*
 * What some samples have besides: data addresses and sources, latencies, counters of a group. One DETAIL section,
 * which belongs to the SAMPLE section behind it; a reader that does not know it skips it.
 */
#ifndef PLAIT_OUTPUT_RECORDING_DETAILS_H
#define PLAIT_OUTPUT_RECORDING_DETAILS_H

#include "common/bytes.h"
#include "common/vec.h"
#include "output/recording/buffer.h"
#include "output/recording/format.h"
#include "output/recording/samples.h"

/* Which details a sample has. Values of a shape are predicted to be those of the sample before of the same shape. */
struct plait_detail_shape {
	uint32_t details;	    /* set of enum plait_record_detail */
	uint32_t reads, read_count; /* in `reads` of the coder, where the last values are too */
};

struct plait_detail_coder {
	PLAIT_VEC(struct plait_detail_shape) shapes;
	PLAIT_VEC(struct plait_record_read) reads;
	uint64_t address, data_source, latency; /* of the detailed sample before */
};

struct plait_detail_encoder {
	struct plait_detail_coder coder;
	struct plait_buffer entries;
	uint64_t skipped; /* samples without details since the last one with */
};

/* Notes `sample`, which is the next of the SAMPLE section. False when memory ran out: nothing is noted then. */
bool plait_detail_encoder_add(struct plait_detail_encoder *encoder, const struct plait_record_sample *sample);

/* Empties the encoder for the next section. */
void plait_detail_encoder_reset(struct plait_detail_encoder *encoder);

/* Frees what the encoder holds. */
void plait_detail_encoder_release(struct plait_detail_encoder *encoder);

struct plait_detail_decoder {
	struct plait_detail_coder coder;
	struct plait_bytes entries;
	uint64_t skip;	 /* samples before the next one with details */
	uint32_t events; /* defined so far */
};

/* Starts with the payload of a DETAIL section (NULL and 0: none), which must stay until the last sample. False when it
 * makes no sense. */
bool plait_detail_decoder_start(struct plait_detail_decoder *decoder, struct plait_bytes payload, uint32_t events);

/* Adds to `sample`, the next of the SAMPLE section, what it has; its reads are valid until the next call. */
enum plait_sample_status plait_detail_decoder_next(struct plait_detail_decoder *decoder,
						   struct plait_record_sample *sample);

/* Whether all details have found their sample. */
bool plait_detail_decoder_done(const struct plait_detail_decoder *decoder);

/* Frees what the decoder holds. */
void plait_detail_decoder_release(struct plait_detail_decoder *decoder);

#endif
