/*
 * What a page knows of samples: the call tree and its cells. A sequence of LEB128 numbers, which data.js reads. Like
 * numbers follow one another, so that they compress well: a million different stacks must fit.
 *
 *   edges   number of labels with successors; for each its label + 1 (0: the root), their number, their labels:
 *           the label called most often first
 *   nodes   number without the root, in depth-first order; of each how many levels up it lies from a callee of the
 *           one before; then of each its place among the successors of its caller's label
 *   times   number of buckets, ns in one, number of cells
 *   cells   of each lane its number of nodes with cells; of each such node its distance from the one before on that
 *           lane; then its number of cells less 1; of each cell its bucket's distance from the one before at that
 *           node; then 2 * samples, plus 1 when the weight is not samples * the event's period; then such weights
 */
#ifndef PLAIT_OUTPUT_RENDER_HTML_PAGE_DATA_H
#define PLAIT_OUTPUT_RENDER_HTML_PAGE_DATA_H

#include <stdio.h>

#include "output/model/timeline.h"

struct plait_error *plait_page_data_put(const struct plait_timeline *timeline, FILE *out);

#endif
