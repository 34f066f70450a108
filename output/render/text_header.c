#include "output/render/text_header.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "output/render/number.h"

enum { GAP = 3, INDENT = 2, TEXT = 256 };

struct plait_error *plait_stream_error(FILE *out)
{
	return ferror(out) ? plait_error_system(errno ? errno : EIO, "cannot write the report") : NULL;
}

bool plait_selection_unit_ns(const struct plait_profile *profile, const struct plait_selection *selection)
{
	uint32_t event = plait_selection_event(selection);
	return event != PLAIT_NONE && profile->events.data[event].record.unit_ns;
}

static void put_item(struct plait_line *line, const char *text)
{
	plait_line_item(line, PLAIT_STYLE_PLAIN, text, GAP, INDENT);
}

void plait_line_sentence(struct plait_line *line, const char *text)
{
	char word[TEXT];
	if (!line->column)
		plait_line_move(line, INDENT);
	for (uint32_t gap = 1; *text;) {
		size_t size = strcspn(text, " ");
		snprintf(word, sizeof(word), "%.*s", (int)(size < TEXT ? size : TEXT - 1), text);
		if (size)
			plait_line_item(line, PLAIT_STYLE_PLAIN, word, gap, INDENT);
		text += size + (text[size] == ' ');
	}
	plait_line_end(line);
}

static void put_time(struct plait_line *line, const struct plait_profile *profile)
{
	char text[TEXT];
	time_t seconds = (time_t)(profile->header.started_unix_ns / 1000000000);
	struct tm local;
	if (seconds && localtime_r(&seconds, &local) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local))
		put_item(line, text);
	uint64_t tenths = (profile->duration + 50000000) / 100000000;
	snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64 " s on %" PRIu32 " CPU%s", tenths / 10, tenths % 10,
		 profile->header.cpu_count, profile->header.cpu_count == 1 ? "" : "s");
	put_item(line, text);
}

/* The processes that have samples. */
static uint64_t count_processes(const struct plait_profile *profile)
{
	bool *seen PLAIT_FREE = calloc(profile->processes.count + 1, sizeof(*seen));
	uint64_t count = 0;
	for (size_t i = 0; seen && i < profile->samples.count; i++) {
		uint32_t process = profile->threads.data[profile->samples.data[i].thread].record.process;
		count += !seen[process];
		seen[process] = true;
	}
	return count;
}

/* The Python versions, each once, at most four. */
static void put_pythons(struct plait_line *line, const struct plait_profile *profile)
{
	const char *seen[4];
	size_t count = 0;
	for (size_t i = 0; i < profile->processes.count && count < sizeof(seen) / sizeof(seen[0]); i++) {
		const char *python = profile->processes.data[i].record.python;
		size_t j = 0;
		while (j < count && seen[j] != python) /* interned: equal ones are the same */
			j++;
		if (j < count || !*python)
			continue;
		seen[count++] = python;
		char text[TEXT];
		bool number = *python >= '0' && *python <= '9';
		snprintf(text, sizeof(text), "%s%.200s", number ? "CPython " : "", python);
		put_item(line, text);
	}
	uint64_t processes = count_processes(profile);
	if (processes > 1) {
		char number[PLAIT_NUMBER_SIZE], text[TEXT];
		snprintf(text, sizeof(text), "%s processes", plait_number_count(processes, number));
		put_item(line, text);
	}
}

/* "cpu-clock at 999 Hz (this machine has no PMU)". */
static void put_event(struct plait_line *line, const struct plait_profile *profile, uint32_t index)
{
	char how[TEXT], number[PLAIT_NUMBER_SIZE], text[2 * TEXT];
	const struct plait_record_event *event = &profile->events.data[index].record;
	const struct plait_record_event_traits *traits = &profile->events.data[index].traits;
	if (traits->counting && traits->leader != PLAIT_NONE)
		snprintf(how, sizeof(how), "counted with each sample of %.200s",
			 profile->events.data[traits->leader].record.name);
	else if (event->frequency)
		snprintf(how, sizeof(how), "at %s Hz", plait_number_count(event->frequency, number));
	else if (event->unit_ns)
		snprintf(how, sizeof(how), "every %s us", plait_number_count(event->period / 1000, number));
	else
		snprintf(how, sizeof(how), "every %s", plait_number_count(event->period, number));
	bool note = *event->note != '\0';
	snprintf(text, sizeof(text), "%s %s%s%.200s%s", event->name, how, note ? " (" : "", event->note,
		 note ? ")" : "");
	put_item(line, text);
}

static void put_recorded(struct plait_line *line, const struct plait_profile *profile, uint32_t event)
{
	char number[PLAIT_NUMBER_SIZE], text[TEXT];
	snprintf(text, sizeof(text), "%s engine", profile->header.engine);
	plait_line_move(line, INDENT);
	put_item(line, text);
	if (event != PLAIT_NONE)
		put_event(line, profile, event);
	uint64_t samples = event == PLAIT_NONE ? profile->trust.samples : profile->events.data[event].trust.samples;
	snprintf(text, sizeof(text), "%s samples", plait_number_count(samples, number));
	plait_line_item(line, PLAIT_STYLE_STRONG, text, GAP, INDENT);
	plait_line_end(line);
}

