#include "output/model/compare/distribution.h"

#include <math.h>

enum { FRACTION_STEPS = 500, BISECTIONS = 200, LARGE = 12 };

#define NORMAL_FROM 1e6 /* degrees of freedom: no difference from there on */

/* The continued fraction of the incomplete beta function (DLMF 8.17.22) by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-300;
	double c = 1, d = 1 - (a + b) * x / (a + 1);
	d = 1 / (fabs(d) < tiny ? tiny : d);
	double result = d;
	for (int m = 1; m <= FRACTION_STEPS; m++) {
		double terms[2] = { m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
				    -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) };
		double step = 1;
		for (int i = 0; i < 2; i++) {
			d = 1 + terms[i] * d;
			c = 1 + terms[i] / c;
			d = 1 / (fabs(d) < tiny ? tiny : d);
			c = fabs(c) < tiny ? tiny : c;
			step = d * c;
			result *= step;
		}
		if (fabs(step - 1) < 1e-15)
			break;
	}
	return result;
}

/* The regularised incomplete beta function. */
static double beta_regularised(double a, double b, double x)
{
	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;
	double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double plait_student_p(double t, double df)
{
	if (df > NORMAL_FROM)
		return erfc(fabs(t) / M_SQRT2);
	return beta_regularised(df / 2, 0.5, df / (df + t * t));
}

double plait_student_quantile(double p, double df)
{
	double low = 0, high = 1;
	while (plait_student_p(high, df) > p && high < 1e12)
		high *= 2;
	for (int i = 0; i < BISECTIONS && high - low > 1e-12 * high; i++) {
		double middle = (low + high) / 2;
		if (plait_student_p(middle, df) > p)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

/* Both series (DLMF 5.11.2 and its derivative) are for large x; the recurrence leads there. */
double plait_digamma(double x)
{
	double result = 0;
	for (; x < LARGE; x++)
		result -= 1 / x;
	double square = 1 / (x * x);
	return result + log(x) - 0.5 / x - square * (1.0 / 12 - square * (1.0 / 120 - square / 252));
}

double plait_trigamma(double x)
{
	double result = 0;
	for (; x < LARGE; x++)
		result += 1 / (x * x);
	double square = 1 / (x * x);
	return result + 1 / x + square / 2 + square / x * (1.0 / 6 - square * (1.0 / 30 - square / 42));
}

double plait_trigamma_inverse(double x)
{
	double low = 1e-6, high = 1e6; /* it falls */
	for (int i = 0; i < BISECTIONS && high - low > 1e-12 * high; i++) {
		double middle = sqrt(low * high);
		if (plait_trigamma(middle) > x)
			low = middle;
		else
			high = middle;
	}
	return sqrt(low * high);
}
