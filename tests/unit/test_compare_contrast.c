/* links: plait_model */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <cmocka.h>

#include "output/model/compare/contrast.h"
#include "output/model/compare/distribution.h"

static void near(double value, double wanted, double tolerance)
{
	if (!(fabs(value - wanted) <= tolerance * fmax(1, fabs(wanted))))
		fail_msg("%.9g is not %.9g", value, wanted);
}

/* Values of R 4.2: 2*pt(-2, 5), qt(0.975, 8), digamma(0.3), trigamma(2.5). */
static void distributions_are_those_of_the_books(void **state)
{
	(void)state;
	near(plait_student_p(2, 5), 0.1019394788, 1e-9);
	near(plait_student_p(-2, 5), 0.1019394788, 1e-9);
	near(plait_student_p(0, 3), 1, 1e-12);
	near(plait_student_p(1.959963985, INFINITY), 0.05, 1e-9);
	near(plait_student_p(40, 2), 0.0006244, 1e-3);
	near(plait_student_quantile(0.05, 8), 2.306004135, 1e-8);
	near(plait_student_quantile(0.001, INFINITY), 3.290526731, 1e-8);
	near(plait_digamma(0.3), -3.502524222, 1e-9);
	near(plait_digamma(1), -0.5772156649, 1e-9);
	near(plait_trigamma(1), 1.644934067, 1e-9);
	near(plait_trigamma(2.5), 0.4903577562, 1e-9);
	for (double x = 0.1; x < 100; x *= 3)
		near(plait_trigamma_inverse(plait_trigamma(x)), x, 1e-8);
}

static struct plait_contrast contrast_of(const struct plait_contrast_part *parts, struct plait_contrast_rules rules)
{
	struct plait_contrast contrast;
	plait_contrast_measure(parts, &rules, &contrast);
	plait_contrast_test(&contrast, &rules);
	return contrast;
}

static const struct plait_contrast_rules one_a_side = { .base_count = 1, .new_count = 1 };

/* A part of `count` of 10,000 samples of weight 7. */
static struct plait_contrast_part part_of(double count)
{
	return (struct plait_contrast_part) { 7 * count, 49 * count, 70000, 490000, 49 * count, 0, 0, NULL, NULL };
}

static void sampling_error_is_that_of_the_binomial(void **state)
{
	(void)state;
	struct plait_contrast_part parts[] = { part_of(2000), part_of(2100) };
	struct plait_contrast contrast = contrast_of(parts, one_a_side);
	near(contrast.change, log(1.05), 1e-9);
	near(contrast.error, sqrt(1.0 / 2000 + 1.0 / 2100 - 2.0 / 10000), 1e-9);
	near(contrast.z, log(1.05) / contrast.error, 0.02);
	assert_true(contrast.testable);
	parts[0] = part_of(10000);
	parts[1] = part_of(10000);
	contrast = contrast_of(parts, one_a_side);
	near(contrast.change, 0, 1e-12);
	near(contrast.p, 1, 1e-9);
}

/* Small counts, against the exact binomial test: 2 * pbinom(min, a + b, 0.5). */
static void small_counts_are_nearly_exact(void **state)
{
	(void)state;
	static const struct {
		double base, new, exact;
	} cases[] = {
		{ 2, 18, 0.0004024506 }, { 0, 20, 1.907349e-06 }, { 10, 30, 0.002221435 }, { 14, 16, 0.8555355 }
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plait_contrast_part parts[] = { part_of(cases[i].base), part_of(cases[i].new) };
		struct plait_contrast contrast = contrast_of(parts, one_a_side);
		assert_true(contrast.p > cases[i].exact / 3 && contrast.p < 3 * cases[i].exact);
	}
	struct plait_contrast_part few[] = { part_of(0), part_of(19) };
	assert_false(contrast_of(few, one_a_side).testable);
	struct plait_contrast_part none[] = { part_of(0), part_of(0) };
	assert_false(contrast_of(none, one_a_side).testable);
}

/* Blocks that alternate between 0 and twice their mean: samples of one burst are no independent evidence. */
static void bursts_widen_the_error(void **state)
{
	(void)state;
	double even[PLAIT_COMPARE_BLOCKS], bursts[PLAIT_COMPARE_BLOCKS], whole[PLAIT_COMPARE_BLOCKS];
	for (int i = 0; i < PLAIT_COMPARE_BLOCKS; i++) {
		even[i] = 700;
		bursts[i] = i % 2 ? 1400 : 0;
		whole[i] = 7000;
	}
	struct plait_contrast_part part = { 44800, 49 * 6400, 448000, 49 * 64000, 49 * 6400, 0, 0, even, whole };
	struct plait_contrast_part parts[] = { part, part };
	double calm = contrast_of(parts, one_a_side).error;
	parts[0].part_blocks = bursts;
	near(calm, sqrt(2.0 / 6400 - 2.0 / 64000), 1e-9);
	assert_true(contrast_of(parts, one_a_side).error > 5 * calm);
	parts[1].part_blocks = bursts; /* phases that both have cancel */
	near(contrast_of(parts, one_a_side).error, calm, 1e-9);
}

