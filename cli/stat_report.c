#include "cli/stat_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "output/render/json_writer.h"
#include "output/render/number.h"

struct plait_error *plait_stat_add(struct plait_stat *stat, const struct plait_counters *counters, double elapsed,
				   double user, double system)
{
	for (size_t i = 0; i < stat->events->specs.count; i++) {
		struct plait_counter counter = plait_counters_read(counters, i);
		if (stat->counts.count <= i && !plait_vec_push(&stat->counts, (struct plait_stat_event) { .sum = 0 }))
			return plait_error_no_memory();
		struct plait_stat_event *event = &stat->counts.data[i];
		double value = (double)plait_counter_scaled(&counter);
		snprintf(event->name, sizeof(event->name), "%s", counter.name);
		if (counter.refusal && !event->refusal && !(event->refusal = strdup(counter.refusal)))
			return plait_error_no_memory();
		event->sum += value;
		event->squares += value * value;
		event->enabled += counter.enabled;
		event->running += counter.running;
	}
	stat->runs++;
	stat->elapsed += elapsed;
	stat->elapsed_squares += elapsed * elapsed;
	stat->user += user;
	stat->system += system;
	stat->user_only |= plait_counters_user_only(counters);
	return NULL;
}

void plait_stat_release(struct plait_stat *stat)
{
	for (size_t i = 0; i < stat->counts.count; i++)
		free(stat->counts.data[i].refusal);
	plait_vec_free(&stat->counts);
}

static double mean(const struct plait_stat *stat, const struct plait_stat_event *event)
{
	return event->sum / stat->runs;
}

/* The standard error of the mean, in per cent of it. */
static double spread(double sum, double squares, unsigned runs)
{
	double average = sum / runs, variance = (squares - sum * average) / (runs - 1);
	return average > 0 && variance > 0 ? 100 * sqrt(variance / runs) / average : 0;
}

/* The count of another event of this run, by its base name; negative: it was not counted. */
static double count_of(const struct plait_stat *stat, const char *name)
{
	size_t length = strlen(name);
	for (size_t i = 0; i < stat->counts.count; i++) {
		const struct plait_stat_event *event = &stat->counts.data[i];
		if (!event->refusal && strncmp(event->name, name, length) == 0 &&
		    (event->name[length] == '\0' || event->name[length] == ':'))
			return mean(stat, event);
	}
	return -1;
}

static bool is_named(const struct plait_stat_event *event, const char *name)
{
	size_t length = strlen(name);
	return strncmp(event->name, name, length) == 0 && (event->name[length] == '\0' || event->name[length] == ':');
}

/* What a count means beside others; false: nothing. */
static bool derive(const struct plait_stat *stat, size_t index, char ret[64])
{
	static const struct {
		const char *name, *of, *text;
		double factor;
	} ratios[] = {
		{ "instructions", "cycles", "per cycle", 1 },
		{ "cache-misses", "cache-references", "% of cache-references", 100 },
		{ "branch-misses", "branches", "% of branches", 100 },
		{ "dTLB-load-misses", "dTLB-loads", "% of dTLB-loads", 100 },
		{ "LLC-load-misses", "LLC-loads", "% of LLC-loads", 100 },
		{ "L1-dcache-load-misses", "L1-dcache-loads", "% of L1-dcache-loads", 100 },
	};
	const struct plait_stat_event *event = &stat->counts.data[index];
	double value = mean(stat, event), elapsed = stat->elapsed / stat->runs;
	if (stat->events->specs.data[index].unit == PLAIT_EVENT_UNIT_NS) {
		snprintf(ret, 64, "%.3f CPUs used", elapsed > 0 ? value / 1e9 / elapsed : 0);
		return elapsed > 0;
	}
	for (size_t i = 0; i < sizeof(ratios) / sizeof(ratios[0]); i++) {
		double other = is_named(event, ratios[i].name) ? count_of(stat, ratios[i].of) : -1;
		if (other > 0) {
			snprintf(ret, 64, "%.2f %s", ratios[i].factor * value / other, ratios[i].text);
			return true;
		}
	}
	double clock = count_of(stat, "task-clock");
	if (clock <= 0 || value <= 0)
		return false;
	char number[PLAIT_NUMBER_SIZE];
	double rate = value / (clock / 1e9);
	if (rate < 1000)
		snprintf(ret, 64, "%.1f a second", rate);
	else
		snprintf(ret, 64, "%s a second", plait_number_brief((uint64_t)rate, false, number));
	return true;
}

