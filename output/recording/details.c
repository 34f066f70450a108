#include "output/recording/details.h"

static bool same_shape(const struct plait_detail_coder *coder, const struct plait_detail_shape *shape,
		       const struct plait_record_sample *sample)
{
	if (shape->details != sample->details || shape->read_count != sample->read_count)
		return false;
	for (uint32_t i = 0; i < shape->read_count; i++) {
		if (coder->reads.data[shape->reads + i].event != sample->reads[i].event)
			return false;
	}
	return true;
}

/* The number of the sample's shape; a new one, with nothing in it yet, is the count of those before. */
static size_t find_shape(const struct plait_detail_coder *coder, const struct plait_record_sample *sample)
{
	size_t i = 0;
	while (i < coder->shapes.count && !same_shape(coder, &coder->shapes.data[i], sample))
		i++;
	return i;
}

static void coder_reset(struct plait_detail_coder *coder)
{
	coder->shapes.count = coder->reads.count = 0;
	coder->address = coder->data_source = coder->latency = 0;
}

static void coder_release(struct plait_detail_coder *coder)
{
	plait_vec_free(&coder->shapes);
	plait_vec_free(&coder->reads);
}

/* The caller has made room. */
static void add_shape(struct plait_detail_coder *coder, struct plait_buffer *entries,
		      const struct plait_record_sample *sample)
{
	struct plait_detail_shape shape = { .details = sample->details,
					    .reads = (uint32_t)coder->reads.count,
					    .read_count = sample->read_count };
	plait_vec_push(&coder->shapes, shape);
	plait_buffer_uleb(entries, sample->details);
	plait_buffer_uleb(entries, sample->read_count);
	for (uint32_t i = 0; i < sample->read_count; i++) {
		plait_vec_push(&coder->reads, (struct plait_record_read) { .event = sample->reads[i].event });
		plait_buffer_uleb(entries, sample->reads[i].event);
	}
}

bool plait_detail_encoder_add(struct plait_detail_encoder *encoder, const struct plait_record_sample *sample)
{
	struct plait_detail_coder *coder = &encoder->coder;
	struct plait_buffer *entries = &encoder->entries;
	if (!sample->details && !sample->read_count) {
		encoder->skipped++;
		return true;
	}
	if (!plait_buffer_reserve(entries, (7 + 2 * (size_t)sample->read_count) * PLAIT_ULEB_MAX) ||
	    !plait_vec_reserve(&coder->shapes, 1) || !plait_vec_reserve(&coder->reads, sample->read_count)) {
		entries->failed = false;
		return false;
	}
	size_t index = find_shape(coder, sample);
	plait_buffer_uleb(entries, encoder->skipped);
	plait_buffer_uleb(entries, index);
	encoder->skipped = 0;
	if (index == coder->shapes.count)
		add_shape(coder, entries, sample);
	if (sample->details & PLAIT_DETAIL_ADDRESS) {
		plait_buffer_zigzag(entries, sample->address - coder->address);
		coder->address = sample->address;
	}
	if (sample->details & PLAIT_DETAIL_DATA_SOURCE) {
		plait_buffer_uleb(entries, sample->data_source ^ coder->data_source);
		coder->data_source = sample->data_source;
	}
	if (sample->details & PLAIT_DETAIL_LATENCY) {
		plait_buffer_zigzag(entries, sample->latency - coder->latency);
		coder->latency = sample->latency;
	}
	struct plait_record_read *last = coder->reads.data + coder->shapes.data[index].reads;
	for (uint32_t i = 0; i < sample->read_count; i++) {
		plait_buffer_zigzag(entries, sample->reads[i].value - last[i].value);
		last[i].value = sample->reads[i].value;
	}
	return true;
}

void plait_detail_encoder_reset(struct plait_detail_encoder *encoder)
{
	coder_reset(&encoder->coder);
	encoder->entries.count = 0;
	encoder->skipped = 0;
}

