#include "perf/event/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define NEAR_ENOUGH 3 /* edits between a name and what a user may have meant by it */

/* Levenshtein's distance without regard to case. */
static unsigned edit_distance(const char *name, size_t length, const char *known)
{
	unsigned row[PLAIT_NEAREST_NAME_SIZE + 1];
	for (size_t i = 0; i <= length; i++)
		row[i] = (unsigned)i;
	for (size_t k = 0; known[k]; k++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)k + 1;
		for (size_t i = 0; i < length; i++) {
			bool same = tolower((unsigned char)name[i]) == tolower((unsigned char)known[k]);
			unsigned best = diagonal + !same;
			diagonal = row[i + 1];
			if (best > row[i] + 1)
				best = row[i] + 1;
			if (best > diagonal + 1)
				best = diagonal + 1;
			row[i + 1] = best;
		}
	}
	return row[length];
}

/* Whether all that was written occurs in `known` in this order: "LLC-misses" in "LLC-load-misses". In much longer names
 * anything does. */
static bool occurs_in(const char *name, size_t length, const char *known)
{
	size_t found = 0;
	if (strlen(known) > 2 * length)
		return false;
	for (; *known && found < length; known++)
		found += tolower((unsigned char)*known) == tolower((unsigned char)name[found]);
	return found == length;
}

static unsigned name_distance(const char *name, size_t length, const char *known)
{
	unsigned edits = edit_distance(name, length, known);
	return edits > NEAR_ENOUGH && length > NEAR_ENOUGH && occurs_in(name, length, known) ? NEAR_ENOUGH : edits;
}

void plait_nearest_offer(struct plait_nearest *nearest, const char *known)
{
	size_t length = nearest->length;
	if (length == 0 || length >= PLAIT_NEAREST_NAME_SIZE || strlen(known) >= PLAIT_NEAREST_NAME_SIZE)
		return;
	unsigned limit = length < NEAR_ENOUGH ? 2 : length < 12 ? NEAR_ENOUGH : (unsigned)length / 3;
	unsigned distance = name_distance(nearest->name, length, known);
	size_t at = nearest->count;
	if (distance > limit)
		return;
	for (size_t i = 0; i < nearest->count; i++) {
		if (strcasecmp(nearest->names[i], known) == 0)
			return;
	}
	while (at > 0 && nearest->distances[at - 1] > distance)
		at--;
	if (at == PLAIT_NEAREST_NAMES)
		return;
	nearest->count += nearest->count < PLAIT_NEAREST_NAMES;
	for (size_t i = nearest->count - 1; i > at; i--) {
		memcpy(nearest->names[i], nearest->names[i - 1], sizeof(nearest->names[i]));
		nearest->distances[i] = nearest->distances[i - 1];
	}
	memcpy(nearest->names[at], known, strlen(known) + 1);
	nearest->distances[at] = distance;
}

struct plait_error *plait_nearest_advise(const struct plait_nearest *nearest, struct plait_error *error,
					 const char *otherwise)
{
	const char(*names)[PLAIT_NEAREST_NAME_SIZE] = nearest->names;
	switch (nearest->count) {
	case 0:
		return plait_error_advise(error, "%s", otherwise);
	case 1:
		return plait_error_advise(error, "did you mean %s?", names[0]);
	case 2:
		return plait_error_advise(error, "did you mean %s or %s?", names[0], names[1]);
	default:
		return plait_error_advise(error, "did you mean %s, %s or %s?", names[0], names[1], names[2]);
	}
}