/* One figure: "gap 12 (0.10 %)". Figures that are `rare` are left out when they are 0. */
static void put_figure(struct plait_line *line, const char *name, uint64_t part, uint64_t whole, bool bad, bool rare)
{
	if (rare && !part)
		return;
	char count[PLAIT_NUMBER_SIZE], percent[PLAIT_NUMBER_SIZE], text[TEXT];
	plait_number_count(part, count);
	if (part && whole)
		snprintf(text, sizeof(text), "%s %s (%s)", name, count, plait_number_percent(part, whole, percent));
	else
		snprintf(text, sizeof(text), "%s %s", name, count);
	plait_line_item(line, bad && part ? PLAIT_STYLE_MARKER : PLAIT_STYLE_PLAIN, text, GAP, INDENT);
}

static void put_trust(struct plait_line *line, const struct plait_profile *profile)
{
	const struct plait_trust *trust = &profile->trust;
	put_figure(line, "complete", trust->complete, trust->samples, false, false);
	put_figure(line, "gap", trust->gap, trust->samples, true, false);
	put_figure(line, "truncated", trust->truncated, trust->samples, true, false);
	put_figure(line, "unmerged", trust->unmerged, trust->samples, true, false);
	put_figure(line, "unresolved", trust->unresolved, trust->samples, true, false);
	put_figure(line, "derived", trust->derived, trust->samples, false, true);
	put_figure(line, "checked", trust->checked, trust->samples, false, true);
	put_figure(line, "no stack", trust->no_stack, trust->samples, true, true);
	put_figure(line, "lost", trust->lost, plait_saturating_add(trust->samples, trust->lost), true, false);
	put_figure(line, "throttled", profile->throttled, 0, true, true);
	plait_line_end(line);
}

/* Events that the kernel opened and never gave a counter, all in one note; false: none. */
static bool put_never_ran(struct plait_line *line, const struct plait_profile *profile)
{
	char text[4 * TEXT];
	size_t used = 0, count = 0;
	for (uint32_t i = 0; i < profile->events.count && used < sizeof(text) / 2; i++) {
		const struct plait_profile_event *event = &profile->events.data[i];
		if (!event->count.enabled || event->count.running)
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.100s", used ? ", " : "",
					 event->record.name);
		count++;
	}
	if (!count)
		return false;
	snprintf(text + used, sizeof(text) - used, " never ran: there was no free counter for %s",
		 count > 1 ? "them (or for their whole group)" : "it (or for its whole group)");
	plait_line_put(line, PLAIT_STYLE_MARKER, "note:", UINT32_MAX);
	plait_line_sentence(line, text);
	return true;
}

void plait_header_write_trust(const struct plait_profile *profile, const struct plait_render_options *options,
			      FILE *out)
{
	struct plait_line line = { .out = out, .options = options };
	plait_line_put(&line, PLAIT_STYLE_PLAIN, "Stacks", UINT32_MAX);
	put_trust(&line, profile);
	bool never_ran = put_never_ran(&line, profile);
	if (profile->trust.samples || never_ran)
		return;
	plait_line_sentence(&line, "No samples: the target used no CPU time, or the event did not happen.");
}

void plait_header_write_nothing(const struct plait_render_options *options, FILE *out)
{
	struct plait_line line = { .out = out, .options = options };
	plait_line_put(&line, PLAIT_STYLE_PLAIN, "no samples to show", UINT32_MAX);
	plait_line_end(&line);
}

static void put_other_events(struct plait_line *line, const struct plait_profile *profile, uint32_t shown)
{
	char number[PLAIT_NUMBER_SIZE], text[TEXT];
	bool any = false;
	for (uint32_t i = 0; i < profile->events.count; i++) {
		const struct plait_profile_event *event = &profile->events.data[i];
		if (i == shown)
			continue;
		if (!any) {
			plait_line_move(line, INDENT);
			put_item(line, "also recorded (--event):");
		}
		any = true;
		if (event->traits.counting)
			snprintf(text, sizeof(text), "%.200s %s", event->record.name,
				 plait_number_brief(event->total, event->record.unit_ns, number));
		else
			snprintf(text, sizeof(text), "%.200s %s samples", event->record.name,
				 plait_number_count(event->trust.samples, number));
		put_item(line, text);
	}
	if (any)
		plait_line_end(line);
}

static const char *share_of_time(const struct plait_profile_event *event, char ret[PLAIT_NUMBER_SIZE])
{
	return plait_number_percent(event->count.running, event->count.enabled, ret);
}

