/*
 * Limits that a comparison must keep: for continuous integration.
 */
#ifndef PLAIT_OUTPUT_MODEL_COMPARE_GATE_H
#define PLAIT_OUTPUT_MODEL_COMPARE_GATE_H

#include "output/model/compare/compare.h"

struct plait_gate_function {
	const char *name; /* as reports show it; of a Python function also what follows the last dot */
	double percent;
};

struct plait_gate {
	bool has_above;
	double above; /* per cent: no function may have become slower by more */
	const struct plait_gate_function *functions;
	size_t function_count;
};

/* A figure that broke a limit. */
struct plait_gate_failure {
	const struct plait_compare_row *row; /* NULL: everything together */
	int figure;
	double allowed; /* per cent */
};

struct plait_gate_result {
	PLAIT_VEC(struct plait_gate_failure) failures;
	size_t judged; /* functions whose own cost was tested against the limit for all */
	size_t unsure; /* of them: those that could break it without being noticed in 9 of 10 cases */
};

/* Judges by the verdicts: a limit is broken by a change that is told from noise and whose size is above it. A function
 * that is new breaks a limit on its name, and no other. PLAIT_ERROR_USAGE: a named function is in no recording. */
struct plait_error *plait_gate_check(const struct plait_comparison *comparison, const struct plait_gate *gate,
				     struct plait_gate_result *ret);
void plait_gate_result_release(struct plait_gate_result *result);

/* Whether a limit of that name is about a function. */
bool plait_gate_names(const char *name, const struct plait_label *label);

#endif
