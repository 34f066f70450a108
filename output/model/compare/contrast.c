#include "output/model/compare/contrast.h"

#include <math.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "output/model/compare/distribution.h"

enum { COARSE = 16, PRIOR_DF_MAX = 20, PRIOR_ROWS_MIN = 3 };

#define FAIL_SHARE 0.2 /* 1 - the share of cases that plait_contrast_detectable() is about, to both sides */
/* A part and its reference, of one recording or of several together. */
struct sums {
	double part, part_squares, reference, reference_squares, shared_squares, leaf_squares, reference_leaf_squares;
};

static void add(struct sums *sums, const struct plait_contrast_part *part)
{
	sums->part += part->part;
	sums->part_squares += part->part_squares;
	sums->reference += part->reference;
	sums->reference_squares += part->reference_squares;
	sums->shared_squares += part->shared_squares;
	sums->leaf_squares += part->leaf_squares;
	sums->reference_leaf_squares += part->reference_leaf_squares;
}

/* Puts half a sample where there is none: its logarithm is finite then. */
static void fill_nothing(struct sums *sums, double weight)
{
	if (sums->part >= weight / 2)
		return;
	sums->part = weight / 2;
	sums->part_squares = weight * weight / 2;
}

static double logarithm(const struct sums *sums)
{
	return log(sums->part / sums->reference);
}

/* The variance of the logarithm when samples fall at random (delta method). */
static double sampling_variance(const struct sums *sums)
{
	double a = sums->part, u = sums->reference;
	double variance =
		sums->part_squares / (a * a) + sums->reference_squares / (u * u) - 2 * sums->shared_squares / (a * u);
	double least = 1e-6 * sums->part_squares / (a * a); /* part and reference are the same */
	return variance > least ? variance : least;
}

/* How far `part` block by block moves the logarithm, in `count` blocks made of PLAIT_COMPARE_BLOCKS. */
static void influence(const struct plait_contrast_part *part, int count, double sign, double *ret)
{
	int together = PLAIT_COMPARE_BLOCKS / count;
	for (int i = 0; i < count; i++) {
		double share = 0;
		for (int j = i * together; j < (i + 1) * together; j++) {
			share += part->part > 0 ? part->part_blocks[j] / part->part : 0;
			share -= part->reference_blocks ? part->reference_blocks[j] / part->reference
							: 1.0 / PLAIT_COMPARE_BLOCKS;
		}
		ret[i] += sign * share * count;
	}
}

/* The variance of one block, from the steps between neighbours. Of the difference between the sides: phases that both
 * have cancel, and of others that last longer than a block only the ends count. A side without samples has no steps. */
static double block_variance(const struct plait_contrast_part *base, const struct plait_contrast_part *new, int count)
{
	double blocks[PLAIT_COMPARE_BLOCKS] = { 0 }, sum = 0;
	if (base->part > 0)
		influence(base, count, -1, blocks);
	if (new->part > 0)
		influence(new, count, 1, blocks);
	for (int i = 0; i + 1 < count; i++)
		sum += (blocks[i + 1] - blocks[i]) * (blocks[i + 1] - blocks[i]) / 2;
	return sum / (count - 1);
}

/* With one recording a side: the variance from run to run that the recordings themselves let one expect. What is not
 * sampling error on the scale of a sixteenth of the recording is taken to be as large on the scale of the whole. */
static double drift_variance(const struct plait_contrast_part *parts, double sampling)
{
	double expected = sampling * COARSE, margin = 1 + 2 * sqrt(1.0 / COARSE);
	double excess = block_variance(&parts[0], &parts[1], COARSE) - margin * expected;
	return excess > 0 ? excess : 0;
}

/* By what factor samples are clustered: those of one call, of one burst are not independent. */
static double clustering(const struct plait_contrast_part *parts, double sampling)
{
	double factor = block_variance(&parts[0], &parts[1], PLAIT_COMPARE_BLOCKS) / (sampling * PLAIT_COMPARE_BLOCKS);
	return factor > 1 ? factor : 1;
}

/* One recording a side: what they show, and the variance that is assumed besides. `sampling`: by side. */
static void measure_pair(const struct plait_contrast_part *parts, const double sampling[2], double assumed,
			 struct plait_contrast *ret)
{
	double seen = 0; /* the part of the sampling variance that the blocks can show */
	bool blocks = parts[0].part_blocks && parts[1].part_blocks;
	for (int i = 0; i < 2; i++)
		seen += parts[i].part > 0 ? sampling[i] : 0;
	ret->run_sampling = ret->sampling;
	ret->run = ret->sampling * (blocks ? clustering(parts, seen) : 1) + assumed +
		   (blocks ? drift_variance(parts, seen) : 0);
}

