/*
 * Comparisons of profiles that are written by hand or drawn at random, for tests.
 */
#ifndef PLAIT_TESTS_UNIT_COMPARE_SUPPORT_H
#define PLAIT_TESTS_UNIT_COMPARE_SUPPORT_H

#include "golden/random_profile.h"
#include "output/model/compare/compare.h"

enum { COMPARE_INPUTS_MAX = 24 };

/* Recordings and all that a comparison borrows. */
struct compare_case {
	struct plait_compare_input inputs[COMPARE_INPUTS_MAX];
	struct plait_sample_feed feeds[COMPARE_INPUTS_MAX];
	size_t count;
	struct plait_view_options view;
	struct plait_compare_options options;
};

/* Every sample of a profile, in an order that only the profile decides: as if stacks took turns at random. */
static inline struct plait_error *compare_feed(void *context, plait_sample_take take, void *taker)
{
	const struct plait_profile *profile = context;
	uint32_t state = 12345, *order = NULL;
	size_t count = 0;
	for (size_t i = 0; i < profile->samples.count; i++)
		count += profile->samples.data[i].count;
	order = malloc((count + 1) * sizeof(*order));
	profile_text_require(order != NULL, "no memory");
	size_t at = 0;
	for (size_t i = 0; i < profile->samples.count; i++) {
		for (uint64_t j = 0; j < profile->samples.data[i].count; j++)
			order[at++] = (uint32_t)i;
	}
	struct plait_error *error = NULL;
	for (size_t left = count; left > 0 && !error; left--) {
		size_t chosen = random_next(&state) % left;
		const struct plait_profile_sample *of = &profile->samples.data[order[chosen]];
		order[chosen] = order[left - 1];
		struct plait_record_sample sample = { .time = 1000 * (count - left),
						      .thread = of->thread,
						      .event = of->event,
						      .period = of->weight / of->count,
						      .node = of->node,
						      .quality = of->quality };
		error = take(taker, &sample);
	}
	free(order);
	return error;
}

/* Adds a recording that began `started` seconds after others. */
static inline void compare_case_add(struct compare_case *test, const char *text, uint64_t started)
{
	static const char *const paths[] = { "a.plait", "b.plait", "c.plait", "d.plait" };
	struct plait_profile *profile = profile_text_create(text);
	size_t index = test->count++;
	profile_text_require(index < COMPARE_INPUTS_MAX, "too many recordings");
	profile->header.started_unix_ns = (1700000000 + started) * 1000000000;
	test->feeds[index] = (struct plait_sample_feed) { compare_feed, profile };
	test->inputs[index] = (struct plait_compare_input) { .path = paths[index % 4],
							     .profile = profile,
							     .feed = &test->feeds[index] };
}

static inline void compare_case_begin(struct compare_case *test)
{
	*test = (struct compare_case) { .options = { .error_rate = 0.05, .threshold = 0.5 } };
}

static inline struct plait_error *compare_case_try(struct compare_case *test, size_t base_count,
						   struct plait_comparison **ret)
{
	test->options.view = &test->view;
	return plait_comparison_create(test->inputs, base_count, test->count - base_count, &test->options, ret);
}

/* Compares the first `base_count` recordings with the others. */
static inline struct plait_comparison *compare_case_run(struct compare_case *test, size_t base_count)
{
	struct plait_comparison *comparison = NULL;
	struct plait_error *error = compare_case_try(test, base_count, &comparison);
	profile_text_require(!error, error ? error->message : "");
	return comparison;
}

static inline void compare_case_end(struct compare_case *test, struct plait_comparison *comparison)
{
	plait_comparison_destroy(comparison);
	for (size_t i = 0; i < test->count; i++)
		plait_profile_destroy((struct plait_profile *)test->inputs[i].profile);
}

/* The function of that name; NULL: there is none. */
static inline const struct plait_compare_row *compare_row(const struct plait_comparison *comparison, const char *name)
{
	for (size_t i = 0; i < comparison->functions.rows.count; i++) {
		if (strcmp(comparison->functions.rows.data[i].label->name, name) == 0)
			return &comparison->functions.rows.data[i];
	}
	return NULL;
}

#endif
