#include "perf/event/rate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "perf/event/probe.h"

/* A number with a suffix k, m or g, then "hz" or nothing. */
static bool parse_rate(const char *text, uint64_t *ret, bool *ret_frequency)
{
	char *end;
	errno = 0;
	if (*text < '0' || *text > '9')
		return false;
	uint64_t number = strtoull(text, &end, 10), factor = 1;
	static const char suffixes[] = "kmg";
	const char *suffix = *end ? strchr(suffixes, *end | 0x20) : NULL;
	for (const char *at = suffixes; suffix && at <= suffix; at++)
		factor *= 1000;
	end += suffix != NULL;
	*ret_frequency = strcasecmp(end, "hz") == 0;
	return !errno && (!*end || *ret_frequency) && number > 0 && !__builtin_mul_overflow(number, factor, ret);
}

struct plait_error *plait_event_split_rate(const char *text, char **ret_name, struct plait_event_spec *spec)
{
	const char *at = strrchr(text, '@');
	uint64_t number = 0;
	bool frequency = false;
	bool rate = at && parse_rate(at + 1, &number, &frequency);
	if (at && !rate && !plait_probe_is(text)) /* a path may have the character */
		return plait_error_advise(
			plait_error_new(PLAIT_ERROR_USAGE, "event '%.200s': '%.60s' is no rate", text, at + 1),
			"rates are a period (cache-misses@10000, @10k) or a frequency (cycles@999hz)");
	*ret_name = rate ? strndup(text, (size_t)(at - text)) : strdup(text);
	if (!*ret_name)
		return plait_error_no_memory();
	if (!rate)
		return NULL;
	spec->has_rate = true;
	spec->frequency = frequency ? number : 0;
	spec->period = frequency ? 0 : number;
	return NULL;
}
