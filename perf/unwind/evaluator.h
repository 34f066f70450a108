/*
 * What was learned about evaluators. A frame that holds an anchor is an activation of a Python evaluator, and in each
 * binary CFA - anchor is one constant. So an anchor alone gives back the evaluator's CFA, and with the rule of any pc
 * seen in it the registers that it saved.
 */
#ifndef PLAIT_PERF_UNWIND_EVALUATOR_H
#define PLAIT_PERF_UNWIND_EVALUATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/vec.h"

struct plait_evaluator {
	uint32_t module;
	uint32_t rule; /* id of the rule at `address` */
	uint64_t cfa_minus_anchor;
	uint64_t frame_size; /* smallest CFA - sp seen */
	uint64_t address;    /* an ELF virtual address in the evaluator: where a caller's frame was seen */
	uint64_t pc;	     /* the same in the process that it was last seen in */
	uint64_t seen;	     /* in so many complete stacks */
};

struct plait_evaluators {
	PLAIT_VEC(struct plait_evaluator) known; /* those seen most often first */
};

#define PLAIT_EVALUATORS_MAX 64

/* The one with this module and constant, or NULL. */
struct plait_evaluator *plait_evaluators_find(const struct plait_evaluators *evaluators, uint32_t module,
					      uint64_t cfa_minus_anchor);

/* Is anything known about this module? */
bool plait_evaluators_has_module(const struct plait_evaluators *evaluators, uint32_t module);

/* Counts one sighting (its `seen` is ignored). Of a full table the rarest is replaced; without memory it is lost. */
void plait_evaluators_learn(struct plait_evaluators *evaluators, const struct plait_evaluator *sighting);

void plait_evaluators_release(struct plait_evaluators *evaluators);

#endif
