/*
 * Reading a recording. Every byte is treated as hostile: no crash, no unbounded memory, a clear message. All indexes in
 * the records that come out are valid (point to something defined before).
 */
#ifndef PLAIT_OUTPUT_RECORDING_READER_H
#define PLAIT_OUTPUT_RECORDING_READER_H

#include "common/error.h"
#include "output/recording/record.h"

struct plait_recording_reader;

/* Opens a recording. PLAIT_ERROR_INVALID: not a plait recording, or damaged in its header; PLAIT_ERROR_UNSUPPORTED:
 * written by a newer plait. */
struct plait_error *plait_recording_reader_open(const char *path, struct plait_recording_reader **ret);
/* The same from memory (`data` is borrowed until destroy). */
struct plait_error *plait_recording_reader_open_memory(const void *data, size_t size,
						       struct plait_recording_reader **ret);
void plait_recording_reader_destroy(struct plait_recording_reader *reader);

/* The next record, `*ret_more` false at the end. A recording that was cut off (no END record, or a last block that is
 * not whole) ends normally; see plait_recording_reader_cut(). A damaged block is an error: what came before it was
 * good. */
struct plait_error *plait_recording_reader_next(struct plait_recording_reader *reader, struct plait_record *ret,
						bool *ret_more);

/* After the last record: the recording has no END record. */
bool plait_recording_reader_cut(const struct plait_recording_reader *reader);

#endif
