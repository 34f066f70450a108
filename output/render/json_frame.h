/*
 * A frame in JSON, the same in the json report and in `plait script --format json`.
 */
#ifndef PLAIT_OUTPUT_RENDER_JSON_FRAME_H
#define PLAIT_OUTPUT_RENDER_JSON_FRAME_H

#include "output/model/label.h"
#include "output/render/json_writer.h"

/* Writes `label` as an object: docs/formats.md. */
void plait_json_frame(struct plait_json *json, const char *key, const struct plait_label *label);

#endif
