#include "output/model/compare/comparable.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOST_TOLD 0.01 /* of the samples */

static const struct plait_profile_event *event_of(const struct plait_profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->events.count; i++) {
		if (strcmp(profile->events.data[i].record.name, name) == 0)
			return &profile->events.data[i];
	}
	return NULL;
}

static struct plait_error *lacks_event(const struct plait_compare_input *inputs, size_t index, const char *event)
{
	const struct plait_profile *profile = inputs[index].profile;
	char names[256] = "";
	for (size_t i = 0; i < profile->events.count && i < 8; i++) {
		strncat(names, i ? ", " : "", sizeof(names) - strlen(names) - 1);
		strncat(names, profile->events.data[i].record.name, sizeof(names) - strlen(names) - 1);
	}
	struct plait_error *error =
		plait_error_new(PLAIT_ERROR_USAGE, "%s has no event '%s': what it counts cannot be compared",
				inputs[index].path, event);
	return *names ? plait_error_advise(error, "it has: %s; choose one that all recordings have with --event", names)
		      : plait_error_advise(error, "record both sides with the same -e");
}

struct plait_error *plait_comparable_check(const struct plait_compare_input *inputs, size_t count, const char *event,
					   bool absolute)
{
	const struct plait_profile_event *first = event_of(inputs[0].profile, event);
	for (size_t i = 0; i < count; i++) {
		const struct plait_profile *profile = inputs[i].profile;
		const struct plait_profile_event *own = event_of(profile, event);
		if (!own || !first)
			return lacks_event(inputs, i, event);
		if (own->record.unit_ns != first->record.unit_ns)
			return plait_error_new(PLAIT_ERROR_USAGE,
					       "'%s' is a time in one recording and a number in another (%s, %s)",
					       event, inputs[0].path, inputs[i].path);
		if (absolute && (profile->cut || inputs[i].damaged))
			return plait_error_advise(
				plait_error_new(PLAIT_ERROR_USAGE, "%s %s: what is missing would look like a gain",
						inputs[i].path, profile->cut ? "was cut off" : "is damaged"),
				"record it again, or compare shares (without --absolute)");
	}
	return NULL;
}

struct starting {
	uint64_t time;
	bool base;
	uint32_t index;
};

static int compare_startings(const void *a, const void *b)
{
	const struct starting *left = a, *right = b;
	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	return (left->index > right->index) - (left->index < right->index);
}

bool plait_comparable_interleaved(const struct plait_compare_input *inputs, size_t base_count, size_t new_count,
				  uint32_t *ret_order)
{
	struct starting startings[2 * PLAIT_COMPARE_MOST_RUNS];
	size_t count = base_count + new_count, switches = 0;
	for (size_t i = 0; i < count; i++) {
		const struct plait_record_header *header = &inputs[i].profile->header;
		startings[i] = (struct starting) { header->started_unix_ns, i < base_count, (uint32_t)i };
		if (strcmp(header->host, inputs[0].profile->header.host) != 0)
			return false;
	}
	qsort(startings, count, sizeof(*startings), compare_startings);
	for (size_t i = 0; i < count; i++) {
		ret_order[i] = startings[i].index;
		switches += i && startings[i].base != startings[i - 1].base;
	}
	size_t fewer = base_count < new_count ? base_count : new_count;
	return fewer >= 2 && switches >= fewer;
}

