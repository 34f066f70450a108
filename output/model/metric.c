#include "output/model/metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/model/profile.h"

#define SIGMAS 1.96 /* 95 % of a normal distribution lie within so many standard errors */

static const struct known {
	const char *name, *numerator, *denominator;
	double factor;
	bool percent;
} known[] = {
	{ "ipc", "instructions", "cycles", 1, false },
	{ "cpi", "cycles", "instructions", 1, false },
	{ "miss-rate", "cache-misses", "cache-references", 100, true },
	{ "branch-miss-rate", "branch-misses", "branches", 100, true },
	{ "dtlb-miss-rate", "dTLB-load-misses", "dTLB-loads", 100, true },
	{ "mpki", "cache-misses", "instructions", 1000, false },
	{ "branch-mpki", "branch-misses", "instructions", 1000, false },
	{ "dtlb-mpki", "dTLB-load-misses", "instructions", 1000, false },
};

/* The event of this name, or with modifiers behind it ("cycles:u"); PLAIT_NONE: none. */
static uint32_t find_event(const struct plait_profile *profile, const char *name, size_t length)
{
	for (int modified = 0; modified < 2; modified++) {
		for (uint32_t i = 0; i < profile->events.count; i++) {
			const char *event = profile->events.data[i].record.name;
			if (strncmp(event, name, length) == 0 && event[length] == (modified ? ':' : '\0'))
				return i;
		}
	}
	return PLAIT_NONE;
}

static bool find_known(const struct plait_profile *profile, const struct known *one, struct plait_metric *ret)
{
	*ret = (struct plait_metric) {
		.name = one->name,
		.numerator = find_event(profile, one->numerator, strlen(one->numerator)),
		.denominator = find_event(profile, one->denominator, strlen(one->denominator)),
		.factor = one->factor,
		.percent = one->percent,
	};
	return ret->numerator != PLAIT_NONE && ret->denominator != PLAIT_NONE;
}

/* "a/b": names of events may have slashes of their own, so each is tried. */
static bool find_pair(const struct plait_profile *profile, const char *text, struct plait_metric *ret)
{
	for (const char *slash = text; (slash = strchr(slash, '/')); slash++) {
		*ret = (struct plait_metric) { .name = text,
					       .numerator = find_event(profile, text, (size_t)(slash - text)),
					       .denominator = find_event(profile, slash + 1, strlen(slash + 1)),
					       .factor = 1 };
		if (ret->numerator != PLAIT_NONE && ret->denominator != PLAIT_NONE)
			return true;
	}
	return false;
}

static struct plait_error *refuse(const struct plait_profile *profile, const char *text)
{
	char *can = NULL;
	size_t size;
	FILE *out = open_memstream(&can, &size);
	if (!out)
		return plait_error_no_memory();
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct plait_metric metric;
		if (find_known(profile, &known[i], &metric))
			fprintf(out, "%s, ", known[i].name);
	}
	for (size_t i = 0; i < profile->events.count; i++)
		fprintf(out, "%s%s", i ? ", " : "a/b of ", profile->events.data[i].record.name);
	fclose(out);
	const struct known *one = NULL;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		one = strcmp(known[i].name, text) == 0 ? &known[i] : one;
	struct plait_error *error =
		one ? plait_error_new(PLAIT_ERROR_USAGE, "--metric %s needs %s and %s, which were not both recorded",
				      text, one->numerator, one->denominator)
		    : plait_error_new(PLAIT_ERROR_USAGE, "there is no metric '%.100s' in this recording", text);
	error = plait_error_advise(error, "it can give %s", profile->events.count > 1 ? can : "none: it has one event");
	free(can);
	return error;
}

/* The leader whose samples have both counts. */
static void find_leader(const struct plait_profile *profile, struct plait_metric *metric)
{
	const struct plait_profile_event *a = &profile->events.data[metric->numerator];
	const struct plait_profile_event *b = &profile->events.data[metric->denominator];
	metric->leader = a->traits.leader;
	metric->paired = metric->leader != PLAIT_NONE && metric->leader == b->traits.leader &&
			 (a->traits.counting || metric->numerator == metric->leader) &&
			 (b->traits.counting || metric->denominator == metric->leader) &&
			 (a->traits.counting || b->traits.counting);
}

struct plait_error *plait_metric_resolve(const struct plait_profile *profile, const char *text,
					 struct plait_metric *ret)
{
	bool found = find_pair(profile, text, ret);
	for (size_t i = 0; !found && i < sizeof(known) / sizeof(known[0]); i++)
		found = strcmp(known[i].name, text) == 0 && find_known(profile, &known[i], ret);
	if (!found) {
		*ret = (struct plait_metric) { 0 };
		return refuse(profile, text);
	}
	find_leader(profile, ret);
	return NULL;
}

void plait_ratio_add(struct plait_ratio *ratio, double a, double b)
{
	ratio->a += a;
	ratio->b += b;
	ratio->aa += a * a;
	ratio->ab += a * b;
	ratio->bb += b * b;
	ratio->samples++;
}

void plait_ratio_merge(struct plait_ratio *ratio, const struct plait_ratio *more, double scale_a, double scale_b)
{
	ratio->a += scale_a * more->a;
	ratio->b += scale_b * more->b;
	ratio->aa += scale_a * scale_a * more->aa;
	ratio->ab += scale_a * scale_b * more->ab;
	ratio->bb += scale_b * scale_b * more->bb;
	ratio->samples += more->samples;
}

bool plait_ratio_value(const struct plait_ratio *ratio, const struct plait_metric *metric, double *ret_value,
		       double *ret_error)
{
	if (ratio->samples < PLAIT_RATIO_SAMPLES_MIN || !(ratio->b > 0))
		return false;
	double r = ratio->a / ratio->b, n = (double)ratio->samples;
	double squares = ratio->aa - 2 * r * ratio->ab + r * r * ratio->bb;
	if (squares < 1e-12 * ratio->aa) /* rounding, where all samples say the same */
		squares = 0;
	*ret_value = metric->factor * r;
	*ret_error = metric->factor * SIGMAS * sqrt(squares * n / (n - 1)) / ratio->b;
	return isfinite(*ret_value) && isfinite(*ret_error);
}
