#include "output/model/compare/gate.h"

#include <string.h>

bool plait_gate_names(const char *name, const struct plait_label *label)
{
	if (strcmp(name, label->name) == 0)
		return true;
	const char *dot = label->kind == PLAIT_LABEL_PYTHON ? strrchr(label->name, '.') : NULL;
	return dot && strcmp(name, dot + 1) == 0;
}

static bool is_above(const struct plait_compare_figure *figure, double percent, bool added_counts)
{
	if (figure->verdict == PLAIT_COMPARE_ADDED)
		return added_counts;
	return figure->verdict == PLAIT_COMPARE_SLOWER && 100 * figure->change > percent;
}

static struct plait_error *check_row(const struct plait_compare_row *row, double percent, bool named,
				     struct plait_gate_result *ret)
{
	for (int figure = 0; figure < PLAIT_COMPARE_FIGURES; figure++) {
		struct plait_gate_failure failure = { row, figure, percent };
		if (is_above(&row->figures[figure], percent, named) && !plait_vec_push(&ret->failures, failure))
			return plait_error_no_memory();
	}
	return NULL;
}

/* A named function: every function that has the name. */
static struct plait_error *check_named(const struct plait_comparison *comparison,
				       const struct plait_gate_function *limit, struct plait_gate_result *ret)
{
	bool found = false;
	for (size_t i = 0; i < comparison->functions.rows.count; i++) {
		const struct plait_compare_row *row = &comparison->functions.rows.data[i];
		const struct plait_compare_figure *total = &row->figures[PLAIT_COMPARE_TOTAL];
		if (!plait_gate_names(limit->name, row->label) || !(total->samples[0] + total->samples[1]))
			continue;
		found = true;
		PLAIT_TRY(check_row(row, limit->percent, true, ret));
	}
	if (found)
		return NULL;
	return plait_error_advise(
		plait_error_new(PLAIT_ERROR_USAGE, "neither side has a sample with a function '%s' in its stack",
				limit->name),
		"give the name as plait report --flat shows it; a function that takes less time than samples are "
		"apart is not seen");
}

struct plait_error *plait_gate_check(const struct plait_comparison *comparison, const struct plait_gate *gate,
				     struct plait_gate_result *ret)
{
	for (size_t i = 0; i < gate->function_count; i++)
		PLAIT_TRY(check_named(comparison, &gate->functions[i], ret));
	for (size_t i = 0; gate->has_above && i < comparison->functions.rows.count; i++) {
		const struct plait_compare_figure *own = &comparison->functions.rows.data[i].figures[PLAIT_COMPARE_OWN];
		PLAIT_TRY(check_row(&comparison->functions.rows.data[i], gate->above, false, ret));
		ret->judged += own->tested;
		ret->unsure += own->tested && 100 * own->detectable > gate->above;
	}
	struct plait_gate_failure whole = { NULL, PLAIT_COMPARE_TOTAL, gate->above };
	if (gate->has_above && is_above(&comparison->whole, gate->above, false) &&
	    !plait_vec_push(&ret->failures, whole))
		return plait_error_no_memory();
	return NULL;
}

void plait_gate_result_release(struct plait_gate_result *result)
{
	plait_vec_free(&result->failures);
}
