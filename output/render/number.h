/*
 * Numbers for people. Each writes into `ret` and returns it; no locale is used.
 */
#ifndef PLAIT_OUTPUT_RENDER_NUMBER_H
#define PLAIT_OUTPUT_RENDER_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "output/model/metric.h"

enum { PLAIT_NUMBER_SIZE = 32 };

/* "11,873". */
const char *plait_number_count(uint64_t count, char ret[PLAIT_NUMBER_SIZE]);

/* "99.98 %": never 100 unless it is all, never 0 unless it is nothing (">99.99 %", "<0.01 %"). */
const char *plait_number_percent(uint64_t part, uint64_t whole, char ret[PLAIT_NUMBER_SIZE]);

/* "60.7", one decimal, at most "100.0"; "" for nothing of something. */
const char *plait_number_share(uint64_t part, uint64_t whole, char ret[PLAIT_NUMBER_SIZE]);

/* A sum of periods: "7.21 s", "430 ms" (unit_ns), else a count. */
const char *plait_number_amount(uint64_t amount, bool unit_ns, char ret[PLAIT_NUMBER_SIZE]);

/* The same in at most 7 columns: "98,765", "1.23 M". */
const char *plait_number_brief(uint64_t amount, bool unit_ns, char ret[PLAIT_NUMBER_SIZE]);

/* A metric with its error, "1.02 ±0.05", "88 ±18 e-6" ("+-" for the sign with `ascii`); "?" when too few samples stand
 * behind it. */
const char *plait_number_ratio(const struct plait_ratio *ratio, const struct plait_metric *metric, bool ascii,
			       char ret[PLAIT_NUMBER_SIZE]);

#endif