static void assumed_noise_evens_out_over_functions(void **state)
{
	(void)state;
	struct plait_contrast_rules rules = one_a_side;
	rules.run_noise = 0.1;
	struct plait_contrast_part parts[] = { part_of(1000), part_of(1000) };
	double sampling = 2.0 / 1000 - 2.0 / 10000;
	near(contrast_of(parts, rules).error, sqrt(sampling + 2 * 0.01 * 0.8), 1e-9);
	for (int i = 0; i < 2; i++) /* the other 9 functions of the same cost */
		parts[i].reference_leaf_squares = 10 * parts[i].part * parts[i].part;
	near(contrast_of(parts, rules).error, sqrt(sampling + 2 * 0.01 * (1 - 0.2 + 0.1)), 1e-9);
	for (int i = 0; i < 2; i++) /* four functions of equal cost */
		parts[i].leaf_squares = parts[i].part * parts[i].part / 4;
	near(contrast_of(parts, rules).error, sqrt(sampling + 2 * 0.01 * (0.25 - 0.05 + 0.1)), 1e-9);
}

/* Shares 0.18, 0.22, ... in each of three recordings a side. */
static void recordings_that_differ_widen_the_error(void **state)
{
	(void)state;
	struct plait_contrast_rules rules = { .base_count = 3, .new_count = 3, .interleaved = true };
	struct plait_contrast_part parts[6];
	static const double counts[] = { 1800, 2000, 2200, 1800, 2000, 2200 };
	for (int i = 0; i < 6; i++)
		parts[i] = part_of(counts[i]);
	struct plait_contrast contrast = contrast_of(parts, rules);
	double low = log(0.18), middle = log(0.2), high = log(0.22), mean = (low + middle + high) / 3;
	double squares = pow(low - mean, 2) + pow(middle - mean, 2) + pow(high - mean, 2);
	near(contrast.error, sqrt(2 * squares / 4 * 2 / 3), 1e-9);
	near(contrast.df, 4, 1e-9);
	rules.interleaved = false; /* then noise is not averaged */
	assert_true(contrast_of(parts, rules).error > 1.5 * contrast.error);
	for (int i = 0; i < 6; i++)
		parts[i] = part_of(2000);
	near(contrast_of(parts, rules).error, sqrt(2.0 / 6000 - 2.0 / 30000), 1e-9); /* never less than sampling */
}

/* Base and new in turns, both rising: drift of the machine is no noise of their difference. */
static void drift_meets_both_sides(void **state)
{
	(void)state;
	static const uint32_t order[] = { 0, 4, 1, 5, 2, 6, 3, 7 };
	struct plait_contrast_rules rules = { .base_count = 4, .new_count = 4, .interleaved = true };
	struct plait_contrast_part parts[8];
	for (int i = 0; i < 4; i++) {
		parts[i] = part_of(1000 + 500 * i);
		parts[4 + i] = part_of(1010 + 500 * i);
	}
	double blind = contrast_of(parts, rules).error;
	rules.order = order;
	assert_true(contrast_of(parts, rules).error < blind / 1.5);
	/* one recording with much of it does not speak for all */
	for (int i = 0; i < 8; i++)
		parts[i] = part_of(i == 7 ? 4000 : 30);
	assert_true(contrast_of(parts, rules).p > 0.05);
}

static void noise_of_many_functions_is_a_prior(void **state)
{
	(void)state;
	struct plait_contrast_rules rules = { .base_count = 3, .new_count = 3 };
	struct plait_contrast contrasts[40];
	for (int i = 0; i < 40; i++) /* all the same, and that of a quantile each */
		contrasts[i] =
			(struct plait_contrast) { .testable = true, .run = 4e-4, .run_sampling = 1e-4, .run_df = 4 };
	plait_contrast_prior(contrasts, 40, &rules);
	assert_true(rules.prior_df >= 20 && rules.prior_noise > 3);
	for (int i = 0; i < 40; i++)
		contrasts[i].run = 1e-4 * pow(10, i % 5 - 1);
	plait_contrast_prior(contrasts, 40, &rules);
	assert_true(rules.prior_df > 0 && rules.prior_df < 4);
	plait_contrast_prior(contrasts, 2, &rules);
	near(rules.prior_df, 0, 0);
}

static void holm_steps_down(void **state)
{
	(void)state;
	const double p[] = { 0.01, 0.04, NAN, 0.03, 0.005 };
	double adjusted[5];
	assert_true(plait_holm(p, 5, adjusted));
	const double wanted[] = { 0.03, 0.06, 1, 0.06, 0.02 };
	for (int i = 0; i < 5; i++)
		near(adjusted[i], wanted[i], 1e-12);
}

/* What is said to be found in 9 of 10 cases is: a normal change of that size, at that level. */
static void detectable_changes_are_found(void **state)
{
	(void)state;
	struct plait_contrast contrast = { .error = 0.01, .df = INFINITY };
	double size = log1p(plait_contrast_detectable(&contrast, 0.01));
	double missed = 0.5 * erfc((size / 0.01 - plait_student_quantile(0.01, INFINITY)) / M_SQRT2);
	near(missed, 0.1, 1e-6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distributions_are_those_of_the_books),
		cmocka_unit_test(sampling_error_is_that_of_the_binomial),
		cmocka_unit_test(small_counts_are_nearly_exact),
		cmocka_unit_test(bursts_widen_the_error),
		cmocka_unit_test(assumed_noise_evens_out_over_functions),
		cmocka_unit_test(recordings_that_differ_widen_the_error),
		cmocka_unit_test(drift_meets_both_sides),
		cmocka_unit_test(noise_of_many_functions_is_a_prior),
		cmocka_unit_test(holm_steps_down),
		cmocka_unit_test(detectable_changes_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
