/*
 * Which functions and lines of several recordings are the same: by names, never by addresses or bare line numbers.
 */
#ifndef PLAIT_OUTPUT_MODEL_COMPARE_MATCH_H
#define PLAIT_OUTPUT_MODEL_COMPARE_MATCH_H

#include "output/model/compare/compare.h"

struct plait_match_row {
	const struct plait_label *label; /* of the last input that has it */
	const char *place;
	uint32_t function;
	int32_t lines[PLAIT_COMPARE_SIDES];
	const char *text;
	bool guessed;
};

/* How a function's lines are matched. */
struct plait_match {
	PLAIT_VEC(struct plait_match_row) functions, lines;
	uint32_t **function_of, **line_of; /* by input, then by label; line_of: PLAIT_NONE for what is no Python line */
	size_t inputs;
	struct plait_strtab *strings;
};

/* Matches all labels of all inputs, the base's first. Release `ret` in any case. */
struct plait_error *plait_match_create(const struct plait_compare_input *inputs, size_t base_count, size_t count,
				       struct plait_match *ret);
void plait_match_release(struct plait_match *match);

#endif
