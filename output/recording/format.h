/*
 * The constants of the file format; docs/recording-format.md is their specification. Private to this folder (tests and
 * fuzz targets may use it too). All numbers in a recording are little-endian.
 */
#ifndef PLAIT_OUTPUT_RECORDING_FORMAT_H
#define PLAIT_OUTPUT_RECORDING_FORMAT_H

#include "output/recording/record.h"

/*
 * File header:  0 magic[8]   8 u16 major   10 u16 minor   12 u32 flags
 * The magic's first byte is no text, its last two show a conversion of line ends.
 */
#define PLAIT_RECORDING_MAGIC "\x89PLAIT\r\n"
#define PLAIT_RECORDING_MAGIC_SIZE 8
#define PLAIT_RECORDING_HEADER_SIZE 16
#define PLAIT_RECORDING_MAJOR 1 /* a reader refuses a higher one */
#define PLAIT_RECORDING_MINOR 1 /* a reader ignores it: only new kinds of section come with a higher one */
#define PLAIT_RECORDING_FLAGS 0 /* a reader refuses flags that it does not know */

/*
 * Block header:  0 u32 magic   4 u32 sequence   8 u32 compressed size   12 u32 content size
 *               16 u32 CRC-32 of the compressed bytes   20 u32 CRC-32 of the 20 bytes before
 * Two checksums, so that a flipped length is told apart from a file that was cut off.
 */
#define PLAIT_BLOCK_MAGIC 0x4b4c4250u /* "PBLK" */
#define PLAIT_BLOCK_HEADER_SIZE 24

#define PLAIT_BLOCK_CONTENT_MAX (64u << 20)   /* bytes a block's content may have */
#define PLAIT_BLOCK_CONTENT_GOAL (256u << 10) /* the writer ends a block when this much is pending */
#define PLAIT_STRING_MAX (1u << 20)	      /* bytes of one string */
#define PLAIT_STRINGS_MAX (256u << 20)	      /* memory of all strings: their bytes, and 16 for each */
#define PLAIT_SYMBOL_FUNCTIONS_MAX 65535
#define PLAIT_READS_MAX 256	     /* counters of one sample */
#define PLAIT_SOURCE_MAX (16u << 20) /* bytes of a source file that is bundled */
#define PLAIT_FUNCTION_CODE_MAX (1u << 20)
#define PLAIT_FUNCTION_LINES_MAX (1u << 20)
#define PLAIT_SAMPLE_TIME_MAX_US (UINT64_MAX / 1000)

/* A section's kind is the kind of its records (enum plait_record_kind), or this for definitions of strings. */
#define PLAIT_SECTION_STRINGS 0
#define PLAIT_SECTION_DETAILS 17 /* output/recording/details.h */
#define PLAIT_SECTION_KINDS (PLAIT_RECORD_FUNCTION + 1)

/* Columns of a SAMPLE section, in this order. An empty column but the first stands for zeros. */
enum plait_sample_column {
	PLAIT_COLUMN_LANE,    /* index of a (thread, event) pair of this section; the next free one: a new pair */
	PLAIT_COLUMN_PAIR,    /* for each new lane: thread, event */
	PLAIT_COLUMN_QUALITY, /* quality XOR the lane's last */
	PLAIT_COLUMN_PERIOD,  /* zigzag of period - the lane's last */
	PLAIT_COLUMN_FIRST,   /* for each node on its first use: zigzag of (node + 1) - the one before */
	PLAIT_COLUMN_TIME,    /* zigzag of microseconds - prediction, see struct plait_lane */
	PLAIT_COLUMN_NODE,    /* 0 the lane's last, 1 the next of FIRST, n + 2 the n-th of FIRST */
	PLAIT_COLUMN_COUNT,
};

#endif
