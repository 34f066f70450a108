/*
 * A frame in JSON, the same in the json report and in `plait script --format json`.
 */
#ifndef PLAIT_OUTPUT_RENDER_JSON_FRAME_H
#define PLAIT_OUTPUT_RENDER_JSON_FRAME_H

#include "output/model/selection.h"
#include "output/render/json_writer.h"

/* Writes `label` as an object: docs/formats.md. */
void plait_json_frame(struct plait_json *json, const char *key, const struct plait_label *label);

/* The profile's metric as member "metric": in all, by function, by Python line (json_metric.c). */
struct plait_error *plait_json_metric(struct plait_json *json, const struct plait_profile *profile,
				      const struct plait_selection *selection);

#endif
