#include "perf/unwind/evaluator.h"

struct plait_evaluator *plait_evaluators_find(const struct plait_evaluators *evaluators, uint32_t module,
					      uint64_t cfa_minus_anchor)
{
	for (size_t i = 0; i < evaluators->known.count; i++) {
		struct plait_evaluator *evaluator = &evaluators->known.data[i];
		if (evaluator->module == module && evaluator->cfa_minus_anchor == cfa_minus_anchor)
			return evaluator;
	}
	return NULL;
}

bool plait_evaluators_has_module(const struct plait_evaluators *evaluators, uint32_t module)
{
	for (size_t i = 0; i < evaluators->known.count; i++) {
		if (evaluators->known.data[i].module == module)
			return true;
	}
	return false;
}

/* Adds a new one at the end. */
static struct plait_evaluator *add(struct plait_evaluators *evaluators, const struct plait_evaluator *sighting)
{
	if (evaluators->known.count == PLAIT_EVALUATORS_MAX)
		evaluators->known.count--;
	if (!plait_vec_push(&evaluators->known, *sighting))
		return NULL;
	struct plait_evaluator *added = &evaluators->known.data[evaluators->known.count - 1];
	added->seen = 0;
	return added;
}

/* Moves `evaluator` forward past those seen less often. */
static void promote(struct plait_evaluators *evaluators, struct plait_evaluator *evaluator)
{
	while (evaluator > evaluators->known.data && evaluator[-1].seen < evaluator->seen) {
		struct plait_evaluator other = evaluator[-1];
		evaluator[-1] = *evaluator;
		*evaluator = other;
		evaluator--;
	}
}

void plait_evaluators_learn(struct plait_evaluators *evaluators, const struct plait_evaluator *sighting)
{
	struct plait_evaluator *evaluator =
		plait_evaluators_find(evaluators, sighting->module, sighting->cfa_minus_anchor);
	if (!evaluator)
		evaluator = add(evaluators, sighting);
	if (!evaluator)
		return;
	if (sighting->frame_size < evaluator->frame_size)
		evaluator->frame_size = sighting->frame_size;
	evaluator->pc = sighting->pc;
	evaluator->address = sighting->address;
	evaluator->rule = sighting->rule;
	evaluator->seen++;
	promote(evaluators, evaluator);
}

void plait_evaluators_release(struct plait_evaluators *evaluators)
{
	plait_vec_free(&evaluators->known);
}
