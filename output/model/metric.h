/*
 * Ratios of two events: instructions per cycle, misses per reference.
 */
#ifndef PLAIT_OUTPUT_MODEL_METRIC_H
#define PLAIT_OUTPUT_MODEL_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct plait_profile;

/* A ratio that was asked for. Zeroed is none. */
struct plait_metric {
	const char *name;		 /* "ipc", "cache-misses/instructions"; NULL: none. Owned by the profile. */
	uint32_t numerator, denominator; /* events of the profile */
	double factor;			 /* the value is factor * numerator / denominator: 100 for per cent */
	bool percent;
	bool paired; /* both were read at the same samples: those of a leader with :S */
	uint32_t leader;
};

/* What a set of samples says of the ratio a / b: sums over the samples, so that sets can be added. */
struct plait_ratio {
	double a, b, aa, ab, bb;
	uint64_t samples;
};

/* Finds the events of `text`: a known name (ipc, cpi, miss-rate, branch-miss-rate, dtlb-miss-rate, mpki, branch-mpki,
 * dtlb-mpki) or two events of the profile with a slash between them. PLAIT_ERROR_USAGE when the profile does not have
 * them: the advice says what it has. */
struct plait_error *plait_metric_resolve(const struct plait_profile *profile, const char *text,
					 struct plait_metric *ret);

/* Adds one sample. */
void plait_ratio_add(struct plait_ratio *ratio, double a, double b);

/* Adds the samples of `more`, each event's counts multiplied by its scale. */
void plait_ratio_merge(struct plait_ratio *ratio, const struct plait_ratio *more, double scale_a, double scale_b);

/* The metric's value and half the width of its 95 % interval. False: too few samples to say (less than
 * PLAIT_RATIO_SAMPLES_MIN, or none of the denominator). The error is that of the ratio of two sums of random samples
 * (Cochran, Sampling Techniques, 6.4): sqrt(sum of (a - r b)^2) / sum of b. */
enum { PLAIT_RATIO_SAMPLES_MIN = 10 };
bool plait_ratio_value(const struct plait_ratio *ratio, const struct plait_metric *metric, double *ret_value,
		       double *ret_error);

#endif
