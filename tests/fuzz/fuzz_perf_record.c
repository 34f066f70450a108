/* links: plait_perf plait_common */
/* Arbitrary bytes as a perf ring: the first two say where in the ring the records begin (in units of 8 bytes), the rest
 * is what the kernel wrote from there on. Everything that comes out is read to its last byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unit/test_source_support.h"

#define RING_LEAST 4096
#define RING_MOST (1 << 18)

static uint64_t sum;

static void touch(const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum += ((const uint8_t *)data)[i];
}

static void touch_sample(const struct plait_sample *sample)
{
	touch(sample->kernel_chain, sample->kernel_count * 8);
	touch(sample->python.frames, sample->python.count * sizeof(*sample->python.frames));
	uint64_t end = 0;
	for (size_t i = 0; i < sample->stack.count; i++) {
		const struct plait_stack_piece *piece = &sample->stack.pieces[i];
		if (piece->address < end || piece->size == 0)
			abort(); /* pieces ascend and are not empty */
		end = piece->address + piece->size;
		touch(piece->data, piece->size);
	}
	if (sample->python.status > PLAIT_WALK_LOST || (sample->stack.whole && !sample->stack.count))
		abort();
}

static void touch_event(const struct plait_source_event *event)
{
	switch (event->kind) {
	case PLAIT_SOURCE_SAMPLE:
		touch_sample(&event->sample);
		break;
	case PLAIT_SOURCE_CODE:
		if (event->code->table_size > PLAIT_WIRE_TABLE_MAX || event->code->name.size > PLAIT_WIRE_STRING_MAX)
			abort();
		touch(event->code, sizeof(*event->code));
		break;
	case PLAIT_SOURCE_MAP:
		touch(event->map.path, strlen(event->map.path));
		break;
	case PLAIT_SOURCE_NAME:
	case PLAIT_SOURCE_EXEC:
		touch(event->name, strlen(event->name));
		break;
	default:
		break;
	}
}

static void read_ring(struct fake_ring *fake, const struct plait_record_formats *formats)
{
	static struct plait_delivery delivery;
	struct plait_assembler_statistics statistics = { 0 };
	struct plait_assembler assembler = { .statistics = &statistics };
	struct plait_sorter sorter = { 0 };
	uint64_t head = plait_ring_head(&fake->ring);
	for (uint64_t position = plait_ring_tail(&fake->ring); position < head;) {
		const struct perf_event_header *header = plait_ring_record(&fake->ring, position, head);
		if (!header)
			break;
		uint16_t size = header->size;
		struct plait_record record;
		plait_record_decode(formats, header, &record);
		if (!plait_assembler_feed(&assembler, &record, position, &sorter))
			abort();
		position += size;
	}
	plait_assembler_expire(&assembler, UINT64_MAX, UINT64_MAX);
	struct plait_unit unit;
	uint64_t latest = 0;
	while (plait_sorter_pop(&sorter, UINT64_MAX, &unit)) {
		struct plait_source_event event = { 0 };
		if (unit.time < latest)
			abort();
		latest = unit.time;
		if (plait_delivery_build(&delivery, formats, &fake->ring, &unit, &event) == PLAIT_DELIVER_EVENT)
			touch_event(&event);
	}
	plait_sorter_release(&sorter);
	plait_delivery_release(&delivery);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	uint16_t start;
	memcpy(&start, data, 2);
	data += 2;
	size -= 2;
	size_t ring = RING_LEAST;
	while (ring < size && ring < RING_MOST)
		ring *= 2;
	if (size > ring)
		size = ring;
	struct fake_ring fake = fake_ring_make(ring, (uint64_t)start * 8);
	if (!fake.page || !fake.data || !fake.ring.scratch)
		abort();
	for (size_t i = 0; i < size; i++)
		fake.data[((uint64_t)start * 8 + i) & (ring - 1)] = data[i];
	fake.page->data_head += size;
	struct plait_record_formats formats = support_formats_make();
	read_ring(&fake, &formats);
	plait_map_release(&formats.of_id);
	fake_ring_release(&fake);
	return 0;
}
