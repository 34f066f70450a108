/*
 * The statements of profile_text.h.
 */
#ifndef PLAIT_TESTS_GOLDEN_PROFILE_STATEMENTS_H
#define PLAIT_TESTS_GOLDEN_PROFILE_STATEMENTS_H

#include "golden/profile_text.h"

static inline void profile_text_statement(struct plait_profile *profile, const char *word, char *rest)
{
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
		profile_text_require(strcmp(word, "sample") == 0, word);
		profile_text_sample(profile, rest);
		return;
	}
	profile_text_apply(profile, record, count);
}

/* Applies the statements of `text` to `profile`. */
static inline void profile_text_apply_all(struct plait_profile *profile, const char *text)
{
	char *copy = strdup(text), *rest = copy;
	for (char *line; (line = strsep(&rest, "\n"));) {
		line += strspn(line, " \t");
		char *word = strsep(&line, " ");
		if (*word && *word != '#')
			profile_text_statement(profile, word, line ? line : word + strlen(word));
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
