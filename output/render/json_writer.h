/*
 * Writes JSON as it goes: no tree in memory. Valid whatever the strings hold.
 */
#ifndef PLAIT_OUTPUT_RENDER_JSON_WRITER_H
#define PLAIT_OUTPUT_RENDER_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Besides enum plait_quality, in what is written: the sample has no stack at all. */
#define PLAIT_QUALITY_NO_STACK (1U << 31)

struct plait_json {
	FILE *out;
	bool comma; /* a value was written before in this object or array */
};

/* `key` is NULL inside of an array; it is a literal, never out of a recording. */
void plait_json_open(struct plait_json *json, const char *key, char bracket);
/* The same with a key of any text. */
void plait_json_open_named(struct plait_json *json, const char *key, char bracket);
void plait_json_close(struct plait_json *json, char bracket);
void plait_json_number(struct plait_json *json, const char *key, uint64_t value);
void plait_json_signed(struct plait_json *json, const char *key, int64_t value);
/* Nine digits; `value` is finite. */
void plait_json_double(struct plait_json *json, const char *key, double value);
void plait_json_bool(struct plait_json *json, const char *key, bool value);
void plait_json_null(struct plait_json *json, const char *key);
/* Bytes that are not UTF-8 become U+FFFD. */
void plait_json_string(struct plait_json *json, const char *key, const char *text);
/* `ns` nanoseconds as seconds with nine decimals. */
void plait_json_seconds(struct plait_json *json, const char *key, uint64_t ns);
/* The set of enum plait_quality (and PLAIT_QUALITY_NO_STACK) as an array of words; empty: exact and complete. */
void plait_json_quality(struct plait_json *json, const char *key, uint32_t quality);

/* The word for the lowest bit of a quality, and the bit in `*ret_bit`; NULL: no known bit is set. */
const char *plait_quality_word(uint32_t quality, uint32_t *ret_bit);

#endif