static size_t run_df(const struct plait_contrast_rules *rules)
{
	return rules->base_count + rules->new_count - 2;
}

/* The variance from run to run, by the squares of the deviations from the side's mean. */
static double variance_of(const double *deviations, size_t count, double df)
{
	double squares = 0;
	for (size_t i = 0; i < count; i++)
		squares += deviations[i] * deviations[i];
	return squares / df;
}

/* The same by the steps from one recording to the next in time: slow drift of the machine meets both sides alike. */
static double step_variance(const double *deviations, const struct plait_contrast_rules *rules)
{
	size_t base = rules->base_count, count = base + rules->new_count;
	double squares = 0, expected = 0;
	for (size_t i = 1; i < count; i++) {
		uint32_t before = rules->order[i - 1], after = rules->order[i];
		double step = deviations[after] - deviations[before];
		bool same = (before < base) == (after < base);
		squares += step * step;
		/* between sides, a part of the step went into the sides' means */
		expected += same ? 2 : 2 - 1 / (double)base - 1 / (double)rules->new_count;
	}
	return expected > 0 ? squares / expected : 0;
}

static void measure_runs(const struct plait_contrast_part *parts, const struct plait_contrast_rules *rules,
			 double weight, struct plait_contrast *ret)
{
	double deviations[2 * PLAIT_COMPARE_MOST_RUNS], means[2] = { 0 };
	size_t base = rules->base_count, count = base + rules->new_count;
	for (size_t i = 0; i < count; i++) {
		struct sums sums = { 0 };
		add(&sums, &parts[i]);
		fill_nothing(&sums, weight);
		deviations[i] = logarithm(&sums);
		means[i >= base] += deviations[i] / (double)(i < base ? base : rules->new_count);
		ret->run_sampling += sampling_variance(&sums) / (double)count;
	}
	for (size_t i = 0; i < count; i++)
		deviations[i] -= means[i >= base];
	ret->mean_change = means[1] - means[0];
	ret->run_df = (double)run_df(rules);
	if (rules->interleaved && rules->order) {
		ret->run_df =
			fmax(2 * (double)(count - 1) / 3 - 1, 1); /* von Neumann's estimator is that much less sure */
		ret->run = step_variance(deviations, rules);
	} else {
		ret->run = variance_of(deviations, count, ret->run_df);
	}
}

/* The variance to assume from run to run: each function's cost varies by itself, so that it evens out in sums of many,
 * and little can move when the part is nearly all of the reference. */
static double assumed_variance(const struct sums *sums, double run_noise)
{
	double a = sums->part, u = sums->reference, shared = fmin(sums->shared_squares / sums->part_squares, 1);
	double leaves = sums->leaf_squares > 0 ? sums->leaf_squares / (a * a) : 1;
	double variance = leaves - 2 * shared * leaves * a / u + sums->reference_leaf_squares / (u * u);
	return variance > 0 ? run_noise * run_noise * variance : 0;
}

void plait_contrast_measure(const struct plait_contrast_part *parts, const struct plait_contrast_rules *rules,
			    struct plait_contrast *ret)
{
	struct sums sides[2] = { { 0 }, { 0 } };
	*ret = (struct plait_contrast) { .p = 1 };
	for (size_t i = 0; i < rules->base_count + rules->new_count; i++)
		add(&sides[i >= rules->base_count], &parts[i]);
	double part = sides[0].part + sides[1].part, squares = sides[0].part_squares + sides[1].part_squares;
	if (part <= 0 || sides[0].reference <= 0 || sides[1].reference <= 0)
		return;
	double weight = squares / part, sampling[2];
	for (int i = 0; i < 2; i++) {
		ret->samples[i] = sides[i].part / weight;
		fill_nothing(&sides[i], weight);
		sampling[i] = sampling_variance(&sides[i]);
	}
	ret->sampling = sampling[0] + sampling[1];
	ret->change = logarithm(&sides[1]) - logarithm(&sides[0]);
	ret->testable = ret->samples[0] + ret->samples[1] >= PLAIT_COMPARE_FEWEST;
	if (run_df(rules))
		measure_runs(parts, rules, weight, ret);
	else
		measure_pair(parts, sampling,
			     assumed_variance(&sides[0], rules->run_noise) +
				     assumed_variance(&sides[1], rules->run_noise),
			     ret);
}

