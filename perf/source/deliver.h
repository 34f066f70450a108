/*
 * Turns a unit (a place in a ring) into the event that a source hands over.
 */
#ifndef PLAIT_PERF_SOURCE_DELIVER_H
#define PLAIT_PERF_SOURCE_DELIVER_H

#include <stdbool.h>

#include "common/vec.h"
#include "perf/source/decode.h"
#include "perf/source/ring.h"
#include "perf/source/sorter.h"
#include "perf/source/source.h"

/* Memory that is used again for each event. Zeroed is empty. */
struct plait_delivery {
	PLAIT_VEC(struct plait_python_frame) frames;
	PLAIT_VEC(struct plait_stack_piece) pieces;
	struct plait_wire_code code;
	PLAIT_VEC(struct plait_sample_read) reads;
	struct plait_map counted;     /* what a thread's counter said last, by a mix of both */
	struct plait_map generations; /* tid -> threads that had it before: ids are used again */
};

enum plait_deliver_result { PLAIT_DELIVER_EVENT, PLAIT_DELIVER_NOTHING, PLAIT_DELIVER_NO_MEMORY };

/* Fills `ret` from the records of `unit` in `ring`; pointers go into the ring and into `delivery`, valid until the next
 * call. Every byte of the records is checked again: NOTHING when they make no event. */
enum plait_deliver_result plait_delivery_build(struct plait_delivery *delivery,
					       const struct plait_record_formats *formats,
					       const struct plait_ring *ring, const struct plait_unit *unit,
					       struct plait_source_event *ret);

/* Frees; `delivery` is empty afterwards. */
void plait_delivery_release(struct plait_delivery *delivery);

#endif
