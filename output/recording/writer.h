/*
 * Writing a recording: append-only, in self-contained compressed blocks. Killing the writer loses what was added since
 * the last flush; a flush happens by itself when a block is full, and the caller flushes at least once a second.
 * One thread uses a writer.
 */
#ifndef PLAIT_OUTPUT_RECORDING_WRITER_H
#define PLAIT_OUTPUT_RECORDING_WRITER_H

#include "common/error.h"
#include "output/recording/record.h"

struct plait_recording_writer;

/* Creates (or replaces) the recording at `path` and writes its header. An existing file that is not a plait recording
 * is refused (PLAIT_ERROR_INVALID, advice: another name or remove it), a directory too. "-" is refused. */
struct plait_error *plait_recording_writer_create(const char *path, const struct plait_record_header *header,
						  struct plait_recording_writer **ret);

/* Adds a definition; `*ret_id` is its index. EVENT, PROCESS, THREAD, MODULE, CODE: every call defines a new one.
 * Adds, without an id, THREAD_NAME, LOST, SYMBOL, NOTE, SAMPLE (ret_id may be NULL).
 * FRAME and NODE are interned: an equal one gives the earlier index. */
struct plait_error *plait_recording_writer_add(struct plait_recording_writer *writer, const struct plait_record *record,
					       uint32_t *ret_id);

/* Interns a stack of frame indexes, innermost first; `*ret_node` is its leaf node (PLAIT_NONE when count is 0). */
struct plait_error *plait_recording_writer_add_stack(struct plait_recording_writer *writer, const uint32_t *frames,
						     size_t count, uint32_t *ret_node);

/* Writes out what was added. A full disk is an error; what was written before stays readable, and writing may be tried
 * again. */
struct plait_error *plait_recording_writer_flush(struct plait_recording_writer *writer);

/* Bytes of the file so far. */
uint64_t plait_recording_writer_size(const struct plait_recording_writer *writer);

/* Writes the END record, flushes and closes. The writer is ended in any case. */
struct plait_error *plait_recording_writer_finish(struct plait_recording_writer *writer, uint64_t time);

/* Ends the writer without an END record (after a failure, or for a recording that is not whole); what was flushed
 * stays. NULL is allowed. */
void plait_recording_writer_abandon(struct plait_recording_writer *writer);

#endif
