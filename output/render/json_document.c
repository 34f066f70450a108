#include "output/render/json_document.h"

#include <time.h>

void plait_json_trust(struct plait_json *json, const char *key, const struct plait_trust *trust, bool lost)
{
	plait_json_open(json, key, '{');
	plait_json_number(json, "samples", trust->samples);
	plait_json_number(json, "complete", trust->complete);
	plait_json_number(json, "gap", trust->gap);
	plait_json_number(json, "truncated", trust->truncated);
	plait_json_number(json, "unmerged", trust->unmerged);
	plait_json_number(json, "unresolved", trust->unresolved);
	plait_json_number(json, "derived", trust->derived);
	plait_json_number(json, "checked", trust->checked);
	plait_json_number(json, "no_stack", trust->no_stack);
	if (lost)
		plait_json_number(json, "lost", trust->lost);
	plait_json_close(json, '}');
}

bool plait_started_text(uint64_t unix_ns, char *ret, size_t size)
{
	char date[32];
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm utc;
	if (!gmtime_r(&seconds, &utc) || !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc))
		return false;
	snprintf(ret, size, "%s.%03uZ", date, (unsigned int)(unix_ns / 1000000 % 1000));
	return true;
}

static void put_started(struct plait_json *json, uint64_t unix_ns)
{
	char text[48];
	if (plait_started_text(unix_ns, text, sizeof(text)))
		plait_json_string(json, "started", text);
	else
		plait_json_null(json, "started");
}

static void put_events(struct plait_json *json, const struct plait_profile *profile)
{
	plait_json_open(json, "events", '[');
	for (size_t i = 0; i < profile->events.count; i++) {
		const struct plait_profile_event *event = &profile->events.data[i];
		plait_json_open(json, NULL, '{');
		plait_json_string(json, "name", event->record.name);
		plait_json_string(json, "unit", event->record.unit_ns ? "ns" : "count");
		plait_json_number(json, "frequency", event->record.frequency);
		plait_json_number(json, "period", event->record.period);
		plait_json_string(json, "note", event->record.note);
		plait_json_number(json, "total", event->total);
		plait_json_bool(json, "counting", event->traits.counting);
		if (event->traits.leader == PLAIT_NONE)
			plait_json_null(json, "leader");
		else
			plait_json_number(json, "leader", event->traits.leader);
		plait_json_number(json, "precise", event->traits.precise);
		plait_json_number(json, "counted", event->count.value);
		plait_json_number(json, "enabled_ns", event->count.enabled);
		plait_json_number(json, "running_ns", event->count.running);
		plait_json_trust(json, "trust", &event->trust, false);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
}

static void put_threads(struct plait_json *json, const struct plait_profile *profile)
{
	plait_json_open(json, "processes", '[');
	for (size_t i = 0; i < profile->processes.count; i++) {
		const struct plait_record_process *process = &profile->processes.data[i].record;
		plait_json_open(json, NULL, '{');
		plait_json_number(json, "pid", process->pid);
		if (process->parent == PLAIT_NONE)
			plait_json_null(json, "parent");
		else
			plait_json_number(json, "parent", process->parent);
		plait_json_string(json, "name", process->name);
		plait_json_string(json, "command", process->command);
		plait_json_string(json, "python", process->python);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
	plait_json_open(json, "threads", '[');
	for (size_t i = 0; i < profile->threads.count; i++) {
		const struct plait_record_thread *thread = &profile->threads.data[i].record;
		plait_json_open(json, NULL, '{');
		plait_json_number(json, "tid", thread->tid);
		plait_json_number(json, "process", thread->process);
		plait_json_string(json, "name", thread->name);
		plait_json_close(json, '}');
	}
	plait_json_close(json, ']');
}

void plait_json_recording(struct plait_json *json, const struct plait_profile *profile)
{
	const struct plait_record_header *header = &profile->header;
	plait_json_open(json, "recording", '{');
	plait_json_string(json, "command", header->command);
	plait_json_string(json, "host", header->host);
	plait_json_string(json, "kernel", header->kernel);
	plait_json_string(json, "architecture", header->architecture);
	plait_json_string(json, "plait_version", header->plait_version);
	put_started(json, header->started_unix_ns);
	plait_json_seconds(json, "seconds", profile->duration);
	plait_json_string(json, "engine", header->engine);
	plait_json_number(json, "cpus", header->cpu_count);
	plait_json_bool(json, "cut", profile->cut);
	plait_json_number(json, "throttled", profile->throttled);
	put_events(json, profile);
	put_threads(json, profile);
	plait_json_open(json, "notes", '[');
	for (size_t i = 0; i < profile->notes.count; i++)
		plait_json_string(json, NULL, profile->notes.data[i]);
	plait_json_close(json, ']');
	plait_json_close(json, '}');
}