static bool never_ran(const struct plait_stat_event *event)
{
	return !event->refusal && event->enabled && !event->running;
}

static void put_event(const struct plait_stat *stat, size_t index, FILE *out)
{
	const struct plait_stat_event *event = &stat->counts.data[index];
	const struct plait_event_spec *spec = &stat->events->specs.data[index];
	char number[PLAIT_NUMBER_SIZE], note[64];
	double value = event->sum / stat->runs;
	if (event->refusal) {
		fprintf(out, "%20s     %s\n", "<not supported>", event->name);
		return;
	}
	if (never_ran(event)) {
		fprintf(out, "%20s     %s\n", "<not counted>", event->name);
		return;
	}
	if (spec->unit == PLAIT_EVENT_UNIT_NS)
		fprintf(out, "%20.2f ms  ", value / 1e6);
	else if (spec->scale > 0)
		fprintf(out, "%20.2f %-4.15s", value * spec->scale, spec->unit_name);
	else
		fprintf(out, "%20s     ", plait_number_count((uint64_t)(value + 0.5), number));
	fprintf(out, "%-26s", event->name);
	if (derive(stat, index, note))
		fprintf(out, "  # %-24s", note);
	if (event->running < event->enabled - event->enabled / 1000)
		fprintf(out, "  (%s)", plait_number_percent(event->running, event->enabled, number));
	if (stat->runs > 1)
		fprintf(out, "  ( +- %.2f %% )", spread(event->sum, event->squares, stat->runs));
	fputc('\n', out);
}

static void put_target(const struct plait_stat *stat, FILE *out)
{
	for (char **word = stat->argv; word && *word; word++)
		fprintf(out, "%s%s", word == stat->argv ? "" : " ", *word);
	for (size_t i = 0; !stat->argv && i < stat->pids->texts.count; i++)
		fprintf(out, "%s%s", i ? ", " : "pid ", stat->pids->texts.data[i]);
	if (!stat->argv && !stat->pids->texts.count)
		fputs("the whole machine", out);
}

/* What a refusal says behind "event NAME: ". */
static const char *reason_of(const struct plait_stat_event *event)
{
	const char *name = strstr(event->refusal, event->name);
	size_t length = strlen(event->name);
	return name && strncmp(name + length, ": ", 2) == 0 ? name + length + 2 : event->refusal;
}

/* Each reason once, with the events that it is about. */
static void put_refusals(const struct plait_stat *stat, FILE *out)
{
	for (size_t i = 0; i < stat->counts.count; i++) {
		const struct plait_stat_event *event = &stat->counts.data[i];
		size_t before = 0;
		while (event->refusal && before < i &&
		       (!stat->counts.data[before].refusal ||
			strcmp(reason_of(&stat->counts.data[before]), reason_of(event)) != 0))
			before++;
		if (!event->refusal || before < i)
			continue;
		fputc('\n', out);
		for (size_t j = i; j < stat->counts.count; j++) {
			const struct plait_stat_event *other = &stat->counts.data[j];
			if (other->refusal && strcmp(reason_of(other), reason_of(event)) == 0)
				fprintf(out, "%s%s", j > i ? ", " : "", other->name);
		}
		fprintf(out, ": %s\n", reason_of(event));
	}
}

