/*
 * How much more one part of the samples costs on one side than on the other, in proportion to a reference, and how
 * far chance alone may have gone. docs/compare.md tells users.
 *
 * The change is the logarithm of (part / reference of NEW) / (part / reference of BASE). Its variance is at least
 * that of random sampling. Several recordings a side measure what differs from run to run; with one a side, what
 * varies along the recordings is taken for it (noise of machines is about as large on all scales of time), and
 * something is assumed on top.
 */
#ifndef PLAIT_OUTPUT_MODEL_COMPARE_CONTRAST_H
#define PLAIT_OUTPUT_MODEL_COMPARE_CONTRAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PLAIT_COMPARE_BLOCKS = 64,    /* a recording is cut into so many blocks of equally many samples */
	PLAIT_COMPARE_FEWEST = 20,    /* samples of both sides: with fewer nothing can be told */
	PLAIT_COMPARE_MOST_RUNS = 64, /* recordings a side */
};

/* Sums over one recording. Squares are sums of squared weights. */
struct plait_contrast_part {
	double part, part_squares;
	double reference, reference_squares; /* 1 and 0 for absolute amounts */
	double shared_squares;		     /* of the samples that are in both */
	double leaf_squares;		     /* sum of the squares of what fell into each function; 0: all into one */
	double reference_leaf_squares;	     /* the same of the reference; 0: it does not vary */
	const double *part_blocks;	     /* by block; NULL: not known */
	const double *reference_blocks;	     /* NULL: none */
};

/* How noise is judged in one comparison. */
struct plait_contrast_rules {
	size_t base_count, new_count; /* recordings */
	bool interleaved;	      /* base and new took turns: drift of the machine meets both */
	const uint32_t *order;	      /* interleaved: the recordings by time, as indexes of parts; NULL: not known */
	double run_noise; /* standard deviation of a function's logarithm assumed with one recording a side */
	double prior_noise, prior_df; /* from plait_contrast_prior(); 0: none */
};

struct plait_contrast {
	double samples[2];	  /* effective ones in the part: base, new */
	double change;		  /* logarithm of the ratio */
	double sampling;	  /* variance of `change` from random sampling alone */
	double run, run_sampling; /* several recordings: variance from run to run, and of that by sampling alone */
	double run_df;		  /* degrees of freedom of `run` */
	double mean_change;	  /* several recordings: the difference of the means of their logarithms */
	double error;		  /* standard error of `change` */
	double df;		  /* degrees of freedom that it is known with */
	double z, p;		  /* test statistic, and its two-sided probability */
	bool testable;		  /* there are samples enough to tell anything */
};

/* `parts`: those of the base, then those of the new side. */
void plait_contrast_measure(const struct plait_contrast_part *parts, const struct plait_contrast_rules *rules,
			    struct plait_contrast *ret);

/* Sets rules->prior_noise and prior_df from how the run-to-run variance of many parts is spread (the empirical Bayes
 * moderation of Smyth 2004, "Linear models and empirical Bayes methods", section 6.2), so that a few recordings
 * a side are enough. */
void plait_contrast_prior(const struct plait_contrast *contrasts, size_t count, struct plait_contrast_rules *rules);

/* Fills error, df, z and p, after the prior is known. */
void plait_contrast_test(struct plait_contrast *contrast, const struct plait_contrast_rules *rules);

/* The change (as a ratio, 0.05: 5 %) that a comparison like this one finds in 9 of 10 cases when its test is at
 * `level`. */
double plait_contrast_detectable(const struct plait_contrast *contrast, double level);

/* Holm's step-down: the adjusted probability of each of `count`. 1 for NAN (not a test). False: no memory. */
bool plait_holm(const double *p, size_t count, double *ret);

#endif
