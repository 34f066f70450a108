/*
 * A comparison as text, JSON or a page. JSON is a stable format: docs/compare.md.
 */
#ifndef PLAIT_OUTPUT_RENDER_DIFF_DIFF_H
#define PLAIT_OUTPUT_RENDER_DIFF_DIFF_H

#include "output/model/compare/gate.h"
#include "output/render/render.h"

/* What is written. */
struct plait_diff {
	const struct plait_comparison *comparison;
	const struct plait_gate *gate; /* its result below; no limits: nothing is written of it */
	const struct plait_gate_result *result;
	bool functions, lines; /* text: which tables */
};

/* Writes the comparison. `out` is not flushed and not closed; an error of its own is looked for and given. */
struct plait_error *plait_diff_text(const struct plait_diff *diff, const struct plait_render_options *options,
				    FILE *out);
struct plait_error *plait_diff_json(const struct plait_diff *diff, FILE *out);
struct plait_error *plait_diff_html(const struct plait_diff *diff, FILE *out);

/* The document of plait_diff_json(); `tree`: with a member "nodes", both sides' stacks. */
void plait_diff_document(const struct plait_diff *diff, bool tree, FILE *out);

/* The word that stands for a verdict in JSON: "slower", "undecided". */
const char *plait_diff_verdict(enum plait_compare_verdict verdict);

#endif
