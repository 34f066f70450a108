/*
 * The verdicts of a comparison.
 *
 * Costs are judged in proportion to all that did not change. Which part that is must be found: it is the one that
 * leaves the fewest and smallest changes to explain. Else one function that takes more would make all others look
 * faster.
 */
#ifndef PLAIT_OUTPUT_MODEL_COMPARE_JUDGE_H
#define PLAIT_OUTPUT_MODEL_COMPARE_JUDGE_H

#include "output/model/compare/measure.h"

/* Fills functions, lines, whole and reference of a comparison whose options, sides and rules are set. */
struct plait_error *plait_compare_judge(struct plait_comparison *comparison, struct plait_measure *measure);

#endif