/* Events that had a counter as long as event `first`, which is the first of them: one note for all. */
static void put_scaled(struct plait_line *line, const struct plait_profile *profile, uint32_t first)
{
	char percent[PLAIT_NUMBER_SIZE], other[PLAIT_NUMBER_SIZE], text[4 * TEXT] = "";
	size_t used = 0;
	share_of_time(&profile->events.data[first], percent);
	for (uint32_t i = 0; i < profile->events.count && used < sizeof(text) / 2; i++) {
		const struct plait_profile_event *event = &profile->events.data[i];
		if (event->scale == 1 || strcmp(share_of_time(event, other), percent) != 0)
			continue;
		if (i < first)
			return; /* told already */
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.100s", used ? ", " : "",
					 event->record.name);
	}
	snprintf(text + used, sizeof(text) - used, " had a counter %s of the time: figures are scaled up from that",
		 percent);
	plait_line_put(line, PLAIT_STYLE_MARKER, "note:", UINT32_MAX);
	plait_line_sentence(line, text);
}

/* Events that did not have a counter all the time. */
static void put_scaling(struct plait_line *line, const struct plait_profile *profile)
{
	for (uint32_t i = 0; i < profile->events.count; i++) {
		if (profile->events.data[i].scale != 1)
			put_scaled(line, profile, i);
	}
	put_never_ran(line, profile);
}

void plait_metric_put_title(struct plait_line *line, const struct plait_profile *profile, uint32_t column)
{
	char text[32];
	const struct plait_metric *metric = &profile->metric;
	snprintf(text, sizeof(text), "%.12s%s", strlen(metric->name) > 12 ? "ratio" : metric->name,
		 metric->percent ? " %" : "");
	plait_line_move(line, column - (uint32_t)strlen(text));
	plait_line_put(line, PLAIT_STYLE_DIM, text, UINT32_MAX);
}

void plait_metric_put_foot(struct plait_line *line, const struct plait_profile *profile)
{
	const struct plait_metric *metric = &profile->metric;
	char text[3 * TEXT];
	if (!metric->name)
		return;
	bool thousand = metric->factor == 1000;
	snprintf(text, sizeof(text), "%.100s: %.200s per %s%.200s%s, %s; %s 95 %% interval; ? fewer than %d samples",
		 metric->name, profile->events.data[metric->numerator].record.name, thousand ? "1000 " : "",
		 profile->events.data[metric->denominator].record.name, metric->percent ? " in per cent" : "",
		 metric->paired ? "counted together" : "sampled apart", line->options->ascii ? "+-" : "±",
		 (int)PLAIT_RATIO_SAMPLES_MIN);
	plait_line_end(line);
	plait_line_sentence(line, text);
}

static void put_shown(struct plait_line *line, const struct plait_profile *profile, uint32_t event, uint64_t shown)
{
	char part[PLAIT_NUMBER_SIZE], whole[PLAIT_NUMBER_SIZE], percent[PLAIT_NUMBER_SIZE];
	uint64_t samples = event == PLAIT_NONE ? profile->trust.samples : profile->events.data[event].trust.samples;
	plait_line_move(line, INDENT);
	plait_line_format(line, PLAIT_STYLE_STRONG, "shown here: %s of %s samples (%s)",
			  plait_number_count(shown, part), plait_number_count(samples, whole),
			  plait_number_percent(shown, samples, percent));
	plait_line_end(line);
}

static void put_notes(struct plait_line *line, const struct plait_profile *profile)
{
	put_scaling(line, profile);
	for (size_t i = 0; i < profile->notes.count; i++) {
		plait_line_put(line, PLAIT_STYLE_MARKER, "note:", UINT32_MAX);
		plait_line_sentence(line, profile->notes.data[i]);
	}
	if (profile->cut) {
		plait_line_put(line, PLAIT_STYLE_MARKER, "note:", UINT32_MAX);
		plait_line_sentence(line,
				    "the recording was cut off: what came last is missing, and it holds no names of "
				    "native functions but those looked up now");
	}
}

void plait_header_write(const struct plait_profile *profile, const struct plait_selection *selection, uint64_t shown,
			const struct plait_render_options *options, FILE *out)
{
	struct plait_line line = { .out = out, .options = options };
	uint32_t event = plait_selection_event(selection);
	plait_line_put(&line, PLAIT_STYLE_STRONG, profile->header.command, UINT32_MAX);
	plait_line_end(&line);
	plait_line_move(&line, INDENT);
	if (*profile->header.host)
		put_item(&line, profile->header.host);
	put_time(&line, profile);
	put_pythons(&line, profile);
	plait_line_end(&line);
	put_recorded(&line, profile, event);
	plait_line_move(&line, INDENT);
	plait_line_put(&line, PLAIT_STYLE_PLAIN, "stacks", UINT32_MAX);
	put_trust(&line, profile);
	put_other_events(&line, profile, event);
	if (plait_selection_narrows(selection))
		put_shown(&line, profile, event, shown);
	put_notes(&line, profile);
	plait_line_end(&line);
}
