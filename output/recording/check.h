/*
 * What the reader would refuse must not get into a file.
 */
#ifndef PLAIT_OUTPUT_RECORDING_CHECK_H
#define PLAIT_OUTPUT_RECORDING_CHECK_H

#include <stdbool.h>

#include "output/recording/format.h"

/* Whether `record` may be added after `counts` definitions of each kind. HEADER and END may not: they are not added. */
bool plait_record_is_valid(const uint32_t counts[PLAIT_SECTION_KINDS], const struct plait_record *record);

#endif
