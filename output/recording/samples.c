#include "output/recording/samples.h"

/* Where the lane's next sample is expected. */
static uint64_t predict(const struct plait_lane *lane)
{
	return lane->time + lane->interval;
}

/* Learns from the time that came `error` after the prediction. */
static void learn_time(struct plait_lane *lane, uint64_t time, int64_t error)
{
	if (error >= -64 && error < 64)
		lane->interval += (uint64_t)(error >> 3);
	else
		lane->interval = time - lane->time;
	lane->time = time;
}

/* The encoder's lane of `sample`, a new one when it has none; UINT32_MAX when memory ran out. */
static uint32_t find_lane(struct plait_sample_encoder *encoder, const struct plait_record_sample *sample)
{
	uint64_t key = (uint64_t)sample->thread << 32 | sample->event;
	uint64_t *known = plait_map_get(&encoder->lane_of, key);
	if (known)
		return (uint32_t)*known;
	struct plait_lane lane = {
		.thread = sample->thread, .event = sample->event, .time = encoder->time, .node = PLAIT_NONE
	};
	uint32_t index = (uint32_t)encoder->lanes.count;
	if (!plait_vec_reserve(&encoder->lanes, 1) || !plait_map_put(&encoder->lane_of, key, index))
		return UINT32_MAX;
	plait_vec_push(&encoder->lanes, lane);
	plait_buffer_uleb(&encoder->columns[PLAIT_COLUMN_PAIR], sample->thread);
	plait_buffer_uleb(&encoder->columns[PLAIT_COLUMN_PAIR], sample->event);
	return index;
}

static void put_node(struct plait_sample_encoder *encoder, struct plait_lane *lane, uint32_t node, bool is_new)
{
	struct plait_buffer *column = &encoder->columns[PLAIT_COLUMN_NODE];
	if (lane->node == node) {
		plait_buffer_uleb(column, 0);
	} else if (is_new) {
		plait_buffer_uleb(column, 1);
		plait_buffer_zigzag(&encoder->columns[PLAIT_COLUMN_FIRST],
				    (uint64_t)(uint32_t)(node + 1) - encoder->first);
		encoder->first = node + 1;
	} else {
		plait_buffer_uleb(column, *plait_map_get(&encoder->node_of, node) + 2);
	}
	lane->node = node;
}

/* Notes `node` as an entry of column FIRST when it needs to be one; false when memory ran out. */
static bool note_node(struct plait_sample_encoder *encoder, const struct plait_lane *lane, uint32_t node,
		      bool *ret_is_new)
{
	*ret_is_new = lane->node != node && !plait_map_get(&encoder->node_of, node);
	return !*ret_is_new || plait_map_put(&encoder->node_of, node, encoder->node_of.count);
}

bool plait_sample_encoder_add(struct plait_sample_encoder *encoder, const struct plait_record_sample *sample)
{
	for (int i = 0; i < PLAIT_COLUMN_COUNT; i++) {
		if (!plait_buffer_reserve(&encoder->columns[i], 2 * PLAIT_ULEB_MAX)) {
			encoder->columns[i].failed = false;
			return false;
		}
	}
	/* From here on no column can fail. A lane without a sample is harmless to the encoder only if it is written, so
	 * find the lane's number before anything is put. */
	size_t lanes = encoder->lanes.count, pairs = encoder->columns[PLAIT_COLUMN_PAIR].count;
	uint32_t index = find_lane(encoder, sample);
	if (index == UINT32_MAX)
		return false;
	struct plait_lane *lane = &encoder->lanes.data[index];
	bool is_new;
	if (!note_node(encoder, lane, sample->node, &is_new)) {
		if (index == lanes) {
			plait_map_remove(&encoder->lane_of, (uint64_t)sample->thread << 32 | sample->event);
			encoder->lanes.count = lanes;
			encoder->columns[PLAIT_COLUMN_PAIR].count = pairs;
		}
		return false;
	}
	uint64_t time = sample->time / 1000;
	uint64_t error = time - predict(lane);
	plait_buffer_uleb(&encoder->columns[PLAIT_COLUMN_LANE], index);
	plait_buffer_zigzag(&encoder->columns[PLAIT_COLUMN_TIME], error);
	plait_buffer_zigzag(&encoder->columns[PLAIT_COLUMN_PERIOD], sample->period - lane->period);
	plait_buffer_uleb(&encoder->columns[PLAIT_COLUMN_QUALITY], sample->quality ^ lane->quality);
	put_node(encoder, lane, sample->node, is_new);
	learn_time(lane, time, (int64_t)error);
	lane->period = sample->period;
	lane->quality = sample->quality;
	encoder->time = time;
	encoder->count++;
	return true;
}

