#include "cli/record/live_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *plait_format_bytes(uint64_t bytes, char ret[32])
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
	double value = (double)bytes;
	unsigned unit = 0;
	while (value >= 1000 && unit < 4) {
		value /= 1000;
		unit++;
	}
	snprintf(ret, 32, unit && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return ret;
}

const char *plait_format_number(uint64_t number, char ret[32])
{
	char digits[32];
	int size = snprintf(digits, sizeof(digits), "%" PRIu64, number);
	char *to = ret;
	for (int i = 0; i < size; i++) {
		if (i && (size - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return ret;
}

void plait_live_line_update(struct plait_live_line *line, const struct plait_live_figures *figures)
{
	if (!line->enabled)
		return;
	double elapsed = figures->seconds - line->last_seconds;
	if (elapsed > 0)
		line->rate = (double)(figures->samples - line->last_samples) / elapsed;
	line->last_seconds = figures->seconds;
	line->last_samples = figures->samples;
	char samples[32], rate[32], lost[32], size[32];
	fprintf(stderr, "\r\033[K  %.1f s   %s samples   %s/s   lost %s   %s", figures->seconds,
		plait_format_number(figures->samples, samples), plait_format_number((uint64_t)(line->rate + 0.5), rate),
		plait_format_number(figures->lost, lost), plait_format_bytes(figures->bytes, size));
	fflush(stderr);
	line->shown = true;
}

void plait_live_line_clear(struct plait_live_line *line)
{
	if (line->shown)
		fputs("\r\033[K", stderr);
	line->shown = false;
}