void plait_detail_encoder_release(struct plait_detail_encoder *encoder)
{
	coder_release(&encoder->coder);
	plait_buffer_free(&encoder->entries);
}

/* Reads how many samples come before the next entry; UINT64_MAX: there is none. */
static bool next_entry(struct plait_detail_decoder *decoder)
{
	decoder->skip = UINT64_MAX;
	if (!plait_bytes_left(&decoder->entries))
		return true;
	decoder->skip = plait_bytes_uleb(&decoder->entries);
	return !decoder->entries.failed && decoder->skip != UINT64_MAX;
}

bool plait_detail_decoder_start(struct plait_detail_decoder *decoder, struct plait_bytes payload, uint32_t events)
{
	coder_reset(&decoder->coder);
	decoder->entries = payload;
	decoder->events = events;
	return next_entry(decoder);
}

static enum plait_sample_status take_shape(struct plait_detail_decoder *decoder)
{
	struct plait_detail_coder *coder = &decoder->coder;
	uint64_t details = plait_bytes_uleb(&decoder->entries), count = plait_bytes_uleb(&decoder->entries);
	if (details > PLAIT_DETAILS_ALL || count > PLAIT_READS_MAX || (!details && !count))
		return PLAIT_SAMPLE_INVALID;
	struct plait_detail_shape shape = { .details = (uint32_t)details,
					    .reads = (uint32_t)coder->reads.count,
					    .read_count = (uint32_t)count };
	for (uint64_t i = 0; i < count; i++) {
		uint64_t event = plait_bytes_uleb(&decoder->entries);
		if (event >= decoder->events || decoder->entries.failed)
			return PLAIT_SAMPLE_INVALID;
		if (!plait_vec_push(&coder->reads, ((struct plait_record_read) { .event = (uint32_t)event })))
			return PLAIT_SAMPLE_NO_MEMORY;
	}
	return plait_vec_push(&coder->shapes, shape) ? PLAIT_SAMPLE_OK : PLAIT_SAMPLE_NO_MEMORY;
}

enum plait_sample_status plait_detail_decoder_next(struct plait_detail_decoder *decoder,
						   struct plait_record_sample *sample)
{
	struct plait_detail_coder *coder = &decoder->coder;
	struct plait_bytes *entries = &decoder->entries;
	if (decoder->skip) {
		decoder->skip -= decoder->skip != UINT64_MAX;
		return PLAIT_SAMPLE_OK;
	}
	uint64_t index = plait_bytes_uleb(entries);
	enum plait_sample_status status;
	if (index > coder->shapes.count || entries->failed)
		return PLAIT_SAMPLE_INVALID;
	if (index == coder->shapes.count && (status = take_shape(decoder)))
		return status;
	const struct plait_detail_shape *shape = &coder->shapes.data[index];
	sample->details = shape->details;
	if (shape->details & PLAIT_DETAIL_ADDRESS)
		sample->address = coder->address += (uint64_t)plait_bytes_zigzag(entries);
	if (shape->details & PLAIT_DETAIL_DATA_SOURCE)
		sample->data_source = coder->data_source ^= plait_bytes_uleb(entries);
	if (shape->details & PLAIT_DETAIL_LATENCY)
		sample->latency = coder->latency += (uint64_t)plait_bytes_zigzag(entries);
	for (uint32_t i = 0; i < shape->read_count; i++)
		coder->reads.data[shape->reads + i].value += (uint64_t)plait_bytes_zigzag(entries);
	sample->reads = shape->read_count ? coder->reads.data + shape->reads : NULL;
	sample->read_count = shape->read_count;
	return entries->failed || !next_entry(decoder) ? PLAIT_SAMPLE_INVALID : PLAIT_SAMPLE_OK;
}

bool plait_detail_decoder_done(const struct plait_detail_decoder *decoder)
{
	return decoder->skip == UINT64_MAX && !decoder->entries.failed;
}

void plait_detail_decoder_release(struct plait_detail_decoder *decoder)
{
	coder_release(&decoder->coder);
}