size_t plait_sample_encoder_size(const struct plait_sample_encoder *encoder)
{
	size_t size = 0;
	for (int i = 0; i < PLAIT_COLUMN_COUNT; i++)
		size += encoder->columns[i].count;
	return size;
}

static bool all_zero(const struct plait_buffer *buffer)
{
	return !buffer->count || (!buffer->data[0] && !memcmp(buffer->data, buffer->data + 1, buffer->count - 1));
}

bool plait_sample_encoder_write(const struct plait_sample_encoder *encoder, struct plait_buffer *ret,
				size_t ret_cuts[3])
{
	size_t start = ret->count, sizes[PLAIT_COLUMN_COUNT];
	plait_buffer_uleb(ret, encoder->count);
	for (int i = 0; i < PLAIT_COLUMN_COUNT; i++) {
		bool elided = i > PLAIT_COLUMN_PAIR && all_zero(&encoder->columns[i]);
		sizes[i] = elided ? 0 : encoder->columns[i].count;
		plait_buffer_uleb(ret, sizes[i]);
	}
	size_t cuts[3] = { 0 };
	for (int i = 0; i < PLAIT_COLUMN_COUNT; i++) {
		if (i >= PLAIT_COLUMN_TIME)
			cuts[i - PLAIT_COLUMN_TIME] = ret->count - start;
		plait_buffer_put(ret, encoder->columns[i].data, sizes[i]);
	}
	cuts[2] = ret->count - start;
	if (ret->failed) {
		plait_buffer_rewind(ret, start);
		return false;
	}
	memcpy(ret_cuts, cuts, sizeof(cuts));
	return true;
}

void plait_sample_encoder_reset(struct plait_sample_encoder *encoder)
{
	for (int i = 0; i < PLAIT_COLUMN_COUNT; i++)
		encoder->columns[i].count = 0;
	encoder->count = 0;
	encoder->time = 0;
	encoder->first = 0;
	encoder->lanes.count = 0;
	plait_map_release(&encoder->lane_of);
	plait_map_release(&encoder->node_of);
}

void plait_sample_encoder_release(struct plait_sample_encoder *encoder)
{
	plait_sample_encoder_reset(encoder);
	for (int i = 0; i < PLAIT_COLUMN_COUNT; i++)
		plait_buffer_free(&encoder->columns[i]);
	plait_vec_free(&encoder->lanes);
}

bool plait_sample_decoder_start(struct plait_sample_decoder *decoder, struct plait_bytes payload,
				const struct plait_sample_bounds *bounds)
{
	uint64_t sizes[PLAIT_COLUMN_COUNT];
	decoder->left = plait_bytes_uleb(&payload);
	for (int i = 0; i < PLAIT_COLUMN_COUNT; i++)
		sizes[i] = plait_bytes_uleb(&payload);
	for (int i = 0; i < PLAIT_COLUMN_COUNT; i++) {
		const void *data = plait_bytes_take(&payload, sizes[i]);
		if (!data)
			return false;
		decoder->columns[i] = plait_bytes(data, sizes[i]);
		decoder->empty[i] = !sizes[i] && i > PLAIT_COLUMN_PAIR;
	}
	decoder->time = 0;
	decoder->first = 0;
	decoder->bounds = *bounds;
	decoder->lanes.count = 0;
	decoder->nodes.count = 0;
	/* A byte of the first column a sample at least: `left` is no more than bytes that are there. */
	return decoder->left && decoder->left <= sizes[PLAIT_COLUMN_LANE] && !plait_bytes_left(&payload);
}

/* The next number of a column: nearly always one byte. */
static inline uint64_t take(struct plait_sample_decoder *decoder, enum plait_sample_column column)
{
	struct plait_bytes *bytes = &decoder->columns[column];
	if (bytes->at < bytes->end && *bytes->at < 0x80)
		return *bytes->at++;
	return decoder->empty[column] ? 0 : plait_bytes_uleb(bytes);
}

