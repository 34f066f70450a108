/*
 * What each row of a comparison costs in each recording, along the recording.
 */
#ifndef PLAIT_OUTPUT_MODEL_COMPARE_MEASURE_H
#define PLAIT_OUTPUT_MODEL_COMPARE_MEASURE_H

#include "output/model/compare/match.h"

enum plait_table_kind { PLAIT_COMPARE_FUNCTIONS, PLAIT_COMPARE_LINES, PLAIT_COMPARE_TABLES };

/* Besides own and total, for functions only: what is a function's doing. Samples inside of a Python function are the
 * innermost one's, whatever native code it ran, others the function's that they fell into: each is one function's. */
enum { PLAIT_MEASURE_UNIT = PLAIT_COMPARE_FIGURES, PLAIT_MEASURE_FIGURES };

/* Sums over some samples: of weights, and of their squares. */
struct plait_measure_sum {
	double weight, squares;
	uint64_t samples;
};

/* Samples of one stack in one block of the recording. */
struct plait_measure_cell {
	uint32_t node; /* of the tree */
	uint32_t block;
	struct plait_measure_sum sum;
};

/* One recording. */
struct plait_measure_input {
	struct plait_timeline *timeline;
	PLAIT_VEC(struct plait_measure_cell) cells;
	bool *interrupt; /* by node of the tree: it is an interrupt's work, which no program asked for */
	uint32_t *unit;	 /* by node of the tree: the function whose doing it is, see PLAIT_MEASURE_UNIT */
	struct plait_measure_sum whole;
	double blocks[PLAIT_COMPARE_BLOCKS];
};

/* What runs in the kernel (pages cleared, disks waited for) varies more from run to run than a program's own functions
 * do, all of it together: it counts as one function with so many times the noise. */
#define PLAIT_MEASURE_KERNEL_NOISE 4

/* One figure of one row in one recording. */
struct plait_measure_value {
	struct plait_measure_sum sum;
	double interrupted;    /* weight of the samples that fell into an interrupt's work */
	double shared_squares; /* of the samples that are in the reference */
	double leaf_squares;   /* sum over functions of the squares of what fell there, by their noise; of a row that is
				  tested */
	double *blocks;	       /* of a row that is tested; else NULL */
};

struct plait_measure {
	struct plait_match match;
	struct plait_measure_input *inputs;
	size_t count;
	struct plait_measure_value *values[PLAIT_COMPARE_TABLES]; /* see plait_measure_value_of() */
	double *block_store;
};

/* Reads all samples that `view` selects; its event must be set. Release `ret` in any case. */
struct plait_error *plait_measure_create(const struct plait_compare_input *inputs, size_t base_count, size_t count,
					 const struct plait_view_options *view, struct plait_measure *ret);
void plait_measure_release(struct plait_measure *measure);

/* The value of a row's figure (PLAIT_COMPARE_OWN, PLAIT_COMPARE_TOTAL, PLAIT_MEASURE_UNIT) in recording `input`. */
struct plait_measure_value *plait_measure_value_of(const struct plait_measure *measure, enum plait_table_kind table,
						   uint32_t row, int figure, size_t input);

/* Whether a function is the kernel's. */
bool plait_measure_is_kernel(const struct plait_measure *measure, uint32_t function);

/* Fills the blocks and leaf_squares of the rows of a table for which `wanted` is set, by row. */
struct plait_error *plait_measure_blocks(struct plait_measure *measure, const bool *wanted[PLAIT_COMPARE_TABLES]);

/* Fills shared_squares: `outside` says, by function, whose doing is not in the reference. Call it once. */
struct plait_error *plait_measure_share(struct plait_measure *measure, const bool *outside);

#endif
