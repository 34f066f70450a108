/*
 * The few distributions that tests need.
 */
#ifndef PLAIT_OUTPUT_MODEL_COMPARE_DISTRIBUTION_H
#define PLAIT_OUTPUT_MODEL_COMPARE_DISTRIBUTION_H

/* The probability that Student's t with `df` degrees of freedom (more than 0; INFINITY: the normal distribution) is
 * farther from 0 than `t`, to either side. */
double plait_student_p(double t, double df);

/* The value that is exceeded to either side with probability `p` (0 < p < 1). */
double plait_student_quantile(double p, double df);

/* The derivative of the logarithm of the gamma function, its derivative, and the latter's inverse; x > 0. */
double plait_digamma(double x);
double plait_trigamma(double x);
double plait_trigamma_inverse(double x);

#endif
