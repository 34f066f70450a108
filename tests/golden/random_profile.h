/*
 * Random profiles for property tests: few names, so that stacks share frames and recur.
 */
#ifndef PLAIT_TESTS_GOLDEN_RANDOM_PROFILE_H
#define PLAIT_TESTS_GOLDEN_RANDOM_PROFILE_H

#include "golden/profile_text.h"

static inline uint32_t random_next(uint32_t *state)
{
	*state ^= *state << 13; /* xorshift: the same numbers everywhere */
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static inline void random_stack(FILE *out, uint32_t *state)
{
	static const char *const frames[] = {
		"py f /a.py 1 1",
		"py f /a.py 2 1",
		"py g /a.py 9 8",
		"py \\xe8\\xa8\\x88 /b/__init__.py 3 1",
		"n alpha /lib/x.so",
		"n outer,inner /lib/x.so",
		"n ? /lib/y.so",
		"n method_vectorcall /usr/bin/python3",
		"n _start /bin/true",
		"k sys_read",
		"k copy",
		"gap",
		"truncated",
		"unmerged",
		"n \\x1b[31m\\x9b /lib/\\x0a.so",
	};
	uint32_t depth = 1 + random_next(state) % 12;
	for (uint32_t i = 0; i < depth; i++) {
		uint32_t repeat = random_next(state) % 8 == 0 ? 2 + random_next(state) % 5 : 1;
		fprintf(out, "%s*%u %s", i ? " | " : "", repeat,
			frames[random_next(state) % (sizeof(frames) / sizeof(frames[0]))]);
	}
	fputc('\n', out);
}

/* A finished profile; equal seeds (not 0) give equal ones. */
static inline struct plait_profile *random_profile(uint32_t seed)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	fputs("header random\nevent cpu ns 999\nevent misses count 0\nprocess 1 a\nthread 1 a\n", out);
	uint32_t state = seed, samples = random_next(&state) % 60;
	for (uint32_t i = 0; i < samples; i++) {
		if (random_next(&state) % 10 == 0)
			fprintf(out, "process %u p%u\n", i + 10, i % 3);
		if (random_next(&state) % 5 == 0)
			fprintf(out, "thread %u t%u\n", i + 100, i % 4);
		fprintf(out, "sample %u %u - ", 1 + random_next(&state) % 4, random_next(&state) % 1000);
		if (random_next(&state) % 20 == 0)
			fputc('\n', out); /* no stack */
		else
			random_stack(out, &state);
	}
	fclose(out);
	struct plait_profile *profile = profile_text_create(text);
	free(text);
	return profile;
}

#endif
