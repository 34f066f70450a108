/*
 * Two sides of recordings compared: which functions and Python lines cost more, or less, than before, and which of the
 * differences chance cannot explain. docs/compare.md says how, for users.
 */
#ifndef PLAIT_OUTPUT_MODEL_COMPARE_COMPARE_H
#define PLAIT_OUTPUT_MODEL_COMPARE_COMPARE_H

#include "output/model/compare/contrast.h"
#include "output/model/timeline.h"

/* A recording. All is borrowed until the comparison is destroyed. */
struct plait_compare_input {
	const char *path;
	const struct plait_profile *profile;
	const struct plait_sample_feed *feed;
	/* The text of a Python line when it is certain that it is the one that ran, else NULL. */
	const char *(*line_text)(void *context, const char *file, int32_t line);
	void *line_context;
	bool damaged;
};

struct plait_compare_options {
	const struct plait_view_options *view;
	bool absolute;	   /* compare amounts, not proportions */
	double threshold;  /* per cent of the whole, in the mean of both sides: rows below it are not tested */
	double error_rate; /* of the whole comparison: the probability that equal programs show any difference */
	double run_noise;  /* standard deviation from run to run assumed with one recording a side */
	const char *const *always; /* functions of these names are tested however small they are */
	size_t always_count;
};

enum { PLAIT_COMPARE_BASE, PLAIT_COMPARE_NEW, PLAIT_COMPARE_SIDES };
enum { PLAIT_COMPARE_OWN, PLAIT_COMPARE_TOTAL, PLAIT_COMPARE_FIGURES };

enum plait_compare_verdict {
	PLAIT_COMPARE_SMALL,	 /* below the threshold, or too few samples: not tested */
	PLAIT_COMPARE_UNDECIDED, /* may be noise */
	PLAIT_COMPARE_SLOWER,
	PLAIT_COMPARE_FASTER,
	PLAIT_COMPARE_ADDED,   /* not in BASE */
	PLAIT_COMPARE_REMOVED, /* not in NEW */
};

/* Own cost (of the samples that fell there) or total (of all samples with it in their stack). */
struct plait_compare_figure {
	double weight[PLAIT_COMPARE_SIDES]; /* mean of the side's recordings, in the event's unit */
	double share[PLAIT_COMPARE_SIDES];  /* of all selected samples of the side, 0 to 1 */
	uint64_t samples[PLAIT_COMPARE_SIDES];
	bool tested;
	double change;	   /* 0.05: 5 % more; by the reference, or absolute. INFINITY: new, NAN: neither side has any */
	double low, high;  /* its 95 % interval (of this row alone); NAN when not tested or on one side only */
	double detectable; /* the smallest change that would have been found in 9 of 10 cases; NAN when not tested */
	double p, adjusted; /* NAN when not tested */
	enum plait_compare_verdict verdict;
};

struct plait_compare_row {
	const struct plait_label *label;    /* as in NEW, else BASE */
	const char *place;		    /* by what it was matched: module, or file without its checkout's folder */
	uint32_t function;		    /* of a line: index in functions */
	int32_t lines[PLAIT_COMPARE_SIDES]; /* Python: of the line or the definition; 0: the side does not have it */
	const char *text;		    /* of a line, as both sides have it; NULL: not known */
	bool guessed; /* a line matched by its distance from the definition, as its text is not known: not tested */
	struct plait_compare_figure figures[PLAIT_COMPARE_FIGURES];
};

struct plait_compare_rows {
	PLAIT_VEC(struct plait_compare_row) rows;
	double error_rate; /* of this table */
	size_t tests;	   /* figures with equal samples count once */
};

struct plait_compare_side {
	const struct plait_compare_input *inputs;
	size_t count;
	uint64_t samples; /* selected ones */
	double weight;	  /* mean of its recordings */
};

/* Both sides' stacks in one tree. */
struct plait_compare_node {
	uint32_t parent;		 /* smaller than its own index; node 0 is the root */
	uint32_t function;		 /* index in functions; PLAIT_NONE in the root */
	double own[PLAIT_COMPARE_SIDES]; /* mean of the side's recordings */
};

struct plait_comparison {
	struct plait_compare_options options;
	const struct plait_profile_event *event; /* of the first input */
	struct plait_compare_side sides[PLAIT_COMPARE_SIDES];
	struct plait_compare_rows functions, lines;
	struct plait_compare_figure whole; /* everything selected; tested with `absolute` only */
	struct plait_contrast_rules rules;
	double reference; /* share of NEW's samples that changes are in proportion to; 1: all */
	PLAIT_VEC(struct plait_compare_node) nodes;
	PLAIT_VEC(char *) notes; /* what a reader must know about how far the sides can be compared */
	struct plait_compare_work *work;
};

/* Compares `base_count` recordings with the `new_count` behind them. PLAIT_ERROR_USAGE and PLAIT_ERROR_UNSUPPORTED:
 * they cannot be compared, and why. */
struct plait_error *plait_comparison_create(const struct plait_compare_input *inputs, size_t base_count,
					    size_t new_count, const struct plait_compare_options *options,
					    struct plait_comparison **ret);
void plait_comparison_destroy(struct plait_comparison *comparison);

/* Whether the verdict says that there is a difference. */
bool plait_compare_is_change(enum plait_compare_verdict verdict);

#endif