static struct plait_error *note(struct plait_comparison *comparison, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static struct plait_error *note(struct plait_comparison *comparison, const char *format, ...)
{
	va_list arguments;
	char *text;
	va_start(arguments, format);
	int size = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (size < 0)
		return plait_error_no_memory();
	for (size_t i = 0; i < comparison->notes.count; i++) {
		if (strcmp(comparison->notes.data[i], text) == 0) {
			free(text);
			return NULL;
		}
	}
	if (!plait_vec_push(&comparison->notes, text)) {
		free(text);
		return plait_error_no_memory();
	}
	return NULL;
}

typedef const char *(*describe)(const struct plait_comparison *comparison, const struct plait_profile *profile,
				char *scratch, size_t size);

static const char *describe_host(const struct plait_comparison *comparison, const struct plait_profile *profile,
				 char *scratch, size_t size)
{
	(void)comparison;
	snprintf(scratch, size, "%.100s (%.40s, %u CPUs)", profile->header.host, profile->header.architecture,
		 profile->header.cpu_count);
	return scratch;
}

static const char *describe_kernel(const struct plait_comparison *comparison, const struct plait_profile *profile,
				   char *scratch, size_t size)
{
	(void)comparison;
	(void)scratch;
	(void)size;
	return profile->header.kernel;
}

static const char *describe_engine(const struct plait_comparison *comparison, const struct plait_profile *profile,
				   char *scratch, size_t size)
{
	(void)comparison;
	(void)scratch;
	(void)size;
	return profile->header.engine;
}

static const char *describe_command(const struct plait_comparison *comparison, const struct plait_profile *profile,
				    char *scratch, size_t size)
{
	(void)comparison;
	snprintf(scratch, size, "%.200s", profile->header.command);
	return scratch;
}

static const char *describe_python(const struct plait_comparison *comparison, const struct plait_profile *profile,
				   char *scratch, size_t size)
{
	(void)comparison;
	snprintf(scratch, size, "none");
	for (size_t i = 0; i < profile->processes.count; i++) {
		if (*profile->processes.data[i].record.python)
			snprintf(scratch, size, "%.200s", profile->processes.data[i].record.python);
	}
	return scratch;
}

static const char *describe_rate(const struct plait_comparison *comparison, const struct plait_profile *profile,
				 char *scratch, size_t size)
{
	const struct plait_profile_event *event = event_of(profile, comparison->event->record.name);
	if (event->record.frequency)
		snprintf(scratch, size, "%" PRIu64 " Hz", event->record.frequency);
	else
		snprintf(scratch, size, "every %" PRIu64, event->record.period);
	return scratch;
}

static const char *describe_precise(const struct plait_comparison *comparison, const struct plait_profile *profile,
				    char *scratch, size_t size)
{
	snprintf(scratch, size, "%u", event_of(profile, comparison->event->record.name)->traits.precise);
	return scratch;
}

/* What should be equal in all recordings, and what it means when it is not. */
static const struct {
	const char *what, *meaning;
	describe describe;
} properties[] = {
	{ "hosts", "machines differ in what they are slow at", describe_host },
	{ "kernels", "what the kernel costs may differ for that", describe_kernel },
	{ "engines", "they do not see the same frames (docs/engines.md)", describe_engine },
	{ "commands", "differences may come from that", describe_command },
	{ "Python versions", "the interpreter's own functions differ", describe_python },
	{ "sampling rates", "costs are compared, not numbers of samples", describe_rate },
	{ "precisions of the event", "samples fall on other instructions", describe_precise },
};

static struct plait_error *note_properties(struct plait_comparison *comparison)
{
	const struct plait_compare_input *inputs = comparison->sides[PLAIT_COMPARE_BASE].inputs;
	size_t count = comparison->sides[0].count + comparison->sides[1].count;
	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
		char first[256], other[256];
		const char *wanted = properties[i].describe(comparison, inputs[0].profile, first, sizeof(first));
		for (size_t j = 1; j < count; j++) {
			const char *got = properties[i].describe(comparison, inputs[j].profile, other, sizeof(other));
			if (strcmp(wanted, got) == 0)
				continue;
			PLAIT_TRY(note(comparison, "the %s are not the same (%s; %s): %s", properties[i].what, wanted,
				       got, properties[i].meaning));
			break;
		}
	}
	return NULL;
}

static struct plait_error *note_state(struct plait_comparison *comparison, const struct plait_compare_input *input)
{
	const struct plait_trust *trust = &input->profile->trust;
	if (input->profile->cut)
		PLAIT_TRY(note(comparison, "%s was cut off: its last part is missing, and cannot be compared",
			       input->path));
	if (input->damaged)
		PLAIT_TRY(note(comparison, "%s is damaged: what follows the damage is missing", input->path));
	double all = (double)trust->samples + (double)trust->lost;
	if ((double)trust->lost > LOST_TOLD * all)
		PLAIT_TRY(note(comparison, "%s lost %.1f %% of its samples, not evenly perhaps", input->path,
			       100 * (double)trust->lost / all));
	const struct plait_profile_event *event = event_of(input->profile, comparison->event->record.name);
	if (event->scale != 1)
		PLAIT_TRY(note(comparison,
			       "in %s the event had a counter %.0f %% of the time: its figures are scaled up",
			       input->path, 100 / event->scale));
	return NULL;
}

/* What stands behind the error. */
static struct plait_error *note_runs(struct plait_comparison *comparison)
{
	size_t runs = comparison->sides[0].count + comparison->sides[1].count;
	if (runs == 2)
		return note(comparison,
			    "one recording a side: a noise of %g %% from run to run is assumed for what they do not "
			    "show of it (--run-noise); several (--base, --new) measure it",
			    100 * comparison->rules.run_noise);
	if (!comparison->rules.interleaved)
		return note(comparison, "the recordings of the two sides did not take turns on one machine: noise from "
					"run to run is not averaged, as the machine may have changed in between");
	return NULL;
}

static struct plait_error *note_lines(struct plait_comparison *comparison, const struct plait_measure *measure)
{
	size_t guessed = 0;
	for (size_t i = 0; i < measure->match.lines.count; i++)
		guessed += measure->match.lines.data[i].guessed;
	if (!guessed)
		return NULL;
	return note(comparison,
		    "%zu of %zu Python lines are not judged: their file changed or is not known, and its text was not "
		    "kept, so that only their distance from the function's definition says which are the same (record "
		    "--bundle-sources keeps it)",
		    guessed, measure->match.lines.count);
}

struct plait_error *plait_comparable_note(struct plait_comparison *comparison, const struct plait_measure *measure)
{
	PLAIT_TRY(note_properties(comparison));
	for (int side = 0; side < PLAIT_COMPARE_SIDES; side++) {
		for (size_t i = 0; i < comparison->sides[side].count; i++)
			PLAIT_TRY(note_state(comparison, &comparison->sides[side].inputs[i]));
	}
	PLAIT_TRY(note_runs(comparison));
	return note_lines(comparison, measure);
}
