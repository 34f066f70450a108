/*
 * Costs put on single lines of Python source and on single instructions of machine code.
 */
#ifndef PLAIT_OUTPUT_MODEL_ANNOTATION_H
#define PLAIT_OUTPUT_MODEL_ANNOTATION_H

#include "output/model/selection.h"

/* Sums of periods. A stack counts once in `total` however often the line or instruction is in it. */
struct plait_cost {
	uint64_t own;	  /* Python: no other Python frame was inside of it; code: the instruction that ran */
	uint64_t total;	  /* with all that it called */
	uint64_t samples; /* in `own` */
};

struct plait_line_cost {
	int32_t line;
	struct plait_cost cost;
};

/* A part of a line, as the traceback of CPython 3.11 and later marks it. Columns count bytes of UTF-8 from 0. */
struct plait_span_cost {
	int32_t line, end_line, column, end_column;
	struct plait_cost cost;
};

/* A native or kernel function that samples fell into while the lines asked for were the innermost Python frames. */
struct plait_native_cost {
	uint32_t frame; /* one of its frames: module, bounds */
	uint32_t label;
	uint64_t weight, samples;
};

/* Which Python frames: of this file, of the function with this name or qualified name (NULL: any), on this line (0:
 * any).
 */
struct plait_source_query {
	const char *file;
	const char *function;
	int32_t line;
};

struct plait_source_annotation {
	PLAIT_VEC(struct plait_line_cost) lines;     /* of the file and function, ascending */
	PLAIT_VEC(struct plait_span_cost) spans;     /* ascending by line, column; none before 3.11 */
	PLAIT_VEC(struct plait_native_cost) natives; /* of the file, function and line, in falling order */
	struct plait_cost cost;			     /* of the file, function and line together */
	int32_t first_line;			     /* of the function's definition; 0: whole file */
	uint64_t all;				     /* of all selected samples */
};

/* Computes what each line that `query` asks for has cost. Release `ret` in any case. */
struct plait_error *plait_source_annotate(const struct plait_profile *profile, const struct plait_selection *selection,
					  const struct plait_source_query *query, struct plait_source_annotation *ret);
void plait_source_annotation_release(struct plait_source_annotation *annotation);

/* What a piece of code is to be annotated with, one instruction each. */
struct plait_code_row {
	uint32_t offset, size; /* bytes from the function's start */
	const char *mnemonic, *operands;
	bool is_jump, is_call, has_target;
	uint64_t target;	 /* ELF virtual address */
	const char *target_name; /* "": not known */
	const char *file;	 /* source; "": not known */
	uint32_t line;
	struct plait_cost cost;
};

struct plait_code_annotation {
	uint32_t module; /* index in profile.modules */
	uint64_t start;	 /* ELF virtual address */
	uint32_t size;
	const char *name;
	bool bundled;			       /* the code is from the recording, not from a file of this host */
	PLAIT_VEC(struct plait_code_row) rows; /* ascending, without holes; texts are borrowed */
	struct plait_cost cost;		       /* of the function */
	uint64_t all;			       /* of all selected samples */
	bool exact; /* samples name the very instruction that caused the event; else one after it */
};

/* Fills the costs of `annotation`, whose module, start, size and rows are there. */
struct plait_error *plait_code_annotate(const struct plait_profile *profile, const struct plait_selection *selection,
					struct plait_code_annotation *annotation);
void plait_code_annotation_release(struct plait_code_annotation *annotation);

#endif
