/*
 * Whether recordings can be compared, and what a reader must know about how far.
 */
#ifndef PLAIT_OUTPUT_MODEL_COMPARE_COMPARABLE_H
#define PLAIT_OUTPUT_MODEL_COMPARE_COMPARABLE_H

#include "output/model/compare/measure.h"

/* Refuses recordings whose comparison would lie. `event`: by name. */
struct plait_error *plait_comparable_check(const struct plait_compare_input *inputs, size_t count, const char *event,
					   bool absolute);

/* Adds notes to a comparison whose rules and sides are set. */
struct plait_error *plait_comparable_note(struct plait_comparison *comparison, const struct plait_measure *measure);

/* Whether the recordings of the two sides took turns, on one host. `ret_order` gets their indexes in the order of time.
 */
bool plait_comparable_interleaved(const struct plait_compare_input *inputs, size_t base_count, size_t new_count,
				  uint32_t *ret_order);

#endif