/* Events that the kernel opened, and never gave a counter. */
static void put_never_ran(const struct plait_stat *stat, FILE *out)
{
	bool any = false;
	for (size_t i = 0; i < stat->counts.count; i++) {
		const struct plait_stat_event *event = &stat->counts.data[i];
		if (never_ran(event))
			fprintf(out, "%s%s", any ? ", " : "\n", event->name);
		any |= never_ran(event);
	}
	if (any)
		fputs(": never ran: no counter was free for it, or its group needs more counters than there are.\n",
		      out);
}

static void put_notes(const struct plait_stat *stat, FILE *out)
{
	bool scaled = false;
	for (size_t i = 0; i < stat->counts.count; i++) {
		const struct plait_stat_event *event = &stat->counts.data[i];
		scaled |= event->running && event->running < event->enabled - event->enabled / 1000;
	}
	put_refusals(stat, out);
	put_never_ran(stat, out);
	if (scaled)
		fputs("\n(N %): the event had a counter for this part of the time; its count is scaled up.\n", out);
	if (stat->user_only)
		fputs("\n:u: only user mode is counted, as kernel.perf_event_paranoid allows this user no more.\n",
		      out);
}

void plait_stat_write_text(const struct plait_stat *stat, FILE *out)
{
	fputs("\nCounts of ", out);
	put_target(stat, out);
	if (stat->runs > 1)
		fprintf(out, " (%u runs)", stat->runs);
	fputs(":\n\n", out);
	for (size_t i = 0; i < stat->counts.count; i++)
		put_event(stat, i, out);
	fprintf(out, "\n%20.3f s   elapsed", stat->elapsed / stat->runs);
	if (stat->runs > 1)
		fprintf(out, "  ( +- %.2f %% )", spread(stat->elapsed, stat->elapsed_squares, stat->runs));
	fputc('\n', out);
	if (stat->user >= 0)
		fprintf(out, "%20.3f s   user\n%20.3f s   system\n", stat->user / stat->runs,
			stat->system / stat->runs);
	put_notes(stat, out);
	fputc('\n', out);
}

static void put_json_event(struct plait_json *json, const struct plait_stat *stat, size_t index)
{
	const struct plait_stat_event *event = &stat->counts.data[index];
	const struct plait_event_spec *spec = &stat->events->specs.data[index];
	plait_json_open(json, NULL, '{');
	plait_json_string(json, "name", event->name);
	plait_json_string(json, "unit",
			  spec->unit == PLAIT_EVENT_UNIT_NS ? "ns"
			  : *spec->unit_name		    ? spec->unit_name
							    : "");
	if (event->refusal || (event->enabled && !event->running))
		plait_json_null(json, "value");
	else
		plait_json_double(json, "value", mean(stat, event) * (spec->scale > 0 ? spec->scale : 1));
	plait_json_number(json, "enabled_ns", event->enabled);
	plait_json_number(json, "running_ns", event->running);
	if (stat->runs > 1)
		plait_json_double(json, "spread_percent", spread(event->sum, event->squares, stat->runs));
	if (event->refusal)
		plait_json_string(json, "not_supported", event->refusal);
	plait_json_close(json, '}');
}

void plait_stat_write_json(const struct plait_stat *stat, FILE *out)
{
	struct plait_json json = { .out = out };
	char *target = NULL;
	size_t size;
	FILE *text = open_memstream(&target, &size);
	if (text) {
		put_target(stat, text);
		fclose(text);
	}
	plait_json_open(&json, NULL, '{');
	plait_json_string(&json, "target", target ? target : "");
	plait_json_number(&json, "runs", stat->runs);
	plait_json_double(&json, "elapsed_s", stat->elapsed / stat->runs);
	if (stat->user >= 0) {
		plait_json_double(&json, "user_s", stat->user / stat->runs);
		plait_json_double(&json, "system_s", stat->system / stat->runs);
	}
	plait_json_bool(&json, "user_mode_only", stat->user_only);
	plait_json_open(&json, "events", '[');
	for (size_t i = 0; i < stat->counts.count; i++)
		put_json_event(&json, stat, i);
	plait_json_close(&json, ']');
	plait_json_close(&json, '}');
	fputc('\n', out);
	free(target);
}
