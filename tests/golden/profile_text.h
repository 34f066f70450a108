/*
 * Profiles written by hand, for tests. One statement a line; "\xNN" stands for a byte, '#' begins a comment line:
 *
 *     header COMMAND                      end SECONDS             lost N        throttled N       note TEXT
 *     event NAME ns|count HZ [NOTE]       (HZ 0: a period of 1000)
 *     process PID NAME [PYTHON]           thread TID NAME         name NEW-NAME (of the thread)
 *     traits LEADER|- sampling|counting PRECISE           count VALUE ENABLED RUNNING (both of the event before it)
 *     metric NAME (first of all)          reads V V ... (of the events from 0 on, for the samples that follow)
 *     data SOURCE LATENCY ADDRESS (for the samples that follow; "data -": none)
 *     sample COUNT PERIOD QUALITY FRAMES  of the event and thread before it; QUALITY: "-" or letters of "cdgtum"
 *
 * FRAMES, outermost first, separated by " | ": "py QUALNAME FILE LINE [FIRST-LINE]", "n SYMBOL[,INLINED...] MODULE"
 * (SYMBOL "?": no name), "k SYMBOL", "gap", "truncated", "unmerged"; "*N " in front repeats a frame.
 */
#ifndef PLAIT_TESTS_GOLDEN_PROFILE_TEXT_H
#define PLAIT_TESTS_GOLDEN_PROFILE_TEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/frame.h"
#include "output/model/timeline.h"

/* What `reads` and `data` have set. */
struct profile_text_details {
	struct plait_record_read reads[8];
	uint32_t read_count, details;
	unsigned long long source, latency, address;
};

/* Ends the test when what is written in it is wrong (assert() is off in release builds). */
static inline void profile_text_require(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "profile text: %s\n", what);
		abort();
	}
}

/* Decodes "\xNN" in place. */
static inline char *profile_text_decode(char *text)
{
	char *to = text;
	for (char *at = text; at && *at; to++) {
		unsigned int byte;
		int used = 0;
		if (sscanf(at, "\\x%2x%n", &byte, &used) == 1 && used == 4)
			*to = (char)byte, at += 4;
		else
			*to = *at++;
	}
	*to = '\0';
	return text;
}

static inline uint32_t profile_text_apply(struct plait_profile *profile, struct plait_record record, size_t count)
{
	record.id = (uint32_t)count;
	struct plait_error *error = plait_profile_apply(profile, &record);
	profile_text_require(!error, error ? error->message : "");
	return record.id;
}

/* "n SYMBOL,INLINED MODULE" and "k SYMBOL"; each call makes a new frame, at a new address. */
static inline void profile_text_native(struct plait_profile *profile, struct plait_record_frame frame, char *symbols,
				       char *path)
{
	struct plait_record_symbol_function functions[8];
	struct plait_record module = { .kind = PLAIT_RECORD_MODULE, .module = { .path = profile_text_decode(path) } };
	if (frame.kind == PLAIT_FRAME_NATIVE)
		frame.module = profile_text_apply(profile, module, profile->modules.count);
	frame.address = 0x1000 + 16 * profile->frames.count;
	struct plait_record record = { .kind = PLAIT_RECORD_FRAME, .frame = frame };
	uint32_t id = profile_text_apply(profile, record, profile->frames.count);
	uint32_t count = 0;
	char *rest = strcmp(symbols, "?") == 0 ? NULL : symbols;
	for (char *name; rest && count < 8 && (name = strsep(&rest, ",")); count++) /* outermost first in the text */
		functions[count] = (struct plait_record_symbol_function) { profile_text_decode(name), "", 0 };
	for (uint32_t i = 0; i < count / 2; i++) {
		struct plait_record_symbol_function swapped = functions[i];
		functions[i] = functions[count - 1 - i];
		functions[count - 1 - i] = swapped;
	}
	record = (struct plait_record) { .kind = PLAIT_RECORD_SYMBOL, .symbol = { id, 0, 0, functions, count } };
	profile_text_apply(profile, record, 0);
}