void plait_contrast_prior(const struct plait_contrast *contrasts, size_t count, struct plait_contrast_rules *rules)
{
	double df = run_df(rules) && count ? contrasts[0].run_df : 0, sum = 0, squares = 0;
	size_t used = 0;
	rules->prior_noise = rules->prior_df = 0;
	for (size_t i = 0; df > 0 && i < count; i++) {
		if (!contrasts[i].testable || contrasts[i].run <= 0)
			continue;
		double value = log(contrasts[i].run / contrasts[i].run_sampling) - plait_digamma(df / 2) + log(df / 2);
		sum += value;
		squares += value * value;
		used++;
	}
	if (used < PRIOR_ROWS_MIN)
		return;
	double mean = sum / (double)used;
	double spread = (squares - sum * mean) / (double)(used - 1) - plait_trigamma(df / 2);
	double prior_df = spread > 0 ? 2 * plait_trigamma_inverse(spread) : PRIOR_DF_MAX;
	rules->prior_df = prior_df < PRIOR_DF_MAX ? prior_df : PRIOR_DF_MAX;
	rules->prior_noise = exp(mean + plait_digamma(rules->prior_df / 2) - log(rules->prior_df / 2));
}

/* The variance of the change, and how well it is known. */
static double total_variance(const struct plait_contrast *contrast, const struct plait_contrast_rules *rules,
			     double *ret_df)
{
	double df = contrast->run_df, prior_df = rules->prior_df;
	*ret_df = INFINITY;
	if (!run_df(rules))
		return contrast->run;
	double run = (prior_df * rules->prior_noise * contrast->run_sampling + df * contrast->run) / (prior_df + df);
	if (run < contrast->run_sampling)
		run = contrast->run_sampling;
	*ret_df = prior_df + df;
	double averaged = 1.0 / (double)rules->base_count + 1.0 / (double)rules->new_count;
	double variance = rules->interleaved ? run * averaged : contrast->sampling + 2 * (run - contrast->run_sampling);
	return variance > contrast->sampling ? variance : contrast->sampling;
}

/* The signed root of the deviance of two counts from what is expected of them, each half a sample nearer to that: good
 * for small counts, where the logarithm is not. */
static double deviance_root(const double counts[2], double expected_share)
{
	double total = counts[0] + counts[1], expected = total * expected_share, away = counts[1] - expected;
	if (fabs(away) <= 0.5)
		return 0;
	double new = counts[1] - (away > 0 ? 0.5 : -0.5), base = total - new;
	double sum = (new > 0 ? new *log(new / expected) : 0) + (base > 0 ? base * log(base / (total - expected)) : 0);
	return (away > 0 ? 1 : -1) * sqrt(2 * (sum > 0 ? sum : 0));
}

void plait_contrast_test(struct plait_contrast *contrast, const struct plait_contrast_rules *rules)
{
	if (contrast->samples[0] + contrast->samples[1] <= 0)
		return;
	double variance = total_variance(contrast, rules, &contrast->df);
	double base = fmax(contrast->samples[0], 0.5), new = fmax(contrast->samples[1], 0.5);
	/* what NEW would have of all samples, were nothing different: the change is log(new / base) - log(odds) */
	double odds = new / base / exp(contrast->change);
	contrast->error = sqrt(variance);
	contrast->z = deviance_root(contrast->samples, odds / (1 + odds)) * sqrt((1 / base + 1 / new) / variance);
	if (run_df(rules)) { /* a few runs with much of it may not speak for all */
		double by_mean = contrast->mean_change / contrast->error;
		contrast->z = by_mean * contrast->z <= 0	  ? 0
			      : fabs(by_mean) < fabs(contrast->z) ? by_mean
								  : contrast->z;
	}
	contrast->p = plait_student_p(contrast->z, contrast->df);
}

double plait_contrast_detectable(const struct plait_contrast *contrast, double level)
{
	double away = plait_student_quantile(level, contrast->df) + plait_student_quantile(FAIL_SHARE, contrast->df);
	return expm1(away * contrast->error);
}

struct ranked {
	double p;
	size_t index;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;
	if (left->p != right->p)
		return left->p < right->p ? -1 : 1;
	return (left->index > right->index) - (left->index < right->index);
}

bool plait_holm(const double *p, size_t count, double *ret)
{
	struct ranked *ranked PLAIT_FREE = calloc(count + 1, sizeof(*ranked));
	if (!ranked)
		return false;
	size_t tests = 0;
	for (size_t i = 0; i < count; i++) {
		ret[i] = 1;
		if (!isnan(p[i]))
			ranked[tests++] = (struct ranked) { p[i], i };
	}
	qsort(ranked, tests, sizeof(*ranked), compare_ranked);
	double highest = 0;
	for (size_t i = 0; i < tests; i++) {
		double adjusted = fmin(1, ranked[i].p * (double)(tests - i));
		highest = fmax(highest, adjusted);
		ret[ranked[i].index] = highest;
	}
	return true;
}
