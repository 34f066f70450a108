/*
 * The line that `record` keeps up to date on a terminal: seconds, samples, rate, lost, size.
 */
#ifndef PLAIT_CLI_LIVE_LINE_H
#define PLAIT_CLI_LIVE_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct plait_live_line {
	bool enabled; /* stderr is a terminal and the user wants it */
	bool shown;
	uint64_t last_samples;
	double last_seconds;
	double rate;
};

struct plait_live_figures {
	double seconds;
	uint64_t samples, lost, bytes;
};

/* Redraws the line. */
void plait_live_line_update(struct plait_live_line *line, const struct plait_live_figures *figures);

/* Erases the line, so that other output can follow. */
void plait_live_line_clear(struct plait_live_line *line);

/* Writes `bytes` as "148 KB" into `ret`. Returns ret. */
const char *plait_format_bytes(uint64_t bytes, char ret[32]);

/* Writes `number` with commas between thousands into `ret`. Returns ret. */
const char *plait_format_number(uint64_t number, char ret[32]);

#endif
