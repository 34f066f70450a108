#include "output/render/json_writer.h"

#include <inttypes.h>
#include <string.h>

#include "common/frame.h"
#include "output/model/utf8.h"

static void put_text(FILE *out, const char *text)
{
	putc_unlocked('"', out);
	while (*text) {
		uint32_t point;
		size_t length = plait_utf8_decode(text, &point);
		if (!length)
			fputs_unlocked("\xef\xbf\xbd", out); /* U+FFFD */
		else if (point == '"' || point == '\\')
			fprintf(out, "\\%c", (char)point);
		else if (plait_utf8_is_control(point)) /* more than JSON asks for: it may go to a terminal */
			fprintf(out, "\\u%04" PRIx32, point);
		else
			fwrite_unlocked(text, 1, length, out);
		text += length ? length : 1;
	}
	putc_unlocked('"', out);
}

/* What comes before any value. */
static void begin(struct plait_json *json, const char *key)
{
	if (json->comma)
		putc_unlocked(',', json->out);
	json->comma = true;
	if (key)
		fprintf(json->out, "\"%s\":", key);
}

void plait_json_open(struct plait_json *json, const char *key, char bracket)
{
	begin(json, key);
	putc_unlocked(bracket, json->out);
	json->comma = false;
}

void plait_json_open_named(struct plait_json *json, const char *key, char bracket)
{
	begin(json, NULL);
	put_text(json->out, key);
	putc_unlocked(':', json->out);
	putc_unlocked(bracket, json->out);
	json->comma = false;
}

void plait_json_close(struct plait_json *json, char bracket)
{
	putc_unlocked(bracket, json->out);
	json->comma = true;
}

void plait_json_number(struct plait_json *json, const char *key, uint64_t value)
{
	begin(json, key);
	fprintf(json->out, "%" PRIu64, value);
}

void plait_json_signed(struct plait_json *json, const char *key, int64_t value)
{
	begin(json, key);
	fprintf(json->out, "%" PRId64, value);
}

void plait_json_double(struct plait_json *json, const char *key, double value)
{
	begin(json, key);
	fprintf(json->out, "%.9g", value);
}

void plait_json_bool(struct plait_json *json, const char *key, bool value)
{
	begin(json, key);
	fputs(value ? "true" : "false", json->out);
}

void plait_json_null(struct plait_json *json, const char *key)
{
	begin(json, key);
	fputs("null", json->out);
}

void plait_json_string(struct plait_json *json, const char *key, const char *text)
{
	begin(json, key);
	put_text(json->out, text);
}

void plait_json_seconds(struct plait_json *json, const char *key, uint64_t ns)
{
	begin(json, key);
	fprintf(json->out, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

const char *plait_quality_word(uint32_t quality, uint32_t *ret_bit)
{
	static const struct {
		uint32_t bit;
		const char *word;
	} words[] = {
		{ PLAIT_QUALITY_CHECKED, "checked" },	{ PLAIT_QUALITY_DERIVED, "derived" },
		{ PLAIT_QUALITY_GAP, "gap" },		{ PLAIT_QUALITY_TRUNCATED, "truncated" },
		{ PLAIT_QUALITY_UNMERGED, "unmerged" }, { PLAIT_QUALITY_UNRESOLVED, "unresolved" },
		{ PLAIT_QUALITY_NO_STACK, "no_stack" },
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (quality & words[i].bit) {
			*ret_bit = words[i].bit;
			return words[i].word;
		}
	}
	return NULL;
}

void plait_json_quality(struct plait_json *json, const char *key, uint32_t quality)
{
	plait_json_open(json, key, '[');
	uint32_t bit;
	for (const char *word; (word = plait_quality_word(quality, &bit)); quality &= ~bit)
		plait_json_string(json, NULL, word);
	plait_json_close(json, ']');
}
