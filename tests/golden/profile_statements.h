/*
 * The statements of profile_text.h.
 */
#ifndef PLAIT_TESTS_GOLDEN_PROFILE_STATEMENTS_H
#define PLAIT_TESTS_GOLDEN_PROFILE_STATEMENTS_H

#include "golden/profile_text.h"

static inline void profile_text_reads(struct profile_text_details *details, char *rest)
{
	details->read_count = 0;
	for (char *number; (number = strsep(&rest, " "));)
		if (*number && details->read_count < 8) {
			details->reads[details->read_count] =
				(struct plait_record_read) { details->read_count, strtoull(number, NULL, 10) };
			details->read_count++;
		}
}

static inline void profile_text_data(struct profile_text_details *details, const char *rest)
{
	int got = sscanf(rest, "%llx %llu %llx", &details->source, &details->latency, &details->address);
	details->details = got == 3 ? PLAIT_DETAIL_DATA_SOURCE | PLAIT_DETAIL_LATENCY | PLAIT_DETAIL_ADDRESS : 0;
}

static inline void profile_text_traits(struct plait_profile *profile, const char *rest)
{
	char leader[16] = "", kind[16] = "";
	int precise = 0;
	profile_text_require(sscanf(rest, "%15s %15s %d", leader, kind, &precise) == 3, rest);
	struct plait_record record = { .kind = PLAIT_RECORD_EVENT_TRAITS,
				       .event_traits = { .event = (uint32_t)profile->events.count - 1,
							 .leader = *leader == '-' ? PLAIT_NONE : (uint32_t)atoi(leader),
							 .counting = strcmp(kind, "counting") == 0,
							 .precise = (uint8_t)precise } };
	profile_text_apply(profile, record, 0);
}

static inline void profile_text_count(struct plait_profile *profile, const char *rest)
{
	unsigned long long value = 0, enabled = 0, running = 0;
	profile_text_require(sscanf(rest, "%llu %llu %llu", &value, &enabled, &running) == 3, rest);
	struct plait_record record = {
		.kind = PLAIT_RECORD_COUNT,
		.count = { (uint32_t)profile->events.count - 1, value, enabled, running },
	};
	profile_text_apply(profile, record, 0);
}

/* Statements that make no record, or one that needs no more than its numbers. */
static inline bool profile_text_more(struct plait_profile *profile, struct profile_text_details *details,
				     const char *word, char *rest)
{
	if (strcmp(word, "reads") == 0)
		profile_text_reads(details, rest);
	else if (strcmp(word, "data") == 0)
		profile_text_data(details, rest);
	else if (strcmp(word, "traits") == 0)
		profile_text_traits(profile, rest);
	else if (strcmp(word, "count") == 0)
		profile_text_count(profile, rest);
	else if (strcmp(word, "metric") == 0)
		profile_text_require(!plait_profile_want_metric(profile, rest), rest);
	else if (strcmp(word, "sample") == 0)
		profile_text_sample(profile, details, rest);
	else
		return false;
	return true;
}

static inline void profile_text_statement(struct plait_profile *profile, struct profile_text_details *details,
					  const char *word, char *rest)
{
	if (profile_text_more(profile, details, word, rest))
		return;
	struct plait_record record = { .kind = 0 };
	char name[256] = "", unit[16] = "";
	unsigned long long number = 0;
	int used = 0;
	size_t count = 0;
	if (strcmp(word, "header") == 0) {
		record.kind = PLAIT_RECORD_HEADER;
		record.header = (struct plait_record_header) {
			.command = profile_text_decode(rest),
			.host = "lab",
			.kernel = "6.18",
			.architecture = "x86_64",
			.plait_version = "0.1.0",
			.engine = "bpf",
			.started_unix_ns = 1767323045123456789,
			.cpu_count = 2,
		};
	} else if (strcmp(word, "event") == 0) {
		sscanf(rest, "%255s %15s %llu %n", name, unit, &number, &used);
		record.kind = PLAIT_RECORD_EVENT;
		record.event = (struct plait_record_event) { profile_text_decode(name), strcmp(unit, "ns") == 0, number,
							     number ? 0 : 1000, rest + used };
		count = profile->events.count;
	} else if (strcmp(word, "process") == 0) {
		sscanf(rest, "%llu %255s %n", &number, name, &used);
		record.kind = PLAIT_RECORD_PROCESS;
		record.process = (struct plait_record_process) { (uint32_t)number,	    PLAIT_NONE, 0,
								 profile_text_decode(name), "",		rest + used };
		count = profile->processes.count;
	} else if (strcmp(word, "thread") == 0) {
		sscanf(rest, "%llu %255s", &number, name);
		record.kind = PLAIT_RECORD_THREAD;
		record.thread = (struct plait_record_thread) { (uint32_t)profile->processes.count - 1, (uint32_t)number,
							       profile_text_decode(name) };
		count = profile->threads.count;
	} else if (strcmp(word, "name") == 0) {
		record.kind = PLAIT_RECORD_THREAD_NAME;
		record.thread_name.thread = (uint32_t)profile->threads.count - 1;
		record.thread_name.name = profile_text_decode(rest);
	} else if (strcmp(word, "lost") == 0 || strcmp(word, "throttled") == 0) {
		record.kind = PLAIT_RECORD_LOST;
		record.lost.count = strtoull(rest, NULL, 10);
		record.lost.throttled = *word == 't';
	} else if (strcmp(word, "note") == 0) {
		record.kind = PLAIT_RECORD_NOTE;
		record.note.text = profile_text_decode(rest);
	} else if (strcmp(word, "end") == 0) {
		record.kind = PLAIT_RECORD_END;
		record.end.time = (uint64_t)(strtod(rest, NULL) * 1e9 + 0.5);
	} else {
		profile_text_require(false, word);
	}
	profile_text_apply(profile, record, count);
}

/* Applies the statements of `text` to `profile`. */
static inline void profile_text_apply_all(struct plait_profile *profile, const char *text)
{
	char *copy = strdup(text), *rest = copy;
	struct profile_text_details details = { .read_count = 0 };
	for (char *line; (line = strsep(&rest, "\n"));) {
		line += strspn(line, " \t");
		char *word = strsep(&line, " ");
		if (*word && *word != '#')
			profile_text_statement(profile, &details, word, line ? line : word + strlen(word));
	}
	free(copy);
}

/* A finished profile of `text`. */
static inline struct plait_profile *profile_text_create(const char *text)
{
	struct plait_profile *profile = plait_profile_create();
	profile_text_require(profile != NULL, "out of memory");
	profile_text_apply_all(profile, text);
	struct plait_error *error = plait_profile_finish(profile, NULL, NULL);
	profile_text_require(!error, "cannot finish");
	return profile;
}

#endif