static inline uint64_t take_zigzag(struct plait_sample_decoder *decoder, enum plait_sample_column column)
{
	uint64_t value = take(decoder, column);
	return value >> 1 ^ -(value & 1);
}

static enum plait_sample_status add_lane(struct plait_sample_decoder *decoder)
{
	uint64_t thread = take(decoder, PLAIT_COLUMN_PAIR);
	uint64_t event = take(decoder, PLAIT_COLUMN_PAIR);
	if (thread >= decoder->bounds.threads || event >= decoder->bounds.events)
		return PLAIT_SAMPLE_INVALID;
	struct plait_lane lane = {
		.thread = (uint32_t)thread, .event = (uint32_t)event, .time = decoder->time, .node = PLAIT_NONE
	};
	return plait_vec_push(&decoder->lanes, lane) ? PLAIT_SAMPLE_OK : PLAIT_SAMPLE_NO_MEMORY;
}

static enum plait_sample_status take_node(struct plait_sample_decoder *decoder, uint32_t *node)
{
	uint64_t code = take(decoder, PLAIT_COLUMN_NODE);
	if (code == 0)
		return PLAIT_SAMPLE_OK;
	if (code == 1) {
		uint64_t value = decoder->first + take_zigzag(decoder, PLAIT_COLUMN_FIRST);
		if (value > decoder->bounds.nodes)
			return PLAIT_SAMPLE_INVALID;
		decoder->first = (uint32_t)value;
		*node = (uint32_t)value - 1; /* 0 gives PLAIT_NONE */
		return plait_vec_push(&decoder->nodes, *node) ? PLAIT_SAMPLE_OK : PLAIT_SAMPLE_NO_MEMORY;
	}
	if (code - 2 >= decoder->nodes.count)
		return PLAIT_SAMPLE_INVALID;
	*node = decoder->nodes.data[code - 2];
	return PLAIT_SAMPLE_OK;
}

/* Whether every column was read to its end, and none past it. */
static bool columns_done(const struct plait_sample_decoder *decoder)
{
	for (int i = 0; i < PLAIT_COLUMN_COUNT; i++) {
		if (decoder->columns[i].failed || plait_bytes_left(&decoder->columns[i]))
			return false;
	}
	return true;
}

static bool columns_failed(const struct plait_sample_decoder *decoder)
{
	bool failed = false;
	for (int i = 0; i < PLAIT_COLUMN_COUNT; i++)
		failed |= decoder->columns[i].failed;
	return failed;
}

enum plait_sample_status plait_sample_decoder_next(struct plait_sample_decoder *decoder,
						   struct plait_record_sample *ret)
{
	enum plait_sample_status status;
	uint64_t index = take(decoder, PLAIT_COLUMN_LANE);
	if (index > decoder->lanes.count)
		return PLAIT_SAMPLE_INVALID;
	if (index == decoder->lanes.count && (status = add_lane(decoder)))
		return status;
	struct plait_lane *lane = &decoder->lanes.data[index];
	uint64_t error = take_zigzag(decoder, PLAIT_COLUMN_TIME);
	uint64_t time = predict(lane) + error;
	uint64_t quality = take(decoder, PLAIT_COLUMN_QUALITY);
	lane->period += take_zigzag(decoder, PLAIT_COLUMN_PERIOD);
	if ((status = take_node(decoder, &lane->node)))
		return status;
	if (time > PLAIT_SAMPLE_TIME_MAX_US || quality > UINT32_MAX || columns_failed(decoder))
		return PLAIT_SAMPLE_INVALID;
	learn_time(lane, time, (int64_t)error);
	lane->quality ^= (uint32_t)quality;
	decoder->time = time;
	if (--decoder->left == 0 && !columns_done(decoder))
		return PLAIT_SAMPLE_INVALID;
	*ret = (struct plait_record_sample) {
		.time = time * 1000,
		.thread = lane->thread,
		.event = lane->event,
		.period = lane->period,
		.node = lane->node,
		.quality = lane->quality,
	};
	return PLAIT_SAMPLE_OK;
}

void plait_sample_decoder_release(struct plait_sample_decoder *decoder)
{
	plait_vec_free(&decoder->lanes);
	plait_vec_free(&decoder->nodes);
}