static inline void profile_text_frame(struct plait_profile *profile, char *text)
{
	char kind[16] = "", a[256] = "", b[256] = "";
	int line = 0, first = 0;
	sscanf(text, "%15s %255s %255s %d %d", kind, a, b, &line, &first);
	struct plait_record record = { .kind = PLAIT_RECORD_FRAME,
				       .frame = { .module = PLAIT_NONE, .process = PLAIT_NONE } };
	if (strcmp(kind, "py") == 0) {
		struct plait_record code = { .kind = PLAIT_RECORD_CODE,
					     .code = { "", profile_text_decode(a), profile_text_decode(b), first } };
		record.frame.kind = PLAIT_FRAME_PYTHON;
		record.frame.code = profile_text_apply(profile, code, profile->codes.count);
		record.frame.line = line;
	} else if (strcmp(kind, "n") == 0 || strcmp(kind, "k") == 0) {
		record.frame.kind = *kind == 'n' ? PLAIT_FRAME_NATIVE : PLAIT_FRAME_KERNEL;
		profile_text_native(profile, record.frame, a, b);
		return;
	} else {
		profile_text_require(strcmp(kind, "gap") == 0 || strcmp(kind, "truncated") == 0 ||
					     strcmp(kind, "unmerged") == 0,
				     text);
		record.frame.kind = *kind == 'g'   ? PLAIT_FRAME_GAP
				    : *kind == 't' ? PLAIT_FRAME_TRUNCATED
						   : PLAIT_FRAME_UNMERGED;
	}
	profile_text_apply(profile, record, profile->frames.count);
}

/* "FRAME | FRAME": returns the leaf node. */
static inline uint32_t profile_text_stack(struct plait_profile *profile, char *text)
{
	uint32_t node = PLAIT_NONE;
	while (text && *text) {
		char *end = strstr(text, " | ");
		if (end)
			*end = '\0';
		int repeats = 1, used = 0;
		sscanf(text, " *%d %n", &repeats, &used);
		profile_text_frame(profile, text + used);
		for (; repeats > 0; repeats--) {
			struct plait_record record = { .kind = PLAIT_RECORD_NODE,
						       .node = { node, (uint32_t)profile->frames.count - 1 } };
			node = profile_text_apply(profile, record, profile->nodes.count);
		}
		text = end ? end + 3 : NULL;
	}
	return node;
}

static inline void profile_text_sample(struct plait_profile *profile, const struct profile_text_details *details,
				       char *text)
{
	unsigned long long count, period;
	char quality[16];
	int used = 0;
	profile_text_require(sscanf(text, "%llu %llu %15s %n", &count, &period, quality, &used) == 3, text);
	struct plait_record record = { .kind = PLAIT_RECORD_SAMPLE };
	for (const char *at = quality; *at && *at != '-'; at++)
		record.sample.quality |= 1U << (strchr("cdgtum", *at) - "cdgtum");
	record.sample.node = profile_text_stack(profile, text + used);
	record.sample.thread = (uint32_t)profile->threads.count - 1;
	record.sample.event = (uint32_t)profile->events.count - 1;
	record.sample.period = period;
	record.sample.details = details->details;
	record.sample.data_source = details->source;
	record.sample.latency = details->latency;
	record.sample.address = details->address;
	record.sample.reads = details->read_count ? details->reads : NULL;
	record.sample.read_count = details->read_count;
	if (details->read_count)
		record.sample.event = 0;
	for (; count > 0; count--)
		profile_text_apply(profile, record, 0);
}

#include "golden/profile_statements.h"

/* The read function of a struct plait_sample_feed over a profile: each kind of sample of the profile, `count` times, as
 * if a second apart. */
static inline struct plait_error *profile_text_feed(void *context, plait_sample_take take, void *taker)
{
	const struct plait_profile *profile = context;
	for (uint32_t i = 0; i < profile->samples.count; i++) {
		const struct plait_profile_sample *of = &profile->samples.data[i];
		struct plait_record_sample sample = { .time = 1000001000 * (uint64_t)i,
						      .thread = of->thread,
						      .event = of->event,
						      .period = of->weight / of->count,
						      .node = of->node,
						      .quality = of->quality };
		PLAIT_TRY(take(taker, &sample));
	}
	return NULL;
}

#endif
