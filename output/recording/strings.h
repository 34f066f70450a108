/*
 * The strings of a recording that is being read: bounded in memory, valid as long as the table.
 */
#ifndef PLAIT_OUTPUT_RECORDING_STRINGS_H
#define PLAIT_OUTPUT_RECORDING_STRINGS_H

#include "common/bytes.h"
#include "common/vec.h"

struct plait_strings {
	PLAIT_VEC(const char *) texts; /* by id; id 0 is "" */
	PLAIT_VEC(char *) pieces;      /* what the texts lie in: one a section */
	uint64_t memory;
};

enum plait_strings_status {
	PLAIT_STRINGS_OK,
	PLAIT_STRINGS_INVALID,
	PLAIT_STRINGS_TOO_LARGE, /* more than PLAIT_STRINGS_MAX in all */
	PLAIT_STRINGS_NO_MEMORY,
};

/* Adds the strings that a STRINGS section defines; an empty table gets its "" first. */
enum plait_strings_status plait_strings_add(struct plait_strings *strings, struct plait_bytes payload);

void plait_strings_release(struct plait_strings *strings);

#endif
